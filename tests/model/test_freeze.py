"""Windows of freeze: every week and once, over midnight and the end of a week, and when daylight saving begins and ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.canonical import Json
from lastgood.ids import BehaviorDigest
from lastgood.model.gates.evidence import Evidence
from lastgood.model.gates.policy import policy_document, read_policy
from lastgood.model.gates.verdict import GateVerdict, Outcome
from tests.model.values import effort

BERLIN = "Europe/Berlin"
EVIDENCE = Evidence(
    "r1", BehaviorDigest.of(b""), zones={name: ZoneInfo(name) for name in (BERLIN, "UTC", "Australia/Lord_Howe", "Asia/Kathmandu")}
)
WEEKEND: dict[str, Json] = {"from": "Fri 16:00", "until": "Mon 08:00", "zone": BERLIN, "reason": "nobody is here"}


def judge(window: dict[str, Json], now: datetime) -> GateVerdict:
    (verdict,) = read_policy(policy_document(freeze=[window])).judge(EVIDENCE, now)
    return verdict


def frozen(window: dict[str, Json], now: str) -> bool:
    return judge(window, datetime.fromisoformat(now)).outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-27T14:59:59+00:00", False),
        ("2026-11-27T15:00:00+00:00", True),
        ("2026-11-28T12:00:00+00:00", True),
        ("2026-11-29T23:30:00+00:00", True),
        ("2026-11-30T06:59:59+00:00", True),
        ("2026-11-30T07:00:00+00:00", False),
        ("2026-12-02T12:00:00+00:00", False),
        # In summer Berlin is two hours ahead.
        ("2026-07-03T13:59:59+00:00", False),
        ("2026-07-03T14:00:00+00:00", True),
        ("2026-07-06T05:59:59+00:00", True),
        ("2026-07-06T06:00:00+00:00", False),
    ],
)
def test_every_weekend_in_the_zones_wall_time(now: str, expected: bool) -> None:
    assert frozen(WEEKEND, now) is expected


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        # Clocks go forward on the 29th of March: the weekend is an hour shorter; back on the 25th of October: longer.
        ("2026-03-27T15:00:00+00:00", 63),
        ("2026-10-23T14:00:00+00:00", 65),
        ("2026-11-27T15:00:00+00:00", 64),
    ],
)
def test_a_weekend_is_as_long_as_daylight_saving_makes_it(now: str, hours: int) -> None:
    verdict = judge(WEEKEND, datetime.fromisoformat(now))

    assert verdict.details["seconds_left"] == hours * 3600
    assert "nobody is here" in verdict.told
    assert "08:00 Europe/Berlin" in verdict.told


def test_a_wall_time_that_comes_twice_makes_the_window_longer() -> None:
    """On 2026-10-25 in Berlin 02:30 is at 00:30 and at 01:30 UTC."""
    begins: dict[str, Json] = {"from": "Sun 02:30", "until": "Sun 05:00", "zone": BERLIN}
    ends: dict[str, Json] = {"from": "Sun 01:00", "until": "Sun 02:30", "zone": BERLIN}

    assert [frozen(begins, f"2026-10-25T{time}:00+00:00") for time in ("00:29", "00:30", "01:15", "03:59", "04:00")] == [
        False,
        True,
        True,
        True,
        False,
    ]
    assert [frozen(ends, f"2026-10-25T{time}:00+00:00") for time in ("00:15", "00:45", "01:29", "01:30")] == [True, True, True, False]


def test_a_wall_time_that_never_comes_makes_the_window_longer() -> None:
    """On 2026-03-29 in Berlin there is no 02:30: 01:00 UTC is 03:00."""
    begins: dict[str, Json] = {"from": "Sun 02:30", "until": "Sun 05:00", "zone": BERLIN}
    ends: dict[str, Json] = {"from": "Sun 01:00", "until": "Sun 02:30", "zone": BERLIN}

    assert [frozen(begins, f"2026-03-29T{time}:00+00:00") for time in ("00:29", "00:30", "02:59", "03:00")] == [False, True, True, False]
    assert [frozen(ends, f"2026-03-29T{time}:00+00:00") for time in ("00:00", "01:29", "01:30")] == [True, True, False]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-12-19T22:59:59+00:00", False),
        ("2026-12-19T23:00:00+00:00", True),
        ("2027-01-03T22:59:59+00:00", True),
        ("2027-01-03T23:00:00+00:00", False),
        ("2027-12-25T12:00:00+00:00", False),
    ],
)
def test_once(now: str, expected: bool) -> None:
    assert frozen({"from": "2026-12-20T00:00", "until": "2027-01-04T00:00:00", "zone": BERLIN}, now) is expected


def test_within_one_day_and_over_the_end_of_the_week() -> None:
    lunch: dict[str, Json] = {"from": "Wed 12:00", "until": "Wed 13:00", "zone": "Asia/Kathmandu"}
    assert [frozen(lunch, f"2026-11-25T{time}+00:00") for time in ("06:14", "06:15", "07:14", "07:15")] == [False, True, True, False]
    over: dict[str, Json] = {"from": "Sun 23:00", "until": "Mon 01:00", "zone": "UTC"}
    assert [frozen(over, f"2026-11-{time}+00:00") for time in ("29T22:59", "29T23:00", "30T00:59", "30T01:00")] == [
        False,
        True,
        True,
        False,
    ]
    nearly: dict[str, Json] = {"from": "Mon 01:00", "until": "Mon 00:00", "zone": "UTC"}
    assert [frozen(nearly, f"2026-11-{time}+00:00") for time in ("23T00:30", "23T01:00", "29T23:59", "30T00:30")] == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("at", [datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)])
def test_the_ends_of_time_are_judged_or_refused(at: datetime) -> None:
    assert judge(WEEKEND, at).outcome in {Outcome.MISSING, Outcome.REFUSED, Outcome.PASSED}


@effort(100)
@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
    st.sampled_from([BERLIN, "UTC", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_two_windows_that_meet_leave_no_gap(now: datetime, zone: str) -> None:
    """Whatever clocks do, every instant lies in one of two windows that meet at both ends."""
    one: dict[str, Json] = {"from": "Sun 02:30", "until": "Thu 12:00", "zone": zone}
    two: dict[str, Json] = {"from": "Thu 12:00", "until": "Sun 02:30", "zone": zone}

    assert any(judge(window, now).outcome is Outcome.REFUSED for window in (one, two))


@effort(50)
@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
def test_the_end_that_is_told_is_the_end(now: datetime) -> None:
    verdict = judge(WEEKEND, now)
    if verdict.outcome is Outcome.REFUSED:
        left = verdict.details["seconds_left"]
        assert isinstance(left, int | float)
        assert judge(WEEKEND, now + timedelta(seconds=left)).passed
        assert not judge(WEEKEND, now + timedelta(seconds=left - 1)).passed
