"""Preflight: before an environment moves, is every byte of the target there?

Looks only at the files in which the target differs from what is live, since the others are being served: each of
them must be indexed, and the packs that hold them must be there with the size they had when they were written.
Reading the bytes too is a matter of asking for it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lastgood.catalog import placement, releases
from lastgood.catalog.purges import purged_files
from lastgood.catalog.removals import removals_of
from lastgood.errors import Integrity
from lastgood.ids import ComponentName, PackId
from lastgood.model.history import ReleaseRecord
from lastgood.model.listing import FileEntry
from lastgood.model.parts import part_of
from lastgood.model.placement import FileMap
from lastgood.model.release import Manifest
from lastgood.registry.compare import differing_entries, side_of
from lastgood.registry.context import Context
from lastgood.registry.keeping import acts
from lastgood.registry.last_verified import last_verified
from lastgood.store.pack import pack_name
from lastgood.store.reader import ObjectReader


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was checked: how many files, their bytes, whether these were read, and when they were last found right before."""

    files: int
    bytes: int
    were_read: bool
    verified_at: datetime | None = None


def preflight(context: Context, live: ReleaseRecord | None, target: ReleaseRecord, *, read: bool) -> Preflight:
    """Check that the bytes which a move brings are there.

    Args:
        context: the registry.
        live: what the environment is on, or None.
        target: where it would go.
        read: whether to read and verify every byte, too.

    Raises:
        Integrity: something is missing, or is not what it should be; nothing was moved.
        Gone: what the release needs to run was let go by a policy, or purged, and is not there any more.
    """
    with context.database.reading() as session:
        before = None if live is None else releases.release_manifest(session, live.release)
        manifest = releases.release_manifest(session, target.release)
    reader = ObjectReader(context.backend, context.index)
    old = side_of({} if before is None else before.components, reader)
    new = side_of(manifest.components, reader)
    differing = {name: differing_entries(old.get(name), part, reader)[1] for name, part in new.items()}
    entries = _without_what_went(context, target, manifest, differing)
    digests = sorted({entry.digest for entry in entries})
    _check_packs(context, target, _find_files(context, target, entries))
    if read:
        for _, pieces in reader.stream_files(digests):
            for _ in pieces:
                pass
    return Preflight(len(entries), sum(entry.size for entry in entries), read, last_verified(context.folder, target))


def _without_what_went(
    context: Context, target: ReleaseRecord, manifest: Manifest, differing: Mapping[ComponentName, Sequence[FileEntry]]
) -> list[FileEntry]:
    """Return the files to look for: data and optimizer state that were let go, or purged, are not needed where a release runs."""
    with context.database.reading() as session:
        parts = {(one.component, one.part) for one in removals_of(session, target.release)}
        purged = purged_files(session)
    found = []
    for name, entries in differing.items():
        component = manifest.components[name]
        for entry in entries:
            went = entry.digest in purged or (name, part_of(entry.path)) in parts
            if not went or acts(component, entry.path):
                found.append(entry)
    return found


def _find_files(context: Context, target: ReleaseRecord, entries: Sequence[FileEntry]) -> Collection[FileMap]:
    maps = context.index.find_files(sorted({entry.digest for entry in entries}))
    missing = [entry for entry in entries if entry.digest not in maps]
    if missing:
        from lastgood.registry.gone import gone_error  # noqa: PLC0415 - only what is missing is looked into

        gone = gone_error(context, missing[0].digest)
        if gone is not None:
            raise gone
        raise Integrity(f"{len(missing)} files of {target.label} are not in the registry; nothing was moved")
    for entry in entries:
        if entry.size != maps[entry.digest].size:
            raise Integrity(f"{entry.path} of {target.label} does not have the size that its listing says; nothing was moved")
    return maps.values()


def _check_packs(context: Context, target: ReleaseRecord, maps: Collection[FileMap]) -> None:
    chunks = list({chunk for one in maps for chunk in one.chunks})
    places = context.index.find_chunks(chunks)
    if len(places) < len(chunks):
        raise Integrity(f"chunks of {target.label} are in no pack; nothing was moved")
    with context.database.reading() as session:
        sizes = dict(placement.recorded_packs(session))
    for pack in {place.pack for place in places.values()}:
        _check_size(context, target, pack, sizes[pack])


def _check_size(context: Context, target: ReleaseRecord, pack: PackId, size: int) -> None:
    found = context.backend.size(pack_name(pack))
    if found != size:
        raise Integrity(
            f"pack {pack.short}, which {target.label} needs, has {found} bytes instead of {size}; nothing was moved",
            details={"pack": str(pack)},
        )
