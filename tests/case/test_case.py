"""A case: where each figure is from, what counts as production and as history, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from lastgood.errors import InvalidCase
from lastgood.model import case_words as words
from lastgood.model.case import Case, Declared, Given, Measured, Origin, PastIncident, make_case
from lastgood.model.changes.incidents import IncidentKind
from lastgood.model.estimates import INPUTS, Range, parse_range, point, range_of_text
from tests.case.examples import TODAY, case_of, declared, nothing_costs_anything

COUNTED = Given(point(Decimal(31)), Origin.MEASURED, note="counted: 31 deploys in the last 365 days")
TOLD = PastIncident("it cited nothing", cost=Decimal(9000), on=date(2026, 5, 11), where="declared in case.toml")


def test_what_is_said_beats_what_is_measured_and_that_what_is_assumed() -> None:
    measured = Measured({"deploys_per_year": COUNTED, "incidents_per_year": COUNTED})
    inputs = case_of(measured=measured, deploys_per_year=12).inputs

    assert (inputs["deploys_per_year"].range.likely, inputs["deploys_per_year"].origin_text) == (Decimal(12), "declared in case.toml")
    assert inputs["deploys_per_year"].measured == COUNTED
    assert (inputs["incidents_per_year"].range.likely, inputs["incidents_per_year"].origin_text) == (Decimal(31), "measured")
    assert inputs["incidents_per_year"].source == COUNTED.note
    assert inputs["setup_hours"].origin_text == "assumed (default)"
    assert inputs["setup_hours"].source == INPUTS["setup_hours"].source


@pytest.mark.parametrize(
    ("case", "production", "history", "verdict"),
    [
        (case_of, True, False, "not yet"),
        (lambda: case_of(incidents_per_year=2), True, True, "strong"),
        (lambda: case_of(incidents_per_year=0), True, False, "not yet"),
        (lambda: case_of(reproduction_hours_saved_per_year=900), True, False, "not yet"),
        (lambda: case_of(measured=Measured(deployments=0), incidents_per_year=2), True, True, "strong"),
        (lambda: case_of(measured=Measured(deployments=0, near_misses=1)), False, True, "not yet"),
        (lambda: case_of(measured=Measured(deployments=9, near_misses=1)), True, True, "weak"),
        (lambda: case_of(measured=Measured(deployments=9, repro_failures=2)), True, True, "weak"),
        (lambda: case_of(measured=Measured(deployments=9, incidents=0)), True, False, "not yet"),
        (lambda: case_of(replace(TOLD, kind=IncidentKind.NEAR_MISS)), True, True, "weak"),
        (lambda: case_of(TOLD, incidents_per_year=2), True, True, "strong"),
        (lambda: case_of(incidents_per_year=1, share_preventable="0.3"), True, True, "weak"),
        (lambda: case_of(incidents_per_year=1), True, True, "sound"),
    ],
)
def test_production_and_history(case: Callable[[], Case], production: bool, history: bool, verdict: str) -> None:
    made = case()
    assert (made.production.is_so, made.history.is_so, made.verdict.value) == (production, history, verdict)


def test_no_production_is_not_yet_whatever_the_numbers_say() -> None:
    made = make_case(replace(declared(incidents_per_year=2), production=False), Measured(deployments=9), today=TODAY)
    assert made.verdict.value == "not yet"
    assert made.why == "no pipeline runs in production: declared in case.toml"
    assert words.verdict_sentence(made).endswith("look again when a pipeline answers in production, or on 2027-03-01.")


def test_the_anchor_is_the_costliest() -> None:
    unknown = replace(TOLD, cost=None, title="nobody counted")
    recorded = replace(TOLD, cost=Decimal(9001), title="recorded", where="measured")
    assert case_of(unknown, TOLD, incidents_per_year=1).anchor == TOLD
    assert case_of(unknown, TOLD, incidents_per_year=1, measured=Measured(costliest=recorded)).anchor == recorded
    assert case_of(unknown, incidents_per_year=1).anchor == unknown
    assert case_of().anchor is None


def test_incidents_that_are_listed_need_a_rate() -> None:
    with pytest.raises(InvalidCase, match="how many there are a year"):
        case_of(TOLD)
    assert case_of(TOLD, measured=Measured({"incidents_per_year": COUNTED})).inputs["incidents_per_year"].origin is Origin.MEASURED


@pytest.mark.parametrize("currency", ["", "eur", "EURO", "€", "EU1", "EUR\n"])
def test_what_is_no_currency_is_refused(currency: str) -> None:
    with pytest.raises(InvalidCase, match="currency"):
        make_case(Declared(currency=currency), Measured(), today=TODAY)


def test_assumed_amounts_are_not_taken_for_those_of_any_currency() -> None:
    with pytest.raises(InvalidCase, match="in JPY say tooling_per_year, loaded_rate, cost_per_incident"):
        make_case(Declared(currency="JPY"), Measured(), today=TODAY)
    said = declared(tooling_per_year=90_000, loaded_rate=9_000, cost_per_incident=2_000_000)
    assert make_case(replace(said, currency="JPY"), Measured(), today=TODAY).currency == "JPY"
    assert make_case(Declared(currency="CHF"), Measured(), today=TODAY).currency == "CHF"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("setup_hours", -1, "setup_hours: cannot be negative"),
        ("setup_hours", float("nan"), "setup_hours: is not a number that can be reckoned with"),
        ("setup_hours", Decimal("Infinity"), "setup_hours: is not a number that can be reckoned with"),
        ("setup_hours", Decimal("sNaN"), "setup_hours: is not a number that can be reckoned with"),
        ("setup_hours", True, "setup_hours: must be a number"),
        ("setup_hours", "16", "setup_hours: must be a number"),
        ("setup_hours", [1, 2, 3], "setup_hours: must be a number"),
        ("setup_hours", 10**7 + 1, "setup_hours: is more than 10,000,000"),
        ("setup_hours", 10**400, "setup_hours: has more than 15 digits"),
        ("setup_hours", Decimal("0.0000000001"), "setup_hours: has more than 9 decimals"),
        ("setup_hours", Decimal("1e-999999"), "setup_hours: has more than 9 decimals"),
        ("tooling_per_year", Decimal("1e999999"), "tooling_per_year: is more than 1,000,000,000,000"),
        ("share_preventable", Decimal("1.01"), "share_preventable: is more than 1; a share lies between 0 and 1"),
        ("setup_hours", {"low": 1, "likely": 2}, "setup_hours: high is missing"),
        ("setup_hours", {"low": 1, "likely": 2, "high": 3, "mode": 2}, "setup_hours: unknown key 'mode'"),
        ("setup_hours", {"low": 3, "likely": 2, "high": 4}, "setup_hours: a range goes up"),
        ("setup_hours", {"low": 1, "likely": 5, "high": 4}, "setup_hours: a range goes up"),
        ("setup_hours", {"low": 1, "likely": -5, "high": 4}, "setup_hours.likely: cannot be negative"),
        ("setup_hours", {"low": 1, "likely": {}, "high": 4}, "setup_hours.likely: must be a number"),
    ],
)
def test_what_an_input_cannot_be_is_named(name: str, value: object, told: str) -> None:
    with pytest.raises(InvalidCase) as refused:
        parse_range(value, INPUTS[name])
    assert refused.value.message.startswith(told)


def test_a_float_is_taken_as_it_is_written() -> None:
    assert parse_range(0.1, INPUTS["setup_hours"]) == point(Decimal("0.1"))
    assert parse_range(Decimal("1e3"), INPUTS["setup_hours"]) == point(Decimal(1000))
    assert str(parse_range(Decimal("-0.0"), INPUTS["setup_hours"]).likely) == "0"


@pytest.mark.parametrize("text", ["", "x", "1..2", "1..2..3..4", "1..x..3", "3..2..1", "1,5", "NaN", "-1", "1e99", "0x10"])
def test_what_cannot_be_typed_is_refused(text: str) -> None:
    with pytest.raises(InvalidCase, match="setup_hours"):
        range_of_text(text, INPUTS["setup_hours"])


def test_what_can_be_typed() -> None:
    assert range_of_text(" 8 .. 16.5 .. 40", INPUTS["setup_hours"]) == Range(Decimal(8), Decimal("16.5"), Decimal(40))


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (lambda: case_of(incidents_per_year=2), "Only 50% of incidents count as prevented here; the running cost is paid from 0.1% on."),
        (case_of, "No incident is counted here, so they may well be enough."),
        (lambda: case_of(incidents_per_year=1, deploys_per_year=2), "count as prevented here; the hours saved alone pay the running cost."),
        (lambda: case_of(incidents_per_year=1, cost_per_incident=10), "preventing every one would not pay the running cost."),
        (lambda: case_of(incidents_per_year=2), "60 s × 50 deploys ÷ 3600 = 0.8 hours a year, or 66.67 EUR, 2.3% of the annual cost"),
        (lambda: case_of(incidents_per_year=2), "2 a year are counted. Fewer than 0.01 a year pay the running cost; from 1.55 a year on"),
        (lambda: case_of(reproduction_hours_saved_per_year=30), "None is counted. The hours saved alone pay the running cost"),
        (lambda: case_of(cost_per_incident=0), "no number of them would pay for anything"),
    ],
)
def test_objections_are_answered_with_the_numbers_of_the_case(case: Callable[[], Case], said: str) -> None:
    assert said in " ".join(answer for _, answer in words.objections(case()))


def test_both_ways_of_being_wrong_have_a_price() -> None:
    yes, no, chance = words.asymmetry(case_of(incidents_per_year=2))
    assert yes.startswith("A wrong yes costs 2,907 EUR at most in its first year")
    assert no == "A wrong no costs 13,693 EUR in the first year: 16,600 avoided − 2,907 spent."
    assert "a chance of 17.5% (2,907 ÷ 16,600)" in chance
    assert words.asymmetry(case_of())[1] == "A wrong no costs nothing in the first year: 1,600 avoided ≤ 2,907 spent."


def test_a_case_in_which_nothing_costs_anything_can_be_said() -> None:
    made = nothing_costs_anything()
    said = [*words.asymmetry(made), *(answer for _, answer in words.objections(made)), words.chances_sentence(made), words.cost_parts(made)]
    assert all(said)
    assert made.verdict.value == "not yet"
