"""What the tests of checkouts start from."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.checkout.shelf import Shelf, build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with three releases, to be copied."""
    root = tmp_path_factory.mktemp("built") / "bot"
    build(root, releases=3)
    return root


@pytest.fixture
def shelf(built: Path, tmp_path: Path) -> Shelf:
    """A registry with three releases and an empty cache."""
    return Shelf(Path(shutil.copytree(built, tmp_path / "bot")))


@pytest.fixture
def filled(shelf: Shelf) -> Shelf:
    """A registry whose cache has the large files of its first release."""
    shelf.checkout()
    return shelf
