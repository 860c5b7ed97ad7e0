"""Facts of the registry as a whole, of its operations, and of its retention policies."""

from __future__ import annotations

from lastgood.canonical import canonical_json
from lastgood.catalog.database import Session
from lastgood.catalog.projections.projection import Projections
from lastgood.model.changes.operations import OperationUndone
from lastgood.model.changes.registry import RegistryCreated, RetentionRecorded
from lastgood.model.event import Event

TABLES = ("fact_registry", "fact_retention")


def _created(session: Session, event: Event, body: RegistryCreated) -> None:
    session.execute(
        "INSERT INTO fact_registry (registry, sequence) VALUES (:registry, :sequence)",
        registry=body.registry,
        sequence=event.sequence,
    )


def _retention(session: Session, event: Event, body: RetentionRecorded) -> None:
    session.execute(
        "INSERT INTO fact_retention (pipeline, policy, sequence) VALUES (:pipeline, :policy, :sequence)"
        " ON CONFLICT (pipeline) DO UPDATE SET policy = excluded.policy, sequence = excluded.sequence",
        pipeline=body.pipeline,
        policy=canonical_json(dict(body.policy)).decode(),
        sequence=event.sequence,
    )


def _undone(_session: Session, _event: Event, _body: OperationUndone) -> None:
    """Nothing follows from it: what the undo changes is said by the events after it."""


PROJECTIONS: Projections = {RegistryCreated: _created, RetentionRecorded: _retention, OperationUndone: _undone}
