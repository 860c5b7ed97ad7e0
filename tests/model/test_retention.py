"""What retention decides: nothing that somebody counts on ever goes, and the most protective rule wins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.ids import ComponentName, ContentDigest, ReleaseId
from lastgood.model.component import Kind
from lastgood.model.parts import Part
from lastgood.model.retention import Decision, History, Item, Policy, Record, Rules, Stay, decide

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ROUTER, TRAIN = ComponentName("router"), ComponentName("train")
DAY = timedelta(days=1)


def content(text: object) -> ContentDigest:
    return ContentDigest.of(str(text).encode())


def item(text: object, component: ComponentName = ROUTER, part: Part = Part.FILES, run: str | None = None) -> Item:
    kind = Kind.ARTIFACT if component == ROUTER else Kind.DATASET
    return Item(component, kind, part, content(text), run)


def release(number: int, *items: Item, age: float = 0, tags: tuple[str, ...] = (), held: bool = False, made_from: object = None) -> Record:
    inputs = frozenset() if made_from is None else frozenset({content(made_from)})
    chosen = items or (item(number),)
    return Record(ReleaseId.of(b"%d" % number), number, NOW - age * DAY, chosen, inputs, tags, held)


def kept(policy: Policy, records: list[Record], *stays: Stay, good: dict[str, int] | None = None) -> dict[int, bool]:
    history = History(records, stays, good or {}, max(one.number for one in records))
    return {one.number: one.keeps for one in decide(policy, history, NOW)}


def whys(policy: Policy, records: list[Record], *stays: Stay) -> dict[int, str]:
    history = History(records, stays, {}, max(one.number for one in records))
    return {one.number: one.why for one in decide(policy, history, NOW)}


TEN = [release(number, age=10 - number) for number in range(1, 11)]
ONE = Rules(keep_last=1)


def test_the_last_so_many_stay() -> None:
    assert [number for number, keeps in kept(Policy(Rules(keep_last=3)), TEN).items() if keeps] == [8, 9, 10]


def test_without_a_rule_everything_stays() -> None:
    assert set(whys(Policy(), [*TEN[:9], release(11)]).values()) == {"no rule says that it may go", "the latest release"}


def test_what_was_deployed_lately_stays_by_environment() -> None:
    policy = Policy(Rules(keep_deployed={"prod": 30 * DAY, "*": 2 * DAY}), rollbacks=0)
    stays = (
        Stay("prod", 1, NOW - 90 * DAY, NOW - 40 * DAY),
        Stay("prod", 2, NOW - 40 * DAY, NOW - 20 * DAY),
        Stay("staging", 3, NOW - 9 * DAY, NOW - 3 * DAY),
        Stay("staging", 4, NOW - 3 * DAY, NOW - 1 * DAY),
    )
    told = whys(policy, TEN, *stays)
    assert told[1] == "last in prod until 2026-10-21"
    assert told[2] == "in prod within 30d"
    assert told[3] == "last in staging until 2026-11-27"
    assert told[4] == "in staging within 2d"
    assert told[5] == "never deployed"


def test_tags_holds_age_and_periods() -> None:
    records = [release(1, tags=("v1",)), release(2, held=True), release(3, age=40), release(4, age=1), release(5)]
    told = whys(Policy(Rules(keep_tagged=True, min_age=7 * DAY)), records)
    assert told[1] == "tagged v1"
    assert told[2] == "held"
    assert told[3] == "not tagged; older than 7d"
    assert told[4] == "younger than 7d"
    monthly = [release(number, age=15 * (8 - number)) for number in range(1, 9)]
    assert [number for number, keeps in kept(Policy(Rules(keep_monthly=3)), monthly).items() if keeps] == [3, 6, 8]


def test_every_kth_checkpoint_of_a_run_stays_with_its_first_and_last() -> None:
    records = [release(number, item(number, run="sft")) for number in range(1, 9)] + [release(9, item("other", run="dpo")), release(10)]
    told = kept(Policy(Rules(keep_every=3)), records)
    assert [number for number, keeps in told.items() if keeps] == [1, 4, 7, 8, 9, 10]


def test_optimizer_state_goes_sooner_than_weights() -> None:
    records = [release(number, item(number), item(f"o{number}", part=Part.OPTIMIZER)) for number in range(1, 6)]
    policy = Policy(Rules(keep_last=4), optimizer=Rules(keep_last=2))
    decisions = decide(policy, History(records, newest=5), NOW)
    assert [one.number for one in decisions if one.keeps and one.item.part is Part.OPTIMIZER] == [4, 5]
    assert [one.number for one in decisions if one.keeps and one.item.part is Part.FILES] == [2, 3, 4, 5]


def test_a_kind_has_its_own_rules() -> None:
    records = [release(number, item(number), item(f"t{number}", TRAIN)) for number in range(1, 6)]
    policy = Policy(Rules(keep_last=1), kinds={Kind.DATASET: Rules(keep_last=4)})
    decisions = decide(policy, History(records, newest=5), NOW)
    assert [one.number for one in decisions if one.keeps and one.item.kind is Kind.DATASET] == [2, 3, 4, 5]
    assert [one.number for one in decisions if one.keeps and one.item.kind is Kind.ARTIFACT] == [5]


def test_what_a_live_release_was_made_from_stays_with_what_that_was_made_from() -> None:
    records = [
        release(1, item("raw", TRAIN)),
        release(2, Item(TRAIN, Kind.DATASET, Part.FILES, content("clean"), None, frozenset({content("raw")}))),
        release(3, item("weights"), made_from="clean"),
        release(4, item("unrelated", TRAIN)),
        release(5),
    ]
    told = whys(Policy(ONE), records, Stay("prod", 3, NOW - DAY, None))
    assert told[1] == told[2] == "went into r3, which stays"
    assert told[3] == "prod is on it"
    assert told[4].startswith("not one of")


def test_what_a_kept_release_shares_stays() -> None:
    told = whys(Policy(ONE), [release(1, item("same")), release(2, item("other")), release(3, item("same"))])
    assert told == {1: "r3 has the same bytes and keeps them", 2: "not one of the last 1", 3: "the latest release"}


NUMBERS = st.integers(1, 8)
RULES = st.builds(
    Rules,
    keep_last=st.none() | st.integers(0, 4),
    keep_deployed=st.none() | st.dictionaries(st.sampled_from(["prod", "staging", "*"]), st.integers(0, 60).map(lambda n: n * DAY)),
    keep_tagged=st.none() | st.booleans(),
    keep_daily=st.none() | st.integers(0, 3),
    keep_weekly=st.none() | st.integers(0, 3),
    keep_monthly=st.none() | st.integers(0, 3),
    keep_every=st.none() | st.integers(1, 4),
    min_age=st.none() | st.integers(0, 30).map(lambda n: n * DAY),
)
POLICIES = st.builds(
    Policy,
    RULES,
    kinds=st.dictionaries(st.sampled_from([Kind.ARTIFACT, Kind.DATASET]), RULES),
    optimizer=st.none() | RULES,
    rollbacks=st.integers(0, 3),
)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Releases of an artifact and a dataset each, deployed here and there, with one of each thing that protects."""
    records = []
    for number in range(1, 9):
        items = (
            Item(ROUTER, Kind.ARTIFACT, Part.FILES, content(draw(NUMBERS)), draw(st.sampled_from([None, "sft", "dpo"]))),
            Item(ROUTER, Kind.ARTIFACT, Part.OPTIMIZER, content(f"o{draw(NUMBERS)}")),
            Item(TRAIN, Kind.DATASET, Part.FILES, content(f"t{draw(NUMBERS)}"), None, frozenset({content(f"t{draw(NUMBERS)}")})),
        )
        made_from = frozenset({content(f"t{draw(NUMBERS)}")}) if draw(st.booleans()) else frozenset()
        tags = ("v",) if draw(st.integers(0, 5)) == 0 else ()
        age = draw(st.integers(0, 90)) * DAY
        records.append(Record(ReleaseId.of(b"%d" % number), number, NOW - age, items, made_from, tags, draw(st.integers(0, 6)) == 0))
    stays = []
    for environment in ("prod", "staging"):
        moves = draw(st.lists(NUMBERS, max_size=5))
        times = sorted(draw(st.lists(st.integers(0, 90), min_size=len(moves), max_size=len(moves))), reverse=True)
        ends = [NOW - days * DAY for days in times[1:]]
        for place, number in enumerate(moves):
            until = ends[place] if place + 1 < len(moves) else None
            stays.append(Stay(environment, number, NOW - times[place] * DAY, until, draw(st.integers(0, 4)) == 0))
    good = {"prod": draw(NUMBERS)} if draw(st.booleans()) else {}
    return History(records, stays, good, 8)


def untouchable(history: History, policy: Policy) -> set[int]:
    """Say once more, as plainly as can be, what may never go."""
    numbers = {8, *history.good.values()} | {one.number for one in history.records if one.is_held}
    numbers |= {stay.number for stay in history.stays if stay.until is None}
    for environment in {stay.environment for stay in history.stays}:
        moves = [stay.number for stay in history.stays if stay.environment == environment and not stay.is_canary]
        numbers |= set(moves[len(moves) - min(policy.rollbacks, len(moves)) :])
    return numbers


@given(POLICIES, histories())
def test_no_policy_ever_takes_what_somebody_counts_on(policy: Policy, history: History) -> None:
    decisions = decide(policy, history, NOW)
    assert len(decisions) == 24
    never = untouchable(history, policy)
    going = {(one.item.content, one.item.part) for one in decisions if not one.keeps}
    for one in decisions:
        assert one.reasons
        if one.number in never:
            assert one.keeps
            assert (one.item.content, one.item.part) not in going
    needed = {inside for record in history.records if record.number in never for inside in record.inputs}
    for _ in history.records:
        needed |= {inside for record in history.records for part in record.items if part.content in needed for inside in part.inputs}
    assert not {digest for digest, _ in going} & needed


@given(RULES.filter(lambda rules: not rules.says_nothing), RULES, histories())
def test_one_more_rule_never_takes_more(rules: Rules, more: Rules, history: History) -> None:
    def going(rules: Rules) -> set[tuple[int, Item]]:
        return {(one.number, one.item) for one in decide(Policy(rules), history, NOW) if not one.keeps}

    assert going(rules.over(more)) <= going(rules)


@pytest.mark.parametrize("keeps", [True, False])
def test_each_decision_says_why(*, keeps: bool) -> None:
    told: list[Decision] = [one for one in decide(Policy(ONE), History(TEN, newest=10), NOW) if one.keeps is keeps]
    assert told
    assert all(one.why for one in told)
