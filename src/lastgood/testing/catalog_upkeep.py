"""What every database of the catalog must do for its own care and for whoever doubts it; part of `CatalogConformance`."""

# ruff: noqa: S101, PLR2004, PT012 - a suite is made of asserts on expected numbers, and what must fail is a whole change

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from lastgood.catalog import collection, environments, optimizing, rebuilding, releases
from lastgood.catalog.creation import require_current_schema, require_own_schema
from lastgood.catalog.database import Database, Session
from lastgood.catalog.facts import FACT_TABLES
from lastgood.catalog.placement import CatalogIndex, add_packs, recorded_packs
from lastgood.catalog.records import stored_events, stored_texts
from lastgood.catalog.replay import differing_facts
from lastgood.catalog.rewriting import move_chunks
from lastgood.catalog.sqlite import SQLiteDatabase
from lastgood.errors import Busy, Integrity, Invalid, LastgoodError
from lastgood.ids import FileDigest, TagName
from lastgood.model.changes.registry import RetentionRecorded
from lastgood.model.placement import ChunkInPack, Encoding, FileMap, Frame, PackContents
from lastgood.testing.catalog_index import FRAME, MANY, chunk, pack
from lastgood.testing.catalog_suite import PATIENCE, CatalogSuite, OpenCatalog
from lastgood.testing.history import BOT, PROD, START, History, facts_of

LABEL = -(2**63)
"""The least there is."""

FILE = FileDigest.of(b"file")


def written(database: Database) -> None:
    """Leave something in every kind of table: a history, and a pack with a chunk that stands on another."""
    history = History(database)
    first, second = history.commit("one", message="hello — é"), history.commit("two")
    history.tag(first, TagName("v1"))
    history.move(first, 1, reason="first")
    history.move(second, 2, below=1, suspects=(first.behavior,))
    with database.writing() as session:
        add_packs(session, [packed("one")])


def packed(name: str) -> PackContents:
    """Return a pack with two chunks and a file of them."""
    delta = Frame(18, 10, 20, Encoding.DELTA, chunk("a"), None, 1)
    chunks = (ChunkInPack(chunk("a"), 0, 0, 20), ChunkInPack(chunk("b"), 1, 0, 20))
    files = {FILE: FileMap(40, (chunk("a"), chunk("b")))}
    return PackContents(pack(name).pack, 1_000, (FRAME, delta), chunks, files, {chunk("a"): LABEL, chunk("b"): 2**63 - 1})


def counts(session: Session) -> dict[str, int]:
    """Return how many rows the tables have that `written` writes into."""
    tables = ("events", "texts", *FACT_TABLES, "index_packs", "index_frames", "index_chunks", "index_deltas", "index_labels", "index_files")
    return {table: session.rows(f"SELECT count(*) FROM {table}")[0][0] for table in tables}  # noqa: S608 - names of ours


class SessionsConformance(CatalogSuite):
    """What a session takes and refuses."""

    @pytest.mark.parametrize("text", ["a\0b", "\udcff"])
    def test_a_text_that_not_every_database_keeps_is_refused_wherever_it_stands(self, database: Database, text: str) -> None:
        """As what is looked for, and as what is written, in one row or in the last of many; nothing of the change stays."""
        insert = "INSERT INTO fact_retention (pipeline, policy, sequence) VALUES (:pipeline, :policy, 1)"
        with database.reading() as session, pytest.raises(Invalid, match="nothing was changed"):
            releases.release_by_tag(session, BOT, text)
        with pytest.raises(Invalid, match="nothing was changed"), database.writing() as session:
            session.execute(insert, pipeline="bot", policy="{}")
            session.execute(insert, pipeline="other", policy=text)
        with pytest.raises(Invalid, match="nothing was changed"), database.writing() as session:
            session.execute_many(insert, [{"pipeline": "bot", "policy": "{}"}, {"pipeline": "other", "policy": text}])
        with database.reading() as session:
            assert session.rows("SELECT * FROM fact_retention") == []

    def test_what_looks_like_a_parameter_and_is_none(self, database: Database) -> None:
        """Literals and comments are left alone, and a parameter may be named twice."""
        with database.reading() as session:
            query = "SELECT ':a', '50%%', '%', 'it''s :b' /* :c's */ WHERE :d = :d -- :e"
            assert session.rows(query, d=1) == [(":a", "50%%", "%", "it's :b")]

    def test_no_rows_are_no_statement(self, database: Database) -> None:
        """Nothing is run where there is nothing to run it for."""
        with database.writing() as session:
            session.execute_many("INSERT INTO events (sequence, leaf, document) VALUES (:a, :b, :c)", [])
        assert list(stored_events(database)) == []

    def test_a_change_inside_a_session_is_refused(self, database: Database) -> None:
        """It would be no change of its own; the outer one goes on."""
        history = History(database)
        for outer in (database.reading, database.writing):
            with outer() as session:
                with pytest.raises(Integrity), database.writing():
                    pass
                assert session.rows("SELECT sequence FROM events") == []
        history.commit("one")
        assert len(list(stored_events(database))) == 1

    def test_what_is_read_inside_a_change_in_another_thread_is_what_was_committed(self, open_catalog: OpenCatalog) -> None:
        """Only the thread that writes sees what it is about to write."""
        database, other = open_catalog(PATIENCE), open_catalog(PATIENCE)
        seen: list[int] = []
        reader = threading.Thread(target=lambda: seen.append(len(list(stored_events(other)))))
        with History(database).change() as (_, ledger):
            ledger.append(RetentionRecorded(BOT, {}))
            reader.start()
            reader.join(PATIENCE)
        assert seen == [0]
        database.close()
        other.close()


class DamageConformance(CatalogSuite):
    """Damage is looked for, facts are replayed, and the index can be thrown away."""

    def test_nothing_is_wrong_with_what_was_written(self, database: Database) -> None:
        """Neither with how the database is built, nor with the facts."""
        assert database.damages() == []
        written(database)
        assert database.damages() == []
        assert differing_facts(database) == []

    @pytest.mark.parametrize(("table", "column"), [("events", "leaf"), ("fact_releases", "release"), ("index_packs", "pack")])
    def test_bytes_that_are_no_digest_are_damage(self, database: Database, table: str, column: str) -> None:
        """They are named when they are looked for, and when they are met: never taken for a mistake of whoever asks."""
        written(database)
        first = f"(SELECT {column} FROM {table} ORDER BY 1 LIMIT 1)"  # noqa: S608 - names of ours
        with database.writing() as session:
            session.execute(f"UPDATE {table} SET {column} = :short WHERE {column} = {first}", short=b"short")  # noqa: S608 - as above
        assert [one for one in database.damages() if f"{table}.{column} holds" in one]
        with pytest.raises(Integrity, match=f"{table}.{column} holds"):
            list(stored_events(database))
            with database.reading() as session:
                recorded_packs(session)
                releases.every_release(session)

    @pytest.mark.parametrize(
        ("change", "table"),
        [
            ("UPDATE fact_releases SET number = number + 1 WHERE number = 2", "fact_releases"),
            ("DELETE FROM fact_suspects", "fact_suspects"),
            ("UPDATE fact_deployments SET recorded_at = '2020-01-01T00:00:00.000000Z'", "fact_deployments"),
        ],
    )
    def test_a_fact_that_somebody_changed_is_found(self, database: Database, change: str, table: str) -> None:
        """Replaying the ledger gives another one, and changes nothing."""
        written(database)
        with database.writing() as session:
            assert session.execute(change)
        with database.reading() as session:
            before = counts(session)
        found = differing_facts(database)
        assert found
        assert all(one.startswith(f"{table}: ") for one in found)
        with database.reading() as session:
            assert counts(session) == before

    def test_a_scratch_database_is_empty_and_nobody_elses(self, database: Database, other: Database) -> None:
        """It has the tables that were asked for, with their keys, and no other."""
        written(database)
        with database.scratch("fact_") as session:
            assert {table: session.rows(f"SELECT count(*) FROM {table}")[0][0] for table in FACT_TABLES} == dict.fromkeys(FACT_TABLES, 0)  # noqa: S608
            insert = "INSERT INTO fact_retention (pipeline, policy, sequence) VALUES ('bot', '{}', 1) ON CONFLICT (pipeline) DO NOTHING"
            assert (session.execute(insert), session.execute(insert)) == (1, 0)
            assert len(list(stored_events(database))) == 5
            with other.reading() as beside:
                assert beside.rows("SELECT * FROM fact_retention") == []
        with pytest.raises(LastgoodError), database.scratch("fact_") as session:
            session.rows("SELECT * FROM events")
        with database.reading() as session:
            assert session.rows("SELECT * FROM fact_retention") == []

    @pytest.mark.parametrize("way", ["clear", "unlink"])
    def test_the_index_is_emptied_and_filled_again_in_one_change(self, database: Database, other: Database, way: str) -> None:
        """Until it is committed all is as it was, for the others and for whoever gives up; what is no index stays."""
        written(database)
        with database.reading() as session:
            before = counts(session)
        with pytest.raises(ZeroDivisionError), database.writing() as session:
            getattr(database, way)(session, rebuilding.TABLES)
            raise ZeroDivisionError
        with other.reading() as session:
            assert counts(session) == before
        with database.writing() as session:
            getattr(database, way)(session, rebuilding.TABLES)
            assert {count for table, count in counts(session).items() if table.startswith("index_")} == {0}
            add_packs(session, [packed("one")])
        database.compact()
        with other.reading() as session:
            assert counts(session) == before
        assert CatalogIndex(other).known_chunks([chunk("a"), chunk("b")]) == {chunk("a"), chunk("b")}
        assert database.damages() == []

    def test_emptying_keeps_readers_on_what_they_see(self, database: Database, other: Database) -> None:
        """Whoever reads sees the old index to its end, wherever the writer may have come."""
        written(database)

        def rebuild() -> None:
            with database.writing() as session:
                database.clear(session, rebuilding.TABLES)

        writer = threading.Thread(target=rebuild)
        with other.reading() as session:
            assert len(recorded_packs(session)) == 1
            writer.start()
            writer.join(0.2)
            assert len(recorded_packs(session)) == 1
        writer.join(PATIENCE)
        with other.reading() as session:
            assert recorded_packs(session) == []

    def test_compacting_changes_nothing(self, database: Database, other: Database) -> None:
        """Every row is where it was."""
        written(database)
        with database.reading() as session:
            before = counts(session)
        database.compact()
        for one in (database, other):
            with one.reading() as session:
                assert counts(session) == before

    def test_a_copy_has_every_row_in_one_sqlite_file(self, database: Database, tmp_path: Path) -> None:
        """It is a catalog like any other, of the moment in which it was made."""
        written(database)
        database.copy(tmp_path / "copy.db")
        copy = SQLiteDatabase(tmp_path / "copy.db")
        assert require_current_schema(copy) is None
        require_own_schema(copy)
        assert list(stored_events(copy)) == list(stored_events(database))
        with copy.reading() as copied, database.reading() as session:
            assert list(stored_texts(copied)) == list(stored_texts(session))
            assert facts_of(copied) == facts_of(session)
            assert counts(copied) == counts(session)
            assert rebuilding.remembered_contents(copied, packed("one").pack, 1_000) == packed("one")
        copy.close()
        assert [one.name for one in tmp_path.iterdir() if one.name.startswith("copy")] == ["copy.db"]
        with pytest.raises(LastgoodError):
            database.copy(tmp_path / "copy.db")
        with pytest.raises(LastgoodError):
            database.copy(tmp_path / "missing" / "copy.db")


class UpkeepConformance(DamageConformance):
    """Beside that, the index is made anew from the packs, and the collector's and the optimizer's questions are answered."""

    def test_the_index_is_rebuilt_from_what_packs_say(self, database: Database) -> None:
        """What the old index remembers, and what of a pack fits into the new one."""
        written(database)
        contents = packed("one")
        with database.writing() as session:
            old = rebuilding.remembered(session)
            assert (old.packs, old.generation) == ((contents.pack,), 0)
            assert rebuilding.remembered_contents(session, contents.pack, 1_000) == contents
            database.clear(session, rebuilding.TABLES)
            number = rebuilding.record_pack(session, contents)
            for depth in (0, 1):
                fitting = rebuilding.frames_that_fit(session, contents, depth)
                assert set(fitting.depths) == {depth}
                rebuilding.record_chunks(session, number, contents, fitting.chunks, fitting.depths)
            assert rebuilding.files_that_fit(session, contents.files) == contents.files
            rebuilding.note_rebuilding(session, old, START, step="loss")
            assert rebuilding.count_index(session) == (1, 2, 0)
        assert CatalogIndex(database).has_losses()
        assert CatalogIndex(database).find_chunks([chunk("b")])[chunk("b")].frame == contents.frames[1]
        with database.writing() as session:
            rebuilding.forget_pack(session, number, [chunk("a"), chunk("b")])
            assert rebuilding.count_index(session) == (0, 0, 0)

    def test_what_the_collector_asks_and_notes(self, database: Database) -> None:
        """What is used, condemned, pardoned and swept; large numbers are as exact as small ones."""
        written(database)
        large = Frame(5_000_000_000, 2_000_000_019, 2_000_000_019, Encoding.RAW)
        with database.writing() as session:
            add_packs(session, [pack("large", (ChunkInPack(chunk("l"), 0, 0, 2_000_000_019),), frames=(large,))])
        chunks, files = collection.Condemnable.CHUNKS, collection.Condemnable.FILES
        assert set(collection.recorded_keys(database, chunks)) == {chunk("a"), chunk("b"), chunk("l")}
        with database.writing() as session:
            assert [(use.number, use.used, use.chunks) for use in collection.pack_uses(session)] == [(0, 20.0, 2), (1, 2_000_000_019.0, 1)]
            assert [use.used for use in collection.pack_uses(session, [chunk("l"), chunk("a")])] == [10.0, 0.0]
            assert collection.encoded_bytes(session, [chunk("a"), chunk("l")]) == 2_000_000_029
            assert collection.with_bases(session, [chunk("b")]) == {chunk("a"), chunk("b")}
            assert collection.chunks_of_files(session, [FILE]) == {chunk("a"), chunk("b")}
            collection.condemn(session, chunks, {chunk("b")}, START)
            collection.condemn(session, files, {FILE}, START)
            collection.record_step(session, "condemn", START)
        with database.writing() as session:
            assert collection.condemned(session, chunks) == {chunk("b"): START}
            assert collection.rows_condemned_before(session, START)
            assert not collection.rows_condemned_before(session, START - timedelta(seconds=1))
            assert collection.newest_instant(session) == START
            collection.forget_the_future(session, START - timedelta(days=1))
            assert collection.condemned(session, files) == {FILE: START - timedelta(days=1)}
            collection.sweep(session, {chunk("b")}, {FILE})
            assert collection.drop_packs(session, [packed("one").pack, pack("large").pack], START) == set()
            collection.sweep(session, {chunk("a")}, set())
            assert collection.drop_packs(session, [packed("one").pack], START) == {packed("one").pack}
            assert collection.orphans(session) == {packed("one").pack: START}
            assert collection.recorded_among_packs(session, [packed("one").pack, pack("large").pack]) == {pack("large").pack}
            collection.forget_orphans(session, [packed("one").pack])
            state = collection.index_state(session)
        assert (state.events, state.generation, state.newest_pack) == (5, 1, pack("large").pack)

    def test_what_optimizing_asks_and_moves(self, database: Database) -> None:
        """Packs in use, what lies in them, what resembles it, and what must stay above it."""
        written(database)
        with database.writing() as session:
            (held,) = optimizing.packs_in_use(session)
            assert (held.pack, held.size, optimizing.number_of(session, held.pack)) == (packed("one").pack, 1_000, held.number)
            lying = optimizing.chunks_read_from(session, held.number)
            assert [(one.chunk, one.label, one.is_condemned) for one in lying] == [
                (chunk("a"), LABEL, False),
                (chunk("b"), 2**63 - 1, False),
            ]
            assert optimizing.relatives(session, held.number, lying[1], frozenset()) == ()
            assert optimizing.shallowest_above(session, [chunk("a"), chunk("b")]) == {chunk("a"): 1}
        moved = packed("two")
        with database.writing() as session:
            assert move_chunks(session, [moved], [packed("one").pack]) == {chunk("a"), chunk("b")}
        assert CatalogIndex(database).find_chunks([chunk("b")])[chunk("b")].pack == moved.pack

    def test_any_number_of_keys_may_be_condemned_and_pardoned(self, database: Database) -> None:
        """More than fit in one statement."""
        keys = {bytes(chunk(number)) for number in range(MANY)}
        kind = collection.Condemnable.CHUNKS
        with database.writing() as session:
            collection.condemn(session, kind, keys, START)
            collection.condemn(session, kind, keys, START + timedelta(days=1))
            assert collection.condemned(session, kind) == dict.fromkeys(keys, START)
            collection.pardon(session, kind, keys)
            assert collection.condemned(session, kind) == {}

    def test_a_reader_that_stays_holds_up_no_care_for_ever(self, open_catalog: OpenCatalog, database: Database) -> None:
        """Who cannot have the tables in time is told that they are busy, or had them beside the reader."""
        written(database)
        impatient = open_catalog(0.05)
        done = threading.Event()

        def unlink() -> None:
            try:
                with impatient.writing() as session:
                    impatient.unlink(session, rebuilding.TABLES)
            except Busy:
                pass
            done.set()

        with database.reading() as session:
            assert len(recorded_packs(session)) == 1
            carer = threading.Thread(target=unlink)
            carer.start()
            assert done.wait(PATIENCE)
            assert environments.current_deployment(session, BOT, PROD) is not None
        carer.join(PATIENCE)
        impatient.close()
