"""A pilot: is it better than before? Counts and times of two spans, with how sure each difference is. Pure values.

Rules: what happened is compared by its rate, since the spans differ in length; a difference that chance alone explains is
called that. The baseline is what people told afterwards, so the report says how complete that is, and that near-misses which
nobody wrote down before are no worsening. Of a pilot that goes on, what has passed so far counts.

    report = report_of(pilot, now, before=Side(...), during=Side(...))
    report.lines[0].words             # '3 against 7: could be chance'
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from lastgood.ids import EnvironmentName
from lastgood.model.changes.environments import MoveKind
from lastgood.model.changes.incidents import IncidentKind
from lastgood.model.changes.pilots import PilotStarted
from lastgood.model.history import Backfill
from lastgood.model.incident import Incident, Measured, measure
from lastgood.model.poisson import Rate, Ratio, in_words, rate_ratio

DAY = 86_400.0
MONTH_DAYS = 30
_LABELS = {IncidentKind.INCIDENT: "incidents", IncidentKind.NEAR_MISS: "near-misses", IncidentKind.REPRO_FAILURE: "reproduction failures"}


@dataclass(frozen=True, slots=True)
class TimedMove:
    """A move, when it was recorded, and how long it took from being asked for, if that was measured."""

    environment: EnvironmentName
    kind: MoveKind
    recorded_at: datetime
    milliseconds: int | None


@dataclass(frozen=True, slots=True)
class Side:
    """What is known of one span of time: incidents that were noticed in it, moves that were recorded, moves that were told of."""

    since: datetime
    until: datetime
    incidents: Sequence[Incident]
    moves: Sequence[TimedMove]
    backfills: Sequence[Backfill]

    @property
    def days(self) -> float:
        """How many days it lasts."""
        return (self.until - self.since).total_seconds() / DAY

    @property
    def measured(self) -> Measured:
        """What its incidents come to."""
        return measure(self.incidents)

    def count(self, *kinds: MoveKind) -> int:
        """Return how many moves of some kinds were recorded or told of."""
        recorded = sum(one.kind in kinds for one in self.moves)
        return recorded + sum(one.kind in kinds and self.since <= one.occurred_at < self.until for one in self.backfills)


@dataclass(frozen=True, slots=True)
class Compared:
    """One kind of thing, counted on both sides.

    Attributes:
        label: what is counted.
        during: how often, in the pilot.
        before: how often, in the baseline.
        ratio: of the rates, with its exact interval.
        words: what that means.
    """

    label: str
    during: int
    before: int
    ratio: Ratio
    words: str


@dataclass(frozen=True, slots=True)
class DeployTax:
    """What deploys cost: how long one takes, by the median, and all of them together; None where nobody measured or told.

    In the pilot that is measured, from when a deploy is asked for until it is recorded; before it is what was told.
    """

    seconds: float | None
    measured: int
    deploys: int
    before_seconds: int | None
    before_deploys: int

    @property
    def hours(self) -> float | None:
        """How many hours all deploys of the pilot took."""
        return None if self.seconds is None else self.seconds * self.deploys / 3_600

    @property
    def before_hours(self) -> float | None:
        """How many hours the deploys of the baseline took, of which somebody told."""
        return None if self.before_seconds is None or not self.before_deploys else self.before_seconds * self.before_deploys / 3_600


@dataclass(frozen=True, slots=True)
class Completeness:
    """How much of the baseline's incidents is told: of how many each is known, and in which months anything is."""

    incidents: int
    known: tuple[tuple[str, int], ...]
    months: int
    months_with_any: int
    moves: int


@dataclass(frozen=True, slots=True)
class PilotReport:
    """What became of a pilot so far."""

    pilot: PilotStarted
    now: datetime
    before: Side
    during: Side
    lines: tuple[Compared, ...]
    tax: DeployTax
    completeness: Completeness

    @property
    def ends(self) -> datetime:
        """When it ends."""
        return end_of(self.pilot)

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.now >= self.ends

    @property
    def verdict(self) -> str:
        """The honest sentence: what can be said of incidents, and what cannot."""
        first = self.lines[0]
        if self.during.days < MONTH_DAYS and first.ratio.could_be_chance:
            return f"Too early to say: {self.during.days:.0f} of {self.pilot.days} days. Incidents so far, {first.words}."
        if first.during + first.before == 0:
            return "There was no incident on either side: nothing to compare."
        if not first.ratio.could_be_chance:
            return f"Incidents, {first.words}."
        high = "any factor" if math.isinf(first.ratio.high) else f"{first.ratio.high:.1f} times"
        return f"Incidents, {first.words}. The true rate may be anything from {first.ratio.low:.2f} to {high} that of the baseline."


def end_of(pilot: PilotStarted) -> datetime:
    """Return when a pilot ends."""
    return pilot.begins + timedelta(days=pilot.days)


def report_of(pilot: PilotStarted, now: datetime, *, before: Side, during: Side) -> PilotReport:
    """Compare the two spans of a pilot."""
    counts = before.measured.kinds, during.measured.kinds
    lines = [_compare(label, during, counts[1][kind], before, counts[0][kind]) for kind, label in _LABELS.items()]
    lines.append(_compare("rollbacks", during, during.count(MoveKind.ROLLBACK), before, before.count(MoveKind.ROLLBACK)))
    return PilotReport(pilot, now, before, during, tuple(lines), _tax(pilot, during, before), _completeness(before))


def _compare(label: str, during: Side, count: int, before: Side, base: int) -> Compared:
    rates = Rate(count, during.days), Rate(base, before.days)
    return Compared(label, count, base, rate_ratio(*rates), in_words(*rates))


def _tax(pilot: PilotStarted, during: Side, before: Side) -> DeployTax:
    deploys = [one for one in during.moves if one.kind in {MoveKind.DEPLOY, MoveKind.PROMOTE}]
    timed = [one.milliseconds / 1_000 for one in deploys if one.milliseconds is not None]
    return DeployTax(
        median(timed) if timed else None, len(timed), len(deploys), pilot.deploy_seconds, before.count(MoveKind.DEPLOY, MoveKind.PROMOTE)
    )


def _completeness(before: Side) -> Completeness:
    said = [one.said for one in before.incidents]
    known = (
        ("when it began", sum(one.time_to_detect is not None for one in before.incidents)),
        ("when it was over", sum(one.time_to_rollback is not None for one in before.incidents)),
        ("hours of work", sum(one.minutes is not None for one in said)),
        ("cost", sum(one.cost is not None for one in said)),
        ("preventable or not", sum(one.preventable is not None for one in said)),
    )
    months = max(1, round(before.days / MONTH_DAYS))
    with_any = {min(months - 1, int((one.detected - before.since).total_seconds() / (before.days * DAY) * months)) for one in said}
    return Completeness(len(said), known, months, len(with_any), before.count(MoveKind.DEPLOY, MoveKind.ROLLBACK))
