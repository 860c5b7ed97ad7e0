"""Incidents as values: their times in order, and figures that follow from them and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.errors import Invalid
from lastgood.ids import EnvironmentName, IncidentName, PipelineName, ReleaseId, TextDigest
from lastgood.model.changes.environments import MoveKind
from lastgood.model.changes.incidents import Currency, IncidentKind, IncidentRecorded, IncidentStep
from lastgood.model.incident import AnsweringMove, Cost, Incident, check_times, measure, parse_cost, parse_minutes, quarter_of
from lastgood.model.revision import no_zone, parse_moment
from tests.model.values import effort

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2026, 3, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
kinds = st.sampled_from(IncidentKind)


def said(number: int = 1, **more: object) -> IncidentRecorded:
    body = IncidentRecorded(
        incident=IncidentName.numbered(number),
        step=IncidentStep.OPENED,
        pipeline=PipelineName("bot"),
        kind=IncidentKind.INCIDENT,
        environment=None,
        started=None,
        detected=NOON,
        mitigated=None,
        closed=None,
        release=None,
        minutes=None,
        cost=None,
        currency=None,
        preventable=None,
        title=TextDigest.of(b""),
        impact=None,
        source=None,
    )
    return replace(body, **more)  # type: ignore[arg-type]  # each name has its own type


def incident(body: IncidentRecorded, *rollbacks: datetime, undone: bool = False, deployed: datetime | None = None) -> Incident:
    moves = tuple(
        AnsweringMove(EnvironmentName("prod"), place, MoveKind.ROLLBACK, ReleaseId(bytes(32)), 1, at, undone=undone)
        for place, at in enumerate(rollbacks)
    )
    return Incident(body, "slow", None, None, NOON, "ada", deployed, moves)


@effort(100)
@given(st.lists(st.none() | moments, min_size=4, max_size=4), moments)
def test_times_are_right_exactly_if_they_are_in_order_and_past(times: list[datetime | None], now: datetime) -> None:
    started, detected, mitigated, closed = times
    body = said(started=started, detected=detected or NOON, mitigated=mitigated, closed=closed)
    known = [at for at in (started, detected or NOON, mitigated, closed) if at is not None]
    right = all(one <= two for one, two in pairwise(known)) and all(at <= now for at in known)
    try:
        check_times(body, now)
    except Invalid:
        assert not right
    else:
        assert right


@effort(100)
@given(moments, st.none() | moments, st.none() | moments, st.lists(moments, max_size=3), st.none() | moments)
def test_how_long_it_took(
    detected: datetime, started: datetime | None, mitigated: datetime | None, rollbacks: list[datetime], deployed: datetime | None
) -> None:
    one = incident(said(detected=detected, started=started, mitigated=mitigated), *rollbacks, deployed=deployed)
    began = started or deployed
    assert one.time_to_detect == (None if began is None else detected - began)
    after = sorted(at for at in rollbacks if at >= detected)
    ended = after[0] if after else mitigated
    assert one.time_to_rollback == (None if ended is None else ended - detected)


def test_a_rollback_that_was_undone_ended_nothing() -> None:
    assert incident(said(), NOON + HOUR, undone=True).time_to_rollback is None
    assert incident(said(), NOON + HOUR).time_to_rollback == HOUR
    assert incident(said(), NOON - HOUR).time_to_rollback is None


@effort(50)
@given(st.lists(st.tuples(kinds, moments, st.none() | st.integers(0, 600), st.none() | st.booleans()), max_size=12))
def test_counts_add_up(drawn: list[tuple[IncidentKind, datetime, int | None, bool | None]]) -> None:
    found = [
        incident(said(place + 1, kind=kind, detected=at, mitigated=at + (minutes or 0) * HOUR, minutes=minutes, preventable=judged))
        for place, (kind, at, minutes, judged) in enumerate(drawn)
    ]
    measured = measure(found)
    real = [one for one in found if one.said.kind is IncidentKind.INCIDENT]
    assert sum(measured.kinds.values()) == sum(sum(quarter.values()) for quarter in measured.quarters.values()) == len(found)
    assert sum(measured.preventable) == measured.kinds[IncidentKind.INCIDENT] == len(measured.open) == measured.time_to_rollback.count
    assert (measured.minutes, measured.with_minutes) == (
        sum(one.said.minutes or 0 for one in found),
        sum(one.said.minutes is not None for one in found),
    )
    times = [(one.said.minutes or 0) * 3600.0 for one in real]
    assert measured.time_to_rollback.median == (median(times) if times else None)
    assert list(measured.quarters) == sorted(measured.quarters)


def test_costs_are_added_by_currency() -> None:
    costs = [Cost(150, Currency("EUR")), Cost(50, Currency("CHF")), Cost(50, Currency("EUR"))]
    measured = measure([incident(said(place + 1, cost=one.hundredths, currency=one.currency)) for place, one in enumerate(costs)])
    assert (measured.costs, measured.with_cost) == ({"CHF": 50, "EUR": 200}, 3)


@pytest.mark.parametrize(
    ("at", "quarter"), [("2026-01-01", "2026-Q1"), ("2026-03-31", "2026-Q1"), ("2026-04-01", "2026-Q2"), ("2025-12-31", "2025-Q4")]
)
def test_quarters_are_those_of_the_calendar(at: str, quarter: str) -> None:
    assert quarter_of(datetime.fromisoformat(at).replace(tzinfo=UTC)) == quarter


def test_quarters_are_in_utc() -> None:
    assert quarter_of(datetime.fromisoformat("2026-04-01T00:30+02:00")) == "2026-Q1"


@pytest.mark.parametrize(
    ("text", "minutes"), [("2", 120), ("2.5", 150), ("0.1h", 6), ("3h", 180), ("3 hours", 180), ("90m", 90), ("1h30m", 90), ("1h 5min", 65)]
)
def test_hours(text: str, minutes: int) -> None:
    assert parse_minutes(text) == minutes


@pytest.mark.parametrize("text", ["", "h", "-1", "1h30", "1e3", "NaN", "3 days", "1234567890"])
def test_no_hours(text: str) -> None:
    with pytest.raises(Invalid):
        parse_minutes(text)


@pytest.mark.parametrize(("text", "told"), [("1200 EUR", "1,200.00 EUR"), ("1,200.5usd", "1,200.50 USD"), ("0.01 gbp", "0.01 GBP")])
def test_costs(text: str, told: str) -> None:
    assert str(parse_cost(text)) == told


@pytest.mark.parametrize("text", ["", "12", "EUR", "-1 EUR", "1.234 EUR", "1 EURO", "1e5 EUR", "9999999999999 EUR"])
def test_no_costs(text: str) -> None:
    with pytest.raises(Invalid):
        parse_cost(text)


@pytest.mark.parametrize(
    ("text", "at"), [("now", NOON), ("3h", NOON - 3 * HOUR), ("1w", NOON - 168 * HOUR), ("2026-03-31T11:00Z", NOON - HOUR)]
)
def test_moments(text: str, at: datetime) -> None:
    assert parse_moment(text, no_zone, NOON) == at


@pytest.mark.parametrize("text", ["", "later", "3", "999999999w", "2026-02-30T00:00Z"])
def test_no_moments(text: str) -> None:
    with pytest.raises(Invalid):
        parse_moment(text, no_zone, NOON)
