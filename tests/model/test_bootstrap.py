"""The paired bootstrap: seeded, monotone, exact where nothing differs, and right where the answer is known."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lastgood.model import bootstrap
from lastgood.model.bootstrap import MOST_DRAWN, interval, mean, upper_bound
from tests.model.values import effort

scores = st.integers(-8, 8).map(lambda number: number / 8)
samples = st.dictionaries(st.text(max_size=3), scores, min_size=1, max_size=12)
confidences = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99, 0.999])


@effort(30)
@given(samples, confidences)
def test_the_same_input_gives_the_same_bound_in_any_order(sample: dict[str, float], confidence: float) -> None:
    bound = upper_bound(sample, confidence)
    bootstrap._resampled_means.cache_clear()

    assert upper_bound(dict(reversed(sample.items())), confidence) == bound


@effort(30)
@given(samples, confidences, st.data())
def test_a_case_that_does_better_never_makes_a_bound_worse(sample: dict[str, float], confidence: float, data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(sorted(sample)))
    better = {**sample, case: sample[case] - data.draw(st.integers(0, 8)) / 8}

    assert upper_bound(better, confidence) <= upper_bound(sample, confidence)


@effort(30)
@given(samples)
def test_more_confidence_never_gives_a_lower_bound(sample: dict[str, float]) -> None:
    bounds = [upper_bound(sample, confidence) for confidence in (0.5, 0.8, 0.95, 0.999)]

    assert bounds == sorted(bounds)
    assert all(min(sample.values()) <= bound <= max(sample.values()) for bound in bounds)


@effort(30)
@given(samples, confidences, scores)
def test_identical_inputs_drop_by_nothing_and_a_constant_by_itself(sample: dict[str, float], confidence: float, constant: float) -> None:
    assert upper_bound(dict.fromkeys(sample, 0.0), confidence) == 0
    assert interval(dict.fromkeys(sample, constant), confidence) == (constant, constant)


@effort(20)
@given(samples, confidences)
@example({f"c{number}": math.sin(number) for number in range(100)}, 0.9)
def test_an_interval_ends_where_both_one_sided_bounds_are(sample: dict[str, float], confidence: float) -> None:
    one_sided = (1 + confidence) / 2
    opposite = {name: -value for name, value in sample.items()}

    assert interval(sample, confidence) == (-upper_bound(opposite, one_sided), upper_bound(sample, one_sided))


@effort(20)
@given(samples, confidences)
def test_an_interval_holds_what_is_between_its_ends(sample: dict[str, float], confidence: float) -> None:
    low, high = interval(sample, confidence)

    assert min(sample.values()) <= low <= high <= max(sample.values())


def test_golden() -> None:
    """Written down once: the draws are the same on every machine and in every version."""
    sample = {f"c{number}": (number % 7) / 10 for number in range(100)}

    assert [upper_bound(sample, confidence) for confidence in (0.5, 0.95, 0.999)] == [0.295, 0.327, 0.35600000000000004]


def test_it_is_close_to_the_normal_bound_for_many_cases() -> None:
    sample = {f"c{number}": float(number % 10 == 0) for number in range(MOST_DRAWN)}
    spread = math.sqrt(0.1 * 0.9 / MOST_DRAWN)

    assert upper_bound(sample, 0.95) == pytest.approx(0.1 + NormalDist().inv_cdf(0.95) * spread, abs=0.002)


def test_where_draws_end_the_normal_bound_goes_on() -> None:
    sample = {f"c{number}": float(number % 10 == 0) for number in range(MOST_DRAWN)}
    more = {**sample, **{f"d{number}": float(number % 10 == 0) for number in range(10)}}

    assert upper_bound(more, 0.95) == pytest.approx(upper_bound(sample, 0.95), abs=0.001)
    assert upper_bound(more, 0.5) == pytest.approx(mean(more))
