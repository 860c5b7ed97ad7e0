"""The releases of a pipeline as lineage needs them: what they hold, where they run, and how they were judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lastgood.ids import ContentDigest
from lastgood.model.lineage.graph import Graph, Judged, lineage
from lastgood.model.lineage.timeline import Span, Timeline


@dataclass(frozen=True, slots=True)
class Past:
    """The releases of a pipeline.

    Attributes:
        timeline: the contents of its components.
        live: the environments in which a release runs now, by its number.
        judged: the evaluations of a content, or on it.
    """

    timeline: Timeline
    live: Mapping[int, tuple[str, ...]]
    judged: Mapping[ContentDigest, tuple[Judged, ...]]

    def graph(self) -> Graph:
        """Return everything that was made in it."""
        return lineage(self.timeline, self.live, self.judged)

    def live_in(self, spans: Sequence[Span]) -> tuple[str, ...]:
        """Return where any of some releases runs now."""
        numbers = [number for number in sorted(self.live) if any(span.first <= number <= span.last for span in spans)]
        return tuple(name for number in numbers for name in self.live[number])
