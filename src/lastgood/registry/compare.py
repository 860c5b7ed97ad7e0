"""Comparing releases: what exactly changed between two of them, ranked, in each kind's own words.

The bytes come through a reader, and only those of files that differ are read; a release can be compared with another,
or with a draft of the workspace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from lastgood.compare.change import Change, ComponentChange
from lastgood.compare.comparer import ComponentSide
from lastgood.compare.components import compare_component
from lastgood.compare.ranking import rank_changes
from lastgood.ids import ComponentName
from lastgood.model.component import Component
from lastgood.model.listing import FileEntry
from lastgood.model.placement import FileReader
from lastgood.registry.points import entries_of


@dataclass(frozen=True, slots=True)
class Part:
    """A component of one side, and how to list its files, which is asked only where the two sides differ."""

    component: Component
    entries: Callable[[], Sequence[FileEntry]]


Side = Mapping[ComponentName, Part]
"""One side of a comparison."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed between two sides, most likely to move behavior first; unchanged components last."""

    components: tuple[ComponentChange, ...]

    @property
    def changed(self) -> tuple[ComponentChange, ...]:
        """Only what changed."""
        return tuple(one for one in self.components if one.change is not Change.UNCHANGED)


def side_of(components: Mapping[ComponentName, Component], reader: FileReader) -> Side:
    """Return a committed release as one side."""
    return {name: Part(one, partial(entries_of, one, reader)) for name, one in components.items()}


def compare_sides(old: Side, new: Side, reader: FileReader) -> Comparison:
    """Compare two sides component by component; `reader` has the files of both."""
    changes = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        # Where both sides are the same no listing is read: a diff costs what changed, not what exists.
        is_same = before is not None and after is not None and before.component.digest == after.component.digest
        old_side, new_side = (None if part is None else _side(part, is_same=is_same) for part in (before, after))
        changes.append(compare_component(name, old_side, new_side, reader))
    return Comparison(tuple(rank_changes(changes)))


def _side(part: Part, *, is_same: bool) -> ComponentSide:
    component = part.component
    declared = {name: value for name, value in component.document.items() if name not in {"kind", "listing"}}
    entries = () if is_same else part.entries()
    return ComponentSide(kind=component.kind, entries=entries, fields=declared, digest=component.digest)
