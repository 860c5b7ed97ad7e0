"""What the incidents of a registry say of the inputs of the payback page.

Rules: nothing is guessed. A rate is counted over the last year, or extrapolated from `FEWEST_DAYS` days of history on, and says so;
what incidents cost is told only of those that have a cost in the currency of the case; what share could have been prevented, only
where somebody judged at least `FEWEST_JUDGED` of them.

    measured_incidents(incidents, since, now, "EUR").given["incidents_per_year"].note
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from lastgood.model.case import Given, Origin, PastIncident
from lastgood.model.changes.incidents import IncidentKind
from lastgood.model.estimates import point
from lastgood.model.incident import Incident

FEWEST_DAYS = 28
FEWEST_JUDGED = 3
YEAR = 365

_TENTH, _CENT = Decimal("0.1"), Decimal("0.01")


@dataclass(frozen=True, slots=True)
class FromIncidents:
    """What incidents say: how many there were of each kind, inputs by name, the costliest one, and what could not be measured."""

    kinds: dict[IncidentKind, int]
    given: dict[str, Given] = field(default_factory=dict)
    costliest: PastIncident | None = None
    notes: tuple[str, ...] = ()


def measured_incidents(incidents: Sequence[Incident], since: datetime | None, now: datetime, currency: str) -> FromIncidents:
    """Return what incidents say of the inputs.

    Args:
        incidents: all that are recorded.
        since: when history begins, None where it has not.
        now: the time.
        currency: the one of the case, three letters.
    """
    kinds = {kind: sum(one.said.kind is kind for one in incidents) for kind in IncidentKind}
    real = [one for one in incidents if one.said.kind is IncidentKind.INCIDENT]
    begun = min([*([] if since is None else [since]), *(one.said.detected for one in incidents)], default=None)
    given: dict[str, Given] = {}
    notes: list[str] = []
    if real and begun is not None:
        lately = sum(now - one.said.detected <= timedelta(days=YEAR) for one in real)
        rate = _yearly(len(real), lately, (now - begun).days)
        if isinstance(rate, str):
            notes.append(rate)
        else:
            given["incidents_per_year"] = rate
    given |= _costs(real, currency, notes) | _preventable(real) | _reproduction(incidents, begun, now)
    return FromIncidents(kinds, given, _costliest(incidents, currency), tuple(notes))


def _yearly(every: int, lately: int, days: int) -> Given | str:
    if days < FEWEST_DAYS:
        return f"{every:,} incidents in {days} days of history: too few days for a rate, {FEWEST_DAYS} are needed"
    if days >= YEAR:
        return Given(point(Decimal(lately)), Origin.MEASURED, note=f"counted: {lately:,} incidents in the last {YEAR} days")
    rate = (Decimal(every) * YEAR / days).quantize(_TENTH, ROUND_HALF_UP)
    return Given(point(rate), Origin.MEASURED, note=f"extrapolated: {every:,} incidents in {days} days, × {YEAR} ÷ {days}")


def _costs(real: Sequence[Incident], currency: str, notes: list[str]) -> dict[str, Given]:
    known = [cost for one in real if (cost := _cost(one, currency)) is not None]
    others = sum(one.said.cost is not None for one in real) - len(known)
    if others:
        notes.append(f"{others:,} incidents have a cost in another currency than {currency}: left out")
    if not known:
        return {}
    mean = (sum(known, Decimal(0)) / len(known)).quantize(_CENT, ROUND_HALF_UP)
    return {"cost_per_incident": Given(point(mean), Origin.MEASURED, note=f"the mean of {len(known):,} incidents whose cost is recorded")}


def _cost(one: Incident, currency: str) -> Decimal | None:
    said = one.said
    return Decimal(said.cost) / 100 if said.cost is not None and str(said.currency) == currency else None


def _preventable(real: Sequence[Incident]) -> dict[str, Given]:
    judged = [one.said.preventable for one in real if one.said.preventable is not None]
    if len(judged) < FEWEST_JUDGED:
        return {}
    share = (Decimal(sum(judged)) / len(judged)).quantize(_CENT, ROUND_HALF_UP)
    note = f"{sum(judged):,} of {len(judged):,} incidents that somebody judged could have been prevented"
    return {"share_preventable": Given(point(share), Origin.MEASURED, note=note)}


def _reproduction(incidents: Sequence[Incident], begun: datetime | None, now: datetime) -> dict[str, Given]:
    """Say how many hours people spent on what could not be made again, a year."""
    spent = [one.said.minutes for one in incidents if one.said.kind is IncidentKind.REPRO_FAILURE and one.said.minutes is not None]
    days = 0 if begun is None else (now - begun).days
    if not spent or days < FEWEST_DAYS:
        return {}
    hours = (Decimal(sum(spent)) / 60 * YEAR / days).quantize(_TENTH, ROUND_HALF_UP)
    note = f"{sum(spent) / 60:,.1f} hours on {len(spent):,} reproduction failures in {days} days, × {YEAR} ÷ {days}"
    return {"reproduction_hours_saved_per_year": Given(point(hours), Origin.MEASURED, note=note)}


def _costliest(incidents: Sequence[Incident], currency: str) -> PastIncident | None:
    known = [(cost, one) for one in incidents if (cost := _cost(one, currency)) is not None]
    if not known:
        return None
    cost, one = max(known, key=lambda pair: (pair[0], pair[1].said.detected))
    where = f"{one.said.incident}, in {one.said.environment}" if one.said.environment else str(one.said.incident)
    return PastIncident(one.title or str(one.said.incident), one.said.kind, cost, one.said.detected.date(), where)
