"""What every database of the catalog must answer about incidents and pilots; part of `CatalogConformance`."""

# ruff: noqa: S101 - a suite is made of asserts

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from lastgood.catalog import incidents, pilots
from lastgood.catalog.database import Database
from lastgood.ids import EnvironmentName, IncidentName, PipelineName, SourceDigest
from lastgood.model.changes.environments import EnvironmentMoved, MoveKind
from lastgood.model.changes.incidents import (
    BackfillWithdrawn,
    Currency,
    DeploymentBackfilled,
    IncidentKind,
    IncidentLinked,
    IncidentRecorded,
    IncidentStep,
    IncidentUnlinked,
    IncidentWithdrawn,
)
from lastgood.model.changes.pilots import PilotStarted, PilotWithdrawn
from lastgood.model.history import Backfill
from lastgood.model.pilot import TimedMove
from lastgood.testing.catalog_suite import CatalogSuite
from lastgood.testing.history import ACTOR, BOT, PROD, START, History

LINE = SourceDigest.of(b"line 7")
HOUR = timedelta(hours=1)


def record(history: History, number: int = 1, **said: object) -> IncidentRecorded:
    """Open an incident of prod that was noticed at the beginning, with other fields where they are given."""
    with history.change() as (_, ledger):
        title = ledger.text("it cites nothing")
        assert title is not None
        unsaid = dict.fromkeys(
            ("started", "mitigated", "closed", "release", "minutes", "cost", "currency", "preventable", "impact", "source")
        )
        known = {"kind": IncidentKind.INCIDENT, "environment": PROD, "detected": START, **unsaid, **said}
        body = IncidentRecorded(
            incident=IncidentName.numbered(number),
            step=IncidentStep.OPENED,
            pipeline=BOT,
            title=title,
            **known,  # type: ignore[arg-type]  # each name has its own type
        )
        ledger.append(body)
        return body


class IncidentsConformance(CatalogSuite):
    """Incidents are found as the last event says them, with all that belongs to them."""

    def test_an_incident_is_what_the_last_event_says(self, database: Database) -> None:
        """Who opened it, and when, stays."""
        history = History(database)
        one = history.commit("one")
        first = record(history, source=LINE)
        history.clock.advance(seconds=60)
        said = replace(
            first,
            step=IncidentStep.CLOSED,
            started=START - HOUR,
            mitigated=START + HOUR,
            closed=START + 2 * HOUR,
            release=one.release,
            minutes=90,
            cost=2**40,
            currency=Currency("EUR"),
            preventable=False,
        )
        history.append(said)
        with database.reading() as session:
            found = incidents.incident_named(session, first.incident)
            assert found is not None
            assert (found.said, found.title, found.impact, found.release_number) == (said, "it cites nothing", None, 1)
            assert (found.opened_at, found.opened_by, found.is_open) == (START, ACTOR, False)
            assert incidents.incident_named(session, IncidentName("I2")) is None
            assert incidents.incident_from(session, BOT, LINE) == "I1"
            assert incidents.incident_from(session, PipelineName("other"), LINE) is None
            assert incidents.next_incident(session) == "I2"

    def test_names_are_never_given_twice(self, database: Database) -> None:
        """One that was withdrawn is in no list, and keeps its name."""
        history = History(database)
        with database.reading() as session:
            assert incidents.next_incident(session) == "I1"
        record(history, 9, source=LINE)
        record(history, 10)
        (gone,) = history.append(IncidentWithdrawn(IncidentName("I10")))
        history.append(IncidentWithdrawn(IncidentName("I9")))
        with database.reading() as session:
            assert incidents.incidents_of(session, BOT) == []
            assert incidents.changed_last(session, IncidentName("I10")) == (gone.sequence, True)
            assert incidents.changed_last(session, IncidentName("I3")) is None
            assert incidents.incident_from(session, BOT, LINE) is None
            assert incidents.next_incident(session) == "I11"

    def test_a_list_is_of_one_pipeline_and_a_span_of_time(self, database: Database) -> None:
        """The newest first, and the end of the span is not in it."""
        history = History(database)
        for number, hours in enumerate((2, 0, 1), 1):
            record(history, number, detected=START + hours * HOUR)
        with database.reading() as session:
            assert [one.name for one in incidents.incidents_of(session, BOT)] == ["I1", "I3", "I2"]
            assert [one.name for one in incidents.incidents_of(session, BOT, since=START + HOUR)] == ["I1", "I3"]
            assert [one.name for one in incidents.incidents_of(session, BOT, since=START, until=START + HOUR)] == ["I2"]
            assert incidents.incidents_of(session, PipelineName("other")) == []

    def test_what_is_open_where_nobody_knows_is_open_everywhere(self, database: Database) -> None:
        """What reached nobody is not asked for."""
        history = History(database)
        record(history, 1)
        record(history, 2, environment=None)
        record(history, 3, environment=EnvironmentName("staging"))
        record(history, 4, kind=IncidentKind.NEAR_MISS)
        record(history, 5, closed=START)
        record(history, 6)
        history.append(IncidentWithdrawn(IncidentName("I6")))
        with database.reading() as session:
            assert incidents.open_incidents(session, BOT, PROD) == ["I1", "I2"]
            assert incidents.open_incidents(session, PipelineName("other"), PROD) == []

    def test_moves_answer_to_it_or_are_linked(self, database: Database) -> None:
        """Each is there once, in the order of time."""
        history = History(database)
        one, two = history.commit("one"), history.commit("two")
        history.move(one, 1)
        history.move(two, 2, below=1)
        name = record(history).incident
        history.clock.advance(seconds=60)
        history.append(
            EnvironmentMoved(
                *(BOT, PROD, 3, MoveKind.ROLLBACK, two.release, one.release, one.behavior, 1, None, (), None, None), incident=name
            )
        )
        history.append(IncidentLinked(name, None, PROD, 3, None))
        (second,) = history.append(IncidentLinked(name, two.release, PROD, 2, None))
        with history.change() as (_, ledger):
            noted = ledger.append(IncidentLinked(name, None, None, None, ledger.text("https://example.org/17")))
        with database.reading() as session:
            found = incidents.incident_named(session, name)
            assert found is not None
            assert [(move.revision, move.kind, move.number) for move in found.moves] == [(2, MoveKind.DEPLOY, 2), (3, MoveKind.ROLLBACK, 1)]
            assert (found.releases, [note.text for note in found.notes]) == (((two.release, 2),), ["https://example.org/17"])
            assert found.rolled_back == START + timedelta(seconds=60)
            assert incidents.is_linked(session, noted.sequence)
        history.append(IncidentUnlinked(name, noted.sequence), IncidentUnlinked(name, second.sequence))
        with database.reading() as session:
            found = incidents.incident_named(session, name)
            assert found is not None
            assert (found.releases, found.notes, [move.revision for move in found.moves]) == ((), (), [3])
            assert not incidents.is_linked(session, noted.sequence)

    def test_it_began_with_the_deployment_of_what_is_suspected(self, database: Database) -> None:
        """The last one before it was noticed, in that environment; a canary beside it is none."""
        history = History(database)
        one, two = history.commit("one"), history.commit("two")
        history.move(two, 1)
        history.clock.advance(seconds=60)
        history.move(one, 2, below=1)
        history.clock.advance(seconds=60)
        history.move(two, 3, below=2)
        history.clock.advance(seconds=60)
        history.move(two, 4, entry=3, canary=(one, 10))
        name = record(history, detected=START + HOUR, release=two.release).incident
        history.clock.advance(seconds=4_000)
        history.move(two, 5, below=3)
        with database.reading() as session:
            found = incidents.incident_named(session, name)
        assert found is not None
        assert found.deployed == START + timedelta(seconds=120)

    def test_moves_of_the_past_are_told_of_and_withdrawn(self, database: Database) -> None:
        """The oldest first; nothing moves."""
        history = History(database)
        with history.change() as (_, ledger):
            note = ledger.text("deployed v1.3")
            assert note is not None
            late = DeploymentBackfilled(BOT, PROD, MoveKind.DEPLOY, START - HOUR, None, note, LINE)
            early = DeploymentBackfilled(BOT, None, MoveKind.ROLLBACK, START - 2 * HOUR, IncidentName("I1"), note, SourceDigest.of(b""))
            first, _ = ledger.append(late), ledger.append(early)
        with database.reading() as session:
            assert incidents.backfills_of(session, BOT) == [
                Backfill(None, MoveKind.ROLLBACK, START - 2 * HOUR, IncidentName("I1"), "deployed v1.3"),
                Backfill(PROD, MoveKind.DEPLOY, START - HOUR, None, "deployed v1.3"),
            ]
            assert incidents.backfilled_from(session, BOT, LINE)
            assert incidents.is_backfilled(session, first.sequence)
        history.append(BackfillWithdrawn(BOT, first.sequence))
        with database.reading() as session:
            assert not incidents.backfilled_from(session, BOT, LINE)
            assert not incidents.is_backfilled(session, first.sequence)

    def test_the_newest_pilot_counts(self, database: Database) -> None:
        """One that was withdrawn is none; another pipeline has its own."""
        history = History(database)
        first = PilotStarted(BOT, START, 90, START - 100 * HOUR, START, 1_500)
        second = PilotStarted(BOT, START + HOUR, 30, START - HOUR, START, None)
        history.append(first)
        (started,) = history.append(second)
        with database.reading() as session:
            assert pilots.newest_pilot(session, BOT) == second
            assert pilots.newest_pilot(session, PipelineName("other")) is None
            assert pilots.is_started(session, started.sequence)
        history.append(PilotWithdrawn(BOT, started.sequence))
        with database.reading() as session:
            assert pilots.newest_pilot(session, BOT) == first
            assert not pilots.is_started(session, started.sequence)

    def test_moves_of_a_span_have_their_times(self, database: Database) -> None:
        """The end of the span is not in it."""
        history = History(database)
        one = history.commit("one")
        history.move(one, 1)
        history.clock.advance(seconds=3_600)
        body = EnvironmentMoved(
            *(BOT, PROD, 2, MoveKind.ROLLBACK, one.release, one.release, one.behavior, 1, None, (), None, None), milliseconds=1_234
        )
        history.append(body)
        with database.reading() as session:
            assert pilots.moves_between(session, BOT, START, START + 2 * HOUR) == [
                TimedMove(PROD, MoveKind.DEPLOY, START, None),
                TimedMove(PROD, MoveKind.ROLLBACK, START + HOUR, 1_234),
            ]
            assert pilots.moves_between(session, BOT, START, START + HOUR) == [TimedMove(PROD, MoveKind.DEPLOY, START, None)]

    def test_texts_that_were_erased_are_none(self, database: Database) -> None:
        """The figures stay."""
        history = History(database)
        name = record(history, minutes=30).incident
        with database.writing() as session:
            session.execute("DELETE FROM texts")
        with database.reading() as session:
            found = incidents.incident_named(session, name)
        assert found is not None
        assert (found.title, found.opened_by, found.said.minutes) == (None, None, 30)
