"""The items of tensors as numbers: every kind that stands for one is read into 64-bit floats, or exact integers.

Rules: complex numbers are read as the floats inside; kinds of less than a byte, quantised blocks and kinds that nobody
knows are no numbers here, and can only be the same or not.

Sources: IEEE 754 for `f16` to `f64`; `bf16` is the upper half of an `f32`; the 8-bit floats after Micikevicius et al.,
"FP8 formats for deep learning" (2022), their `fnuz` forms (no infinities, no negative zero, NaN is 0x80) after Noune et
al., "8-bit numerical formats for deep neural networks" (2022); `f8_e8m0` after the OCP microscaling formats, version 1.0.

    >>> form = number_form("bf16")
    >>> form.item_bytes, form.read(bytes([0x80, 0x3F])).tolist()
    (2, [1.0])
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class NumberForm:
    """How the items of a kind are read.

    Attributes:
        item_bytes: how many bytes one takes.
        read: makes floats of bytes.
        integer: the kind of integer that they are, None for floats.
    """

    item_bytes: int
    read: Callable[[bytes], Floats]
    integer: np.dtype[np.integer] | None = None


_FLOATS = {"f16": "f2", "f32": "f4", "f64": "f8", "c32": "f2", "c64": "f4", "c128": "f8"}
_INTEGERS = {"bool": "u1", "u8": "u1", "i8": "i1", "u16": "u2", "i16": "i2", "u32": "u4", "i32": "i4", "u64": "u8", "i64": "i8"}


@cache
def number_form(dtype: str) -> NumberForm | None:
    """Return how the items of a kind are read, None where they are no numbers."""
    name, order = dtype.removesuffix("_be"), ">" if dtype.endswith("_be") else "<"
    if name in _FLOATS:
        return _plain(np.dtype(f"{order}{_FLOATS[name]}"))
    if name in _INTEGERS:
        integer: np.dtype[np.integer] = np.dtype(f"{order}{_INTEGERS[name]}")
        return NumberForm(integer.itemsize, _plain(integer).read, integer)
    if name == "bf16":
        return NumberForm(2, lambda data: _widened(np.frombuffer(data, f"{order}u2")))
    if name in _TABLES:
        table = _TABLES[name]()
        return NumberForm(1, lambda data: table[np.frombuffer(data, np.uint8)])
    return None


def _plain(dtype: np.dtype[np.generic]) -> NumberForm:
    return NumberForm(dtype.itemsize, lambda data: np.frombuffer(data, dtype).astype(np.float64))


def _widened(halves: npt.NDArray[np.generic]) -> Floats:
    return (halves.astype(np.uint32) << 16).view(np.float32).astype(np.float64)


def _eight_bits(exponent_bits: int, bias: int, nan: Callable[[int], bool], infinity: int | None = None) -> Floats:
    """Return the value of each of the 256 items."""
    mantissa_bits = 7 - exponent_bits
    values = np.empty(256)
    for code in range(256):
        magnitude = code & 0x7F
        exponent, mantissa = magnitude >> mantissa_bits, magnitude & ((1 << mantissa_bits) - 1)
        fraction = mantissa / (1 << mantissa_bits) + (exponent > 0)
        value = fraction * 2.0 ** (max(exponent, 1) - bias)
        if nan(code):
            value = float("nan")
        elif magnitude == infinity:
            value = float("inf")
        values[code] = -value if code & 0x80 else value
    return values


def _powers() -> Floats:
    values = np.exp2(np.arange(256, dtype=np.float64) - 127)
    values[255] = np.nan
    return values


_TABLES: dict[str, Callable[[], Floats]] = {
    "f8_e4m3": lambda: _eight_bits(4, 7, lambda code: code & 0x7F == 0x7F),  # noqa: PLR2004 - all ones
    "f8_e5m2": lambda: _eight_bits(5, 15, lambda code: code & 0x7F > 0x7C, 0x7C),  # noqa: PLR2004 - above infinity
    "f8_e4m3fnuz": lambda: _eight_bits(4, 8, lambda code: code == 0x80),  # noqa: PLR2004 - what would be -0
    "f8_e5m2fnuz": lambda: _eight_bits(5, 16, lambda code: code == 0x80),  # noqa: PLR2004 - likewise
    "f8_e8m0": _powers,
}
