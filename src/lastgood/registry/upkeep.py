"""The care of a registry, as programs ask for it: `registry.upkeep` of `lastgood.open`.

registry.upkeep.backup("backup.tar")
registry.upkeep.repair(dry_run=True).hurt
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lastgood.registry.context import Context

if TYPE_CHECKING:
    from lastgood.registry.backup import BackedUp
    from lastgood.registry.repair import Repaired


class Upkeep:
    """What is done to a registry as a whole; each verb is imported when it is first called."""

    def __init__(self, context: Context) -> None:
        self._context = context

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
