"""From threads to proposals: incidents, deploys and rollbacks that talk tells of, each field with the lines it comes from.

How sure a proposal is: each kind of evidence counts once, and weights add up as independent ones do, 1 − Π(1 − weight). An
incident needs a line that declares it or names a symptom, and evidence of a second kind. A thread in which somebody says that
it was a false alarm or a drill is not proposed. Nothing is invented: a field that no line tells of stays empty, a time
of day is one in the zone of who wrote it, and where that is not known it stays empty, too.

    proposals = propose(export.threads, environments=("prod", "staging"))
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import reduce

from lastgood.canonical import canonical_json
from lastgood.ids import SourceDigest
from lastgood.importers.reading_fields import environment_in, version_in
from lastgood.importers.signals import ALARMS, JOKES, claims_of, may_say_something, takes_back
from lastgood.importers.slack import Line, Thread
from lastgood.importers.telling import Told, said_of, title_of
from lastgood.model.changes.environments import MoveKind
from lastgood.registry.incident_protocol import Telling

CONFIDENT = 0.64
"""From where on a proposal is shown, unless something else is asked for."""

_PEOPLE, _ANSWERS, _ALARM, _PLACE, _CONFIRMED, _IN_AN_INCIDENT = 0.1, 0.05, 0.1, 0.1, 0.15, 0.25
_ENVIRONMENT, _RELEASE, _VERSION = 0.35, 0.35, 0.15
_MANY_ANSWERS = 3
_ALARMING_PLACE = re.compile(r"incident|outage|on-?call|alerts?|\bops\b|firefight|sev")
_CONFIRM = re.compile(r"\b(?:confirmed|verified|looks? good|all green|metrics (?:are )?(?:flat|fine|good)|smoke tests? pass\w*)\b")
_EVIDENCE = ("declared", "symptom", "since", "impact", "over", "effort", "near-miss")


class What(StrEnum):
    """What is proposed."""

    INCIDENT = "incident"
    DEPLOY = "deploy"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Proposal:
    """Something that talk tells of.

    Attributes:
        what: an incident, a deploy or a rollback.
        confidence: how sure that is, between 0 and 1.
        source: names the thread, so that nothing is recorded twice.
        telling: what is known; of a move `detected` is when it was, and `release` what was moved to, as it was written.
        cites: for each field that is known, the lines that it comes from.
        answers: of a rollback, the source of the incident in the same thread.
    """

    what: What
    confidence: float
    source: SourceDigest
    telling: Telling
    cites: Mapping[str, tuple[Line, ...]]
    answers: SourceDigest | None = None

    @property
    def lines(self) -> tuple[Line, ...]:
        """All lines that are cited, each once, in the order of time."""
        return tuple(sorted({line.stamp: line for lines in self.cites.values() for line in lines}.values(), key=lambda line: line.at))


def propose(threads: Iterable[Thread], environments: Sequence[str] = (), least: float = CONFIDENT) -> list[Proposal]:
    """Return what threads tell of, in the order of time.

    Args:
        threads: the threads of an export.
        environments: the names of environments that are known, beside those that mean production.
        least: how sure a proposal has to be.
    """
    found = [one for thread in threads for one in _of_thread(thread, environments) if one.confidence >= least]
    return sorted(found, key=lambda one: (_moment(one), one.what, one.source))


def _moment(one: Proposal) -> datetime:
    at = one.telling.detected
    assert isinstance(at, datetime)  # noqa: S101  # each proposal is of a time
    return at


def _of_thread(thread: Thread, environments: Sequence[str]) -> Iterator[Proposal]:
    if not any(may_say_something(line.text) for line in thread.lines):
        return
    told = [Told(line, () if JOKES & set(line.reactions) else tuple(claims_of(line.text))) for line in thread.lines]
    # What nobody calls an incident may still have been rolled back.
    incident = None if any(takes_back(line.text) for line in thread.lines) else _incident(thread, told, environments)
    if incident is not None:
        yield incident
    yield from _moves(thread, told, What.DEPLOY, environments=environments, incident=None)
    yield from _moves(thread, told, What.ROLLBACK, environments=environments, incident=incident)


def _sure(weights: Iterable[float]) -> float:
    return round(1 - reduce(lambda left, weight: left * (1 - weight), weights, 1.0), 3)


def _source(thread: Thread, what: str) -> SourceDigest:
    return SourceDigest.of(canonical_json({"slack": thread.channel, "thread": thread.root, "what": what}))


def _incident(thread: Thread, told: Sequence[Told], environments: Sequence[str]) -> Proposal | None:
    evidence: dict[str, float] = {}
    for one in told:
        for claim in one.claims:
            name = "over" if claim.name in {"rolled-back", "rolling-back"} else claim.name
            if name in _EVIDENCE:
                evidence[name] = max(claim.weight if name != "over" else 0.35, evidence.get(name, 0))
    core = [one for one in told if one.has("declared", "symptom", "near-miss")]
    if not core or len(evidence.keys() - {"effort"}) < 2:  # noqa: PLR2004 - a second kind
        return None
    confidence = _sure([*evidence.values(), *_circumstances(thread, core[0].line)])
    return Proposal(What.INCIDENT, confidence, _source(thread, "incident"), *said_of(told, core[0], environments))


def _circumstances(thread: Thread, first: Line) -> Iterator[float]:
    if len({line.speaker.name for line in thread.lines}) > 1:
        yield _PEOPLE
    if len(thread.lines) > _MANY_ANSWERS:
        yield _ANSWERS
    if ALARMS & set(first.reactions):
        yield _ALARM
    if _ALARMING_PLACE.search(first.channel):
        yield _PLACE


@dataclass(slots=True)
class _Group:
    """Lines of one thread that tell of the same move, and those of them that name the release or the place."""

    lines: list[Told]
    version: str | None = None
    environment: str | None = None
    naming: dict[str, list[Line]] = field(default_factory=lambda: {"release": [], "environment": []})

    def fits(self, version: str | None, environment: str | None) -> bool:
        same = {self.version, version} - {None}, {self.environment, environment} - {None}
        return all(len(one) < 2 for one in same)  # noqa: PLR2004 - two names are two things


def _moves(
    thread: Thread, told: Sequence[Told], what: What, *, environments: Sequence[str], incident: Proposal | None
) -> Iterator[Proposal]:
    names = ("deployed",) if what is What.DEPLOY else ("rolled-back", "rolling-back")
    groups: list[_Group] = []
    for one in told:
        claim = one.has(*names)
        if claim is None or (what is What.DEPLOY and one.has("rolled-back", "rolling-back")):
            continue
        version, environment = version_in(claim.sentence, what is What.ROLLBACK), environment_in(claim.sentence, environments)
        group = next((each for each in groups if each.fits(version, environment)), None)
        if group is None:
            group = _Group([])
            groups.append(group)
        group.lines.append(one)
        group.version, group.environment = group.version or version, group.environment or environment
        group.naming["release"] += [] if version is None else [one.line]
        group.naming["environment"] += [] if environment is None else [one.line]
    for place, group in enumerate(groups):
        yield _move(thread, what, group, incident=incident, source=_source(thread, f"{what}-{place}" if place else what))


def _move(thread: Thread, what: What, group: _Group, *, incident: Proposal | None, source: SourceDigest) -> Proposal:
    done = [one for one in group.lines if one.has("deployed", "rolled-back")] or group.lines
    claims = [claim for one in group.lines if (claim := one.has("deployed", "rolled-back", "rolling-back"))]
    weights = [max(claim.weight for claim in claims)]
    if group.environment is not None:
        weights.append(_ENVIRONMENT)
    if group.version is not None:
        weights.append(_RELEASE if re.fullmatch(r"r\d+", group.version) else _VERSION)
    if any(_CONFIRM.search(line.text.lower()) for line in thread.lines if line.at >= done[0].line.at):
        weights.append(_CONFIRMED)
    if incident is not None and what is What.ROLLBACK:
        weights.append(_IN_AN_INCIDENT)
    first = done[0].line
    cites: dict[str, tuple[Line, ...]] = {"detected": (first,)}
    telling = Telling(title=title_of(first), detected=first.at, environment=group.environment, release=group.version)
    # The lines before it was done are told as well: who reads them sees how it came about.
    cites["title"] = tuple(one.line for one in group.lines)
    cites |= {name: tuple(lines) for name, lines in group.naming.items() if lines}
    return Proposal(what, _sure(weights), source, telling, cites, None if incident is None else incident.source)


def move_kind(what: What) -> MoveKind:
    """Return the kind of move that is proposed."""
    return MoveKind.DEPLOY if what is What.DEPLOY else MoveKind.ROLLBACK
