"""Status: the workspace against the latest release and each environment, without keeping a byte."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from lastgood.compare.components import quick_comparer_of
from lastgood.compare.ranking import Ranks
from lastgood.ids import EnvironmentName, FileDigest
from lastgood.model.component import Component
from lastgood.model.history import ReleaseRecord
from lastgood.model.listing import write_listing
from lastgood.model.release import behavior_digest, state_digest
from lastgood.registry.commit import find_base, known_digests
from lastgood.registry.compare import Comparison, Part, Side, compare_sides, side_of
from lastgood.registry.draft import component_of
from lastgood.registry.history import EnvironmentDetails
from lastgood.registry.on_disk import DiskAndRegistry
from lastgood.registry.protocols import Registry
from lastgood.workspace.declaration import OWN_FOLDER, Workspace
from lastgood.workspace.prepare import HashingIntake, Prepared, PreparedFiles, prepare
from lastgood.workspace.statcache import StatCache


@dataclass(frozen=True, slots=True)
class EnvironmentStatus:
    """An environment, and whether what is on disk behaves like what it is on."""

    name: EnvironmentName
    release: ReleaseRecord
    same_state: bool
    same_behavior: bool


@dataclass(frozen=True, slots=True)
class Status:
    """A workspace compared.

    Attributes:
        base: the release the workspace is based on, None where it has no base yet.
        latest: the newest release, None where there is none.
        comparison: what differs on disk from the latest release.
        environments: what each environment is on.
    """

    base: ReleaseRecord | None
    latest: ReleaseRecord | None
    comparison: Comparison
    environments: tuple[EnvironmentStatus, ...]


def status(registry: Registry, workspace: Workspace, progress: Callable[[int, int], None] | None = None) -> Status:
    """Compare a workspace with the latest release, and say what each environment is on.

    Raises:
        InvalidWorkspace, InvalidPath, ChangedWhileReading: as a commit would.
    """
    base = find_base(registry, workspace)
    latest = registry.releases.latest(workspace.pipeline)
    manifest = None if latest is None else registry.releases.manifest(latest.release)
    prepared = prepare(
        workspace,
        HashingIntake(),
        StatCache.load(workspace.root / OWN_FOLDER),
        known=known_digests(manifest),
        allow_secrets=True,
        progress=progress,
    )
    components = [component_of(one.declared, one.listing, {}) for one in prepared.components]
    old: Side = {} if manifest is None else side_of(manifest.components, registry.files)
    files = DiskAndRegistry(workspace.root, _paths_on_disk(prepared), registry.files)
    comparison = compare_sides(old, _side_on_disk(components, prepared), files, quick_comparer_of, ranks=Ranks.overridden(workspace.ranks))
    return Status(
        base=None if base is None else registry.releases.get(base),
        latest=latest,
        comparison=comparison,
        environments=tuple(_environment(one, components) for one in registry.environments.list(workspace.pipeline))
        if latest is not None
        else (),
    )


def _side_on_disk(components: list[Component], prepared: Prepared) -> Side:
    files = {one.declared.name: one.files for one in prepared.components}
    return {one.name: Part(one, partial(_listing_on_disk, files[one.name])) for one in components}


def _listing_on_disk(files: PreparedFiles | None) -> bytes:
    return b"" if files is None else write_listing(files.entries())


def _environment(details: EnvironmentDetails, components: list[Component]) -> EnvironmentStatus:
    return EnvironmentStatus(
        name=details.name,
        release=details.release,
        same_state=details.release.state == state_digest(components),
        same_behavior=details.release.behavior == behavior_digest(components),
    )


def _paths_on_disk(prepared: Prepared) -> dict[FileDigest, str]:
    return {
        FileDigest(digest): path
        for one in prepared.components
        if one.files is not None
        for path, digest in zip(one.files.found.paths, one.files.digests, strict=True)
    }
