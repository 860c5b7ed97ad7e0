"""Rows of datasets by their keys: where a row stands in a component, and what it says.

Rules: a row is known by the key that the dataset declares; of several rows with one key the first counts. A file that is
no table, or not here any more, has no rows and is named in `notes`; damaged bytes are an error. `RowFinder` looks for one
row in many contents of a dataset, and reads what they share once.

    RowFinder("t-17", files).find(component).cells["label"]
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lastgood.canonical import Json
from lastgood.errors import Invalid, NotFound
from lastgood.formats.tables import Row, TableFormat, key_columns, key_of, read_rows, table_format
from lastgood.ids import FileDigest
from lastgood.model.component import Component, DatasetContent
from lastgood.model.listing import FileEntry
from lastgood.model.placement import FileAccess
from lastgood.registry.points import entries_of
from lastgood.registry.row_search import LineSearch


@dataclass(frozen=True, slots=True)
class RowPlace:
    """A row where it stands.

    Attributes:
        path: its file.
        line: the line it begins on, from 1; 0 in a file without lines.
        cells: its cells by column.
    """

    path: str
    line: int
    cells: Mapping[str, Json]


class RowFinder:
    """Looks for one row in contents of a dataset.

    Attributes:
        notes: what could not be looked into, in words.
    """

    def __init__(self, key: str, files: FileAccess) -> None:
        self.notes: dict[str, None] = {}
        self._key = key
        self._files = files
        self._known: dict[tuple[FileDigest, TableFormat, str], tuple[int, Mapping[str, Json]] | None] = {}
        self._searches: dict[str, LineSearch] = {}

    def find(self, component: Component) -> RowPlace | None:
        """Return the row in one content of a dataset, or None.

        Raises:
            Invalid: the component is no dataset that is kept by its bytes and declares a key.
            Integrity: bytes are damaged.
        """
        return self.find_among(entries_of(component, self._files), key_named_by(component))

    def find_among(self, entries: Iterable[FileEntry], named: str) -> RowPlace | None:
        """Return the row in some files, whose rows are known by what a key names, or None."""
        for entry in entries:
            form = table_format(entry.path)
            if form is None:
                continue
            place = entry.digest, form, named
            if place not in self._known:
                self._known[place] = self._look(entry, form, named)
            found = self._known[place]
            if found is not None:
                return RowPlace(entry.path, *found)
        return None

    def _look(self, entry: FileEntry, form: TableFormat, named: str) -> tuple[int, Mapping[str, Json]] | None:
        try:
            if form is TableFormat.JSONL and "," not in named and LineSearch.can_find(named, self._key):
                return self._search(entry.digest, named)
            with self._files.open_file(entry.digest) as file:
                rows = read_rows(file, form, entry.path)
                return next(((row.line, row.cells) for row in rows if self._is_it(row, named)), None)
        except (NotFound, Invalid) as error:
            self.notes[f"{entry.path} {entry.digest.short} was not looked into: {error.message}"] = None
            return None

    def _search(self, digest: FileDigest, named: str) -> tuple[int, Mapping[str, Json]] | None:
        search = self._searches.get(named)
        if search is None:
            search = self._searches[named] = LineSearch(self._files, named, self._key)
        for number, line in search.lines_of(digest):
            try:
                cells = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(cells, dict) and self._is_it(Row(number, number, cells), named):
                return number, cells
        return None

    def _is_it(self, row: Row, named: str) -> bool:
        columns = (named,) if named in row.cells else key_columns(named, row.cells)
        return columns is not None and key_of(row.cells, columns) == self._key


def key_named_by(component: Component) -> str:
    """Return what a dataset declares its rows to be known by.

    Raises:
        Invalid: it is no dataset that is kept by its bytes, or declares no key.
    """
    content = component.content
    if not isinstance(content, DatasetContent):
        raise Invalid(f"{component.name} is no dataset whose rows are kept here")
    if content.key is None:
        raise Invalid(f"{component.name} declares no key, so its rows have no names", hint='key = "id" in lastgood.toml')
    return content.key
