"""The gate of a metric: not under a minimum, not over a maximum, not worse than what is live.

Rules: numbers are compared after rounding to nine decimal places. `max_drop` looks at the cases that both evaluations
have, which must be of the same suite on the same data. Without `confidence` the drop of the plain means over these cases
decides. With it, a paired bootstrap does (`model.bootstrap`): the drop must be at most `max_drop` with that one-sided
confidence, so few or noisy cases refuse where many would pass. Where nothing is live, nothing can drop.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from lastgood.canonical import Json
from lastgood.model.bootstrap import mean, upper_bound
from lastgood.model.gates.evidence import Evidence, Measured, Unmeasured
from lastgood.model.gates.verdict import Gate, GateVerdict, figure

_PLACES = 9


@dataclass(frozen=True, slots=True)
class MetricGate(Gate):
    """A metric's bounds; at least one of them is given.

    Attributes:
        metric: such as `quality.accuracy`.
        max_drop: by how much it may be worse than what is live.
        confidence: how sure that must be, between 0.5 and 1; None for the plain means.
    """

    metric: str
    minimum: float | None = None
    maximum: float | None = None
    max_drop: float | None = None
    confidence: float | None = None

    @property
    def name(self) -> str:
        """How people know it."""
        return f"metric {self.metric}"

    def judge(self, evidence: Evidence, now: datetime) -> GateVerdict:
        """Decide by the release's evaluation and, for a drop, by that of what is live."""
        del now
        found = evidence.measured.get(self.metric)
        if found is None or isinstance(found, Unmeasured) or not found.cases:
            return self.lacks(found.why if isinstance(found, Unmeasured) else f"{evidence.release} has no {self.metric}")
        details: dict[str, Json] = {"metric": self.metric, "value": found.value, "cases": len(found.cases)}
        missed = list(self._bounds(found, details))
        said = [f"{figure(found.value)} over {len(found.cases):,} cases"]
        if self.max_drop is not None and evidence.live is not None:
            before = evidence.live_measured.get(self.metric)
            common = _drops(before, found) if isinstance(before, Measured) else {}
            if not common:
                why = before.why if isinstance(before, Unmeasured) else f"it has no case in common with {evidence.live}, which is live"
                return self.refuses("; ".join([*missed, why]), **details) if missed else self.lacks(why, **details)
            told, too_much = self._drop(common, evidence.live, details)
            (missed if too_much else said).append(told)
        elif self.max_drop is not None:
            said.append("nothing is live there that it could be worse than")
        return self.refuses("; ".join(missed), **details) if missed else self.passes("; ".join(said), **details)

    def _bounds(self, found: Measured, details: dict[str, Json]) -> Iterator[str]:
        if self.minimum is not None:
            details["min"] = self.minimum
            if (under := _beyond(self.minimum, found.value)) > 0:
                details["under_min_by"] = under
                yield f"{figure(found.value)} is {figure(under)} under the minimum of {figure(self.minimum)}"
        if self.maximum is not None:
            details["max"] = self.maximum
            if (over := _beyond(found.value, self.maximum)) > 0:
                details["over_max_by"] = over
                yield f"{figure(found.value)} is {figure(over)} over the maximum of {figure(self.maximum)}"

    def _drop(self, common: Mapping[str, float], live: str, details: dict[str, Json]) -> tuple[str, bool]:
        assert self.max_drop is not None  # noqa: S101  # whoever calls looked
        dropped = mean(common)
        counted = dropped if self.confidence is None else max(dropped, upper_bound(common, self.confidence))
        over = _beyond(counted, self.max_drop)
        details |= {"max_drop": self.max_drop, "drop": dropped, "common_cases": len(common), "live": live}
        if self.confidence is not None:
            details |= {"confidence": self.confidence, "drop_bound": counted}
        if over > 0:
            details["over_max_drop_by"] = over
        sure = "" if self.confidence is None else f", and with {figure(self.confidence * 100)}% confidence at most {figure(counted)}"
        told = f"it drops by {figure(dropped)} against {live} over {len(common):,} common cases{sure}"
        allowed = f"{figure(self.max_drop)} {'are' if self.max_drop else 'is'} allowed"
        return (f"{told}: that is {figure(over)} too much, {allowed}" if over > 0 else f"{told}, {allowed}"), over > 0


def _drops(before: Measured, after: Measured) -> dict[str, float]:
    return {case: score - after.cases[case] for case, score in before.cases.items() if case in after.cases}


def _beyond(number: float, bound: float) -> float:
    return round(number - bound, _PLACES)
