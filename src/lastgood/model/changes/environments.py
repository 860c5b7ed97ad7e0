"""Changes of environments: what they are on, and what was told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Self

from lastgood.canonical import Json
from lastgood.ids import BehaviorDigest, EnvironmentName, HookName, IncidentName, PipelineName, ReleaseId, TextDigest
from lastgood.model.changes.body import Body, optional_digest, optional_text_digest, required_int
from lastgood.model.fields import Fields


class MoveKind(StrEnum):
    """How an environment was moved."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    CANARY = "canary"
    PROMOTE = "promote"
    ABORT = "abort"
    UNDO = "undo"


class HookOutcome(StrEnum):
    """What became of telling somebody of a move."""

    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class EnvironmentMoved(Body):
    """An environment was moved to a release, or a canary beside it was started, changed or ended.

    Attributes:
        revision: counts the moves of the environment, from 1.
        replaced: what it was on, or None before its first deployment; the release itself where only a canary changed.
        below: the revision whose stack entry lies under the new top, or None at the bottom.
        entry: the revision whose stack entry is the new top: this one's own, or the one a rollback popped down to.
        suspects: the behaviors that a rollback left behind and now doubts in this environment.
        cleared: the behavior whose suspicion this move lifts, by being asked for by name.
        lifted: the behaviors whose suspicion an undo takes back.
        canary: what runs beside the release from now on, for a share of the calls.
        percent: how large that share is.
        ended: the canary that this move ended.
        milliseconds: how long it took from being asked for until it was recorded.
        incident: the incident that the move answers to; a move that an older version recorded may name one that nobody knows.
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
    lifted: tuple[BehaviorDigest, ...] = ()
    canary: ReleaseId | None = None
    percent: int | None = None
    ended: ReleaseId | None = None
    milliseconds: int | None = None
    incident: IncidentName | None = None
    gates: Mapping[str, Json] | None = None
    type: ClassVar[str] = "environment.moved"
    later: ClassVar[frozenset[str]] = frozenset({"lifted", "canary", "percent", "ended", "milliseconds", "incident", "gates"})

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
            lifted=tuple(BehaviorDigest.parse(one) for one in known.texts("lifted")),
            canary=optional_digest(known, "canary", ReleaseId),
            percent=known.optional_int("percent"),
            ended=optional_digest(known, "ended", ReleaseId),
            milliseconds=known.optional_int("milliseconds"),
            incident=None if known.optional_text("incident") is None else IncidentName.parse(known.text("incident")),
            gates=None if known.optional("gates") is None else known.mapping("gates"),
        )


@dataclass(frozen=True, slots=True)
class HookRan(Body):
    """Somebody was told of a move, or could not be; the move stands either way.

    Attributes:
        revision: the move.
        hook: the name that lastgood.toml gives the hook; neither its command nor its address is recorded.
        attempts: how often it was tried.
        code: the exit code of the last command or the HTTP status of the last answer, if there was one.
    """

    pipeline: PipelineName
    environment: EnvironmentName
    revision: int
    hook: HookName
    outcome: HookOutcome
    attempts: int
    code: int | None
    type: ClassVar[str] = "hook.ran"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        return cls(
            pipeline=PipelineName.parse(known.text("pipeline")),
            environment=EnvironmentName.parse(known.text("environment")),
            revision=required_int(known, "revision"),
            hook=HookName.parse(known.text("hook")),
            outcome=HookOutcome(known.text("outcome")),
            attempts=required_int(known, "attempts"),
            code=known.optional_int("code"),
        )
