"""What the suites of the catalog stand on: fixtures that open an empty catalog, once and once more."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from lastgood.catalog.database import Database

PATIENCE = 30.0
"""Longer than anything here takes, in seconds: a wait that lasts as long has failed."""

OpenCatalog = Callable[[float], Database]


class CatalogSuite:
    """The fixtures that every suite of the catalog stands on."""

    @pytest.fixture
    def open_catalog(self) -> OpenCatalog:
        """Make an empty catalog, and return what opens it."""
        raise NotImplementedError

    @pytest.fixture
    def database(self, open_catalog: OpenCatalog) -> Iterator[Database]:
        """Open the catalog."""
        opened = open_catalog(PATIENCE)
        yield opened
        opened.close()

    @pytest.fixture
    def other(self, open_catalog: OpenCatalog) -> Iterator[Database]:
        """Open the same catalog once more, as another process would."""
        opened = open_catalog(PATIENCE)
        yield opened
        opened.close()
