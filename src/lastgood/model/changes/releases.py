"""Changes that concern releases: they are made, named, held and judged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Self, TypeGuard

from lastgood.canonical import Json
from lastgood.errors import InvalidName
from lastgood.ids import BehaviorDigest, PipelineName, RegistryId, ReleaseId, TagName, TextDigest
from lastgood.model.changes.body import Body, optional_digest, optional_text_digest, required_int, required_object
from lastgood.model.changes.ledger import SignedNoteText, VerifierKeyText
from lastgood.model.fields import Fields


class Verdict(StrEnum):
    """What a person says of a behavior; an undo may leave it as nobody ever judged it."""

    BAD = "bad"
    GOOD = "good"
    UNJUDGED = "unjudged"


@dataclass(frozen=True, slots=True)
class ReleaseCommitted(Body):
    """A release was made; the manifest stands here verbatim."""

    pipeline: PipelineName
    release: ReleaseId
    number: int
    manifest: Mapping[str, Json]
    message: TextDigest | None
    type: ClassVar[str] = "release.committed"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        return cls(
            pipeline=PipelineName.parse(known.text("pipeline")),
            release=known.digest("release", ReleaseId),
            number=required_int(known, "number"),
            manifest=required_object(known, "manifest"),
            message=optional_text_digest(known, "message"),
        )


@dataclass(frozen=True, slots=True)
class ReleaseImported(Body):
    """A release that another registry made came here in a bundle; the manifest stands here verbatim.

    Attributes:
        author: who made it there; who brought it is the actor of this event.
        origin: the registry it comes from.
        event: the number of the event there.
        checkpoint: the signed note over the history there that the event was proven to be in.
    """

    pipeline: PipelineName
    release: ReleaseId
    number: int
    manifest: Mapping[str, Json]
    message: TextDigest | None
    author: TextDigest
    origin: RegistryId
    event: int
    checkpoint: SignedNoteText
    type: ClassVar[str] = "release.imported"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        return cls(
            pipeline=PipelineName.parse(known.text("pipeline")),
            release=known.digest("release", ReleaseId),
            number=required_int(known, "number"),
            manifest=required_object(known, "manifest"),
            message=optional_text_digest(known, "message"),
            author=known.digest("author", TextDigest),
            origin=RegistryId.parse(known.text("origin")),
            event=required_int(known, "event"),
            checkpoint=SignedNoteText.parse(known.text("checkpoint")),
        )


Making = ReleaseCommitted | ReleaseImported
"""How a release comes into a registry."""


def is_making(body: Body, release: ReleaseId) -> TypeGuard[Making]:
    """Say whether a change is the one that brought a release into its registry."""
    return isinstance(body, Making) and body.release == release


class SignatureText(str):
    """The 64 bytes of an Ed25519 signature, in base64."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one.

        Raises:
            InvalidName: it has another form.
        """
        if not re.fullmatch(r"[A-Za-z0-9+/]{86}==", text):
            raise InvalidName(f"{text[:80]!r} is not a signature")
        return cls(text)


@dataclass(frozen=True, slots=True)
class ReleaseSigned(Body):
    """A release was signed: its statement (`registry.signing`) can be made again, so only the signature is kept."""

    pipeline: PipelineName
    release: ReleaseId
    key: VerifierKeyText
    signature: SignatureText
    type: ClassVar[str] = "release.signed"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        return cls(
            pipeline=PipelineName.parse(known.text("pipeline")),
            release=known.digest("release", ReleaseId),
            key=VerifierKeyText.parse(known.text("key")),
            signature=SignatureText.parse(known.text("signature")),
        )


@dataclass(frozen=True, slots=True)
class TagSet(Body):
    """A tag was given to a release, or moved to it from the one that it `replaced`."""

    pipeline: PipelineName
    tag: TagName
    release: ReleaseId
    replaced: ReleaseId | None = None
    type: ClassVar[str] = "tag.set"
    later: ClassVar[frozenset[str]] = frozenset({"replaced"})

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        return cls(
            pipeline=PipelineName.parse(known.text("pipeline")),
            tag=TagName.parse(known.text("tag")),
            release=known.digest("release", ReleaseId),
            replaced=optional_digest(known, "replaced", ReleaseId),
        )


@dataclass(frozen=True, slots=True)
class TagRemoved(Body):
    """A tag was taken away from the release that it was given to, by undoing that."""

    pipeline: PipelineName
    tag: TagName
    release: ReleaseId
    type: ClassVar[str] = "tag.removed"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        return cls(
            pipeline=PipelineName.parse(known.text("pipeline")),
            tag=TagName.parse(known.text("tag")),
            release=known.digest("release", ReleaseId),
        )


@dataclass(frozen=True, slots=True)
class ReleaseHeld(Body):
    """A release is held: whatever the retention policy says, its bytes stay."""

    pipeline: PipelineName
    release: ReleaseId
    reason: TextDigest | None
    type: ClassVar[str] = "release.held"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        return cls(
            pipeline=PipelineName.parse(known.text("pipeline")),
            release=known.digest("release", ReleaseId),
            reason=optional_text_digest(known, "reason"),
        )


@dataclass(frozen=True, slots=True)
class HoldLifted(Body):
    """A release is no longer held.

    Attributes:
        held: the sequence of the event that held it.
        reason: why it is held no longer.
    """

    pipeline: PipelineName
    release: ReleaseId
    held: int
    reason: TextDigest | None
    type: ClassVar[str] = "hold.lifted"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        return cls(
            pipeline=PipelineName.parse(known.text("pipeline")),
            release=known.digest("release", ReleaseId),
            held=required_int(known, "held"),
            reason=optional_text_digest(known, "reason"),
        )


@dataclass(frozen=True, slots=True)
class BehaviorMarked(Body):
    """A person called the behavior of a release bad, everywhere, or good again."""

    pipeline: PipelineName
    release: ReleaseId
    behavior: BehaviorDigest
    verdict: Verdict
    reason: TextDigest | None
    type: ClassVar[str] = "behavior.marked"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        return cls(
            pipeline=PipelineName.parse(known.text("pipeline")),
            release=known.digest("release", ReleaseId),
            behavior=known.digest("behavior", BehaviorDigest),
            verdict=Verdict(known.text("verdict")),
            reason=optional_text_digest(known, "reason"),
        )
