"""Queries on pilots, and on the moves of a span of time."""

from __future__ import annotations

from datetime import datetime

from lastgood.catalog.database import Session
from lastgood.clock import format_instant, parse_instant
from lastgood.ids import EnvironmentName, PipelineName
from lastgood.model.changes.environments import MoveKind
from lastgood.model.changes.pilots import PilotStarted
from lastgood.model.pilot import TimedMove


def newest_pilot(session: Session, pipeline: PipelineName) -> PilotStarted | None:
    """Return the newest pilot of a pipeline, or None."""
    row = session.row(
        "SELECT begins, days, baseline_from, baseline_until, deploy_seconds FROM fact_pilots WHERE pipeline = :pipeline"
        " ORDER BY sequence DESC LIMIT 1",
        pipeline=pipeline,
    )
    if row is None:
        return None
    return PilotStarted(pipeline, parse_instant(row[0]), int(row[1]), parse_instant(row[2]), parse_instant(row[3]), row[4])


def is_started(session: Session, sequence: int) -> bool:
    """Whether a pilot that an event started still counts."""
    return session.row("SELECT 1 FROM fact_pilots WHERE sequence = :sequence", sequence=sequence) is not None


def moves_between(session: Session, pipeline: PipelineName, since: datetime, until: datetime) -> list[TimedMove]:
    """Return the moves of all environments of a pipeline from one instant on and before another, oldest first."""
    rows = session.rows(
        "SELECT d.environment, d.kind, d.recorded_at, m.milliseconds FROM fact_deployments d"
        " LEFT JOIN fact_moves m ON m.pipeline = d.pipeline AND m.environment = d.environment AND m.revision = d.revision"
        " WHERE d.pipeline = :pipeline AND d.recorded_at >= :since AND d.recorded_at < :until ORDER BY d.sequence",
        pipeline=pipeline,
        since=format_instant(since),
        until=format_instant(until),
    )
    return [TimedMove(EnvironmentName(row[0]), MoveKind(row[1]), parse_instant(row[2]), row[3]) for row in rows]
