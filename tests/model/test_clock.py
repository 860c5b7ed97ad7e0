"""Instants are written in one way only, and their texts sort as they do; recorded time never runs backwards unnoticed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.clock import BACKWARD_TOLERANCE, FixedClock, SystemClock, follow, format_instant, parse_instant
from lastgood.errors import ClockWentBack, Invalid
from tests.model.values import effort, instants

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@effort(50)
@given(instants)
def test_an_instant_is_read_as_it_was_written(at: datetime) -> None:
    text = format_instant(at)
    assert len(text) == 27
    assert parse_instant(text) == at
    assert parse_instant(text).utcoffset() == timedelta(0)


@effort(50)
@given(instants, instants)
def test_texts_sort_as_instants_do(one: datetime, other: datetime) -> None:
    assert (format_instant(one) < format_instant(other)) == (one < other)


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 11, 2, 14, 5, tzinfo=UTC), "2026-11-02T14:05:00.000000Z"),
        (datetime(2026, 11, 2, 14, 5, 1, 7, tzinfo=timezone(timedelta(hours=2))), "2026-11-02T12:05:01.000007Z"),
        (datetime(900, 1, 1, tzinfo=UTC), "0900-01-01T00:00:00.000000Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_golden(at: datetime, text: str) -> None:
    assert format_instant(at) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-02",
        "2026-11-02T14:05:00Z",
        "2026-11-02T14:05:00.000000",
        "2026-11-02T14:05:00.000000+00:00",
        "2026-11-02T14:05:00.000000+02:00",
        "2026-11-02T14:05:00.000Z",
        "2026-11-02 14:05:00.000000Z",
        "2026-11-02T14:05:00.000000z",
        "2026-11-02T14:05:00.000000Z ",
        "2026-1-2T14:05:00.000000Z",
        "2026-13-02T14:05:00.000000Z",
        "2026-W45-1T14:05:00.000000Z",
        "20261102T140500.000000Z",
        "٢٠٢٦-11-02T14:05:00.000000Z",
        "12026-11-02T14:05:00.000000Z",
    ],
)
def test_one_instant_has_one_text(text: str) -> None:
    with pytest.raises(Invalid, match="is not an instant"):
        parse_instant(text)


def test_a_clock_that_goes_on_is_believed() -> None:
    assert follow(NOON, None, accept=False) == NOON
    assert follow(NOON, NOON, accept=False) == NOON
    assert follow(NOON, NOON - timedelta(days=9), accept=False) == NOON


def test_a_clock_that_went_back_a_little_stands_still() -> None:
    last = NOON + BACKWARD_TOLERANCE - timedelta(microseconds=1)
    assert follow(NOON, last, accept=False) == last


def test_a_clock_that_went_back_by_five_minutes_stops_the_operation() -> None:
    with pytest.raises(ClockWentBack, match="nothing was changed") as caught:
        follow(NOON, NOON + BACKWARD_TOLERANCE, accept=False)
    assert "--accept-clock" in str(caught.value.hint)
    assert follow(NOON, NOON + timedelta(days=300), accept=True) == NOON


@effort(50)
@given(st.lists(st.timedeltas(timedelta(minutes=-4), timedelta(minutes=4)), max_size=20))
def test_recorded_times_never_run_backwards_on_a_clock_that_shakes(steps: list[timedelta]) -> None:
    recorded = [NOON]
    for step in steps:
        recorded.append(follow(recorded[-1] + step, recorded[-1], accept=False))
    assert recorded == sorted(recorded)


def test_clocks_are_aware_and_in_utc() -> None:
    clock = FixedClock(datetime(2026, 11, 2, 14, tzinfo=timezone(timedelta(hours=2))))
    assert (clock.now(), clock.now().tzinfo) == (NOON, UTC)
    clock.advance(seconds=-1.5)
    assert clock.now() == NOON - timedelta(seconds=1.5)
    assert SystemClock().now().tzinfo is UTC
