"""Changes of pilots: a span of time in which lastgood is tried, held against one before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Self

from lastgood.errors import InvalidManifest
from lastgood.ids import PipelineName
from lastgood.model.changes.body import Body, required_int
from lastgood.model.fields import Fields


@dataclass(frozen=True, slots=True)
class PilotStarted(Body):
    """A pilot was started; the newest one of a pipeline counts.

    Attributes:
        begins: when it begins.
        days: how many days it lasts.
        baseline_from: when the span begins that it is held against.
        baseline_until: when that ends, itself not in it.
        deploy_seconds: how long a deploy took somebody before, if that is told.
    """

    pipeline: PipelineName
    begins: datetime
    days: int
    baseline_from: datetime
    baseline_until: datetime
    deploy_seconds: int | None
    type: ClassVar[str] = "pilot.started"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        days = required_int(known, "days")
        if days < 1:
            raise InvalidManifest("an event pilot.started lasts no day")
        return cls(
            pipeline=PipelineName.parse(known.text("pipeline")),
            begins=known.instant("begins"),
            days=days,
            baseline_from=known.instant("baseline_from"),
            baseline_until=known.instant("baseline_until"),
            deploy_seconds=known.optional_int("deploy_seconds"),
        )


@dataclass(frozen=True, slots=True)
class PilotWithdrawn(Body):
    """Starting a pilot was undone; `started` is the sequence of the event that did."""

    pipeline: PipelineName
    started: int
    type: ClassVar[str] = "pilot.withdrawn"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        return cls(PipelineName.parse(known.text("pipeline")), required_int(known, "started"))
