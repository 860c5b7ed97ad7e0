"""Changes of environments: what they are on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Self

from lastgood.canonical import Json
from lastgood.ids import BehaviorDigest, EnvironmentName, PipelineName, ReleaseId, TextDigest
from lastgood.model.changes.body import Body, optional_digest, optional_text_digest, required_int
from lastgood.model.fields import Fields


class MoveKind(StrEnum):
    """How an environment was moved."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class EnvironmentMoved(Body):
    """An environment was moved to a release.

    Attributes:
        revision: counts the moves of the environment, from 1.
        replaced: what it was on, or None before its first deployment.
        below: the revision whose stack entry lies under the new top, or None at the bottom.
        entry: the revision whose stack entry is the new top: this one's own, or the one a rollback popped down to.
        suspects: the behaviors that a rollback left behind and now doubts in this environment.
        cleared: the behavior whose suspicion this move lifts, by being asked for by name.
        gates: what the gates of its policy said (`model.gates.judgement`), or None where it had no policy.
    """

    pipeline: PipelineName
    environment: EnvironmentName
    revision: int
    kind: MoveKind
    replaced: ReleaseId | None
    release: ReleaseId
    behavior: BehaviorDigest
    entry: int
    below: int | None
    suspects: tuple[BehaviorDigest, ...]
    cleared: BehaviorDigest | None
    reason: TextDigest | None
    gates: Mapping[str, Json] | None = None
    type: ClassVar[str] = "environment.moved"
    later: ClassVar[frozenset[str]] = frozenset({"gates"})

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        return cls(
            pipeline=PipelineName.parse(known.text("pipeline")),
            environment=EnvironmentName.parse(known.text("environment")),
            revision=required_int(known, "revision"),
            kind=MoveKind(known.text("kind")),
            replaced=optional_digest(known, "replaced", ReleaseId),
            release=known.digest("release", ReleaseId),
            behavior=known.digest("behavior", BehaviorDigest),
            entry=required_int(known, "entry"),
            below=known.optional_int("below"),
            suspects=tuple(BehaviorDigest.parse(one) for one in known.texts("suspects")),
            cleared=optional_digest(known, "cleared", BehaviorDigest),
            reason=optional_text_digest(known, "reason"),
            gates=None if known.optional("gates") is None else known.mapping("gates"),
        )
