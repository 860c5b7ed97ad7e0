"""Incidents: opening, updating, linking and closing them, each one transaction, and what they come to.

Rules: when things happened is what people say, checked for its order; what was said before holds until something else is
said. A rollback that answers to an incident says when it was mitigated, if nobody said so: in the transaction that moves
the environment, so that one undo takes back both.

    incidents = Incidents(context)
    incidents.open(Telling(title="cites nothing", environment="prod", release="r2", detected="20m")).name      # I1
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from lastgood.catalog import environments, incidents
from lastgood.catalog.database import Session
from lastgood.catalog.records import Appender
from lastgood.errors import Conflict, Invalid, NotFound
from lastgood.ids import EnvironmentName, IncidentName, PipelineName, ReleaseId, SourceDigest, TextDigest
from lastgood.model.changes.body import Body
from lastgood.model.changes.environments import MoveKind
from lastgood.model.changes.incidents import IncidentKind, IncidentLinked, IncidentRecorded, IncidentStep
from lastgood.model.history import Backfill
from lastgood.model.incident import Incident, Measured, check_times, measure
from lastgood.model.revision import parse_moment
from lastgood.registry.context import Context
from lastgood.registry.incident_protocol import CLEARABLE, BroughtIn, BroughtIncident, BroughtMove, Telling, When
from lastgood.registry.resolve import choose_pipeline, resolve

_LIST = "lastgood incident list"


class Ledger(Protocol):
    """What takes in texts and events; a plan gives one that takes nothing in."""

    now: datetime

    def text(self, text: str | None) -> TextDigest | None:
        """Keep a text, and return the digest that stands for it."""
        ...

    def append(self, body: Body) -> object:
        """Append an event."""
        ...


class Incidents:
    """The incidents of an embedded registry; see `registry.incident_protocol` for what each verb does."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def open(self, telling: Telling) -> Incident:
        """Open an incident; it was noticed now, unless something else is said."""
        pipeline = self._pipeline_of(telling)
        said = self._resolved(telling, pipeline)
        with self._context.changing(self._context.operation(None)) as (session, ledger):
            name = incidents.next_incident(session)
            append_opened(session, ledger, name, pipeline, said=said)
            return require_incident(session, name)

    def update(self, name: str, telling: Telling, clear: Iterable[str] = ()) -> Incident:
        """Say more of an incident, or something else; what is in `clear` is unsaid."""
        unsaid = frozenset(clear)
        if unknown := sorted(unsaid - set(CLEARABLE)):
            raise Invalid(f"{unknown[0]!r} cannot be cleared; nothing was changed", hint=f"it is one of {', '.join(CLEARABLE)}")
        if twice := sorted(one for one in unsaid if getattr(telling, one) is not None):
            raise Invalid(f"{twice[0]} is said and cleared at once; nothing was changed")
        return self._said_anew(name, telling, unsaid)

    def close(self, name: str, telling: Telling) -> Incident:
        """End the work on an incident."""
        before = self.get(name)
        if before.said.closed is not None:
            raise Conflict(
                f"{before.name} was closed at {before.said.closed.isoformat(timespec='seconds')} already; nothing was changed",
                hint=f"lastgood incident update {before.name} --clear closed opens it again",
            )
        return self._said_anew(name, replace(telling, closed=telling.closed or "now"), frozenset())

    def link(self, name: str, *, revision: str | None = None, move: tuple[str, int] | None = None, note: str | None = None) -> Incident:
        """Say that something belongs to an incident."""
        incident = self.get(name)
        pipeline = incident.said.pipeline
        if revision is None and move is None and not (note or "").strip():
            raise Invalid("nothing is named that belongs to the incident; nothing was changed", hint="name a release, a move or a note")
        release = None if revision is None else self._release(revision, pipeline)
        environment = None if move is None else EnvironmentName.parse(move[0].rpartition("/")[2])
        with self._context.changing(self._context.operation(None)) as (session, ledger):
            linked = IncidentLinked(incident.name, release, environment, None if move is None else move[1], ledger.text(note))
            if environment is not None and linked.revision is not None:
                _link_move(session, ledger, linked, environment, linked.revision)
            else:
                ledger.append(linked)
            return require_incident(session, incident.name)

    def get(self, name: str) -> Incident:
        """Return an incident by its name: `I17`, or `17`."""
        with self._context.database.reading() as session:
            return require_incident(session, IncidentName.typed(name))

    def list(
        self, pipeline: str | None = None, *, environment: str | None = None, since: When | None = None, only_open: bool = False
    ) -> builtins.list[Incident]:
        """Return the incidents of a pipeline, newest first."""
        chosen = self._pipeline_of(Telling(pipeline=pipeline, environment=environment))
        place = None if environment is None else EnvironmentName.parse(environment.rpartition("/")[2])
        with self._context.database.reading() as session:
            found = incidents.incidents_of(session, chosen, since=self._instant(since))
        return [one for one in found if place in {None, one.said.environment} and (one.is_open or not only_open)]

    def measured(self, pipeline: PipelineName | None = None, since: datetime | None = None, until: datetime | None = None) -> Measured:
        """Return what the incidents that were noticed in a span of time come to."""
        with self._context.database.reading() as session:
            chosen = choose_pipeline(self._context, session, pipeline)
            return measure(incidents.incidents_of(session, chosen, since=since, until=until))

    def bring_in(self, brought: Sequence[BroughtIncident], moves: Sequence[BroughtMove] = (), pipeline: str | None = None) -> BroughtIn:
        """Record what another system tells, all of it or nothing."""
        from lastgood.registry.bringing_in import BringingIn  # noqa: PLC0415 - only an import needs it

        chosen = self._pipeline_of(Telling(pipeline=pipeline))
        said = [replace(one, telling=self._resolved(one.telling, chosen)) for one in brought]
        with self._context.changing(self._context.operation(None)) as (session, ledger):
            bringing = BringingIn(session, ledger, chosen)
            for one in said:
                bringing.incident(one)
            return bringing.done(moves)

    def plan_in(self, brought: Sequence[BroughtIncident], moves: Sequence[BroughtMove] = (), pipeline: str | None = None) -> BroughtIn:
        """Return what `bring_in` would do, and which incidents it would refuse."""
        from lastgood.registry.bringing_in import BringingIn, NoLedger  # noqa: PLC0415 - as above

        chosen = self._pipeline_of(Telling(pipeline=pipeline))
        refused: builtins.list[tuple[int, str]] = []
        with self._context.database.reading() as session:
            bringing = BringingIn(session, NoLedger(self._context.clock.now()), chosen)
            for place, one in enumerate(brought):
                try:
                    bringing.incident(replace(one, telling=self._resolved(one.telling, chosen)))
                except (Invalid, NotFound) as error:
                    refused.append((place, error.message.removesuffix("; nothing was changed")))
            return replace(bringing.done(moves), refused=tuple(refused))

    def backfills(self, pipeline: str | None = None) -> builtins.list[Backfill]:
        """Return the moves of the past that were told of, oldest first."""
        chosen = self._pipeline_of(Telling(pipeline=pipeline))
        with self._context.database.reading() as session:
            return incidents.backfills_of(session, chosen)

    def _pipeline_of(self, telling: Telling) -> PipelineName:
        """Return whose incident it is: that of its environment, the one that is named, or the only one there is."""
        before = (telling.environment or "").rpartition("/")[0] or telling.pipeline
        named = None if before is None else PipelineName.parse(before)
        with self._context.database.reading() as session:
            return choose_pipeline(self._context, session, named)

    def _said_anew(self, name: str, telling: Telling, clear: frozenset[str]) -> Incident:
        incident = self.get(name)
        said = self._resolved(telling, incident.said.pipeline)
        with self._context.changing(self._context.operation(None)) as (session, ledger):
            # Read again: of what somebody said meanwhile nothing is lost.
            before = require_incident(session, incident.name).said
            after = _with(session, ledger, before, said=said, clear=clear)
            if after != before:
                check_times(after, ledger.now)
                ledger.append(replace(after, step=_step(before, after)))
            return require_incident(session, incident.name)

    def _resolved(self, telling: Telling, pipeline: PipelineName) -> Telling:
        """Return the same with instants in the place of words, and with the digest of a release in that of its revision."""
        release = None if telling.release is None else self._release(telling.release, pipeline)
        return replace(
            telling,
            started=self._instant(telling.started),
            detected=self._instant(telling.detected),
            mitigated=self._instant(telling.mitigated),
            closed=self._instant(telling.closed),
            release=None if release is None else str(release),
        )

    def _release(self, revision: str, pipeline: PipelineName) -> ReleaseId:
        found = resolve(self._context, revision, pipeline).release
        if found.pipeline != pipeline:
            raise NotFound(f"{found.label} is a release of {found.pipeline}, not of {pipeline}; nothing was changed")
        return found.release

    def _instant(self, when: When | None) -> datetime | None:
        return parse_moment(when, self._context.zone, self._context.clock.now()) if isinstance(when, str) else when


def require_incident(session: Session, name: IncidentName) -> Incident:
    """Return an incident.

    Raises:
        NotFound: there is none of that name.
    """
    found = incidents.incident_named(session, name)
    if found is None:
        raise NotFound(f"there is no incident {name}; nothing was changed", hint=f"{_LIST}, or lastgood incident open")
    return found


def append_opened(
    session: Session, ledger: Ledger, name: IncidentName, pipeline: PipelineName, *, said: Telling, source: SourceDigest | None = None
) -> None:
    """Append the event that opens an incident; times and the release have been resolved.

    Raises:
        Invalid: it has no title, or its times are not in order.
        NotFound: there is no such environment.
    """
    title = ledger.text((said.title or "").strip() or None)
    if title is None:
        raise Invalid("an incident has a title: what it is, in a line; nothing was changed")
    body = IncidentRecorded(
        incident=name,
        step=IncidentStep.OPENED,
        pipeline=pipeline,
        kind=said.kind or IncidentKind.INCIDENT,
        environment=None,
        started=None,
        detected=ledger.now,
        mitigated=None,
        closed=None,
        release=None,
        minutes=None,
        cost=None,
        currency=None,
        preventable=None,
        title=title,
        impact=None,
        source=source,
    )
    body = _with(session, ledger, body, said=replace(said, title=None), clear=frozenset())
    check_times(body, ledger.now)
    ledger.append(body)


def answer_with_rollback(session: Session, ledger: Appender, name: IncidentName, pipeline: PipelineName) -> None:
    """Note, with the rollback that answers to an incident, that it was mitigated now, if nobody said when it was.

    Raises:
        NotFound: there is no such incident.
        Invalid: it is one of another pipeline.
    """
    said = require_incident(session, name).said
    if said.pipeline != pipeline:
        raise Invalid(f"{name} is an incident of {said.pipeline}, not of {pipeline}; nothing was changed")
    _mitigated(ledger, said, ledger.now)


def _mitigated(ledger: Appender, said: IncidentRecorded, at: datetime) -> None:
    if said.mitigated is None and said.detected <= at and (said.closed is None or at <= said.closed):
        ledger.append(replace(said, step=IncidentStep.MITIGATED, mitigated=at))


def _link_move(session: Session, ledger: Appender, linked: IncidentLinked, environment: EnvironmentName, revision: int) -> None:
    said = require_incident(session, linked.incident).said
    move = environments.deployment_of_revision(session, said.pipeline, environment, revision)
    if move is None:
        raise NotFound(f"{environment} has no revision {revision}; nothing was changed", hint=f"lastgood log --env {environment}")
    ledger.append(linked)
    if move.kind is MoveKind.ROLLBACK:
        _mitigated(ledger, said, move.recorded_at)


def _with(session: Session, ledger: Ledger, before: IncidentRecorded, *, said: Telling, clear: frozenset[str]) -> IncidentRecorded:
    """Return what holds of an incident when more is said of it."""
    if said.environment is not None:
        _require_environment(session, before.pipeline, said.environment)
    changes: dict[str, object] = dict.fromkeys(clear)
    if "cost" in clear:
        changes["currency"] = None
    if said.cost is not None:
        changes |= {"cost": said.cost.hundredths, "currency": said.cost.currency}
    if said.title is not None:
        changes["title"] = ledger.text(said.title.strip() or None) or before.title
    if said.environment is not None:
        changes["environment"] = EnvironmentName.parse(said.environment.rpartition("/")[2])
    if said.release is not None:
        changes["release"] = ReleaseId.parse(said.release)
    if said.impact is not None:
        changes["impact"] = ledger.text(said.impact)
    plain = ("kind", "started", "detected", "mitigated", "closed", "minutes", "preventable")
    changes |= {name: value for name in plain if (value := getattr(said, name)) is not None}
    return replace(before, **changes)  # type: ignore[arg-type]  # each name has its own type in both


def _require_environment(session: Session, pipeline: PipelineName, environment: str) -> None:
    before, slash, name = environment.rpartition("/")
    known = environments.environment_names(session, pipeline)
    if EnvironmentName.parse(name) not in known or (slash and before != pipeline):
        listed = ", ".join(known) or "none yet"
        raise NotFound(f"{pipeline} has no environment {name}; it has {listed}; nothing was changed", hint="lastgood env list")


def _step(before: IncidentRecorded, after: IncidentRecorded) -> IncidentStep:
    if before.closed is None and after.closed is not None:
        return IncidentStep.CLOSED
    if before.closed is not None and after.closed is None:
        return IncidentStep.REOPENED
    if before.mitigated is None and after.mitigated is not None:
        return IncidentStep.MITIGATED
    return IncidentStep.UPDATED
