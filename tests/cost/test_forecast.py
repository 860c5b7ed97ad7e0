"""The forecast of a scripted year: what is said in the middle of it is what is there at its end, within 2%."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import lastgood
from lastgood.clock import FixedClock
from lastgood.ids import ComponentName, ContentDigest, ReleaseId
from lastgood.model.component import Kind
from lastgood.model.forecast import MONTH, MONTHS, NEVER, Growth, Leaving, Pace, leaving, pace_of, project
from lastgood.model.parts import Part
from lastgood.model.retention import History, Item, Policy, Record, Rules, Stay
from tests.cost.registry import noise

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
HALF = BEGUN + 6 * MONTH
ROUTER = ComponentName("router")
PLACE = (ROUTER, Part.FILES)
DAY = timedelta(days=1)
MB = 10**6


def every(days: float, until: datetime) -> list[datetime]:
    return [BEGUN + number * timedelta(days=days) for number in range(int((until - BEGUN) / timedelta(days=days)) + 1)]


def pace(times: Sequence[datetime], now: datetime) -> Pace:
    found = pace_of(times, now)
    assert found is not None
    return found


def history(times: Sequence[datetime], stays: Sequence[Stay] = ()) -> History:
    records = [
        Record(ReleaseId.of(b"%d" % number), number, at, (Item(ROUTER, Kind.ARTIFACT, Part.FILES, ContentDigest.of(b"%d" % number)),))
        for number, at in enumerate(times, 1)
    ]
    return History(records, stays, {}, len(records))


@pytest.mark.parametrize("days", [1, 3, 7, 10, 365 / 12])
@pytest.mark.parametrize("hours_late", [0, 30, 100])
def test_regular_growth_is_foreseen(days: float, hours_late: int) -> None:
    now = HALF + timedelta(hours=hours_late)
    end = now + 6 * MONTH
    so_far, at_the_end = len(every(days, now)), len(every(days, end))
    growth = Growth(pace(every(days, now), now), per_release=5 * MB)
    first = 100 * MB
    points = project(now, first + (so_far - 1) * 5 * MB, [growth], {}, [])
    there = first + (at_the_end - 1) * 5 * MB
    assert abs(points[6].without - there) <= 0.02 * there


def test_what_a_pipeline_began_with_is_no_growth_and_silence_slows_it() -> None:
    weekly = every(7, HALF)
    assert pace(weekly, HALF).since == weekly[1]
    assert pace(weekly, weekly[-1] + 100 * DAY).gap > 10 * DAY
    assert pace_of(weekly[:1], HALF) is None
    assert pace_of(weekly, BEGUN + 27 * DAY) is None
    assert Growth(None).added(HALF) == [0] * (MONTHS + 1)


def test_only_the_last_half_year_counts() -> None:
    daily_then_weekly = [BEGUN + number * DAY for number in range(100)] + [BEGUN + 100 * DAY + number * 7 * DAY for number in range(1, 53)]
    assert pace(daily_then_weekly, daily_then_weekly[-1]).gap == 7 * DAY


def test_thousands_of_releases_a_year_are_reckoned_in_bulk() -> None:
    hourly = [BEGUN + number * timedelta(hours=1) for number in range(24 * 40)]
    found = pace(hourly, hourly[-1])
    coming = found.coming(hourly[-1] + 12 * MONTH)
    assert len(coming) <= 2_000
    assert abs(len(coming) * found.weight - 24 * 365) < 24


def test_with_a_policy_as_much_stays_as_it_keeps() -> None:
    times = every(7, HALF)
    found = pace(times, HALF)
    left = leaving(Policy(Rules(keep_last=10)), history(times), found, HALF)
    assert sum(month == 0 for month in left.existing.values()) == len(times) - 10
    freed = {0: (len(times) - 10) * MB}
    for (_, _), month in ((key, month) for key, month in left.existing.items() if month):
        freed[month] = freed.get(month, 0) + MB
    growth = Growth(found, MB, {PLACE: float(MB)})
    points = project(HALF, len(times) * MB, [growth], freed, [(growth, left)])
    assert {one.with_policy for one in points} == {10 * MB}
    assert points[12].without == (len(times) + 52) * MB


def test_what_is_deployed_stays_and_deployments_go_on() -> None:
    times = every(7, HALF)
    moves = [Stay("prod", number, at, until) for number, at, until in zip(range(1, 99, 4), times[::4], [*times[4::4], None], strict=False)]
    left = leaving(Policy(Rules(keep_last=1), rollbacks=2), history(times, moves), pace_of(times, HALF), HALF)
    stay = {1 + index for index in range(len(times)) if (ReleaseId.of(b"%d" % (index + 1)), PLACE) not in left.existing}
    assert len(times) in stay
    # In twelve months prod has moved on from everything that is there now; only what the month between needs is left.
    assert len(stay) == 1
    goes_now = {number for number in range(1, len(times) + 1) if left.existing.get((ReleaseId.of(b"%d" % number), PLACE)) == 0}
    assert goes_now == set(range(1, len(times))) - {moves[-1].number, moves[-2].number}


def test_no_policy_lets_nothing_go() -> None:
    times = every(7, HALF)
    assert leaving(Policy(), history(times), pace_of(times, HALF), HALF) == Leaving({}, [])
    assert NEVER > MONTHS


@pytest.mark.parametrize("grows", [False, True])
@pytest.mark.parametrize("policy", ["", "[retention]\nkeep_last = 8\n"])
def test_a_scripted_year_of_a_registry(tmp_path: Path, policy: str, *, grows: bool) -> None:
    """Releases every ten days, with 60 kB more each; what is said in month six for month twelve, against the packs then.

    Either the file is another one each time, or it grows at its end, so that releases share all of what was there before.
    """
    root = tmp_path / "bot"
    root.mkdir()
    (root / "lastgood.toml").write_text(f'pipeline = "bot"\n[components.router]\nkind = "artifact"\npath = "model.bin"\n{policy}')
    clock = FixedClock(BEGUN)
    foreseen = None
    (root / "model.bin").write_bytes(noise("base", 300_000))
    with lastgood.init(root, actor="ada@example.org", clock=clock) as registry:
        for number in range(37):
            (root / "model.bin").write_bytes(noise("rows", 60_000 * (number + 5)) if grows else noise(number, 60_000))
            registry.commit(root)
            if number == 18:
                assert len(registry.costs.report().forecast) == MONTHS + 1
                foreseen = registry.costs.report().forecast[6]
                assert abs(foreseen.at - (clock.now() + 180 * DAY)) < 3 * DAY
            clock.advance(seconds=10 * 86_400)
        if policy:
            registry.retention.apply(str(registry.retention.plan().digest))
            registry.upkeep.collect(timedelta(0))
        there = registry.costs.report().needs.total.stored
    assert foreseen is not None
    said = foreseen.with_policy if policy else foreseen.without
    assert abs(said - there) <= 0.02 * there


def test_a_young_registry_has_no_forecast(tmp_path: Path) -> None:
    (tmp_path / "lastgood.toml").write_text('pipeline = "bot"\n[components.router]\nkind = "artifact"\npath = "model.bin"\n')
    clock = FixedClock(BEGUN)
    (tmp_path / "model.bin").write_bytes(b"one")
    with lastgood.init(tmp_path, actor="ada@example.org", clock=clock) as registry:
        assert registry.costs.report().forecast == []
        registry.commit(tmp_path)
        report = registry.costs.report()
    assert report.forecast == []
    assert any("28 days" in note for note in report.notes)
