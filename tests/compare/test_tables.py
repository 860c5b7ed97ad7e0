"""Datasets are compared by their columns and rows: old tables, new tables, and the sentence that is said of them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from lastgood.canonical import canonical_json
from lastgood.compare.components import compare_component, quick_comparer_of
from lastgood.compare.filesets import FileSetComparer
from lastgood.compare.tables.row_changes import RowsChange
from lastgood.model.component import Kind
from tests.compare.sides import NAME, Files, Kept
from tests.compare.tables import compared, lines, parquet, shown

Rows = Sequence[Mapping[str, object]]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files, which must be empty again afterwards."""
    (tmp_path / "t").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "t"))
    yield tmp_path / "t"
    assert not os.listdir(tmp_path / "t")


BASE: Rows = [{"id": n, "text": f"Question {n}", "label": "refund" if n % 2 else "other"} for n in range(10)]
A, B = {"id": 1, "label": "refund"}, {"id": 2, "label": "other"}

GOLDEN: list[tuple[str, Files, Files, str | None, str]] = [
    (
        "a label of one row",
        {"t.jsonl": lines(A, B)},
        {"t.jsonl": lines(A, B | {"label": "refund"})},
        "id",
        'row 2 changed: label "other" → "refund"',
    ),
    (
        "labels of several rows",
        {"t.jsonl": lines(*BASE)},
        {"t.jsonl": lines(*({**row, "label": "billing"} if row["id"] in {1, 2, 3} else row for row in BASE))},
        "id",
        "3 rows changed (30.0%), all in label: refund → billing 2, other → billing 1",
    ),
    (
        "texts of several rows",
        {"t.jsonl": lines(*BASE)},
        {"t.jsonl": lines(*({**row, "text": f"{row['text']}?"} for row in BASE))},
        "id",
        "10 rows changed (100.0%), all in text",
    ),
    (
        "cells of several columns",
        {"t.jsonl": lines(A, B)},
        {"t.jsonl": lines({"id": 1, "label": "x", "n": 1}, {"id": 2, "label": "y"})},
        "id",
        "column n added; 2 rows changed (100.0%): label in 2, n in 1",
    ),
    ("a row more", {"t.jsonl": lines(A)}, {"t.jsonl": lines(A, B)}, "id", "1 row added (1 → 2)"),
    ("a row fewer", {"t.jsonl": lines(A, B)}, {"t.jsonl": lines(B)}, "id", "1 row removed (2 → 1)"),
    (
        "another row",
        {"t.jsonl": lines(A, B)},
        {"t.jsonl": lines(A, B | {"id": 3})},
        "id",
        "1 row added, 1 removed (of 2)",
    ),
    ("rows in another order", {"t.jsonl": lines(A, B)}, {"t.jsonl": lines(B, A)}, "id", "the same 2 rows, in another order or layout"),
    (
        "keys in another order, and spaces",
        {"t.jsonl": lines(A)},
        {"t.jsonl": '{ "label":"refund",  "id":1 }'},
        "id",
        "the same 1 row, in another order or layout",
    ),
    (
        "escapes of JSON",
        {"t.jsonl": '{"id": 1, "t": "\\u00e9"}\n'},
        {"t.jsonl": '{"id": 1, "t": "é"}\n'},
        "id",
        "the same 1 row, in another order or layout",
    ),
    (
        "rows in other files",
        {"a.jsonl": lines(A), "b.jsonl": lines(B)},
        {"a.jsonl": lines(B), "c.jsonl": lines(A | {"label": "x"})},
        "id",
        'row 1 changed: label "refund" → "x"',
    ),
    ("a column more", {"t.jsonl": lines(A, B)}, {"t.jsonl": lines(A | {"lang": "de"}, B | {"lang": "en"})}, "id", "column lang added"),
    (
        "a column fewer, and a label",
        {"t.csv": "id,lang,label\n1,de,a\n2,en,b\n"},
        {"t.csv": "id,label\n1,a\n2,c\n"},
        "id",
        'column lang removed; row 2 changed: label "b" → "c"',
    ),
    (
        "a cell that most rows do not have",
        {"t.jsonl": lines(A, B, {"id": 3})},
        {"t.jsonl": lines(A | {"note": "sure?"}, B, {"id": 3})},
        "id",
        'column note added; row 1 changed: note null → "sure?"',
    ),
    (
        "a type",
        {"t.jsonl": lines({"id": 1, "n": 5}, {"id": 2, "n": 6})},
        {"t.jsonl": lines({"id": 1, "n": "5"}, {"id": 2, "n": "6"})},
        "id",
        'column n number → text; 2 rows changed (100.0%), all in n: 5 → "5" (1), 6 → "6" (1)',
    ),
    (
        "columns in another order",
        {"t.csv": "id,a,b\n1,x,y\n"},
        {"t.csv": "id,b,a\n1,y,x\n"},
        "id",
        "the same 1 row, with columns in another order",
    ),
    (
        "another delimiter and quotes",
        {"t.csv": "id,a\n1,x\n"},
        {"t.csv": 'id;a\r\n1;"x"\r\n'},
        "id",
        "the same 1 row, in another order or layout",
    ),
    (
        "a quoted line end",
        {"t.csv": 'id,text\n1,"a\nb"\n2,c\n'},
        {"t.csv": 'id,text\n1,"a\nB"\n2,c\n'},
        "id",
        'row 1 changed: text "a\\nb" → "a\\nB"',
    ),
    (
        "a byte order mark",
        {"t.tsv": "id\ta\n1\tx\n"},
        {"t.tsv": b"\xef\xbb\xbfid\ta\n1\tx\n"},
        "id",
        "the same 1 row, in another order or layout",
    ),
    (
        "another format",
        {"t.csv": "id,label\n1,refund\n2,other\n"},
        {"t.jsonl": lines(A, B | {"label": "refund"})},
        "id",
        'row 2 changed: label "other" → "refund"',
    ),
    (
        "keys that are no longer unique",
        {"t.jsonl": lines(A, B)},
        {"t.jsonl": lines(A, A | {"label": "x"}, B)},
        "id",
        "1 row added (2 → 3); 2 rows now share a key with another",
    ),
    (
        "keys that are unique again",
        {"t.jsonl": lines(A, A | {"label": "x"})},
        {"t.jsonl": lines(A)},
        "id",
        "1 row removed (2 → 1); no row shares a key with another any more (2 did)",
    ),
    (
        "rows without a key",
        {"t.jsonl": lines(A, {"label": "x"})},
        {"t.jsonl": lines(A, {"label": "y"})},
        "id",
        "1 row added, 1 removed (of 2)",
    ),
    (
        "no key",
        {"t.jsonl": lines(A, B, B)},
        {"t.jsonl": lines(A, B, A)},
        None,
        "1 row added, 1 removed (of 3); no key is declared, so a row that changed counts as one removed and one added",
    ),
    (
        "repeated rows without a key",
        {"t.jsonl": lines(A, B)},
        {"t.jsonl": lines(A, B, B, B)},
        None,
        "2 rows added (2 → 4); 3 rows now share their content with another",
    ),
    (
        "a key that is no column",
        {"t.jsonl": lines(A)},
        {"t.jsonl": lines(A, B)},
        "uid",
        "1 row added (1 → 2); the key uid is no column of both sides, so rows are compared by content",
    ),
    (
        "a key of two columns",
        {"t.csv": "user,day,n\nann,1,5\nann,2,6\n"},
        {"t.csv": "user,day,n\nann,1,5\nann,2,7\n"},
        "user, day",
        'row ann, 2 changed: n "6" → "7"',
    ),
    ("a shard more", {"a.jsonl": lines(A)}, {"a.jsonl": lines(A), "b.jsonl": lines(B, {"id": 3})}, "id", "2 rows added"),
    ("a shard fewer", {"a.csv": "id\n1\n", "b.csv": "id\n2\n"}, {"a.csv": "id\n1\n"}, "id", "1 row removed"),
    ("a renamed shard", {"a.jsonl": lines(A)}, {"b.jsonl": lines(A)}, "id", "a.jsonl renamed to b.jsonl"),
    (
        "a file beside the tables",
        {"t.jsonl": lines(A), "README.md": "one"},
        {"t.jsonl": lines(B), "README.md": "two!"},
        "id",
        "1 row added, 1 removed (of 1); README.md changed (3 bytes → 4 bytes)",
    ),
    ("an empty table", {"t.jsonl": ""}, {"t.jsonl": lines(A)}, "id", "1 row added"),
    ("a table that is emptied", {"t.csv": "id,a\n1,x\n"}, {"t.csv": "id,a\n"}, "id", "1 row removed"),
    (
        "an escape sequence",
        {"t.jsonl": lines(A)},
        {"t.jsonl": '{"id": 1, "label": "\\u001b[31mred"}\n'},
        "id",
        'row 1 changed: label "refund" → "\\u001b[31mred"',
    ),
    (
        "names that SQL would take for its own",
        {"t.jsonl": lines({"id": 1, "'; DROP TABLE ids; --": 1, 'a"b': 1, "a/b~c": 1, "ID": 1})},
        {"t.jsonl": lines({"id": 1, "'; DROP TABLE ids; --": 2, 'a"b': 2, "a/b~c": 2, "ID": 2})},
        "id",
        "1 row changed (100.0%): '; DROP TABLE ids; -- in 1, a\"b in 1, a/b~c in 1, 1 more column",
    ),
    (
        "numbers beyond 64 bits",
        {"t.jsonl": '{"id": 1, "n": 12345678901234567890123}\n'},
        {"t.jsonl": '{"id": 1, "n": 12345678901234567890124}\n'},
        "id",
        "row 1 changed: n 12345678901234567890123 → 12345678901234567890124",
    ),
]


@pytest.mark.parametrize(("old", "new", "key", "said"), [case[1:] for case in GOLDEN], ids=[case[0] for case in GOLDEN])
def test_what_is_said(old: Files, new: Files, key: str | None, said: str) -> None:
    change = compared(old, new, key)

    assert change.summary == said
    canonical_json(change.to_json())
    assert shown(change, everything=True)


def test_parquet_is_compared_by_its_rows_and_declared_types() -> None:
    old = parquet("SELECT i::INT AS id, 'row ' || i AS text, {'a': [i]} AS nested, DATE '2026-11-30' AS day FROM range(50) t(i)")
    new = parquet(
        "SELECT i::BIGINT AS id, 'row ' || i AS text, {'a': [CASE i WHEN 7 THEN 8 ELSE i END]} AS nested, "
        "DATE '2026-11-30' AS day FROM range(50) t(i)"
    )

    assert compared({"t.parquet": old}, {"t.parquet": new}).summary == (
        'column id integer → bigint; row 7 changed: nested {"a": [7]} → {"a": [8]}'
    )


def test_a_parquet_may_become_jsonl() -> None:
    old = parquet("SELECT i AS id, 'row ' || i AS text, i / 2.0 AS half, [1, 2] AS list FROM range(50) t(i)")
    rows = [{"id": n, "text": f"row {n}", "half": n / 2, "list": [1, 2]} for n in range(50)]

    assert compared({"t.parquet": old}, {"t.jsonl": lines(*rows)}).summary == "the same 50 rows, in another order or layout"


def test_long_texts_are_cut_around_their_first_difference() -> None:
    text = "a" * 5_000 + " one " + "b" * 5_000
    change = compared({"t.jsonl": lines({"id": 1, "text": text})}, {"t.jsonl": lines({"id": 1, "text": text.replace("one", "two")})})
    cell = next(detail for detail in change.details if isinstance(detail, RowsChange)).samples[0].cells[0]

    assert isinstance(cell.old, str)
    assert isinstance(cell.new, str)
    assert " one b" in cell.old
    assert " two b" in cell.new
    assert len(cell.old) < 200


def test_samples_are_few_and_counts_are_whole() -> None:
    new = [{**row, "label": "x"} for row in BASE] + [{"id": 100 + n, "text": "t", "label": "y"} for n in range(30)]
    change = compared({"t.jsonl": lines(*BASE)}, {"t.jsonl": lines(*new)})
    rows = next(detail for detail in change.details if isinstance(detail, RowsChange))

    assert (rows.changed, rows.added, rows.removed) == (10, 30, 0)
    assert [sample.change for sample in rows.samples].count("added") == 20
    assert shown(change).count(" added: ") == 5
    assert shown(change, everything=True).count(" added: ") == 20


def test_a_dataset_by_reference_is_its_fields() -> None:
    kept = Kept()
    old, new = (kept.side(Kind.DATASET, {}, uri="s3://a", version=version) for version in ("1", "2"))

    assert compare_component(NAME, old, new, kept).summary == "version 1 → 2"


def test_before_a_rollback_no_table_is_read() -> None:
    assert isinstance(quick_comparer_of(Kind.DATASET), FileSetComparer)


def test_few_rows_have_no_distribution() -> None:
    rows: Rows = [{"id": n, "label": "a"} for n in range(20)]
    change = compared({"t.jsonl": lines(*rows)}, {"t.jsonl": lines(*({**row, "label": "b"} for row in rows))})

    assert change.summary == "20 rows changed (100.0%), all in label: a → b 20"
