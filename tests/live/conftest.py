"""What the tests of live folders start from."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lastgood.registry.embedded import EmbeddedRegistry
from tests.live.bot import new_registry, opened, say

NOBODY = 65534


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an empty registry, to be copied."""
    folder = tmp_path_factory.mktemp("empty")
    new_registry(folder).close()
    return folder


@pytest.fixture
def registry(empty: Path, tmp_path: Path) -> Iterator[EmbeddedRegistry]:
    """An empty registry in the test's own folder."""
    shutil.copytree(empty, tmp_path, dirs_exist_ok=True)
    registry = opened(tmp_path)
    yield registry
    registry.close()


@pytest.fixture
def three(registry: EmbeddedRegistry) -> EmbeddedRegistry:
    """A registry with three releases, whose prompts are "one", "two" and "three"."""
    for words in ("one", "two", "three"):
        say(registry, words)
    return registry


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Where the live folder of `prod` will be."""
    return tmp_path / "run" / "prod"


@pytest.fixture
def unprivileged_folder() -> Iterator[Path]:
    """A folder of somebody who may not write where the permissions say so; the test runs as that person."""
    folder = Path(tempfile.mkdtemp(prefix="lastgood-live-"))
    privileged = os.geteuid() == 0
    if privileged:
        os.chown(folder, NOBODY, NOBODY)
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if privileged:
            os.seteuid(0)
            os.setegid(0)
        shutil.rmtree(folder)
