"""Which release brought each cell of a dataset's row: the row is found by its key, in whatever file of the dataset it stands.

Rules: a cell is of the last release in which it changed or appeared; a row that went and came back is of the release that
brought it back. What versions of a file share is searched once (`row_search`), so that many releases cost little more than one.

    tracer = RowTracer("train", "t-17", "id", files, listings)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lastgood.canonical import JsonObject
from lastgood.compare.blame import Untraceable
from lastgood.compare.blame_keys import Key, TracedTree, trace_tree, traced_keys
from lastgood.errors import Invalid, NotFound
from lastgood.ids import FileDigest
from lastgood.model.outline import OutlinedContent
from lastgood.model.placement import FileAccess
from lastgood.registry.listings import Listings
from lastgood.registry.rows import RowFinder, RowPlace


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a row, or a value within it."""

    row: str
    key: Key

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"row": self.row, **self.key.to_json()}


@dataclass(frozen=True, slots=True)
class TracedRow:
    """Where a row stands in one content of a dataset, and where its cells come from; both None where it has no such row."""

    place: RowPlace | None
    cells: TracedTree | None


class RowTracer:
    """Follows one row through the listings of a dataset."""

    def __init__(self, row: str, named: str, files: FileAccess, listings: Listings) -> None:
        self.notes: list[str] = []
        self._row = row
        self._named = named
        self._finder = RowFinder(row, files)
        self._listings = listings

    def trace(self, before: Sequence[TracedRow], digest: FileDigest, version: int) -> TracedRow:
        """Return where the cells of the row come from."""
        try:
            entries = self._listings.entries(digest)
        except NotFound as error:
            raise Untraceable("its listing is not kept here") from error
        place = self._finder.find_among(entries, self._named)
        if place is None:
            return TracedRow(None, None)
        older = [one.cells for one in before if one.cells is not None]
        return TracedRow(place, trace_tree(older, dict(place.cells), version))

    def parts(self, trace: TracedRow) -> Iterator[tuple[Cell, int]]:
        """Yield the cells."""
        self.notes += self._finder.notes
        if trace.place is not None:
            line = f", line {trace.place.line:,}" if trace.place.line else ""
            self.notes.append(f"the row {self._row} stands in {trace.place.path}{line}")
        found = () if trace.cells is None else traced_keys(trace.cells)
        return ((Cell(self._row, key), origin) for key, origin in found)


def key_of_rows(component: str, content: OutlinedContent) -> str:
    """Return what a dataset declares its rows to be known by.

    Raises:
        Invalid: the component is no dataset that is kept by its bytes, or declares no key.
    """
    key = content.fields.get("key")
    if content.listing is None or content.kind != "dataset":
        raise Invalid(f"{component} is no dataset whose rows are kept here")
    if not isinstance(key, str):
        raise Invalid(f"{component} declares no key, so its rows have no names", hint='key = "id" in lastgood.toml')
    return key
