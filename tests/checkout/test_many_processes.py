"""Processes that fill, use and let go of one small cache at once, some of which are killed: what they give out is right."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import lastgood
from tests.checkout.shelf import LARGE, LENGTH, Shelf

PROCESSES = 4
TURNS = 8
KILLS = 12

WORKER = """
import pathlib, random, sys
from tests.checkout.shelf import Shelf

shelf, turns = Shelf(pathlib.Path(sys.argv[1])), int(sys.argv[3])
chosen = random.Random(int(sys.argv[2]))
for turn in range(turns):
    to = pathlib.Path(sys.argv[4]) / str(turn)
    shelf.checkout(f"r{chosen.randint(1, 3)}", link=chosen.random() < 0.3, to=to)
    print(turn, flush=True)
"""


def start(shelf: Shelf, seed: int, turns: int, out: Path) -> subprocess.Popen[str]:
    out.mkdir()
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(shelf.root), str(seed), str(turns), str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        # Room for four of the nine files there are: something is let go in nearly every checkout.
        env={**os.environ, "PYTHONPATH": str(Path(lastgood.__file__).parents[1]), "LASTGOOD_CACHE_SIZE": str(LENGTH * 4)},
    )


def test_many_at_once(shelf: Shelf, tmp_path: Path) -> None:
    workers = [start(shelf, seed, TURNS, tmp_path / f"out-{seed}") for seed in range(PROCESSES)]
    for worker in workers:
        out, err = worker.communicate(timeout=300)
        assert worker.returncode == 0, err[-2_000:]
        assert len(out.split()) == TURNS
    assert not list(shelf.cache.glob(".new-*"))
    # What they added at the same moment may be too much, until one of them looks again.
    assert len(shelf.names()) <= 4 + (PROCESSES - 1) * len(LARGE)


def test_some_are_killed(shelf: Shelf, tmp_path: Path) -> None:
    chosen = random.Random(5)
    steady = start(shelf, 99, TURNS, tmp_path / "steady")
    for number in range(KILLS):
        doomed = start(shelf, number, 1_000, tmp_path / f"doomed-{number}")
        assert doomed.stdout is not None
        doomed.stdout.readline()
        time.sleep(chosen.random() / 5)
        doomed.send_signal(signal.SIGKILL)
        _, err = doomed.communicate(timeout=60)
        assert doomed.returncode == -signal.SIGKILL, err[-2_000:]
    _, err = steady.communicate(timeout=300)
    assert steady.returncode == 0, err[-2_000:]
    for link in (False, True):
        for revision in ("r1", "r2", "r3", "r3"):
            shelf.checkout(revision, link=link)
    # Filling the cache takes away what the killed ones left in it.
    (shelf.cache / ".new-left-over").write_bytes(b"part")
    for revision in ("r1", "r2", "r3"):
        for path in LARGE:
            shelf.entry(path, int(revision[1:])).unlink(missing_ok=True)
        shelf.checkout(revision)
    assert not list(shelf.cache.glob(".new-*"))
