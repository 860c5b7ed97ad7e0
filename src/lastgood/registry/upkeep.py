"""The care of a registry's store, as a group of its own: what takes bytes back.

with lastgood.open(folder) as registry:
    registry.store.plan_collection().bytes_waiting
    registry.store.collect(timedelta(days=7))
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import TYPE_CHECKING

from lastgood.ids import ReleaseId
from lastgood.model.collection import GRACE
from lastgood.registry.context import Context

if TYPE_CHECKING:
    from lastgood.registry.collect import Collected

_NOBODY: frozenset[ReleaseId] = frozenset()


class Upkeep:
    """What can be done about the bytes of one registry; each is imported when it is called."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def plan_collection(self, grace: timedelta = GRACE, dropped: AbstractSet[ReleaseId] = _NOBODY) -> Collected:
        """Return what `collect` would do now, without doing it."""
        from lastgood.registry.collect import plan_collection  # noqa: PLC0415

        return plan_collection(self._context, grace, dropped)

    def collect(self, grace: timedelta = GRACE, dropped: AbstractSet[ReleaseId] = _NOBODY) -> Collected:
        """Take back the bytes that no release needs.

        Args:
            grace: how long what is not needed any more stays all the same; by default 24 hours.
            dropped: releases whose own bytes may go as well.

        Raises:
            Integrity: something does not add up, so that nobody can tell what is needed; nothing was collected.
            ClockWentBack, Refused, Unavailable: as `registry.collect` says; nothing was collected.
        """
        from lastgood.registry.collect import collect  # noqa: PLC0415

        return collect(self._context, grace, dropped)
