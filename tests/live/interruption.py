"""Environments in which something happens just before or just after a move: somebody else acts, or the process dies."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from lastgood.live.environments import LiveEnvironments
from lastgood.registry.embedded import EmbeddedEnvironments, EmbeddedRegistry
from lastgood.registry.move import Moved
from tests.live.bot import PROD


class Killed(BaseException):
    """Ends a command where it stands, as a signal would."""


class Interrupted(EmbeddedEnvironments):
    """The registry's environments, with something else going on just before or after a move."""

    def __init__(
        self,
        registry: EmbeddedRegistry,
        *,
        before: Callable[[], object] = lambda: None,
        after: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__(registry.context)
        self._before = before
        self._after = after

    def deploy(self, environment: str, revision: str = "latest", **options: object) -> Moved:
        self._before()
        moved = super().deploy(environment, revision, **options)  # type: ignore[arg-type]
        self._after()
        return moved

    def rollback(self, environment: str, to: str | None = None, **options: object) -> Moved:
        self._before()
        moved = super().rollback(environment, to, **options)  # type: ignore[arg-type]
        self._after()
        return moved


def interrupted(
    registry: EmbeddedRegistry,
    run: Path,
    *,
    before: Callable[[], object] = lambda: None,
    after: Callable[[], object] = lambda: None,
) -> LiveEnvironments:
    inner = Interrupted(registry, before=before, after=after)
    return LiveEnvironments(inner, registry, {PROD: run}, os.urandom, wait=10)


def raise_killed() -> None:
    raise Killed
