"""The rows of a component's tables, each with the name that people know it by.

Rules: files that are no tables are passed over; one that cannot be read as the table it should be, or is not here, is named in
`notes` with what is wrong, and the rows before that count; damaged bytes are an error.

    table = Tables("holdout", entries, "id", files)
    for row in table.rows(): print(str(row), row.cells)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from lastgood.canonical import Json
from lastgood.compare.change import Note
from lastgood.compare.leakage.texts import text_of
from lastgood.errors import Gone, Invalid, NotFound
from lastgood.formats.tables import key_columns, key_of, read_rows, table_format
from lastgood.model.listing import FileEntry
from lastgood.model.placement import FileAccess

Cells = Mapping[str, Json]
_LARGEST_SAMPLE = 16 << 20


class NamedRow(NamedTuple):
    """A row that can say which it is: by its key, or else by its place."""

    tables: Tables
    path: str
    line: int
    cells: Cells

    def __str__(self) -> str:
        """Return its name, such as `train:t-17`."""
        key = self.tables.key_of(self.cells)
        return f"{self.tables.name}:{key if key is not None else f'{self.path}:{self.line}'}"


class Tables:
    """The tables among the files of a component.

    Attributes:
        name: the component.
        notes: what could not be read.
    """

    def __init__(self, name: str, entries: Iterable[FileEntry], key: str | None, files: FileAccess) -> None:
        """Take files, and what their rows are known by, if that is declared."""
        self.name = name
        self.notes: dict[str, Note] = {}
        self._entries = [entry for entry in entries if table_format(entry.path) is not None]
        self._key = key
        self._files = files

    @property
    def has_files(self) -> bool:
        """Whether there is a table at all."""
        return bool(self._entries)

    @property
    def keys(self) -> set[str]:
        """The columns that rows are known by, as far as their names say it."""
        return set() if self._key is None else {self._key, *(part.strip() for part in self._key.split(","))}

    def rows(self) -> Iterator[NamedRow]:
        """Yield the rows of all files, in the order of their paths."""
        for entry in self._entries:
            try:
                yield from self._rows_of(entry)
            except Gone:
                self._note(entry, "its bytes were removed by policy")
            except NotFound:
                self._note(entry, "its bytes are not kept here")
            except Invalid as error:
                self._note(entry, error.message)

    def first(self, most: int) -> list[Cells]:
        """Return the first rows, fewer where they are large."""
        found: list[Cells] = []
        length = 0
        for row in islice(self.rows(), most):
            found.append(row.cells)
            length += sum(len(text_of(cell)) for cell in row.cells.values())
            if length > _LARGEST_SAMPLE:
                break
        return found

    def _note(self, entry: FileEntry, reason: str) -> None:
        self.notes[entry.path] = Note(entry.path, f"not looked through for leakage: {reason}")

    def _rows_of(self, entry: FileEntry) -> Iterator[NamedRow]:
        form = table_format(entry.path)
        if form is None:
            return
        with self._files.open_file(entry.digest) as file:
            for row in read_rows(file, form, entry.path):
                yield NamedRow(self, entry.path, row.line or row.number, row.cells)

    def key_of(self, cells: Cells) -> str | None:
        """Return what a row is known by, or None."""
        if self._key is None:
            case = cells.get("case")
            return case if isinstance(case, str) else None
        columns = (self._key,) if self._key in cells else key_columns(self._key, cells)
        return None if columns is None else key_of(cells, columns)
