"""Status: the workspace against the latest release and each environment, without keeping a byte."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lastgood.compare.components import quick_comparer_of
from lastgood.compare.ranking import Ranks
from lastgood.ids import EnvironmentName
from lastgood.model.component import Component
from lastgood.model.history import ReleaseRecord
from lastgood.model.release import behavior_digest, state_digest
from lastgood.registry.commit import find_base
from lastgood.registry.compare import Comparison, Side, compare_sides, side_of
from lastgood.registry.history import EnvironmentDetails
from lastgood.registry.protocols import Registry
from lastgood.registry.workspace_side import side_on_disk
from lastgood.workspace.declaration import Workspace


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
    disk = side_on_disk(registry, workspace, manifest, progress)
    old: Side = {} if manifest is None else side_of(manifest.components, registry.files)
    comparison = compare_sides(old, disk.side, disk.files, quick_comparer_of, ranks=Ranks.overridden(workspace.ranks))
    return Status(
        base=None if base is None else registry.releases.get(base),
        latest=latest,
        comparison=comparison,
        environments=tuple(_environment(one, disk.components) for one in registry.environments.list(workspace.pipeline))
        if latest is not None
        else (),
    )


def _environment(details: EnvironmentDetails, components: Sequence[Component]) -> EnvironmentStatus:
    return EnvironmentStatus(
        name=details.name,
        release=details.release,
        same_state=details.release.state == state_digest(components),
        same_behavior=details.release.behavior == behavior_digest(components),
    )
