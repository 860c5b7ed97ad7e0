"""Measures two tensors against each other, streaming: what both sides share is read once and only if anything else differs.

Rules: stretches that are not known to be shared are read on both sides, in blocks of a mebibyte. Only where that finds a
difference, the shared rest of the tensor is read, on one side, since its length counts for the norms; a tensor that is
the same is not read beyond what had to be looked at. Two tensors of different kinds are compared as the numbers that they
stand for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod

from lastgood.compare.artifacts.numbers import NumberForm, number_form
from lastgood.compare.artifacts.reading import Sources
from lastgood.compare.artifacts.sharing import Run, runs
from lastgood.compare.artifacts.sides import STORAGES, Placed
from lastgood.compare.artifacts.sums import Sums
from lastgood.formats.tensors import Tensor

BLOCK_ITEMS = 1 << 16
"""How many numbers are in memory at a time; as 64-bit floats, half a mebibyte a side."""

BLOCK_BYTES = 1 << 20
"""How many bytes of what is no number are."""


def measure(old: Placed, new: Placed, sources: Sources) -> Sums | None:
    """Measure two tensors against each other; None where their shapes or kinds allow nothing of the sort.

    Of tensors that differ in their first dimension only, the rows that both have are measured. Where both sides share all of a
    tensor nothing is read.

    Raises:
        Integrity: their bytes are damaged.
    """
    rows = _shared_share(old, new)
    if rows is None:
        return None
    forms = [form_of(one.tensor) for one in (old, new)]
    if forms[0] is not None and forms[1] is not None:
        counts = [one.tensor.length // form.item_bytes for one, form in zip((old, new), forms, strict=True) if form is not None]
        # A complex number is two, and so is no match for a real one.
        if old.tensor.dtype != new.tensor.dtype and counts[0] != counts[1]:
            return None
        return _Numbers(old, new, forms[0], forms[1]).measure(rows, sources)
    if old.tensor.dtype != new.tensor.dtype:
        return None
    return _Blocks(old, new, old.tensor.item_bytes if old.tensor.item_bytes == new.tensor.item_bytes else 1).measure(rows, sources)


def form_of(tensor: Tensor) -> NumberForm | None:
    """Return how a tensor's items are read as numbers, None where they are none, or where that is not known."""
    form = number_form(tensor.dtype)
    return form if form is not None and tensor.item_bytes == form.item_bytes else None


def has_one_shape(old: Placed, new: Placed) -> bool:
    """Say whether two tensors have one shape; of a storage only the number of items is known."""
    if old.tensor.dtype == new.tensor.dtype and old.tensor.length != new.tensor.length:
        return False
    if STORAGES in {old.form, new.form}:
        return prod(old.tensor.shape) == prod(new.tensor.shape)
    return old.tensor.shape == new.tensor.shape


def _shared_share(old: Placed, new: Placed) -> tuple[int, int] | None:
    """Return which share of the old tensor lies, row by row, in the new one as well: so many of so many rows."""
    if has_one_shape(old, new):
        return 1, 1
    before, after = old.tensor, new.tensor
    if before.dtype != after.dtype or not before.shape or not after.shape:
        return None
    if before.length == after.length:
        # Only the shape was changed.
        return 1, 1
    if before.shape[1:] != after.shape[1:] or not before.shape[0]:
        return None
    return min(before.shape[0], after.shape[0]), before.shape[0]


def _runs(old: Placed, new: Placed, length: int, sources: Sources) -> list[Run]:
    if old.entry.digest == new.entry.digest and old.tensor.offset == new.tensor.offset:
        return [Run(0, length, shared=True)]
    return runs(sources.parts(old.entry), old.tensor.offset, sources.parts(new.entry), new.tensor.offset, length)


@dataclass(frozen=True, slots=True)
class _Numbers:
    old: Placed
    new: Placed
    old_form: NumberForm
    new_form: NumberForm

    def measure(self, rows: tuple[int, int], sources: Sources) -> Sums:
        item = self.old_form.item_bytes
        count = self.old.tensor.length // item * rows[0] // rows[1]
        sums = Sums()
        stretches = self._stretches(count, sources)
        for start, stop in _steps(stretches, BLOCK_ITEMS, shared=False):
            sums.add(self.old_form, self.new_form, *(read(start, stop) for read in self._readers(sources)))
        if sums.changed:
            for start, stop in _steps(stretches, BLOCK_ITEMS, shared=True):
                sums.add_same(self.old_form, self._readers(sources)[0](start, stop))
        return sums

    def _stretches(self, count: int, sources: Sources) -> list[Run]:
        """Return the stretches in items."""
        item = self.old_form.item_bytes
        if self.old.tensor.dtype != self.new.tensor.dtype:
            return [Run(0, count, shared=False)]
        return _in_items(_runs(self.old, self.new, count * item, sources), item)

    def _readers(self, sources: Sources) -> Sequence[partial[bytes]]:
        sides = (self.old, self.old_form), (self.new, self.new_form)
        return [partial(_read_items, sources, one, form.item_bytes) for one, form in sides]


@dataclass(frozen=True, slots=True)
class _Blocks:
    old: Placed
    new: Placed
    item: int

    def measure(self, rows: tuple[int, int], sources: Sources) -> Sums:
        item = self.item
        # Of a kind that nobody knows the length may not be what the shape asks for.
        count = min(self.old.tensor.length // item * rows[0] // rows[1], self.new.tensor.length // item)
        sums = Sums(numeric=False)
        stretches = _in_items(_runs(self.old, self.new, count * item, sources), item)
        for start, stop in _steps(stretches, max(BLOCK_BYTES // item, 1), shared=False):
            sums.add_blocks(item, *(_read_items(sources, one, item, start, stop) for one in (self.old, self.new)))
        for run in stretches:
            if run.shared:
                sums.add_same_blocks(run.length * item, item)
        return sums


def _read_items(sources: Sources, one: Placed, item: int, start: int, stop: int) -> bytes:
    return sources.read(one.entry, one.tensor.offset + start * item, (stop - start) * item)


def _in_items(found: Sequence[Run], item: int) -> list[Run]:
    """Return stretches in items: one that is not wholly within what is shared counts as not shared."""
    stretches: list[Run] = []
    at = 0
    for run in found:
        if not run.shared:
            continue
        start, stop = -(-run.start // item), run.end // item
        if start >= stop:
            continue
        if start > at:
            stretches.append(Run(at, start - at, shared=False))
        stretches.append(Run(start, stop - start, shared=True))
        at = stop
    end = found[-1].end // item if found else 0
    if end > at:
        stretches.append(Run(at, end - at, shared=False))
    return stretches


def _steps(stretches: Sequence[Run], block: int, *, shared: bool) -> Iterator[tuple[int, int]]:
    """Yield the shared or the other stretches, cut into blocks."""
    for run in stretches:
        if run.shared is shared:
            for start in range(run.start, run.end, block):
                yield start, min(start + block, run.end)
