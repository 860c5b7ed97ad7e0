r"""CSV and TSV as RFC 4180 has them: a header, quoted cells with doubled quotes, line ends within quotes.

Rules: the delimiter of CSV is the one of `,` `;` tab `|` that stands most often in the header, outside quotes; every row has
as many cells as the header; empty lines are passed over; a cell is its text.

    >>> import io
    >>> [row.cells for row in read_separated(io.BytesIO(b'id;text\n1;"a\nb"\n'), TableFormat.CSV)]
    [{'id': '1', 'text': 'a\nb'}]
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from lastgood.formats.tables.lines import read_lines
from lastgood.formats.tables.naming import TableFormat
from lastgood.formats.tables.rows import LONGEST_LINE, MOST_COLUMNS, Row
from lastgood.formats.tree import Malformed

DELIMITERS = ",;\t|"
"""Of CSV, the likeliest first."""

_QUOTED = re.compile(r'"[^"]*+"')


def delimiter_of(header: str, form: TableFormat) -> str:
    """Return what separates the cells of a table, by its first line."""
    if form is TableFormat.TSV:
        return "\t"
    bare = _QUOTED.sub("", header)
    return max(DELIMITERS, key=bare.count)


def check_header(names: Sequence[str], line: int = 1) -> None:
    """Refuse a header that does not name its columns.

    Raises:
        Malformed: it is empty, a name stands twice, or there are too many.
    """
    if not names:
        raise Malformed("its header is an empty line", line)
    if len(names) > MOST_COLUMNS:
        raise Malformed(f"it has {len(names):,} columns, more than {MOST_COLUMNS:,}", line)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise Malformed(f"the column {twice[:80]!r} stands twice in its header", line)


@dataclass(frozen=True, slots=True)
class Header:
    """The first row of a table: its delimiter, the names of its columns, and how many bytes it has."""

    delimiter: str
    names: tuple[str, ...]
    length: int


def read_header(file: BinaryIO, form: TableFormat) -> Header | None:
    """Return the header of a table, read from its first byte on, or None where it is empty.

    Raises:
        Malformed: it does not name its columns.
    """
    lines = _Lines(file)
    first = next(lines, None)
    if first is None:
        return None
    delimiter = delimiter_of(first, form)
    reader = csv.reader(_with_first(first, lines), delimiter=delimiter, strict=True)
    try:
        names = next(reader)
    except csv.Error as error:
        raise Malformed(_say(error), lines.number) from error
    check_header(names, lines.number)
    return Header(delimiter, tuple(names), lines.length)


def read_separated(file: BinaryIO, form: TableFormat) -> Iterator[Row]:
    """Yield the rows.

    Raises:
        Malformed: a row has more or fewer cells than the header, a quote is never closed, a column has two names.
    """
    lines = _Lines(file)
    first = next(lines, None)
    if first is None:
        return
    # The limit is the process's; it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_LINE))
    reader = csv.reader(_with_first(first, lines), delimiter=delimiter_of(first, form), strict=True)
    header: list[str] | None = None
    number = 0
    while True:
        line = lines.number if header is None else lines.number + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise Malformed(_say(error), line) from error
        if cells is None:
            return
        if header is None:
            header = cells
            check_header(header, line)
        elif cells:
            if len(cells) != len(header):
                raise Malformed(f"its number of cells is {len(cells):,}, the header has {len(header):,}", line)
            number += 1
            yield Row(number, line, dict(zip(header, cells, strict=True)))


def _say(error: csv.Error) -> str:
    return "a quote is never closed" if "unexpected end" in str(error) else str(error)


def _with_first(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


class _Lines:
    """The lines of a file, the number of the last one given, and how many bytes they have so far."""

    def __init__(self, file: BinaryIO) -> None:
        self._lines = read_lines(file)
        self._file = file
        self._start = file.tell()
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.number, text = next(self._lines)
        return text

    @property
    def length(self) -> int:
        return self._file.tell() - self._start
