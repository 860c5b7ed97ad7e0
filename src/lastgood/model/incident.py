"""Incidents: what went wrong, and the figures that follow from it. Pure values; all of them come from events.

Time-to-detect counts from when it started, if somebody says so, else from the deployment of the release that is suspected,
until somebody noticed. Time-to-rollback counts from there until the first rollback that answers to it, else until it was
mitigated. Where an end is missing the figure is, too: nothing is guessed. Quarters are those of the calendar, in UTC.

    >>> parse_minutes("1h30m"), parse_minutes("2.5"), parse_cost("1,200.50 EUR").hundredths
    (90, 150, 120050)
    >>> quarter_of(datetime(2026, 11, 2, tzinfo=UTC))
    '2026-Q4'
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import mean, median

from lastgood.errors import Invalid, InvalidName
from lastgood.ids import EnvironmentName, IncidentName, ReleaseId
from lastgood.model.changes.environments import MoveKind
from lastgood.model.changes.incidents import Currency, IncidentKind, IncidentRecorded

_HOURS = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,4})?)\s*(?:h|hours?)?", re.IGNORECASE)
_UNITS = re.compile(r"(?:([0-9]{1,6})\s*h)?\s*(?:([0-9]{1,6})\s*m(?:in)?)?", re.IGNORECASE)
_COST = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,2})?)\s*([A-Za-z]{3})")


@dataclass(frozen=True, slots=True)
class Cost:
    """An amount in hundredths of a currency's unit.

    >>> str(Cost(120050, Currency("EUR")))
    '1,200.50 EUR'
    """

    hundredths: int
    currency: Currency

    def __str__(self) -> str:
        """Write it for people."""
        return f"{Decimal(self.hundredths) / 100:,.2f} {self.currency}"


def parse_minutes(text: str) -> int:
    """Read how long people worked, in minutes: `2.5` hours, `3h`, `90m` or `1h30m`.

    Raises:
        Invalid: it is none of them.
    """
    if hours := _HOURS.fullmatch(text.strip()):
        return round(Decimal(hours[1]) * 60)
    if (both := _UNITS.fullmatch(text.strip())) and any(both.groups()):
        return int(both[1] or 0) * 60 + int(both[2] or 0)
    raise Invalid(f"{text[:40]!r} is no number of hours; nothing was changed", hint="write 2.5, 3h, 90m or 1h30m")


def parse_cost(text: str) -> Cost:
    """Read an amount with its currency, such as `1200 EUR`.

    Raises:
        Invalid: it has another form.
    """
    found = _COST.fullmatch(text.strip().replace(",", ""))
    try:
        if found is not None:
            return Cost(round(Decimal(found[1]) * 100), Currency.parse(found[2].upper()))
    except InvalidName:
        pass
    raise Invalid(f"{text[:40]!r} is no amount with its currency; nothing was changed", hint='write "1200 EUR" or "99.50 USD"')


@dataclass(frozen=True, slots=True)
class AnsweringMove:
    """A move of an environment that answers to an incident, or belongs to it; `undone` where an undo followed at once."""

    environment: EnvironmentName
    revision: int
    kind: MoveKind
    release: ReleaseId
    number: int
    recorded_at: datetime
    undone: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """Something that somebody wrote about an incident, or an address; an erased one reads as None."""

    text: str | None
    recorded_at: datetime
    actor: str | None


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident as the registry knows it; an erased title, impact or name reads as None.

    Attributes:
        said: what the last event says of it.
        release_number: the number of the release that is suspected.
        opened_at: when it was recorded first.
        opened_by: by whom.
        deployed: when the release that is suspected came to the environment, for the last time before it was noticed.
        moves: the moves that answer to it, oldest first.
        releases: further releases that belong to it, with their numbers.
        notes: what was written about it.
    """

    said: IncidentRecorded
    title: str | None
    impact: str | None
    release_number: int | None
    opened_at: datetime
    opened_by: str | None
    deployed: datetime | None = None
    moves: tuple[AnsweringMove, ...] = ()
    releases: tuple[tuple[ReleaseId, int], ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def name(self) -> IncidentName:
        """Its name: `I17`."""
        return self.said.incident

    @property
    def is_open(self) -> bool:
        """Whether work on it goes on."""
        return self.said.closed is None

    @property
    def cost(self) -> Cost | None:
        """What it cost, if somebody said so."""
        said = self.said
        return None if said.cost is None or said.currency is None else Cost(said.cost, said.currency)

    @property
    def rolled_back(self) -> datetime | None:
        """When the first rollback that answers to it was recorded, from when it was noticed on; one that was undone is none."""
        rollbacks = [one.recorded_at for one in self.moves if one.kind is MoveKind.ROLLBACK and not one.undone]
        return min((at for at in rollbacks if at >= self.said.detected), default=None)

    @property
    def time_to_detect(self) -> timedelta | None:
        """How long it went unnoticed; None where nobody knows when it began."""
        began = self.said.started or self.deployed
        return None if began is None else self.said.detected - began

    @property
    def time_to_rollback(self) -> timedelta | None:
        """How long it took from noticing it to going back, or else to its being over; None while neither is known."""
        ended = self.rolled_back or self.said.mitigated
        return None if ended is None else ended - self.said.detected


def check_times(said: IncidentRecorded, now: datetime) -> None:
    """See that times come in their order, and that none is in the future.

    Raises:
        Invalid: they do not; the message names the two.
    """
    order = ("started", "detected", "mitigated", "closed")
    known = [(name, at) for name in order if (at := getattr(said, name)) is not None]
    for (first, before), (then, after) in pairwise(known):
        if after < before:
            raise Invalid(
                f"an incident is {then} after it is {first}, not before: {after.isoformat()} is earlier than {before.isoformat()};"
                " nothing was changed"
            )
    for name, at in known:
        if at > now:
            raise Invalid(f"{name} lies in the future: {at.isoformat()}; nothing was changed")


@dataclass(frozen=True, slots=True)
class Spread:
    """How long things took: of how many that is known, their mean and their median, in seconds; None of none."""

    count: int
    mean: float | None
    median: float | None


@dataclass(frozen=True, slots=True)
class Measured:
    """What the incidents of a span of time come to.

    Attributes:
        kinds: how many there were of each kind.
        quarters: the same a quarter, such as `2026-Q4`, in order.
        time_to_detect: of the incidents, in seconds.
        time_to_rollback: likewise.
        minutes: how many minutes people spent on all of them, of whatever kind.
        with_minutes: of how many that is known.
        costs: what they cost, in hundredths, by currency.
        with_cost: of how many that is known.
        preventable: how many could have been prevented, could not, and how many nobody judged.
        open: the names of the incidents that are open.
    """

    kinds: dict[IncidentKind, int]
    quarters: dict[str, dict[IncidentKind, int]]
    time_to_detect: Spread
    time_to_rollback: Spread
    minutes: int
    with_minutes: int
    costs: dict[Currency, int]
    with_cost: int
    preventable: tuple[int, int, int]
    open: tuple[IncidentName, ...]


def measure(incidents: Sequence[Incident]) -> Measured:
    """Return what incidents come to; times are those of the kind `incident` only, since the others reached nobody."""
    real = [one for one in incidents if one.said.kind is IncidentKind.INCIDENT]
    quarters = sorted({quarter_of(one.said.detected) for one in incidents})
    costs: Counter[Currency] = Counter()
    for one in incidents:
        if (cost := one.cost) is not None:
            costs[cost.currency] += cost.hundredths
    judged = Counter(one.said.preventable for one in real)
    return Measured(
        kinds=_counts(incidents),
        quarters={name: _counts([one for one in incidents if quarter_of(one.said.detected) == name]) for name in quarters},
        time_to_detect=_spread([one.time_to_detect for one in real]),
        time_to_rollback=_spread([one.time_to_rollback for one in real]),
        minutes=sum(one.said.minutes or 0 for one in incidents),
        with_minutes=sum(one.said.minutes is not None for one in incidents),
        costs=dict(sorted(costs.items())),
        with_cost=sum(one.cost is not None for one in incidents),
        preventable=(judged[True], judged[False], judged[None]),
        open=tuple(one.name for one in real if one.is_open),
    )


def quarter_of(at: datetime) -> str:
    """Return the quarter of the calendar that an instant is in, in UTC."""
    utc = at.astimezone(UTC)
    return f"{utc.year}-Q{(utc.month + 2) // 3}"


def _counts(incidents: Sequence[Incident]) -> dict[IncidentKind, int]:
    counted = Counter(one.said.kind for one in incidents)
    return {kind: counted[kind] for kind in IncidentKind}


def _spread(times: Sequence[timedelta | None]) -> Spread:
    known = [one.total_seconds() for one in times if one is not None]
    return Spread(len(known), mean(known) if known else None, median(known) if known else None)
