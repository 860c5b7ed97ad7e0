"""Revision expressions: how people and programs name a release.

r42                      the 42nd release of the pipeline
v1.4                     a tag
9f3ac2                   a digest prefix, 6 hex digits or more
latest                   the newest release
prod                     what the environment is on
prod~1                   the deployment before, in history
prod@3w                  what it was on three weeks ago (units s m h d w; m is minutes)
prod@2026-11-02T14:05Z   what it was on then; without a zone the local one is meant, a bare date is its start
prod@good                where a rollback would go
prod@canary              what a canary runs
support-bot/prod         any of these, of one pipeline among several

>>> parse_revision("prod~1", no_zone).place
Before(environment=EnvironmentName('prod'), steps=1)
>>> parse_revision("support-bot/r42", no_zone).pipeline
PipelineName('support-bot')
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lastgood.errors import InvalidName, InvalidRevision
from lastgood.ids import SHORTEST_PREFIX, EnvironmentName, Name, PipelineName

LocalZone = Callable[[datetime], datetime]
"""Turns a naive local time into an aware one; only the edges know which zone is local."""

_NUMBER = re.compile(r"r([0-9]{1,18})", re.IGNORECASE)
_PREFIX = re.compile(rf"[0-9a-f]{{{SHORTEST_PREFIX},64}}", re.IGNORECASE)
_AGO = re.compile(r"([0-9]{1,9})([smhdw])")
_INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)(Z|[+-]\d{2}:?\d{2})?)?",
    re.ASCII,
)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class ByNumber:
    """`r42`: a release by its number."""

    number: int


@dataclass(frozen=True, slots=True)
class ByPrefix:
    """`9f3ac2`: a release by the first hex digits of its digest."""

    prefix: str


@dataclass(frozen=True, slots=True)
class ByName:
    """`prod` or `v1.4`: an environment or a tag; one name is never both."""

    name: Name


@dataclass(frozen=True, slots=True)
class Latest:
    """`latest`: the newest release of the pipeline."""


@dataclass(frozen=True, slots=True)
class Before:
    """`prod~1`: so many deployments before the present one, in history."""

    environment: EnvironmentName
    steps: int


@dataclass(frozen=True, slots=True)
class AtTime:
    """`prod@2026-11-02T14:05Z`: what the environment was on at an instant; it keeps the zone it was read in."""

    environment: EnvironmentName
    at: datetime


@dataclass(frozen=True, slots=True)
class Ago:
    """`prod@3w`: what the environment was on so long ago."""

    environment: EnvironmentName
    ago: timedelta


@dataclass(frozen=True, slots=True)
class Good:
    """`prod@good`: where a rollback would go."""

    environment: EnvironmentName


@dataclass(frozen=True, slots=True)
class Canary:
    """`prod@canary`: what a canary runs."""

    environment: EnvironmentName


Place = ByNumber | ByPrefix | ByName | Latest | Before | AtTime | Ago | Good | Canary


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision expression: the pipeline it names, if any, the place, and the text as it was written."""

    pipeline: PipelineName | None
    place: Place
    text: str


def no_zone(naive: datetime) -> datetime:
    """Refuse a time without a zone, where nobody knows which zone is local.

    Raises:
        InvalidRevision: always.
    """
    raise InvalidRevision(f"{naive.isoformat()} has no zone; write it with Z or an offset such as +02:00")


def parse_revision(text: str, zone: LocalZone) -> Revision:
    """Read a revision expression.

    Raises:
        InvalidRevision: it has none of the forms.
    """
    before, slash, rest = text.partition("/")
    try:
        pipeline = PipelineName.parse(before) if slash else None
        return Revision(pipeline, _parse_place(rest if slash else text, zone), text)
    except InvalidName as error:
        raise InvalidRevision(f"{text[:80]!r} is not a revision: {error}") from error


def _parse_place(text: str, zone: LocalZone) -> Place:
    if text == "latest":
        return Latest()
    if number := _NUMBER.fullmatch(text):
        return ByNumber(int(number[1]))
    if _PREFIX.fullmatch(text):
        return ByPrefix(text.lower())
    name, at, when = text.partition("@")
    if at:
        return _parse_when(EnvironmentName.parse(name), when, zone)
    name, tilde, steps = text.partition("~")
    if tilde:
        if not re.fullmatch(r"[0-9]{1,9}", steps or "1"):
            raise InvalidRevision(f"{text[:80]!r} is not a revision: after ~ comes how many deployments back")
        return Before(EnvironmentName.parse(name), int(steps or "1"))
    return ByName(Name.parse(text))


def _parse_when(environment: EnvironmentName, when: str, zone: LocalZone) -> Place:
    if when == "good":
        return Good(environment)
    if when == "canary":
        return Canary(environment)
    ago = _parse_ago(when)
    return AtTime(environment, parse_time(when, zone)) if ago is None else Ago(environment, ago)


def _parse_ago(text: str) -> timedelta | None:
    ago = _AGO.fullmatch(text)
    try:
        return None if ago is None else timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    except OverflowError:
        raise InvalidRevision(f"{text!r} is longer ago than time goes back") from None


def parse_moment(text: str, zone: LocalZone, now: datetime) -> datetime:
    """Read a time, or how long ago it was, as they stand behind the @ of a revision.

    Raises:
        InvalidRevision: it is no time.
    """
    ago = _parse_ago(text)
    try:
        return parse_time(text, zone) if ago is None else now - ago
    except OverflowError:
        raise InvalidRevision(f"{text} is before time began") from None


def parse_time(text: str, zone: LocalZone) -> datetime:
    """Read a date or a time; without a zone the local one is meant, and a bare date is the start of that day.

    Raises:
        InvalidRevision: it is no time.
    """
    form = _INSTANT.fullmatch(text)
    if form is None:
        raise InvalidRevision(f"{text[:80]!r} is no time", hint="write 3w, 2026-11-02, 2026-11-02T14:05Z or good")
    date, time, offset = form.groups()
    try:
        at = datetime.fromisoformat(f"{date}T{time or '00:00'}{offset or ''}")
        aware = zone(at) if at.tzinfo is None else at
        # Near the ends of the calendar a time has no name in UTC, and all that is recorded is in UTC.
        aware.astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidRevision(f"{text[:80]!r} is no time: {error}") from error
    return aware
