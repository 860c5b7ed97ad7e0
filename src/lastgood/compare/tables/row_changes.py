"""How rows changed, as data and in words.

>>> flips = (Flip("refund", "other", 12), Flip("other", "refund", 8))
>>> change = RowsChange(("id",), 2000, 2000, 0, 0, 20, (ColumnCount("label", 20, flips),), ())
>>> list(change.phrases())
['20 rows changed (1.0%), all in label: refund → other 12, other → refund 8']
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from lastgood.canonical import Json, JsonObject
from lastgood.compare.showing import Block, Line, Table, aside, new_value, old_value, place, plain
from lastgood.compare.text_change import MOST_SHOWN
from lastgood.compare.wording import ELLIPSIS, as_json, count, shorten, show_value

_SHOWN_SAMPLES = 5
_SHOWN_CELLS = 8
_SAID_FLIPS = 3
_SAID_COLUMNS = 3
_NAME_WIDTH = 40
_FLIP_WIDTH = 24
_AROUND = 40
_CELL_WIDTH = 160


@dataclass(frozen=True, slots=True)
class Flip:
    """A value that became another, in how many rows."""

    old: Json
    new: Json
    rows: int

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"old": as_json(self.old), "new": as_json(self.new), "rows": self.rows}


@dataclass(frozen=True, slots=True)
class ColumnCount:
    """In how many rows the cell of a column changed, and which values became which, the most frequent first."""

    column: str
    rows: int
    flips: tuple[Flip, ...]

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"column": self.column, "rows": self.rows, "flips": [flip.to_json() for flip in self.flips]}


@dataclass(frozen=True, slots=True)
class CellChange:
    """A cell, null where it is not there; a long text is cut to what is around the first difference."""

    column: str
    old: Json
    new: Json

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"column": self.column, "old": as_json(self.old), "new": as_json(self.new)}


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row that was added, removed or changed; of one that changed, the cells that did."""

    change: str
    key: str | None
    cells: tuple[CellChange, ...]

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"change": self.change, "key": self.key, "cells": [cell.to_json() for cell in self.cells]}

    def shown(self) -> Line:
        """Return one line."""
        spans = [place(f"row {self.key}" if self.key is not None else "row"), plain(f" {self.change}: ")]
        for at, cell in enumerate(self.cells[:_SHOWN_CELLS]):
            spans.append(plain(f"{', ' if at else ''}{cell.column} "))
            if self.change != "added":
                spans.append(old_value(show_value(cell.old)))
            if self.change == "changed":
                spans.append(plain(" → "))
            if self.change != "removed":
                spans.append(new_value(show_value(cell.new)))
        if len(self.cells) > _SHOWN_CELLS:
            spans.append(aside(f", … and {len(self.cells) - _SHOWN_CELLS:,} more cells"))
        return Line(tuple(spans), indent=1)


@dataclass(frozen=True, slots=True)
class RowsChange:
    """How the rows changed.

    Attributes:
        key: the columns that rows are known by, or None where they were compared by content.
        old_rows: how many rows the old side has, of the files that differ; None where those that both share were not read.
        new_rows: likewise of the new side.
        added: how many came.
        removed: how many went.
        changed: how many have other cells than before.
        columns: the columns that changed in those, with the most frequent first.
        samples: some of all of them.
    """

    key: tuple[str, ...] | None
    old_rows: int | None
    new_rows: int | None
    added: int
    removed: int
    changed: int
    columns: tuple[ColumnCount, ...]
    samples: tuple[RowChange, ...]

    @property
    def is_none(self) -> bool:
        """Whether no row came, went or changed."""
        return not (self.added or self.removed or self.changed)

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "type": "rows",
            "key": list(self.key) if self.key is not None else None,
            "old_rows": self.old_rows,
            "new_rows": self.new_rows,
            "added": self.added,
            "removed": self.removed,
            "changed": self.changed,
            "columns": [column.to_json() for column in self.columns],
            "samples": [sample.to_json() for sample in self.samples],
        }

    def shown(self, *, everything: bool = False) -> Iterator[Block]:
        """Yield how many rows there are of each sort, the columns that changed, what became of their values, and samples."""
        sorts = [(self.changed, "changed"), (self.added, "added"), (self.removed, "removed")]
        said = [f"{number:,} {sort}" for number, sort in sorts if number]
        if len(said) > 1:
            yield Line((plain(f"rows: {', '.join(said)}"),))
        if len(self.columns) > 1:
            shown = self.columns if everything else self.columns[:MOST_SHOWN]
            yield Table(("column", "rows changed"), tuple((column.column, f"{column.rows:,}") for column in shown))
        flips = [(column.column, flip) for column in self.columns for flip in column.flips if flip.rows > 1]
        if flips:
            rows = [(f"{name}: {show_value(flip.old)} → {show_value(flip.new)}", f"{flip.rows:,}") for name, flip in flips]
            yield Table(("what became what", "rows"), tuple(rows if everything else rows[:MOST_SHOWN]))
        for change in ("changed", "added", "removed"):
            samples = [sample for sample in self.samples if sample.change == change]
            for sample in samples if everything else samples[:_SHOWN_SAMPLES]:
                yield sample.shown()

    def phrases(self) -> Iterator[str]:
        """Yield what to say of it, the weightiest first."""
        if self.changed:
            yield self._say_changed()
        said = [f"{count(self.added, 'row')} added"] if self.added else []
        if self.removed:
            said.append(f"{count(self.removed, 'row') if not said else f'{self.removed:,}'} removed")
        if said and self.old_rows is not None and self.new_rows is not None and self.old_rows and self.new_rows:
            said[-1] += f" ({self.old_rows:,} → {self.new_rows:,})" if self.old_rows != self.new_rows else f" (of {self.old_rows:,})"
        if said:
            yield ", ".join(said)

    def _say_changed(self) -> str:
        if self.changed == 1 and len(self.columns) == 1:
            sample = next((one for one in self.samples if one.change == "changed" and one.cells), None)
            if sample is not None and sample.key is not None:
                cell = sample.cells[0]
                return f"row {shorten(sample.key, _NAME_WIDTH)} changed: {_say_cell(cell)}"
        share = f" ({_percent(self.changed, self.old_rows)})" if self.old_rows else ""
        said = f"{count(self.changed, 'row')} changed{share}"
        if not self.columns:
            return said
        first = self.columns[0]
        if len(self.columns) == 1:
            flips = _say_flips(first)
            return f"{said}, {'all ' if self.changed > 1 else ''}in {shorten(first.column, _NAME_WIDTH)}{f': {flips}' if flips else ''}"
        names = [f"{shorten(one.column, _NAME_WIDTH)} in {one.rows:,}" for one in self.columns[:_SAID_COLUMNS]]
        more = [count(len(self.columns) - _SAID_COLUMNS, "more column")] if len(self.columns) > _SAID_COLUMNS else []
        return f"{said}: {', '.join(names + more)}"


@dataclass(frozen=True, slots=True)
class Repeats:
    """How many rows share their key, or their whole content where there is no key, with another row of their side."""

    key: tuple[str, ...] | None
    old: int
    new: int

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"type": "repeats", "key": list(self.key) if self.key is not None else None, "old": self.old, "new": self.new}

    def shown(self, *, everything: bool = False) -> Iterator[Block]:  # noqa: ARG002 - one line is everything
        """Yield one line."""
        yield Line((plain(self.phrase()),))

    def phrase(self) -> str:
        """Return what to say of it."""
        rows, what = count(self.new, "row"), "a key with another" if self.key else "their content with another"
        if not self.old:
            return f"{rows} now share {what}"
        if not self.new:
            return f"no row shares {what} any more ({self.old:,} did)"
        return f"{rows} share {what} ({self.old:,} did)" if self.new != self.old else f"{rows} share {what}, as before"


def read_cell(cell: str | None, *, plain: bool) -> Json:
    """Return a cell as a value; what is no JSON, or was cut, as its text."""
    if cell is None or plain:
        return cell
    try:
        value: Json = json.loads(cell)
    except (ValueError, RecursionError):
        return cell.removeprefix('"')
    return value


def cells_around(old: str | None, new: str | None, *, plain: bool) -> tuple[Json, Json]:
    """Return two cells as values; long texts are cut to what is around their first difference."""
    before, after = read_cell(old, plain=plain), read_cell(new, plain=plain)
    at = 0
    if isinstance(before, str) and isinstance(after, str):
        at = next((at for at, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after)))
    return _cut(before, old, at), _cut(after, new, at)


def _cut(value: Json, cell: str | None, at: int) -> Json:
    if value is None or cell is None or len(cell) <= _CELL_WIDTH:
        return value
    text = value if isinstance(value, str) else cell
    start = max(0, at - _AROUND) if len(text) > _CELL_WIDTH else 0
    end = start + _CELL_WIDTH
    return f"{ELLIPSIS if start else ''}{text[start:end]}{ELLIPSIS if end < len(text) else ''}"


def _say_flips(column: ColumnCount) -> str:
    """Say which values became which, where some did more than once or there are few."""
    flips = column.flips
    if not flips or (flips[0].rows == 1 and len(flips) > _SAID_FLIPS):
        return ""
    said = [_say_flip(flip) for flip in flips[:_SAID_FLIPS]]
    left = column.rows - sum(flip.rows for flip in flips[:_SAID_FLIPS])
    return ", ".join([*said, f"others {left:,}"] if left else said)


def _say_cell(cell: CellChange) -> str:
    return f"{shorten(cell.column, _NAME_WIDTH)} {show_value(cell.old)} → {show_value(cell.new)}"


def _say_flip(flip: Flip) -> str:
    """Say which value became which: labels bare, where nothing else could be meant."""
    values = flip.old, flip.new
    if all(value is None or isinstance(value, str) for value in values):
        old, new = ("none" if value is None else shorten(value, _FLIP_WIDTH) for value in map(_text, values))
        return f"{old} → {new} {flip.rows:,}"
    return f"{show_value(flip.old, _FLIP_WIDTH)} → {show_value(flip.new, _FLIP_WIDTH)} ({flip.rows:,})"


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _percent(part: int, whole: int | None) -> str:
    share = 100 * part / whole if whole else 0.0
    return f"{share:.1f}%" if share >= 0.05 else "under 0.1%"  # noqa: PLR2004 - what rounds to 0.0
