"""Parquet, read by the engine from a private copy.

Rules: what the footer says of the file's size is looked at before any of it is read: more rows than `MOST_ROWS`, or a column
that unpacks to more than `LARGEST_COLUMN` in one row group, is refused.

    rows = read_parquet(file)
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from typing import BinaryIO

from lastgood.canonical import Json
from lastgood.formats.tables.engine import Engine
from lastgood.formats.tables.rows import MOST_COLUMNS, Row
from lastgood.formats.tree import Malformed

MOST_ROWS = 200_000_000
"""How many rows a file may say it has."""

LARGEST_COLUMN = 2 << 30
"""How many bytes a column of one row group may unpack to."""

_AT_ONCE = 1_000


def read_parquet(file: BinaryIO) -> Iterator[Row]:
    """Yield the rows.

    Raises:
        Malformed: it is not Parquet, or beyond the bounds.
        StorageFull: there is no room for the copy.
    """
    with Engine() as engine:
        path = engine.keep(file, "table.parquet")
        check_parquet(engine, path)
        number = 0
        for names, rows in engine.batches("SELECT * FROM read_parquet(?)", [path], _AT_ONCE):
            for row in rows:
                number += 1
                yield Row(number, 0, {name: _plain(value) for name, value in zip(names, row, strict=True)})


def check_parquet(engine: Engine, path: str) -> int:
    """Look at what a file's footer says of it, and return how many rows it has.

    Raises:
        Malformed: it is not Parquet, or beyond the bounds.
    """
    [(rows,)] = engine.rows("SELECT num_rows FROM parquet_file_metadata(?)", [path])
    if not 0 <= rows <= MOST_ROWS:
        raise Malformed(f"it says that it has {rows:,} rows; up to {MOST_ROWS:,} are read")
    [(columns, largest)] = engine.rows(
        "SELECT count(DISTINCT column_id), max(total_uncompressed_size) FROM parquet_metadata(?)",
        [path],
    )
    if columns > MOST_COLUMNS:
        raise Malformed(f"it has {columns:,} columns, more than {MOST_COLUMNS:,}")
    if (largest or 0) > LARGEST_COLUMN:
        raise Malformed(f"it says that a column unpacks to {largest:,} bytes; up to {LARGEST_COLUMN:,} are read")
    return int(rows)


def _plain(value: object) -> Json:
    """Return a value as JSON has it; what JSON does not have becomes its text."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)
