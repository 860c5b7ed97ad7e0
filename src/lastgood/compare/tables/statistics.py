"""Tests and effect sizes of how distributions differ.

    chi_squared         Pearson's test of homogeneity on two rows of counts (1900); categories that are expected less than
                        five times are pooled, after Cochran (1954)
    cramers_v           the effect size that goes with it (Cramér 1946)
    kolmogorov_smirnov  the two-sample test; its p-value by Stephens' approximation (1970)
    stability           the population stability index over deciles of the old side: under 0.1 stable, from 0.25 on a large
                        shift, as credit scoring has it (Siddiqi, "Credit Risk Scorecards", 2006)

The tests take the two sides for independent samples. Versions of a dataset share most of their rows, so a test errs on the
side of saying nothing.

    >>> round(chi_squared([50, 50], [70, 30]).p, 4), round(cramers_v(chi_squared([50, 50], [70, 30]), 200), 3)
    (0.0039, 0.204)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BINS = 10
_LEAST_EXPECTED = 5.0
_TINY = 1e-300
_CLOSE = 1e-12
_MOST_TERMS = 10_000
_PSI_PRIOR = 0.5


class Test(NamedTuple):
    """What a test says: its statistic, its degrees of freedom where it has any, and the probability of so much by chance."""

    statistic: float
    freedom: int
    p: float


def chi_squared(old: Sequence[int], new: Sequence[int]) -> Test:
    """Test whether two rows of counts, of the same categories in the same order, come from one distribution."""
    total = sum(old) + sum(new)
    if not sum(old) or not sum(new):
        return Test(0.0, 0, 1.0)
    shares = sum(old) / total, sum(new) / total
    columns = _pooled(list(zip(old, new, strict=True)), min(shares))
    if len(columns) < 2:  # noqa: PLR2004 - one category is the same on both sides
        return Test(0.0, 0, 1.0)
    statistic = 0.0
    for column in columns:
        for seen, share in zip(column, shares, strict=True):
            expected = sum(column) * share
            statistic += (seen - expected) ** 2 / expected
    freedom = len(columns) - 1
    return Test(statistic, freedom, upper_gamma(freedom / 2, statistic / 2))


def _pooled(columns: list[tuple[int, int]], smaller_share: float) -> list[tuple[int, int]]:
    """Put categories that are expected too seldom together."""
    kept = [column for column in columns if sum(column) * smaller_share >= _LEAST_EXPECTED]
    rare = [column for column in columns if sum(column) and sum(column) * smaller_share < _LEAST_EXPECTED]
    pool = sum(old for old, _ in rare), sum(new for _, new in rare)
    if sum(pool):
        kept.append(pool)
    return kept


def cramers_v(test: Test, total: int) -> float:
    """Return the effect size of a test of two rows of counts: 0 for none, 1 for nothing in common."""
    return math.sqrt(test.statistic / total) if total else 0.0


def upper_gamma(shape: float, value: float) -> float:
    """Return the regularised upper incomplete gamma function Q(shape, value).

    By its series below `shape` + 1 and by its continued fraction above (DLMF 8.11.4 and 8.9.2, the latter by Lentz).
    """
    if value <= 0:
        return 1.0
    front = math.exp(-value + shape * math.log(value) - math.lgamma(shape))
    if value < shape + 1:
        term = total = 1 / shape
        for step in range(1, _MOST_TERMS):
            term *= value / (shape + step)
            total += term
            if term < total * _CLOSE:
                break
        return max(0.0, 1 - total * front)
    divisor = value + 1 - shape
    ratio, product = 1 / _TINY, 1 / divisor
    fraction = product
    for step in range(1, _MOST_TERMS):
        weight = -step * (step - shape)
        divisor += 2
        product = 1 / (weight * product + divisor or _TINY)
        ratio = divisor + weight / ratio or _TINY
        fraction *= product * ratio
        if abs(product * ratio - 1) < _CLOSE:
            break
    return min(1.0, front * fraction)


def kolmogorov_smirnov(old: NDArray[np.float64], new: NDArray[np.float64]) -> Test:
    """Test whether two samples come from one distribution: the largest distance between their cumulative shares."""
    if not len(old) or not len(new):
        return Test(0.0, 0, 1.0)
    old, new = np.sort(old), np.sort(new)
    both = np.concatenate([old, new])
    distances = np.searchsorted(old, both, side="right") / len(old) - np.searchsorted(new, both, side="right") / len(new)
    distance = float(np.abs(distances).max())
    size = math.sqrt(len(old) * len(new) / (len(old) + len(new)))
    return Test(distance, 0, _kolmogorov((size + 0.12 + 0.11 / size) * distance))


def _kolmogorov(value: float) -> float:
    """Return how likely Kolmogorov's distribution is beyond a value."""
    if value < 0.2:  # noqa: PLR2004 - from here on the series gives 1 but for rounding
        return 1.0
    terms = (2 * (-1) ** (term - 1) * math.exp(-2 * (term * value) ** 2) for term in range(1, 101))
    return min(1.0, max(0.0, math.fsum(terms)))


def stability(old: NDArray[np.float64], new: NDArray[np.float64]) -> float:
    """Return the population stability index over deciles of the old sample; where values repeat there are fewer bins."""
    if not len(old) or not len(new):
        return 0.0
    edges = np.unique(np.quantile(old, np.linspace(0, 1, BINS + 1)[1:-1]))
    shares = []
    for sample in (old, new):
        seen = np.bincount(np.searchsorted(edges, sample, side="left"), minlength=len(edges) + 1) + _PSI_PRIOR
        shares.append(seen / seen.sum())
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
