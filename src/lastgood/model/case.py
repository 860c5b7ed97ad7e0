"""A case: the ten inputs with their origins, what is known of production and of what went wrong, and all that follows.

Rules: what is said beats what is measured, and what is measured beats what is assumed; each figure keeps where it is from.
A production pipeline is there if something was deployed, or if the input says so, or says that it is deployed or has incidents.
History is there if an incident, a near-miss or a reproduction failure was measured, or is declared in the input, where it counts as
assumed. Nothing is invented: incidents that are listed without saying how many there are a year are refused.

    >>> from lastgood.model.estimates import point
    >>> two = Given(point(Decimal(2)), Origin.FLAG, "--incidents-per-year")
    >>> case = make_case(Declared({"incidents_per_year": two}), Measured(), today=date(2026, 11, 30))
    >>> case.verdict.value, case.inputs["incidents_per_year"].origin_text, case.inputs["loaded_rate"].origin_text
    ('strong', 'flag --incidents-per-year', 'assumed (default)')
    >>> make_case(Declared(), Measured(), today=date(2026, 11, 30)).why
    'no incident, near-miss or reproduction failure is measured or declared'
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from types import MappingProxyType

from lastgood.errors import InvalidCase
from lastgood.model.chance import SEED, Chances, Swing, draw, likeliest, tornado
from lastgood.model.changes.incidents import IncidentKind
from lastgood.model.estimates import INPUTS, Input, Range, Unit
from lastgood.model.payback import (
    LOOK_AGAIN_DAYS,
    BreakEven,
    Payback,
    Verdict,
    break_even,
    judge,
    months_text,
    pay_back,
)

CURRENCY = "EUR"
AT_PAR = frozenset({"EUR", "USD", "GBP", "CHF"})
"""The currencies in which the defaults are taken as they are; in any other, amounts of money have to be said."""

_CURRENCY = re.compile(r"[A-Z]{3}")


class Origin(Enum):
    """Where a figure is from."""

    MEASURED = "measured"
    DEFAULT = "assumed (default)"
    FILE = "declared in"
    FLAG = "flag"
    ASKED = "asked"


_NOUNS = MappingProxyType(
    {IncidentKind.INCIDENT: "incident", IncidentKind.NEAR_MISS: "near-miss", IncidentKind.REPRO_FAILURE: "reproduction failure"},
)


@dataclass(frozen=True, slots=True)
class Given:
    """A figure that somebody or something gave; `where` names the file or the flag, `note` what it rests on."""

    range: Range
    origin: Origin
    where: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """One input as it counts: what it is, and where it is from."""

    what: Input
    range: Range
    origin: Origin
    where: str
    note: str
    measured: Given | None = None

    @property
    def origin_text(self) -> str:
        """Where it is from, in words."""
        return f"{self.origin.value} {self.where}".rstrip()

    @property
    def source(self) -> str:
        """What it rests on: where a default comes from, what was counted; empty where somebody said it."""
        return self.what.source if self.origin is Origin.DEFAULT else self.note


@dataclass(frozen=True, slots=True)
class PastIncident:
    """Something that went wrong, as the input declares it or the registry has it."""

    title: str
    kind: IncidentKind = IncidentKind.INCIDENT
    cost: Decimal | None = None
    on: date | None = None
    where: str = ""


@dataclass(frozen=True, slots=True)
class Declared:
    """What was said: by flags, at the terminal, in a file.

    Attributes:
        given: inputs by name, of whatever was said first.
        production: whether a pipeline runs in production; None where nothing says so.
        incidents: what went wrong, one by one.
    """

    given: Mapping[str, Given] = field(default_factory=dict)
    currency: str = CURRENCY
    production: bool | None = None
    incidents: Sequence[PastIncident] = ()
    where: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a registry has measured; what is None, or not there, nobody measured.

    Attributes:
        given: inputs by name, each with a note of what was counted.
        deployments: how many times anything was deployed, over all of history.
        incidents: how many there were, over all of history; likewise near-misses and reproduction failures.
        rollbacks: how many there were, and the middle one of their seconds.
        costliest: the incident that cost most.
        notes: what could not be measured, and why.
    """

    given: Mapping[str, Given] = field(default_factory=dict)
    deployments: int | None = None
    incidents: int | None = None
    near_misses: int | None = None
    repro_failures: int | None = None
    rollbacks: int | None = None
    rollback_seconds: Decimal | None = None
    costliest: PastIncident | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """Whether something is so, and what says so."""

    is_so: bool
    said: str


@dataclass(frozen=True, slots=True)
class Case:
    """A whole case. The result, the break-even and the verdict are those of the likeliest values.

    Attributes:
        anchor: the costliest incident that is recorded or declared, or None.
        look_again: on which day to look again, where the verdict is not yet or weak.
    """

    currency: str
    inputs: Mapping[str, Estimate]
    production: Known
    history: Known
    result: Payback
    even: BreakEven
    chances: Chances
    swings: Sequence[Swing]
    verdict: Verdict
    why: str
    anchor: PastIncident | None
    look_again: date | None
    measured: Measured
    made_on: date


def make_case(declared: Declared, measured: Measured, *, today: date, seed: int = SEED) -> Case:
    """Put a case together.

    Raises:
        InvalidCase: the currency is none, or what is declared does not say enough.
    """
    _check(declared, measured)
    inputs = {name: _estimate(what, declared, measured) for name, what in INPUTS.items()}
    _check_money(declared.currency, inputs)
    ranges = {name: one.range for name, one in inputs.items()}
    values = likeliest(ranges)
    result = pay_back(values)
    production, history = _production(declared, measured), _history(declared, measured, inputs)
    verdict = judge(result, production=production.is_so, history=history.is_so)
    waits = verdict in {Verdict.NOT_YET, Verdict.WEAK}
    return Case(
        currency=declared.currency,
        inputs=inputs,
        production=production,
        history=history,
        result=result,
        even=break_even(values),
        chances=draw(ranges, seed),
        swings=tornado(ranges),
        verdict=verdict,
        why=_why(verdict, result, production, history),
        anchor=_anchor(declared, measured),
        look_again=today + timedelta(days=LOOK_AGAIN_DAYS) if waits else None,
        measured=measured,
        made_on=today,
    )


def _check(declared: Declared, measured: Measured) -> None:
    if not _CURRENCY.fullmatch(declared.currency):
        raise InvalidCase(f"currency: {declared.currency[:20]!r} is no currency; write three capital letters, such as EUR")
    listed = [one for one in declared.incidents if one.kind is IncidentKind.INCIDENT]
    if listed and "incidents_per_year" not in declared.given and "incidents_per_year" not in measured.given:
        raise InvalidCase(
            "incidents: some are listed, but not how many there are a year, which nobody can tell from a list",
            hint=f"say incidents_per_year as well; {len(listed)} if the list is that of one year",
        )


def _check_money(currency: str, inputs: Mapping[str, Estimate]) -> None:
    if currency in AT_PAR:
        return
    assumed = [name for name, one in inputs.items() if one.origin is Origin.DEFAULT and one.what.unit is Unit.MONEY]
    if assumed:
        raise InvalidCase(
            f"currency: what is assumed is in {CURRENCY}, and is taken as it is in {', '.join(sorted(AT_PAR - {CURRENCY}))} only;"
            f" in {currency} say {', '.join(assumed)}"
        )


def _estimate(what: Input, declared: Declared, measured: Measured) -> Estimate:
    said, counted = declared.given.get(what.name), measured.given.get(what.name)
    found = said or counted
    if found is None:
        return Estimate(what, what.default, Origin.DEFAULT, "", "")
    return Estimate(what, found.range, found.origin, found.where, found.note, counted if said else None)


def _production(declared: Declared, measured: Measured) -> Known:
    if declared.production is not None:
        said = "a pipeline runs in production" if declared.production else "no pipeline runs in production"
        return Known(declared.production, f"{said}: declared in {declared.where}")
    if measured.deployments:
        return Known(is_so=True, said=f"{measured.deployments:,} deployments: measured")
    for name in ("deploys_per_year", "incidents_per_year"):
        given = declared.given.get(name)
        if given is not None and given.range.likely > 0:
            return Known(is_so=True, said=f"assumed, since {INPUTS[name].label} are given")
    if measured.deployments == 0:
        return Known(is_so=False, said="nothing was ever deployed: measured")
    return Known(is_so=True, said="assumed: nothing says otherwise")


def _history(declared: Declared, measured: Measured, inputs: Mapping[str, Estimate]) -> Known:
    counted = zip(_NOUNS.values(), (measured.incidents, measured.near_misses, measured.repro_failures), strict=True)
    said = [_some(number, noun) for noun, number in counted if number]
    if said:
        return Known(is_so=True, said=f"{', '.join(said)}: measured")
    if declared.incidents:
        kinds = [one.kind for one in declared.incidents]
        listed = ", ".join(_some(kinds.count(one), noun) for one, noun in _NOUNS.items() if one in kinds)
        return Known(is_so=True, said=f"{listed}, declared in {declared.where}: assumed")
    rate = inputs["incidents_per_year"]
    if rate.range.likely > 0:
        return Known(is_so=True, said=f"incidents a year, {rate.origin_text}" + ("" if rate.origin is Origin.MEASURED else ": assumed"))
    return Known(is_so=False, said="no incident, near-miss or reproduction failure is measured or declared")


def _some(number: int, noun: str) -> str:
    plural = "es" if noun.endswith("s") else "s"
    return f"{number:,} {noun}{'' if number == 1 else plural}"


def _why(verdict: Verdict, result: Payback, production: Known, history: Known) -> str:
    if verdict is Verdict.NOT_YET:
        return (history if production.is_so else production).said
    if result.payback_months is None:
        return "there is no net benefit: what is avoided does not pay for what it costs to run"
    return f"it pays back in {months_text(result.payback_months)}"


def _anchor(declared: Declared, measured: Measured) -> PastIncident | None:
    known = [*declared.incidents, *([measured.costliest] if measured.costliest else [])]
    return max(known, key=lambda one: one.cost if one.cost is not None else Decimal(-1), default=None)
