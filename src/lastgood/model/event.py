"""Events: the only way anything changes, one small class each.

Rules: an event's bytes are canonical JSON, stored verbatim; free text and names of people are not in them but stand
apart under a salted digest; the leaf hash is RFC 6962's. `sequence` is for order, `recorded_at` is for people. Every
fact the catalog keeps follows from events and nothing else.

    >>> event = TagSet(PipelineName("bot"), TagName("v1"), ReleaseId(bytes(32)))
    >>> EVENT_TYPES["tag.set"] is TagSet
    True
    >>> body_from_json(body_to_json(event)) == event
    True
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Protocol

from lastgood.canonical import Json, JsonObject, canonical_json, parse_json_object
from lastgood.clock import format_instant
from lastgood.errors import Invalid, InvalidManifest, InvalidName, NewerSchema
from lastgood.ids import (
    BehaviorDigest,
    EnvironmentName,
    LeafHash,
    OperationId,
    PipelineName,
    RegistryId,
    ReleaseId,
    TagName,
    TextDigest,
)
from lastgood.model.fields import Fields
from lastgood.model.release import check_schema

EVENT_SCHEMA = "lastgood.event/1"
SALT_BYTES = 32


class MoveKind(StrEnum):
    """How an environment was moved."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"


class Verdict(StrEnum):
    """What a person says of a behavior."""

    BAD = "bad"
    GOOD = "good"


@dataclass(frozen=True, slots=True)
class RegistryCreated:
    """A registry came into being under a random id."""

    registry: RegistryId
    type: ClassVar[str] = "registry.created"


@dataclass(frozen=True, slots=True)
class RetentionRecorded:
    """The retention policy of a pipeline was recorded; it is carried out by another operation."""

    pipeline: PipelineName
    policy: Mapping[str, Json]
    type: ClassVar[str] = "retention.recorded"


@dataclass(frozen=True, slots=True)
class ReleaseCommitted:
    """A release was made; the manifest stands here verbatim."""

    pipeline: PipelineName
    release: ReleaseId
    number: int
    manifest: Mapping[str, Json]
    message: TextDigest | None
    type: ClassVar[str] = "release.committed"


@dataclass(frozen=True, slots=True)
class TagSet:
    """A tag was given to a release."""

    pipeline: PipelineName
    tag: TagName
    release: ReleaseId
    type: ClassVar[str] = "tag.set"


@dataclass(frozen=True, slots=True)
class EnvironmentMoved:
    """An environment was moved to a release.

    Attributes:
        revision: counts the moves of the environment, from 1.
        replaced: what it was on, or None before its first deployment.
        below: the revision whose stack entry lies under the new top, or None at the bottom.
        entry: the revision whose stack entry is the new top: this one's own, or the one a rollback popped down to.
        suspects: the behaviors that a rollback left behind and now doubts in this environment.
        cleared: the behavior whose suspicion this move lifts, by being asked for by name.
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
    type: ClassVar[str] = "environment.moved"


@dataclass(frozen=True, slots=True)
class BehaviorMarked:
    """A person called the behavior of a release bad, everywhere, or good again."""

    pipeline: PipelineName
    release: ReleaseId
    behavior: BehaviorDigest
    verdict: Verdict
    reason: TextDigest | None
    type: ClassVar[str] = "behavior.marked"


Body = RegistryCreated | RetentionRecorded | ReleaseCommitted | TagSet | EnvironmentMoved | BehaviorMarked

EVENT_TYPES: Mapping[str, type[Body]] = {
    one.type: one for one in (RegistryCreated, RetentionRecorded, ReleaseCommitted, TagSet, EnvironmentMoved, BehaviorMarked)
}


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the ledger: who did what, when, as part of which operation."""

    sequence: int
    recorded_at: datetime
    actor: TextDigest
    operation: OperationId
    body: Body

    def document(self) -> bytes:
        """Return the canonical bytes under which the event is stored."""
        return canonical_json(
            {
                "schema": EVENT_SCHEMA,
                "type": self.body.type,
                "sequence": self.sequence,
                "recorded_at": format_instant(self.recorded_at),
                "actor": str(self.actor),
                "operation": str(self.operation),
                "body": body_to_json(self.body)["body"],
            }
        )


def leaf_hash(document: bytes) -> LeafHash:
    """Return the RFC 6962 (section 2.1) leaf hash of an event's bytes."""
    return LeafHash(hashlib.sha256(b"\x00" + document).digest())


def text_digest(salt: bytes, text: str) -> TextDigest:
    """Return the digest under which an erasable text is known; the salt has 32 random bytes.

    Raises:
        Invalid: the text is not UTF-8, or holds a NUL character, which not every database keeps.
    """
    if "\0" in text:
        raise Invalid("a text that would be recorded holds a NUL character; nothing was changed")
    try:
        return TextDigest.of(salt + text.encode())
    except UnicodeEncodeError as error:
        raise Invalid("a text that would be recorded is not UTF-8; nothing was changed") from error


def read_event(document: bytes) -> Event:
    """Read an event from its stored bytes.

    Raises:
        InvalidManifest: it does not have the form of an event.
        NewerSchema: a newer version of lastgood wrote it.
    """
    try:
        known = Fields(parse_json_object(document), "an event")
    except Invalid as error:
        raise InvalidManifest(f"an event is not right: {error}") from error
    check_schema(known.text("schema"), EVENT_SCHEMA)
    try:
        return Event(
            sequence=_required_int(known, "sequence"),
            recorded_at=known.instant("recorded_at"),
            actor=known.digest("actor", TextDigest),
            operation=OperationId.parse(known.text("operation")),
            body=body_from_json({"type": known.text("type"), "body": known.value("body")}),
        )
    except InvalidName as error:
        raise InvalidManifest(f"an event is not right: {error}") from error


def body_to_json(body: Body) -> JsonObject:
    """Return the type and the fields of an event's body."""
    return {"type": body.type, "body": {one.name: _to_json(getattr(body, one.name)) for one in fields(body)}}


def _to_json(value: object) -> Json:
    if isinstance(value, bytes):
        return str(value)
    if isinstance(value, tuple):
        return [_to_json(item) for item in value]
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, str):
        return str.__str__(value)
    if value is None or isinstance(value, int):
        return value
    raise TypeError(f"an event has no field of the type {type(value).__name__}")


def body_from_json(value: Json) -> Body:
    """Read an event's body.

    Raises:
        InvalidManifest: a field is missing or of another type.
        NewerSchema: the type is not one this version knows.
    """
    outer = Fields(value, "an event")
    name = outer.text("type")
    known = Fields(outer.value("body"), f"an event {name[:80]}")
    reader = _READERS.get(name)
    if reader is None:
        raise NewerSchema(f"an event is of the type {name[:80]!r}, which this version does not know")
    try:
        return reader(known)
    except (InvalidName, ValueError) as error:
        raise InvalidManifest(f"an event {name} is not right: {error}") from error


class _Reader(Protocol):
    def __call__(self, known: Fields) -> Body: ...


def _required_int(known: Fields, name: str) -> int:
    value = known.optional_int(name)
    if value is None:
        raise InvalidManifest(f"an event lacks the number {name!r}")
    return value


def _required_object(known: Fields, name: str) -> JsonObject:
    known.value(name)
    return known.mapping(name)


def _optional_text_digest(known: Fields, name: str) -> TextDigest | None:
    return None if known.optional(name) is None else known.digest(name, TextDigest)


def _read_created(known: Fields) -> RegistryCreated:
    return RegistryCreated(RegistryId.parse(known.text("registry")))


def _read_retention(known: Fields) -> RetentionRecorded:
    return RetentionRecorded(PipelineName.parse(known.text("pipeline")), _required_object(known, "policy"))


def _read_committed(known: Fields) -> ReleaseCommitted:
    return ReleaseCommitted(
        pipeline=PipelineName.parse(known.text("pipeline")),
        release=known.digest("release", ReleaseId),
        number=_required_int(known, "number"),
        manifest=_required_object(known, "manifest"),
        message=_optional_text_digest(known, "message"),
    )


def _read_tag(known: Fields) -> TagSet:
    return TagSet(
        pipeline=PipelineName.parse(known.text("pipeline")),
        tag=TagName.parse(known.text("tag")),
        release=known.digest("release", ReleaseId),
    )


def _read_moved(known: Fields) -> EnvironmentMoved:
    return EnvironmentMoved(
        pipeline=PipelineName.parse(known.text("pipeline")),
        environment=EnvironmentName.parse(known.text("environment")),
        revision=_required_int(known, "revision"),
        kind=MoveKind(known.text("kind")),
        replaced=None if known.optional("replaced") is None else known.digest("replaced", ReleaseId),
        release=known.digest("release", ReleaseId),
        behavior=known.digest("behavior", BehaviorDigest),
        entry=_required_int(known, "entry"),
        below=known.optional_int("below"),
        suspects=tuple(BehaviorDigest.parse(one) for one in known.texts("suspects")),
        cleared=None if known.optional("cleared") is None else known.digest("cleared", BehaviorDigest),
        reason=_optional_text_digest(known, "reason"),
    )


def _read_marked(known: Fields) -> BehaviorMarked:
    return BehaviorMarked(
        pipeline=PipelineName.parse(known.text("pipeline")),
        release=known.digest("release", ReleaseId),
        behavior=known.digest("behavior", BehaviorDigest),
        verdict=Verdict(known.text("verdict")),
        reason=_optional_text_digest(known, "reason"),
    )


_READERS: Mapping[str, _Reader] = {
    RegistryCreated.type: _read_created,
    RetentionRecorded.type: _read_retention,
    ReleaseCommitted.type: _read_committed,
    TagSet.type: _read_tag,
    EnvironmentMoved.type: _read_moved,
    BehaviorMarked.type: _read_marked,
}
