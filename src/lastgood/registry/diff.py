"""The verb `diff`: what changed between a release and another, what lies in the workspace, or the files of a folder.

diff(sources, "prod@3w", "prod")                       # two releases
diff(sources, "prod", workspace)                       # what a commit would change
diff(sources, "prod", Path("/srv/bot/current"))        # what really lies there
diff(sources, "r1", "r2", Looking(comparer=quick_comparer_of)).changed
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lastgood.compare.change import ComponentChange, Finding
from lastgood.compare.comparer import Comparer
from lastgood.compare.components import comparer_with
from lastgood.compare.ranking import DEFAULT_RANKS, Ranks
from lastgood.compare.tokens import TokenCounter
from lastgood.errors import NotFound
from lastgood.ids import BehaviorDigest, ComponentName
from lastgood.model.code import CodeHistory
from lastgood.model.component import Kind
from lastgood.model.history import ReleaseRecord
from lastgood.model.placement import FileAccess
from lastgood.model.release import Manifest, behavior_digest
from lastgood.registry.compare import Comparison, Side, compare_sides, side_of
from lastgood.registry.evaluations import Evaluations
from lastgood.registry.protocols import Registry

if TYPE_CHECKING:
    from lastgood.workspace.declaration import Workspace


@dataclass(frozen=True, slots=True)
class Sources:
    """Where what is said comes from: releases and their bytes, what suites said of them, and the history of code."""

    registry: Registry
    evaluations: Evaluations
    history: CodeHistory


@dataclass(frozen=True, slots=True)
class Looking:
    """How closely to look.

    Attributes:
        comparer: gives what compares a kind, such as `components.quick_comparer_of`, which reads neither tensors nor tables,
            and nothing is said beside the components then; None for the closest look there is.
        component: the only component to look at, if there is one.
        progress: told how many files and bytes more of a folder were read.
        ranks: says which changes come first.
        tokens: counts the tokens of prompts, such as `formats.tokenizers.read_tokenizer` gives.
    """

    comparer: Callable[[Kind], Comparer] | None = None
    component: ComponentName | None = None
    progress: Callable[[int, int], None] | None = None
    ranks: Ranks = DEFAULT_RANKS
    tokens: TokenCounter | None = None


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

    @property
    def label(self) -> str:
        """How people call it."""
        return self.text if self.release is None else self.release.label


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


def diff(sources: Sources, old: str, new: str | Path | Workspace, looking: Looking | None = None) -> Diff:
    """Compare a release with another, with a workspace, or with the files of a folder.

    Args:
        sources: has them.
        old: a revision.
        new: a revision, a workspace, or a folder in which the release's files lie at their paths.
        looking: how closely to look.

    Raises:
        InvalidRevision, NotFound: a revision means no release; neither side has the component.
        InvalidWorkspace, InvalidPath, ChangedWhileReading: what lies on disk cannot be read.
    """
    looking = looking or Looking()
    before, after = _sides(sources.registry, old, new, looking)
    was, now = _only(before.side, looking.component), _only(after.side, looking.component)
    if looking.component is not None and not was and not now:
        raise NotFound(f"neither side has a component {looking.component}", hint=f"lastgood show {old}")
    closest = comparer_with(sources.history, (before.words.label, after.words.label), looking.tokens)
    comparison = compare_sides(was, now, after.files, looking.comparer or closest, ranks=looking.ranks)
    if looking.component is None and looking.comparer is None:
        comparison = replace(comparison, findings=tuple(_findings(sources, before, after)))
    return Diff(before.words, after.words, comparison)


def _findings(sources: Sources, before: _Opened, after: _Opened) -> Iterator[Finding]:
    """Yield what is to be said beside the components: what suites measured, and data that leaked."""
    from lastgood.registry.measured import measured_findings  # noqa: PLC0415 - a quick comparison finds none of it

    if before.words.release is not None and after.words.release is not None:
        yield from measured_findings(sources.evaluations, after.files, before.words.release, after.words.release)
    if any(part.component.kind is Kind.DATASET for part in after.side.values()):
        from lastgood.registry.leakage import leakage_findings  # noqa: PLC0415 - and with it NumPy

        yield from leakage_findings(before.side, after.side, after.files)


def _sides(registry: Registry, old: str, new: str | Path | Workspace, looking: Looking) -> tuple[_Opened, _Opened]:
    before, manifest = _release(registry, old)
    if isinstance(new, str):
        return before, _release(registry, new)[0]
    if isinstance(new, Path):
        from lastgood.registry.folder_side import side_of_folder  # noqa: PLC0415 - a rollback compares releases only

        there = side_of_folder(manifest, new, registry.files, looking.progress)
        behavior = behavior_digest([part.component for part in there.side.values()])
        words = DiffSide(str(new), None, None, behavior)
        return replace(before, side=there.expected), _Opened(words, there.side, there.files)
    from lastgood.registry.workspace_side import side_on_disk  # noqa: PLC0415 - as above

    disk = side_on_disk(registry, new, manifest, looking.progress)
    words = DiffSide("the working folder", None, None, behavior_digest(disk.components))
    return before, _Opened(words, disk.side, disk.files)


def _release(registry: Registry, revision: str) -> tuple[_Opened, Manifest]:
    found = registry.releases.find(revision)
    manifest = registry.releases.manifest(found.release.release)
    words = DiffSide(found.text, found.release, found.at, found.release.behavior)
    return _Opened(words, side_of(manifest.components, registry.files), registry.files), manifest


def _only(side: Side, component: ComponentName | None) -> Side:
    if component is None:
        return side
    return {name: part for name, part in side.items() if name == component}
