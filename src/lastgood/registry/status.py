"""Status: the workspace against the latest release and each environment, without keeping a byte."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from lastgood.errors import ChangedWhileReading, Invalid
from lastgood.ids import EnvironmentName, FileDigest
from lastgood.model.component import Component
from lastgood.model.history import ReleaseRecord
from lastgood.model.listing import write_listing
from lastgood.model.release import behavior_digest, state_digest
from lastgood.registry.commit import find_base, known_digests
from lastgood.registry.compare import Comparison, Part, Side, compare_sides, side_of
from lastgood.registry.draft import component_of
from lastgood.registry.history import EnvironmentDetails
from lastgood.registry.protocols import Files, Registry
from lastgood.workspace.declaration import OWN_FOLDER, Workspace
from lastgood.workspace.opening import open_root
from lastgood.workspace.prepare import HashingIntake, Prepared, PreparedFiles, prepare
from lastgood.workspace.reading import read_small
from lastgood.workspace.statcache import StatCache

LARGEST = 1 << 30
"""The largest file, in bytes, that is read at once to be compared."""


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
    comparison = compare_sides(old, _side_on_disk(components, prepared), _DiskAndRegistry(workspace, prepared, registry.files))
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


class _DiskAndRegistry:
    """Reads files of the workspace from disk, and all others from the registry."""

    def __init__(self, workspace: Workspace, prepared: Prepared, files: Files) -> None:
        self._root = workspace.root
        self._files = files
        self._paths = {
            FileDigest(digest): path
            for one in prepared.components
            if one.files is not None
            for path, digest in zip(one.files.found.paths, one.files.digests, strict=True)
        }

    def read_file(self, digest: FileDigest, *, limit: int | None = None) -> bytes:
        """Return a whole file.

        Raises:
            Invalid: it is larger than the limit.
            ChangedWhileReading: it was written since it was hashed.
        """
        path = self._paths.get(digest)
        if path is None:
            return self._files.read_file(digest, limit=limit)
        with open_root(self._root) as root:
            data = read_small(root, path, limit=LARGEST if limit is None else limit)
        if limit is not None and len(data) > limit:
            raise Invalid(f"{path} is larger than {limit:,} bytes")
        if FileDigest.of(data) != digest:
            raise ChangedWhileReading(f"{path} was written while it was compared")
        return data
