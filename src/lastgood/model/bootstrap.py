"""The paired bootstrap over cases: how sure is a difference of two means?

Rules: the differences of the same case under two releases are drawn anew, as many as there are, with replacement,
`RESAMPLES` times, and the means of the draws are sorted: a one-sided bound with confidence c is the ceil(c·RESAMPLES)th
of them (the percentile method; B. Efron, R. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13).

The draws are the same everywhere: the r-th one reads n 32-bit little-endian numbers x from SHAKE-256 over the canonical
JSON of the sorted names of the cases and r as 4 big-endian bytes, and takes the differences at (x·n) >> 32 in the order of
the names. So they depend on the names alone: a case that does better never makes a bound worse. Sums are exact
(`math.fsum`). Beyond `MOST_DRAWN` cases, where the two agree, the normal distribution takes the place of the draws.

    >>> upper_bound({"a": 0.25, "b": 0.25}, 0.95)
    0.25
    >>> interval({"a": 1.0, "b": 0.0, "c": 0.0, "d": 0.0}, 0.9)
    (0.0, 0.75)
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Mapping
from functools import lru_cache

from lastgood.canonical import canonical_json

RESAMPLES = 2_000
MOST_DRAWN = 1_000


def mean(values: Mapping[str, float]) -> float:
    """Return the mean of the values, of which there is at least one."""
    return math.fsum(values.values()) / len(values)


def upper_bound(differences: Mapping[str, float], confidence: float) -> float:
    """Return what the mean difference does not exceed, with a one-sided confidence between 0 and 1.

    Args:
        differences: of each case, by its name; at least one.
        confidence: such as 0.95.
    """
    named = tuple(sorted(differences.items()))
    first = named[0][1]
    if all(value == first for _, value in named):
        return first
    if len(named) > MOST_DRAWN:
        return _normal_bound(differences, confidence)
    means = _resampled_means(named)
    return means[min(len(means), math.ceil(confidence * len(means))) - 1]


def interval(differences: Mapping[str, float], confidence: float) -> tuple[float, float]:
    """Return the two-sided interval in which the mean difference lies, with some confidence."""
    one_sided = (1 + confidence) / 2
    high = upper_bound(differences, one_sided)
    if 1 < len(differences) <= MOST_DRAWN and len(set(differences.values())) > 1:
        # What bounds the opposite differences is at the other end of the same draws, whose sums are exact on both sides.
        means = _resampled_means(tuple(sorted(differences.items())))
        low = means[-min(len(means), math.ceil(one_sided * len(means)))]
    else:
        low = -upper_bound({name: -value for name, value in differences.items()}, one_sided)
    # No negative zero, which reads as if something had dropped.
    return low + 0.0, high + 0.0


@lru_cache(maxsize=32)
def _resampled_means(named: tuple[tuple[str, float], ...]) -> tuple[float, ...]:
    count = len(named)
    values = [value for _, value in named]
    seed = canonical_json([name for name, _ in named])
    numbers = struct.Struct(f"<{count}I")
    means = []
    for draw in range(RESAMPLES):
        drawn = numbers.unpack(hashlib.shake_256(seed + draw.to_bytes(4, "big")).digest(numbers.size))
        means.append(math.fsum([values[x * count >> 32] for x in drawn]) / count)
    return tuple(sorted(means))


def _normal_bound(differences: Mapping[str, float], confidence: float) -> float:
    # Imported late: it brings fractions, decimals and more, which few commands need.
    from statistics import NormalDist  # noqa: PLC0415

    middle, count = mean(differences), len(differences)
    spread = math.sqrt(math.fsum((value - middle) ** 2 for value in differences.values()) / (count - 1))
    return middle + NormalDist().inv_cdf(confidence) * spread / math.sqrt(count)
