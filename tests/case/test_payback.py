"""The payback: worked examples by hand, and what becomes of the result when one input grows."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lastgood.model.estimates import INPUTS
from lastgood.model.payback import Verdict, break_even, judge, months_text, pay_back, to_cents
from tests.case.examples import COSTS, LOSSES, all_values, some_value, values
from tests.model.values import effort

# Worked by hand. Inputs in the order of the file: tooling, setup hours, hours of care a month, rate, deploys, seconds,
# incidents, cost of one, share, hours saved. Then what comes of them: annual cost, avoided loss, net monthly benefit, payback,
# simple payback, verdict. An example without incidents has no history.
EXAMPLES = """
the plain example:  600 16 1 80 50 60  2 15000 0.5 20       | 2906.67 16600.00 1247.78 2.33 1.03 strong
nothing at all:     0 0 0 0 0 0  0 0 0 0                    | 0.00 0.00 0.00 - - not yet
free of charge:     0 0 0 0 0 0  1 1200 1 0                 | 0.00 1200.00 100.00 0.00 0.00 strong
a loss:             12000 0 0 0 0 0  1 1200 1 0             | 12000.00 1200.00 -900.00 - - weak
no gain, no loss:   1200 0 0 0 0 0  1 1200 1 0              | 1200.00 1200.00 0.00 - - weak
three months:       0 30 0 100 0 0  1 12000 1 0             | 3000.00 12000.00 1000.00 3.00 3.00 sound
just under three:   0 29.99 0 100 0 0  1 12000 1 0          | 2999.00 12000.00 1000.00 3.00 3.00 strong
six months:         0 60 0 100 0 0  1 12000 1 0             | 6000.00 12000.00 1000.00 6.00 6.00 sound
just over six:      0 60.01 0 100 0 0  1 12000 1 0          | 6001.00 12000.00 1000.00 6.00 6.00 weak
hours, no history:  0 10 0 50 0 0  0 0 0 200                | 500.00 10000.00 833.33 0.60 0.60 not yet
on both sides:      6000 20 2 75 200 90  3 20000 0.4 40     | 9675.00 27000.00 1568.75 6.17 0.96 weak
only deploys:       0 0 0 60 3600 1  0.5 480 0.5 0          | 60.00 120.00 5.00 12.00 0.00 weak
small change:       0.05 0.1 0.01 33.33 0 0  1 19.99 0.25 0.5 | 7.38 21.66 1.47 5.03 2.27 sound
half a cent:        10.005 0 0 0 0 0  0 0 0 0               | 10.01 0.00 -0.83 - - not yet
a large house:      1000000 5000 400 120 10000 30  40 250000 0.3 2000 | 2186000.00 3240000.00 137833.33 15.86 4.35 weak
"""


def rows() -> list[tuple[str, list[str], list[str]]]:
    found = []
    for line in EXAMPLES.strip().splitlines():
        name, _, rest = line.partition(":")
        before, _, after = rest.partition("|")
        found.append((name, before.split(), after.split(maxsplit=5)))
    return found


@pytest.mark.parametrize(("name", "inputs", "expected"), rows(), ids=[name for name, _, _ in rows()])
def test_a_worked_example_matches_to_the_cent(name: str, inputs: list[str], expected: list[str]) -> None:
    found = dict(zip(INPUTS, map(Decimal, inputs), strict=True))
    result = pay_back(found)

    numbers = (result.annual_cost, result.avoided_loss, result.net_monthly_benefit, result.payback_months, result.simple_payback_months)
    verdict = judge(result, production=True, history=found["incidents_per_year"] > 0)
    assert [*("-" if one is None else str(to_cents(one)) for one in numbers), verdict.value] == expected


def test_what_is_shipped_pays_back_in_under_a_quarter_with_two_incidents_that_all_could_be_prevented() -> None:
    for share in ("0.5", "1"):
        months = pay_back(values(incidents_per_year=2, share_preventable=share)).payback_months
        assert months is not None
        assert months < 3


@effort(60)
@given(all_values, st.sampled_from(sorted(INPUTS)), st.data())
def test_a_greater_input_moves_the_result_where_it_is_said_to(before: dict[str, Decimal], name: str, data: st.DataObject) -> None:
    greater = data.draw(some_value(name))
    assume(greater > before[name])
    old, new = pay_back(before), pay_back({**before, name: greater})

    assert new.annual_cost >= old.annual_cost if name in {*COSTS, "loaded_rate"} else new.annual_cost == old.annual_cost
    assert new.avoided_loss >= old.avoided_loss if name in {*LOSSES, "loaded_rate"} else new.avoided_loss == old.avoided_loss
    if name == "setup_hours":
        assert new.net_monthly_benefit == old.net_monthly_benefit
    elif name == "loaded_rate":
        assert_the_rate_moves_it(before, old.net_monthly_benefit, new.net_monthly_benefit)
    else:
        assert (
            (new.net_monthly_benefit <= old.net_monthly_benefit) if name in COSTS else (new.net_monthly_benefit >= old.net_monthly_benefit)
        )
    if name != "loaded_rate":
        assert_payback_moves(name, old.payback_months, new.payback_months)


def assert_the_rate_moves_it(before: dict[str, Decimal], old: Decimal, new: Decimal) -> None:
    spent = 12 * before["maintenance_hours_per_month"] + before["seconds_per_deploy"] * before["deploys_per_year"] / 3600
    saved = before["reproduction_hours_saved_per_year"]
    assert new >= old if saved > spent else new <= old if saved < spent else True


def assert_payback_moves(name: str, old: Decimal | None, new: Decimal | None) -> None:
    never = Decimal("Infinity")
    old, new = never if old is None else old, never if new is None else new
    assert new >= old if name in COSTS else new <= old


@pytest.mark.parametrize("name", sorted(INPUTS))
def test_each_input_moves_the_plain_example(name: str) -> None:
    before = values(incidents_per_year=2)
    old, new = pay_back(before), pay_back({**before, name: before[name] * Decimal("1.5")})
    assert old.payback_months is not None
    assert new.payback_months is not None
    # More is spent on the shipped hours than is saved by them, so that an hour that costs more makes the case worse.
    longer = name in {*COSTS, "loaded_rate"}
    assert (new.payback_months > old.payback_months) is longer


@effort(60)
@given(all_values)
def test_at_the_break_even_nothing_is_gained_or_lost(found: dict[str, Decimal]) -> None:
    even = break_even(found)
    tiny = Decimal("1e-15")
    if even.incidents:
        assert abs(pay_back({**found, "incidents_per_year": even.incidents}).net_monthly_benefit) < tiny
    if even.share:
        assert abs(pay_back({**found, "share_preventable": even.share}).net_monthly_benefit) < tiny
    if even.seconds:
        assert abs(pay_back({**found, "seconds_per_deploy": even.seconds}).net_monthly_benefit) < tiny
    if even.incidents_strong:
        months = pay_back({**found, "incidents_per_year": even.incidents_strong}).payback_months
        assert months is not None
        assert abs(months - 3) < tiny
    if even.chance:
        result = pay_back(found)
        assert abs(even.chance * result.avoided_loss - result.annual_cost) < tiny


@pytest.mark.parametrize(
    ("production", "history", "expected"),
    [(True, True, Verdict.STRONG), (False, True, Verdict.NOT_YET), (True, False, Verdict.NOT_YET), (False, False, Verdict.NOT_YET)],
)
def test_without_production_or_history_it_is_not_yet(production: bool, history: bool, expected: Verdict) -> None:
    assert judge(pay_back(values(incidents_per_year=2)), production=production, history=history) is expected


@pytest.mark.parametrize(
    ("months", "said"),
    [
        ("2.9999", "2.9"),
        ("3", "3.0"),
        ("2.94", "2.9"),
        ("5.96", "6.0"),
        ("6", "6.0"),
        ("6.0001", "6.1"),
        ("0", "0.0"),
        ("1234.5", "1,234.5"),
    ],
)
def test_months_are_rounded_on_their_own_side_of_a_threshold(months: str, said: str) -> None:
    assert months_text(Decimal(months)) == f"{said} months"
