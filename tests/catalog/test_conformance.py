"""SQLite and PostgreSQL do what every database of the catalog must do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lastgood.catalog.postgres import PostgresDatabase
from lastgood.catalog.postgres_connections import Place
from lastgood.catalog.sqlite import SQLiteDatabase
from lastgood.testing.catalog import CatalogConformance
from lastgood.testing.catalog_suite import OpenCatalog


class TestSQLite(CatalogConformance):
    @pytest.fixture
    def open_catalog(self, tmp_path: Path, empty_catalog: Path) -> OpenCatalog:
        path = tmp_path / "catalog.db"
        shutil.copyfile(empty_catalog, path)
        return lambda wait: SQLiteDatabase(path, wait=wait)


class TestPostgres(CatalogConformance):
    @pytest.fixture
    def open_catalog(self, postgres_catalog: Place) -> OpenCatalog:
        return lambda wait: PostgresDatabase(postgres_catalog, wait=wait)
