"""Kinds of items by the name they have here: how many bits one takes, and how many bytes of a file repeat as an item.

Every format has names of its own for the same few kinds; its reader translates them into these, so that a tensor exported
from one format into another keeps its kind.

    >>> BITS["bf16"], item_bytes_of("bf16"), item_bytes_of("c64"), item_bytes_of("never heard of")
    (16, 2, 4, 1)
"""

from __future__ import annotations

BITS = {
    "bool": 8,
    "u2": 2,
    "i2": 2,
    "u4": 4,
    "i4": 4,
    "f4": 4,
    "f6_e2m3": 6,
    "f6_e3m2": 6,
    "u8": 8,
    "i8": 8,
    "f8_e4m3": 8,
    "f8_e4m3fnuz": 8,
    "f8_e5m2": 8,
    "f8_e5m2fnuz": 8,
    "f8_e8m0": 8,
    "u16": 16,
    "i16": 16,
    "f16": 16,
    "bf16": 16,
    "u32": 32,
    "i32": 32,
    "f32": 32,
    "u64": 64,
    "i64": 64,
    "f64": 64,
    "f128": 128,
    "c32": 32,
    "c64": 64,
    "c128": 128,
    "c256": 256,
}
"""How many bits an item takes in a file, those of less than a byte packed."""


def items_in(dtype: str, length: int) -> int:
    """Return how many items of a kind fill some bytes, counted as bytes where nothing is known of it."""
    return length * 8 // BITS.get(dtype.removesuffix("_be"), 8)


def item_bytes_of(dtype: str) -> int:
    """Return how many bytes repeat as an item of a kind: of a complex number the float inside, and 1 where nothing is known."""
    name = dtype.removesuffix("_be")
    bits = BITS.get(name, 8)
    if name.startswith("c"):
        bits //= 2
    # Four items of six bits fill three bytes; of those that pack evenly the byte is what repeats.
    return 3 if name.startswith("f6_") else max(bits // 8, 1)
