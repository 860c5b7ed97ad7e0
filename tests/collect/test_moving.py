"""Moving chunks to packs that were written anew: what stands on what stays in order, whoever else writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lastgood.catalog.creation import create_catalog
from lastgood.catalog.database import Database
from lastgood.catalog.placement import CatalogIndex, add_packs, recorded_packs
from lastgood.catalog.postgres import PostgresDatabase
from lastgood.catalog.rewriting import move_chunks
from lastgood.catalog.sqlite import SQLiteDatabase
from lastgood.errors import CollectedMeanwhile, Conflict
from lastgood.ids import ChunkId
from lastgood.model.placement import ChunkInPack, Encoding, Frame, PackContents
from lastgood.testing.catalog_index import FRAME, chunk, pack

A, B, C = (chunk(name) for name in "abc")


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    database: Database
    if request.param == "sqlite":
        create_catalog(tmp_path / "catalog.db", lambda _: None)
        database = SQLiteDatabase(tmp_path / "catalog.db")
    else:
        database = PostgresDatabase(request.getfixturevalue("postgres_catalog"))
    yield database
    database.close()


def made(name: str, *chunks: tuple[ChunkId, ChunkId | None, int], context: ChunkId | None = None) -> PackContents:
    """A pack in which each chunk has a frame of its own: its id, its base, its depth."""
    frames = tuple(
        Frame(8 + 10 * number, 10, 20, Encoding.DELTA if base else Encoding.RAW, base, context if base else None, depth)
        for number, (_, base, depth) in enumerate(chunks)
    )
    places = tuple(ChunkInPack(one, number, 0, 20) for number, (one, _, _) in enumerate(chunks))
    return pack(name, places, frames=frames)


def add(database: Database, *packs: PackContents) -> None:
    with database.writing() as session:
        add_packs(session, packs)


def move(database: Database, *packs: PackContents, away_from: list[PackContents] | None = None) -> set[ChunkId]:
    with database.writing() as session:
        return set(move_chunks(session, packs, None if away_from is None else [one.pack for one in away_from]))


def depths(database: Database) -> dict[ChunkId, tuple[ChunkId | None, int]]:
    places = CatalogIndex(database).find_chunks([A, B, C])
    return {one: (place.frame.base, place.frame.depth) for one, place in places.items()}


def test_chunks_move_with_their_labels(database: Database) -> None:
    old = PackContents(pack("old").pack, 9, (FRAME,), (ChunkInPack(A, 0, 0, 20),), {}, {A: 7})
    new = PackContents(pack("new").pack, 9, (FRAME,), (ChunkInPack(A, 0, 0, 20),), {}, {A: 7})
    add(database, old)
    assert move(database, new) == {A}
    index = CatalogIndex(database)
    assert index.find_chunks([A])[A].pack == new.pack
    assert index.find_labelled([7]) == {7: [A]}
    with database.reading() as session:
        assert [one for one, _ in recorded_packs(session)] == [old.pack, new.pack]


def test_a_chunk_that_is_not_kept_is_not_brought_back(database: Database) -> None:
    add(database, made("old", (A, None, 0)))
    assert move(database, made("new", (B, None, 0), (A, None, 0))) == {A}
    assert CatalogIndex(database).find_chunks([B]) == {}


def test_a_chunk_that_somebody_moved_already_stays_there(database: Database) -> None:
    old, better = made("old", (A, None, 0)), made("better", (A, None, 0))
    add(database, old)
    move(database, better)
    assert move(database, made("copy", (A, None, 0)), away_from=[old]) == set()
    assert CatalogIndex(database).find_chunks([A])[A].pack == better.pack


def test_a_base_may_lie_in_a_later_pack(database: Database) -> None:
    add(database, made("old", (A, None, 0), (B, A, 1)))
    assert move(database, made("first", (B, A, 1)), made("second", (A, None, 0))) == {A, B}
    assert depths(database) == {A: (None, 0), B: (A, 1)}


def test_what_carries_something_must_not_become_as_deep_as_that(database: Database) -> None:
    add(database, made("old", (A, None, 0), (B, None, 0), (C, B, 1)))
    with pytest.raises(Conflict):
        move(database, made("new", (B, A, 1)))
    assert depths(database) == {A: (None, 0), B: (None, 0), C: (B, 1)}
    assert move(database, made("new", (C, B, 2), (B, A, 1))) == {B, C}


def test_a_context_carries_as_a_base_does(database: Database) -> None:
    add(database, made("old", (A, None, 0), (B, None, 0), (C, A, 1), context=B))
    with pytest.raises(Conflict):
        move(database, made("new", (B, A, 1)))


def test_two_chunks_are_never_made_to_stand_on_each_other(database: Database) -> None:
    add(database, made("old", (A, None, 0), (B, None, 0)))
    move(database, made("one", (A, B, 1)))
    with pytest.raises(CollectedMeanwhile):
        move(database, made("two", (B, A, 1)))
    assert depths(database) == {A: (B, 1), B: (None, 0)}


def test_a_chunk_cannot_be_made_to_stand_on_one_that_is_gone(database: Database) -> None:
    add(database, made("old", (A, None, 0)))
    with pytest.raises(CollectedMeanwhile):
        move(database, made("new", (A, B, 1)))


def test_a_new_base_is_revived_for_what_is_kept_only(database: Database) -> None:
    add(database, made("old", (A, None, 0), (B, None, 0), (C, None, 0)))
    with database.writing() as session:
        at = "2026-11-02T14:05:00.000000Z"
        session.execute("INSERT INTO index_collections (generation, recorded_at, step) VALUES (1, :at, 'condemn')", at=at)
        session.execute_many(
            "INSERT INTO index_condemned_chunks (chunk, condemned_at) VALUES (:one, :at)", [{"one": one, "at": at} for one in (A, C)]
        )
    move(database, made("new", (C, A, 1)))
    assert CatalogIndex(database).known_chunks([A, B, C]) == {B}
    move(database, made("newer", (B, A, 1)))
    assert CatalogIndex(database).known_chunks([A, B, C]) == {A, B}
