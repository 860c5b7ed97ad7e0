"""Changes of incidents: what went wrong, as people say it, and what of the past was told of moves.

An incident is said as a whole each time, so what holds is what the last event says. When things happened is data, given by
people; when it was recorded is the event's own time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Self

from lastgood.errors import InvalidManifest, InvalidName
from lastgood.ids import EnvironmentName, IncidentName, PipelineName, ReleaseId, SourceDigest, TextDigest
from lastgood.model.changes.body import Body, optional_digest, optional_flag, optional_instant, optional_text_digest, required_int
from lastgood.model.changes.environments import MoveKind
from lastgood.model.fields import Fields


class IncidentKind(StrEnum):
    """What kind of thing went wrong.

    An `incident` reached somebody; a `near-miss` was caught before it did; a `repro-failure` is a result, or a release, that
    could not be made again.
    """

    INCIDENT = "incident"
    NEAR_MISS = "near-miss"
    REPRO_FAILURE = "repro-failure"


class IncidentStep(StrEnum):
    """What an event did to an incident."""

    OPENED = "opened"
    UPDATED = "updated"
    MITIGATED = "mitigated"
    CLOSED = "closed"
    REOPENED = "reopened"
    RESTORED = "restored"


class Currency(str):
    """A currency by its three letters (ISO 4217), such as `EUR`."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check one.

        Raises:
            InvalidName: it has not three capital letters.
        """
        if not re.fullmatch(r"[A-Z]{3}", text):
            raise InvalidName(f"{text[:20]!r} is no currency", hint="write its three letters, such as EUR")
        return cls(text)


@dataclass(frozen=True, slots=True)
class IncidentRecorded(Body):
    """What is said of an incident from now on; the first event of one opens it.

    Attributes:
        incident: its name, `I1` and so on in one registry.
        step: what the event did to it.
        environment: where it was; None where nobody knows, which counts as everywhere.
        started: when it began, if somebody says so.
        detected: when somebody noticed.
        mitigated: when it was over for those whom it hurt.
        closed: when the work on it ended; open until then.
        release: the release that is suspected.
        minutes: how many minutes people spent on it.
        cost: what it cost, in hundredths of the currency's unit.
        preventable: whether it could have been prevented; None where nobody said.
        title: what it is, in a line.
        impact: what customers had of it.
        source: the line of another system that it was imported from.
    """

    incident: IncidentName
    step: IncidentStep
    pipeline: PipelineName
    kind: IncidentKind
    environment: EnvironmentName | None
    started: datetime | None
    detected: datetime
    mitigated: datetime | None
    closed: datetime | None
    release: ReleaseId | None
    minutes: int | None
    cost: int | None
    currency: Currency | None
    preventable: bool | None
    title: TextDigest
    impact: TextDigest | None
    source: SourceDigest | None
    type: ClassVar[str] = "incident.recorded"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        cost, currency = known.optional_int("cost"), known.optional_text("currency")
        if (cost is None) != (currency is None):
            raise InvalidManifest("an event incident.recorded has a cost without a currency, or the reverse")
        environment = known.optional_text("environment")
        return cls(
            incident=_own(known),
            step=IncidentStep(known.text("step")),
            pipeline=PipelineName.parse(known.text("pipeline")),
            kind=IncidentKind(known.text("kind")),
            environment=None if environment is None else EnvironmentName.parse(environment),
            started=optional_instant(known, "started"),
            detected=known.instant("detected"),
            mitigated=optional_instant(known, "mitigated"),
            closed=optional_instant(known, "closed"),
            release=optional_digest(known, "release", ReleaseId),
            minutes=known.optional_int("minutes"),
            cost=cost,
            currency=None if currency is None else Currency.parse(currency),
            preventable=optional_flag(known, "preventable"),
            title=known.digest("title", TextDigest),
            impact=optional_text_digest(known, "impact"),
            source=optional_digest(known, "source", SourceDigest),
        )


@dataclass(frozen=True, slots=True)
class IncidentWithdrawn(Body):
    """Opening an incident was undone; its name is never given again."""

    incident: IncidentName
    type: ClassVar[str] = "incident.withdrawn"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        return cls(_own(known))


@dataclass(frozen=True, slots=True)
class IncidentLinked(Body):
    """Something belongs to an incident: a release, a move of an environment, or what somebody wrote.

    Attributes:
        release: the release.
        environment: where the move was.
        revision: which move it was.
        note: an address, or a quoted line.
    """

    incident: IncidentName
    release: ReleaseId | None
    environment: EnvironmentName | None
    revision: int | None
    note: TextDigest | None
    type: ClassVar[str] = "incident.linked"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        environment, revision = known.optional_text("environment"), known.optional_int("revision")
        if (environment is None) != (revision is None):
            raise InvalidManifest("an event incident.linked names an environment without a move, or the reverse")
        return cls(
            incident=_own(known),
            release=optional_digest(known, "release", ReleaseId),
            environment=None if environment is None else EnvironmentName.parse(environment),
            revision=revision,
            note=optional_text_digest(known, "note"),
        )


@dataclass(frozen=True, slots=True)
class IncidentUnlinked(Body):
    """Linking something was undone; `linked` is the sequence of the event that did."""

    incident: IncidentName
    linked: int
    type: ClassVar[str] = "incident.unlinked"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        return cls(_own(known), required_int(known, "linked"))


@dataclass(frozen=True, slots=True)
class DeploymentBackfilled(Body):
    """A deploy or a rollback of the past was told of; it moves nothing.

    Attributes:
        environment: where it was, if that is known.
        kind: `deploy` or `rollback`.
        occurred_at: when it was.
        incident: what it answered to.
        note: the line that tells of it.
        source: the line of another system that it was imported from.
    """

    pipeline: PipelineName
    environment: EnvironmentName | None
    kind: MoveKind
    occurred_at: datetime
    incident: IncidentName | None
    note: TextDigest
    source: SourceDigest
    type: ClassVar[str] = "deployment.backfilled"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        environment, incident = known.optional_text("environment"), known.optional_text("incident")
        return cls(
            pipeline=PipelineName.parse(known.text("pipeline")),
            environment=None if environment is None else EnvironmentName.parse(environment),
            kind=MoveKind(known.text("kind")),
            occurred_at=known.instant("occurred_at"),
            incident=None if incident is None else IncidentName.parse(incident),
            note=known.digest("note", TextDigest),
            source=known.digest("source", SourceDigest),
        )


@dataclass(frozen=True, slots=True)
class BackfillWithdrawn(Body):
    """Telling of a move of the past was undone; `backfilled` is the sequence of the event that told of it."""

    pipeline: PipelineName
    backfilled: int
    type: ClassVar[str] = "backfill.withdrawn"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        return cls(PipelineName.parse(known.text("pipeline")), required_int(known, "backfilled"))


def _own(known: Fields) -> IncidentName:
    """Return the name of an incident of this registry."""
    name = IncidentName.parse(known.text("incident"))
    if name.number is None:
        raise InvalidName(f"{name!r} is not the name of an incident of a registry, such as I17")
    return name
