"""The verb `diff`: what changed between a release and another, what lies in the workspace, or the files of a folder.

diff(registry, "prod@3w", "prod")                       # two releases
diff(registry, "prod", workspace)                       # what a commit would change
diff(registry, "prod", Path("/srv/bot/current"))        # what really lies there
diff(registry, "r1", "r2", Looking(comparer=quick_comparer_of)).changed
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lastgood.compare.change import ComponentChange, Finding
from lastgood.compare.comparer import Comparer
from lastgood.compare.components import comparer_of
from lastgood.errors import NotFound
from lastgood.ids import BehaviorDigest, ComponentName
from lastgood.model.component import Kind
from lastgood.model.history import ReleaseRecord
from lastgood.model.placement import FileAccess
from lastgood.model.release import Manifest, behavior_digest
from lastgood.registry.compare import Comparison, Side, compare_sides, side_of
from lastgood.registry.protocols import Registry

if TYPE_CHECKING:
    from lastgood.workspace.declaration import Workspace


@dataclass(frozen=True, slots=True)
class Looking:
    """How closely to look.

    Attributes:
        comparer: gives what compares a kind; `components.quick_comparer_of` reads neither tensors nor tables.
        component: the only component to look at, if there is one.
        progress: told how many files and bytes more of a folder were read.
    """

    comparer: Callable[[Kind], Comparer] = comparer_of
    component: ComponentName | None = None
    progress: Callable[[int, int], None] | None = None


@dataclass(frozen=True, slots=True)
class DiffSide:
    """One side, for people.

    Attributes:
        text: how it was asked for: a revision, or the folder.
        release: the release, None where it is what lies in a folder.
        at: the instant a revision with a time means.
        behavior: the identity of what acts there.
    """

    text: str
    release: ReleaseRecord | None
    at: datetime | None
    behavior: BehaviorDigest


@dataclass(frozen=True, slots=True)
class Diff:
    """What changed from `old` to `new`."""

    old: DiffSide
    new: DiffSide
    comparison: Comparison

    @property
    def changed(self) -> tuple[ComponentChange, ...]:
        """The components that changed, ranked."""
        return self.comparison.changed

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is to be said beside the components."""
        return self.comparison.findings

    @property
    def behavior_changed(self) -> bool:
        """Whether anything that acts in production differs."""
        return self.old.behavior != self.new.behavior


@dataclass(frozen=True, slots=True)
class _Opened:
    """A side that can be compared."""

    words: DiffSide
    side: Side
    files: FileAccess


def diff(registry: Registry, old: str, new: str | Path | Workspace, looking: Looking | None = None) -> Diff:
    """Compare a release with another, with a workspace, or with the files of a folder.

    Args:
        registry: has them.
        old: a revision.
        new: a revision, a workspace, or a folder in which the release's files lie at their paths.
        looking: how closely to look.

    Raises:
        InvalidRevision, NotFound: a revision means no release; neither side has the component.
        InvalidWorkspace, InvalidPath, ChangedWhileReading: what lies on disk cannot be read.
    """
    looking = looking or Looking()
    before, manifest = _release(registry, old)
    after = _other(registry, new, manifest, looking)
    was, now = _only(before.side, looking.component), _only(after.side, looking.component)
    if looking.component is not None and not was and not now:
        raise NotFound(f"neither side has a component {looking.component}", hint=f"lastgood show {old}")
    comparison = compare_sides(was, now, after.files, looking.comparer)
    if looking.component is None and looking.comparer is comparer_of:
        comparison = replace(comparison, findings=_findings(before.side, after.side, after.files))
    return Diff(before.words, after.words, comparison)


def _findings(old: Side, new: Side, files: FileAccess) -> tuple[Finding, ...]:
    """Return what is to be said beside the components; asked for only where the whole of two sides is compared closely."""
    from lastgood.registry.leakage import leakage_findings  # noqa: PLC0415 - a quick comparison finds none of it

    return tuple(leakage_findings(old, new, files))


def _other(registry: Registry, new: str | Path | Workspace, known: Manifest, looking: Looking) -> _Opened:
    if isinstance(new, str):
        return _release(registry, new)[0]
    if isinstance(new, Path):
        raise NotImplementedError
    from lastgood.registry.workspace_side import side_on_disk  # noqa: PLC0415 - a rollback compares releases only

    disk = side_on_disk(registry, new, known, looking.progress)
    words = DiffSide("the working folder", None, None, behavior_digest(disk.components))
    return _Opened(words, disk.side, disk.files)


def _release(registry: Registry, revision: str) -> tuple[_Opened, Manifest]:
    found = registry.releases.find(revision)
    manifest = registry.releases.manifest(found.release.release)
    words = DiffSide(found.text, found.release, found.at, found.release.behavior)
    return _Opened(words, side_of(manifest.components, registry.files), registry.files), manifest


def _only(side: Side, component: ComponentName | None) -> Side:
    if component is None:
        return side
    return {name: part for name, part in side.items() if name == component}
