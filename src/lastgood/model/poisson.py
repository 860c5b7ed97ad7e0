"""How sure is it that something happens more seldom than before? The exact interval for the ratio of two Poisson rates.

Given how often it happened in all, the count of one span is binomial: so the interval for the ratio follows from the exact one
for that share (J. Przyborowski, H. Wilenski, Homogeneity of results in testing samples from Poisson series, Biometrika 31,
1940), which is that of C. Clopper and E. Pearson (Biometrika 26, 1934). It is conservative: it covers the truth at least as
often as it says.

    >>> ratio = rate_ratio(Rate(11, 800), Rate(21, 3_011))      # the example of R's poisson.test
    >>> round(ratio.value, 6), round(ratio.low, 5), round(ratio.high, 5)
    (1.971488, 0.85843, 4.27727)
    >>> in_words(Rate(3, 90), Rate(7, 92))
    '3 against 7: could be chance'
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

CONFIDENCE = 0.95
MOST = 20_000
"""How many there may be in all; beyond, nobody needs an exact interval to see a difference."""
_STEPS = 80


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something happened in how much time; the unit of time is the same for both sides of a ratio."""

    count: int
    time: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """The ratio of two rates and its interval; `value` is None where the second count is 0, and `high` then is infinite."""

    value: float | None
    low: float
    high: float

    @property
    def could_be_chance(self) -> bool:
        """Whether the interval holds 1, which is no difference."""
        return self.low <= 1 <= self.high


def rate_ratio(rate: Rate, base: Rate, confidence: float = CONFIDENCE) -> Ratio:
    """Return the ratio of a rate to another one, with its exact interval.

    Args:
        rate: the one that is looked at.
        base: the one that it is compared with.
        confidence: of the two-sided interval.

    Raises:
        ValueError: a span has no length, or there are more than `MOST`.
    """
    total = rate.count + base.count
    if rate.time <= 0 or base.time <= 0 or total > MOST:
        raise ValueError("a rate needs a span of time, and a count that can be summed over")
    low, high = share_interval(rate.count, total, confidence)
    scale = base.time / rate.time
    value = None if base.count == 0 else rate.count / base.count * scale
    return Ratio(value, _odds(low) * scale, _odds(high) * scale)


def share_interval(count: int, total: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the exact interval (Clopper and Pearson) for a share of which `count` of `total` were seen.

    >>> low, high = share_interval(8, 10)
    >>> round(low, 4), round(high, 4)
    (0.4439, 0.9748)
    """
    tail = (1 - confidence) / 2
    low = 0.0 if count == 0 else _solve(lambda share: _at_least(count, total, share) - tail)
    high = 1.0 if count == total else _solve(lambda share: tail - _at_least(total - count, total, 1 - share))
    return low, high


def in_words(rate: Rate, base: Rate, confidence: float = CONFIDENCE) -> str:
    """Say in words whether a rate differs from another one by more than chance explains."""
    counts = f"{rate.count} against {base.count}"
    if rate.count + base.count == 0:
        return f"{counts}: nothing to compare"
    ratio = rate_ratio(rate, base, confidence)
    if ratio.could_be_chance:
        return f"{counts}: could be chance"
    return f"{counts}: {'fewer' if ratio.high < 1 else 'more'} than chance explains"


def _odds(share: float) -> float:
    return math.inf if share >= 1 else share / (1 - share)


def _at_least(count: int, total: int, share: float) -> float:
    """Return how likely it is to see at least `count` of `total`, each with a chance of `share`."""
    if count <= 0:
        return 1.0
    if share <= 0 or share >= 1:
        return float(share >= 1)
    logs = math.log(share), math.log1p(-share)
    terms = (
        math.exp(math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1) + k * logs[0] + (total - k) * logs[1])
        for k in range(count, total + 1)
    )
    return min(1.0, math.fsum(terms))


def _solve(rising: Callable[[float], float]) -> float:
    """Return where a function that rises from below 0 to above it on the way from 0 to 1 is 0."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2
