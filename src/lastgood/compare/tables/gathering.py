"""The rows of both sides in the engine, as three tables with the same columns: only old, only new, and shared.

Rules: a column is known by its exact name and stands in the engine under a number of ours; a cell is its JSON text, or in
plain words where a CSV is among the files, so that a table may change its format and keep its rows; a cell that is null,
missing, or empty in a CSV, is no cell. Bytes are copied into the engine's folder file by file and removed once they are
loaded.

    with Engine() as engine:
        gathered = Gathered(engine, plain=False)
        gathered.take(Set.OLD, source, ranges, files)
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from lastgood.compare.tables.cutting import Range
from lastgood.errors import Gone, Invalid, NotFound
from lastgood.formats.tables import TableFormat, read_rows
from lastgood.formats.tables.engine import Engine, Readable
from lastgood.formats.tables.parquet import check_parquet, parquet_cell, parquet_types, quote
from lastgood.formats.tables.rows import LONGEST_LINE, MOST_COLUMNS
from lastgood.formats.tables.separated import Header, read_header
from lastgood.formats.tree import Malformed
from lastgood.model.listing import FileEntry
from lastgood.model.placement import FileAccess

_LARGEST_SEARCHED = 64 << 20
"""A file of up to so many bytes is read again to find the line that is malformed."""

_NESTED = ("STRUCT", "MAP", "UNION", "VARIANT", "JSON")


class Set(StrEnum):
    """Which rows: those that only one side may have, or those that both have."""

    OLD = "old"
    NEW = "new"
    SHARED = "shared"

    @property
    def side(self) -> str:
        """The side whose files it is read from."""
        return "new" if self is Set.NEW else "old"


@dataclass(frozen=True, slots=True)
class Source:
    """A file that is a table by its name."""

    entry: FileEntry
    form: TableFormat


class Unreadable(Exception):
    """A file is not the table that it should be, or is not here.

    Args:
        path: the file.
        reason: why, in words that follow "the": "old file is not valid JSONL, line 7: it is no object".
        is_absent: whether its bytes are not here.
    """

    def __init__(self, path: str, reason: str, *, is_absent: bool = False) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason
        self.is_absent = is_absent


def absent(entry: FileEntry, into: Set, error: NotFound) -> Unreadable:
    """Return the error of a file whose bytes are not here."""
    why = "were removed by policy" if isinstance(error, Gone) else "are not kept here"
    return Unreadable(entry.path, f"{into.side} bytes {why}", is_absent=True)


class Gathered:
    """Rows of tables in an engine.

    Args:
        engine: where.
        plain: whether cells are kept in plain words instead of as JSON.
    """

    def __init__(self, engine: Engine, *, plain: bool) -> None:
        self.engine = engine
        self.plain = plain
        self.columns: dict[str, int] = {}
        self.rows = dict.fromkeys(Set, 0)
        self.named: dict[Set, dict[str, str]] = {one: {} for one in Set}
        self._make_tables()

    def _make_tables(self) -> None:
        """Make the tables with all columns at once, while they are empty."""
        columns = ", ".join(["file INTEGER", *(f"c{number} VARCHAR" for number in self.columns.values())])
        for one in Set:
            self.engine.rows(f"CREATE OR REPLACE TABLE rows_{one} ({columns})")

    def take(self, into: Set, source: Source, ranges: Sequence[Range], files: FileAccess) -> None:
        """Load some of a file's bytes, which are whole lines where they are not all of it.

        Raises:
            Unreadable: the file is no table of its format, or is not here.
            StorageFull: there is no room for it.
        """
        if not any(one.length for one in ranges):
            return
        try:
            with files.open_file(source.entry.digest) as file:
                self._load(into, source, ranges, file)
        except NotFound as error:
            raise absent(source.entry, into, error) from error
        except Malformed as error:
            raise Unreadable(source.entry.path, f"{into.side} {_reason(source, error, files)}") from error

    def _load(self, into: Set, source: Source, ranges: Sequence[Range], file: BinaryIO) -> None:
        header = None
        if source.form in {TableFormat.CSV, TableFormat.TSV}:
            header = read_header(file, source.form)
            if header is None:
                return
            ranges = [Range(header.length, one.end) if one.start == 0 else one for one in ranges]
        suffix = "parquet" if source.form is TableFormat.PARQUET else "text"
        reading = _Ranges(file, ranges)
        kept = self.engine.keep(reading if suffix == "parquet" else _Lines(reading), f"table.{suffix}")
        try:
            if header is not None:
                self._load_separated(into, header, kept)
            elif source.form is TableFormat.JSONL:
                self._load_json(into, kept)
            else:
                self._load_parquet(into, kept)
        finally:
            with suppress(OSError):
                Path(kept).unlink()

    def _load_json(self, into: Set, kept: str) -> None:
        reading = f"read_json_objects(?, format='newline_delimited', maximum_object_size={LONGEST_LINE})"
        self.engine.rows(
            "CREATE OR REPLACE TEMP TABLE shapes AS "
            f"SELECT json_type(json) AS type, json_keys(json) AS keys, count(*) AS n FROM {reading} GROUP BY ALL",
            [kept],
        )
        if self.engine.rows("SELECT 1 FROM shapes WHERE type <> 'OBJECT' LIMIT 1"):
            raise Malformed("a line is no object")
        if self.engine.rows("SELECT 1 FROM shapes WHERE len(keys) <> len(list_distinct(keys)) LIMIT 1"):
            raise Malformed("a key stands twice in one object")
        names = self.engine.rows(
            "SELECT name FROM (SELECT unnest(keys) AS name, n, generate_subscripts(keys, 1) AS place FROM shapes) "
            f"GROUP BY name ORDER BY min(place), max(n) DESC, name LIMIT {MOST_COLUMNS + 1}"
        )
        numbers = self._register(into, {str(name): "" for (name,) in names})
        if not numbers:
            return
        extract = "json_extract_string" if self.plain else "json_extract"
        paths = ", ".join(_literal("/" + name.replace("~", "~0").replace("/", "~1")) for name in numbers)
        cells = [f"nullif(cells[{at}], '{'' if self.plain else 'null'}')" for at in range(1, len(numbers) + 1)]
        self._insert(into, numbers, cells, f"(SELECT {extract}(json, [{paths}]) AS cells FROM {reading})", kept)

    def _load_separated(self, into: Set, header: Header, kept: str) -> None:
        numbers = self._register(into, dict.fromkeys(header.names, ""))
        columns = ", ".join(f"'c{number}': 'VARCHAR'" for number in numbers.values())
        reading = (
            f"read_csv(?, auto_detect=false, header=false, delim={_literal(header.delimiter)}, quote='\"', escape='\"', "
            f"columns={{{columns}}}, strict_mode=true, max_line_size={LONGEST_LINE}, buffer_size={2 * LONGEST_LINE})"
        )
        only = f" WHERE c{next(iter(numbers.values()))} IS NOT NULL" if len(numbers) == 1 else ""
        self._insert(into, numbers, [f"nullif(c{number}, '')" for number in numbers.values()], reading + only, kept)

    def _load_parquet(self, into: Set, kept: str) -> None:
        check_parquet(self.engine, kept)
        types = parquet_types(self.engine, kept)
        numbers = self._register(into, types)
        cells = [self._parquet_cell(name, declared) for name, declared in types.items()]
        self._insert(into, numbers, cells, "read_parquet(?)", kept)

    def _parquet_cell(self, name: str, declared: str) -> str:
        if self.plain and not declared.endswith("]") and not declared.startswith(_NESTED):
            return f"nullif(CAST({quote(name)} AS VARCHAR), '')"
        return f"nullif({parquet_cell(name)}, 'null')"

    def _register(self, into: Set, types: dict[str, str]) -> dict[str, int]:
        """Give each column its number, and see to it that all tables have it."""
        if any("\0" in name for name in types):
            raise Malformed("the name of a column holds a NUL")
        new = [name for name in types if name not in self.columns]
        if len(self.columns) + len(new) > MOST_COLUMNS:
            raise Malformed(f"it has more than {MOST_COLUMNS:,} columns, together with the files before it")
        self.columns |= {name: len(self.columns) + at for at, name in enumerate(new)}
        if new and not any(self.rows.values()):
            self._make_tables()
        else:
            for name in new:
                for one in Set:
                    self.engine.rows(f"ALTER TABLE rows_{one} ADD COLUMN c{self.columns[name]} VARCHAR")
        for name, declared in types.items():
            self.named[into].setdefault(name, declared)
        return {name: self.columns[name] for name in types}

    def _insert(self, into: Set, numbers: dict[str, int], cells: Sequence[str], source: str, kept: str) -> None:
        columns = ", ".join(f"c{number}" for number in numbers.values())
        [(count,)] = self.engine.rows(f"INSERT INTO rows_{into} ({columns}) SELECT {', '.join(cells)} FROM {source}", [kept])
        self.rows[into] += int(count)


def _literal(text: str) -> str:
    """Write a text for SQL."""
    return "'" + text.replace("'", "''") + "'"


def _reason(source: Source, error: Malformed, files: FileAccess) -> str:
    """Return what is wrong with a file: by its own reader, which knows the line, or else in the engine's words."""
    reason = f"file is not valid {source.form.value}: {error.reason}"
    if source.form is TableFormat.PARQUET or source.entry.size > _LARGEST_SEARCHED:
        return reason
    with files.open_file(source.entry.digest) as file:
        try:
            for _ in read_rows(file, source.form, ""):
                pass
        except Invalid as found:
            return f"file {found.message.strip()}"
    return reason


class _Lines:
    """A text, which is looked over on its way for what the engine would take and other readers refuse."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._length = 0

    def read(self, size: int, /) -> bytes:
        data = self._file.read(size)
        if b"\0" in data:
            raise Malformed("it holds a NUL byte, so it is no text")
        first = data.find(b"\n")
        self._length += len(data) if first < 0 else first + 1
        if self._length > LONGEST_LINE:
            raise Malformed(f"a line is longer than {LONGEST_LINE:,} bytes")
        if first >= 0:
            # A line that begins and ends in what was read is no longer than that.
            self._length = len(data) - data.rfind(b"\n") - 1
        return data


class _Ranges:
    """Ranges of a file, read one after the other."""

    def __init__(self, file: BinaryIO, ranges: Sequence[Range]) -> None:
        self._file = file
        self._ranges = [one for one in ranges if one.length > 0]
        self._at = -1

    def read(self, size: int, /) -> bytes:
        while self._ranges:
            first = self._ranges[0]
            if self._at < first.start:
                self._file.seek(first.start)
                self._at = first.start
            data = self._file.read(min(size, first.end - self._at))
            if data:
                self._at += len(data)
                return data
            self._ranges.pop(0)
            self._at = -1
        return b""
