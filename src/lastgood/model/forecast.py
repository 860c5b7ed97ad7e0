"""What will be stored in twelve months, with and without a retention policy, from values alone.

Rules, in words: a month is a twelfth of 365 days, counted from now. Releases go on coming at the pace of the last half
year, one after the other, each bringing the mean of what those brought; what a pipeline began with is no growth. With a
policy, each month decides anew what goes (`model.retention.decide`), over the releases that are there and those to come;
environments go on moving to the newest release at their pace, and nothing new is tagged or held. What goes of a release that
is there frees what nothing that stays needs, chunk by chunk; of a release to come, or of the newest one, it frees as large a
share of what it brought as it does of those that are there, since the ones to come will stand on the rest. Below
`FEWEST_DAYS` of history there is no forecast.

    >>> begun = datetime(2026, 1, 1, tzinfo=UTC)
    >>> weekly = [begun + timedelta(weeks=week) for week in range(27)]
    >>> pace = pace_of(weekly, weekly[-1])
    >>> pace.gap.days, len(pace.coming(weekly[-1] + timedelta(weeks=26)))
    (7, 26)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta  # noqa: F401  # UTC is for the example

from lastgood.ids import ComponentName, ContentDigest, ReleaseId
from lastgood.model.parts import Part
from lastgood.model.retention import History, Item, Policy, Record, Stay, decide

MONTHS = 12
MONTH = timedelta(days=365) / MONTHS
NEVER = MONTHS + 1
"""The month in which what is never let go goes."""

FEWEST_DAYS = 28
_LOOKED_AT = timedelta(days=183)
_MOST_A_YEAR = 2_000
"""More releases a year are not told apart: each that is reckoned with then stands for several."""

Place = tuple[ComponentName, Part]
"""A part of a component, of whatever release."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often something comes.

    Attributes:
        since: when the first that counted came; nothing before that counts.
        gap: the mean time from one to the next.
        following: when the next is due.
        weight: how many each of those to come stands for.
    """

    since: datetime
    gap: timedelta
    following: datetime
    weight: float = 1.0

    def coming(self, until: datetime) -> list[datetime]:
        """Return when those to come are due, until then."""
        if self.following > until:
            return []
        return [self.following + number * self.gap for number in range((until - self.following) // self.gap + 1)]


def pace_of(times: Sequence[datetime], now: datetime) -> Pace | None:
    """Return how often something came lately, None where that cannot be told.

    Args:
        times: when it came, in order; each later one ends a gap that began with the one before.
        now: the time.
    """
    if len(times) < 2 or (now - times[0]) < timedelta(days=FEWEST_DAYS):  # noqa: PLR2004  # a gap has two ends
        return None
    lately = [number for number, at in enumerate(times) if number and now - at <= _LOOKED_AT] or list(range(1, len(times)))
    start = times[lately[0] - 1]
    gap = (times[-1] - start) / len(lately)
    if now - times[-1] > gap:
        # Silence counts: what has not come for longer than its gap comes less often than that.
        gap = (now - start) / len(lately)
    following = times[-1] + gap if times[-1] + gap > now else now + gap
    least = timedelta(days=365) / _MOST_A_YEAR
    weight = max(1.0, least / gap) if gap else 1.0
    return Pace(times[lately[0]], max(gap, least), following, weight)


@dataclass(frozen=True, slots=True)
class Growth:
    """What a pipeline brings.

    Attributes:
        pace: of its releases; None where it is not known.
        per_release: the bytes that a release brings.
        freed: of a part of a component, the bytes that are free again once it is let go.
    """

    pace: Pace | None
    per_release: float = 0.0
    freed: Mapping[Place, float] = field(default_factory=dict)

    def added(self, now: datetime) -> list[int]:
        """Return, for now and each month, how many bytes have come by then."""
        if self.pace is None:
            return [0] * (MONTHS + 1)
        counted = [len(self.pace.coming(now + month * MONTH)) for month in range(MONTHS + 1)]
        return [round(number * self.per_release * self.pace.weight) for number in counted]


@dataclass(frozen=True, slots=True)
class Leaving:
    """What a policy lets go within the months.

    Attributes:
        existing: the month in which a part of a release that is there goes, by release; months that are not named never come.
        coming: the parts that go of the newest release and of those to come, with the month.
    """

    existing: Mapping[tuple[ReleaseId, Place], int]
    coming: Sequence[tuple[Place, int]]


def leaving(policy: Policy, history: History, pace: Pace | None, now: datetime) -> Leaving:
    """Decide month by month what a policy lets go."""
    records = list(history.records)
    newest = next((one for one in reversed(records) if one.number == history.newest), None)
    made = _Future(history, pace, newest, now)
    gone: dict[tuple[int, Place], int] = {}
    for month in range(MONTHS + 1):
        at = now + month * MONTH
        kept = [_without(one, gone) for one in (*records, *made.records(at))]
        changed = History(kept, made.stays(at), made.good(at), kept[-1].number if kept else 0)
        for one in decide(policy, changed, at):
            if not one.keeps:
                gone[(one.number, (one.item.component, one.item.part))] = month
    last = newest.number if newest else 0
    names = {record.number: record.release for record in records}
    existing = {(names[number], place): month for (number, place), month in gone.items() if number in names and number != last}
    return Leaving(existing, [(place, month) for (number, place), month in gone.items() if number >= last])


def _without(record: Record, gone: Mapping[tuple[int, Place], int]) -> Record:
    items = tuple(one for one in record.items if (record.number, (one.component, one.part)) not in gone)
    return record if len(items) == len(record.items) else replace(record, items=items)


class _Future:
    """The releases and deployments to come."""

    def __init__(self, history: History, pace: Pace | None, newest: Record | None, now: datetime) -> None:
        self._history = history
        self._made: list[Record] = []
        self._stays: list[Stay] = list(history.stays)
        self._end = now + MONTHS * MONTH
        if pace is None or newest is None:
            return
        for number, at in enumerate(pace.coming(self._end), history.newest + 1):
            items = tuple(replace(one, content=_content(number, one)) for one in newest.items)
            self._made.append(Record(ReleaseId.of(b"to come %d" % number), number, at, items))
        for environment in dict.fromkeys(one.environment for one in history.stays):
            self._deploy(environment, now)

    def _deploy(self, environment: str, now: datetime) -> None:
        moves = [one for one in self._stays if one.environment == environment and not one.is_canary]
        pace = pace_of([one.since for one in moves], now)
        for at in [] if pace is None else pace.coming(self._end):
            newest = next((one.number for one in reversed(self._made) if one.recorded_at <= at), moves[-1].number)
            if newest != moves[-1].number:
                moves[-1] = replace(moves[-1], until=at)
                moves.append(Stay(environment, newest, at, None))
        others = [one for one in self._stays if one.environment != environment or one.is_canary]
        self._stays = [*others, *moves]

    def records(self, at: datetime) -> list[Record]:
        return [one for one in self._made if one.recorded_at <= at]

    def stays(self, at: datetime) -> list[Stay]:
        begun = [one for one in self._stays if one.since <= at]
        return [one if one.until is None or one.until <= at else replace(one, until=None) for one in begun]

    def good(self, at: datetime) -> Mapping[str, int]:
        """Where rollbacks would go: where they would now until a release to come is deployed, then the one before."""
        found = dict(self._history.good)
        last: dict[str, int] = {}
        for one in self.stays(at):
            if one.is_canary:
                continue
            if one.number > self._history.newest and one.environment in last:
                found[one.environment] = last[one.environment]
            last[one.environment] = one.number
        return found


def _content(number: int, item: Item) -> ContentDigest:
    return ContentDigest.of(f"{number} {item.component} {item.part}".encode())


@dataclass(frozen=True, slots=True)
class Point:
    """What is stored at one time, without a policy and with it."""

    month: int
    at: datetime
    without: int
    with_policy: int


def project(
    now: datetime, stored: int, growths: Iterable[Growth], freed_existing: Mapping[int, int], coming: Iterable[tuple[Growth, Leaving]]
) -> list[Point]:
    """Return what will be stored, now and after each month.

    Args:
        now: the time.
        stored: the bytes that releases need now.
        growths: of every pipeline.
        freed_existing: the bytes of what is there that become free, by month (`NEVER` for those that do not).
        coming: of each pipeline with a policy, what goes of the releases to come.
    """
    without = [stored] * (MONTHS + 1)
    for growth in growths:
        without = [before + more for before, more in zip(without, growth.added(now), strict=True)]
    freed = [float(freed_existing.get(month, 0)) for month in range(MONTHS + 1)]
    for growth, left in coming:
        weight = 1.0 if growth.pace is None else growth.pace.weight
        for place, month in left.coming:
            freed[month] += growth.freed.get(place, 0.0) * weight
    points, total = [], 0.0
    for month in range(MONTHS + 1):
        total += freed[month]
        points.append(Point(month, now + month * MONTH, without[month], max(0, without[month] - round(total))))
    return points
