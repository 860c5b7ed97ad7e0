"""Changes of what is known of how well releases do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from lastgood.canonical import Json
from lastgood.errors import InvalidManifest
from lastgood.ids import BehaviorDigest, ComponentName, ContentDigest, FileDigest, PipelineName, ReleaseId
from lastgood.model.changes.body import Body, optional_digest, required_int, required_object
from lastgood.model.fields import Fields


@dataclass(frozen=True, slots=True)
class EvaluationRecorded(Body):
    """A suite's results on a release were recorded.

    Attributes:
        behavior: what was judged; the evaluation holds for every release that behaves alike.
        suite: the name of the suite's component.
        suite_content: what the suite was.
        on: the content of the dataset it ran on, or None where it names none.
        results: the file with one JSON line a case, which the store keeps.
        cases: how many cases it has.
        metrics: means over the cases, by their names without the suite's.
        runner: how the results came to be: run here, or brought from elsewhere.
    """

    pipeline: PipelineName
    release: ReleaseId
    behavior: BehaviorDigest
    suite: ComponentName
    suite_content: ContentDigest
    on: ContentDigest | None
    results: FileDigest
    cases: int
    metrics: Mapping[str, Json]
    runner: Mapping[str, Json]
    type: ClassVar[str] = "evaluation.recorded"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        metrics = required_object(known, "metrics")
        if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in metrics.values()):
            raise InvalidManifest("an event evaluation.recorded has a metric that is no number")
        return cls(
            pipeline=PipelineName.parse(known.text("pipeline")),
            release=known.digest("release", ReleaseId),
            behavior=known.digest("behavior", BehaviorDigest),
            suite=ComponentName.parse(known.text("suite")),
            suite_content=known.digest("suite_content", ContentDigest),
            on=optional_digest(known, "on", ContentDigest),
            results=known.digest("results", FileDigest),
            cases=required_int(known, "cases"),
            metrics=metrics,
            runner=required_object(known, "runner"),
        )
