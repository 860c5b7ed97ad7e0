"""A damaged catalog can lead SQLite to another row than the one searched for, or to cells of other types: nothing is answered then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest

from lastgood.catalog.database import Row
from lastgood.catalog.placement import CatalogIndex
from lastgood.errors import Integrity
from lastgood.ids import ChunkId, FileDigest

ASKED, OTHER = b"\x01" * 32, b"\x02" * 32


class Misled:
    """A database whose queries all find the same rows."""

    def __init__(self, *rows: Row) -> None:
        self._rows = list(rows)

    @contextmanager
    def reading(self) -> Iterator[Misled]:
        yield self

    def rows(self, sql: str, **parameters: object) -> list[Row]:
        assert sql
        assert parameters
        return self._rows


def a_file(digest: bytes) -> Row:
    return digest, 3, OTHER


def a_chunk(chunk: bytes, *, offset: object = 8) -> Row:
    return chunk, b"\x03" * 32, offset, 3, 3, 0, 0, 3, None, None, None


FIND: Mapping[str, tuple[Callable[[bytes], Row], Callable[[CatalogIndex], Mapping[FileDigest, object] | Mapping[ChunkId, object]]]] = {
    "files": (a_file, lambda index: index.find_files([FileDigest(ASKED)])),
    "chunks": (a_chunk, lambda index: index.find_chunks([ChunkId(ASKED)])),
}


@pytest.mark.parametrize(("row", "find"), FIND.values(), ids=FIND.keys())
def test_a_row_that_was_not_asked_for_is_damage(
    row: Callable[[bytes], Row], find: Callable[[CatalogIndex], Mapping[bytes, object]]
) -> None:
    assert list(find(CatalogIndex(Misled(row(ASKED))))) == [ASKED]  # type: ignore[arg-type]
    with pytest.raises(Integrity, match="it answers about 0202"):
        find(CatalogIndex(Misled(row(ASKED), row(OTHER))))  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [None, "8", b"8", 8.0])
def test_a_place_that_is_no_number_is_damage(wrong: object) -> None:
    with pytest.raises(Integrity, match="does not know where chunk 0101"):
        CatalogIndex(Misled(a_chunk(ASKED, offset=wrong))).find_chunks([ChunkId(ASKED)])  # type: ignore[arg-type]
