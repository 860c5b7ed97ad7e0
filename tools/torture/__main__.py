"""Try to make lastgood lose something it acknowledged, serve a wrong byte, collect what is alive, or leave garbage.

    syscalls    every system call of the commands, killed or answered with EIO or ENOSPC (strace)
    power       power cuts on an ext4 of its own, shut down by ioctl (root, loop devices)
    disk        power cuts on a simulated disk that forgets all that no fsync covers (strace)
    flips       a flipped bit in every byte of a small registry
    schedules   writers, readers and the collector at once, stopped and let go at random

Each kind starts from a seed and says what it tried; a broken promise is printed at once and makes the exit code 1.
docs/torture.md tells the rest.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tools.torture.disks import torture_disks
from tools.torture.flips import torture_bits
from tools.torture.following import strace_works
from tools.torture.power import can_cut_power, torture_power
from tools.torture.proofs import prove_file_fsync, prove_folder_fsync
from tools.torture.schedules import torture_schedules
from tools.torture.syscalls import torture_system_calls
from tools.torture.tally import Tally, spread

_FAULTS_OF_A_SHARD = 400
_ROOM = 2 << 30
Kind = Callable[[argparse.Namespace, Path], Tally]


def _system_calls(options: argparse.Namespace, folder: Path) -> Tally:
    shards = max(options.jobs, options.faults // _FAULTS_OF_A_SHARD)
    work = partial(_system_call_shard, folder, options.faults, options.seed, shards)
    return spread(work, shards, options.jobs)


def _system_call_shard(folder: Path, faults: int, seed: int, shards: int, shard: int) -> Tally:
    return torture_system_calls(folder, faults=faults, seed=seed, shard=shard, shards=shards)


def _power(options: argparse.Namespace, folder: Path) -> Tally:
    return spread(partial(_power_shard, folder, options.seed, options.cuts, options.jobs), options.jobs, options.jobs)


def _power_shard(folder: Path, seed: int, cuts: int, shards: int, shard: int) -> Tally:
    return torture_power(folder, cuts=_share(cuts, shards, shard), seed=seed, shard=shard)


def _disk(options: argparse.Namespace, folder: Path) -> Tally:
    return spread(partial(_disk_shard, folder, options.seed, options.disk_cuts, options.jobs), options.jobs, options.jobs)


def _disk_shard(folder: Path, seed: int, cuts: int, shards: int, shard: int) -> Tally:
    return torture_disks(folder, cuts=_share(cuts, shards, shard), seed=seed, shard=shard)


def _flips(options: argparse.Namespace, folder: Path) -> Tally:
    shards = options.jobs
    return spread(partial(_flips_shard, folder, options.seed, options.flips, shards), shards, options.jobs)


def _flips_shard(folder: Path, seed: int, flips: int, shards: int, shard: int) -> Tally:
    return torture_bits(folder, seed=seed, shard=shard, shards=shards, flips=flips or None)


def _schedules(options: argparse.Namespace, folder: Path) -> Tally:
    return spread(partial(_schedules_shard, folder, options.seed, options.schedules, options.jobs), options.jobs, options.jobs)


def _schedules_shard(folder: Path, seed: int, schedules: int, shards: int, shard: int) -> Tally:
    return torture_schedules(folder, schedules=_share(schedules, shards, shard), seed=seed, shard=shard)


def _share(total: int, shards: int, shard: int) -> int:
    return total // shards + (shard < total % shards)


KINDS: dict[str, Kind] = {"syscalls": _system_calls, "power": _power, "disk": _disk, "flips": _flips, "schedules": _schedules}
NEEDS: dict[str, tuple[Callable[[], bool], str]] = {
    "syscalls": (strace_works, "strace, and the right to follow processes with it"),
    "disk": (strace_works, "strace, and the right to follow processes with it"),
    "power": (can_cut_power, "root, loop devices and e2fsprogs"),
    "prove-folder-fsync": (strace_works, "strace, and the right to follow processes with it"),
    "prove-file-fsync": (can_cut_power, "root, loop devices and e2fsprogs"),
}


def main(arguments: list[str]) -> int:
    """Try what is asked for; return the exit code."""
    options = _parse(arguments)
    chosen: dict[str, Kind] = {kind: KINDS[kind] for kind in options.only or KINDS}
    if options.prove_file_fsync or options.prove_folder_fsync:
        chosen = {}
    if options.prove_file_fsync:
        chosen["prove-file-fsync"] = lambda given, folder: prove_file_fsync(folder, given.seed)
    if options.prove_folder_fsync:
        chosen["prove-folder-fsync"] = lambda given, folder: prove_folder_fsync(folder, given.seed)
    for kind in chosen:
        if kind in NEEDS and not NEEDS[kind][0]():
            print(f"{kind} needs {NEEDS[kind][1]}", file=sys.stderr)
            return 2
    report = {kind: _torture(kind, chosen[kind], options) for kind in chosen}
    if options.json is not None:
        options.json.write_text(json.dumps({"schema": "lastgood.torture/1", "seed": options.seed, "kinds": report}, indent=2) + "\n")
    return 1 if any(one["failures"] for one in report.values()) else 0


def _torture(name: str, kind: Kind, options: argparse.Namespace) -> dict[str, object]:
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(dir=options.folder, prefix="torture-"))
    tally = kind(options, folder)
    seconds = round(time.monotonic() - began, 1)
    if tally.failures:
        print(f"{name}: what it happened to is left in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{name}: {seconds} s, {len(tally.failures)} promises broken")
    for what, count in sorted(tally.counts.items()):
        print(f"  {count:>9,} {what}")
    return {"seconds": seconds, "counts": dict(sorted(tally.counts.items())), "failures": tally.failures}


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="torture", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=10_000, metavar="N", help="faults in system calls [%(default)s]")
    parser.add_argument("--cuts", type=int, default=1_000, metavar="N", help="power cuts [%(default)s]")
    parser.add_argument("--disk-cuts", type=int, default=2_000, metavar="N", help="simulated power cuts [%(default)s]")
    parser.add_argument("--flips", type=int, default=0, metavar="N", help="flipped bits, spread evenly [one in every byte]")
    parser.add_argument("--schedules", type=int, default=1_000, metavar="N", help="schedules [%(default)s]")
    parser.add_argument("--only", choices=KINDS, action="append", help="this kind only; may be repeated")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="draws everything that is drawn [%(default)s]")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes at once [%(default)s]")
    parser.add_argument("--folder", type=Path, default=_roomy_memory(), help="where to work [in memory, if there is room]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was tried and what came of it there")
    parser.add_argument("--prove-file-fsync", action="store_true", help="leave out an fsync, which has to be noticed")
    parser.add_argument("--prove-folder-fsync", action="store_true", help="leave out a folder's, on a simulated disk")
    return parser.parse_args(arguments)


def _roomy_memory() -> Path | None:
    """Return where files are kept in memory, if there is room enough; an fsync costs nothing there."""
    memory = Path("/dev/shm")  # noqa: S108 - nothing but a folder of a random name is made there
    return memory if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
