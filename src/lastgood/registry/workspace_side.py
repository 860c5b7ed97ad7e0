"""The workspace as one side of a comparison: what a commit would make of it, without keeping a byte.

side = side_on_disk(registry, workspace)
compare_sides(side_of(manifest.components, registry.files), side.side, side.files)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from lastgood.ids import FileDigest
from lastgood.model.component import Component
from lastgood.model.listing import write_listing
from lastgood.model.release import Manifest
from lastgood.registry.commit import known_digests
from lastgood.registry.compare import Part, Side
from lastgood.registry.draft import component_of
from lastgood.registry.on_disk import DiskAndRegistry
from lastgood.registry.protocols import Registry
from lastgood.workspace.declaration import OWN_FOLDER, Workspace
from lastgood.workspace.prepare import HashingIntake, Prepared, PreparedFiles, prepare
from lastgood.workspace.statcache import StatCache


@dataclass(frozen=True, slots=True)
class SideOnDisk:
    """A workspace, ready to be compared: its components, and where the bytes of their files are."""

    components: tuple[Component, ...]
    side: Side
    files: DiskAndRegistry


def side_on_disk(
    registry: Registry, workspace: Workspace, known: Manifest | None, progress: Callable[[int, int], None] | None = None
) -> SideOnDisk:
    """Hash what lies in a workspace.

    Args:
        registry: has the files that are not on disk.
        workspace: the folder.
        known: a release that the files are likely to be alike, so that its digests need not be made anew.
        progress: told how many files and bytes more were read.

    Raises:
        InvalidWorkspace, InvalidPath, ChangedWhileReading: as a commit would.
    """
    prepared = prepare(
        workspace,
        HashingIntake(),
        StatCache.load(workspace.root / OWN_FOLDER),
        known=known_digests(known),
        allow_secrets=True,
        progress=progress,
    )
    components = tuple(component_of(one.declared, one.listing, {}) for one in prepared.components)
    files = {one.declared.name: one.files for one in prepared.components}
    side = {one.name: Part(one, partial(_listing, files[one.name])) for one in components}
    return SideOnDisk(components, side, DiskAndRegistry(workspace.root, _paths(prepared), registry.files))


def _listing(files: PreparedFiles | None) -> bytes:
    return b"" if files is None else write_listing(files.entries())


def _paths(prepared: Prepared) -> dict[FileDigest, str]:
    return {
        FileDigest(digest): path
        for one in prepared.components
        if one.files is not None
        for path, digest in zip(one.files.found.paths, one.files.digests, strict=True)
    }
