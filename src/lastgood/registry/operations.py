"""The operation log: who did what at once, newest first, and each change in one line.

A line is made of the event alone and of how people know the releases in it, so that it says the same for ever. An event
of which this page knows no words is told by its type.
"""

from __future__ import annotations

from lastgood.catalog import records, releases
from lastgood.catalog.database import Session
from lastgood.compare.wording import count
from lastgood.errors import InvalidName, InvalidRevision, NotFound
from lastgood.ids import OperationId, ReleaseId
from lastgood.model.changes.body import Body
from lastgood.model.changes.environments import EnvironmentMoved, HookRan
from lastgood.model.changes.evaluations import EvaluationRecorded
from lastgood.model.changes.incidents import (
    BackfillWithdrawn,
    DeploymentBackfilled,
    IncidentLinked,
    IncidentRecorded,
    IncidentUnlinked,
    IncidentWithdrawn,
)
from lastgood.model.changes.ledger import KeySet
from lastgood.model.changes.operations import OperationUndone
from lastgood.model.changes.pilots import PilotStarted, PilotWithdrawn
from lastgood.model.changes.policies import PolicyApplied, ReleaseApproved
from lastgood.model.changes.purges import FilesPurged, PurgeLifted
from lastgood.model.changes.registry import RegistryCreated, RetentionRecorded
from lastgood.model.changes.releases import (
    BehaviorMarked,
    HoldLifted,
    ReleaseCommitted,
    ReleaseHeld,
    ReleaseImported,
    ReleaseSigned,
    TagRemoved,
    TagSet,
)
from lastgood.model.changes.retention import RetentionApplied, RetentionWithdrawn
from lastgood.model.history import LoggedOperation
from lastgood.registry.context import Context
from lastgood.registry.move import Moved

SHORTEST = 6


def log_operations(context: Context, most: int | None = None) -> list[LoggedOperation]:
    """Return the last operations, newest first: all, or so many."""
    with context.database.reading() as session:
        ids = records.newest_operations(session, records.count_events(session) if most is None else most)
        return [_logged(session, one) for one in ids]


def find_operation(context: Context, text: str) -> OperationId:
    """Return the operation that an id, or the beginning of one, means.

    Raises:
        NotFound: there is none.
        InvalidRevision: there are several.
        InvalidName: it is no beginning of an id.
    """
    prefix = text.lower()
    if len(prefix) < SHORTEST or set(prefix) - set("0123456789abcdef-"):
        raise InvalidName(
            f"{text[:80]!r} is not the id of an operation, nor {SHORTEST} or more of its first letters", hint="lastgood log --operations"
        )
    with context.database.reading() as session:
        found = records.operations_like(session, prefix)
    if not found:
        raise NotFound(f"there is no operation {text[:36]}; nothing was changed", hint="lastgood log --operations")
    if len(found) > 1:
        raise InvalidRevision(f"several operations begin with {text[:36]}; nothing was changed", hint="write more of the id")
    return found[0]


def say_operation(context: Context, operation: LoggedOperation) -> list[str]:
    """Say in one line each what an operation changed."""
    with context.database.reading() as session:
        return [say_change(session, body) for body in operation.changes]


def say_change(session: Session, body: Body) -> str:
    """Say in one line what an event changed."""
    match body:
        case RegistryCreated():
            return f"the registry {body.registry} was created"
        case RetentionRecorded() | RetentionApplied() | RetentionWithdrawn() | FilesPurged() | PurgeLifted():
            return _say_of_bytes(body)
        case EnvironmentMoved():
            beside = None if body.canary is None else f"{_label(session, body.canary)} at {body.percent}%"
            ended = None if body.ended is None else _label(session, body.ended)
            before, after = _label(session, body.replaced), _label(session, body.release)
            return _say_move(f"{body.environment}: {body.kind}", before, after, beside, ended)
        case HookRan():
            return f"{body.environment} revision {body.revision}: hook {body.hook} {body.outcome}"
        case OperationUndone():
            return f"undo of {body.undone}"
        case PolicyApplied():
            return f"{body.environment}: policy recorded"
        case KeySet():
            return f"the history is signed by another key: {body.key}"
        case _:
            return _say_of_a_release(session, body)


def _say_of_bytes(body: RetentionRecorded | RetentionApplied | RetentionWithdrawn | FilesPurged | PurgeLifted) -> str:
    match body:
        case RetentionRecorded():
            return f"{body.pipeline}: retention policy recorded"
        case RetentionApplied():
            return f"{body.pipeline}: the bytes of {count(len(body.removed), 'part')} let go"
        case RetentionWithdrawn():
            return f"{body.pipeline}: the bytes of {count(len(body.removed), 'part')} kept again"
        case FilesPurged():
            return f"{count(len(body.files), 'file')} purged"
        case PurgeLifted():
            return f"{count(len(body.files), 'file')} may be kept again after a purge"


def _say_of_a_release(session: Session, body: Body) -> str:
    match body:
        case ReleaseCommitted():
            return f"{body.pipeline}: r{body.number} committed"
        case ReleaseImported():
            return f"{body.pipeline}: r{body.number} came in a bundle, from the registry {body.origin}"
        case ReleaseSigned():
            return f"{_label(session, body.release)} signed"
        case TagSet(replaced=None):
            return f"tag {body.tag}: {_label(session, body.release)}"
        case TagSet():
            return f"tag {body.tag}: {_label(session, body.replaced)} → {_label(session, body.release)}"
        case TagRemoved():
            return f"tag {body.tag}: taken from {_label(session, body.release)}"
        case ReleaseHeld():
            return f"{_label(session, body.release)} held"
        case HoldLifted():
            return f"{_label(session, body.release)} no longer held"
        case _:
            return _say_of_a_judgement(session, body)


def _say_of_a_judgement(session: Session, body: Body) -> str:
    match body:
        case ReleaseApproved():
            return f"{_label(session, body.release)} approved for {body.environment}"
        case EvaluationRecorded():
            return f"{_label(session, body.release)} judged by {body.suite}"
        case BehaviorMarked():
            return f"{_label(session, body.release)} marked {body.verdict}"
        case _:
            return _say_of_an_incident(body)


def _say_of_an_incident(body: Body) -> str:
    match body:
        case IncidentRecorded():
            where = f" in {body.environment}" if body.environment is not None else ""
            return f"{body.incident} {body.step}: {body.kind}{where}"
        case IncidentWithdrawn():
            return f"{body.incident} withdrawn"
        case IncidentLinked(environment=None):
            return f"{body.incident}: something linked to it"
        case IncidentLinked():
            return f"{body.incident}: {body.environment} revision {body.revision} linked to it"
        case IncidentUnlinked():
            return f"{body.incident}: a link taken from it"
        case DeploymentBackfilled():
            return f"{body.environment or body.pipeline}: a {body.kind} of {body.occurred_at:%Y-%m-%d} told of"
        case BackfillWithdrawn():
            return f"{body.pipeline}: a move of the past withdrawn"
        case PilotStarted():
            return f"{body.pipeline}: a pilot of {body.days} days started"
        case PilotWithdrawn():
            return f"{body.pipeline}: a pilot withdrawn"
        case _:
            return body.type


def _label(session: Session, release: ReleaseId | None) -> str:
    if release is None:
        return "nothing"
    found = releases.release_by_id(session, release)
    return release.short if found is None else found.label


def say_moved(moved: Moved) -> str:
    """Say in one line what became of a move."""
    beside = None if moved.canary is None else f"{moved.canary.release.label} at {moved.canary.percent}%"
    before = "nothing" if moved.before is None else moved.before.label
    ended = None if moved.ended is None else moved.ended.label
    return _say_move(f"{moved.environment}: {moved.kind}", before, moved.after.label, beside, ended)


def _say_move(head: str, before: str, after: str, beside: str | None, ended: str | None) -> str:
    where = f"stays on {after}" if before == after else f"{before} → {after}"
    canary = f", canary {beside}" if beside else f", canary {ended} ended" if ended and ended != after else ""
    return f"{head} {where}{canary}"


def _logged(session: Session, operation: OperationId) -> LoggedOperation:
    events = records.events_of_operation(session, operation)
    first = events[0]
    actor = records.read_text(session, first.actor)
    return LoggedOperation(operation, first.sequence, first.recorded_at, actor, tuple(event.body for event in events))
