"""How far two tensors of one shape are from each other, added up block by block, so that no tensor is ever in memory.

Rules: an item counts as changed when its bits do; the sums are of 64-bit floats. Items that are NaN or infinite on either
side are left out of every sum and counted on their own. A sum that no float holds is not given. Of what is no number only
the changed blocks are counted.

    relative L2    ‖new − old‖ / ‖old‖; none where the old side is all zeros
    cosine         new·old / (‖new‖ ‖old‖); none where a side is all zeros
    max |Δ|        the largest difference of two items

    >>> from lastgood.compare.artifacts.numbers import number_form
    >>> sums, form = Sums(), number_form("f32")
    >>> sums.add(form, form, np.float32([3, 4]).tobytes(), np.float32([3, 5]).tobytes())
    >>> sums.changed, sums.relative_l2, sums.largest
    (1, 0.2, 1.0)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lastgood.canonical import JsonObject
from lastgood.compare.artifacts.numbers import Floats, Integers, NumberForm


@dataclass(slots=True)
class Sums:
    """What is known of the difference of two tensors, or of many together.

    Attributes:
        items: how many were compared.
        changed: how many of them differ.
        numeric: whether they are numbers; else they are blocks, and all that follows is empty.
        delta_square: the sum of the squares of the differences.
        old_square: the sum of the squares of the old side.
        new_square: likewise of the new side.
        product: the sum of the products of both.
        largest: the largest difference.
        old_nan: how many items are NaN on the old side.
        new_nan: likewise on the new side.
        old_infinite: how many items are infinite on the old side.
        new_infinite: likewise on the new side.
    """

    items: int = 0
    changed: int = 0
    numeric: bool = True
    delta_square: float = 0.0
    old_square: float = 0.0
    new_square: float = 0.0
    product: float = 0.0
    largest: float = 0.0
    old_nan: int = 0
    new_nan: int = 0
    old_infinite: int = 0
    new_infinite: int = 0

    @property
    def relative_l2(self) -> float | None:
        """How far the new side is from the old one, against the old one's length."""
        if not self.numeric or self.old_square <= 0 or not math.isfinite(self.old_square):
            return 0.0 if self.numeric and self.delta_square == 0 else None
        return _finite(math.sqrt(self.delta_square / self.old_square))

    @property
    def cosine(self) -> float | None:
        """The cosine of the angle between both sides."""
        if not self.numeric or min(self.old_square, self.new_square) <= 0:
            return None
        cosine = _finite(self.product / math.sqrt(self.old_square) / math.sqrt(self.new_square))
        return cosine if cosine is None else min(max(cosine, -1.0), 1.0)

    @property
    def share(self) -> float:
        """The share of what changed in what was compared."""
        return self.changed / self.items if self.items else 0.0

    @property
    def weight(self) -> tuple[float, float]:
        """What to sort by: the furthest first; what came from zeros is as far as can be."""
        relative = self.relative_l2
        if relative is None:
            return (math.inf if self.numeric else 0.0, self.share)
        return (relative, self.share)

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        measured: JsonObject = {"items": self.items, "changed": self.changed, "share": self.share}
        if not self.numeric:
            return {"unit": "blocks", **measured}
        return {
            "unit": "values",
            **measured,
            "relative_l2": self.relative_l2,
            "cosine": self.cosine,
            "largest": _finite(self.largest),
            "nan": [self.old_nan, self.new_nan],
            "infinite": [self.old_infinite, self.new_infinite],
        }

    def include(self, other: Sums) -> None:
        """Add up what is known of another tensor as well."""
        self.items += other.items
        self.changed += other.changed
        if not other.numeric:
            return
        self.delta_square += other.delta_square
        self.old_square += other.old_square
        self.new_square += other.new_square
        self.product += other.product
        self.largest = max(self.largest, other.largest)
        self.old_nan += other.old_nan
        self.new_nan += other.new_nan
        self.old_infinite += other.old_infinite
        self.new_infinite += other.new_infinite

    def add(self, old_form: NumberForm, new_form: NumberForm, old: bytes, new: bytes) -> None:
        """Compare two blocks of as many numbers."""
        if old == new and old_form == new_form:
            self.add_same(old_form, old)
            return
        same_form = old_form == new_form
        with np.errstate(all="ignore"):
            left, right = old_form.read(old), new_form.read(new)
            self.items += len(left)
            delta = np.subtract(right, left)
            self.changed += _count_changed(old, new, old_form.item_bytes) if same_form else int(np.count_nonzero(delta))
            if same_form and old_form.integer is not None:
                delta = _exact(np.frombuffer(old, old_form.integer), np.frombuffer(new, old_form.integer))
            self._add_floats(left, right, delta)

    def add_same(self, form: NumberForm, data: bytes) -> None:
        """Take in a block that both sides have."""
        with np.errstate(all="ignore"):
            values = form.read(data)
            self.items += len(values)
            self._add_floats(values, values, None)

    def add_blocks(self, item_bytes: int, old: bytes, new: bytes) -> None:
        """Compare blocks that are no numbers."""
        self.numeric = False
        self.items += len(old) // item_bytes
        self.changed += _count_changed(old, new, item_bytes)

    def add_same_blocks(self, length: int, item_bytes: int) -> None:
        """Take in blocks that both sides have, unread."""
        self.numeric = False
        self.items += length // item_bytes

    def _add_floats(self, old: Floats, new: Floats, delta: Floats | None) -> None:
        old_square = _dot(old, old)
        new_square = old_square if new is old else _dot(new, new)
        if not math.isfinite(old_square + new_square):
            old, new, delta = self._without_infinite(old, new, delta)
            old_square, new_square = _dot(old, old), _dot(new, new)
        self.old_square += old_square
        self.new_square += new_square
        self.product += old_square if new is old else _dot(old, new)
        if delta is not None and len(delta):
            self.delta_square += _dot(delta, delta)
            self.largest = max(self.largest, float(np.abs(delta, out=delta).max()))

    def _without_infinite(self, old: Floats, new: Floats, delta: Floats | None) -> tuple[Floats, Floats, Floats | None]:
        """Count what is NaN or infinite, and leave it out."""
        self.old_nan += int(np.count_nonzero(np.isnan(old)))
        self.new_nan += int(np.count_nonzero(np.isnan(new)))
        self.old_infinite += int(np.count_nonzero(np.isinf(old)))
        self.new_infinite += int(np.count_nonzero(np.isinf(new)))
        kept = np.isfinite(old) & np.isfinite(new)
        if new is old:
            old = old[kept]
            return old, old, None
        return old[kept], new[kept], None if delta is None else delta[kept]


def _dot(left: Floats, right: Floats) -> float:
    # Not `np.dot`: for blocks of this size its threads cost more than they save.
    return float(np.einsum("i,i->", left, right))


def _count_changed(old: bytes, new: bytes, item_bytes: int) -> int:
    """Count the items whose bytes differ."""
    if item_bytes in {1, 2, 4, 8}:
        kind = np.dtype(f"u{item_bytes}")
        return int(np.count_nonzero(np.frombuffer(old, kind) != np.frombuffer(new, kind)))
    left, right = (np.frombuffer(data, np.uint8).reshape(-1, item_bytes) for data in (old, new))
    return int(np.count_nonzero((left != right).any(axis=1)))


def _exact(old: Integers, new: Integers) -> Floats:
    """Return how far integers are from each other, without the rounding of large ones to floats."""
    unsigned = np.dtype(f"u{old.dtype.itemsize}")
    left, right = old.astype(old.dtype.newbyteorder("=")).view(unsigned), new.astype(new.dtype.newbyteorder("=")).view(unsigned)
    # Differences of unsigned numbers wrap around, which gives the distance of signed ones as well.
    distance: Floats = np.where(new > old, right - left, left - right).astype(np.float64)
    return distance


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
