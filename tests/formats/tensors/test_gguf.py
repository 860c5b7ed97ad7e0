"""GGUF: a real file, files to the letter, and headers that lie."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import pytest

from lastgood.formats.tensors.ggml import KINDS
from tests.formats.tensors.files import described, gguf_file, layout_of, peak_of, problem_of, read, text

GOLDEN = Path(__file__).parent / "golden"
F32, F16, Q4_0, Q4_K, Q8_K = 0, 1, 2, 12, 15


def pair(key: str | bytes, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def listed(kind: int, count: int, items: bytes) -> bytes:
    return struct.pack("<IQ", kind, count) + items


def aligned(to: int) -> bytes:
    return pair("general.alignment", 4, struct.pack("<I", to))


ALL_TYPES = [
    pair("u8", 0, b"\1"),
    pair("i8", 1, b"\1"),
    pair("u16", 2, b"\1\0"),
    pair("i16", 3, b"\1\0"),
    pair("u32", 4, bytes(4)),
    pair("i32", 5, bytes(4)),
    pair("f32", 6, bytes(4)),
    pair("bool", 7, b"\1"),
    pair("text", 8, text("a value")),
    pair("u64", 10, bytes(8)),
    pair("i64", 11, bytes(8)),
    pair("f64", 12, bytes(8)),
    pair("texts", 9, listed(8, 3, text("a") + text("") + text("ccc"))),
    pair("numbers", 9, listed(6, 5, bytes(20))),
    pair("lists", 9, listed(9, 2, listed(0, 2, b"ab") + listed(8, 1, text("x")))),
    pair("nothing", 9, listed(12, 0, b"")),
]


def test_a_file_of_the_reference_writer() -> None:
    data = (GOLDEN / "small.gguf").read_bytes()

    # The places are those that the reference reader gives.
    assert [(name, dtype, shape, data.index(found), len(found), item) for name, dtype, shape, found, item in layout_of(data, "gguf")] == [
        ("output_norm.weight", "f32", (7,), 1248, 28, 4),
        ("blk.0.attn_q.weight", "q8_0", (4, 256), 1280, 1088, 34),
        ("blk.0.attn_k.weight", "q4_0", (2, 256), 2368, 288, 18),
        ("blk.0.ffn.weight", "f16", (2, 256), 2656, 1024, 2),
    ]


@pytest.mark.parametrize("version", [2, 3])
def test_pairs_of_every_type_are_passed_over(version: int) -> None:
    tensors = [
        described("a", (4, 2), F16, 0),
        described("b", (32,), Q4_0, 32),
        described("c", (3, 0), F32, 64),
        described("d", (), F32, 64),
    ]
    data = gguf_file(tensors, ALL_TYPES, bytes(range(50)) + bytes(14) + b"abcd", version=version)

    assert layout_of(data, "gguf") == [
        ("a", "f16", (2, 4), bytes(range(16)), 2),
        ("b", "q4_0", (32,), bytes(range(32, 50)), 18),
        ("d", "f32", (), b"abcd", 4),
    ]


def test_an_alignment_of_its_own() -> None:
    data = gguf_file([described("a", (1,), F32, 128)], [aligned(128)], bytes(128) + b"here", alignment=128)

    assert layout_of(data, "gguf") == [("a", "f32", (1,), b"here", 4)]


@pytest.mark.parametrize("number", sorted(KINDS))
def test_every_kind_has_its_blocks(number: int) -> None:
    kind = KINDS[number]
    data = gguf_file([described("w", (kind.items * 3, 2), number, 0)], (), bytes(kind.bytes * 6))

    (tensor,) = layout_of(data, "gguf")
    assert tensor[1:3] == (kind.name, (2, kind.items * 3))
    assert len(tensor[3]) == kind.bytes * 6
    assert tensor[4] == (kind.bytes if kind.bytes <= 255 else 1)


def test_the_sizes_of_blocks_that_are_known_by_heart() -> None:
    known = {
        "q4_0": (32, 18),
        "q8_0": (32, 34),
        "q4_k": (256, 144),
        "q6_k": (256, 210),
        "iq4_nl": (32, 18),
        "tq2_0": (256, 66),
        "mxfp4": (32, 17),
    }

    assert {kind.name: (kind.items, kind.bytes) for kind in KINDS.values() if kind.name in known} == known
    assert {KINDS[number].name for number in (0, 1, 28, 30)} == {"f32", "f16", "f64", "bf16"}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (gguf_file(version=1), "version 1"),
        (gguf_file(version=0x03000000), "version 50331648"),
        (gguf_file(counts=(100_001, 0)), "more than 100,000 tensors"),
        (gguf_file(counts=(1 << 63, 0)), "more than 100,000 tensors"),
        (gguf_file(counts=(0, 1 << 63)), "more than 2,000,000 values"),
        (gguf_file(counts=(1, 0)), "cut short"),
        (gguf_file(counts=(0, 1)), "cut short"),
        (gguf_file(pairs=[pair("x", 13, bytes(8))]), "type 13"),
        (
            gguf_file(pairs=[pair("x", 9, listed(9, 1, listed(9, 1, listed(9, 1, listed(9, 1, listed(0, 1, b"a"))))))]),
            "lists more than 4 deep",
        ),
        (gguf_file(pairs=[pair("x", 9, listed(0, 1 << 60, b""))]), "cut short"),
        (gguf_file(pairs=[pair("x", 9, listed(8, 1 << 60, b""))]), "more than 2,000,000 values"),
        (gguf_file(pairs=[pair("x", 9, listed(9, 1 << 60, b""))]), "more than 2,000,000 values"),
        (gguf_file(pairs=[pair("x", 8, struct.pack("<Q", 1 << 62))]), "cut short"),
        (gguf_file(pairs=[pair(b"k" * 65_536, 0, b"a")]), "65,535 bytes"),
        (gguf_file(pairs=[aligned(0)]), "aligned to 0"),
        (gguf_file(pairs=[aligned(1 << 31)]), "aligned to 2,147,483,648"),
        (gguf_file([described("n" * 5_000, (1,), F32, 0)], (), bytes(4)), "4,096 bytes"),
        (gguf_file([described("n" * 1_025, (1,), F32, 0)], (), bytes(4)), "1,024 characters"),
        (gguf_file([described(b"\xff", (1,), F32, 0)], (), bytes(4)), "UTF-8"),
        (gguf_file([described("a\x1b[2J", (1,), F32, 0)], (), bytes(4)), "control characters"),
        (gguf_file([described("a", (1,) * 33, F32, 0)], (), bytes(4)), "33 dimensions"),
        (gguf_file([described("a", (1,), 99, 0)], (), bytes(4)), "kind 99"),
        (gguf_file([described("a", (31,), Q4_0, 0)], (), bytes(99)), "blocks of 32"),
        (gguf_file([described("a", (1 << 60, 1 << 60), F32, 0)], (), bytes(99)), "of a file of"),
        (gguf_file([described("a", (2,), F32, 0)], (), bytes(7)), "of a file of"),
        (gguf_file([described("a", (1,), F32, 4)], (), bytes(99)), "not aligned"),
        (gguf_file([described("a", (1,), F32, 1 << 63)], (), bytes(99)), "of a file of"),
        (gguf_file([described("a", (1,), F32, 0), described("a", (1,), F32, 32)], (), bytes(99)), "two tensors named"),
        (gguf_file([described("a", (9,), F32, 0), described("b", (1,), F32, 32)], (), bytes(99)), "before the one"),
        (gguf_file([described("a", (1,), F32, 0)], [aligned(1 << 20)], bytes(99)), "of a file of"),
    ],
    ids=range(30),
)
def test_a_header_that_lies_is_a_problem_in_words(data: bytes, said: str) -> None:
    assert said in problem_of(data, "gguf")


def test_every_prefix_of_a_file_is_a_problem() -> None:
    whole = gguf_file([described("a", (4,), F32, 0)], ALL_TYPES, bytes(16))
    for length in range(8, len(whole)):
        assert problem_of(whole[:length], "gguf")
    assert read(whole[:7]) is None


def test_a_large_vocabulary_costs_little() -> None:
    tokens = pair("tokenizer.ggml.tokens", 9, listed(8, 500_000, text("a token") * 500_000))
    data = gguf_file([described("a", (1,), F32, 0)], [tokens], bytes(4))
    began = time.perf_counter()
    assert [one[0] for one in layout_of(data, "gguf")] == ["a"]
    assert time.perf_counter() - began < 10


def test_lists_of_lists_of_nothing_cannot_multiply_work() -> None:
    # Each list takes 12 bytes and holds lists again: what is counted is every one of them.
    data = gguf_file(pairs=[pair("x", 9, listed(9, 1_000_000, listed(9, 0, b"") * 100_000))])
    assert "cut short" in problem_of(data, "gguf")
    assert peak_of(lambda: read(data)) < 10_000_000
    data = gguf_file(pairs=[pair("x", 9, listed(9, 2_000_000, b""))])
    assert "more than 2,000,000 values" in problem_of(data, "gguf")


def test_a_header_may_not_go_on_for_ever() -> None:
    data = gguf_file(pairs=[pair("k", 9, listed(0, 40_000_000, bytes(40_000_000)))] * 3)

    assert "a header of more than 100,000,000 bytes" in problem_of(data, "gguf")
