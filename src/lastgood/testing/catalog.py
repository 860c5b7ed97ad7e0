"""What every database of the catalog must do, as tests that anyone can run on their own.

Its author subclasses `CatalogConformance`, gives it a fixture that opens an empty catalog, and runs pytest:

    class TestMyDatabase(CatalogConformance):
        @pytest.fixture
        def open_catalog(self, tmp_path):
            create_catalog(tmp_path / "catalog.db", lambda database: None)
            return lambda wait: SQLiteDatabase(tmp_path / "catalog.db", wait=wait)

The catalog has its whole schema and no event. Each call of what the fixture returns opens it once more, as another process
would; `wait` is for how many seconds a session waits for others. The rules that are tested are those of
`lastgood.catalog.database`, `records`, `facts` and `placement`, by running every statement there is.
"""

# ruff: noqa: S101, PLR2004, PT012 - a suite is made of asserts on expected numbers, and what must fail is a whole change

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from lastgood.catalog.database import Database
from lastgood.catalog.records import PAGE, Appender, event_of_operation, read_text, stored_events, stored_texts
from lastgood.clock import BACKWARD_TOLERANCE
from lastgood.errors import Busy, ClockWentBack, Integrity, Invalid, NewerSchema
from lastgood.ids import OperationId, PipelineName, TagName, TextDigest
from lastgood.model.changes.body import Body
from lastgood.model.changes.registry import RegistryCreated, RetentionRecorded
from lastgood.model.event import leaf_hash, read_event, text_digest
from lastgood.model.operation import Operation, new_operation_id
from lastgood.testing.catalog_facts import FactsConformance
from lastgood.testing.catalog_index import IndexConformance
from lastgood.testing.catalog_ledger import LedgerConformance
from lastgood.testing.catalog_retention import RetentionConformance
from lastgood.testing.catalog_suite import PATIENCE, CatalogSuite, OpenCatalog
from lastgood.testing.catalog_upkeep import SessionsConformance, UpkeepConformance
from lastgood.testing.history import ACTOR, BOT, REGISTRY, START, History, facts_of


def recorded(policy: int, pipeline: PipelineName = BOT) -> Body:
    """Return an event that may be appended any number of times."""
    return RetentionRecorded(pipeline, {"keep_last": policy})


def policies(database: Database) -> list[object]:
    """Return what the events of `recorded` say, in their order."""
    bodies = [read_event(document).body for _, _, document in stored_events(database)]
    return [body.policy["keep_last"] for body in bodies if isinstance(body, RetentionRecorded)]


class EventsAndTextsConformance(CatalogSuite):
    """Events and texts are kept as they were written."""

    def test_an_empty_catalog_has_no_record(self, database: Database) -> None:
        """A new catalog holds nothing at all."""
        assert list(stored_events(database)) == []
        with database.reading() as session:
            assert list(stored_texts(session)) == []
            assert not any(facts_of(session).values())
            assert event_of_operation(session, new_operation_id(bytes)) is None

    def test_events_are_stored_verbatim_with_their_leaf_hashes(self, database: Database) -> None:
        """What is read is what was appended, byte for byte."""
        history = History(database)
        appended = history.append(RegistryCreated(REGISTRY), recorded(1)) + history.append(recorded(2))
        stored = list(stored_events(database))
        assert [document for _, _, document in stored] == [event.document() for event in appended]
        assert [leaf for _, leaf, _ in stored] == [leaf_hash(event.document()) for event in appended]
        assert [read_event(document) for _, _, document in stored] == appended

    def test_the_sequence_begins_with_0_and_has_no_gap(self, database: Database) -> None:
        """Operations that append several events, none, or fail leave no gap."""
        history = History(database)
        history.append(recorded(0), recorded(1))
        history.append()
        with pytest.raises(ZeroDivisionError), history.change() as (_, ledger):
            ledger.append(recorded(9))
            raise ZeroDivisionError
        history.append(recorded(2))
        assert [sequence for sequence, _, _ in stored_events(database)] == [0, 1, 2]
        assert [read_event(document).sequence for _, _, document in stored_events(database)] == [0, 1, 2]

    def test_events_are_read_a_page_at_a_time(self, database: Database) -> None:
        """A reader of many events sees each once, in order, and holds up no writer between pages."""
        history = History(database)
        history.append(*(recorded(number) for number in range(PAGE + 1)))
        reader = stored_events(database)
        first = next(reader)
        history.append(recorded(PAGE + 1))
        assert [sequence for sequence, _, _ in [first, *reader]] == list(range(PAGE + 2))

    def test_texts_stand_apart_under_salted_digests(self, database: Database) -> None:
        """One text has another digest each time, and no event shows it."""
        history = History(database)
        with history.change() as (session, ledger):
            one, again, none = ledger.text("it was too curt — é"), ledger.text("it was too curt — é"), ledger.text(None)
            ledger.append(recorded(1))
            assert none is None
            assert one is not None
            assert again is not None
            assert one != again
            assert read_text(session, one) == read_text(session, again) == "it was too curt — é"
        with database.reading() as session:
            kept = {digest: (salt, text) for digest, salt, text in stored_texts(session)}
        assert len(kept) == 3
        assert all(text_digest(salt, text) == digest for digest, (salt, text) in kept.items())
        assert len({salt for salt, _ in kept.values()}) == 3
        assert not any(b"curt" in document or ACTOR.encode() in document for _, _, document in stored_events(database))

    def test_an_erased_text_reads_as_none(self, database: Database) -> None:
        """Erasure takes the text and leaves the event as it was."""
        history = History(database)
        (event,) = history.append(recorded(1))
        with database.writing() as session:
            assert read_text(session, event.actor) == ACTOR
            assert session.execute("DELETE FROM texts WHERE digest = :digest", digest=event.actor) == 1
            assert read_text(session, event.actor) is None
            assert read_text(session, None) is None
            assert read_text(session, TextDigest.of(b"never")) is None
        assert [read_event(document) for _, _, document in stored_events(database)] == [event]

    @pytest.mark.parametrize("text", ["", "'; DROP TABLE events; --", "a\nb", ":name ? %s", "\U0001f600" * 1_000, "e\u0301", "x" * 200_000])
    def test_any_text_is_kept_as_it_is(self, database: Database, text: str) -> None:
        """Nothing is cut, folded or understood as SQL."""
        history = History(database)
        with history.change(actor=text) as (_, ledger):
            event = ledger.append(recorded(1))
        with database.reading() as session:
            assert read_text(session, event.actor) == text

    @pytest.mark.parametrize("text", ["a\0b", "\udcff"])
    def test_a_text_that_not_every_database_keeps_is_refused(self, database: Database, text: str) -> None:
        """The refusal is ours, before a database has its own, and nothing of the change stays."""
        history = History(database)
        with pytest.raises(Invalid, match="nothing was changed"), history.change() as (_, ledger):
            ledger.append(recorded(1))
            ledger.text(text)
        assert list(stored_events(database)) == []


class RecordsConformance(EventsAndTextsConformance):
    """Records, with who made them and when: the truth that everything else follows from."""

    def test_an_operation_has_one_actor_and_is_found_by_its_id(self, database: Database) -> None:
        """A retry finds the first event of its operation."""
        history = History(database)
        asked, unknown = new_operation_id(history.entropy), new_operation_id(history.entropy)
        first, second = history.append(recorded(1), recorded(2), operation=asked)
        history.append(recorded(3))
        assert first.actor == second.actor
        assert first.operation == asked
        with database.reading() as session:
            assert event_of_operation(session, asked) == first
            assert event_of_operation(session, unknown) is None
            assert event_of_operation(session, OperationId(str(asked).upper())) is None

    def test_recorded_time_follows_the_clock_and_never_runs_back_unnoticed(self, database: Database) -> None:
        """A clock that goes back a little stands still, one that goes back more stops the operation."""
        history = History(database)
        history.append(recorded(1))
        history.clock.advance(seconds=-60)
        (clamped,) = history.append(recorded(2))
        assert clamped.recorded_at == START
        history.clock.advance(seconds=-BACKWARD_TOLERANCE.total_seconds())
        with pytest.raises(ClockWentBack):
            history.append(recorded(3))
        accepting = Operation(new_operation_id(history.entropy), ACTOR, accept_clock=True)
        with database.writing() as session:
            Appender(session, accepting, history.clock, history.entropy).append(recorded(4))
        history.clock.advance(seconds=1)
        (after,) = history.append(recorded(5))
        assert after.recorded_at == START - BACKWARD_TOLERANCE - timedelta(seconds=59)
        assert policies(database) == [1, 2, 4, 5]

    def test_an_event_that_cannot_be_read_is_a_matter_of_integrity(self, database: Database) -> None:
        """What the ledger holds is no input of the user's, unless a newer version wrote it."""
        history = History(database)
        (event,) = history.append(recorded(1))
        for document, error in ((b"{", Integrity), (event.document().replace(b"event/1", b"event/2"), NewerSchema)):
            with database.writing() as session:
                session.execute("UPDATE events SET document = :document", document=document)
            with database.reading() as session, pytest.raises(error):
                event_of_operation(session, event.operation)
            with pytest.raises(error):
                history.append(recorded(2))


class TransactionsConformance(CatalogSuite):
    """One change is one transaction: all of it or nothing, one writer at a time."""

    @pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, GeneratorExit, Busy])
    def test_what_ends_in_an_exception_leaves_nothing(self, database: Database, other: Database, error: type[BaseException]) -> None:
        """Neither event nor text nor fact stays, and the database can be used as before."""
        history = History(database)
        history.append(recorded(1))
        with database.reading() as session:
            before = (list(stored_texts(session)), facts_of(session))
        with pytest.raises(error), history.change() as (session, ledger):
            ledger.text("a reason")
            ledger.append(recorded(2))
            ledger.append(recorded(3, PipelineName("other")))
            assert facts_of(session) != before[1]
            raise error("stop")
        for one in (database, other):
            assert policies(one) == [1]
            with one.reading() as session:
                assert (list(stored_texts(session)), facts_of(session)) == before
        history.append(recorded(4))
        assert policies(other) == [1, 4]

    def test_a_statement_that_fails_leaves_nothing(self, database: Database) -> None:
        """What the database refuses ends in an error of ours, and the change is undone whole."""
        history = History(database)
        history.append(RegistryCreated(REGISTRY))
        with pytest.raises(Integrity), history.change() as (_, ledger):
            ledger.append(recorded(1))
            ledger.append(RegistryCreated(REGISTRY))
        assert policies(database) == []
        history.append(recorded(2))
        assert policies(database) == [2]

    def test_a_writer_sees_what_it_wrote_and_readers_only_what_is_committed(self, database: Database, other: Database) -> None:
        """A reader is not held up by an open change, and sees nothing of it."""
        history = History(database)
        history.append(recorded(1))
        with history.change() as (_, ledger):
            ledger.append(recorded(2))
            with database.reading() as inside:
                assert inside.rows("SELECT sequence FROM events ORDER BY sequence") == [(0,), (1,)]
            assert policies(other) == [1]
        assert policies(other) == [1, 2]

    def test_a_reader_sees_one_state_however_long_it_reads(self, database: Database, other: Database) -> None:
        """A change that is made meanwhile is seen by the next session, not by this one."""
        history = History(database)
        history.append(recorded(1))
        writer = threading.Thread(target=lambda: history.append(recorded(2)))
        with other.reading() as session:
            before = session.rows("SELECT sequence FROM events")
            writer.start()
            writer.join(0.2)
            assert session.rows("SELECT sequence FROM events") == before
            assert session.rows("SELECT policy FROM fact_retention") == [('{"keep_last":1}',)]
        writer.join(PATIENCE)
        assert policies(other) == [1, 2]

    def test_a_second_writer_waits_for_the_first(self, database: Database, other: Database) -> None:
        """Both changes are made, one after the other, each on what the other left."""
        first, second = History(database, "first"), History(other, "second")
        started, entered = threading.Event(), threading.Event()

        def write() -> None:
            started.set()
            with second.change() as (_, ledger):
                entered.set()
                ledger.append(recorded(2))

        writer = threading.Thread(target=write)
        with first.change() as (_, ledger):
            writer.start()
            assert started.wait(PATIENCE)
            assert not entered.wait(0.2), "the second writer did not wait"
            ledger.append(recorded(1))
        writer.join(PATIENCE)
        assert entered.is_set()
        assert policies(database) == [1, 2]

    def test_a_writer_that_waited_in_vain_is_told_that_it_is_busy(self, open_catalog: OpenCatalog, database: Database) -> None:
        """It changed nothing, holds nothing, and may try again."""
        impatient = open_catalog(0.05)
        second = History(impatient, "second")
        with History(database).change() as (_, ledger):
            with pytest.raises(Busy, match="nothing was changed"):
                second.append(recorded(2))
            ledger.append(recorded(1))
        second.append(recorded(3))
        assert policies(database) == [1, 3]
        impatient.close()

    @pytest.mark.parametrize("sharing", [True, False], ids=["one database", "a database each"])
    def test_many_writers_lose_nothing(self, open_catalog: OpenCatalog, database: Database, sharing: bool) -> None:  # noqa: FBT001
        """Threads that share a database take turns, as processes do."""

        def write(number: int) -> None:
            own = database if sharing else open_catalog(PATIENCE)
            history = History(own, str(number))
            for step in range(5):
                history.append(recorded(number * 10 + step))
                assert number * 10 + step in policies(own)
            if not sharing:
                own.close()

        writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join(PATIENCE)
        said = policies(database)
        assert sorted(map(str, said)) == sorted(str(number * 10 + step) for number in range(4) for step in range(5))
        for number in range(4):
            assert [one for one in said if isinstance(one, int) and one // 10 == number] == [number * 10 + step for step in range(5)]
        assert [sequence for sequence, _, _ in stored_events(database)] == list(range(20))

    def test_what_is_committed_is_there_for_whoever_opens_next(self, open_catalog: OpenCatalog) -> None:
        """Closing a database loses nothing."""
        first = open_catalog(PATIENCE)
        History(first).tag(History(first, "x").commit("hello"), TagName("v1"))
        first.close()
        second = open_catalog(PATIENCE)
        assert len(list(stored_events(second))) == 2
        second.close()


class CatalogConformance(
    RecordsConformance,
    TransactionsConformance,
    SessionsConformance,
    FactsConformance,
    IndexConformance,
    UpkeepConformance,
    LedgerConformance,
    RetentionConformance,
):
    """Everything that a database of the catalog must do; each test starts with an empty catalog."""
