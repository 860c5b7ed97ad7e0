"""What every database of the catalog must answer about releases and environments; part of `CatalogConformance`."""

# ruff: noqa: S101, PLR2004, PT012 - a suite is made of asserts on expected numbers, and what must fail is a whole change

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lastgood.canonical import JsonObject, canonical_json
from lastgood.catalog import environments, outlines, releases
from lastgood.catalog.database import Database
from lastgood.catalog.records import Appender, stored_events
from lastgood.errors import Integrity, LastgoodError, NewerSchema
from lastgood.ids import ComponentName, EnvironmentName, FileDigest, PipelineName, PlanDigest, ReleaseId, TagName
from lastgood.model.changes.environments import MoveKind
from lastgood.model.changes.ledger import KeySet, VerifierKeyText
from lastgood.model.changes.pilots import PilotStarted
from lastgood.model.changes.purges import FilesPurged
from lastgood.model.changes.registry import RegistryCreated, RetentionRecorded
from lastgood.model.changes.releases import BehaviorMarked, ReleaseCommitted, ReleaseHeld, ReleaseSigned, SignatureText, Verdict
from lastgood.model.changes.retention import Removal, RetentionApplied
from lastgood.model.environment import Entry, Marks
from lastgood.model.gates.policy import policy_document
from lastgood.model.history import BadMark, Deployment, ReleaseRecord
from lastgood.model.operation import Operation, new_operation_id
from lastgood.model.outline import Outliner
from lastgood.model.parts import Part
from lastgood.testing.catalog_gates import GatesConformance
from lastgood.testing.catalog_incidents import IncidentsConformance
from lastgood.testing.catalog_moves import MovesConformance
from lastgood.testing.catalog_suite import CatalogSuite
from lastgood.testing.history import ACTOR, BOT, PROD, REGISTRY, START, History, components_of, facts_of, replay_facts

OTHER = PipelineName("other")
STAGING = EnvironmentName("staging")


def mark(history: History, release: ReleaseRecord, verdict: Verdict, reason: str) -> None:
    """Say of a release's behavior that it is bad, or good again."""
    with history.change() as (_, ledger):
        ledger.append(BehaviorMarked(release.pipeline, release.release, release.behavior, verdict, ledger.text(reason)))


KEY = VerifierKeyText("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")


class ReleasesConformance(CatalogSuite):
    """Releases and tags are found by number, digest, prefix and name."""

    def test_an_empty_catalog_has_no_release(self, database: Database) -> None:
        """Asking is no error, but for what has to be there."""
        with database.reading() as session:
            assert releases.pipelines(session) == []
            assert releases.latest_release(session, BOT) is None
            assert releases.list_releases(session, BOT) == []
            assert releases.every_release(session) == []
            with pytest.raises(Integrity, match="first event is missing"):
                releases.registry_id(session)

    def test_a_release_is_found_by_number_and_by_digest(self, database: Database) -> None:
        """The record says what the event and its texts say."""
        history = History(database)
        history.append(RegistryCreated(REGISTRY))
        first = history.commit("one", message="first — é")
        history.clock.advance(seconds=1)
        second = history.commit("two")
        with database.reading() as session:
            assert releases.registry_id(session) == REGISTRY
            assert releases.latest_release(session, BOT) == second
            assert [releases.release_by_number(session, BOT, number) for number in (0, 1, 2, 3)] == [None, first, second, None]
            assert releases.release_by_id(session, first.release) == first
            assert releases.release_by_id(session, ReleaseId(bytes(32))) is None
            assert releases.every_release(session) == [first.release, second.release]
            with pytest.raises(Integrity, match="is not recorded"):
                releases.require_release(session, ReleaseId(bytes(32)))
        assert (first.number, first.sequence, first.recorded_at, first.author, first.message) == (1, 1, START, ACTOR, "first — é")
        assert (second.number, second.recorded_at, second.message) == (2, START + timedelta(seconds=1), None)

    def test_a_manifest_is_what_was_committed_or_an_error(self, database: Database) -> None:
        """A manifest is checked against its release before it is believed."""
        history = History(database)
        first, second = history.commit("one"), history.commit("two")
        with database.reading() as session:
            manifest = releases.release_manifest(session, second.release)
            assert (manifest.release, manifest.state, manifest.behavior) == (second.release, second.state, second.behavior)
            assert manifest.parents == (first.release,)
            assert manifest.components == {one.name: one for one in components_of("two")}
        with pytest.raises(Integrity, match="is not what was committed"), database.writing() as session:
            session.execute("UPDATE fact_releases SET sequence = :other WHERE number = 2", other=first.sequence)
            releases.release_manifest(session, second.release)
        with pytest.raises(Integrity, match="is missing"), database.writing() as session:
            session.execute("DELETE FROM events WHERE sequence = :sequence", sequence=second.sequence)
            releases.release_manifest(session, second.release)
        with database.reading() as session, pytest.raises(Integrity, match="is missing"):
            releases.release_manifest(session, ReleaseId(bytes(32)))

    def test_outlines_are_those_of_the_manifests_or_an_error(self, database: Database) -> None:
        """Many releases are read at once, newest first, each checked against its digest; their records are found at once, too."""
        history = History(database)
        made = [history.commit(str(number), message=f"number {number}") for number in range(5)]
        with database.reading() as session:
            found = outlines.newest_outlines(session, Outliner(), BOT, 4, most=3)
            assert [(one.number, one.release) for one in found] == [(one.number, one.release) for one in made[3:0:-1]]
            for one in found:
                manifest = releases.release_manifest(session, one.release)
                assert one.parents == manifest.parents
                assert {name: part.document for name, part in one.contents.items()} == {
                    name: canonical_json(dict(part.document)) for name, part in manifest.components.items()
                }
            assert [outlines.number_of(session, BOT, one) for one in (made[2].release, ReleaseId(bytes(32)))] == [3, None]
            wanted = [made[1].release, ReleaseId(bytes(32)), made[4].release]
            assert releases.releases_among(session, wanted) == {made[1].release: made[1], made[4].release: made[4]}
            assert releases.releases_among(session, []) == {}
        with pytest.raises(Integrity, match="is not what was committed"), database.writing() as session:
            session.execute("UPDATE fact_releases SET sequence = :other WHERE number = 2", other=made[0].sequence)
            outlines.newest_outlines(session, Outliner(), BOT, 5, most=9)
        with pytest.raises(Integrity, match="is missing"), database.writing() as session:
            session.execute("DELETE FROM events WHERE sequence = :sequence", sequence=made[1].sequence)
            outlines.newest_outlines(session, Outliner(), BOT, 5, most=9)

    @pytest.mark.parametrize(("schema", "error"), [("lastgood.release/2", NewerSchema), ("lastgood.letter/1", Integrity)])
    def test_a_manifest_of_another_schema(self, database: Database, schema: str, error: type[LastgoodError]) -> None:
        """One of a newer version asks for an upgrade, one that is none is a matter of integrity."""
        manifest: JsonObject = {"schema": schema, "state": "0" * 64, "behavior": "0" * 64}
        release = ReleaseId.of(canonical_json(manifest))
        History(database).append(ReleaseCommitted(BOT, release, 1, manifest, None))
        with database.reading() as session:
            assert releases.require_release(session, release).number == 1
            with pytest.raises(error):
                releases.release_manifest(session, release)
            with pytest.raises(error):
                outlines.newest_outlines(session, Outliner(), BOT, 1, most=1)

    def test_a_release_is_found_by_the_first_digits_of_its_digest(self, database: Database) -> None:
        """Any number of digits will do, odd ones too; upper case reads as lower case."""
        history = History(database)
        made = [history.commit(str(number)) for number in range(20)]
        digests = sorted(str(one.release) for one in made)
        with database.reading() as session:
            for digest in digests:
                for length in range(1, 65):
                    prefix = digest[:length]
                    found = releases.releases_by_prefix(session, prefix, most=100)
                    assert [str(one.release) for one in found] == [one for one in digests if one.startswith(prefix)]
            assert releases.releases_by_prefix(session, digests[0][:9].upper())[0].release.hex() == digests[0]
            assert len(releases.releases_by_prefix(session, "", most=3)) == 3
            nowhere = next(prefix for prefix in map("{:06x}".format, range(0xFFFFFF)) if not any(one.startswith(prefix) for one in digests))
            assert releases.releases_by_prefix(session, nowhere) == []

    def test_releases_are_listed_newest_first(self, database: Database) -> None:
        """A list is bounded from above, from below, and in its length."""
        history = History(database)
        for number in range(1, 6):
            history.commit(str(number))
            history.commit(str(number), pipeline=OTHER)
        with database.reading() as session:

            def numbers(until: int | None = None, after: int = 0, most: int | None = None) -> list[int]:
                found = releases.list_releases(session, BOT, until=until, after=after, most=most)
                assert {one.pipeline for one in found} <= {BOT}
                return [one.number for one in found]

            assert numbers() == [5, 4, 3, 2, 1]
            assert numbers(until=4, after=1) == [4, 3, 2]
            assert numbers(until=4, most=2) == [4, 3]
            assert numbers(after=5) == numbers(until=0) == numbers(most=0) == []
            assert numbers(most=10**9, until=10**15) == [5, 4, 3, 2, 1]

    def test_pipelines_stand_apart(self, database: Database) -> None:
        """Each counts for itself, and a recorded policy is enough to be one."""
        history = History(database)
        one = history.commit("same")
        other = history.commit("same", pipeline=OTHER)
        history.append(RetentionRecorded(PipelineName("Third"), {}))
        with database.reading() as session:
            assert releases.pipelines(session) == ["Third", "bot", "other"], "in the order of their bytes"
            assert (one.number, other.number) == (1, 1)
            assert one.state == other.state
            assert one.release != other.release
            assert releases.latest_release(session, OTHER) == other
            assert releases.latest_release(session, PipelineName("third")) is None, "names are told apart by case"

    def test_tags(self, database: Database) -> None:
        """A release has its tags by name; a tag is found in its own pipeline only."""
        history = History(database)
        first, second, far = history.commit("one"), history.commit("two"), history.commit("one", pipeline=OTHER)
        for release, name in ((first, "v2"), (first, "v10"), (first, "V1"), (second, "stable"), (far, "v2")):
            history.tag(release, name)
        with database.reading() as session:
            assert releases.tags_of(session, []) == {}
            assert releases.tags_of(session, [first.release, ReleaseId(bytes(32))]) == {first.release: ("V1", "v10", "v2")}
            assert releases.require_release(session, first.release).tags == (TagName("V1"), TagName("v10"), TagName("v2"))
            assert [one.tags for one in releases.list_releases(session, BOT)] == [("stable",), ("V1", "v10", "v2")]
            assert releases.release_by_tag(session, BOT, "v2") == releases.require_release(session, first.release)
            assert releases.release_by_tag(session, OTHER, "v2") == releases.require_release(session, far.release)
            assert releases.release_by_tag(session, OTHER, "stable") is None
            assert releases.release_by_tag(session, BOT, "STABLE") is None
            unknown = [ReleaseId(number.to_bytes(32)) for number in range(1_200)]
            assert releases.tags_of(session, [*unknown, second.release]) == {second.release: ("stable",)}

    def test_an_erased_author_or_message_reads_as_none(self, database: Database) -> None:
        """The release stays."""
        release = History(database).commit("one", message="secret")
        with database.writing() as session:
            session.execute("DELETE FROM texts")
            erased = releases.require_release(session, release.release)
        assert (erased.author, erased.message, erased.number) == (None, None, 1)


class EnvironmentsConformance(CatalogSuite):
    """Environments are found as they are, as they were, and with what is held against behaviors."""

    def test_an_environment_that_never_was(self, database: Database) -> None:
        """Asking is no error."""
        with database.reading() as session:
            assert environments.environment_names(session, BOT) == []
            assert environments.current_deployment(session, BOT, PROD) is None
            assert environments.deployment_at(session, BOT, PROD, START) is None
            assert environments.deployments(session, BOT, PROD) == []
            assert list(environments.stack(session, BOT, PROD)) == []
            assert not environments.was_deployed(session, BOT, PROD, ReleaseId(bytes(32)))
            assert environments.marks(session, BOT, PROD) == Marks()

    def test_deployments_are_told_in_their_order(self, database: Database) -> None:
        """Each with what it replaced, who asked and why, in its own environment and pipeline only."""
        history = History(database)
        one, two, far = history.commit("one"), history.commit("two"), history.commit("one", pipeline=OTHER)
        history.move(one, 1, reason="first")
        history.move(far, 1)
        history.move(two, 1, environment=STAGING)
        history.move(two, 2, below=1)
        with database.reading() as session:
            assert environments.environment_names(session, BOT) == ["prod", "staging"]
            told = environments.deployments(session, BOT, PROD)
            assert [(each.revision, each.release, each.number) for each in told] == [(2, two.release, 2), (1, one.release, 1)]
            assert told[1] == Deployment(
                PROD, 1, MoveKind.DEPLOY, None, None, one.release, 1, one.behavior, START, actor=ACTOR, reason="first", entry=1
            )
            assert environments.deployments(session, BOT, PROD, most=1) == told[:1]
            assert [environments.deployment_before(session, BOT, PROD, steps) for steps in range(3)] == [*told, None]
            assert environments.deployment_before(session, BOT, PROD, 999_999_999) is None
            assert environments.current_deployment(session, BOT, PROD) == told[0]
            assert [environments.deployment_of_revision(session, BOT, PROD, revision) for revision in range(4)] == [None, *told[::-1], None]
            of_two = [(each.environment, each.revision) for each in environments.deployments_of(session, BOT, two.release)]
            assert of_two == [(PROD, 2), (STAGING, 1)]
            assert environments.deployments_of(session, OTHER, two.release) == []
            assert environments.was_deployed(session, BOT, PROD, one.release)
            assert not environments.was_deployed(session, BOT, STAGING, one.release)
            assert not environments.was_deployed(session, OTHER, PROD, one.release)

    def test_what_an_environment_was_on_at_an_instant(self, database: Database) -> None:
        """The newest in sequence that was recorded at or before it, also where the clock stood still or went back."""
        history = History(database)
        made = [history.commit(str(number)) for number in range(5)]
        offsets = (0, 60, 60, 60, -3_600)
        for revision, (release, offset) in enumerate(zip(made, offsets, strict=True), start=1):
            history.clock.advance(seconds=(START + timedelta(seconds=offset) - history.clock.now()).total_seconds())
            if offset < 0:
                accepting = Operation(new_operation_id(history.entropy), ACTOR, accept_clock=True)
                with database.writing() as session:
                    Appender(session, accepting, history.clock, history.entropy).append(RetentionRecorded(BOT, {}))
            history.move(release, revision, below=revision - 1 or None)
        tick = timedelta(microseconds=1)
        with database.reading() as session:

            def revision_at(at: datetime) -> int | None:
                found = environments.deployment_at(session, BOT, PROD, at)
                return None if found is None else found.revision

            assert revision_at(START + timedelta(seconds=60)) == 5, "the clock went back, and the newest was recorded before"
            assert revision_at(START - timedelta(hours=1)) == 5
            assert revision_at(START - timedelta(hours=1) - tick) is None
            session_before_the_jump = "UPDATE fact_deployments SET recorded_at = '2027-01-01T00:00:00.000000Z' WHERE revision = 5"
        with database.writing() as session:
            session.execute(session_before_the_jump)
            assert revision_at(START - tick) is None
            assert revision_at(START) == 1
            assert revision_at(START + timedelta(seconds=60) - tick) == 1
            assert revision_at(START + timedelta(seconds=60)) == 4, "of several at one instant the last"
            assert revision_at(datetime(9999, 12, 31, tzinfo=UTC)) == 5
            assert revision_at(datetime(2, 1, 1, tzinfo=UTC)) is None
            assert revision_at(datetime(300, 1, 1, tzinfo=UTC)) is None, "years sort as numbers do"

    def test_the_stack_is_walked_from_the_top_down(self, database: Database) -> None:
        """A rollback makes an older entry the top; what lay above it is in history only."""
        history = History(database)
        one, two, three = (history.commit(str(number)) for number in range(3))
        history.move(one, 1)
        history.move(two, 2, below=1)
        history.move(three, 3, below=2)
        history.move(one, 1, environment=STAGING)
        assert self.stack(database) == [(3, three.release), (2, two.release), (1, one.release)]
        history.move(one, 4, entry=1)
        assert self.stack(database) == [(1, one.release)]
        history.move(three, 5, below=1)
        assert self.stack(database) == [(5, three.release), (1, one.release)]
        with database.reading() as session:
            top = next(environments.stack(session, BOT, PROD))
            assert top == Entry(5, three.release, three.behavior)
            assert [each.entry for each in environments.deployments(session, BOT, PROD)] == [5, 1, 3, 2, 1]

    @staticmethod
    def stack(database: Database) -> list[tuple[int, ReleaseId]]:
        """Return revision and release of each entry of `prod`."""
        with database.reading() as session:
            return [(entry.revision, entry.release) for entry in environments.stack(session, BOT, PROD)]

    def test_suspicion_holds_in_one_environment_and_badness_everywhere(self, database: Database) -> None:
        """A move lifts suspicion where it happens; `good` lifts everything everywhere."""
        history = History(database)
        one, two, far = history.commit("one"), history.commit("two"), history.commit("two", pipeline=OTHER)
        history.move(two, 1, suspects=(one.behavior, two.behavior))
        history.move(one, 1, environment=STAGING, suspects=(two.behavior,))
        history.move(far, 1, suspects=(far.behavior,))
        history.move(two, 2, below=1, suspects=(one.behavior,), cleared=two.behavior)
        with database.reading() as session:
            assert environments.marks(session, BOT, PROD) == Marks(suspect=frozenset({one.behavior}))
            assert environments.marks(session, BOT, STAGING) == Marks(suspect=frozenset({two.behavior}))
            assert environments.suspect_in(session, BOT, two.behavior) == [STAGING]
            assert environments.suspect_in(session, OTHER, two.behavior) == [PROD], "behaviors are the same in every pipeline"
        mark(history, one, Verdict.BAD, "rude")
        mark(history, one, Verdict.BAD, "very rude")
        with database.reading() as session:
            for pipeline, environment in ((BOT, PROD), (BOT, STAGING), (OTHER, PROD)):
                assert environments.marks(session, pipeline, environment).bad == {one.behavior}
            assert environments.bad_mark(session, one.behavior) == BadMark(one.release, START, ACTOR, "very rude")
            assert environments.bad_mark(session, two.behavior) is None
        mark(history, two, Verdict.GOOD, "checked")
        mark(history, one, Verdict.GOOD, "checked")
        with database.reading() as session:
            for pipeline, environment in ((BOT, PROD), (BOT, STAGING), (OTHER, PROD)):
                assert environments.marks(session, pipeline, environment) == Marks()

    def test_facts_follow_from_events_and_nothing_else(self, database: Database) -> None:
        """Replaying all events into empty tables makes the same rows in every table."""
        history = History(database)
        history.append(RegistryCreated(REGISTRY), KeySet(KEY, None, None), RetentionRecorded(BOT, {"keep_last": 1}))
        one, two = history.commit("one", message="m"), history.commit("two", "data")
        history.append(RetentionRecorded(BOT, {"keep_last": 2}))
        history.tag(one, "v1")
        history.move(one, 1, reason="r")
        history.move(two, 2, below=1)
        history.move(one, 3, entry=1, suspects=(two.behavior,))
        history.move(one, 4, entry=1, canary=(two, 10))
        history.append(ReleaseHeld(BOT, one.release, None))
        mark(history, one, Verdict.BAD, "w")
        history.append(ReleaseSigned(BOT, one.release, KEY, SignatureText("A" * 86 + "==")))
        history.apply(policy_document([{"approvals": 1}]))
        history.apply(policy_document([{"approvals": 2}]))
        history.approve(one, "bob", reason="r")
        history.evaluate(one, "quality", {"score": 0.5})
        history.move(two, 5, below=4, gates={"policy": "p"})
        history.open_incident()
        gone = Removal(one.release, ComponentName("router"), Part.FILES)
        history.append(
            RetentionApplied(BOT, {"keep_last": 1}, PlanDigest.of(b"plan"), (gone,)), FilesPurged((FileDigest.of(b"jane"),), None)
        )
        history.append(PilotStarted(BOT, START, 90, START - timedelta(days=90), START, None))
        with pytest.raises(ZeroDivisionError), database.writing() as session:
            before = facts_of(session)
            assert all(before.values()), "every table has a row, or this shows nothing"
            documents = [document for _, _, document in stored_events(database)]
            replay_facts(session, [])
            assert not any(facts_of(session).values())
            replay_facts(session, documents)
            assert facts_of(session) == before
            raise ZeroDivisionError


class FactsConformance(ReleasesConformance, EnvironmentsConformance, MovesConformance, GatesConformance, IncidentsConformance):
    """What the catalog answers about releases, environments and gates."""
