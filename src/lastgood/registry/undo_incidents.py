"""What takes back changes of incidents and of pilots: what held before is said again, opening is withdrawn, and so on.

inverse = inverse_of(session, event)          # raises Conflict where somebody changed it since
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lastgood.catalog import incidents, pilots
from lastgood.catalog.database import Session
from lastgood.catalog.records import event_at, events_before
from lastgood.errors import Conflict
from lastgood.ids import IncidentName
from lastgood.model.changes.body import Body
from lastgood.model.changes.incidents import (
    BackfillWithdrawn,
    DeploymentBackfilled,
    IncidentLinked,
    IncidentRecorded,
    IncidentStep,
    IncidentUnlinked,
    IncidentWithdrawn,
)
from lastgood.model.changes.pilots import PilotStarted, PilotWithdrawn
from lastgood.model.event import Event

IncidentChange = (
    IncidentRecorded
    | IncidentWithdrawn
    | IncidentLinked
    | IncidentUnlinked
    | DeploymentBackfilled
    | BackfillWithdrawn
    | PilotStarted
    | PilotWithdrawn
)


def inverse_of(session: Session, event: Event, body: IncidentChange) -> Body:
    """Return the event that takes back another one.

    Raises:
        Conflict: what it changed was changed since.
    """
    match body:
        case IncidentRecorded(incident=name) | IncidentWithdrawn(incident=name):
            now = incidents.changed_last(session, name)
            if now is None or now[0] != event.sequence:
                raise _since(event, f"{name} was changed")
            return _before(session, event, name)
        case IncidentLinked(incident=name):
            if not incidents.is_linked(session, event.sequence):
                raise _since(event, f"the link was taken from {name}")
            return IncidentUnlinked(name, event.sequence)
        case DeploymentBackfilled(pipeline=pipeline):
            if not incidents.is_backfilled(session, event.sequence):
                raise _since(event, "what it told was withdrawn")
            return BackfillWithdrawn(pipeline, event.sequence)
        case PilotStarted(pipeline=pipeline):
            if not pilots.is_started(session, event.sequence):
                raise _since(event, "the pilot was withdrawn")
            return PilotWithdrawn(pipeline, event.sequence)
        case IncidentUnlinked(linked=sequence) | BackfillWithdrawn(backfilled=sequence) | PilotWithdrawn(started=sequence):
            # What was taken away by an undo stands in the ledger as it was.
            told = event_at(session, sequence)
            assert told is not None  # noqa: S101  # it was read when it was taken away
            return told.body


def _before(session: Session, event: Event, name: IncidentName) -> Body:
    """Return what makes an incident what it was before an event."""
    earlier = next(_said_of(session, event.sequence, name), None)
    if isinstance(earlier, IncidentRecorded):
        return replace(earlier, step=IncidentStep.RESTORED)
    return IncidentWithdrawn(name)


def _said_of(session: Session, before: int, name: IncidentName) -> Iterator[IncidentRecorded | IncidentWithdrawn]:
    for event in events_before(session, before, f'"{name}"'.encode()):
        if isinstance(event.body, IncidentRecorded | IncidentWithdrawn) and event.body.incident == name:
            yield event.body


def _since(event: Event, what: str) -> Conflict:
    operation = str(event.operation)
    return Conflict(
        f"since operation {operation[:8]} {what}; nothing was changed",
        hint="lastgood log --operations",
        details={"operation": operation},
    )
