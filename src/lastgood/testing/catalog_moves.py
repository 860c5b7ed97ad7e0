"""What every database of the catalog must answer about canaries, operations, holds and moving tags; part of `CatalogConformance`."""

# ruff: noqa: S101 - a suite is made of asserts

from __future__ import annotations

from lastgood.catalog import environments, holds, records, releases
from lastgood.catalog.database import Database
from lastgood.ids import EnvironmentName, IncidentName, OperationId, ReleaseId, TagName
from lastgood.model.changes.environments import EnvironmentMoved, MoveKind
from lastgood.model.changes.releases import BehaviorMarked, HoldLifted, ReleaseHeld, TagRemoved, TagSet, Verdict
from lastgood.model.operation import new_operation_id
from lastgood.testing.catalog_suite import CatalogSuite
from lastgood.testing.history import ACTOR, BOT, PROD, START, History

STAGING = EnvironmentName("staging")


class MovesConformance(CatalogSuite):
    """Moves that only concern a canary, and what takes moves, tags and holds back."""

    def test_a_canary_is_no_step_of_history(self, database: Database) -> None:
        """Who counts deployments back passes over it, and the newest move tells of it."""
        history = History(database)
        one, two, three = (history.commit(words) for words in ("one", "two", "three"))
        history.move(one, 1)
        history.move(two, 2, below=1)
        history.move(two, 3, entry=2, canary=(three, 10))
        with database.reading() as session:
            newest = environments.current_deployment(session, BOT, PROD)
            assert newest is not None
            assert (newest.revision, newest.release, newest.number, newest.kind) == (3, two.release, 2, MoveKind.CANARY)
            assert (newest.canary, newest.canary_number, newest.percent, newest.ended) == (three.release, 3, 10, None)
            back = [environments.deployment_before(session, BOT, PROD, steps) for steps in range(3)]
            assert [None if each is None else each.revision for each in back] == [2, 1, None]
            assert [each.revision for each in environments.deployments(session, BOT, PROD)] == [3, 2, 1]
            assert [(each.revision, each.percent) for each in environments.deployments_of(session, BOT, three.release)] == [(3, 10)]
            assert [each.revision for each in environments.deployments_of(session, BOT, two.release)] == [2]
            assert not environments.was_deployed(session, BOT, PROD, three.release)
            assert [entry.revision for entry in environments.stack(session, BOT, PROD)] == [2, 1]

    def test_what_a_move_says_beside_where_it_went(self, database: Database) -> None:
        """How long it took, what it answers to and which canary it ended."""
        history = History(database)
        one, two = history.commit("one"), history.commit("two")
        body = EnvironmentMoved(
            *(BOT, PROD, 1, MoveKind.ROLLBACK, None, one.release, one.behavior, 1, None, (), None, None),
            ended=two.release,
            milliseconds=2**40,
            incident=IncidentName("OPS-17"),
        )
        history.append(body)
        with database.reading() as session:
            told = environments.current_deployment(session, BOT, PROD)
        assert told is not None
        assert (told.ended, told.ended_number, told.milliseconds, told.incident, told.canary) == (two.release, 2, 2**40, "OPS-17", None)

    def test_moves_are_counted_by_their_kind(self, database: Database) -> None:
        """Those of all environments, from an instant on if one is given; of rollbacks, how long they took."""
        history = History(database)
        with database.reading() as session:
            assert environments.moves_by_kind(session) == []
        one, times = history.commit("one"), []
        kinds = (MoveKind.DEPLOY, 9), (MoveKind.ROLLBACK, 250), (MoveKind.DEPLOY, None), (MoveKind.ROLLBACK, 40)
        for environment, (kind, took) in zip(map(EnvironmentName, ("prod", "staging", "test", "canary")), kinds, strict=True):
            history.clock.advance(seconds=60)
            body = EnvironmentMoved(BOT, environment, 1, kind, None, one.release, one.behavior, 1, None, (), None, None, milliseconds=took)
            times += [event.recorded_at for event in history.append(body)]
        with database.reading() as session:
            counted = environments.moves_by_kind(session)
            assert [(each.kind, each.number) for each in counted] == [(MoveKind.DEPLOY, 2), (MoveKind.ROLLBACK, 2)]
            assert [each.first for each in counted] == times[:2]
            later = environments.moves_by_kind(session, since=times[1])
            assert [(each.kind, each.number) for each in later] == [(MoveKind.DEPLOY, 1), (MoveKind.ROLLBACK, 2)]
            assert environments.rollback_milliseconds(session) == [40, 250]

    def test_suspicions_of_one_move_are_told_from_others(self, database: Database) -> None:
        """An undo takes back those that its move made, and brings back those that it lifted."""
        history = History(database)
        one, two, three = (history.commit(words) for words in ("one", "two", "three"))
        history.move(one, 1, suspects=(two.behavior,))
        history.move(one, 2, suspects=(two.behavior, three.behavior))
        with database.reading() as session:
            last = records.count_events(session) - 1
            assert environments.suspects_since(session, BOT, PROD, last) == [three.behavior]
            assert environments.suspects_since(session, BOT, PROD, last - 1) == [two.behavior]
            assert environments.suspects_since(session, BOT, STAGING, last) == []
        lifting = EnvironmentMoved(
            *(BOT, PROD, 3, MoveKind.UNDO, None, one.release, one.behavior, 1, None, (), None, None), lifted=(three.behavior,)
        )
        history.append(lifting)
        with database.reading() as session:
            assert environments.marks(session, BOT, PROD).suspect == {two.behavior}

    def test_a_mark_that_is_taken_back_leaves_suspicions(self, database: Database) -> None:
        """Who was never judged is not good."""
        history = History(database)
        one = history.commit("one")
        history.move(one, 1, suspects=(one.behavior,))
        (bad,) = history.append(BehaviorMarked(BOT, one.release, one.behavior, Verdict.BAD, None))
        with database.reading() as session:
            assert environments.bad_since(session, one.behavior) == bad.sequence
        history.append(BehaviorMarked(BOT, one.release, one.behavior, Verdict.UNJUDGED, None))
        with database.reading() as session:
            assert environments.bad_since(session, one.behavior) is None
            assert environments.marks(session, BOT, PROD).suspect == {one.behavior}

    def test_a_tag_moves_and_goes(self, database: Database) -> None:
        """It is where the last event put it, and since when is known."""
        history = History(database)
        one, two = history.commit("one"), history.commit("two")
        tag = TagName("v1")
        history.append(TagSet(BOT, tag, one.release))
        (moved,) = history.append(TagSet(BOT, tag, two.release, one.release))
        with database.reading() as session:
            assert releases.release_by_tag(session, BOT, "v1") == releases.require_release(session, two.release)
            assert releases.tagged_since(session, BOT, "v1") == moved.sequence
            assert releases.require_release(session, one.release).tags == ()
        history.append(TagRemoved(BOT, tag, two.release))
        with database.reading() as session:
            assert releases.release_by_tag(session, BOT, "v1") is None
            assert releases.tagged_since(session, BOT, "v1") is None

    def test_holds(self, database: Database) -> None:
        """A release is held until the hold is lifted, and says by whom and why."""
        history = History(database)
        one, two = history.commit("one"), history.commit("two")
        with history.change() as (_, ledger):
            held = ledger.append(ReleaseHeld(BOT, one.release, ledger.text("the auditors")))
        with database.reading() as session:
            assert holds.held_releases(session) == {one.release}
            hold = holds.hold_of(session, one.release)
            assert hold is not None
            assert (hold.sequence, hold.actor, hold.reason, hold.recorded_at) == (held.sequence, ACTOR, "the auditors", START)
            assert holds.hold_of(session, two.release) is None
            assert holds.hold_of(session, ReleaseId(bytes(32))) is None
        history.append(HoldLifted(BOT, one.release, held.sequence, None))
        with database.reading() as session:
            assert holds.held_releases(session) == frozenset()

    def test_operations_are_found_with_all_their_events(self, database: Database) -> None:
        """By their ids, by the beginnings of these, and from the newest back."""
        history = History(database)
        one = history.commit("one")
        asked = new_operation_id(history.entropy)
        bodies = [TagSet(BOT, TagName(name), one.release) for name in ("a", "b", "c")]
        made = history.append(*bodies, operation=asked)
        (after,) = history.append(ReleaseHeld(BOT, one.release, None))
        with database.reading() as session:
            assert records.events_of_operation(session, asked) == made
            assert records.events_of_operation(session, new_operation_id(bytes)) == []
            assert records.event_at(session, after.sequence) == after
            assert records.event_at(session, after.sequence + 1) is None
            assert records.newest_operations(session, 2) == [after.operation, asked]
            assert records.operations_like(session, asked[:8]) == [asked]
            assert records.operations_like(session, str(asked)) == [asked]
            assert records.operations_like(session, "zzzzzz") == []
            assert set(records.operations_like(session, "", most=9)) == set(records.newest_operations(session, 9))
            assert list(records.events_before(session, after.sequence, b'"tag.set"')) == made[::-1]
            assert list(records.events_before(session, made[1].sequence, b'"tag.set"')) == made[:1]
            assert list(records.events_before(session, after.sequence, b'"tag.set"', after=made[0].sequence)) == made[:0:-1]
            assert list(records.events_before(session, 0, b"")) == []

    def test_many_events_are_read_back_a_page_at_a_time(self, database: Database) -> None:
        """Each once, newest first."""
        history = History(database)
        one = history.commit("one")
        made = history.append(*(TagSet(BOT, TagName(f"t{number}"), one.release) for number in range(records.PAGE + 5)))
        with database.reading() as session:
            assert list(records.events_before(session, made[-1].sequence, b"tag.set")) == made[-2::-1]
            assert len(records.events_of_operation(session, OperationId(made[0].operation))) == len(made)
