"""How what was measured of two releases is told: each metric with its interval, the cases that flipped, or why not.

Rules: a metric that fell counts as worse, as gates take it; it fell, or rose, only where the whole interval lies on that
side of nothing, and otherwise chance explains it. A suite whose scorer or data differ between the two gives no difference,
only two numbers.

    say_measured(measured)
    'quality.accuracy 0.93 → 0.88 (−0.05, between −0.08 and −0.02); 3 cases newly failing (c17, c4, c9)'
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lastgood.canonical import JsonObject
from lastgood.compare.change import Finding
from lastgood.compare.evaluations import FlippedCase, MetricChange, ResultsComparison
from lastgood.compare.ranking import MEASURED_CHANGE, MEASURED_DROP, MEASURED_NOTHING
from lastgood.compare.showing import Block, Line, Table, aside, plain, strong
from lastgood.compare.text_change import MOST_SHOWN
from lastgood.compare.wording import count, shorten
from lastgood.model.evaluation import PASS_RATE
from lastgood.model.gates.verdict import figure

ABOUT = "evaluation"
_MOST_NAMED = 3
_CASE_WIDTH = 40


@dataclass(frozen=True, slots=True)
class Measured:
    """Two releases judged by one suite.

    Attributes:
        suite: its name.
        before, after: the labels of the two releases.
        compared: what differs, case by case.
        incomparable: why the scores of the two cannot be compared; empty where they can.
        remark: what a reader must know of a comparison that can be made all the same.
    """

    suite: str
    before: str
    after: str
    compared: ResultsComparison
    incomparable: str = ""
    remark: str = ""

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        compared = self.compared
        return {
            "type": "measured",
            "suite": self.suite,
            "comparable": not self.incomparable,
            "why": self.incomparable or self.remark or None,
            "metrics": [self._metric_json(one) for one in compared.metrics],
            "flipped": [{"case": one.case, "metric": one.metric, "before": one.before, "after": one.after} for one in compared.flipped],
            "common_cases": compared.cases,
            "only_before": compared.only_before,
            "only_after": compared.only_after,
        }

    def _metric_json(self, one: MetricChange) -> JsonObject:
        sure = {} if self.incomparable else {"change": one.change, "low": one.low, "high": one.high}
        return {"metric": f"{self.suite}.{one.name}", "before": one.before, "after": one.after, **sure}

    def shown(self, *, everything: bool = False) -> Iterator[Block]:
        """Yield a table of metrics, then the cases that flipped, what got worse first."""
        if self.incomparable:
            yield Line((strong(f"not comparable: {self.incomparable}"),))
        headers = (self.suite, self.before, self.after)
        rows = [(one.name, figure(one.before), figure(one.after)) for one in self.compared.metrics]
        if self.incomparable:
            yield Table(headers, tuple(rows))
            return
        sure = [(signed(one.change), signed(one.low), signed(one.high)) for one in self.compared.metrics]
        yield Table((*headers, "change", "at least", "at most"), tuple((*row, *more) for row, more in zip(rows, sure, strict=True)))
        if self.remark:
            yield Line((aside(self.remark),))
        flipped = self.compared.flipped if everything else self.compared.flipped[:MOST_SHOWN]
        for case in flipped:
            yield Line((plain(f"{case.case}: {case.metric} {figure(case.before)} → {figure(case.after)}"),), indent=1)
        if len(flipped) < len(self.compared.flipped):
            yield Line((aside(f"… and {len(self.compared.flipped) - len(flipped):,} more cases; --all shows them"),), indent=1)


@dataclass(frozen=True, slots=True)
class NotJudged:
    """That a suite judged one of two releases only."""

    suite: str
    release: str
    judged: str

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"type": "not-judged", "suite": self.suite, "release": self.release, "judged": self.judged}

    def shown(self, *, everything: bool = False) -> Iterator[Block]:  # noqa: ARG002 - one line is everything
        """Yield the next command to type."""
        yield Line((plain(f"lastgood eval run {self.release} --suite {self.suite} --suite-from {self.judged}"),))


def find_measured(measured: Measured) -> Finding:
    """Put what was measured into words, ranked: a sure drop before everything else."""
    metrics = measured.compared.metrics
    if measured.incomparable:
        rank = MEASURED_CHANGE
    elif any(one.high < 0 for one in metrics):
        rank = MEASURED_DROP
    else:
        rank = MEASURED_CHANGE if any(one.low > 0 for one in metrics) else MEASURED_NOTHING
    return Finding(ABOUT, say_measured(measured), (measured,), rank)


def find_not_judged(missing: NotJudged) -> Finding:
    """Say that one of two releases was never judged by a suite."""
    said = f"{missing.release} was never evaluated by {missing.suite}, {missing.judged} was"
    return Finding(ABOUT, said, (missing,), MEASURED_NOTHING)


def say_measured(measured: Measured) -> str:
    """Say on one line what was measured, the worst metric first."""
    compared, suite = measured.compared, measured.suite
    if not compared.metrics:
        return f"{suite}: {measured.before} and {measured.after} have no case and no metric in common"
    metrics = sorted(compared.metrics, key=lambda one: (not one.high < 0, not one.low > 0, one.change, one.name))
    if measured.incomparable:
        said = ", ".join(f"{suite}.{one.name} {figure(one.before)} and {figure(one.after)}" for one in metrics[:_MOST_NAMED])
        return f"not comparable: {measured.incomparable} ({said})"
    phrases = [f"{suite}.{say_metric(one)}" for one in metrics[:_MOST_NAMED]]
    phrases += [f"and {len(metrics) - _MOST_NAMED:,} more metrics"] if len(metrics) > _MOST_NAMED else []
    phrases += _say_flipped(compared.flipped)
    return "; ".join([*phrases, measured.remark] if measured.remark else phrases)


def say_metric(one: MetricChange) -> str:
    """Say what became of a metric: `accuracy 0.93 → 0.88 (−0.05, between −0.08 and −0.02)`."""
    if one.change == one.low == one.high == 0:
        return f"{one.name} {figure(one.before)}, as before"
    sure = "" if one.high < 0 or one.low > 0 else ", which chance explains"
    bounds = f"{signed(one.change)}, between {signed(one.low)} and {signed(one.high)}{sure}"
    return f"{one.name} {figure(one.before)} → {figure(one.after)} ({bounds})"


def _say_flipped(flipped: tuple[FlippedCase, ...]) -> Iterator[str]:
    passes = all(one.metric == PASS_RATE for one in flipped)
    worse = [one.case for one in flipped if one.after < one.before]
    better = [one.case for one in flipped if one.after > one.before]
    for cases, word in ((worse, "newly failing" if passes else "worse"), (better, "newly passing" if passes else "better")):
        distinct = list(dict.fromkeys(cases))
        if distinct:
            named = ", ".join(shorten(case, _CASE_WIDTH) for case in distinct[:_MOST_NAMED])
            yield f"{count(len(distinct), 'case')} {word} ({named}{', …' if len(distinct) > _MOST_NAMED else ''})"


def signed(number: float) -> str:
    """Write a difference with its sign: `+0.05`, `−0.05`, `0`."""
    text = figure(number)
    return f"−{text[1:]}" if text.startswith("-") else text if text == "0" else f"+{text}"
