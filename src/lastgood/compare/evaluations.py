"""Comparing two evaluations of one suite, case by case.

Rules: only cases that both have are compared, each with itself (paired); a change is what comes after less what was
before, with the interval of the paired bootstrap (`model.bootstrap`). A case flipped where it passed in one and not in the
other; where a suite says nothing of passing, the cases whose scores differ count.

    >>> before, after = (Results({"a": {"score": x}, "b": {"score": 1.0}}) for x in (1.0, 0.5))
    >>> compared = compare_results(before, after, 0.95)
    >>> compared.metrics[0].change, [case.case for case in compared.flipped]
    (-0.25, ['a'])
"""

from __future__ import annotations

from dataclasses import dataclass

from lastgood.model.bootstrap import interval, mean
from lastgood.model.evaluation import PASS_RATE, Results

_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class MetricChange:
    """How a metric changed over the cases that both have; `low` and `high` bound the change."""

    name: str
    before: float
    after: float
    change: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class FlippedCase:
    """A case that went another way: by which metric, from what, to what."""

    case: str
    metric: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class ResultsComparison:
    """What differs; `only_before` and `only_after` count the cases that one of the two lacks."""

    cases: int
    metrics: tuple[MetricChange, ...]
    flipped: tuple[FlippedCase, ...]
    only_before: int
    only_after: int


def compare_results(before: Results, after: Results, confidence: float) -> ResultsComparison:
    """Compare results; where no case or no metric is in both, there is nothing to tell.

    Args:
        before: of the first release.
        after: of the second.
        confidence: of the intervals, such as 0.95.
    """
    common = [case for case in before.cases if case in after.cases]
    names = [name for name in before.metrics if name in after.metrics] if common else []
    return ResultsComparison(
        cases=len(common),
        metrics=tuple(_metric(name, common, before, after, confidence) for name in names),
        flipped=tuple(_flipped(names, common, before, after)),
        only_before=len(before.cases) - len(common),
        only_after=len(after.cases) - len(common),
    )


def _metric(name: str, common: list[str], before: Results, after: Results, confidence: float) -> MetricChange:
    old = {case: before.cases[case][name] for case in common}
    new = {case: after.cases[case][name] for case in common}
    changes = {case: new[case] - old[case] for case in common}
    low, high = interval(changes, confidence)
    return MetricChange(name, mean(old), mean(new), mean(changes), low, high)


def _flipped(names: list[str], common: list[str], before: Results, after: Results) -> list[FlippedCase]:
    """Return the cases that flipped, what got worse first."""
    looked_at = [PASS_RATE] if PASS_RATE in names else names
    flipped = [
        FlippedCase(case, name, old, new)
        for case in common
        for name in looked_at
        if abs((new := after.cases[case][name]) - (old := before.cases[case][name])) > _SAME
    ]
    return sorted(flipped, key=lambda one: (one.after - one.before, one.case, one.metric))
