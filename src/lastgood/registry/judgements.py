"""Holds and the operation log of an embedded registry, and the record of who was told of a move.

registry.holds.hold("r4", "the auditors look at it")
registry.operations.undo("6f1c1e0a")
"""

from __future__ import annotations

import builtins

from lastgood.catalog import holds, releases
from lastgood.catalog.database import Session
from lastgood.catalog.records import event_of_operation
from lastgood.errors import Conflict, NotFound
from lastgood.ids import OperationId
from lastgood.model.changes.environments import HookRan
from lastgood.model.changes.releases import HoldLifted, ReleaseHeld
from lastgood.model.history import Hold, LoggedOperation, ReleaseRecord
from lastgood.registry import operations, undo
from lastgood.registry.context import Context
from lastgood.registry.keeping import keep_again
from lastgood.registry.resolve import resolve
from lastgood.registry.undo import Undone


class EmbeddedHolds:
    """The holds of an embedded registry."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def hold(self, revision: str, reason: str | None = None, *, operation: OperationId | None = None) -> ReleaseRecord:
        """Keep the bytes of a release whatever the retention policy says; one that is held already stays as it is held."""
        release = resolve(self._context, revision).release
        asked = self._context.operation(operation)
        with self._context.changing(asked) as (session, ledger):
            if not _was_done(session, asked.id, ReleaseHeld, release) and holds.hold_of(session, release.release) is None:
                ledger.append(ReleaseHeld(release.pipeline, release.release, ledger.text(reason)))
                keep_again(self._context, session, ledger, [release.release])
        return release

    def lift(self, revision: str, reason: str | None = None, *, operation: OperationId | None = None) -> ReleaseRecord:
        """Hold a release no longer."""
        release = resolve(self._context, revision).release
        asked = self._context.operation(operation)
        with self._context.changing(asked) as (session, ledger):
            if _was_done(session, asked.id, HoldLifted, release):
                return release
            hold = holds.hold_of(session, release.release)
            if hold is None:
                raise NotFound(f"{release.label} is not held; nothing was changed", hint=f"lastgood show {release.label}")
            ledger.append(HoldLifted(release.pipeline, release.release, hold.sequence, ledger.text(reason)))
        return release

    def list(self) -> builtins.list[tuple[ReleaseRecord, Hold]]:
        """Return the releases that are held, with why; the retention policy and the collector leave them alone."""
        with self._context.database.reading() as session:
            held = [holds.hold_of(session, release) for release in holds.held_releases(session)]
            found = [(releases.require_release(session, one.release), one) for one in held if one is not None]
        return sorted(found, key=lambda one: one[1].sequence)


def _was_done(session: Session, operation: OperationId, kind: type[ReleaseHeld | HoldLifted], release: ReleaseRecord) -> bool:
    event = event_of_operation(session, operation)
    if event is None:
        return False
    if isinstance(event.body, kind) and event.body.release == release.release:
        return True
    raise Conflict("this operation id was used for another operation; nothing was changed")


class EmbeddedOperations:
    """The operation log of an embedded registry."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def log(self, most: int | None = None) -> list[LoggedOperation]:
        """Return operations, newest first."""
        return operations.log_operations(self._context, most)

    def find(self, text: str) -> OperationId:
        """Return the operation that an id, or the beginning of one, means."""
        return operations.find_operation(self._context, text)

    def say(self, operation: LoggedOperation) -> list[str]:
        """Say in one line each what an operation changed."""
        return operations.say_operation(self._context, operation)

    def undo(self, undone: OperationId, *, reason: str | None = None, operation: OperationId | None = None) -> Undone:
        """Take back what an operation changed, if nothing changed it since."""
        return undo.undo(self._context, undone, reason, operation)

    def plan_undo(self, undone: OperationId) -> Undone:
        """Return what `undo` would do, without doing it."""
        return undo.plan_undo(self._context, undone)

    def note_hook(self, told: HookRan) -> None:
        """Record that somebody was told of a move, or could not be."""
        with self._context.changing(self._context.operation(None)) as (_, ledger):
            ledger.append(told)
