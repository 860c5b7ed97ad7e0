"""Changes of retention: bytes that a policy let go, and that came back before they were collected.

A tombstone is all that stays of removed bytes: which part of which release, under which policy, when and by whom.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from lastgood.canonical import Json, JsonObject
from lastgood.errors import InvalidManifest
from lastgood.ids import ComponentName, PipelineName, PlanDigest, ReleaseId
from lastgood.model.changes.body import Body, required_int, required_object
from lastgood.model.fields import Fields
from lastgood.model.parts import Part


@dataclass(frozen=True, slots=True)
class Removal:
    """A part of a component of a release whose bytes may go."""

    release: ReleaseId
    component: ComponentName
    part: Part

    def to_json(self) -> JsonObject:
        """Return the canonical fields."""
        return {"release": str(self.release), "component": str(self.component), "part": self.part.value}


def read_removal(value: Json) -> Removal:
    """Read a removal.

    Raises:
        InvalidManifest: a field is missing or not what it should be.
    """
    known = Fields(value, "a removal")
    part = known.text("part")
    if part not in set(Part):
        raise InvalidManifest(f"a removal is of {part[:80]!r}, which is no part of a component")
    return Removal(known.digest("release", ReleaseId), ComponentName.parse(known.text("component")), Part(part))


def _read_removals(known: Fields) -> tuple[Removal, ...]:
    removed = known.value("removed")
    if not isinstance(removed, list):
        raise InvalidManifest("an event of retention says what was let go, and its 'removed' is no list")
    return tuple(read_removal(one) for one in removed)


@dataclass(frozen=True, slots=True)
class RetentionApplied(Body):
    """A plan of retention was carried out: from now on nothing keeps the bytes of these parts, but for who shares them.

    Attributes:
        policy: the policy that it follows, verbatim.
        plan: the digest of the plan, as whoever asked for it saw it.
        removed: the parts, in the order of the releases.
    """

    pipeline: PipelineName
    policy: Mapping[str, Json]
    plan: PlanDigest
    removed: tuple[Removal, ...]
    type: ClassVar[str] = "retention.applied"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        return cls(
            pipeline=PipelineName.parse(known.text("pipeline")),
            policy=required_object(known, "policy"),
            plan=known.digest("plan", PlanDigest),
            removed=_read_removals(known),
        )


@dataclass(frozen=True, slots=True)
class RetentionWithdrawn(Body):
    """What a plan of retention let go is kept again, before the collector took it.

    Attributes:
        applied: the sequence of the event that let it go.
        removed: the parts that are kept again.
    """

    pipeline: PipelineName
    applied: int
    removed: tuple[Removal, ...]
    type: ClassVar[str] = "retention.withdrawn"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        return cls(
            pipeline=PipelineName.parse(known.text("pipeline")),
            applied=required_int(known, "applied"),
            removed=_read_removals(known),
        )
