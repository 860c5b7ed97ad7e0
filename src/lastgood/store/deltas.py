"""Deltas: the numbers of a chunk as their differences from those of another chunk, its base.

Between two checkpoints almost every weight moves, but only a little. The difference of two weights' bit patterns, taken
as integers that wrap around, is then small; zigzag makes it small and positive (0, -1, 1, -2 become 0, 1, 2, 3), and
byte planes leave little of it. How many of a difference's bits are set depends on the exponent of the weight: where it
pays, the differences are put in the order of the exponents of a *context* chunk, so that what is alike lies together. The
context is the chunk at the root of a chain of deltas, whose exponents are nearly those of the base: so a whole chain is
added up in one order, and put back once. Where most numbers did not change, only the others are kept, each behind its
gap. As a frame (`Encoding.DELTA`), little-endian; base and context have as many bytes as the chunk:

    item     u8    bytes of a number: 1, 2, 4 or 8
    shift    u8    where the exponent lies in it, the context's numbers being ordered by those 8 bits, stably; 255: no order
    form     u8    0 dense, 1 sparse
    dense          a section of planes of the zigzagged differences (`lastgood.store.planes`)
    sparse         u32 how many numbers differ, u32 how many bytes the gaps take; then two sections:
                     the gaps, one plane: how many numbers without a difference come before, in steps of 255
                     those differences less one, `item` planes
    tail           the chunk's last bytes, where its length is no multiple of `item`

    >>> old, new = (b"".join(struct.pack("<f", 1 + number / step) for number in range(9_000)) for step in (9e6, 9.01e6))
    >>> delta = encode_delta(new, old, old, Numbers(4, 23))
    >>> len(delta) < len(new) // 2, apply_deltas(old, [(delta, old)]) == new
    (True, True)
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lastgood.store.numbers import NO_ORDER, Numbers
from lastgood.store.planes import SLICE, compress, merge, number_type, read_section, slices, split, write_section

if TYPE_CHECKING:
    from lastgood.store.backend import Piece

    Array = np.ndarray[Any, np.dtype[Any]]

_DENSE, _SPARSE = 0, 1
_HEAD = struct.Struct("<BBB")
_SPARSE_HEAD = struct.Struct("<II")
_STEP = 255
_SPARSE_BELOW = 0.5
_SAMPLES = 16
_SAMPLED_NUMBERS = 1 << 10
_SAVING_THAT_PAYS = 20
_SHIFTS = {2: (7, 10), 4: (23,), 8: (52,)}


def is_alike(raw: Piece, base: Piece, numbers: Numbers) -> bool:
    """Whether a delta is likely to pay, judged by a sample: it must be a twentieth smaller than plain planes."""
    return likeness(raw, base, numbers) < 1 - 1 / _SAVING_THAT_PAYS


def likeness(raw: Piece, base: Piece, numbers: Numbers) -> float:
    """Return how long a delta is likely to be, as a share of what plain planes take, judged by a sample; less is more alike."""
    dtype = number_type(numbers.item)
    new, old = (np.frombuffer(one, dtype, count=len(one) // dtype.itemsize) for one in (raw, base))
    if not new.size:
        return 1.0
    step = max(_SAMPLED_NUMBERS, new.size // _SAMPLES)
    parts = [slice(start, start + _SAMPLED_NUMBERS) for start in range(0, new.size, step)]
    sampled = np.concatenate([new[part] for part in parts])
    different = _zigzag(sampled - np.concatenate([old[part] for part in parts]))
    plain, delta = (sum(len(compress(plane.data)) for plane in split(one, dtype.itemsize)) for one in (sampled, different))
    return delta / plain


def encode_delta(raw: Piece, base: Piece, context: Piece, numbers: Numbers) -> bytes:
    """Write a chunk as a delta and prove that it adds up again; base and context have as many bytes.

    Raises:
        ValueError: what was written does not read back the same.
    """
    dtype = number_type(numbers.item)
    item = dtype.itemsize
    shift = numbers.shift if item == numbers.item else NO_ORDER
    count = len(raw) // item
    new, old = (np.frombuffer(one, dtype, count=count) for one in (raw, base))
    if shift != NO_ORDER:
        order = _ORDERS.order_by(context, dtype, shift)
        new, old = new[order], old[order]
    different = _differences(new, old)
    is_sparse = bool(np.count_nonzero(different) < count * _SPARSE_BELOW)
    body = _write_sparse(different) if is_sparse else write_section(split(different, item))
    tail = bytes(memoryview(raw)[count * item :])
    encoded = b"".join((_HEAD.pack(item, shift, _SPARSE if is_sparse else _DENSE), *body, tail))
    # The order is a permutation that the context alone decides, so what adds up in that order adds up.
    proof = old if shift != NO_ORDER else old.copy()
    if _add(proof, _SPARSE if is_sparse else _DENSE, memoryview(encoded)[_HEAD.size :]) != tail or not np.array_equal(proof, new):
        raise ValueError("it does not read back the same")
    return encoded


def guess_numbers(raw: Piece, base: Piece, item: int) -> Numbers:
    """Say where the exponent lies in numbers of so many bytes, judged by how short a delta of the first of them gets."""
    length = min(len(raw), item * SLICE)
    new, old = bytes(raw[:length]), bytes(base[:length])
    known = [Numbers(item, shift) for shift in (NO_ORDER, *_SHIFTS.get(item, ()))]
    return min(known, key=lambda one: len(encode_delta(new, old, old, one)))


def apply_deltas(base: Piece, deltas: Sequence[tuple[Piece, Piece]]) -> Piece:
    """Return the chunk at the end of a chain: from its root, each delta with its context.

    Raises:
        ValueError: one of them is no delta of such chunks.
    """
    values = _Values(base)
    for delta, context in deltas:
        values.add(memoryview(delta), context)
    return values.bytes()


class _Values:
    """The numbers of a chunk on their way through a chain of deltas, in the order of the last one's context."""

    def __init__(self, base: Piece) -> None:
        self._base = base
        self._numbers: Array | None = None
        self._order: Array | None = None
        self._ordered_by: tuple[int, int] | None = None
        self._tail = memoryview(b"")

    def add(self, delta: memoryview, context: Piece) -> None:
        length = len(self._base)
        if len(delta) < _HEAD.size or len(context) != length:
            raise ValueError("it is no delta of a chunk of that length")
        item, shift, form = _HEAD.unpack_from(delta)
        if item not in {1, 2, 4, 8} or (shift != NO_ORDER and shift >= 8 * item):
            raise ValueError(f"it says that its numbers have {item} bytes and an exponent at bit {shift}")
        if self._numbers is None:
            self._numbers = np.frombuffer(self._base, f"<u{item}", count=length // item)
        elif self._numbers.dtype.itemsize != item:
            raise ValueError("the numbers of a chain of deltas have different sizes")
        self._numbers = self._bring_in_order(self._numbers, context, shift)
        self._tail = _add(self._numbers, form, delta[_HEAD.size :])
        if len(self._tail) != length % item:
            raise ValueError(f"it ends in {len(self._tail)} bytes instead of {length % item}")

    def bytes(self) -> Piece:
        if self._numbers is None:
            return self._base
        natural = self._put_back(self._numbers).view(np.uint8).data
        return b"".join((natural, self._tail)) if self._tail else natural

    def _bring_in_order(self, numbers: Array, context: Piece, shift: int) -> Array:
        wanted = None if shift == NO_ORDER else (id(context), shift)
        if wanted == self._ordered_by:
            return self._own(numbers)
        natural = self._put_back(numbers)
        self._order = None if wanted is None else _ORDERS.order_by(context, numbers.dtype, shift)
        self._ordered_by = wanted
        return self._own(natural) if self._order is None else self._own(natural[self._order])

    def _own(self, numbers: Array) -> Array:
        # The base's memory is somebody else's, whether it may be written or not.
        return numbers.copy() if np.may_share_memory(numbers, np.frombuffer(self._base, np.uint8)) else numbers

    def _put_back(self, numbers: Array) -> Array:
        if self._order is None:
            return numbers
        natural = np.empty_like(numbers)
        natural[self._order] = numbers
        return natural


def _add(values: Array, form: int, data: memoryview) -> memoryview:
    """Add a delta's differences to the numbers, in place; return what follows them."""
    if form == _SPARSE:
        return _add_sparse(values, data)
    if form != _DENSE:
        raise ValueError(f"it has the form {form}, which there is not")
    planes, rest = read_section(data, values.dtype.itemsize, values.size)
    for part in slices(values.size):
        different = np.empty(part.stop - part.start, values.dtype)
        merge(planes, part, different)
        np.add(values[part], _unzigzag(different), out=values[part])
    return rest


def _add_sparse(values: Array, data: memoryview) -> memoryview:
    if len(data) < _SPARSE_HEAD.size:
        raise ValueError("it is cut short")
    count, length = _SPARSE_HEAD.unpack_from(data)
    # What it claims is bounded by the chunk before anything is allocated for it.
    if count > values.size or length > count + values.size // _STEP + 1:
        raise ValueError(f"it claims {count} differences of {values.size} numbers")
    (gaps,), rest = read_section(data[_SPARSE_HEAD.size :], 1, length)
    planes, rest = read_section(rest, values.dtype.itemsize, count)
    ends = np.flatnonzero(gaps != _STEP)
    if ends.size != count or (length and ends.size and ends[-1] != length - 1):
        raise ValueError("its gaps do not fit its differences")
    if not count:
        return rest
    positions = np.cumsum(gaps, dtype=np.int64)[ends] + np.arange(count)
    if positions[-1] >= values.size:
        raise ValueError("its differences lie outside of the chunk")
    different = np.empty(count, values.dtype)
    for part in slices(count):
        merge(planes, part, different[part])
    values[positions] += _unzigzag(different + values.dtype.type(1))
    return rest


def _write_sparse(different: Array) -> list[Piece]:
    positions = np.flatnonzero(different)
    between = np.diff(positions, prepend=-1) - 1
    steps = between // _STEP
    gaps = np.full(positions.size + int(steps.sum()), _STEP, np.uint8)
    gaps[np.cumsum(steps + 1) - 1] = between % _STEP
    kept = different[positions] - different.dtype.type(1)
    head = _SPARSE_HEAD.pack(positions.size, gaps.size)
    return [head, *write_section(gaps.reshape(1, -1)), *write_section(split(kept, different.dtype.itemsize))]


def _differences(new: Array, old: Array) -> Array:
    different = np.empty_like(new)
    for part in slices(new.size):
        different[part] = _zigzag(new[part] - old[part])
    return different


def _zigzag(numbers: Array) -> Array:
    """Return 0, 1, 2, 3, … for differences of 0, -1, 1, -2, …, which wrap around."""
    signs = (numbers.view(f"<i{numbers.dtype.itemsize}") >> (8 * numbers.dtype.itemsize - 1)).view(numbers.dtype)
    np.left_shift(numbers, 1, out=numbers)
    return np.bitwise_xor(numbers, signs, out=numbers)


def _unzigzag(numbers: Array) -> Array:
    signs = np.bitwise_and(numbers, 1)
    np.negative(signs, out=signs)
    np.right_shift(numbers, 1, out=numbers)
    return np.bitwise_xor(numbers, signs, out=numbers)


class _Orders(threading.local):
    """The order that was made last in this thread: whoever encodes decodes again at once, to prove it."""

    def __init__(self) -> None:
        self._context: Piece = b""
        self._read_as: tuple[Any, int] | None = None
        self._order: Array | None = None

    def order_by(self, context: Piece, dtype: np.dtype[Any], shift: int) -> Array:
        if self._order is None or self._context is not context or self._read_as != (dtype, shift):
            numbers = np.frombuffer(context, dtype, count=len(context) // dtype.itemsize)
            exponents = np.empty(numbers.size, np.uint8)
            for part in slices(numbers.size):
                np.copyto(exponents[part], numbers[part] >> dtype.type(shift), casting="unsafe")
            self._context, self._read_as, self._order = context, (dtype, shift), np.argsort(exponents, kind="stable")
        return self._order


_ORDERS = _Orders()
