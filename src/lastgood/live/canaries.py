"""Canaries whose live folders follow them: `DIR/canary` leads to what runs beside `DIR/current`, as long as it does.

environments.canaries.start("prod", "r4", 10)       # run/prod/canary leads to r4 when this returns
environments.canaries.abort("prod")                 # and is gone when this does
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from lastgood.ids import OperationId
from lastgood.registry.canaries import Chosen
from lastgood.registry.canary_protocol import Canaries
from lastgood.registry.move import Moved


class FollowsMoves(Protocol):
    """Carries out a move with the folder of its environment prepared before and switched after."""

    def __call__(
        self,
        environment: str,
        plan: Callable[[], Moved],
        move: Callable[[Moved | None], Moved],
        operation: OperationId | None,
    ) -> Moved:
        """Return what came of the move."""
        ...


class LiveCanaries:
    """Canaries as the protocol has them, followed by the folders of their environments.

    Args:
        inner: the canaries of the registry.
        follow: carries out a move, folder and all.
    """

    def __init__(self, inner: Canaries, follow: FollowsMoves) -> None:
        self._inner = inner
        self._follow = follow

    def start(
        self,
        environment: str,
        revision: str,
        percent: int,
        *,
        reason: str | None = None,
        expect: int | None = None,
        operation: OperationId | None = None,
        override: bool = False,
    ) -> Moved:
        """Run a release beside what an environment is on, or give the one that runs another share."""

        def move(planned: Moved | None) -> Moved:
            # What `latest` meant when the files were written is what runs, whatever it means by now.
            running = None if planned is None else planned.canary
            to = revision if running is None else str(running.release.release)
            seen = expect if planned is None else planned.revision
            return self._inner.start(environment, to, percent, reason=reason, expect=seen, operation=operation, override=override)

        return self._follow(
            environment, lambda: self.plan_start(environment, revision, percent, expect, override=override), move, operation
        )

    def promote(
        self,
        environment: str,
        *,
        reason: str | None = None,
        expect: int | None = None,
        operation: OperationId | None = None,
        override: bool = False,
    ) -> Moved:
        """Let the canary answer every call."""

        def move(planned: Moved | None) -> Moved:
            seen = expect if planned is None else planned.revision
            return self._inner.promote(environment, reason=reason, expect=seen, operation=operation, override=override)

        return self._follow(environment, lambda: self.plan_promote(environment, expect, override=override), move, operation)

    def abort(
        self, environment: str, *, reason: str | None = None, expect: int | None = None, operation: OperationId | None = None
    ) -> Moved:
        """End the canary."""

        def move(planned: Moved | None) -> Moved:
            seen = expect if planned is None else planned.revision
            return self._inner.abort(environment, reason=reason, expect=seen, operation=operation)

        return self._follow(environment, lambda: self.plan_abort(environment, expect), move, operation)

    def plan_start(self, environment: str, revision: str, percent: int, expect: int | None = None, *, override: bool = False) -> Moved:
        """Return what `start` would do, without doing it."""
        return self._inner.plan_start(environment, revision, percent, expect, override=override)

    def plan_promote(self, environment: str, expect: int | None = None, *, override: bool = False) -> Moved:
        """Return what `promote` would do, without doing it."""
        return self._inner.plan_promote(environment, expect, override=override)

    def plan_abort(self, environment: str, expect: int | None = None) -> Moved:
        """Return what `abort` would do, without doing it."""
        return self._inner.plan_abort(environment, expect)

    def choose(self, environment: str, key: str) -> Chosen:
        """Return which release answers the calls with a routing key."""
        return self._inner.choose(environment, key)
