"""Rows added, removed and changed are what a few lines of Python say they are, whatever the format and the chunks."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastgood.canonical import Json
from lastgood.compare.components import compare_component
from lastgood.compare.tables import cutting, telling
from lastgood.compare.tables.row_changes import RowsChange
from lastgood.ids import FileDigest
from lastgood.model.component import Kind
from lastgood.model.placement import FilePart
from tests.compare.sides import NAME, Kept

Row = dict[str, Json]
COLUMNS = ("id", "a", "b/c")
EVERYTHING: Row = {"id": "all", "a": "x", "b/c": "y"}
CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([1.5, 2.0, -0.25]),
    st.text(max_size=3),
    st.lists(st.integers(0, 2), max_size=2),
    st.dictionaries(st.sampled_from(["k", "l"]), st.integers(0, 2), max_size=2),
)
KEYS = st.one_of(st.integers(0, 6), st.sampled_from(["1", "é", 'q"', None]))
ROWS = st.lists(st.fixed_dictionaries({}, optional={"id": KEYS, "a": CELLS, "b/c": CELLS}), max_size=8)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=3)
TEXT_ROWS = st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, TEXTS)), max_size=8)


class Chunked(Kept):
    """Files in memory, whose parts end where their bytes say so; counts the bytes that were read."""

    def __init__(self, ends: bytes = rb"[b-f4]") -> None:
        super().__init__()
        self.ends = re.compile(ends)
        self.read_bytes = 0

    def open_file(self, digest: FileDigest) -> io.BytesIO:
        kept = self

        class Counted(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                data = super().read(size)
                kept.read_bytes += len(data)
                return data

        return Counted(self.read_file(digest))

    def parts_of(self, digest: FileDigest) -> list[FilePart]:
        data = self.bytes[digest]
        ends = [*(found.end() for found in self.ends.finditer(data)), len(data)]
        pieces = [data[start:end] for start, end in pairwise([0, *ends])]
        return [FilePart(hashlib.sha256(piece).digest(), len(piece)) for piece in pieces if piece]


def rows_between(old: dict[str, str], new: dict[str, str], kept: Kept | None = None) -> RowsChange | None:
    kept = kept or Kept()
    change = compare_component(NAME, kept.side(Kind.DATASET, old, key="id"), kept.side(Kind.DATASET, new, key="id"), kept)
    return next((detail for detail in change.details if isinstance(detail, RowsChange)), None)


def as_lines(rows: Sequence[Row]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def as_csv(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def brute_force(old: Sequence[Row], new: Sequence[Row], *, plain: bool) -> tuple[int, int, int, dict[str, int]]:
    """Return how many rows were added, removed and changed, and in how many each column was."""

    def cell(value: Json) -> str | None:
        if value is None or (plain and value == ""):
            return None
        return value if plain and isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    def key(row: tuple[str | None, ...]) -> str | None:
        if plain or row[0] is None or not row[0].startswith('"'):
            return row[0]
        return str(json.loads(row[0]))

    sides = [Counter(tuple(cell(row.get(name)) for name in COLUMNS) for row in rows) for rows in (old, new)]
    before, after = [list((sides[0] - sides[1]).elements()), list((sides[1] - sides[0]).elements())]
    keys = [Counter(key(row) for row in rows) for rows in (before, after)]
    pairs = [
        (one, other)
        for one in before
        for other in after
        if key(one) is not None and key(one) == key(other) and keys[0][key(one)] == keys[1][key(one)] == 1
    ]
    columns = Counter(name for one, other in pairs for name, a, b in zip(COLUMNS, one, other, strict=True) if a != b)
    return len(after) - len(pairs), len(before) - len(pairs), len(pairs), dict(columns)


def numbers(change: RowsChange | None) -> tuple[int, int, int, dict[str, int]]:
    if change is None:
        return 0, 0, 0, {}
    return change.added, change.removed, change.changed, {column.column: column.rows for column in change.columns}


@settings(max_examples=60, deadline=None)
@given(old=ROWS, new=ROWS)
def test_rows_of_jsonl(old: list[Row], new: list[Row]) -> None:
    old, new = [EVERYTHING, *old], [EVERYTHING, *new]

    assert numbers(rows_between({"a.jsonl": as_lines(old)}, {"a.jsonl": as_lines(new)})) == brute_force(old, new, plain=False)


@settings(max_examples=60, deadline=None)
@given(old=TEXT_ROWS, new=TEXT_ROWS)
def test_rows_of_csv(old: list[Row], new: list[Row]) -> None:
    old, new = [EVERYTHING, *old], [EVERYTHING, *new]

    assert numbers(rows_between({"a.csv": as_csv(old)}, {"a.csv": as_csv(new)})) == brute_force(old, new, plain=True)


@settings(max_examples=30, deadline=None)
@given(old=TEXT_ROWS, new=TEXT_ROWS)
def test_rows_of_both(old: list[Row], new: list[Row]) -> None:
    old, new = [EVERYTHING, *old], [EVERYTHING, *new]

    assert numbers(rows_between({"a.csv": as_csv(old)}, {"a.jsonl": as_lines(new)})) == brute_force(old, new, plain=True)


EDITS = st.lists(st.tuples(st.sampled_from(["drop", "change", "double", "move"]), st.integers(0, 39)), min_size=1, max_size=4)


def edited(rows: list[Row], edits: list[tuple[str, int]]) -> list[Row]:
    rows = [dict(row) for row in rows]
    for edit, place in edits:
        at = place % len(rows)
        if edit == "drop":
            rows.pop(at)
        elif edit == "change":
            rows[at]["a"] = "changed"
        elif edit == "double":
            rows.append(rows[at])
        else:
            rows.insert(0, rows.pop(at))
    return rows


@settings(max_examples=40, deadline=None)
@given(edits=EDITS, shards=st.integers(1, 3), form=st.sampled_from(["jsonl", "csv", "bare.csv"]), is_whole=st.booleans())
def test_chunks_change_nothing_about_what_is_found(edits: list[tuple[str, int]], shards: int, form: str, is_whole: bool) -> None:
    old: list[Row] = [{"id": str(n), "a": "text " * (n % 3), "b/c": '"quoted"\n' if form == "csv" else "bare"} for n in range(40)]
    new = edited(old, edits)

    def files(rows: list[Row]) -> dict[str, str]:
        size = -(-len(rows) // shards)
        parts = [rows[at : at + size] for at in range(0, len(rows), size)]
        if form == "jsonl":
            return {f"{n}.jsonl": as_lines(part) for n, part in enumerate(parts)}
        return {f"{n}.csv": as_csv(part).replace('"', "") if form == "bare.csv" else as_csv(part) for n, part in enumerate(parts)}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutting, "SHORTEST_RUN", 1)
        patch.setattr(cutting, "LEAST_SHARED", 0.0)
        if not is_whole:
            patch.setattr(telling, "ALWAYS_READ", -1)
            patch.setattr(telling, "READ_FROM_SHARE", 2.0)
        found = rows_between(files(old), files(new), Chunked())

    assert numbers(found) == brute_force(old, new, plain=form != "jsonl")


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_shared_parts_are_not_read(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "ALWAYS_READ", 1 << 20)
    old: list[Row] = [{"id": str(n), "a": f"a text of some length with the number {n}", "b/c": "x"} for n in range(60_000)]
    new = edited(old, [("change", 1_000), ("change", 20_000), ("drop", 50_000)])
    write = as_lines if form == "jsonl" else lambda rows: as_csv(rows).replace('"', "")
    kept = Chunked(rb"number [0-9]*33")
    files = {f"a.{form}": write(old)}, {f"a.{form}": write(new)}

    found = rows_between(*files, kept)

    assert numbers(found) == (0, 1, 2, {"a": 2})
    size = len(files[0][f"a.{form}"])
    if form == "jsonl":
        assert kept.read_bytes < size // 15
    else:
        # To see that no quote is in it takes reading it once.
        assert kept.read_bytes < size * 1.2
    assert found is not None
    assert found.old_rows is None
    assert next(found.phrases()).startswith("2 rows changed, all in a: ")
