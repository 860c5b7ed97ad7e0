"""Tables are read row by row, and what is no table says which line is not."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastgood.canonical import Json, canonical_json
from lastgood.errors import Invalid
from lastgood.formats.tables import Row, TableFormat, key_columns, key_of, read_rows, table_format
from lastgood.formats.tables.engine import Engine
from lastgood.formats.tree import Malformed


def cells_of(data: bytes, form: TableFormat) -> list[dict[str, Json]]:
    return [dict(row.cells) for row in read_rows(io.BytesIO(data), form, "a")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files, which must be empty again afterwards."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    assert not os.listdir(tmp_path)


def parquet(query: str, *, group: int = 2048) -> bytes:
    """Return the Parquet file of what a query answers."""
    import duckdb

    with tempfile.TemporaryDirectory() as place:
        path = f"{place}/made.parquet"
        duckdb.connect().execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE {group})")
        return Path(path).read_bytes()


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("data/train.jsonl", TableFormat.JSONL),
        ("A.NDJSON", TableFormat.JSONL),
        ("a.csv", TableFormat.CSV),
        ("a.b.tsv", TableFormat.TSV),
        ("x.parquet", TableFormat.PARQUET),
        ("x.csv/readme", None),
        ("csv", None),
        ("x.json", None),
    ],
)
def test_the_name_says_the_format(path: str, form: TableFormat | None) -> None:
    assert table_format(path) is form


@pytest.mark.parametrize(
    ("form", "data", "rows"),
    [
        (TableFormat.JSONL, b'{"a": 1}\n\n{"b": [null, "x"]}', [{"a": 1}, {"b": [None, "x"]}]),
        (TableFormat.JSONL, b'\xef\xbb\xbf{"a": "\xc3\xa9"}\r\n', [{"a": "é"}]),
        (TableFormat.JSONL, b"", []),
        (TableFormat.CSV, b"id,text\n1,a\n2,\n", [{"id": "1", "text": "a"}, {"id": "2", "text": ""}]),
        (TableFormat.CSV, b"\xef\xbb\xbfid;n\r\n1;2,5\r\n", [{"id": "1", "n": "2,5"}]),
        (TableFormat.CSV, b'id,"a;b;c"\n1,2\n', [{"id": "1", "a;b;c": "2"}]),
        (TableFormat.CSV, b'id|text\n1|"say ""hi""\nthere"\n', [{"id": "1", "text": 'say "hi"\nthere'}]),
        (TableFormat.CSV, b"text\nhello\n\nyou\n", [{"text": "hello"}, {"text": "you"}]),
        (TableFormat.CSV, b"", []),
        (TableFormat.TSV, b"id\ttext\n1\ta,b\n", [{"id": "1", "text": "a,b"}]),
    ],
)
def test_rows_are_read(form: TableFormat, data: bytes, rows: list[dict[str, Json]]) -> None:
    assert cells_of(data, form) == rows


@pytest.mark.parametrize(
    ("form", "data", "line", "reason"),
    [
        (TableFormat.JSONL, b'{"a": 1}\n{"a": \n', 2, "Expecting value"),
        (TableFormat.JSONL, b'{"a": 1}\n\n[1]\n', 3, "it is no object"),
        (TableFormat.JSONL, b'{"a": "\xff"}\n', 1, "it is not UTF-8"),
        (TableFormat.JSONL, b'{"a": "\\ud800"}\n', 1, "it holds half of a surrogate pair"),
        (TableFormat.JSONL, b'{"a": ' + b"[" * 50_000 + b"\n", 1, "it is nested too deeply, or holds a number that is too long"),
        (TableFormat.JSONL, b'{"a": ' + b"9" * 50_000 + b"}\n", 1, "it is nested too deeply, or holds a number that is too long"),
        (TableFormat.JSONL, canonical_json({f"c{n}": n for n in range(2_001)}), 1, "it has more than 2,000 columns"),
        (TableFormat.JSONL, b"x" * (17 << 20), 1, "a line is longer than 16,777,216 bytes"),
        (TableFormat.CSV, b"id,text\n1,a\n2\n", 3, "its number of cells is 1, the header has 2"),
        (TableFormat.CSV, b"id,text\n1,a\n2,b,c\n", 3, "its number of cells is 3, the header has 2"),
        (TableFormat.CSV, b"id,text,id\n1,a,2\n", 1, "the column 'id' stands twice in its header"),
        (TableFormat.CSV, b'id,text\n1,"a\nb\n', 2, "a quote is never closed"),
        (TableFormat.CSV, b"id,text\n1,\xe9t\xe9\n", 2, "it is not UTF-8"),
        (TableFormat.CSV, b"PK\x03\x04\x00\x00", 1, "it holds a NUL byte, so it is no text"),
        (TableFormat.CSV, ",".join(f"c{n}" for n in range(10_000)).encode(), 1, "it has 10,000 columns, more than 2,000"),
    ],
)
def test_what_is_no_table_says_where(form: TableFormat, data: bytes, line: int, reason: str) -> None:
    with pytest.raises(Invalid) as error:
        cells_of(data, form)

    assert str(error.value) == f"a is not valid {form.value}, line {line}: {reason}"
    assert error.value.details == {"path": "a", "format": form.value, "line": line}


def test_rows_know_their_lines_and_come_before_what_is_malformed() -> None:
    rows = read_rows(io.BytesIO(b'a,b\n1,"x\ny"\n\n2,z\n3\n'), TableFormat.CSV, "a.csv")

    assert [next(rows), next(rows)] == [Row(1, 2, {"a": "1", "b": "x\ny"}), Row(2, 5, {"a": "2", "b": "z"})]
    with pytest.raises(Invalid, match="line 6"):
        next(rows)


def test_parquet_is_read_in_order_and_leaves_nothing(folder: Path) -> None:
    data = parquet(
        "SELECT i AS id, 'row ' || i AS text, [i, NULL] AS list, {'a': DATE '2026-11-30'} AS at, "
        "TIMESTAMPTZ '2026-11-30 01:02:03+01' AS time, 1.50::DECIMAL(9, 2) AS money, 'x'::BLOB AS bytes, 'nan'::DOUBLE AS missing, "
        "i / 2 AS half, NULL::INT AS nothing FROM range(5000) t(i)"
    )
    rows = list(read_rows(io.BytesIO(data), TableFormat.PARQUET, "a.parquet"))

    assert [row.number for row in rows] == list(range(1, 5001))
    assert {name: cell for name, cell in rows[4321].cells.items() if name != "missing"} == {
        "id": 4321,
        "text": "row 4321",
        "list": [4321, None],
        "at": {"a": "2026-11-30"},
        "time": "2026-11-30 00:02:03+00",
        "money": 1.5,
        "bytes": "x",
        "half": 2160.5,
        "nothing": None,
    }
    assert str(rows[0].cells["missing"]) == "nan"
    assert rows[0].line == 0


def test_a_reader_that_is_given_up_leaves_nothing(folder: Path) -> None:
    rows = read_rows(io.BytesIO(parquet("SELECT * FROM range(9000)")), TableFormat.PARQUET, "a.parquet")
    next(rows)
    assert os.listdir(folder)
    rows.close()  # type: ignore[attr-defined]  # it is a generator


def test_what_a_killed_process_left_is_removed_and_what_another_uses_is_not(folder: Path) -> None:
    program = "from lastgood.formats.tables.engine import Engine\nwith Engine():\n    print('here', flush=True)\n    input()"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(folder)},
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with Engine():
            assert len(os.listdir(folder)) == 2
        [left] = os.listdir(folder)
        other.kill()
    assert os.listdir(folder) == [left]
    with Engine():
        assert left not in os.listdir(folder)


@pytest.mark.parametrize(
    "spoil", [lambda data: data[:-9], lambda data: b"PAR1" + b"\0" * 40, lambda data: b"", lambda data: data[:-8] + b"\xff\xff\xff\x7fPAR1"]
)
def test_a_spoilt_parquet_is_refused(spoil: object, folder: Path) -> None:
    data = spoil(parquet("SELECT 1 AS a"))  # type: ignore[operator]

    with pytest.raises(Invalid, match=r"^a is not valid Parquet: "):
        cells_of(data, TableFormat.PARQUET)


def test_a_small_parquet_with_very_many_rows_is_refused(folder: Path) -> None:
    data = parquet("SELECT 1 AS id FROM range(10000001)", group=1_000_000)

    with pytest.raises(Invalid, match=r"it says that it has 10,000,001 rows in [0-9,]+ bytes"):
        cells_of(data, TableFormat.PARQUET)


@settings(max_examples=40, deadline=None)
@given(at=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_no_byte_of_a_parquet_raises_anything_else(at: int, byte: int) -> None:
    data = bytearray(SMALL_PARQUET)
    data[at % len(data)] = byte
    try:
        cells_of(bytes(data), TableFormat.PARQUET)
    except Invalid:
        return


SMALL_PARQUET = parquet("SELECT i AS id, 'row ' || i AS text FROM range(20) t(i)")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY (SELECT 1) TO '/tmp/lastgood-must-not-be.csv'",
        "ATTACH '/tmp/lastgood-must-not-be.db'",
        "LOAD httpfs",
        "SET memory_limit = '9GB'",
        "SET enable_external_access = true",
        "SELECT * FROM read_parquet('https://localhost/a.parquet')",
    ],
)
def test_the_engine_reaches_nothing_but_its_folder(query: str) -> None:
    with Engine() as engine, pytest.raises(Malformed):
        engine.rows(query)


@pytest.mark.parametrize("name", ["a[b]", "a*b", "it's", "a?b", "ümläut {x}"])
def test_the_folder_may_have_any_name(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / name))

    assert cells_of(SMALL_PARQUET, TableFormat.PARQUET)[3] == {"id": 3, "text": "row 3"}


@pytest.mark.parametrize(
    ("key", "columns"),
    [("id", ("id",)), ("a,b", ("a,b",)), ("b, id", ("b", "id")), ("c", None), ("id,c", None), ("", None)],
)
def test_a_key_names_one_column_or_several(key: str, columns: tuple[str, ...] | None) -> None:
    assert key_columns(key, ["id", "b", "a,b"]) == columns


@pytest.mark.parametrize(
    ("cells", "key"),
    [({"id": "7"}, "7"), ({"id": 7}, "7"), ({"id": [1, "é"]}, '[1,"é"]'), ({"id": None}, None), ({}, None)],
)
def test_a_row_is_known_by_its_key(cells: dict[str, Json], key: str | None) -> None:
    assert key_of(cells, ("id",)) == key
