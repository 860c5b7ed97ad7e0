"""Parquet, read by the engine from a private copy.

Rules: what the footer says of the file's size is looked at before any of it is read: more rows than `MOST_ROWS`, many more
than there are bytes, or a column that unpacks to more than `LARGEST_COLUMN` in one row group, are refused.

    rows = read_parquet(file)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from lastgood.canonical import Json
from lastgood.formats.tables.engine import Engine
from lastgood.formats.tables.rows import MOST_COLUMNS, Row
from lastgood.formats.tree import Malformed

MOST_ROWS = 200_000_000
"""How many rows a file may say it has."""

FEW_ROWS, MOST_ROWS_A_BYTE = 10_000_000, 10
"""A file with more rows than the former has no more of them than the latter for each of its bytes: columns that repeat one
value take next to none, and so a small file could keep a machine busy for hours."""

LARGEST_COLUMN = 2 << 30
"""How many bytes a column of one row group may unpack to."""

_AT_ONCE = 1_000
_AS_THEY_ARE = frozenset(
    {"VARCHAR", "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "FLOAT", "DOUBLE"}
)
"""Types whose values Python has as JSON has them."""


def read_parquet(file: BinaryIO) -> Iterator[Row]:
    """Yield the rows.

    Raises:
        Malformed: it is not Parquet, or beyond the bounds.
        StorageFull: there is no room for the copy.
    """
    with Engine() as engine:
        path = engine.keep(file, "table.parquet")
        check_parquet(engine, path)
        types = parquet_types(engine, path)
        cells = ", ".join(parquet_cell(name) if types[name] not in _AS_THEY_ARE else quote(name) for name in types)
        made = [(name, types[name] not in _AS_THEY_ARE) for name in types]
        number = 0
        for rows in engine.batches(f"SELECT {cells} FROM read_parquet(?)", [path], _AT_ONCE):  # noqa: S608 - names are quoted
            for row in rows:
                number += 1
                yield Row(number, 0, {name: _value(cell, is_json=is_json) for (name, is_json), cell in zip(made, row, strict=True)})


def parquet_types(engine: Engine, path: str) -> dict[str, str]:
    """Return the types of a file's columns, in the engine's words.

    Raises:
        Malformed: it is not Parquet, or the name of a column holds a NUL.
    """
    types = {str(name): str(declared) for name, declared, *_ in engine.rows("DESCRIBE SELECT * FROM read_parquet(?)", [path])}
    if any("\0" in name for name in types):
        raise Malformed("the name of a column holds a NUL")
    return types


def parquet_cell(name: str) -> str:
    """Return what to select to have a column as JSON: what JSON has no word for, a time or bytes, as its text."""
    return f"CAST(to_json({quote(name)}) AS VARCHAR)"


def quote(name: str) -> str:
    """Write the name of a column for SQL."""
    return '"' + name.replace('"', '""') + '"'


def check_parquet(engine: Engine, path: str) -> int:
    """Look at what a file's footer says of it, and return how many rows it has.

    Raises:
        Malformed: it is not Parquet, or beyond the bounds.
    """
    [(rows,)] = engine.rows("SELECT num_rows FROM parquet_file_metadata(?)", [path])
    if not 0 <= rows <= MOST_ROWS:
        raise Malformed(f"it says that it has {rows:,} rows; up to {MOST_ROWS:,} are read")
    size = Path(path).stat().st_size
    if rows > max(FEW_ROWS, MOST_ROWS_A_BYTE * size):
        raise Malformed(f"it says that it has {rows:,} rows in {size:,} bytes")
    [(columns, largest)] = engine.rows(
        "SELECT count(DISTINCT column_id), max(total_uncompressed_size) FROM parquet_metadata(?)",
        [path],
    )
    if columns > MOST_COLUMNS:
        raise Malformed(f"it has {columns:,} columns, more than {MOST_COLUMNS:,}")
    if (largest or 0) > LARGEST_COLUMN:
        raise Malformed(f"it says that a column unpacks to {largest:,} bytes; up to {LARGEST_COLUMN:,} are read")
    return int(rows)


def _value(cell: Json, *, is_json: bool) -> Json:
    if not is_json or not isinstance(cell, str):
        return cell
    value: Json = json.loads(cell)
    return value
