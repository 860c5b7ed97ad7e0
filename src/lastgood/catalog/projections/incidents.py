"""Facts of incidents: what is said of them, what is linked to them, and moves that were told of afterwards."""

from __future__ import annotations

from lastgood.catalog.database import Session
from lastgood.catalog.projections.projection import Projections
from lastgood.clock import format_instant
from lastgood.model.changes.incidents import (
    BackfillWithdrawn,
    DeploymentBackfilled,
    IncidentLinked,
    IncidentRecorded,
    IncidentUnlinked,
    IncidentWithdrawn,
)
from lastgood.model.event import Event, body_to_json
from lastgood.model.fields import Fields

TABLES = ("fact_incidents", "fact_incident_links", "fact_backfills")

_SAID = (
    *("step", "pipeline", "kind", "environment", "started", "detected", "mitigated", "closed", "release"),
    *("minutes", "cost", "currency", "preventable", "title", "impact", "source", "withdrawn", "sequence"),
)
_COLUMNS = ("incident", "number", *_SAID, "opened_at", "opened_by")
_RECORD = (
    f"INSERT INTO fact_incidents ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)})"  # noqa: S608 - our own names
    f" ON CONFLICT (incident) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _SAID)}"
)


def _recorded(session: Session, event: Event, body: IncidentRecorded) -> None:
    # Instants as they stand in the event, so that they sort as text does.
    written = Fields(body_to_json(body)["body"], "an incident")
    session.execute(
        _RECORD,
        incident=body.incident,
        number=body.incident.number,
        step=body.step.value,
        pipeline=body.pipeline,
        kind=body.kind.value,
        environment=body.environment,
        **{name: written.optional_text(name) for name in ("started", "detected", "mitigated", "closed")},
        release=body.release,
        minutes=body.minutes,
        cost=body.cost,
        currency=body.currency,
        preventable=None if body.preventable is None else int(body.preventable),
        title=body.title,
        impact=body.impact,
        source=body.source,
        withdrawn=0,
        sequence=event.sequence,
        opened_at=format_instant(event.recorded_at),
        opened_by=event.actor,
    )


def _withdrawn(session: Session, event: Event, body: IncidentWithdrawn) -> None:
    session.execute(
        "UPDATE fact_incidents SET withdrawn = 1, sequence = :sequence WHERE incident = :incident",
        incident=body.incident,
        sequence=event.sequence,
    )


def _linked(session: Session, event: Event, body: IncidentLinked) -> None:
    session.execute(
        "INSERT INTO fact_incident_links (sequence, incident, release, environment, revision, note, recorded_at, actor)"
        " VALUES (:sequence, :incident, :release, :environment, :revision, :note, :recorded_at, :actor)",
        sequence=event.sequence,
        incident=body.incident,
        release=body.release,
        environment=body.environment,
        revision=body.revision,
        note=body.note,
        recorded_at=format_instant(event.recorded_at),
        actor=event.actor,
    )


def _unlinked(session: Session, _event: Event, body: IncidentUnlinked) -> None:
    session.execute("DELETE FROM fact_incident_links WHERE sequence = :linked", linked=body.linked)


def _backfilled(session: Session, event: Event, body: DeploymentBackfilled) -> None:
    session.execute(
        "INSERT INTO fact_backfills (sequence, pipeline, environment, kind, occurred_at, incident, note, source, recorded_at, actor)"
        " VALUES (:sequence, :pipeline, :environment, :kind, :occurred_at, :incident, :note, :source, :recorded_at, :actor)",
        sequence=event.sequence,
        pipeline=body.pipeline,
        environment=body.environment,
        kind=body.kind.value,
        occurred_at=format_instant(body.occurred_at),
        incident=body.incident,
        note=body.note,
        source=body.source,
        recorded_at=format_instant(event.recorded_at),
        actor=event.actor,
    )


def _backfill_withdrawn(session: Session, _event: Event, body: BackfillWithdrawn) -> None:
    session.execute("DELETE FROM fact_backfills WHERE sequence = :backfilled", backfilled=body.backfilled)


PROJECTIONS: Projections = {
    IncidentRecorded: _recorded,
    IncidentWithdrawn: _withdrawn,
    IncidentLinked: _linked,
    IncidentUnlinked: _unlinked,
    DeploymentBackfilled: _backfilled,
    BackfillWithdrawn: _backfill_withdrawn,
}
