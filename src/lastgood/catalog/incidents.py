"""Queries on incidents, on what belongs to them, and on moves that were told of afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from lastgood.catalog.database import Row, Session
from lastgood.clock import format_instant, parse_instant
from lastgood.ids import EnvironmentName, IncidentName, PipelineName, ReleaseId, SourceDigest, TextDigest
from lastgood.model.changes.environments import MoveKind
from lastgood.model.changes.incidents import Currency, IncidentKind, IncidentRecorded, IncidentStep
from lastgood.model.history import Backfill
from lastgood.model.incident import AnsweringMove, Incident, Note

_COLUMNS = (
    "SELECT i.incident, i.step, i.pipeline, i.kind, i.environment, i.started, i.detected, i.mitigated, i.closed, i.release,"
    " i.minutes, i.cost, i.currency, i.preventable, i.title, i.impact, i.source, t.text, m.text, r.number, i.opened_at, a.text"
    " FROM fact_incidents i LEFT JOIN fact_releases r ON r.release = i.release"
    " LEFT JOIN texts t ON t.digest = i.title LEFT JOIN texts m ON m.digest = i.impact LEFT JOIN texts a ON a.digest = i.opened_by"
    " WHERE i.withdrawn = 0 "
)
_MOVES = (
    "SELECT d.environment, d.revision, d.kind, d.release, n.number, d.recorded_at, u.revision FROM fact_deployments d"
    " LEFT JOIN fact_deployments u ON u.pipeline = d.pipeline AND u.environment = d.environment"
    " AND u.revision = d.revision + 1 AND u.kind = 'undo'"
    " JOIN fact_releases n ON n.release = d.release "
)


def next_incident(session: Session) -> IncidentName:
    """Return the name that the next incident gets; one that was withdrawn keeps its own."""
    row = session.row("SELECT max(number) FROM fact_incidents")
    return IncidentName.numbered(1 if row is None or row[0] is None else int(row[0]) + 1)


def incident_named(session: Session, name: IncidentName) -> Incident | None:
    """Return an incident with all that belongs to it, or None."""
    row = session.row(_COLUMNS + "AND i.incident = :name", name=name)
    return None if row is None else _incident(session, row)


def incidents_of(
    session: Session, pipeline: PipelineName, *, since: datetime | None = None, until: datetime | None = None
) -> list[Incident]:
    """Return the incidents of a pipeline that were noticed from one instant on and before another, newest first."""
    rows = session.rows(
        _COLUMNS + "AND i.pipeline = :pipeline AND i.detected >= :since AND i.detected < :until ORDER BY i.detected DESC, i.number DESC",
        pipeline=pipeline,
        since="" if since is None else format_instant(since),
        until="a" if until is None else format_instant(until),  # which sorts after every instant
    )
    return [_incident(session, row) for row in rows]


def open_incidents(session: Session, pipeline: PipelineName, environment: EnvironmentName) -> list[IncidentName]:
    """Return the incidents that are open in an environment, oldest first; one of which nobody knows where it was counts everywhere."""
    rows = session.rows(
        "SELECT incident FROM fact_incidents WHERE withdrawn = 0 AND pipeline = :pipeline AND closed IS NULL AND kind = :kind"
        " AND (environment IS NULL OR environment = :environment) ORDER BY number",
        pipeline=pipeline,
        kind=IncidentKind.INCIDENT.value,
        environment=environment,
    )
    return [IncidentName(row[0]) for row in rows]


def changed_last(session: Session, name: IncidentName) -> tuple[int, bool] | None:
    """Return the sequence of the last event that said something of an incident, and whether it was withdrawn; None of an unknown one."""
    row = session.row("SELECT sequence, withdrawn FROM fact_incidents WHERE incident = :name", name=name)
    return None if row is None else (int(row[0]), bool(row[1]))


def is_linked(session: Session, sequence: int) -> bool:
    """Whether what an event linked to an incident still is."""
    return session.row("SELECT 1 FROM fact_incident_links WHERE sequence = :sequence", sequence=sequence) is not None


def is_backfilled(session: Session, sequence: int) -> bool:
    """Whether a move of the past that an event told of still counts."""
    return session.row("SELECT 1 FROM fact_backfills WHERE sequence = :sequence", sequence=sequence) is not None


def incident_from(session: Session, pipeline: PipelineName, source: SourceDigest) -> IncidentName | None:
    """Return the incident of a pipeline that was imported from a line of another system, or None."""
    row = session.row(
        "SELECT incident FROM fact_incidents WHERE source = :source AND pipeline = :pipeline AND withdrawn = 0 ORDER BY number",
        source=source,
        pipeline=pipeline,
    )
    return None if row is None else IncidentName(row[0])


def backfilled_from(session: Session, pipeline: PipelineName, source: SourceDigest) -> bool:
    """Whether a move of the past of a pipeline was imported from a line of another system."""
    query = "SELECT 1 FROM fact_backfills WHERE source = :source AND pipeline = :pipeline"
    return session.row(query, source=source, pipeline=pipeline) is not None


def backfills_of(session: Session, pipeline: PipelineName) -> list[Backfill]:
    """Return the moves of the past that were told of, oldest first."""
    rows = session.rows(
        "SELECT b.environment, b.kind, b.occurred_at, b.incident, t.text FROM fact_backfills b"
        " LEFT JOIN texts t ON t.digest = b.note WHERE b.pipeline = :pipeline ORDER BY b.occurred_at, b.sequence",
        pipeline=pipeline,
    )
    return [
        Backfill(
            None if row[0] is None else EnvironmentName(row[0]),
            MoveKind(row[1]),
            parse_instant(row[2]),
            None if row[3] is None else IncidentName(row[3]),
            row[4],
        )
        for row in rows
    ]


def _incident(session: Session, row: Row) -> Incident:
    said = _said(row)
    links = session.rows(
        "SELECT l.release, r.number, l.environment, l.revision, l.note, t.text, l.recorded_at, a.text FROM fact_incident_links l"
        " LEFT JOIN fact_releases r ON r.release = l.release LEFT JOIN texts t ON t.digest = l.note"
        " LEFT JOIN texts a ON a.digest = l.actor WHERE l.incident = :name ORDER BY l.sequence",
        name=said.incident,
    )
    return Incident(
        said=said,
        title=row[17],
        impact=row[18],
        release_number=row[19],
        opened_at=parse_instant(row[20]),
        opened_by=row[21],
        deployed=_deployed(session, said),
        moves=_moves(session, said, [(str(link[2]), int(link[3])) for link in links if link[2] is not None]),
        releases=tuple((ReleaseId(bytes(link[0])), int(link[1])) for link in links if link[0] is not None and link[1] is not None),
        notes=tuple(Note(link[5], parse_instant(link[6]), link[7]) for link in links if link[4] is not None),
    )


def _said(row: Row) -> IncidentRecorded:
    instants = [None if text is None else parse_instant(text) for text in row[5:9]]
    assert instants[1] is not None  # noqa: S101  # the schema has it
    return IncidentRecorded(
        incident=IncidentName(row[0]),
        step=IncidentStep(row[1]),
        pipeline=PipelineName(row[2]),
        kind=IncidentKind(row[3]),
        environment=None if row[4] is None else EnvironmentName(row[4]),
        started=instants[0],
        detected=instants[1],
        mitigated=instants[2],
        closed=instants[3],
        release=None if row[9] is None else ReleaseId(bytes(row[9])),
        minutes=row[10],
        cost=row[11],
        currency=None if row[12] is None else Currency(row[12]),
        preventable=None if row[13] is None else bool(row[13]),
        title=TextDigest(bytes(row[14])),
        impact=None if row[15] is None else TextDigest(bytes(row[15])),
        source=None if row[16] is None else SourceDigest(bytes(row[16])),
    )


def _deployed(session: Session, said: IncidentRecorded) -> datetime | None:
    """Return when the suspected release came to the environment, for the last time before the incident was noticed."""
    if said.release is None or said.environment is None:
        return None
    row = session.row(
        "SELECT recorded_at FROM fact_deployments WHERE pipeline = :pipeline AND environment = :environment AND release = :release"
        " AND (replaced IS NULL OR replaced <> release) AND recorded_at <= :detected ORDER BY revision DESC LIMIT 1",
        pipeline=said.pipeline,
        environment=said.environment,
        release=said.release,
        detected=format_instant(said.detected),
    )
    return None if row is None else parse_instant(row[0])


def _moves(session: Session, said: IncidentRecorded, linked: Iterable[tuple[str, int]]) -> tuple[AnsweringMove, ...]:
    found = session.rows(
        _MOVES + "JOIN fact_moves m ON m.pipeline = d.pipeline AND m.environment = d.environment AND m.revision = d.revision"
        " WHERE m.incident = :name AND d.pipeline = :pipeline",
        name=said.incident,
        pipeline=said.pipeline,
    )
    for environment, revision in linked:
        found += session.rows(
            _MOVES + "WHERE d.pipeline = :pipeline AND d.environment = :environment AND d.revision = :revision",
            pipeline=said.pipeline,
            environment=environment,
            revision=revision,
        )
    moves = {
        AnsweringMove(
            EnvironmentName(row[0]),
            int(row[1]),
            MoveKind(row[2]),
            ReleaseId(bytes(row[3])),
            int(row[4]),
            parse_instant(row[5]),
            undone=row[6] is not None,
        )
        for row in found
    }
    return tuple(sorted(moves, key=lambda one: (one.recorded_at, one.environment, one.revision)))
