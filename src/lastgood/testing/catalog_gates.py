"""What every database of the catalog must answer about policies, approvals and evaluations; part of `CatalogConformance`."""

# ruff: noqa: S101 - a suite is made of asserts

from __future__ import annotations

from datetime import timedelta

from lastgood.catalog import evaluations, policies, releases
from lastgood.catalog.database import Database
from lastgood.ids import BehaviorDigest, ComponentName, ContentDigest, EnvironmentName, FileDigest
from lastgood.model.gates.evidence import Presence
from lastgood.model.gates.judgement import Judgement
from lastgood.model.gates.policy import policy_document
from lastgood.model.gates.verdict import GateVerdict, Outcome
from lastgood.model.history import Approval
from lastgood.testing.catalog_suite import CatalogSuite
from lastgood.testing.history import ACTOR, BOT, PROD, START, History

STAGING = EnvironmentName("staging")


class GatesConformance(CatalogSuite):
    """Policies, approvals, evaluations and judgements are found as they were recorded."""

    def test_the_newest_policy_of_an_environment_holds(self, database: Database) -> None:
        """A pipeline that has nothing but a policy is known, and so is its environment."""
        history = History(database)
        first, second = policy_document([{"approvals": 1}]), policy_document([{"approvals": 2}], override=False)
        with database.reading() as session:
            assert policies.recorded_policy(session, BOT, PROD) is None
        history.apply(first)
        history.clock.advance(seconds=60)
        history.apply(second)
        history.apply(first, STAGING)
        with database.reading() as session:
            found = policies.recorded_policies(session, BOT)
            assert [(one.environment, dict(one.policy.document)) for one in found] == [(PROD, second), (STAGING, first)]
            assert (found[0].actor, found[0].recorded_at) == (ACTOR, START + timedelta(seconds=60))
            assert policies.recorded_policy(session, BOT, PROD) == found[0]
            assert releases.pipelines(session) == [BOT]

    def test_approvals_are_of_one_release_and_one_environment(self, database: Database) -> None:
        """They come in the order in which they were given."""
        history = History(database)
        one, two = history.commit("one"), history.commit("two")
        history.approve(one, "bob", reason="read it")
        history.approve(one, "cy")
        history.approve(one, "bob", STAGING)
        history.approve(two, "bob")
        with database.reading() as session:
            found = policies.approvals_of(session, one.release, PROD)
            assert found == [Approval(PROD, START, "bob", "read it"), Approval(PROD, START, "cy", None)]
            assert [approval.environment for approval in policies.approvals_of(session, one.release)] == [PROD, PROD, STAGING]

    def test_a_name_that_was_erased_is_none(self, database: Database) -> None:
        """The approval itself stays."""
        history = History(database)
        one = history.commit("one")
        history.approve(one, "bob")
        with database.writing() as session:
            session.execute("DELETE FROM texts WHERE text = 'bob'")
        with database.reading() as session:
            assert [approval.actor for approval in policies.approvals_of(session, one.release)] == [None]

    def test_evaluations_are_of_a_behavior_newest_first(self, database: Database) -> None:
        """They are told apart by suite, and hold for every release that behaves alike."""
        history = History(database)
        one, alike = history.commit("one"), history.commit("one", "other data")
        data = ContentDigest.of(b"data")
        first = history.evaluate(one, "quality", {"score": 0.5, "tone": 1.0}, data)
        second = history.evaluate(alike, "quality", {"score": 0.75})
        other = history.evaluate(one, "speed", {"score": 9.0})
        with database.reading() as session:
            found = evaluations.evaluations_of(session, BOT, one.behavior)
            assert [evaluation.sequence for evaluation in found] == [other, second, first]
            assert evaluations.evaluations_of(session, BOT, one.behavior, ComponentName("quality")) == found[1:]
            assert evaluations.evaluations_of(session, BOT, BehaviorDigest(bytes(32))) == []
            assert evaluations.evaluation_at(session, first) == found[2]
            assert (found[2].named_metrics, found[2].on, found[2].number) == ({"quality.score": 0.5, "quality.tone": 1.0}, data, 1)
            files = evaluations.result_files(session)
            assert files == {one.release: [FileDigest.of(b"quality"), FileDigest.of(b"speed")], alike.release: [FileDigest.of(b"quality")]}

    def test_what_gates_said_is_kept_with_the_move(self, database: Database) -> None:
        """A move without a policy has nothing."""
        history = History(database)
        one = history.commit("one")
        history.apply(policy_document([{"approvals": 1}]))
        with database.reading() as session:
            policy = policies.recorded_policy(session, BOT, PROD)
        assert policy is not None
        verdict = GateVerdict("approvals", Outcome.REFUSED, "0 of 1", {"missing": 1, "hours": 0.5})
        judged = Judgement(policy.policy.digest, (verdict,), overridden=True)
        history.move(one, 1)
        history.move(one, 2, below=1, gates=judged.to_json())
        with database.reading() as session:
            assert policies.judgements(session, BOT, PROD) == {2: judged}

    def test_stays_end_where_the_next_begins(self, database: Database) -> None:
        """An environment with a policy and no deployment exists; one with neither is left out."""
        history = History(database)
        one, two = history.commit("one"), history.commit("two")
        history.move(one, 1)
        history.clock.advance(seconds=60)
        history.move(two, 2, below=1)
        history.apply(policy_document(), STAGING)
        later = START + timedelta(seconds=60)
        with database.reading() as session:
            found = policies.presences(session, BOT, [PROD, STAGING, EnvironmentName("qa")])
        assert found == {PROD: (Presence(one.behavior, START, later), Presence(two.behavior, later, None)), STAGING: ()}
