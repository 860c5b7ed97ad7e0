"""Keeping again what a policy let go, for a release that somebody counts on again: deployed, rolled back to, held or tagged.

The rules, in words. A part of which every file is still there is kept again, in the transaction that makes the release
count, so the collector never takes what is live. A part of which something was collected, or purged, stays let go. For a
move that is a refusal where the part acts in production: weights, prompts, configs, code. A dataset or optimizer state
that is gone stops no rollback, since nothing that runs needs it.

Why nothing is collected beside it: the collector acts in a transaction that finds history as it was when it looked.
Either it forgot bytes before, then they are found missing here; or it finds this event, looks again, and leaves them.

    keep_again(context, session, ledger, [decided.release])
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from lastgood.catalog import releases
from lastgood.catalog.database import Session
from lastgood.catalog.purges import purged_among
from lastgood.catalog.records import Appender
from lastgood.catalog.removals import Tombstone, removals_of
from lastgood.errors import CollectedMeanwhile
from lastgood.ids import FileDigest, ReleaseId
from lastgood.model.changes.retention import Removal, RetentionWithdrawn
from lastgood.model.component import Component
from lastgood.model.listing import FileEntry
from lastgood.model.parts import Part, part_of
from lastgood.registry.context import Context
from lastgood.registry.gone import let_go_error, purged_error
from lastgood.registry.points import entries_of
from lastgood.registry.publish import keep_files_alive, require_files
from lastgood.store.reader import ObjectReader


@dataclass(frozen=True, slots=True)
class _Found:
    """What is still there of what was let go of a release, and what is not."""

    back: tuple[Tombstone, ...]
    files: tuple[FileDigest, ...]


def acts(component: Component, path: str) -> bool:
    """Whether a file is needed where its release runs: optimizer state, data and suites are not."""
    return component.kind.acts and part_of(path) is Part.FILES


def require_what_acts(context: Context, session: Session, wanted: Iterable[ReleaseId]) -> None:
    """Refuse releases of which something that acts in production is gone.

    Raises:
        Gone: a policy let it go and the collector took it, or it was purged.
    """
    for release in wanted:
        _look(context, session, release, is_moved=True)
        _require_unpurged(context, session, release)


def keep_again(context: Context, session: Session, ledger: Appender, wanted: Iterable[ReleaseId], *, is_moved: bool = False) -> None:
    """Keep again what is still there of what policies let go of releases.

    Args:
        context: the registry.
        session: the writing transaction.
        ledger: appends to it.
        wanted: the releases.
        is_moved: whether an environment moves there, so that what acts has to be there.

    Raises:
        Gone: an environment would move there, and something that acts is gone.
    """
    for release in dict.fromkeys(wanted):
        if is_moved:
            _require_unpurged(context, session, release)
        found = _look(context, session, release, is_moved=is_moved)
        by_event: dict[int, list[Removal]] = defaultdict(list)
        for stone in found.back:
            by_event[stone.sequence].append(Removal(release, stone.component, stone.part))
        for sequence, removed in by_event.items():
            pipeline = releases.require_release(session, release).pipeline
            ledger.append(RetentionWithdrawn(pipeline, sequence, tuple(removed)))
        if found.files:
            keep_files_alive(context, session, found.files)


def _look(context: Context, session: Session, release: ReleaseId, *, is_moved: bool) -> _Found:
    stones = removals_of(session, release)
    if not stones:
        return _Found((), ())
    reader, back = ObjectReader(context.backend, context.index), []
    files: dict[FileDigest, None] = {}
    manifest = releases.release_manifest(session, release)
    for stone in stones:
        component = manifest.components[stone.component]
        entries = [one for one in entries_of(component, reader) if part_of(one.path) is stone.part]
        try:
            require_files(context, list({one.digest for one in entries}))
        except CollectedMeanwhile as error:
            if is_moved and entries and acts(component, entries[0].path):
                label = releases.require_release(session, release)
                raise let_go_error(label, stone, _first_missing(context, entries)) from error
            continue
        back.append(stone)
        files.update((one.digest, None) for one in entries)
    return _Found(tuple(back), tuple(files))


def _first_missing(context: Context, entries: list[FileEntry]) -> FileEntry:
    there = context.index.find_files([one.digest for one in entries])
    return next((one for one in entries if one.digest not in there), entries[0])


def _require_unpurged(context: Context, session: Session, release: ReleaseId) -> None:
    if session.row("SELECT 1 FROM fact_purged LIMIT 1") is None:
        return
    reader = ObjectReader(context.backend, context.index)
    for component in releases.release_manifest(session, release).components.values():
        needed = {one.digest: one for one in entries_of(component, reader) if acts(component, one.path)}
        for purged in purged_among(session, list(needed)):
            raise purged_error(purged, needed[purged.file].path, releases.require_release(session, release).label)
