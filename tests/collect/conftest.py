"""A registry with its bytes in memory for each test, once with its catalog in a SQLite file and once on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lastgood.catalog.postgres import PostgresDatabase
from tests.collect.desk import Desk


@pytest.fixture(params=["sqlite", "postgres"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    database = None if request.param == "sqlite" else PostgresDatabase(request.getfixturevalue("postgres_catalog"))
    desk = Desk(tmp_path / "registry", database=database)
    yield desk
    desk.close()
