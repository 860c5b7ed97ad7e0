"""What the tests of repairs start from: what those of the command line start from, and a series of checkpoints."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.commands import Desk
from tests.cli.conftest import committed, deployed, desk, empty, initial, three
from tests.repair.damage import write_series

__all__ = ["committed", "deployed", "desk", "empty", "initial", "series", "series_of_checkpoints", "three"]


@pytest.fixture(scope="session")
def series_of_checkpoints(initial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with four releases of one checkpoint, each a delta of the one before, to be copied."""
    desk = Desk(Path(shutil.copytree(initial, tmp_path_factory.mktemp("series") / "bot")))
    write_series(desk)
    return desk.root


@pytest.fixture
def series(series_of_checkpoints: Path, tmp_path: Path) -> Desk:
    """A workspace with four releases of one checkpoint."""
    return Desk(Path(shutil.copytree(series_of_checkpoints, tmp_path / "bot")))
