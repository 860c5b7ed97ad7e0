"""Facts: the tables that follow from events and nothing else.

The rule, in words: `project` is the only writer of `fact_*`; it looks at one event and at the facts of the events
before it, so replaying the events into empty tables makes the same facts again.
"""

from __future__ import annotations

from lastgood.catalog.database import Session
from lastgood.catalog.projections import environments, evaluations, incidents, ledger, pilots, policies, registry, releases, retention
from lastgood.catalog.projections.projection import Projections
from lastgood.ids import LeafHash
from lastgood.model.event import Event

_SUBJECTS = (registry, ledger, releases, environments, policies, evaluations, incidents, pilots, retention)

FACT_TABLES = ("fact_operations", *(table for subject in _SUBJECTS for table in subject.TABLES))

_PROJECTIONS: Projections = {kind: projection for subject in _SUBJECTS for kind, projection in subject.PROJECTIONS.items()}


def project(session: Session, event: Event, leaf: LeafHash, before: LeafHash | None) -> None:
    """Set the facts that follow from one event.

    Args:
        session: a writing session.
        event: the event.
        leaf: its leaf hash.
        before: the leaf hash of the event before it; None for the first.
    """
    ledger.add_leaf(session, event.sequence, leaf, before)
    session.execute(
        "INSERT INTO fact_operations (operation, sequence) VALUES (:operation, :sequence) ON CONFLICT (operation) DO NOTHING",
        operation=event.operation,
        sequence=event.sequence,
    )
    _PROJECTIONS[type(event.body)](session, event, event.body)
