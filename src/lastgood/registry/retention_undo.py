"""Keeping again what a plan of retention let go, as long as the collector has not taken it.

Why nothing is kept that is not there: the collector forgets bytes in transactions of its own, and the one that undoes finds
all of them, revives them and records that they are kept, or finds one gone and records nothing.
"""

from __future__ import annotations

from lastgood.catalog import releases
from lastgood.catalog.database import Session
from lastgood.catalog.removals import removals_of
from lastgood.errors import CollectedMeanwhile, Conflict, Refused
from lastgood.ids import FileDigest, ReleaseId
from lastgood.model.changes.retention import RetentionApplied
from lastgood.model.event import Event
from lastgood.model.parts import part_of
from lastgood.registry.context import Context
from lastgood.registry.points import entries_of
from lastgood.registry.publish import require_files
from lastgood.store.reader import ObjectReader


def files_let_go(context: Context, session: Session, event: Event, body: RetentionApplied) -> list[FileDigest]:
    """Return the files that an event let go, all of which are still there.

    Args:
        context: the registry.
        session: reads the catalog.
        event: the event.
        body: its body.

    Raises:
        Conflict: it was undone already.
        Refused: the collector has taken some of it.
    """
    for release in dict.fromkeys(one.release for one in body.removed):
        known = {(one.component, one.part): one.sequence for one in removals_of(session, release)}
        if any(known.get((one.component, one.part)) != event.sequence for one in body.removed if one.release == release):
            raise Conflict("the bytes that it let go are kept again already; nothing was changed", hint="lastgood log --operations")
    digests = _files_of(context, session, body)
    try:
        require_files(context, digests)
    except CollectedMeanwhile as error:
        raise Refused(
            "the collector has taken bytes that it let go, so they cannot be kept again; nothing was changed",
            hint="commit the files once more, from wherever they still are",
        ) from error
    return digests


def _files_of(context: Context, session: Session, body: RetentionApplied) -> list[FileDigest]:
    reader = ObjectReader(context.backend, context.index)
    found: dict[FileDigest, None] = {}
    manifests = {release: releases.release_manifest(session, release) for release in _releases_of(body)}
    for one in body.removed:
        entries = entries_of(manifests[one.release].components[one.component], reader)
        found.update((entry.digest, None) for entry in entries if part_of(entry.path) is one.part)
    return list(found)


def _releases_of(body: RetentionApplied) -> list[ReleaseId]:
    return list(dict.fromkeys(one.release for one in body.removed))
