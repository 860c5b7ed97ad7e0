"""What is no table is compared plainly and says so, with the side, the line and the reason; nothing is left behind."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lastgood.compare.change import FileChange, Note
from lastgood.compare.components import compare_component
from lastgood.compare.text_change import TextChange
from lastgood.errors import Integrity, StorageFull
from lastgood.ids import FileDigest
from lastgood.model.component import Kind
from tests.compare.sides import NAME, Files, Kept
from tests.compare.tables import compared, lines, shown

A, B = {"id": 1, "label": "refund"}, {"id": 2, "label": "other"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files, which must be empty again afterwards."""
    (tmp_path / "t").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "t"))
    yield tmp_path / "t"
    assert not os.listdir(tmp_path / "t")


MALFORMED: list[tuple[str, Files, Files, str]] = [
    (
        "a broken line",
        {"t.jsonl": lines(A, B)},
        {"t.jsonl": lines(A) + '{"id": 2, "label": "oth\n'},
        "t.jsonl: the new file is not valid JSONL, line 2: Invalid control character at, compared as text",
    ),
    (
        "a line that is no object",
        {"t.jsonl": lines(A) + "[1]\n"},
        {"t.jsonl": lines(A)},
        "t.jsonl: the old file is not valid JSONL, line 2: it is no object, compared as text",
    ),
    (
        "a key that stands twice",
        {"t.jsonl": lines(A)},
        {"t.jsonl": '{"id": 1, "id": 2}\n'},
        "t.jsonl: the new file is not valid JSONL: a key stands twice in one object, compared as text",
    ),
    (
        "ragged rows",
        {"t.csv": "id,a\n1,x\n"},
        {"t.csv": "id,a\n1,x\n2\n"},
        "t.csv: the new file is not valid CSV, line 3: its number of cells is 1, the header has 2, compared as text",
    ),
    (
        "a column that stands twice",
        {"t.csv": "id,a\n1,x\n"},
        {"t.csv": "id,a,a\n1,x,y\n"},
        "t.csv: the new file is not valid CSV, line 1: the column 'a' stands twice in its header, compared as text",
    ),
    (
        "a quote that is never closed",
        {"t.csv": "id,a\n1,x\n"},
        {"t.csv": 'id,a\n1,"x\n'},
        "t.csv: the new file is not valid CSV, line 2: a quote is never closed, compared as text",
    ),
    (
        "Latin-1",
        {"t.csv": "id,a\n1,x\n"},
        {"t.csv": b"id,a\n1,\xe9t\xe9\n"},
        "t.csv: the new file is not valid CSV, line 2: it is not UTF-8, compared by its digest only",
    ),
    (
        "something else by the name of a CSV",
        {"t.csv": "id,a\n1,x\n"},
        {"t.csv": b"\x89PNG\r\n\x1a\n\x00\x00\x00"},
        "t.csv: the new file is not valid CSV",
    ),
    (
        "a NUL in a CSV",
        {"t.csv": "id,a\n1,x\n"},
        {"t.csv": "id,a\n1,x\0y\n"},
        "t.csv: the new file is not valid CSV, line 2: it holds a NUL byte, so it is no text",
    ),
    (
        "ten thousand columns",
        {"t.csv": "id,a\n1,x\n"},
        {"t.csv": ",".join(f"c{n}" for n in range(10_000)) + "\n"},
        "t.csv: the new file is not valid CSV, line 1: it has 10,000 columns, more than 2,000, compared as text",
    ),
    (
        "a line of 20 MB",
        {"t.jsonl": lines(A)},
        {"t.jsonl": '{"id": 1, "label": "' + "x" * 20_000_000 + '"}\n'},
        "t.jsonl: the new file is not valid JSONL, line 1: a line is longer than 16,777,216 bytes, compared by its digest only",
    ),
    (
        "a Parquet without its end",
        {"t.parquet": b"PAR1" + bytes(40)},
        {"t.parquet": b"PAR1" + bytes(30) + b"\xff\xff\xff\x7fPAR1"},
        "t.parquet: the old file is not valid Parquet: ",
    ),
    (
        "one of two files",
        {"a.jsonl": lines(A), "b.jsonl": lines(B)},
        {"a.jsonl": lines(A | {"label": "x"}), "b.jsonl": "oops\n"},
        'row 1 changed: label "refund" → "x"; b.jsonl: the new file is not valid JSONL, line 1: Expecting value, compared as text',
    ),
    (
        "a file that came",
        {"a.jsonl": lines(A)},
        {"a.jsonl": lines(A), "b.jsonl": "oops\n"},
        "b.jsonl: the new file is not valid JSONL, line 1: Expecting value, told as a file; b.jsonl added (5 bytes)",
    ),
]


@pytest.mark.parametrize(("old", "new", "said"), [case[1:] for case in MALFORMED], ids=[case[0] for case in MALFORMED])
def test_what_is_malformed_falls_back_and_says_so(old: Files, new: Files, said: str) -> None:
    change = compared(old, new)

    assert change.summary.startswith(said)
    assert any(isinstance(detail, Note) for detail in change.details)
    assert any(isinstance(detail, TextChange | FileChange) for detail in change.details)
    assert change.rank == 70


def test_too_many_malformed_files_are_all_told_as_files() -> None:
    old = {f"{n}.jsonl": lines(A) for n in range(9)}
    new: Files = {f"{n}.jsonl": "oops\n" if n < 6 else lines(B) for n in range(9)}

    change = compared(old, new)

    assert "5 tables cannot be read, so the other 4 are told as files, too" in shown(change)


def test_a_file_that_is_not_kept_falls_back() -> None:
    kept = Kept()
    old, new = kept.side(Kind.DATASET, {"t.jsonl": lines(A)}, key="id"), kept.side(Kind.DATASET, {"t.jsonl": lines(B)}, key="id")
    del kept.bytes[new.entries[0].digest]

    assert "its new bytes are not kept here: compared by its digest only" in compare_component(NAME, old, new, kept).summary


def test_damaged_bytes_are_an_error_and_nothing_is_left() -> None:
    class Damaged(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise Integrity("a chunk is not what it should be")

    class Store(Kept):
        def open_file(self, digest: FileDigest) -> io.BytesIO:
            return Damaged(self.read_file(digest))

    with pytest.raises(Integrity):
        compared({"t.jsonl": lines(A)}, {"t.jsonl": lines(B)}, kept=Store())


def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.open

    def full(path: Path, mode: str = "r") -> object:
        return open("/dev/full", mode, buffering=0) if path.name.startswith("table.") else real(path, mode)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(StorageFull, match="no room is left on the disk"):
        compared({"t.jsonl": lines(A)}, {"t.jsonl": lines(B)})
