"""Facts of retention: which parts of which releases nothing keeps any more."""

from __future__ import annotations

from lastgood.canonical import canonical_json
from lastgood.catalog.database import Session
from lastgood.catalog.projections.projection import Projections
from lastgood.clock import format_instant
from lastgood.model.changes.retention import RetentionApplied, RetentionWithdrawn
from lastgood.model.event import Event

TABLES = ("fact_removals",)


def _applied(session: Session, event: Event, body: RetentionApplied) -> None:
    session.execute_many(
        "INSERT INTO fact_removals (release, component, part, pipeline, policy, sequence, recorded_at, actor)"
        " VALUES (:release, :component, :part, :pipeline, :policy, :sequence, :recorded_at, :actor)"
        " ON CONFLICT (release, component, part) DO NOTHING",
        [
            {
                "release": bytes(one.release),
                "component": str(one.component),
                "part": one.part.value,
                "pipeline": str(body.pipeline),
                "policy": canonical_json(dict(body.policy)).decode(),
                "sequence": event.sequence,
                "recorded_at": format_instant(event.recorded_at),
                "actor": bytes(event.actor),
            }
            for one in body.removed
        ],
    )


def _withdrawn(session: Session, _event: Event, body: RetentionWithdrawn) -> None:
    session.execute_many(
        "DELETE FROM fact_removals WHERE release = :release AND component = :component AND part = :part AND sequence = :sequence",
        [
            {"release": bytes(one.release), "component": str(one.component), "part": one.part.value, "sequence": body.applied}
            for one in body.removed
        ],
    )


PROJECTIONS: Projections = {RetentionApplied: _applied, RetentionWithdrawn: _withdrawn}
