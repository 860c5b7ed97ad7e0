"""A data set as a team has it: a JSONL of 200 MB, edited twice, and each version of it as Parquet.

A row is a support ticket: an id, a text of one to four real sentences, a label, two times and two floats. From one
version to the next 1 % of the rows are edited at random places, 1,000 are inserted at random places and 500 appended.
The Parquet is written as `pyarrow.parquet.write_table` does when it is asked for nothing: snappy, one row group.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path

from tools.bench.data import text

Row = dict[str, str | int | float]

LABELS = "billing refund shipping login outage feature praise legal account other".split()
VERSIONS = 3
INSERTED, APPENDED, EDITED_SHARE = 1_000, 500, 0.01
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


class Writer:
    """Draws rows: the same ones for the same seed and the same sentences."""

    def __init__(self, sentences: list[str], seed: int = 7) -> None:
        self._draw = random.Random(seed)
        self._sentences = sentences
        # Some sentences are said often and most rarely, as in any text: the n-th with a weight of 1/n.
        self._weights = list(accumulate(1 / rank for rank in range(1, len(sentences) + 1)))
        self._next_id = 1

    def row(self) -> Row:
        """Draw a new row."""
        number, self._next_id = self._next_id, self._next_id + 1
        made = _BEGAN + timedelta(seconds=number * 37 + self._draw.randrange(37))
        return {
            "id": number,
            "text": self._text(),
            "label": self._draw.choice(LABELS),
            "created_at": made.isoformat(),
            "updated_at": (made + timedelta(seconds=self._draw.randrange(900_000))).isoformat(),
            "score": round(self._draw.random(), 4),
            "logit": self._draw.gauss(0, 2),
        }

    def edit(self, rows: list[Row]) -> list[Row]:
        """Return the next version of a list of rows."""
        rows = list(rows)
        for place in self._draw.sample(range(len(rows)), round(EDITED_SHARE * len(rows))):
            rows[place] = rows[place] | {"text": self._text(), "label": self._draw.choice(LABELS), "score": round(self._draw.random(), 4)}
        for _ in range(INSERTED):
            rows.insert(self._draw.randrange(len(rows)), self.row())
        return rows + [self.row() for _ in range(APPENDED)]

    def _text(self) -> str:
        return " ".join(self._draw.choices(self._sentences, cum_weights=self._weights, k=self._draw.randint(1, 4)))


def lines_of(rows: list[Row]) -> Iterator[str]:
    """Write rows as JSONL."""
    return (json.dumps(row, separators=(",", ":")) + "\n" for row in rows)


def versions(size: int) -> Iterator[list[Row]]:
    """Draw the versions one after the other; the first has `size` bytes as JSONL, to a row."""
    sentences = [sentence for one in text.sentences() for sentence in one]
    random.Random(3).shuffle(sentences)
    writer = Writer(sentences)
    rows, written = [], 0
    while written < size:
        rows.append(writer.row())
        written += len(next(lines_of(rows[-1:])))
    yield rows
    for _ in range(VERSIONS - 1):
        rows = writer.edit(rows)
        yield rows


def make(into: dict[str, Path], size: int) -> None:
    """Write the series jsonl and parquet."""
    from pyarrow import Table, parquet  # noqa: PLC0415 - only the environment of the bench has it

    for number, rows in enumerate(versions(size), 1):
        for series in ("jsonl", "parquet"):
            (into[series] / f"v{number:02}").mkdir(parents=True, exist_ok=True)
        with (into["jsonl"] / f"v{number:02}" / "tickets.jsonl").open("w") as file:
            file.writelines(lines_of(rows))
        parquet.write_table(Table.from_pylist(rows), into["parquet"] / f"v{number:02}" / "tickets.parquet")
