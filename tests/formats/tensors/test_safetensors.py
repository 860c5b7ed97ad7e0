"""safetensors: real weights, files to the letter, and headers that lie."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from lastgood.formats.tensors import Tensor, read_tensors
from tests.formats.tensors.files import layout_of, peak_of, problem_of, read, safetensors_file, with_header

ENTRY = '{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'


def problem(header: str | bytes, data: bytes = bytes(8)) -> str:
    return problem_of(with_header(header, data), "safetensors")


def test_the_tensors_of_real_weights(minilm: Path) -> None:
    path = minilm / "model.safetensors"
    header = json.loads(path.read_bytes()[8 : 8 + int.from_bytes(path.read_bytes()[:8], "little")])
    expected = {name: one for name, one in header.items() if name != "__metadata__"}
    with path.open("rb") as file:
        layout = read_tensors(file, path.stat().st_size)

    assert layout is not None
    assert (layout.format, layout.problem, len(layout.tensors)) == ("safetensors", None, len(expected))
    assert {one.name: (one.dtype.upper(), list(one.shape)) for one in layout.tensors} == {
        name: (one["dtype"], one["shape"]) for name, one in expected.items()
    }
    assert layout.tensors[-1].offset + layout.tensors[-1].length == path.stat().st_size
    assert sum(one.length for one in layout.tensors) > 90_000_000


def test_kinds_shapes_and_places() -> None:
    data = safetensors_file(
        {
            "b": ("F32", (2, 3), bytes(range(24))),
            "a": ("BF16", (3,), b"abcdef"),
            "empty": ("F32", (0, 5), b""),
            "scalar": ("I64", (), b"12345678"),
            "packed": ("F6_E2M3", (4,), b"xyz"),
            "half bytes": ("F4", (2, 2), b"pq"),
            "complex": ("C64", (1,), b"realimag"),
            "of tomorrow": ("Q3_NEW", (9,), b"12345"),
        },
        metadata={"format": "pt", "about": 'a "quoted" \\ text {with} [brackets]'},
    )

    assert layout_of(data, "safetensors") == [
        ("b", "f32", (2, 3), bytes(range(24)), 4),
        ("a", "bf16", (3,), b"abcdef", 2),
        ("scalar", "i64", (), b"12345678", 8),
        ("packed", "f6_e2m3", (4,), b"xyz", 3),
        ("half bytes", "f4", (2, 2), b"pq", 1),
        ("complex", "c64", (1,), b"realimag", 4),
        ("of tomorrow", "q3_new", (9,), b"12345", 1),
    ]


def test_the_order_of_the_header_is_not_that_of_the_bytes() -> None:
    header = '{"late":{"shape":[2],"data_offsets":[4,6],"dtype":"U8"}, "early":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}   '
    data = with_header(header, b"ab--cd")

    assert [(one[0], one[3]) for one in layout_of(data, "safetensors")] == [("early", b"ab"), ("late", b"cd")]


def test_a_name_in_escapes() -> None:
    assert [one[0] for one in layout_of(with_header('{"\\u00e9\\"\\\\":' + ENTRY + "}", bytes(8)), "safetensors")] == ['é"\\']


def test_no_tensors_are_no_problem() -> None:
    assert layout_of(with_header("{}"), "safetensors") == []
    assert layout_of(with_header('{"__metadata__":{}}      '), "safetensors") == []


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ('{"a":' + ENTRY + ',"a":' + ENTRY + "}", "two tensors named 'a'"),
        ('{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}', "twice"),
        ('{"__metadata__":{},"__metadata__":{}}', "metadata twice"),
        ('{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}', "shape asks"),
        ('{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}', "of a file of"),
        ('{"a":' + ENTRY + ',"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', "begins at byte"),
        ('{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}', "begin and an end"),
        ('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}}', "begin and an end"),
        ('{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}', "shape of the tensor"),
        ('{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}', "shape of the tensor"),
        ('{"a":{"dtype":"F32","shape":[true,2],"data_offsets":[0,8]}}', "shape of the tensor"),
        ('{"a":{"dtype":"F32","shape":[' + "1," * 32 + '2],"data_offsets":[0,8]}}', "shape of the tensor"),
        ('{"a":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,8]}}', "shape of the tensor"),
        ('{"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,8]}}', "shape asks"),
        ('{"a":{"dtype":"F32","shape":[' + "9" * 5_000 + '],"data_offsets":[0,8]}}', "not JSON"),
        ('{"a":{"dtype":"F 32","shape":[2],"data_offsets":[0,8]}}', "lacks"),
        ('{"a":{"dtype":32,"shape":[2],"data_offsets":[0,8]}}', "lacks"),
        ('{"a":{"dtype":"F32","data_offsets":[0,8]}}', "lacks"),
        ('{"a":{"dtype":"F32","shape":[[2]],"data_offsets":[0,8]}}', "at byte"),
        ('{"a":{"x":' + "[" * 60_000 + "}}", "at byte"),
        ('{"a":' + "[" * 10, "at byte"),
        ('{"a":null}', "at byte"),
        ('{"a":' + ENTRY, "at byte"),
        ('{"a":' + ENTRY + "} x", "goes on after"),
        ('{"a":' + ENTRY + "}}", "goes on after"),
        ('{"a" ' + ENTRY + "}", "at byte"),
        ('{"__metadata__":{"a":1}}', "at byte"),
        ('{"__metadata__":{"a":"b"', "at byte"),
        ('{"__metadata__":{"a":"b}}', "does not end"),
        ('{"' + "n" * 1_025 + '":' + ENTRY + "}", "1,024 characters"),
        ('{"' + "n" * 2_000_000 + '":' + ENTRY + "}", "at byte"),
        ('{"\\ud800":' + ENTRY + "}", "Unicode"),
        ('{"\\u0007":' + ENTRY + "}", "control characters"),
        (b'{"\xff":' + ENTRY.encode() + b"}", "not JSON"),
        ('{"\\x":' + ENTRY + "}", "not JSON"),
        ('{"a":{"dtype":"F32","shape":[2,],"data_offsets":[0,8]}}', "not JSON"),
        ('{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,8]}}', "shape of the tensor"),
    ],
)
def test_a_header_that_lies_is_a_problem_in_words(header: str | bytes, said: str) -> None:
    assert said in problem(header)


@pytest.mark.parametrize(
    ("length", "said"),
    [(3, "at byte"), (10_000, "cut short"), (100_000_001, "more than 100,000,000"), (1 << 39, "more than 100,000,000")],
)
def test_a_length_that_lies_is_a_problem(length: int, said: str) -> None:
    assert said in problem_of(with_header('{"a":' + ENTRY + "}", bytes(8), length=length), "safetensors")


def test_every_prefix_of_a_file_is_no_such_format_or_a_problem() -> None:
    whole = safetensors_file({"a": ("F32", (2,), bytes(8)), "b": ("U8", (3,), b"abc")}, metadata={"k": "v"})
    for length in range(len(whole)):
        file = read(whole[:length])
        assert file is None if length < 10 else file is not None and file.problem


@pytest.mark.parametrize("data", [b"", b"{", b"abcdefgh{", b'\x10\0\0\0\0\0\0\0["a"]', b"\0" * 100, bytes(8) + b"{}", b"a{b" * 40])
def test_what_does_not_begin_so_is_no_such_format(data: bytes) -> None:
    assert read(data) is None


def test_a_file_that_became_shorter_is_a_problem() -> None:
    whole = safetensors_file({"a": ("F32", (2,), bytes(8))}, metadata={"k": "v"})
    file = read(whole[:66], size=len(whole))

    assert file is not None
    assert file.problem == "it became shorter while it was read"
    assert read(b"", size=100) is None


@pytest.mark.parametrize(
    "piece",
    ['"k":"' + "y" * 1_000 + '",', '"k":"' + "\\n" * 50_000 + '",', '"k":"' + "x" * 99_999 + '",'],
    ids=["many entries", "escapes", "long texts"],
)
def test_the_size_of_a_header_costs_no_memory(piece: str) -> None:
    data = with_header('{"__metadata__":{' + piece * (20_000_000 // len(piece)) + '"z":""}}')

    assert peak_of(lambda: layout_of(data, "safetensors")) < 10_000_000


@pytest.mark.parametrize("piece", ['"k":"",', " " * 30], ids=["entries", "spaces"])
def test_what_is_passed_over_has_a_bound(piece: str) -> None:
    data = with_header('{"__metadata__":{' + piece * (2_000_000 // len(piece)) + '"z":""}}')

    assert problem_of(data, "safetensors")


def test_as_many_tensors_as_are_laid_out_and_one_more() -> None:
    entry = '"%d":{"dtype":"U8","shape":[1],"data_offsets":[%d,%d]}'
    entries = [entry % (number, number, number + 1) for number in range(100_001)]
    file = read(with_header("{" + ",".join(entries[:-1]) + "}", bytes(100_000)))

    assert file is not None
    assert len(file.tensors) == 100_000
    assert "more than 100,000 tensors" in problem_of(with_header("{" + ",".join(entries) + "}", bytes(100_001)), "safetensors")


def test_names_may_not_fill_the_memory() -> None:
    entries = ",".join(f'"{number:01000}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}' for number in range(10_001))

    assert "names of more than 10,000,000 characters" in problem_of(with_header("{" + entries + "}"), "safetensors")


def test_a_hundred_tensors_take_less_than_five_milliseconds() -> None:
    data = safetensors_file({f"encoder.layer.{number}.weight": ("F32", (16, 16), bytes(1_024)) for number in range(100)})
    file = read(data)
    spent = []
    for _ in range(9):
        began = time.perf_counter()
        file = read(data)
        spent.append(time.perf_counter() - began)

    assert file is not None
    assert file.tensors[0] == Tensor("encoder.layer.0.weight", "f32", (16, 16), len(data) - 102_400, 1_024, 4)
    assert min(spent) < 0.005
