"""Undoing an operation: a new operation that takes back what the old one changed, if nothing has changed it since.

Rules: undo appends, it never removes; it goes by compare-and-swap, so that of an environment that moved since, a tag that
was moved since or a mark that was set anew nothing is taken back; all of an operation is undone, or nothing. What a move
brings back is what the one before it had left: release, stack, canary and suspicions; gates are not asked again, since
that state was let in before. A bad release is not brought back.

    what was done                  what undo appends
    deploy, rollback, canary, …    a move of the kind `undo`, back to what the move before had left
    the first deployment           refused: an environment is never on nothing
    tag, tag --move                the tag is taken away, moved back
    mark                           the mark before; suspicions that `mark good` lifted are not brought back
    hold, hold --lift              the hold is lifted, set again with its reason
    incident open, update, …       what was said of it before holds again; one that was opened is withdrawn
    incident import, pilot start   all that it brought in is withdrawn
    retention apply                the bytes are kept again, if the collector has not taken them
    undo                           all of the above, so an undo is undone
    commit, policies, the rest     refused: what is in history stays in history
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lastgood.catalog import environments, holds, releases
from lastgood.catalog.database import Session
from lastgood.catalog.records import Appender, count_events, event_at, event_of_operation, events_before, events_of_operation
from lastgood.errors import Conflict, NotFound, Refused
from lastgood.ids import BehaviorDigest, EnvironmentName, OperationId
from lastgood.model.changes.body import Body
from lastgood.model.changes.environments import EnvironmentMoved, MoveKind
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
from lastgood.model.changes.releases import BehaviorMarked, HoldLifted, ReleaseHeld, TagRemoved, TagSet, Verdict
from lastgood.model.changes.retention import RetentionApplied, RetentionWithdrawn
from lastgood.model.environment import Move, Target, refuse_bad
from lastgood.model.event import Event
from lastgood.model.history import Deployment
from lastgood.registry.context import Context
from lastgood.registry.keeping import keep_again, require_what_acts
from lastgood.registry.move import Moved, Request, answer_of, planned_move, reached_by, record_move, running_canary
from lastgood.registry.operations import say_change, say_moved
from lastgood.registry.publish import keep_files_alive
from lastgood.registry.retention_undo import files_let_go
from lastgood.registry.undo_incidents import inverse_of

_LOOK = "lastgood log --operations"


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of an undo, or what would become of it.

    Attributes:
        undone: the operation that was taken back.
        operation: the new one; None of a plan.
        moved: what became of the environment, where the operation had moved one.
        words: one line for each change.
    """

    undone: OperationId
    operation: OperationId | None
    moved: Moved | None
    words: tuple[str, ...]


def undo(context: Context, undone: OperationId, reason: str | None = None, operation_id: OperationId | None = None) -> Undone:
    """Take back what an operation changed.

    Args:
        context: the registry.
        undone: the operation.
        reason: why, in free text; it is recorded with a move.
        operation_id: an id that makes a retry safe.

    Raises:
        NotFound: there was no such operation.
        Conflict: what it changed was changed since.
        Refused: it did something that has no inverse, or would bring back a bad release.
    """
    operation = context.operation(operation_id)
    with context.changing(operation) as (session, ledger):
        earlier = event_of_operation(session, operation.id)
        if earlier is not None:
            return _first_answer(session, undone, earlier)
        events = _changes_of(session, undone)
        undoing = _Undoing(context, session, ledger, reason, is_alone=_is_alone(events))
        ledger.append(OperationUndone(undone))
        for event in events:
            undoing.take_back(event)
        return Undone(undone, operation.id, undoing.moved, tuple(undoing.words))


def plan_undo(context: Context, undone: OperationId) -> Undone:
    """Return what `undo` would do, without doing it.

    Raises:
        as `undo`.
    """
    with context.database.reading() as session:
        events = _changes_of(session, undone)
        undoing = _Undoing(context, session, None, None, is_alone=_is_alone(events))
        for event in events:
            undoing.take_back(event)
        return Undone(undone, None, undoing.moved, tuple(undoing.words))


def _changes_of(session: Session, undone: OperationId) -> list[Event]:
    """Return what an operation changed, what it changed last first."""
    events = events_of_operation(session, undone)
    if not events:
        raise NotFound(f"there is no operation {undone}; nothing was changed", hint=_LOOK)
    return [event for event in reversed(events) if not isinstance(event.body, OperationUndone)]


def _is_alone(events: Sequence[Event]) -> bool:
    """Whether an operation did nothing but keep bytes again, as the undo of `retention apply` does."""
    return all(isinstance(event.body, RetentionWithdrawn) for event in events)


def _first_answer(session: Session, undone: OperationId, earlier: Event) -> Undone:
    if not isinstance(earlier.body, OperationUndone) or earlier.body.undone != undone:
        raise Conflict("this operation id was used for another operation; nothing was changed")
    events = events_of_operation(session, earlier.operation)[1:]
    moved = [answer for event in events if (answer := answer_of(session, event)) is not None]
    return Undone(undone, earlier.operation, moved[0] if moved else None, tuple(say_change(session, event.body) for event in events))


class _Undoing:
    """Takes back the changes of one operation; without a ledger it only says what that would be."""

    def __init__(self, context: Context, session: Session, ledger: Appender | None, reason: str | None, *, is_alone: bool) -> None:
        self._context = context
        self._is_alone = is_alone
        self._session = session
        self._ledger = ledger
        self._reason = reason
        self.moved: Moved | None = None
        self.words: list[str] = []

    def take_back(self, event: Event) -> None:
        """Append the inverse of one event.

        Raises:
            Conflict: what it changed was changed since.
            Refused: it has no inverse.
        """
        match event.body:
            case EnvironmentMoved() as moved:
                self._move(event, moved)
            case TagSet() | TagRemoved() as tagged:
                self._append_and_keep(self._tag(event, tagged))
            case BehaviorMarked() as marked:
                self._append(self._mark(event, marked))
            case ReleaseHeld() | HoldLifted() as held:
                self._append_and_keep(self._hold(event, held))
            case (
                IncidentRecorded()
                | IncidentWithdrawn()
                | IncidentLinked()
                | IncidentUnlinked()
                | DeploymentBackfilled()
                | BackfillWithdrawn()
                | PilotStarted()
                | PilotWithdrawn() as told
            ):
                self._append(inverse_of(self._session, event, told))
            case RetentionApplied() | RetentionWithdrawn() as bytes_moved:
                self._keep_again(event, bytes_moved)
            case KeySet(consent=None, reason=None):
                # The first key came along with the change, in a registry that an older version made.
                pass
            case other:
                raise Refused(f"{_of(event)} did {other.type}, which has no inverse; nothing was changed", hint=_LOOK)

    def _keep_again(self, event: Event, body: RetentionApplied | RetentionWithdrawn) -> None:
        """Keep again what retention let go; what a move or a hold kept again stays kept, for the next plan to let it go."""
        if isinstance(body, RetentionApplied):
            files = files_let_go(self._context, self._session, event, body)
            self._append(RetentionWithdrawn(body.pipeline, event.sequence, body.removed))
            if self._ledger is not None:
                keep_files_alive(self._context, self._session, files)
        elif self._is_alone:
            raise Refused(f"{_of(event)} did {body.type}, which has no inverse; nothing was changed", hint=_LOOK)

    def _append_and_keep(self, body: TagSet | TagRemoved | ReleaseHeld | HoldLifted) -> None:
        """Append a change; a release that somebody counts on again keeps what was let go of it and is still there."""
        self._append(body)
        if isinstance(body, TagSet | ReleaseHeld) and self._ledger is not None:
            keep_again(self._context, self._session, self._ledger, [body.release])

    def _append(self, body: Body) -> None:
        if self._ledger is not None:
            self._ledger.append(body)
        self.words.append(say_change(self._session, body))

    def _move(self, event: Event, body: EnvironmentMoved) -> None:
        session, place = self._session, (body.pipeline, body.environment)
        current = environments.current_deployment(session, *place)
        if current is None or current.revision != body.revision:
            by = "" if current is None else f" by {current.actor or '(erased)'}, to revision {current.revision}"
            raise _since(event, f"{body.environment} was moved{by}")
        before = environments.deployment_of_revision(session, *place, body.revision - 1)
        if before is None:
            raise Refused(
                f"{_of(event)} was the first deployment of {body.environment}, which is never on nothing; nothing was changed",
                hint=f"lastgood deploy {body.environment} REV",
            )
        decided = self._back_to(before, current, event, body)
        request = Request(*place, MoveKind.UNDO, None, current.revision, self._reason)
        if self._ledger is None:
            require_what_acts(self._context, session, reached_by(decided))
            self.moved = planned_move(session, request, current, decided)
        else:
            self.moved = record_move(session, self._ledger, request, current, decided=decided)
            keep_again(self._context, session, self._ledger, reached_by(decided), is_moved=True)
        self.words.append(say_moved(self.moved))

    def _back_to(self, before: Deployment, current: Deployment, event: Event, body: EnvironmentMoved) -> Move:
        """Decide how to bring back what the move before had left."""
        session, place = self._session, (body.pipeline, body.environment)
        canary, running = running_canary(session, before), running_canary(session, current)
        marks = environments.marks(session, *place)
        refuse_bad(body.environment, Target(before.release, before.behavior, f"r{before.number}"), marks)
        if canary is not None:
            refuse_bad(body.environment, Target(canary.release, canary.behavior, f"r{before.canary_number}"), marks)
        doubted = {*body.lifted, *([] if body.cleared is None else [body.cleared])}
        goes_on = canary is not None and running is not None and canary.release == running.release
        return Move(
            before.release,
            before.behavior,
            entry=before.entry,
            below=None,
            suspects=tuple(sorted(one for one in doubted if not self._called_good(one, event.sequence))),
            lifted=tuple(environments.suspects_since(session, *place, event.sequence)),
            canary=canary,
            ended=None if goes_on else running,
        )

    def _tag(self, event: Event, body: TagSet | TagRemoved) -> TagSet | TagRemoved:
        holder = releases.release_by_tag(self._session, body.pipeline, body.tag)
        now = None if holder is None else (holder.release, releases.tagged_since(self._session, body.pipeline, body.tag))
        if isinstance(body, TagRemoved):
            if now is not None:
                raise _since(event, f"the tag {body.tag} was given again")
            if EnvironmentName(body.tag) in environments.environment_names(self._session, body.pipeline):
                raise _since(event, f"{body.tag} became an environment")
            return TagSet(body.pipeline, body.tag, body.release)
        if now != (body.release, event.sequence):
            raise _since(event, f"the tag {body.tag} was moved or taken away")
        if body.replaced is None:
            return TagRemoved(body.pipeline, body.tag, body.release)
        return TagSet(body.pipeline, body.tag, body.replaced, replaced=body.release)

    def _mark(self, event: Event, body: BehaviorMarked) -> BehaviorMarked:
        bad_since = environments.bad_since(self._session, body.behavior)
        newest = next(self._marks(count_events(self._session), body.behavior))
        if newest.sequence != event.sequence or (bad_since is None) == (body.verdict is Verdict.BAD):
            raise _since(event, "the behavior was marked anew")
        earlier = next(self._marks(event.sequence, body.behavior), None)
        if earlier is not None and isinstance(earlier.body, BehaviorMarked) and earlier.body.verdict is Verdict.BAD:
            return earlier.body
        # Not `good`, which would lift suspicions that came since: as nobody ever judged it.
        return replace(body, verdict=Verdict.UNJUDGED, reason=None)

    def _called_good(self, behavior: BehaviorDigest, since: int) -> bool:
        """Whether somebody called a behavior good after an event, which no undo takes back."""
        marks = self._marks(count_events(self._session), behavior, after=since)
        return any(isinstance(event.body, BehaviorMarked) and event.body.verdict is Verdict.GOOD for event in marks)

    def _marks(self, before: int, behavior: BehaviorDigest, *, after: int = -1) -> Iterator[Event]:
        """Yield the events that marked a behavior, newest first."""
        for event in events_before(self._session, before, str(behavior).encode(), after=after):
            if isinstance(event.body, BehaviorMarked) and event.body.behavior == behavior:
                yield event

    def _hold(self, event: Event, body: ReleaseHeld | HoldLifted) -> ReleaseHeld | HoldLifted:
        hold = holds.hold_of(self._session, body.release)
        if isinstance(body, ReleaseHeld):
            if hold is None or hold.sequence != event.sequence:
                raise _since(event, "the hold was lifted or set anew")
            return HoldLifted(body.pipeline, body.release, event.sequence, None)
        if hold is not None:
            raise _since(event, "the release was held again")
        held = event_at(self._session, body.held)
        reason = held.body.reason if held is not None and isinstance(held.body, ReleaseHeld) else None
        return ReleaseHeld(body.pipeline, body.release, reason)


def _of(event: Event) -> str:
    return f"operation {str(event.operation)[:8]}"


def _since(event: Event, what: str) -> Conflict:
    return Conflict(f"since {_of(event)} {what}; nothing was changed", hint=_LOOK, details={"operation": str(event.operation)})
