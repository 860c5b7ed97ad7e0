"""Finding a row by its key: the same row as reading every line finds, whatever parts files share, and each part read once."""

from __future__ import annotations

import io
import itertools
import json
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.errors import Invalid, NotFound
from lastgood.ids import ComponentName, FileDigest
from lastgood.model.component import Component, Content, DatasetContent, FilesContent, Kind, Provenance, ReferenceContent, make_component
from lastgood.model.listing import FileEntry, Mode, write_listing
from lastgood.model.placement import FilePart
from lastgood.registry.row_search import LineSearch
from lastgood.registry.rows import RowFinder


class Counting(io.BytesIO):
    """A file that says how much of it was read."""

    def __init__(self, data: bytes, kept: Kept) -> None:
        super().__init__(data)
        self._kept = kept

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self._kept.bytes_read += len(data)
        return data


class Kept:
    """Files that are made of parts, in memory."""

    def __init__(self) -> None:
        self.files: dict[FileDigest, list[bytes]] = {}
        self.bytes_read = 0

    def add(self, *parts: bytes) -> FileDigest:
        digest = FileDigest.of(b"".join(parts))
        self.files[digest] = list(parts)
        return digest

    def dataset(self, key: str | None = "id", /, **texts: str | bytes) -> Component:
        """Keep a dataset of files; `__` in a name stands for its dot."""
        entries = []
        for name, text in texts.items():
            data = text.encode() if isinstance(text, str) else text
            entries.append(FileEntry(f"data/{name.replace('__', '.')}", Mode.FILE, self.add(data), len(data)))
        return make_component(ComponentName.parse("train"), DatasetContent(self.add(write_listing(entries)), key), Provenance())

    def read_file(self, digest: FileDigest, *, limit: int | None = None) -> bytes:
        return self.open_file(digest).read()

    def open_file(self, digest: FileDigest) -> BinaryIO:
        if digest not in self.files:
            raise NotFound(f"the file {digest.short} is not kept here")
        return Counting(b"".join(self.files[digest]), self)

    def parts_of(self, digest: FileDigest) -> list[FilePart]:
        return [FilePart(FileDigest.of(part), len(part)) for part in self.files[digest]]


KEYS = st.one_of(
    st.sampled_from(["1", "11", "t-1", "t-11", "ä/b", 'say "x"', "a\\b", "\U0001f600", "true", "id"]), st.integers(0, 20), st.booleans()
)
ROWS = st.lists(st.fixed_dictionaries({"id": KEYS, "text": st.sampled_from(["", "id", '"id": "1"', "\u2028", "1"])}), max_size=12)


@given(rows=ROWS, plain=st.booleans(), spaced=st.booleans(), wanted=KEYS, data=st.data())
def test_a_search_finds_the_row_that_reading_every_line_finds(
    rows: list[dict[str, object]], plain: bool, spaced: bool, wanted: str | int, data: st.DataObject
) -> None:
    key = wanted if isinstance(wanted, str) else json.dumps(wanted)
    separators = (", ", ": ") if spaced else (",", ":")
    whole = "".join(json.dumps(row, ensure_ascii=plain, separators=separators) + "\n" for row in rows).encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=6)) | {0, len(whole)})
    kept = Kept()
    digest = kept.add(*(whole[start:end] for start, end in itertools.pairwise(cuts)))
    entries = [FileEntry("train.jsonl", Mode.FILE, digest, len(whole))]
    found = RowFinder(key, kept).find_among(entries, "id")
    expected = next(
        ((n, row) for n, row in enumerate(rows, 1) if (row["id"] if isinstance(row["id"], str) else json.dumps(row["id"])) == key), None
    )
    assert (found and (found.line, found.cells)) == expected


def test_what_versions_share_is_looked_through_once() -> None:
    kept = Kept()
    blocks = [
        "".join(json.dumps({"id": f"t-{n}", "text": "x" * 50}) + "\n" for n in range(start, start + 2_000)).encode()
        for start in (0, 2_000, 4_000)
    ]
    versions = [kept.add(*blocks, json.dumps({"id": f"new-{n}"}).encode() + b"\n") for n in range(50)]
    search = LineSearch(kept, "id", "t-3000")
    lines = [list(search.lines_of(version)) for version in versions]
    assert {tuple(one) for one in lines} == {((3001, (json.dumps({"id": "t-3000", "text": "x" * 50}) + "\n").encode()),)}
    assert kept.bytes_read < 2 * sum(map(len, blocks))


@pytest.mark.parametrize(
    ("files", "key", "expected"),
    [
        ({"a__csv": "id,label\n7,spam\n8,ham\n"}, "8", ("data/a.csv", 3, {"id": "8", "label": "ham"})),
        ({"a__jsonl": '{"id": 7.50}\n'}, "7.5", ("data/a.jsonl", 1, {"id": 7.5})),
        ({"a__jsonl": '{"id": [1, 2]}\n'}, "[1,2]", ("data/a.jsonl", 1, {"id": [1, 2]})),
        ({"a__jsonl": '{"id": "x"}\n', "b__jsonl": '\n{"id": "y"}\n'}, "y", ("data/b.jsonl", 2, {"id": "y"})),
        ({"a__jsonl": '{"id": "a\\/b"}\n'}, "a/b", ("data/a.jsonl", 1, {"id": "a/b"})),
        ({"notes__txt": '{"id": "y"}'}, "y", None),
        ({"a__jsonl": '{"other": {"id": "y"}}\n{"id": "y", "z": 1}\n'}, "y", ("data/a.jsonl", 2, {"id": "y", "z": 1})),
    ],
)
def test_rows_of_every_format(files: dict[str, str], key: str, expected: tuple[str, int, dict[str, object]] | None) -> None:
    kept = Kept()
    found = RowFinder(key, kept).find(kept.dataset(**files))
    assert (found and (found.path, found.line, found.cells)) == expected


def test_keys_of_several_columns() -> None:
    kept = Kept()
    component = kept.dataset("user, day", a__jsonl='{"user": "ann", "day": 1}\n{"user": "ann", "day": 2}\n')
    found = RowFinder("ann, 2", kept).find(component)
    assert found is not None
    assert found.line == 2


def test_a_file_that_is_no_table_is_named_and_the_others_are_read() -> None:
    kept = Kept()
    component = kept.dataset(a__csv=b"id\n\xff\xfe\n", b__csv="id\n9\n")
    finder = RowFinder("9", kept)
    found = finder.find(component)
    assert found is not None
    assert found.path == "data/b.csv"
    assert "data/a.csv" in next(iter(finder.notes))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (FilesContent(Kind.PROMPT, FileDigest.of(b"")), "no dataset"),
        (ReferenceContent("s3://lake/x", "v1", None), "no dataset whose rows are kept"),
        (DatasetContent(FileDigest.of(b""), None), "declares no key"),
    ],
)
def test_what_has_no_rows_by_key(content: Content, words: str) -> None:
    component = make_component(ComponentName.parse("train"), content, Provenance())
    kept = Kept()
    kept.add(b"")
    with pytest.raises(Invalid, match=words):
        RowFinder("1", kept).find(component)


def test_the_real_store_answers_the_same(tmp_path: Path) -> None:
    import lastgood

    (tmp_path / "train.jsonl").write_text("".join(json.dumps({"id": n, "text": f"row {n}"}) + "\n" for n in range(20_000)))
    (tmp_path / "lastgood.toml").write_text('pipeline = "bot"\n[components.train]\npath = "train.jsonl"\nkind = "dataset"\nkey = "id"\n')
    with lastgood.init(tmp_path, actor="ana@example.org") as registry:
        registry.commit(tmp_path)
        release = registry.releases.find("latest").release.release
        component = registry.releases.manifest(release).components[ComponentName.parse("train")]
        found = RowFinder("12345", registry.files).find(component)
    assert found is not None
    assert (found.line, found.cells) == (12_346, {"id": 12_345, "text": "row 12345"})
