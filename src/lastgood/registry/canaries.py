"""Canaries of an embedded registry: a release that answers a share of the calls beside what an environment is on.

registry.environments.canaries.start("prod", "r4", 10)
registry.environments.canaries.choose("prod", "user-17").label
"""

from __future__ import annotations

from dataclasses import dataclass

from lastgood.catalog import environments, releases
from lastgood.errors import NotFound
from lastgood.ids import OperationId
from lastgood.model.canary import assign, check_percent, salt_of
from lastgood.model.changes.environments import MoveKind
from lastgood.model.history import ReleaseRecord
from lastgood.registry import move
from lastgood.registry.asking import Wish, ask, carry_out, parse_environment
from lastgood.registry.context import Context
from lastgood.registry.move import Moved


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which release answers the calls with a routing key, and whether it does so as a canary."""

    release: ReleaseRecord
    is_canary: bool


class EmbeddedCanaries:
    """The canaries of an embedded registry."""

    def __init__(self, context: Context) -> None:
        self._context = context

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
        wish = Wish(revision, reason, expect, check_percent(percent), override=override)
        return carry_out(self._context, environment, MoveKind.CANARY, wish, operation)

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
        wish = Wish(reason=reason, expect=expect, override=override)
        return carry_out(self._context, environment, MoveKind.PROMOTE, wish, operation)

    def abort(
        self, environment: str, *, reason: str | None = None, expect: int | None = None, operation: OperationId | None = None
    ) -> Moved:
        """End the canary."""
        return carry_out(self._context, environment, MoveKind.ABORT, Wish(reason=reason, expect=expect), operation)

    def plan_start(self, environment: str, revision: str, percent: int, expect: int | None = None, *, override: bool = False) -> Moved:
        """Return what `start` would do, without doing it."""
        wish = Wish(revision, expect=expect, percent=check_percent(percent), override=override)
        return move.plan(self._context, ask(self._context, environment, MoveKind.CANARY, wish))

    def plan_promote(self, environment: str, expect: int | None = None, *, override: bool = False) -> Moved:
        """Return what `promote` would do, without doing it."""
        return move.plan(self._context, ask(self._context, environment, MoveKind.PROMOTE, Wish(expect=expect, override=override)))

    def plan_abort(self, environment: str, expect: int | None = None) -> Moved:
        """Return what `abort` would do, without doing it."""
        return move.plan(self._context, ask(self._context, environment, MoveKind.ABORT, Wish(expect=expect)))

    def choose(self, environment: str, key: str) -> Chosen:
        """Return which release answers the calls with a routing key."""
        pipeline, name = parse_environment(self._context, environment)
        with self._context.database.reading() as session:
            current = environments.current_deployment(session, pipeline, name)
            if current is None:
                raise NotFound(f"{pipeline} has no environment {name}", hint="lastgood env list")
            canary = current.release if current.canary is None else current.canary
            answers = assign(key, current.release, canary, current.percent or 0, salt_of(pipeline, name, canary))
            return Chosen(releases.require_release(session, answers), answers != current.release)
