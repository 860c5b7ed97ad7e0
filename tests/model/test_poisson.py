"""Exact intervals: published values, the properties that make them exact, and the honest sentence."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.model.poisson import MOST, Rate, in_words, rate_ratio, share_interval
from tests.model.values import effort

counts = st.integers(0, 60)
times = st.floats(1, 400)


@pytest.mark.parametrize(
    ("count", "total", "confidence", "low", "high"),
    [
        # NIST/SEMATECH e-Handbook of Statistical Methods, 7.2.4.1: the exact interval for 4 of 20.
        (4, 20, 0.90, 0.071354, 0.401029),
        # 1 - 0.025^(1/n) for none of n, and its mirror image: C. Clopper, E. Pearson, Biometrika 26 (1934).
        (0, 10, 0.95, 0.0, 1 - 0.025**0.1),
        (10, 10, 0.95, 0.025**0.1, 1.0),
        (0, 0, 0.95, 0.0, 1.0),
    ],
)
def test_shares_are_the_published_ones(count: int, total: int, confidence: float, low: float, high: float) -> None:
    assert share_interval(count, total, confidence) == pytest.approx((low, high), abs=2e-6)


def test_a_ratio_is_the_one_that_r_gives() -> None:
    """The example of `poisson.test` in R's manual: breast cancer after fluoroscopy and without it, in person-years."""
    ratio = rate_ratio(Rate(11, 800), Rate(6 + 8 + 7, 1083 + 1050 + 878))
    assert ratio.value == pytest.approx(1.971488, abs=1e-6)
    assert (ratio.low, ratio.high) == pytest.approx((0.8584264, 4.2772659), abs=1e-6)


@effort(60)
@given(counts, counts, times, times)
def test_swapping_the_sides_turns_the_interval_over(one: int, two: int, first: float, second: float) -> None:
    ratio, back = rate_ratio(Rate(one, first), Rate(two, second)), rate_ratio(Rate(two, second), Rate(one, first))
    assert ratio.low == pytest.approx(0 if math.isinf(back.high) else 1 / back.high, rel=1e-6)
    assert ratio.could_be_chance == back.could_be_chance
    if ratio.value is not None:
        assert ratio.low <= ratio.value <= ratio.high


@effort(60)
@given(counts, counts, st.floats(0.2, 5))
def test_the_unit_of_time_does_not_matter(one: int, two: int, unit: float) -> None:
    ratio, other = rate_ratio(Rate(one, 90), Rate(two, 92)), rate_ratio(Rate(one, 90 * unit), Rate(two, 92 * unit))
    assert (ratio.low, ratio.high) == pytest.approx((other.low, other.high))


@effort(40)
@given(counts, counts)
def test_more_confidence_is_a_wider_interval_and_more_counts_a_higher_one(one: int, two: int) -> None:
    narrow, wide = (rate_ratio(Rate(one, 90), Rate(two, 90), confidence) for confidence in (0.8, 0.99))
    assert wide.low <= narrow.low <= narrow.high <= wide.high
    assert rate_ratio(Rate(one + 1, 90), Rate(two, 90)).low >= rate_ratio(Rate(one, 90), Rate(two, 90)).low - 1e-12


@pytest.mark.parametrize("mean", [0.7, 4.0, 11.0])
def test_it_covers_the_truth_as_often_as_it_says(mean: float) -> None:
    """Added up over all counts that are likely at all: two spans of one rate, the second twice as long."""

    def chance(count: int, expected: float) -> float:
        return math.exp(count * math.log(expected) - expected - math.lgamma(count + 1))

    most = range(int(mean * 2 + 12 * math.sqrt(mean * 2)) + 12)
    covered = sum(
        chance(one, mean) * chance(two, 2 * mean)
        for one in most
        for two in most
        if chance(one, mean) * chance(two, 2 * mean) > 1e-9 and rate_ratio(Rate(one, 1), Rate(two, 2)).could_be_chance
    )
    assert covered >= 0.95


@pytest.mark.parametrize(
    ("during", "before", "words"),
    [
        (3, 7, "3 against 7: could be chance"),
        (0, 4, "0 against 4: could be chance"),
        (0, 6, "0 against 6: fewer than chance explains"),
        (2, 15, "2 against 15: fewer than chance explains"),
        (15, 2, "15 against 2: more than chance explains"),
        (0, 0, "0 against 0: nothing to compare"),
    ],
)
def test_the_honest_sentence(during: int, before: int, words: str) -> None:
    assert in_words(Rate(during, 90), Rate(before, 90)) == words


@pytest.mark.parametrize(("rate", "base"), [(Rate(1, 0), Rate(1, 1)), (Rate(1, 1), Rate(1, -1)), (Rate(MOST, 1), Rate(1, 1))])
def test_what_is_no_rate_is_refused(rate: Rate, base: Rate) -> None:
    with pytest.raises(ValueError, match="a span of time"):
        rate_ratio(rate, base)


def test_many_are_summed_over_without_loss() -> None:
    ratio = rate_ratio(Rate(5_000, 90), Rate(5_000, 90))
    assert ratio.low * ratio.high == pytest.approx(1)
    # The normal approximation: exp(1.96 * sqrt(1/5000 + 1/5000)).
    assert ratio.high == pytest.approx(math.exp(1.959964 * math.sqrt(2 / 5_000)), abs=2e-3)
