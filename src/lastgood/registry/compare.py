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
from lastgood.ids import ComponentName
from lastgood.model.component import Component, Kind
from lastgood.model.listing import FileEntry, differing_lines
from lastgood.model.placement import FileAccess, FileReader
from lastgood.registry.points import listing_of, parse_entries


@dataclass(frozen=True, slots=True)
class Part:
    """A component of one side, and its listing, which is asked for only where the two sides differ."""

    component: Component
    listing: Callable[[], bytes]


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


def side_of(components: Mapping[ComponentName, Component], reader: FileReader) -> Side:
    """Return a committed release as one side."""
    return {name: Part(one, partial(listing_of, one, reader)) for name, one in components.items()}


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


def differing_entries(old: Part | None, new: Part | None) -> tuple[list[FileEntry], list[FileEntry]]:
    """Return the files that only one of two sides has as they are there.

    Where both sides are the same nothing is read, and of two listings only the lines that differ are looked into: a
    diff costs what changed, not what exists.
    """
    if old is not None and new is not None and old.component.digest == new.component.digest:
        return [], []
    before, after = differing_lines(old.listing() if old else b"", new.listing() if new else b"")
    return (
        parse_entries(before, old.component) if old else [],
        parse_entries(after, new.component) if new else [],
    )


def _compare(
    name: ComponentName, sides: tuple[Part | None, Part | None], files: FileAccess, comparer: Callable[[Kind], Comparer], ranks: Ranks
) -> ComponentChange:
    old, new = sides
    before, after = differing_entries(old, new)
    return compare_component(name, _side(old, before), _side(new, after), files, comparer, ranks=ranks)


def _side(part: Part | None, entries: list[FileEntry]) -> ComponentSide | None:
    if part is None:
        return None
    component = part.component
    declared = {name: value for name, value in component.document.items() if name not in {"kind", "listing"}}
    return ComponentSide(component.kind, component.digest, entries, declared, component.provenance)
