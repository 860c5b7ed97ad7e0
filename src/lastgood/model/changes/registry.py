"""Changes of a registry as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from lastgood.canonical import Json
from lastgood.ids import PipelineName, RegistryId
from lastgood.model.changes.body import Body, required_object
from lastgood.model.fields import Fields


@dataclass(frozen=True, slots=True)
class RegistryCreated(Body):
    """A registry came into being under a random id."""

    registry: RegistryId
    type: ClassVar[str] = "registry.created"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        return cls(RegistryId.parse(known.text("registry")))


@dataclass(frozen=True, slots=True)
class RetentionRecorded(Body):
    """The retention policy of a pipeline was recorded; it is carried out by another operation."""

    pipeline: PipelineName
    policy: Mapping[str, Json]
    type: ClassVar[str] = "retention.recorded"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        return cls(PipelineName.parse(known.text("pipeline")), required_object(known, "policy"))
