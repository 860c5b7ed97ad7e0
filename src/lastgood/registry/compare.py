"""Comparing releases: what exactly changed between two of them, ranked, in each kind's own words.

The bytes come through a reader, and only those of files that differ are read; a release can be compared with another,
or with a draft of the workspace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from lastgood.compare.change import Change, ComponentChange, Finding
from lastgood.compare.comparer import Comparer, ComponentSide
from lastgood.compare.components import compare_component, comparer_of
from lastgood.compare.ranking import DEFAULT_RANKS, Ranks, rank_changes
from lastgood.errors import NotFound
from lastgood.ids import ComponentName
from lastgood.model.component import Component, Kind
from lastgood.model.listing import FileEntry, differing_lines
from lastgood.model.placement import FileAccess, FileReader
from lastgood.registry.listing_lines import differing_lines_of
from lastgood.registry.points import listing_of, parse_entries


@dataclass(frozen=True, slots=True)
class Part:
    """A component of one side, and its listing, which is asked for only where the two sides differ.

    Attributes:
        is_kept: whether its listing is a kept file, so that of two of them only what they do not share need be read.
    """

    component: Component
    listing: Callable[[], bytes]
    is_kept: bool = False


Side = Mapping[ComponentName, Part]
"""One side of a comparison."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed between two sides, most likely to move behavior first; unchanged components last.

    Attributes:
        components: what became of each component.
        findings: what is to be said beside that, of several components together, or of what was measured.
    """

    components: tuple[ComponentChange, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def changed(self) -> tuple[ComponentChange, ...]:
        """Only what changed."""
        return tuple(one for one in self.components if one.change is not Change.UNCHANGED)

    @property
    def ranked(self) -> list[ComponentChange | Finding]:
        """What changed and what was found, what most likely moved behavior first."""
        both: list[ComponentChange | Finding] = [*self.changed, *self.findings]
        return sorted(both, key=lambda one: one.rank)


def side_of(components: Mapping[ComponentName, Component], reader: FileReader) -> Side:
    """Return a committed release as one side."""
    return {name: Part(one, partial(listing_of, one, reader), is_kept=True) for name, one in components.items()}


def compare_sides(
    old: Side, new: Side, files: FileAccess, comparer: Callable[[Kind], Comparer] = comparer_of, *, ranks: Ranks = DEFAULT_RANKS
) -> Comparison:
    """Compare two sides component by component.

    Args:
        old: the one side.
        new: the other.
        files: has the files of both.
        comparer: gives what compares a kind.
        ranks: says which changes come first.
    """
    pairs = ((name, (old.get(name), new.get(name))) for name in sorted(old.keys() | new.keys()))
    changes = [_compare(name, pair, files, comparer, ranks) for name, pair in pairs]
    return Comparison(tuple(rank_changes(changes)))


def differing_entries(old: Part | None, new: Part | None, files: FileAccess) -> tuple[list[FileEntry], list[FileEntry]]:
    """Return the files that only one of two sides has as they are there.

    Where both sides are the same nothing is read, and of two listings only the lines that differ are looked into: a
    diff costs what changed, not what exists.
    """
    if old is not None and new is not None and old.component.digest == new.component.digest:
        return [], []
    before, after = _differing_lines(old, new, files)
    return (
        parse_entries(before, old.component) if old else [],
        parse_entries(after, new.component) if new else [],
    )


def _differing_lines(old: Part | None, new: Part | None, files: FileAccess) -> tuple[bytes, bytes]:
    if old is not None and new is not None and old.is_kept and new.is_kept:
        before, after = old.component.content.listing, new.component.content.listing
        if before is not None and after is not None:
            try:
                return differing_lines_of(files, before, after)
            except NotFound:
                # Said by who reads the whole of it, and with the component's name.
                pass
    return differing_lines(old.listing() if old else b"", new.listing() if new else b"")


def _compare(
    name: ComponentName, sides: tuple[Part | None, Part | None], files: FileAccess, comparer: Callable[[Kind], Comparer], ranks: Ranks
) -> ComponentChange:
    old, new = sides
    before, after = differing_entries(old, new, files)
    return compare_component(name, _side(old, before), _side(new, after), files, comparer, ranks=ranks)


def _side(part: Part | None, entries: list[FileEntry]) -> ComponentSide | None:
    if part is None:
        return None
    component = part.component
    declared = {name: value for name, value in component.document.items() if name not in {"kind", "listing"}}
    return ComponentSide(component.kind, component.digest, entries, declared, component.provenance)
