"""Time, passed in: instants are aware UTC datetimes, and only the edges read the machine's clock.

Rules: time is for people, sequence is for order; an instant is written as RFC 3339 in UTC with microseconds, so that
its text sorts as it does.

    >>> clock = FixedClock(parse_instant("2026-11-02T14:05:00.000000Z"))
    >>> clock.advance(seconds=90)
    >>> format_instant(clock.now())
    '2026-11-02T14:06:30.000000Z'
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

from lastgood.errors import ClockWentBack, Invalid


class Clock(Protocol):
    """Says what time it is."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock; only `cli/`, `server/` and `lastgood.open` make one."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until it is moved, for tests and for replays."""

    def __init__(self, at: datetime) -> None:
        """Start at an aware instant."""
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        """Return the instant the clock stands at."""
        return self._at

    def advance(self, *, seconds: float) -> None:
        """Move by some seconds; a negative number sets the clock back."""
        self._at += timedelta(seconds=seconds)


def format_instant(at: datetime) -> str:
    """Write an aware instant as RFC 3339 in UTC with microseconds."""
    # Not strftime, which writes the year 900 as `900`: that text would sort after this year's.
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_instant(text: str) -> datetime:
    """Read an instant that `format_instant` wrote.

    Raises:
        Invalid: the text has another form.
    """
    try:
        at = datetime.fromisoformat(text)
        # One instant has one text, so nothing else that the standard library reads is let through.
        if at.tzinfo is UTC and format_instant(at) == text:
            return at
    except ValueError:
        pass
    raise Invalid(f"{text[:80]!r} is not an instant: expected RFC 3339 in UTC with microseconds")


BACKWARD_TOLERANCE = timedelta(minutes=5)


def follow(now: datetime, last: datetime | None, *, accept: bool) -> datetime:
    """Return the instant to record for an event after one recorded at `last`.

    A clock that went back by less than five minutes is clamped, so that recorded times never run backwards unnoticed.

    Raises:
        ClockWentBack: it went back by more, and nobody accepted that.
    """
    if last is None or now >= last or accept:
        return now
    if last - now < BACKWARD_TOLERANCE:
        return last
    raise ClockWentBack(
        f"the clock says {format_instant(now)}, but the last event was recorded at {format_instant(last)}; nothing was changed"
    )
