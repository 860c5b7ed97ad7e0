"""Facts of pilots."""

from __future__ import annotations

from lastgood.catalog.database import Session
from lastgood.catalog.projections.projection import Projections
from lastgood.clock import format_instant
from lastgood.model.changes.pilots import PilotStarted, PilotWithdrawn
from lastgood.model.event import Event

TABLES = ("fact_pilots",)


def _started(session: Session, event: Event, body: PilotStarted) -> None:
    session.execute(
        "INSERT INTO fact_pilots (sequence, pipeline, begins, days, baseline_from, baseline_until, deploy_seconds, recorded_at, actor)"
        " VALUES (:sequence, :pipeline, :begins, :days, :baseline_from, :baseline_until, :deploy_seconds, :recorded_at, :actor)",
        sequence=event.sequence,
        pipeline=body.pipeline,
        begins=format_instant(body.begins),
        days=body.days,
        baseline_from=format_instant(body.baseline_from),
        baseline_until=format_instant(body.baseline_until),
        deploy_seconds=body.deploy_seconds,
        recorded_at=format_instant(event.recorded_at),
        actor=event.actor,
    )


def _withdrawn(session: Session, _event: Event, body: PilotWithdrawn) -> None:
    session.execute("DELETE FROM fact_pilots WHERE sequence = :started", started=body.started)


PROJECTIONS: Projections = {PilotStarted: _started, PilotWithdrawn: _withdrawn}
