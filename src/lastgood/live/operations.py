"""The operation log, whose undoing of a move lets the live folder of its environment follow like any other move.

operations = LiveOperations(registry.operations, lambda: environments)
operations.undo(operations.find("6f1c1e0a"))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lastgood.errors import Conflict, Refused
from lastgood.ids import OperationId
from lastgood.model.changes.environments import HookRan
from lastgood.model.history import LoggedOperation
from lastgood.registry.move import Moved
from lastgood.registry.protocols import Operations
from lastgood.registry.undo import Undone

if TYPE_CHECKING:
    from lastgood.live.environments import LiveEnvironments


class LiveOperations:
    """Operations as the protocol has them.

    Args:
        inner: the operations of the registry.
        environments: gives the environments whose folders follow; asked only when a move is undone.
    """

    def __init__(self, inner: Operations, environments: Callable[[], LiveEnvironments]) -> None:
        self._inner = inner
        self._environments = environments

    def log(self, most: int | None = None) -> list[LoggedOperation]:
        """Return operations, newest first."""
        return self._inner.log(most)

    def find(self, text: str) -> OperationId:
        """Return the operation that an id, or the beginning of one, means."""
        return self._inner.find(text)

    def say(self, operation: LoggedOperation) -> list[str]:
        """Say in one line each what an operation changed."""
        return self._inner.say(operation)

    def plan_undo(self, undone: OperationId) -> Undone:
        """Return what `undo` would do, without doing it."""
        return self._inner.plan_undo(undone)

    def note_hook(self, told: HookRan) -> None:
        """Record that somebody was told of a move, or could not be."""
        self._inner.note_hook(told)

    def undo(self, undone: OperationId, *, reason: str | None = None, operation: OperationId | None = None) -> Undone:
        """Take back what an operation changed, if nothing changed it since; a folder that follows is switched.

        Raises:
            LiveFolderBehind: it was undone, and the folder could not be switched.
            as the registry's own `undo`.
        """
        try:
            planned = self._inner.plan_undo(undone).moved
        except (Conflict, Refused):
            if operation is None:
                raise
            # Of an undo that was done already the registry knows the answer, though it can't be planned again.
            planned = None
        done: list[Undone] = []

        def move(_planned: Moved | None) -> Moved:
            done.append(self._inner.undo(undone, reason=reason, operation=operation))
            moved = done[0].moved
            assert moved is not None  # noqa: S101  # it was planned to move
            return moved

        if planned is None:
            result = self._inner.undo(undone, reason=reason, operation=operation)
            if result.moved is not None:
                self._environments().settle(f"{result.moved.after.pipeline}/{result.moved.environment}")
            return result
        # What the undo goes by is the revision that it undoes, so what was planned is what is done, or it is a conflict.
        name = f"{planned.after.pipeline}/{planned.environment}"
        self._environments().follow_move(name, lambda: planned, move, operation)
        return done[0]
