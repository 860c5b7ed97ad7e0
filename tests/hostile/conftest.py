"""What the tests of hostile input start from: what those of the command line start from, and folders of somebody else."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import Desk
from tests.cli.conftest import committed, deployed, desk, empty, initial, three
from tests.hostile.watching import hand_over

__all__ = ["committed", "deployed", "desk", "empty", "initial", "theirs", "three"]


@pytest.fixture
def theirs(committed: Path) -> Iterator[Desk]:
    """A workspace with one release that belongs to the unprivileged, where they can reach it; pytest's folders are closed."""
    with tempfile.TemporaryDirectory(prefix="lastgood-") as folder:
        Path(folder).chmod(0o755)
        desk = Desk(Path(shutil.copytree(committed, Path(folder) / "bot")))
        # Once before the privileges go: what is imported on the way may lie where only root reads.
        desk.tell("status")
        desk.commit("Cite nothing.")
        hand_over(desk.root)
        yield desk
