"""Ranges and cases that tests of the payback page start from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from hypothesis import strategies as st

from lastgood.model.case import Case, Declared, Given, Measured, Origin, PastIncident, make_case
from lastgood.model.estimates import INPUTS, Range, point

TODAY = date(2026, 11, 30)
DEFAULTS: Mapping[str, Decimal] = {name: one.default.likely for name, one in INPUTS.items()}
"""What is assumed where nobody says anything, but for ranges."""

COSTS = ("tooling_per_year", "setup_hours", "maintenance_hours_per_month", "deploys_per_year", "seconds_per_deploy")
LOSSES = ("incidents_per_year", "cost_per_incident", "share_preventable", "reproduction_hours_saved_per_year")


def values(**changed: str | int) -> dict[str, Decimal]:
    """Return the defaults with some of them changed."""
    return {**DEFAULTS, **{name: Decimal(one) for name, one in changed.items()}}


def declared(*incidents: PastIncident, **given: str | int | Range) -> Declared:
    """Return what a file would declare."""
    ranges = {name: one if isinstance(one, Range) else point(Decimal(one)) for name, one in given.items()}
    return Declared({name: Given(one, Origin.FILE, "case.toml") for name, one in ranges.items()}, incidents=incidents, where="case.toml")


def nothing_costs_anything() -> Case:
    """Return a case in which every input is nothing."""
    given = {name: Given(point(Decimal(0)), Origin.FILE, "case.toml") for name in INPUTS}
    return make_case(Declared(given, where="case.toml"), Measured(), today=TODAY)


def case_of(*incidents: PastIncident, measured: Measured | None = None, seed: int = 1, **given: str | int | Range) -> Case:
    """Return the case that a file would make."""
    return make_case(declared(*incidents, **given), measured or Measured(), today=TODAY, seed=seed)


def some_value(name: str) -> st.SearchStrategy[Decimal]:
    """Return a strategy for values of an input, nothing and one among them."""
    if name == "share_preventable":
        return st.integers(0, 100).map(lambda number: Decimal(number) / 100)
    return st.integers(0, 1_000_000).map(lambda number: Decimal(number) / 100)


all_values = st.fixed_dictionaries({name: some_value(name) for name in INPUTS})
