"""The kinds of ggml, by their number in a GGUF file: name, items a block, bytes a block.

Numbers that ggml gave up stand here as well, since files with them are about: their blocks are those of the kind that
they repacked.

Source: `enum ggml_type` and its table of sizes in ggml.

    >>> KINDS[12]
    Kind(name='q4_k', items=256, bytes=144)
"""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """How the items of a kind are kept: a block of `bytes` holds `items` of them."""

    name: str
    items: int
    bytes: int


_TABLE = """
    0 f32 1 4       1 f16 1 2       2 q4_0 32 18    3 q4_1 32 20    6 q5_0 32 22    7 q5_1 32 24
    8 q8_0 32 34    9 q8_1 32 40    10 q2_k 256 84  11 q3_k 256 110 12 q4_k 256 144 13 q5_k 256 176
    14 q6_k 256 210 15 q8_k 256 292 16 iq2_xxs 256 66               17 iq2_xs 256 74
    18 iq3_xxs 256 98               19 iq1_s 256 50                 20 iq4_nl 32 18 21 iq3_s 256 110
    22 iq2_s 256 82 23 iq4_xs 256 136               24 i8 1 1       25 i16 1 2      26 i32 1 4
    27 i64 1 8      28 f64 1 8      29 iq1_m 256 56 30 bf16 1 2     31 q4_0_4_4 32 18
    32 q4_0_4_8 32 18               33 q4_0_8_8 32 18               34 tq1_0 256 54 35 tq2_0 256 66
    36 iq4_nl_4_4 32 18             37 iq4_nl_4_8 32 18             38 iq4_nl_8_8 32 18
    39 mxfp4 32 17  40 nvfp4 64 36  41 q1_0 128 18
"""
_WORDS = _TABLE.split()

KINDS = {
    int(number): Kind(name, int(items), int(size))
    for number, name, items, size in zip(_WORDS[::4], _WORDS[1::4], _WORDS[2::4], _WORDS[3::4], strict=True)
}
