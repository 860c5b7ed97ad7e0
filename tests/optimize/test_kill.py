"""kill -9 at any moment of `lastgood optimize`: everything reads back, and the next run ends where one run would have."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import lastgood
from lastgood.registry.optimize import Optimized
from tests.collect.series import text, weights

KILLS = 12
READY = b"ready\n"
SOURCES = str(Path(lastgood.__file__).parents[1])
RUN = """
import os, sys
sys.path.insert(0, sys.argv[2])
from lastgood.cli import main, optimize
from lastgood.registry import optimize as verb
from lastgood.store import deltas
os.write(1, b"ready\\n")
main.main(["-C", sys.argv[1], "optimize", "--json"])
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a registry in which there is much to gain, in several packs."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "lastgood.toml").write_text('pipeline = "bot"\n[components.all]\nkind = "artifact"\npath = "all/"\n')
    (folder / "all").mkdir()
    registry = lastgood.init(folder, actor="ana@example.org")
    for seed in range(3):
        for version in range(3):
            (folder / f"all/{seed}-{version}.npy").write_bytes(weights(seed, version))
        (folder / f"all/{seed}.txt").write_bytes(text(seed, 0))
        registry.commit(folder)
    registry.close()
    return folder


@contextmanager
def opened(folder: Path) -> Iterator[lastgood.OpenRegistry]:
    """Open a registry for a moment."""
    registry = lastgood.open(folder, actor="ana@example.org")
    try:
        yield registry
    finally:
        registry.close()


def assert_whole(project: Path, folder: Path) -> None:
    """Every byte of the registry is right, and its latest release gives the project's files back."""
    with opened(folder) as registry:
        assert registry.verify().problems == ()
        registry.checkout("latest", folder / "out")
        assert {path.name: path.read_bytes() for path in (folder / "out/all").iterdir()} == {
            path.name: path.read_bytes() for path in (project / "all").iterdir()
        }
    shutil.rmtree(folder / "out")


def optimized(folder: Path) -> Optimized:
    """Optimize in this process."""
    with opened(folder) as registry:
        return registry.upkeep.optimize()


@contextmanager
def started(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Begin to optimize in another process, and wait until everything is imported."""
    with subprocess.Popen([sys.executable, "-c", RUN, str(folder), SOURCES], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == READY
        yield process
        process.stdout.read()


def test_a_kill_loses_nothing_but_time(project: Path, tmp_path: Path) -> None:
    shutil.copytree(project, tmp_path / "undisturbed")
    with started(tmp_path / "undisturbed") as process:
        begun = time.monotonic()
        assert process.wait() == 0
        seconds = time.monotonic() - begun
    wanted = optimized(tmp_path / "undisturbed").bytes_after
    assert wanted < 0.8 * sum(path.stat().st_size for path in (project / ".lastgood/store").rglob("*.pack"))
    chance = random.Random(1)
    outcomes = set()
    for number in range(KILLS):
        folder = tmp_path / str(number)
        shutil.copytree(project, folder)
        with started(folder) as process:
            time.sleep(seconds * chance.random())
            process.kill()
            outcomes.add(process.wait())
        assert_whole(project, folder)
        assert optimized(folder).bytes_after == pytest.approx(wanted, rel=0.02)
        assert_whole(project, folder)
        shutil.rmtree(folder)
    assert -9 in outcomes


def test_two_at_once_beside_a_commit(project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "busy"
    shutil.copytree(project, folder)
    (folder / "all/new.npy").write_bytes(weights(0, 3))
    with started(folder) as first, started(folder) as second:
        with opened(folder) as registry:
            assert registry.commit(folder).created
        assert (first.wait(), second.wait()) == (0, 0)
    assert_whole(folder, folder)
    optimized(folder)
    assert_whole(folder, folder)
