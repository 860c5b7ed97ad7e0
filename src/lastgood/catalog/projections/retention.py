"""Facts of retention: which parts of which releases nothing keeps any more, and which files must not be kept."""

from __future__ import annotations

from lastgood.canonical import canonical_json
from lastgood.catalog.database import Session
from lastgood.catalog.projections.projection import Projections
from lastgood.clock import format_instant
from lastgood.model.changes.purges import FilesPurged, PurgeLifted
from lastgood.model.changes.retention import RetentionApplied, RetentionWithdrawn
from lastgood.model.event import Event

TABLES = ("fact_removals", "fact_purged")


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


def _purged(session: Session, event: Event, body: FilesPurged) -> None:
    session.execute_many(
        "INSERT INTO fact_purged (file, sequence, recorded_at, actor, reason) VALUES (:file, :sequence, :recorded_at, :actor, :reason)"
        " ON CONFLICT (file) DO NOTHING",
        [
            {
                "file": bytes(one),
                "sequence": event.sequence,
                "recorded_at": format_instant(event.recorded_at),
                "actor": bytes(event.actor),
                "reason": None if body.reason is None else bytes(body.reason),
            }
            for one in body.files
        ],
    )


def _lifted(session: Session, _event: Event, body: PurgeLifted) -> None:
    session.execute_many("DELETE FROM fact_purged WHERE file = :file", [{"file": bytes(one)} for one in body.files])


PROJECTIONS: Projections = {RetentionApplied: _applied, RetentionWithdrawn: _withdrawn, FilesPurged: _purged, PurgeLifted: _lifted}
