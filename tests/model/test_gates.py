"""Each gate passes, refuses with the number that missed, and refuses where its evidence is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.canonical import Json, canonical_json, parse_json_object
from lastgood.errors import GateRefused
from lastgood.ids import BehaviorDigest, ComponentName, EnvironmentName
from lastgood.model.gates.evidence import Evidence, KeptBytes, Measured, Presence, Unmeasured
from lastgood.model.gates.facts import UnknownGate
from lastgood.model.gates.judgement import Judgement, judgement_from_json, require_passed
from lastgood.model.gates.policy import Written, policy_document, read_policy
from lastgood.model.gates.verdict import GateVerdict, Outcome
from tests.model.values import effort, json_objects

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ME, OTHER = BehaviorDigest.of(b"me"), BehaviorDigest.of(b"other")
STAGING, PROD = EnvironmentName("staging"), EnvironmentName("prod")
NOTHING = Evidence(release="r2", behavior=ME)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def measured(*scores: float, release: str = "r2") -> Measured:
    return Measured(release, sum(scores) / len(scores), {f"c{place}": score for place, score in enumerate(scores)})


GOOD = Evidence(
    release="r2",
    behavior=ME,
    author="ada",
    approvers=("bob",),
    components=frozenset({ComponentName("prompts"), ComponentName("router")}),
    signed=True,
    open_incidents=(),
    stays={STAGING: (Presence(ME, NOW - hours(30), None),)},
    measured={"quality.accuracy": measured(1, 1, 1, 0.6)},
    live="r1",
    live_measured={"quality.accuracy": measured(1, 1, 1, 0.6, release="r1")},
    kept=KeptBytes(None, 3, 300, NOW),
    zones={"Europe/Berlin": ZoneInfo("Europe/Berlin")},
)


def judge(gate: Written, evidence: Evidence) -> GateVerdict:
    (verdict,) = read_policy(policy_document([gate])).judge(evidence, NOW)
    return verdict


GATES: list[tuple[dict[str, Json], Evidence, str]] = [
    ({"metric": "quality.accuracy", "min": 0.9}, replace(GOOD, measured={"quality.accuracy": measured(1, 0.7)}), "0.85 is 0.05 under"),
    ({"metric": "quality.accuracy", "max": 0.95}, replace(GOOD, measured={"quality.accuracy": measured(1, 1)}), "1 is 0.05 over"),
    (
        {"metric": "quality.accuracy", "max_drop": 0.01},
        replace(GOOD, measured={"quality.accuracy": measured(1, 1, 1, 0.4)}),
        "it drops by 0.05 against r1 over 4 common cases: that is 0.04 too much, 0.01 are allowed",
    ),
    (
        {"metric": "quality.accuracy", "max_drop": 0.06, "confidence": 0.95},
        replace(GOOD, measured={"quality.accuracy": measured(1, 1, 1, 0.4)}),
        "with 95% confidence at most 0.1: that is 0.04 too much",
    ),
    ({"approvals": 2}, GOOD, "1 of 2 approvals by somebody else than the author: 1 missing"),
    ({"soak": "staging", "hours": 31}, GOOD, "live in staging for 30.00 of 31 hours: 1.00 missing"),
    ({"signed": True}, replace(GOOD, signed=False), "r2 is not signed"),
    ({"no_open_incident": True}, replace(GOOD, open_incidents=("7",)), "1 open: 7"),
    ({"components": ["prompts", "llm"]}, GOOD, "r2 has 1 of 2: no llm"),
    ({"bytes": "present"}, replace(GOOD, kept=KeptBytes("2 files of r2 are not in the registry")), "2 files of r2 are not"),
    ({"bytes": "verified"}, replace(GOOD, kept=KeptBytes(None, 3, 300, NOW - hours(1))), "1 hours ago, 0.75 more than the 0.25 allowed"),
    (
        {"bytes": "verified", "within_hours": 24},
        replace(GOOD, kept=KeptBytes(None, 3, 300, NOW - hours(25))),
        "25 hours ago, 1 more than the 24 allowed",
    ),
]
PASSING: list[dict[str, Json]] = [
    {"metric": "quality.accuracy", "min": 0.9},
    {"metric": "quality.accuracy", "max": 0.95},
    {"metric": "quality.accuracy", "min": 0.9, "max_drop": 0},
    {"metric": "quality.accuracy", "max_drop": 0.01, "confidence": 0.99},
    {"approvals": 1},
    {"soak": "staging", "hours": 24},
    {"signed": True},
    {"no_open_incident": True},
    {"components": ["prompts", "router"]},
    {"bytes": "present"},
    {"bytes": "verified"},
    {"bytes": "verified", "within_hours": 24},
]


@pytest.mark.parametrize("gate", PASSING, ids=str)
def test_it_passes(gate: dict[str, Json]) -> None:
    verdict = judge(gate, GOOD)

    assert verdict.passed, verdict.told
    assert verdict.told


@pytest.mark.parametrize(("gate", "evidence", "told"), GATES, ids=lambda value: str(value) if isinstance(value, dict) else "")
def test_it_refuses_and_says_which_number_missed_and_by_how_much(gate: dict[str, Json], evidence: Evidence, told: str) -> None:
    verdict = judge(gate, evidence)

    assert verdict.outcome is Outcome.REFUSED
    assert told in verdict.told
    # What is recorded can be recorded: it has a canonical form.
    assert canonical_json(verdict.to_json())


@pytest.mark.parametrize("gate", PASSING, ids=str)
def test_missing_evidence_refuses(gate: dict[str, Json]) -> None:
    verdict = judge(gate, NOTHING)

    assert verdict.outcome is Outcome.MISSING
    assert "no evidence" in verdict.line


_FREEZE = {"from": "Mon 00:00", "until": "Mon 00:01", "zone": "Europe/Berlin"}


def test_a_freeze_without_its_zone_refuses() -> None:
    policy = read_policy(policy_document(freeze=[_FREEZE]))

    assert [one.outcome for one in policy.judge(GOOD, NOW)] == [Outcome.PASSED]
    assert [one.outcome for one in policy.judge(NOTHING, NOW)] == [Outcome.MISSING]


class TestMetrics:
    def test_what_the_evidence_says_is_missing_is_told(self) -> None:
        verdict = judge({"metric": "q.a", "min": 0}, replace(GOOD, measured={"q.a": Unmeasured("r2 was not judged by q")}))

        assert (verdict.outcome, verdict.told) == (Outcome.MISSING, "r2 was not judged by q")

    def test_a_drop_needs_the_same_of_what_is_live(self) -> None:
        gate: Written = {"metric": "quality.accuracy", "max_drop": 0.5}

        for before in (
            {},
            {"quality.accuracy": Unmeasured("r1 was not judged")},
            {"quality.accuracy": Measured("r1", 1.0, {"other": 1.0})},
        ):
            assert judge(gate, replace(GOOD, live_measured=before)).outcome is Outcome.MISSING

    def test_where_nothing_is_live_nothing_can_drop(self) -> None:
        verdict = judge({"metric": "quality.accuracy", "max_drop": 0}, replace(GOOD, live=None, live_measured={}))

        assert verdict.passed
        assert "nothing is live" in verdict.told

    def test_a_bound_that_misses_is_told_even_where_the_drop_is_not_known(self) -> None:
        verdict = judge({"metric": "quality.accuracy", "min": 0.95, "max_drop": 0}, replace(GOOD, live_measured={}))

        assert verdict.outcome is Outcome.REFUSED
        assert "0.05 under the minimum" in verdict.told

    def test_what_binary_fractions_cannot_hold_makes_no_difference(self) -> None:
        before, after = measured(0.95, release="r1"), measured(0.94)
        evidence = replace(GOOD, measured={"q.a": after}, live_measured={"q.a": before})

        assert 0.95 - 0.94 > 0.01
        assert judge({"metric": "q.a", "max_drop": 0.01}, evidence).passed
        assert not judge({"metric": "q.a", "max_drop": 0.0099}, evidence).passed

    def test_few_cases_refuse_with_confidence_where_many_pass(self) -> None:
        gate: Written = {"metric": "q.a", "max_drop": 0.05, "confidence": 0.95}

        def verdict(times: int) -> GateVerdict:
            before, after = measured(*[1.0] * 50 * times, release="r1"), measured(*([0.0] + [1.0] * 49) * times)
            return judge(gate, replace(GOOD, measured={"q.a": after}, live_measured={"q.a": before}))

        assert not verdict(1).passed
        assert verdict(30).passed


class TestApprovals:
    @pytest.mark.parametrize(
        ("author", "approvers", "count"),
        [
            ("ada", ("ada", "ADA ", "Ada"), 0),
            ("ada", ("bob", "Bob", " bob"), 1),
            ("ada", ("bob", "cy"), 2),
            ("ada", (None, None), 0),
            ("ada", ("\uff41da",), 0),
            ("ada", (), 0),
        ],
    )
    def test_a_person_counts_once_and_the_author_never(self, author: str, approvers: tuple[str | None, ...], count: int) -> None:
        verdict = judge({"approvals": 3}, replace(GOOD, author=author, approvers=approvers))

        assert verdict.details["approvals"] == count

    def test_an_author_whose_name_was_erased_refuses(self) -> None:
        verdict = judge({"approvals": 1}, replace(GOOD, author=None, approvers=("bob", "cy")))

        assert verdict.outcome is Outcome.MISSING
        assert "erased" in verdict.told


class TestSoak:
    def test_stays_add_up_and_those_of_others_do_not(self) -> None:
        stays = (
            Presence(ME, NOW - hours(50), NOW - hours(40)),
            Presence(OTHER, NOW - hours(40), NOW - hours(10)),
            Presence(ME, NOW - hours(10), None),
        )
        evidence = replace(GOOD, stays={STAGING: stays})

        assert judge({"soak": "staging", "hours": 20}, evidence).passed
        assert judge({"soak": "staging", "hours": 20.5}, evidence).details["missing_hours"] == 0.5

    def test_a_stay_that_ends_before_it_began_counts_nothing(self) -> None:
        stays = (Presence(ME, NOW, NOW - hours(5)), Presence(ME, NOW - hours(2), None))

        assert judge({"soak": "staging", "hours": 3}, replace(GOOD, stays={STAGING: stays})).details["lived_hours"] == 2

    def test_an_environment_that_was_never_on_it_has_no_hour_of_it(self) -> None:
        verdict = judge({"soak": "staging", "hours": 24}, replace(GOOD, stays={STAGING: ()}))

        assert verdict.outcome is Outcome.REFUSED
        assert "0.00 of 24 hours: 24.00 missing" in verdict.told

    def test_a_second_short_is_not_told_as_nothing(self) -> None:
        stays = (Presence(ME, NOW - timedelta(hours=24) + timedelta(seconds=1), None),)

        assert "less than 0.01 missing" in judge({"soak": "staging", "hours": 24}, replace(GOOD, stays={STAGING: stays})).told


class TestBytes:
    def test_bytes_that_were_not_read_are_no_proof(self) -> None:
        assert judge({"bytes": "verified"}, replace(GOOD, kept=KeptBytes(None, 3, 300))).outcome is Outcome.MISSING

    def test_a_reading_in_the_future_is_none(self) -> None:
        assert judge({"bytes": "verified"}, replace(GOOD, kept=KeptBytes(None, 3, 300, NOW + hours(1)))).outcome is Outcome.MISSING


class TestPolicies:
    @pytest.mark.parametrize(
        "gate",
        [
            {},
            {"approvals": 0},
            {"approvals": True},
            {"approvals": 1, "hours": 2},
            {"signed": False},
            {"metric": "q.a"},
            {"metric": "q.a", "confidence": 0.9},
            {"metric": "q.a", "min": "high"},
            {"metric": "q.a", "max_drop": -0.1},
            {"metric": "q.a", "max_drop": 0.1, "confidence": 1},
            {"metric": "q.a", "min": 0.1, "confidence": 0.9},
            {"soak": "staging", "hours": 0},
            {"bytes": "verified", "within_hours": -1},
            {"components": []},
            {"bytes": "some"},
            {"bytes": "present", "within_hours": 3},
            {"soak": "no name", "hours": 3},
            {"components": "prompts"},
            {"override": "perhaps", "approvals": 1},
            {"astrology": "favourable"},
        ],
        ids=str,
    )
    def test_a_gate_that_cannot_be_read_refuses(self, gate: dict[str, Json]) -> None:
        verdict = judge(gate, GOOD)

        assert verdict.outcome is Outcome.MISSING
        assert "does not know this gate" in verdict.told

    @pytest.mark.parametrize(
        "document",
        [
            {},
            {"schema": "lastgood.policy/2", "gates": []},
            {"schema": "lastgood.policy/1", "gates": {}, "freeze": 7},
            {"schema": "lastgood.policy/1", "quorum": 3},
            {"schema": "lastgood.policy/1", "gates": [7, None, []]},
        ],
        ids=str,
    )
    def test_a_policy_that_cannot_be_read_is_never_open(self, document: dict[str, Json]) -> None:
        policy = read_policy(document)

        assert {type(gate) for gate in policy.gates} == {UnknownGate}
        assert not any(verdict.passed for verdict in policy.judge(GOOD, NOW))

    def test_no_gates_is_open(self) -> None:
        assert read_policy(policy_document()).is_open

    @effort(200)
    @given(st.lists(json_objects, max_size=4), st.booleans())
    def test_no_gate_passes_on_missing_evidence(self, gates: list[dict[str, Json]], override: bool) -> None:
        policy = read_policy(policy_document([*gates, *PASSING], [_FREEZE], override=override))

        assert len(policy.gates) == len(gates) + len(PASSING) + 1
        assert [one.outcome for one in policy.judge(NOTHING, NOW)] == [Outcome.MISSING] * len(policy.gates)

    @effort(50)
    @given(st.sampled_from([name for name in Evidence.__dataclass_fields__ if name not in {"release", "behavior", "live"}]))
    def test_each_piece_of_evidence_is_needed(self, name: str) -> None:
        poorer = replace(GOOD, **{name: getattr(NOTHING, name)})
        verdicts = read_policy(policy_document(PASSING, [_FREEZE])).judge(poorer, NOW)

        assert any(one.outcome is Outcome.MISSING for one in verdicts)


class TestOverride:
    def judged(self, *gates: dict[str, Json], override: bool = True) -> Judgement:
        policy = read_policy(policy_document(gates, override=override))
        return Judgement(policy.digest, policy.judge(NOTHING, NOW))

    def test_what_passes_needs_none(self) -> None:
        judged = Judgement(None, ())

        assert require_passed(PROD, "r2", judged, override=True) is judged

    def test_a_refusal_names_every_gate_that_refuses(self) -> None:
        with pytest.raises(GateRefused) as refused:
            require_passed(PROD, "r2", self.judged({"approvals": 1}, {"signed": True}), override=False)

        assert "2 of 2 gates of prod refuse r2; prod stays on what it is" in refused.value.message
        assert "approvals: no evidence: " in refused.value.message
        assert "signed: no evidence: " in refused.value.message
        assert "--override" in str(refused.value.hint)

    def test_an_override_goes_on_and_says_so(self) -> None:
        assert require_passed(PROD, "r2", self.judged({"approvals": 1}), override=True).overridden

    @pytest.mark.parametrize(("gate", "override"), [({"approvals": 1, "override": False}, True), ({"approvals": 1}, False)])
    def test_what_the_policy_holds_fast_is_refused(self, gate: dict[str, Json], override: bool) -> None:
        judged = self.judged(gate, {"signed": True}, override=override)
        with pytest.raises(GateRefused, match="lets nobody override approvals") as refused:
            require_passed(PROD, "r2", judged, override=True)
        assert "--override" not in str(refused.value.hint)

    def test_a_judgement_is_read_as_it_was_written(self) -> None:
        policy = read_policy(policy_document(PASSING, [_FREEZE]))
        for evidence in (GOOD, NOTHING):
            judged = Judgement(policy.digest, policy.judge(evidence, NOW), overridden=True)
            assert judgement_from_json(parse_json_object(canonical_json(judged.to_json()))) == judged
