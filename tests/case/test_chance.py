"""The draws from ranges: the same for a seed, the closed form where ranges are points, and triangular."""

from __future__ import annotations

import hashlib
import math
from decimal import Context, Decimal, localcontext

from hypothesis import given
from hypothesis import strategies as st

from lastgood.canonical import canonical_json
from lastgood.model.chance import DRAWS, draw, tornado
from lastgood.model.estimates import INPUTS, Range, point
from lastgood.model.payback import pay_back, to_cents
from tests.case.examples import COSTS, all_values
from tests.model.values import effort

RANGES = {name: one.default for name, one in INPUTS.items()} | {"incidents_per_year": Range(Decimal(1), Decimal(2), Decimal(4))}


def test_the_same_seed_draws_the_same_and_another_one_does_not() -> None:
    assert draw(RANGES, 7) == draw(RANGES, 7)
    assert draw(RANGES, 7) != draw(RANGES, 8)


def test_a_caller_with_another_precision_gets_the_same() -> None:
    with localcontext(Context(prec=5)):
        assert draw(RANGES, 7) == draw(dict(RANGES), 7)


def test_what_is_drawn_stays_what_it_is() -> None:
    found = draw(RANGES, 1)
    months = found.payback_months
    assert [str(to_cents(one)) for one in (months.p10, months.p50, months.p90) if one is not None] == ["1.31", "2.74", "6.79"]
    assert str(to_cents(found.avoided_loss.p50)) == "22045.07"


@effort(3)
@given(all_values, st.integers(0, 2**63))
def test_points_are_the_closed_form(found: dict[str, Decimal], seed: int) -> None:
    result, drawn = pay_back(found), draw({name: point(one) for name, one in found.items()}, seed)
    for percentile in ("p10", "p50", "p90"):
        assert getattr(drawn.annual_cost, percentile) == result.annual_cost
        assert getattr(drawn.avoided_loss, percentile) == result.avoided_loss
        assert getattr(drawn.net_monthly_benefit, percentile) == result.net_monthly_benefit
        assert getattr(drawn.payback_months, percentile) == result.payback_months
    assert drawn.never == (1 if result.payback_months is None else 0)


def test_draws_follow_the_written_rule_and_the_triangular_distribution() -> None:
    low, likely, high = 8.0, 16.0, 40.0
    numbers = hashlib.shake_256(canonical_json(["lastgood.case", "3", "setup_hours"])).digest(DRAWS * 8)
    hours = []
    for place in range(DRAWS):
        u = (int.from_bytes(numbers[place * 8 : place * 8 + 8], "big") + 0.5) / 2**64
        left = math.sqrt(u * (high - low) * (likely - low))
        right = math.sqrt((1 - u) * (high - low) * (high - likely))
        hours.append(low + left if u < (likely - low) / (high - low) else high - right)
    ranges = {name: point(one.default.likely) for name, one in INPUTS.items()} | {"setup_hours": INPUTS["setup_hours"].default}
    drawn = draw(ranges, 3).annual_cost

    others = float(pay_back({name: one.likely for name, one in ranges.items()}).recurring_cost)
    for percent, found in ((10, drawn.p10), (50, drawn.p50), (90, drawn.p90)):
        expected = sorted(hours)[math.ceil(DRAWS * percent / 100) - 1]
        assert math.isclose(float(found), others + expected * 80, rel_tol=1e-9)
    # The mean of a triangular distribution is that of its three numbers.
    assert math.isclose(math.fsum(hours) / DRAWS, (low + likely + high) / 3, rel_tol=0.02)


def test_a_range_that_moves_up_moves_every_percentile() -> None:
    before = draw(RANGES, 5)
    for name in ("setup_hours", "cost_per_incident"):
        old = RANGES[name]
        after = draw({**RANGES, name: Range(old.low * 2, old.likely * 2, old.high * 2)}, 5)
        for percentile in ("p10", "p50", "p90"):
            old_months, new_months = getattr(before.payback_months, percentile), getattr(after.payback_months, percentile)
            assert new_months > old_months if name in COSTS else new_months < old_months


def test_the_tornado_begins_with_what_moves_most_and_leaves_points_out() -> None:
    swings = tornado({**RANGES, "loaded_rate": point(Decimal(80))})
    assert "loaded_rate" not in [one.name for one in swings]
    assert len(swings) == len(INPUTS) - 1
    assert [one.size for one in swings] == sorted((one.size for one in swings), reverse=True)
    assert swings[0].name == "cost_per_incident"
    likely = {name: one.likely for name, one in RANGES.items()}
    assert swings[0].at_high == pay_back({**likely, "cost_per_incident": RANGES["cost_per_incident"].high})
