"""Proofs that the torture notices what it is for: an fsync is left out, and the promise has to break."""

from __future__ import annotations

import random
from pathlib import Path
from unittest import mock

from lastgood.store.backend import local
from lastgood.store.backend.local import LocalBackend
from lastgood.testing.durability import broken_at_power_cuts
from tools.torture.disks import torture_disks
from tools.torture.power import torture_power
from tools.torture.tally import Tally

ENOUGH_CUTS = 60


def prove_file_fsync(folder: Path, seed: int) -> Tally:
    """Leave out the fsync of packs, and cut the power of a real file system until something is lost."""
    tried = torture_power(folder, cuts=ENOUGH_CUTS, seed=seed, shard=0, without_fsync=True)
    return _proved(tried.counts["power cuts"], tried.failures)


def prove_folder_fsync(folder: Path, seed: int) -> Tally:
    """Leave out the fsync of folders, and cut the power of a simulated disk; a later fsync on a real ext4 would hide it."""
    with mock.patch.object(local, "_fsync_folder", return_value=None):
        broken = broken_at_power_cuts(LocalBackend, folder, cuts=ENOUGH_CUTS, chance=random.Random(seed))
        # Of whole commands, too: what is forked from here leaves it out as well.
        tried = torture_disks(folder, cuts=ENOUGH_CUTS, seed=seed, shard=0, is_quiet=True)
    proved = _proved(ENOUGH_CUTS, broken)
    proved.add(_proved(tried.counts["simulated power cuts"], tried.failures))
    return proved


def _proved(cuts: int, broken: list[str]) -> Tally:
    tally = Tally({"power cuts": cuts, "promises broken, as they have to be": len(broken)})
    if not broken:
        tally.fail(f"{cuts} power cuts did not show that an fsync is left out")
    return tally
