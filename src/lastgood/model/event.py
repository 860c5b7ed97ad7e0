"""Events: the only way anything changes. What they can say is in `model.changes`, one small class each.

Rules: an event's bytes are canonical JSON, stored verbatim; free text and names of people are not in them but stand
apart under a salted digest; the leaf hash is RFC 6962's. `sequence` is for order, `recorded_at` is for people. Every
fact the catalog keeps follows from events and nothing else.

    >>> from lastgood.ids import PipelineName, ReleaseId, TagName
    >>> event = TagSet(PipelineName("bot"), TagName("v1"), ReleaseId(bytes(32)))
    >>> EVENT_TYPES["tag.set"] is TagSet
    True
    >>> body_from_json(body_to_json(event)) == event
    True
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime

from lastgood.canonical import Json, JsonObject, canonical_json, parse_json_object
from lastgood.clock import format_instant
from lastgood.errors import Invalid, InvalidManifest, InvalidName, NewerSchema
from lastgood.ids import LeafHash, OperationId, TextDigest
from lastgood.model.changes.body import Body, required_int
from lastgood.model.changes.environments import EnvironmentMoved, HookRan
from lastgood.model.changes.evaluations import EvaluationRecorded
from lastgood.model.changes.incidents import (
    BackfillWithdrawn,
    DeploymentBackfilled,
    IncidentLinked,
    IncidentRecorded,
    IncidentUnlinked,
    IncidentWithdrawn,
)
from lastgood.model.changes.ledger import KeySet
from lastgood.model.changes.operations import OperationUndone
from lastgood.model.changes.pilots import PilotStarted, PilotWithdrawn
from lastgood.model.changes.policies import PolicyApplied, ReleaseApproved
from lastgood.model.changes.purges import FilesPurged, PurgeLifted
from lastgood.model.changes.registry import RegistryCreated, RetentionRecorded
from lastgood.model.changes.releases import (
    BehaviorMarked,
    HoldLifted,
    ReleaseCommitted,
    ReleaseHeld,
    ReleaseImported,
    ReleaseSigned,
    TagRemoved,
    TagSet,
)
from lastgood.model.changes.retention import Removal, RetentionApplied, RetentionWithdrawn
from lastgood.model.fields import Fields
from lastgood.model.release import check_schema

EVENT_SCHEMA = "lastgood.event/1"
SALT_BYTES = 32


_CHANGES = (
    RegistryCreated,
    KeySet,
    RetentionRecorded,
    ReleaseCommitted,
    ReleaseImported,
    ReleaseSigned,
    TagSet,
    TagRemoved,
    ReleaseHeld,
    HoldLifted,
    EnvironmentMoved,
    HookRan,
    BehaviorMarked,
    OperationUndone,
    PolicyApplied,
    ReleaseApproved,
    EvaluationRecorded,
    IncidentRecorded,
    IncidentWithdrawn,
    IncidentLinked,
    IncidentUnlinked,
    DeploymentBackfilled,
    BackfillWithdrawn,
    PilotStarted,
    PilotWithdrawn,
    RetentionApplied,
    RetentionWithdrawn,
    FilesPurged,
    PurgeLifted,
)
EVENT_TYPES: Mapping[str, type[Body]] = {one.type: one for one in _CHANGES}


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
            sequence=required_int(known, "sequence"),
            recorded_at=known.instant("recorded_at"),
            actor=known.digest("actor", TextDigest),
            operation=OperationId.parse(known.text("operation")),
            body=body_from_json({"type": known.text("type"), "body": known.value("body")}),
        )
    except InvalidName as error:
        raise InvalidManifest(f"an event is not right: {error}") from error


def body_to_json(body: Body) -> JsonObject:
    """Return the type and the fields of an event's body."""
    said = {one.name: getattr(body, one.name) for one in fields(body)}
    written = {name: _to_json(value) for name, value in said.items() if not (name in body.later and _says_nothing(value))}
    return {"type": body.type, "body": written}


def _says_nothing(value: object) -> bool:
    return value is None or value == ()


def _to_json(value: object) -> Json:
    if isinstance(value, bytes):
        return str(value)
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, tuple):
        return [_to_json(item) for item in value]
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Removal):
        return value.to_json()
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
    kind = EVENT_TYPES.get(name)
    if kind is None:
        raise NewerSchema(f"an event is of the type {name[:80]!r}, which this version does not know")
    try:
        return kind.read(known)
    except (InvalidName, ValueError) as error:
        raise InvalidManifest(f"an event {name} is not right: {error}") from error


def author_of(event: Event) -> TextDigest:
    """Return who made the release that an event brought: who is said to have, else who acted."""
    return event.body.author if isinstance(event.body, ReleaseImported) else event.actor


def texts_of(event: Event) -> Iterator[TextDigest]:
    """Yield the digests of the erasable texts that an event names."""
    yield event.actor
    yield from (value for one in fields(event.body) if isinstance(value := getattr(event.body, one.name), TextDigest))
