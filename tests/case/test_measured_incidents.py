"""What the incidents of a registry say of the inputs: counted, never guessed, and only in the currency of the case."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import lastgood
from lastgood.clock import FixedClock, parse_instant
from lastgood.model.case import Measured
from tests.cli.commands import Desk, fill

START = parse_instant("2026-03-02T09:00:00.000000Z")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A pipeline that was deployed on 2 March."""
    desk = fill(tmp_path / "bot")
    with lastgood.init(desk.root, actor="ana@example.org", clock=FixedClock(START)) as registry:
        registry.commit(desk.root, message="first")
        registry.environments.deploy("prod")
    return desk


def opened(desk: Desk, day: int, *options: str) -> None:
    at = START + timedelta(days=day)
    desk.tell("incident", "open", f"wrong answers on day {day}", "--detected", f"{at:%Y-%m-%dT%H:%M}Z", "--env", "prod", *options)


def measured(desk: Desk, days: int, currency: str = "EUR") -> Measured:
    with lastgood.open(desk.root, clock=FixedClock(START + timedelta(days=days))) as registry:
        return registry.figures.measured(currency)


def test_incidents_become_inputs_with_what_was_counted(desk: Desk) -> None:
    for day, cost in ((10, "4000 EUR"), (30, "8000 EUR"), (50, "500 USD")):
        opened(desk, day, "--cost", cost, "--preventable")
    opened(desk, 60, "--kind", "near-miss")
    found = measured(desk, 73)
    assert (found.incidents, found.near_misses, found.repro_failures) == (3, 1, 0)
    assert found.given["incidents_per_year"].range.likely == Decimal("15.0")
    assert found.given["incidents_per_year"].note == "extrapolated: 3 incidents in 73 days, × 365 ÷ 73"
    assert found.given["cost_per_incident"].range.likely == Decimal("6000.00")
    assert found.given["share_preventable"].range.likely == 1
    assert found.costliest is not None
    assert (found.costliest.cost, found.costliest.title, found.costliest.where) == (Decimal(8000), "wrong answers on day 30", "I2, in prod")
    assert any("another currency than EUR" in note for note in found.notes)
    assert measured(desk, 73, "USD").given["cost_per_incident"].range.likely == Decimal("500.00")


def test_too_little_is_no_measure(desk: Desk) -> None:
    opened(desk, 3)
    found = measured(desk, 20)
    assert not {"incidents_per_year", "cost_per_incident", "share_preventable"} & found.given.keys()
    assert any("too few days for a rate" in note for note in found.notes)
    assert found.incidents == 1


def test_the_case_of_a_registry_with_history_is_not_told_to_wait(desk: Desk) -> None:
    assert desk.ask("case")["verdict"] == "not yet"
    opened(desk, 3, "--cost", "4000 EUR")
    answer = desk.ask("case")
    assert answer["verdict"] != "not yet"
