"""A catalog that was made once, since making one takes longer than most tests do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lastgood.catalog.creation import create_catalog


@pytest.fixture(scope="session")
def empty_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog with its whole schema and no event; to be copied, never opened."""
    path = tmp_path_factory.mktemp("catalog") / "catalog.db"
    create_catalog(path, lambda _: None)
    return path


@pytest.fixture
def copied(tmp_path: Path, empty_catalog: Path) -> Path:
    """An empty catalog of this test's own."""
    return Path(shutil.copyfile(empty_catalog, tmp_path / "catalog.db"))
