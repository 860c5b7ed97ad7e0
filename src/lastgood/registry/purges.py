"""Purging as programs ask for it: `registry.purges` of `lastgood.open`.

with lastgood.open(folder) as registry:
    found = registry.purges.row("train", "42")               # the versions of files that hold the row
    plan = registry.purges.plan(found.files)                 # who has them, and what breaks
    registry.purges.apply(plan, "a customer asked for it")
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from lastgood.catalog import releases
from lastgood.catalog.purges import Purged, purged_among, purged_files
from lastgood.errors import Invalid, NotFound
from lastgood.ids import ComponentName, FileDigest, OperationId
from lastgood.model.component import DatasetContent
from lastgood.registry.context import Context
from lastgood.registry.lineage import Lineage
from lastgood.registry.points import entries_of
from lastgood.registry.purge import PurgeDone, finish, lift, purge
from lastgood.registry.purge_plan import PurgePlan, plan_purge
from lastgood.registry.resolve import resolve
from lastgood.registry.rows import RowFinder, key_named_by
from lastgood.store.reader import ObjectReader

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """The versions of files that somebody means.

    Attributes:
        files: their digests.
        notes: what could not be looked into, and may hold it as well.
    """

    files: tuple[FileDigest, ...]
    notes: tuple[str, ...] = ()


class Purges:
    """Erasing files, and the files that hold a row."""

    def __init__(self, context: Context, lineage: Lineage) -> None:
        self._context = context
        self._lineage = lineage

    def file(self, what: str, revision: str | None = None) -> FoundFiles:
        """Return the file that a SHA-256 names, or a path as it is in a release.

        Raises:
            Invalid: a path without a release, which may mean many versions.
            NotFound: the release has no such file.
        """
        if _DIGEST.fullmatch(what):
            return FoundFiles((FileDigest.parse(what),))
        if revision is None:
            raise Invalid(
                f"{what[:200]!r} is no SHA-256 of a file, and a path has many versions: say in which release",
                hint=f"lastgood lineage --file {what[:200]} lists them; then lastgood purge SHA256, or --release REV",
            )
        release = resolve(self._context, revision).release
        reader = ObjectReader(self._context.backend, self._context.index)
        with self._context.database.reading() as session:
            manifest = releases.release_manifest(session, release.release)
        path = what.removeprefix("./")
        for component in manifest.components.values():
            for entry in entries_of(component, reader):
                if entry.path == path:
                    return FoundFiles((entry.digest,))
        raise NotFound(f"{release.label} has no file {path[:200]}; nothing was purged", hint=f"lastgood show {release.label} --all")

    def row(self, dataset: str, key: str, pipeline: str | None = None) -> FoundFiles:
        """Return every version of every file of a dataset that holds a row.

        Raises:
            NotFound: there is no such dataset, or none of its versions that can be read holds the row.
            Invalid: its rows are not known by a key.
            Integrity: bytes are damaged.
        """
        name = ComponentName.parse(dataset)
        contents = self._lineage.past(self._lineage.pipeline(pipeline)).timeline.contents_of(name)
        if not contents:
            raise NotFound(f"no release has a dataset {name}; nothing was purged", hint="lastgood show latest")
        files = self._lineage.files
        finder = RowFinder(key, files)
        found: dict[FileDigest, None] = {}
        for _, held in contents:
            content = held.component.content
            if isinstance(content, DatasetContent) and content.key is not None:
                for entry in entries_of(held.component, files):
                    if entry.digest not in found and finder.find_among([entry], content.key) is not None:
                        found[entry.digest] = None
        if not found:
            # Says why, if the rows have no names.
            key_named_by(contents[-1][1].component)
            notes = f" ({'; '.join(list(finder.notes)[:3])})" if finder.notes else ""
            raise NotFound(f"no version of {name} has a row with the key {key[:80]!r}{notes}; nothing was purged")
        return FoundFiles(tuple(found), tuple(finder.notes))

    def plan(self, files: Collection[FileDigest]) -> PurgePlan:
        """Return what a purge would take and break, without purging anything.

        Raises:
            NotFound: no release has one of the files.
            Refused: one is a listing or a workspace file.
        """
        return plan_purge(self._context, files)

    def apply(
        self, plan: PurgePlan, reason: str | None = None, *, even_live: bool = False, operation: OperationId | None = None
    ) -> PurgeDone:
        """Purge the files of a plan: their bytes are gone when this returns.

        Raises:
            Refused: a live release has one of them, and that was not allowed.
            Integrity, Unavailable: the files are purged, but not all of their bytes are gone; `finish` goes on.
        """
        return purge(self._context, plan, reason, even_live=even_live, operation=operation)

    def finish(self) -> PurgeDone:
        """End what a purge that was cut short began."""
        return finish(self._context)

    def lift(self, files: Collection[FileDigest], reason: str | None = None, *, operation: OperationId | None = None) -> None:
        """Let purged files be taken in again.

        Raises:
            NotFound: one was not purged.
        """
        lift(self._context, files, reason, operation)

    def list(self) -> list[Purged]:
        """Return what was purged, with when, by whom and why."""
        with self._context.database.reading() as session:
            return purged_among(session, purged_files(session))
