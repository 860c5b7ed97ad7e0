"""What history says: releases as they were recorded, and the moves of environments.

>>> ReleaseRecord.__slots__[:3]
('pipeline', 'number', 'release')
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lastgood.ids import (
    BehaviorDigest,
    EnvironmentName,
    IncidentName,
    OperationId,
    PipelineName,
    ReleaseId,
    StateDigest,
    TagName,
)
from lastgood.model.changes.body import Body
from lastgood.model.changes.environments import MoveKind

if TYPE_CHECKING:
    from lastgood.model.gates.policy import Policy


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """A release as the registry recorded it; an erased author or message reads as None."""

    pipeline: PipelineName
    number: int
    release: ReleaseId
    state: StateDigest
    behavior: BehaviorDigest
    sequence: int
    recorded_at: datetime
    author: str | None
    message: str | None
    tags: tuple[TagName, ...] = ()

    @property
    def label(self) -> str:
        """How people name it in its pipeline: `r42`."""
        return f"r{self.number}"


@dataclass(frozen=True, slots=True)
class Deployment:
    """One move of an environment; numbers are those of the releases in their pipeline.

    Attributes:
        canary: what ran beside the release from this move on, for `percent` of the calls.
        ended: the canary that this move ended.
        milliseconds: how long it took from being asked for until it was recorded, if that was measured.
        incident: what it answers to.
    """

    environment: EnvironmentName
    revision: int
    kind: MoveKind
    replaced: ReleaseId | None
    replaced_number: int | None
    release: ReleaseId
    number: int
    behavior: BehaviorDigest
    recorded_at: datetime
    actor: str | None
    reason: str | None
    entry: int
    canary: ReleaseId | None = None
    canary_number: int | None = None
    percent: int | None = None
    ended: ReleaseId | None = None
    ended_number: int | None = None
    milliseconds: int | None = None
    incident: IncidentName | None = None


@dataclass(frozen=True, slots=True)
class BadMark:
    """Why a behavior is called bad: by whom, when and on account of which release."""

    release: ReleaseId
    recorded_at: datetime
    actor: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a release is held: by whom and since when; `sequence` is that of the event that held it."""

    release: ReleaseId
    sequence: int
    recorded_at: datetime
    actor: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Approval:
    """That somebody approved a release for an environment; an erased name or reason reads as None."""

    environment: EnvironmentName
    recorded_at: datetime
    actor: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class LoggedOperation:
    """One operation: who did what at once, in the order in which it was recorded."""

    id: OperationId
    sequence: int
    recorded_at: datetime
    actor: str | None
    changes: tuple[Body, ...]


@dataclass(frozen=True, slots=True)
class RecordedPolicy:
    """The policy that holds for an environment, with who applied it and when."""

    environment: EnvironmentName
    policy: Policy
    recorded_at: datetime
    actor: str | None


@dataclass(frozen=True, slots=True)
class Backfill:
    """A deploy or a rollback of the past, as somebody told of it; it moved nothing.

    Attributes:
        environment: where it was, if that is known.
        occurred_at: when it was, as it was told.
        incident: what it answered to.
        note: the line that tells of it; None where it was erased.
    """

    environment: EnvironmentName | None
    kind: MoveKind
    occurred_at: datetime
    incident: IncidentName | None
    note: str | None
