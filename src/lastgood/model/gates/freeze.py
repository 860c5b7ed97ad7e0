"""The gate of a change freeze: a window of time, every week or once, in which nothing is deployed.

Rules: a window is written in the wall time of its zone, begins at `from` and ends before `until`. Where daylight saving
makes a wall time come twice or not at all, the window is the longer one: it begins at the earlier and ends at the later of
the two instants that could be meant.

    >>> Weekly.parse("Fri 16:00")
    Weekly(weekday=4, at=datetime.time(16, 0))
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Self

from lastgood.clock import format_instant
from lastgood.errors import Invalid
from lastgood.model.gates.evidence import Evidence
from lastgood.model.gates.verdict import Gate, GateVerdict

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WEEKLY = re.compile(rf"({'|'.join(DAYS)}) ([01][0-9]|2[0-3]):([0-5][0-9])")
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Weekly:
    """A time of the week; Monday is 0."""

    weekday: int
    at: time

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `Fri 16:00`.

        Raises:
            Invalid: it has another form.
        """
        read = _WEEKLY.fullmatch(text)
        if read is None:
            raise Invalid(f'{text[:40]!r} is no time of the week such as "Fri 16:00"')
        return cls(DAYS.index(read[1]), time(int(read[2]), int(read[3])))

    def near(self, day: datetime) -> datetime:
        """Return this time of the week in which a day lies."""
        monday = day.date() - timedelta(days=day.weekday())
        return datetime.combine(monday + timedelta(days=self.weekday), self.at)


@dataclass(frozen=True, slots=True)
class FreezeGate(Gate):
    """One window.

    Attributes:
        start, end: both of the week, or both dates with times, in the wall time of the zone.
        zone: its name, such as `Europe/Berlin`.
        reason: why, as the policy says.
    """

    start: Weekly | datetime
    end: Weekly | datetime
    zone: str
    reason: str | None = None

    @property
    def name(self) -> str:
        """How people know it."""
        return "freeze"

    def judge(self, evidence: Evidence, now: datetime) -> GateVerdict:
        """Decide by the time."""
        zone = evidence.zones.get(self.zone)
        if zone is None:
            return self.lacks(f"the time zone {self.zone} is not known on this machine", zone=self.zone)
        try:
            ends = self._ends(now, zone)
        except (OverflowError, ValueError):
            return self.lacks("the time is beyond what a calendar holds", zone=self.zone)
        if ends is None:
            return self.passes(f"now is outside of it ({_edge(self.start)} to {_edge(self.end)}, {self.zone})", zone=self.zone)
        left = (ends - now).total_seconds()
        why = f": {self.reason}" if self.reason else ""
        until = ends.astimezone(zone).strftime("%a %Y-%m-%d %H:%M")
        return self.refuses(
            f"frozen until {until} {self.zone}, for {_left(left)} more{why}",
            zone=self.zone,
            until=format_instant(ends),
            seconds_left=left,
        )

    def _ends(self, now: datetime, zone: tzinfo) -> datetime | None:
        """Return the instant at which the window ends that now lies in, or None."""
        if isinstance(self.start, datetime) and isinstance(self.end, datetime):
            windows = [(self.start, self.end)]
        else:
            assert isinstance(self.start, Weekly)  # noqa: S101  # both edges have one form
            assert isinstance(self.end, Weekly)  # noqa: S101
            first = self.start.near(now.astimezone(zone))
            windows = [(begin, _next(self.end, begin)) for begin in (first - _WEEK, first, first + _WEEK)]
        ends = [end for begin, wall_end in windows if _instants(begin, zone)[0] <= now < (end := _instants(wall_end, zone)[1])]
        return max(ends, default=None)


def _next(end: Weekly, begin: datetime) -> datetime:
    near = end.near(begin)
    return near if near > begin else near + _WEEK


def _instants(wall: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the earliest and the latest instant that a wall time can mean."""
    both = [wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    return min(both), max(both)


def _edge(edge: Weekly | datetime) -> str:
    return f"{DAYS[edge.weekday]} {edge.at:%H:%M}" if isinstance(edge, Weekly) else f"{edge:%Y-%m-%d %H:%M}"


def _left(seconds: float) -> str:
    minutes = -int(-seconds // 60)
    days, rest = divmod(minutes, 24 * 60)
    hours, rest = divmod(rest, 60)
    parts = [f"{number}{unit}" for number, unit in ((days, "d"), (hours, "h"), (rest, "m")) if number]
    return " ".join(parts[:2])
