"""The care of a registry's bytes, as programs ask for it: `registry.upkeep` of `lastgood.open`.

with lastgood.open(folder) as registry:
    registry.upkeep.plan_collection().bytes_waiting
    registry.upkeep.optimize().bytes_saved
    registry.upkeep.collect(timedelta(days=7))
    registry.upkeep.backup("backup.tar")
    registry.upkeep.repair(dry_run=True).hurt
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from lastgood.ids import ReleaseId
from lastgood.model.collection import GRACE
from lastgood.registry.context import Context

if TYPE_CHECKING:
    from lastgood.registry.backup import BackedUp
    from lastgood.registry.collect import Collected
    from lastgood.registry.optimize import Optimized
    from lastgood.registry.repair import Repaired

_NOBODY: frozenset[ReleaseId] = frozenset()


class Upkeep:
    """What can be done about the bytes of one registry; each verb is imported when it is first called."""

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

    def optimize(self, *, level: int | None = None, dry_run: bool = False, progress: Callable[[int], None] | None = None) -> Optimized:
        """Encode old chunks better; no identity changes, and what is replaced is left to the collector.

        Args:
            level: of Zstandard, 1 to 22, for what is no numbers; by default one that is worth its time.
            dry_run: do the work and count, but keep nothing of it.
            progress: told how many bytes more of packs were looked at.

        Raises:
            StorageFull, ReadOnly, Unavailable: something could not be kept; what was done before stands.
        """
        from lastgood.registry.optimize import optimize  # noqa: PLC0415
        from lastgood.store.reencoding import LEVEL  # noqa: PLC0415

        return optimize(self._context, level=level or LEVEL, dry_run=dry_run, progress=progress)

    def repair(self, *, dry_run: bool = False, progress: Callable[[int], None] | None = None) -> Repaired:
        """Make the index anew from the packs, put damaged ones aside, and say what releases have lost.

        Raises:
            Integrity: the records are damaged; a backup is the way out.
            NewerSchema: a pack is of a newer version.
        """
        from lastgood.registry.repair import repair  # noqa: PLC0415

        return repair(self._context, dry_run=dry_run, progress=progress)

    def backup(self, file: str | Path, progress: Callable[[int], None] | None = None) -> BackedUp:
        """Write a consistent copy of the registry into one new file, while others may write.

        Raises:
            AlreadyExists: there is a file of that name.
            Integrity: something that is kept is damaged, so that no backup of it is made.
        """
        from lastgood.registry.backup import backup  # noqa: PLC0415

        return backup(self._context, Path(file), progress)
