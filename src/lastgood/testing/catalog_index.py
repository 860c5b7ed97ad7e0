"""What every database of the catalog must do with the index of where bytes are; part of `CatalogConformance`."""

# ruff: noqa: S101, PLR2004, PT012 - a suite is made of asserts on expected numbers, and what must fail is a whole change

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pytest

from lastgood.catalog.database import Database
from lastgood.catalog.placement import CatalogIndex, add_packs, recorded_packs
from lastgood.ids import ChunkId, FileDigest, PackId
from lastgood.model.placement import ChunkInPack, ChunkPlace, Encoding, FileMap, Frame, PackContents
from lastgood.testing.catalog_suite import CatalogSuite

MANY = 1_201
"""More keys than fit in two batches of a query."""

FRAME = Frame(8, 10, 20, Encoding.ZSTD)


def chunk(name: object) -> ChunkId:
    """Return the id of a made-up chunk."""
    return ChunkId(hashlib.blake2s(f"chunk {name}".encode()).digest())


def pack(
    name: str,
    chunks: tuple[ChunkInPack, ...] = (),
    files: Mapping[FileDigest, FileMap] | None = None,
    frames: tuple[Frame, ...] = (FRAME,),
) -> PackContents:
    """Return what a made-up pack holds."""
    return PackContents(PackId(hashlib.blake2s(name.encode()).digest()), 1_000, frames, chunks, files or {})


def add(database: Database, *packs: PackContents) -> None:
    """Record packs in a change of their own."""
    with database.writing() as session:
        add_packs(session, packs)


class IndexConformance(CatalogSuite):
    """Chunks, files and packs are found again; of two that are the same the first stays."""

    def test_an_empty_index_knows_nothing(self, database: Database) -> None:
        """Nothing is found, and asking for nothing is no error."""
        index = CatalogIndex(database)
        assert index.known_chunks([]) == set()
        assert index.known_chunks([chunk(1)]) == set()
        assert index.find_chunks([chunk(1)]) == {}
        assert index.find_files([]) == index.find_files([FileDigest.of(b"")]) == {}
        assert index.known_files([]) == index.known_files([FileDigest.of(b"")]) == set()
        with database.reading() as session:
            assert recorded_packs(session) == []

    def test_what_was_added_is_found(self, database: Database) -> None:
        """Places and maps come back as the pack's footer said them, large numbers too."""
        frames = (FRAME, Frame(5_000_000_000, 2_200_000_000, 4_300_000_000, Encoding.RAW))
        chunks = (ChunkInPack(chunk("a"), 0, 0, 20), ChunkInPack(chunk("b"), 1, 2**31 - 8, 7))
        files = {FileDigest.of(b"file"): FileMap(5_000_000_000, (chunk("b"), chunk("a"), chunk("b"))), FileDigest.of(b""): FileMap(0, ())}
        whole = pack("one", chunks, files, frames)
        add(database, whole)
        index = CatalogIndex(database)
        assert index.find_chunks([chunk("a"), chunk("b"), chunk("c")]) == {
            chunk("a"): ChunkPlace(chunk("a"), whole.pack, frames[0], 0, 20),
            chunk("b"): ChunkPlace(chunk("b"), whole.pack, frames[1], 2**31 - 8, 7),
        }
        assert index.known_chunks([chunk("a"), chunk("c")]) == {chunk("a")}
        assert index.find_files([*files, FileDigest.of(b"other")]) == files
        with database.reading() as session:
            assert recorded_packs(session) == [(whole.pack, 1_000)]

    def test_any_number_of_keys_may_be_asked_for_at_once(self, database: Database) -> None:
        """Keys that are unknown or named twice do no harm."""
        ids = [chunk(number) for number in range(MANY)]
        files = {FileDigest.of(str(number).encode()): FileMap(number, (ids[number],)) for number in range(MANY)}
        add(database, pack("many", tuple(ChunkInPack(one, 0, place, 1) for place, one in enumerate(ids)), files))
        index = CatalogIndex(database)
        asked = [one for number, known in enumerate(ids) for one in (known, chunk(f"unknown {number}"), known)]
        assert index.known_chunks(asked) == set(ids)
        assert {one: place.start for one, place in index.find_chunks(asked).items()} == {one: place for place, one in enumerate(ids)}
        assert index.find_files([*files, *files, FileDigest.of(b"unknown")]) == files
        assert index.known_files([*files, *files, FileDigest.of(b"unknown")]) == set(files)

    @pytest.mark.parametrize("count", [499, 500, 501, 1_000])
    def test_no_key_is_lost_where_a_batch_ends(self, database: Database, count: int) -> None:
        """Every key of a full, an overfull and an almost full batch is found."""
        ids = [chunk(number) for number in range(count)]
        add(database, pack("batch", tuple(ChunkInPack(one, 0, place, 1) for place, one in enumerate(ids))))
        assert CatalogIndex(database).known_chunks(ids) == set(ids)

    def test_of_two_packs_with_one_chunk_the_first_keeps_it(self, database: Database) -> None:
        """Neither a later transaction nor a later pack of the same one moves it; files likewise."""
        digest = FileDigest.of(b"file")
        first = pack("first", (ChunkInPack(chunk("a"), 0, 1, 5),), {digest: FileMap(5, (chunk("a"),))})
        second = pack("second", (ChunkInPack(chunk("a"), 0, 2, 5), ChunkInPack(chunk("b"), 0, 7, 5)), {digest: FileMap(5, (chunk("b"),))})
        third = pack("third", (ChunkInPack(chunk("b"), 0, 9, 5), ChunkInPack(chunk("c"), 0, 9, 5)))
        add(database, first)
        add(database, second, third)
        index = CatalogIndex(database)
        places = index.find_chunks([chunk("a"), chunk("b"), chunk("c")])
        assert {one: (place.pack, place.start) for one, place in places.items()} == {
            chunk("a"): (first.pack, 1),
            chunk("b"): (second.pack, 7),
            chunk("c"): (third.pack, 9),
        }
        assert index.find_files([digest]) == {digest: FileMap(5, (chunk("a"),))}
        with database.reading() as session:
            assert [one for one, _ in recorded_packs(session)] == [first.pack, second.pack, third.pack]

    def test_a_pack_is_recorded_once(self, database: Database) -> None:
        """Adding a pack again changes nothing, be it in the same change or later."""
        one = pack("one", (ChunkInPack(chunk("a"), 0, 0, 5),))
        add(database, one, one)
        add(database, one, pack("two", (ChunkInPack(chunk("b"), 0, 3, 5),)))
        places = CatalogIndex(database).find_chunks([chunk("a"), chunk("b")])
        assert {key: place.start for key, place in places.items()} == {chunk("a"): 0, chunk("b"): 3}
        with database.reading() as session:
            assert len(recorded_packs(session)) == 2

    def test_packs_of_a_change_that_failed_are_forgotten(self, database: Database) -> None:
        """The index is part of the transaction."""
        with pytest.raises(ZeroDivisionError), database.writing() as session:
            add_packs(session, [pack("one", (ChunkInPack(chunk("a"), 0, 0, 5),))])
            raise ZeroDivisionError
        assert CatalogIndex(database).known_chunks([chunk("a")]) == set()
