"""How the bytes of a tensor's chunk are read as numbers.

>>> Numbers(4, 23).item
4
"""

from __future__ import annotations

from dataclasses import dataclass

NO_ORDER = 255


@dataclass(frozen=True, slots=True)
class Numbers:
    """How a chunk's bytes are read as numbers, little-endian.

    Attributes:
        item: the bytes of one, 1 to 255; where it is none of 1, 2, 4 and 8 a delta is taken of single bytes.
        shift: where its exponent begins, in bits; `NO_ORDER` where it has none.
    """

    item: int
    shift: int = NO_ORDER
