"""ONNX: a real model, models to the letter, and other files that begin alike."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.formats.tensors.files import check_promises, initializer, layout_of, message, number, onnx_file, peak_of, problem_of, read

GOLDEN = Path(__file__).parent / "golden"
FLOAT, INT64, FLOAT16 = 1, 7, 10
ONE = initializer("w", FLOAT, (2,), b"12345678")


def test_a_model_of_the_reference_writer() -> None:
    layout = layout_of((GOLDEN / "small.onnx").read_bytes(), "onnx")

    # What is listed number by number, and what stands in a node, is not laid out.
    assert [(name, dtype, shape, len(data), item) for name, dtype, shape, data, item in layout] == [
        ("W", "f32", (3, 4), 48, 4),
        ("B", "i64", (4,), 32, 8),
        ("H", "f16", (2, 2), 8, 2),
    ]
    assert layout[1][3] == struct.pack("<4q", 0, 1, 2, 3)


def test_initialisers_by_hand() -> None:
    packed = message(5, message(1, b"\x02\x01") + number(2, FLOAT16) + message(8, b"p") + message(9, b"abcd"))
    external = message(5, number(1, 4) + number(2, FLOAT) + message(8, b"e") + message(13, b"x"))
    unknown = initializer("u", 99, (3,), b"12345")
    node = message(1, message(1, b"x") + message(4, b"MatMul"))
    graph = node * 3 + ONE + packed + external + unknown + initializer("none", INT64, (0,), b"") + message(2, b"main") + message(11, b"")

    assert layout_of(onnx_file(graph), "onnx") == [
        ("w", "f32", (2,), b"12345678", 4),
        ("p", "f16", (2, 1), b"abcd", 2),
        ("u", "onnx_99", (3,), b"12345", 1),
    ]
    assert layout_of(onnx_file(graph, version=2)[:-4], "onnx")[0][0] == "w"


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        (ONE + ONE, "two tensors named 'w'"),
        (initializer("w", FLOAT, (3,), b"12345678"), "shape asks"),
        (initializer("w", FLOAT, (1 << 40, 1 << 40), b"12345678"), "shape asks"),
        (initializer("w", FLOAT, (1,) * 33, b"1234"), "shape of the tensor"),
        (message(5, message(1, b"\x01" * 500) + message(9, b"1234")), "shape of the tensor"),
        (message(5, message(1, b"\x80" * 5) + message(9, b"1234")), "does not end"),
        (initializer("n" * 1_025, FLOAT, (2,), b"12345678"), "1,024 characters"),
        (initializer("n" * 5_000, FLOAT, (2,), b"12345678"), "1,024 characters"),
        (initializer(b"\xff", FLOAT, (2,), b"12345678"), "UTF-8"),
        (initializer("a\0b", FLOAT, (2,), b"12345678"), "control characters"),
        (ONE + b"\x0b", "wire type 3"),
        (ONE + b"\x2a\xff\x7f", "does not end where"),
        (ONE + b"\x02\x00", "does not end where"),
        (ONE + b"\x2a", "does not end"),
        (ONE + b"\xff" * 11, "does not end"),
        (b"\x0d", "does not end where"),
        (b"\x08\x00" * 300_001, "more than 300,000 fields"),
    ],
    ids=range(17),
)
def test_a_graph_that_lies_is_a_problem_in_words(graph: bytes, said: str) -> None:
    assert said in problem_of(onnx_file(graph), "onnx")


@pytest.mark.parametrize(
    "data",
    [
        onnx_file(ONE)[:-1],
        onnx_file(ONE) + b"\x00",
        onnx_file(ONE) + message(9, b"no field of a model"),
        onnx_file(ONE) + number(7, 1),
        onnx_file(ONE) + message(7, ONE),
        number(1, 8) + message(7, ONE),
        number(1, 8) + message(8, number(2, 17)),
        onnx_file(ONE, version=0),
        onnx_file(ONE, version=65),
        number(2, 8) + onnx_file(ONE)[2:],
        # A SavedModel of TensorFlow: a version, then graphs in field 2.
        number(1, 1) + message(2, bytes(1_000)),
        b"\x08" + b"text that begins with a backspace",
        b"\x08\x08" * 400_000,
        onnx_file(ONE) + message(14, b"") * 20_000,
    ],
    ids=range(14),
)
def test_what_does_not_hold_together_whole_is_no_such_format(data: bytes) -> None:
    assert read(data) is None


def test_a_long_name_costs_no_memory() -> None:
    data = onnx_file(initializer("n" * 20_000_000, FLOAT, (2,), b"12345678"))

    assert peak_of(lambda: read(data)) < 1_000_000


def test_every_flipped_byte_is_seen_or_harms_nothing() -> None:
    whole = (GOLDEN / "small.onnx").read_bytes()
    for mask in (0xFF, 0x01, 0x80):
        for at in range(len(whole)):
            file = read(whole[:at] + bytes([whole[at] ^ mask]) + whole[at + 1 :])
            if file is not None:
                check_promises(file, len(whole))
