"""Changes of what environments ask of releases, and of what people allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from lastgood.canonical import Json, canonical_json
from lastgood.errors import InvalidManifest
from lastgood.ids import EnvironmentName, PipelineName, PolicyDigest, ReleaseId, TextDigest
from lastgood.model.changes.body import Body, optional_text_digest, required_object
from lastgood.model.fields import Fields


@dataclass(frozen=True, slots=True)
class PolicyApplied(Body):
    """The policy of an environment was recorded; it stands here verbatim and holds until another one is."""

    pipeline: PipelineName
    environment: EnvironmentName
    policy: Mapping[str, Json]
    digest: PolicyDigest
    type: ClassVar[str] = "policy.applied"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        policy = required_object(known, "policy")
        digest = known.digest("digest", PolicyDigest)
        if PolicyDigest.of(canonical_json(policy)) != digest:
            raise InvalidManifest("an event policy.applied holds another policy than its digest says")
        return cls(
            pipeline=PipelineName.parse(known.text("pipeline")),
            environment=EnvironmentName.parse(known.text("environment")),
            policy=policy,
            digest=digest,
        )


@dataclass(frozen=True, slots=True)
class ReleaseApproved(Body):
    """The actor of the event approved a release for an environment."""

    pipeline: PipelineName
    environment: EnvironmentName
    release: ReleaseId
    reason: TextDigest | None
    type: ClassVar[str] = "release.approved"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        return cls(
            pipeline=PipelineName.parse(known.text("pipeline")),
            environment=EnvironmentName.parse(known.text("environment")),
            release=known.digest("release", ReleaseId),
            reason=optional_text_digest(known, "reason"),
        )
