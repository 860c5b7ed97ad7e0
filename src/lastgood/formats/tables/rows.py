r"""Rows of a table one after the other, and the bounds of every format.

Rules: a row is its cells by column, in the order of the file; a cell of JSONL and Parquet is a JSON value, one of CSV a text
as it stands, and a cell that a line of JSONL does not have is not in its row. Numbers that JSON has no word for (NaN) stay
what Python reads them as; what Parquet has and JSON has not (a time, a decimal, bytes) becomes its text.

    >>> import io
    >>> list(read_rows(io.BytesIO(b'{"id": 7}\n'), TableFormat.JSONL, "a.jsonl"))
    [Row(number=1, line=1, cells={'id': 7})]
    >>> list(read_rows(io.BytesIO(b'{"id": 7}\n[1]\n'), TableFormat.JSONL, "a.jsonl"))
    Traceback (most recent call last):
    ...
    lastgood.errors.Invalid: a.jsonl is not valid JSONL, line 2: it is no object
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO, NamedTuple

from lastgood.canonical import Json
from lastgood.errors import Invalid
from lastgood.formats.tables.naming import TableFormat
from lastgood.formats.tree import Malformed

LONGEST_LINE = 16 << 20
"""How many bytes a line, or a row of CSV, may have."""

MOST_COLUMNS = 2_000
"""How many columns a table may have."""


class Row(NamedTuple):
    """A row.

    Attributes:
        number: which it is in its file, from 1.
        line: the line that it begins on, from 1; 0 in a file without lines.
        cells: its cells by column.
    """

    number: int
    line: int
    cells: Mapping[str, Json]


def read_rows(file: BinaryIO, form: TableFormat, path: str) -> Iterator[Row]:
    """Yield the rows of a table.

    Args:
        file: its bytes, read from where it stands to its end.
        form: its format.
        path: how it is named in errors.

    Raises:
        Invalid: it is not of that format, or beyond the bounds; raised when that is read, so rows before it have been given.
            The details hold `path`, `format` and `line`, counted from 1, or null where that is not known.
        StorageFull: of a Parquet file, which is read from a private copy: there is no room for that.
        OSError: the file itself cannot be read.
    """
    try:
        if form is TableFormat.JSONL:
            from lastgood.formats.tables.json_lines import read_json_lines  # noqa: PLC0415  # each format only where it is read

            yield from read_json_lines(file)
        elif form is TableFormat.PARQUET:
            from lastgood.formats.tables.parquet import read_parquet  # noqa: PLC0415  # a quarter of a second for DuckDB

            yield from read_parquet(file)
        else:
            from lastgood.formats.tables.separated import read_separated  # noqa: PLC0415  # likewise

            yield from read_separated(file, form)
    except Malformed as error:
        where = f", line {error.line}" if error.line is not None else ""
        details = {"path": path, "format": form.value, "line": error.line}
        raise Invalid(f"{path} is not valid {form.value}{where}: {error.reason}", details=details) from error
