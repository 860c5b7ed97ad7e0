"""What the tests of the command line start from."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.commands import Desk, fill


@pytest.fixture(scope="session")
def initial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with an empty registry, to be copied."""
    desk = fill(tmp_path_factory.mktemp("initial"))
    desk.tell("init")
    return desk.root


@pytest.fixture(scope="session")
def committed(initial: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one release, to be copied."""
    root = tmp_path_factory.mktemp("committed") / "bot"
    shutil.copytree(initial, root)
    Desk(root).tell("commit", "-m", "first")
    return root


@pytest.fixture(scope="session")
def deployed(committed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with three releases that were deployed one after another, to be copied."""
    desk = Desk(Path(shutil.copytree(committed, tmp_path_factory.mktemp("deployed") / "bot")))
    desk.tell("deploy", "prod")
    for words in ("Cite the policy, warmly.", "Cite nothing."):
        desk.commit(words, "-m", words.lower())
        desk.tell("deploy", "prod", "--reason", words)
    return desk.root


@pytest.fixture
def empty(initial: Path, tmp_path: Path) -> Desk:
    """A workspace with an empty registry."""
    return Desk(Path(shutil.copytree(initial, tmp_path / "bot")))


@pytest.fixture
def desk(committed: Path, tmp_path: Path) -> Desk:
    """A workspace with one release."""
    return Desk(Path(shutil.copytree(committed, tmp_path / "bot")))


@pytest.fixture
def three(deployed: Path, tmp_path: Path) -> Desk:
    """A workspace with three releases, all of which were deployed to prod, r3 last."""
    return Desk(Path(shutil.copytree(deployed, tmp_path / "bot")))
