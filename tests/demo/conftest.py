"""The real text that the demo learns from."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest

from lastgood.cli.demonstration.docstrings import Row, collect_rows


@pytest.fixture(scope="session")
def rows() -> list[Row]:
    """Every row that this Python's standard library gives."""
    return collect_rows(Path(sysconfig.get_path("stdlib")))
