"""Says of bytes that are not there whether a policy let them go, or somebody purged them: so nobody takes it for damage.

Rules: only what is missing is looked into, so that a release whose parts were let go and are still there, or are shared,
works as ever; a tombstone names the release, the part, who applied the policy, and when. A purge names who, when and why.
"""

from __future__ import annotations

from lastgood.catalog import releases
from lastgood.catalog.database import Session
from lastgood.catalog.purges import Purged, purged_among
from lastgood.catalog.removals import Tombstone, removals_of, removed_parts
from lastgood.errors import Gone
from lastgood.ids import ComponentName, FileDigest
from lastgood.model.history import ReleaseRecord
from lastgood.model.listing import FileEntry
from lastgood.model.parts import part_of
from lastgood.registry.context import Context
from lastgood.registry.points import entries_of
from lastgood.store.reader import ObjectReader


def gone_error(context: Context, digest: FileDigest) -> Gone | None:
    """Return what to say of a file that is not kept, if a policy let it go or somebody purged it; None where nobody did."""
    reader = ObjectReader(context.backend, context.index)
    seen: set[FileDigest] = set()
    with context.database.reading() as session:
        for purged in purged_among(session, [digest]):
            return purged_error(purged)
        for release, parts in removed_parts(session).items():
            manifest = releases.release_manifest(session, release)
            for name in dict.fromkeys(name for name, _ in parts):
                component = manifest.components[name]
                listing = component.content.listing
                if listing is None or listing in seen:
                    continue
                seen.add(listing)
                for entry in entries_of(component, reader):
                    if entry.digest == digest and (name, part_of(entry.path)) in parts:
                        return _gone(session, releases.require_release(session, release), name, entry)
    return None


def purged_error(purged: Purged, path: str | None = None, label: str | None = None) -> Gone:
    """Return what to say of a file that was purged."""
    what = f"the file {purged.file.short}" if path is None else path
    where = "" if label is None else f" in {label}"
    return Gone(
        f"{what}{where} was {purged.said}; its digest and its place in history are kept",
        hint=f"lastgood lineage --file {purged.file} says which releases had it",
        details={"file": str(purged.file), "purged": True},
    )


def let_go_error(release: ReleaseRecord, stone: Tombstone | None, entry: FileEntry) -> Gone:
    """Return what to say of a file of a release that a policy let go."""
    details = {"release": str(release.release), "file": str(entry.digest)}
    return Gone(
        f"the bytes of {entry.path} in {release.label} were let go by the retention policy{_when(stone)}",
        hint=f"lastgood show {release.label} says what is left of it",
        details=details if stone is None else {**details, "component": str(stone.component)},
    )


def _gone(session: Session, release: ReleaseRecord, name: ComponentName, entry: FileEntry) -> Gone:
    stones = removals_of(session, release.release)
    stone = next((one for one in stones if one.component == name and one.part is part_of(entry.path)), None)
    return let_go_error(release, stone, entry)


def _when(stone: Tombstone | None) -> str:
    return "" if stone is None else f" on {stone.recorded_at:%Y-%m-%d}, applied by {stone.actor or '(erased)'}"
