"""What every database of the catalog must answer about tombstones and purged files; part of `CatalogConformance`."""

# ruff: noqa: S101 - a suite is made of asserts

from __future__ import annotations

from datetime import timedelta

from lastgood.canonical import JsonObject
from lastgood.catalog.collection import PURGE, PURGED, is_purge_unfinished, record_step
from lastgood.catalog.database import Database
from lastgood.catalog.purges import Purged, purged_among, purged_files
from lastgood.catalog.removals import removals_of, removed_parts
from lastgood.catalog.retention import recorded_retention
from lastgood.ids import ComponentName, FileDigest, PlanDigest
from lastgood.model.changes.purges import FilesPurged, PurgeLifted
from lastgood.model.changes.registry import RetentionRecorded
from lastgood.model.changes.retention import Removal, RetentionApplied, RetentionWithdrawn
from lastgood.model.parts import Part
from lastgood.model.retention import Policy, Rules
from lastgood.model.retention_policy import policy_to_json
from lastgood.testing.catalog_suite import CatalogSuite
from lastgood.testing.history import ACTOR, BOT, START, History

_ROUTER = ComponentName("router")
_POLICY = Policy(Rules(keep_last=2, keep_deployed={"*": timedelta(days=3)}))


class RetentionConformance(CatalogSuite):
    """Policies, what they let go, and what was purged are found as they were recorded."""

    def test_the_newest_retention_policy_holds(self, database: Database) -> None:
        """A pipeline without one has none."""
        history = History(database)
        history.commit("one")
        with database.reading() as session:
            assert recorded_retention(session, BOT) is None
        history.append(RetentionRecorded(BOT, policy_to_json(Policy(Rules(keep_last=9)))))
        history.append(RetentionRecorded(BOT, policy_to_json(_POLICY)))
        with database.reading() as session:
            assert recorded_retention(session, BOT) == _POLICY

    def test_a_part_is_let_go_once_and_kept_again(self, database: Database) -> None:
        """The tombstone that stands is that of the event which let the part go; another event takes back nothing of it."""
        history = History(database)
        one, two = history.commit("one"), history.commit("two")
        files, optimizer = Removal(one.release, _ROUTER, Part.FILES), Removal(one.release, _ROUTER, Part.OPTIMIZER)
        first = history.append(_applied(files))[0]
        history.clock.advance(seconds=60)
        second = history.append(_applied(files, optimizer, Removal(two.release, _ROUTER, Part.FILES)))[0]
        with database.reading() as session:
            stones = removals_of(session, one.release)
            assert [(stone.part, stone.sequence) for stone in stones] == [
                (Part.FILES, first.sequence),
                (Part.OPTIMIZER, second.sequence),
            ]
            assert (stones[0].policy, stones[0].actor, stones[0].recorded_at) == (_POLICY, ACTOR, START)
            assert removed_parts(session) == {
                one.release: {(_ROUTER, Part.FILES), (_ROUTER, Part.OPTIMIZER)},
                two.release: {(_ROUTER, Part.FILES)},
            }
        history.append(RetentionWithdrawn(BOT, second.sequence, (files, optimizer)))
        with database.reading() as session:
            assert [stone.part for stone in removals_of(session, one.release)] == [Part.FILES]
        with database.writing() as session:
            session.execute("DELETE FROM texts WHERE text = :actor", actor=ACTOR)
        with database.reading() as session:
            assert [stone.actor for stone in removals_of(session, one.release)] == [None]

    def test_a_purged_file_says_who_when_and_why(self, database: Database) -> None:
        """Until that is lifted; the first of two purges stands."""
        history = History(database)
        jane, other, kept = (FileDigest.of(name) for name in (b"jane", b"other", b"kept"))
        with database.reading() as session:
            assert (purged_files(session), purged_among(session, [jane])) == (frozenset(), [])
        with history.change() as (_, ledger):
            event = ledger.append(FilesPurged((jane, other), ledger.text("article 17")))
        history.clock.advance(seconds=60)
        history.append(FilesPurged((jane,), None))
        with database.reading() as session:
            assert purged_files(session) == {jane, other}
            assert purged_among(session, [kept, jane, jane]) == [Purged(jane, event.sequence, START, ACTOR, "article 17")]
        history.append(PurgeLifted((jane,), None))
        with database.reading() as session:
            assert purged_files(session) == {other}

    def test_a_purge_is_unfinished_until_its_end_is_noted(self, database: Database) -> None:
        """Whatever the collector notes between."""
        found = []
        for step in ("sweep", PURGE, "sweep", PURGED, PURGE):
            with database.writing() as session:
                record_step(session, step, START)
            with database.reading() as session:
                found.append(is_purge_unfinished(session))
        assert found == [False, True, True, False, True]


def _applied(*removed: Removal) -> RetentionApplied:
    policy: JsonObject = policy_to_json(_POLICY)
    return RetentionApplied(BOT, policy, PlanDigest.of(b"plan"), removed)
