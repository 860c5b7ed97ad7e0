"""Restoring the last of 50 checkpoints beside the first: what a chain of deltas costs. Opt-in: `--only depth`.

Both are restored in turn, their repository not in memory and the cache of whole files gone.
"""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.bench import tree
from tools.bench.ourselves import Workspace
from tools.bench.peers.ours import CACHE
from tools.bench.results import Figure

MOST_TIMES_THE_FIRST = 2.0
_RUNS = 5


def measure(folder: Path, versions: Sequence[Path]) -> Iterator[Figure]:
    """Commit a long series, then restore its two ends."""
    workspace = Workspace.make(folder, "data")
    (folder / "data").mkdir()
    for number, version in enumerate(versions, 1):
        tree.lay(version, folder / "data")
        workspace.run("commit", "-m", f"version {number}")
    logical = sum(tree.bytes_of(version).length for version in versions)
    stored = tree.bytes_of(folder / ".lastgood", leave_out={CACHE}).length
    many = len(versions)
    yield Figure(f"stored / logical of {many} checkpoints", stored / logical, "")
    first, last = [], []
    for _ in range(_RUNS):
        first.append(_restore(workspace, 1, versions[0]))
        last.append(_restore(workspace, many, versions[-1]))
    yield Figure(f"restore of the first of {many} checkpoints", statistics.median(first))
    yield Figure(f"restore of the last of {many} checkpoints", statistics.median(last))
    times = statistics.median(last) / statistics.median(first)
    yield Figure(f"restore of the last of {many}, times the first", times, "×", MOST_TIMES_THE_FIRST)
    shutil.rmtree(folder)


def _restore(workspace: Workspace, number: int, version: Path) -> float:
    shutil.rmtree(workspace.folder / "out", ignore_errors=True)
    shutil.rmtree(workspace.folder / ".lastgood" / CACHE, ignore_errors=True)
    tree.forget(workspace.folder)
    seconds = workspace.run("checkout", f"r{number}", "out").seconds
    tree.check_alike(version, workspace.folder / "out" / "data", "lastgood")
    return seconds
