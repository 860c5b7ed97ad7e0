"""The listings of many releases, of which most lines are the same: each line is read once, and is a number from then on.

lines = Lines(reader, index)
rows, sizes, is_optimizer = lines.of(component)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lastgood.ids import FileDigest
from lastgood.model.component import Component
from lastgood.model.parts import Part, part_of
from lastgood.registry.cost_index import Index, Mask, Numbers, Rows
from lastgood.registry.points import listing_of, parse_entries
from lastgood.store.reader import ObjectReader

_FIRST_ROOM = 1024
_MOST_REMEMBERED = 1 << 26
"""How many lines of listings are remembered by their numbers, 4 bytes each, so that they are not read once more."""

_Number = TypeVar("_Number", bound=np.generic)


class Lines:
    """The lines of listings."""

    def __init__(self, reader: ObjectReader, index: Index) -> None:
        self._reader = reader
        self._index = index
        self._known: dict[bytes, int] = {}
        self._read_before: dict[FileDigest, Rows] = {}
        self._room = _MOST_REMEMBERED
        self._rows = np.empty(_FIRST_ROOM, dtype=np.int32)
        self._sizes = np.empty(_FIRST_ROOM, dtype=np.int64)
        self._optimizer = np.empty(_FIRST_ROOM, dtype=np.bool_)

    def of(self, component: Component) -> tuple[Rows, Numbers, Mask]:
        """Return of each line of a component's listing the row of its file, -1 if it is not kept; its size; whether it is optimizer state.

        Raises:
            Integrity: the listing is not kept, or is none.
        """
        numbers = self._numbers(component)
        return self._rows[numbers], self._sizes[numbers], self._optimizer[numbers]

    def has(self, component: Component) -> bool:
        """Whether the listing of a component, if it should have one, is kept: a repair may have found it lost."""
        listing = component.content.listing
        return listing is None or bool(self._index.files.find(listing)[0] >= 0)

    def parts_of(self, component: Component) -> list[Part]:
        """Return which parts a component has; none where its listing is lost.

        Raises:
            Integrity: the listing is damaged.
        """
        if not self.has(component):
            return []
        numbers = self._numbers(component)
        is_optimizer = self._optimizer[numbers]
        has = {Part.FILES: not is_optimizer.all(), Part.OPTIMIZER: bool(is_optimizer.any())}
        return [part for part in Part if has[part]]

    def files(self, digests: Sequence[FileDigest]) -> tuple[Rows, int]:
        """Return the rows of those of the files that are kept, and the sizes of these together."""
        rows = self._index.files.find(b"".join(digests))
        rows = rows[rows >= 0]
        return rows, int(self._index.sizes[rows].sum())

    def _numbers(self, component: Component) -> Rows:
        listing = component.content.listing
        if listing in self._read_before:
            return self._read_before[listing]
        lines = listing_of(component, self._reader).splitlines(keepends=True)
        new = [line for line in lines if line not in self._known]
        if new:
            self._read(new, component)
        numbers = np.fromiter((self._known[line] for line in lines), dtype=np.int32, count=len(lines))
        if listing is not None and self._room >= len(numbers):
            self._room -= len(numbers)
            self._read_before[listing] = numbers
        return numbers

    def _read(self, new: Sequence[bytes], component: Component) -> None:
        entries = parse_entries(b"".join(new), component)
        begin = len(self._known)
        end = begin + len(entries)
        while end > len(self._rows):
            self._rows, self._sizes, self._optimizer = _grown(self._rows), _grown(self._sizes), _grown(self._optimizer)
        found = self._index.files.find(b"".join(entry.digest for entry in entries))
        self._rows[begin:end] = found
        self._sizes[begin:end] = [entry.size for entry in entries]
        self._optimizer[begin:end] = [part_of(entry.path) is Part.OPTIMIZER for entry in entries]
        self._known.update((line, begin + number) for number, line in enumerate(new))


def _grown(column: NDArray[_Number]) -> NDArray[_Number]:
    return np.concatenate([column, np.empty_like(column)])
