"""How the columns of a dataset changed: which came, which went, which have another type or another order.

Rules: types of Parquet are those that it declares, others are told from all cells; an order of columns is one that a header
or a schema gives, so of JSONL there is none. A column that only one side has, in most of its rows, is told here alone and not
again by each row.

    change = compare_schema(gathered, old_profiles, new_profiles)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lastgood.canonical import JsonObject
from lastgood.compare.showing import Block, Line, aside, new_value, old_value, plain, strong
from lastgood.compare.tables.profiles import Profile
from lastgood.compare.wording import shorten

_NAME_WIDTH = 40
_MOST_SAID = 3


@dataclass(frozen=True, slots=True)
class Column:
    """A column and its type."""

    name: str
    type: str

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"name": self.name, "type": self.type}


@dataclass(frozen=True, slots=True)
class TypeChange:
    """A column with another type than before."""

    name: str
    old: str
    new: str

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"name": self.name, "old": self.old, "new": self.new}


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """How the columns changed.

    Attributes:
        added: columns that only the new side has.
        removed: columns that only the old side has.
        retyped: columns of another type.
        reordered: whether those that both sides have stand in another order.
    """

    added: tuple[Column, ...]
    removed: tuple[Column, ...]
    retyped: tuple[TypeChange, ...]
    reordered: bool

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "type": "schema",
            "added": [one.to_json() for one in self.added],
            "removed": [one.to_json() for one in self.removed],
            "retyped": [one.to_json() for one in self.retyped],
            "reordered": self.reordered,
        }

    def shown(self, *, everything: bool = False) -> Iterator[Block]:  # noqa: ARG002 - all of it is short
        """Yield one line a column."""
        for column in self.removed:
            yield Line((plain("column "), strong(column.name), plain(": removed "), old_value(column.type)))
        for change in self.retyped:
            yield Line((plain("column "), strong(change.name), plain(": "), old_value(change.old), plain(" → "), new_value(change.new)))
        for column in self.added:
            yield Line((plain("column "), strong(column.name), plain(": added "), new_value(column.type)))
        if self.reordered:
            yield Line((aside("the columns stand in another order"),))

    def phrases(self) -> Iterator[str]:
        """Yield what to say of it, the weightiest first; a new order is not worth a phrase beside others."""
        if self.removed:
            yield f"{_columns([one.name for one in self.removed])} removed"
        for change in self.retyped[:_MOST_SAID]:
            yield f"column {shorten(change.name, _NAME_WIDTH)} {shorten(change.old)} → {shorten(change.new)}"
        if len(self.retyped) > _MOST_SAID:
            yield f"{len(self.retyped) - _MOST_SAID:,} more columns of another type"
        if self.added:
            yield f"{_columns([one.name for one in self.added])} added"


def _columns(names: list[str]) -> str:
    said = ", ".join(shorten(name, _NAME_WIDTH) for name in names[:_MOST_SAID])
    more = f" and {len(names) - _MOST_SAID:,} more" if len(names) > _MOST_SAID else ""
    return f"{'column' if len(names) == 1 else 'columns'} {said}{more}"


@dataclass(frozen=True, slots=True)
class Side:
    """The columns of one side: their declared types, empty where there is none, in their order; and their profiles."""

    types: Mapping[str, str]
    profiles: Mapping[str, Profile]
    is_ordered: bool

    def type_of(self, name: str, *, declared: bool) -> str:
        """Return the type of a column, in words."""
        words = self.types[name].lower() if declared else ""
        return words or self.profiles[name].kind


def compare_schema(old: Side, new: Side) -> SchemaChange | None:
    """Return how the columns changed, or None where they did not."""
    both = [name for name in old.types if name in new.types]
    change = SchemaChange(
        added=tuple(Column(name, new.type_of(name, declared=True)) for name in new.types if name not in old.types),
        removed=tuple(Column(name, old.type_of(name, declared=True)) for name in old.types if name not in new.types),
        retyped=tuple(_retyped(both, old, new)),
        reordered=old.is_ordered and new.is_ordered and both != [name for name in new.types if name in old.types],
    )
    return change if change.added or change.removed or change.retyped or change.reordered else None


def _retyped(names: list[str], old: Side, new: Side) -> Iterator[TypeChange]:
    for name in names:
        declared = bool(old.types[name] and new.types[name])
        before, after = old.type_of(name, declared=declared), new.type_of(name, declared=declared)
        if before != after and "empty" not in {before, after}:
            yield TypeChange(name, before, after)
