"""NumPy's files: what NumPy writes, headers to the letter, and headers that lie."""

from __future__ import annotations

import io
import time
import zipfile
from typing import Any

import numpy as np
import pytest

from tests.formats.tensors.files import layout_of, npy_file, patch_all, problem_of, read, zip_file

PLAIN = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"


def saved(array: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def packed(*, compressed: bool = False, **arrays: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, allow_pickle=True, **arrays)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "dtype", "item"),
    [
        ("<f4", "f32", 4),
        ("<f2", "f16", 2),
        ("<f8", "f64", 8),
        ("<i8", "i64", 8),
        ("<u2", "u16", 2),
        ("|u1", "u8", 1),
        ("|b1", "bool", 1),
        ("<c8", "c64", 4),
        ("<c16", "c128", 8),
        (">f4", "f32_be", 4),
        (">i8", "i64_be", 8),
        ("<M8[ns]", "m8", 8),
        ("<m8[25us]", "m8", 8),
        ("<U3", "text", 4),
        (">U3", "text_be", 4),
        ("|S5", "s5", 5),
        ("|V2", "v2", 2),
        ("|V300", "v300", 1),
        ("[('a', '<f4'), ('b', '<i8', (2,))]", "structured", 20),
    ],
)
def test_every_kind_that_numpy_writes(kind: str, dtype: str, item: int) -> None:
    made = np.dtype([("a", "<f4"), ("b", "<i8", (2,))] if kind.startswith("[") else kind)
    array = np.frombuffer(bytes(range(250)) * 30, dtype=np.uint8)[: made.itemsize * 6].view(made).reshape(2, 3)

    assert layout_of(saved(array), "npy") == [("", dtype, (2, 3), array.tobytes(), item)]


@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 3, 4), (1,) * 32])
def test_every_shape(shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)

    assert layout_of(saved(array), "npy") == [("", "f32", shape, array.tobytes(), 4)]


def test_the_order_of_dimensions_changes_no_place() -> None:
    array = np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3))

    assert layout_of(saved(array), "npy") == [("", "f32", (2, 3), array.tobytes(order="F"), 4)]


def test_arrays_without_bytes_or_of_python_objects_are_no_tensors_and_no_problem() -> None:
    assert layout_of(saved(np.zeros((0, 3))), "npy") == []
    file = io.BytesIO()
    np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert layout_of(file.getvalue(), "npy") == []


@pytest.mark.parametrize(
    "header",
    [
        PLAIN,
        "{'descr':'<f4','fortran_order':False,'shape':(2)}",
        '{"shape": (2,), "fortran_order": True, "descr": "<f4"}\n',
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2L,), }          \n",
        "  {  'fortran_order'  :  False , 'descr' : '<f4' , 'shape' : ( 1 , 2 , ) , }  ",
    ],
)
@pytest.mark.parametrize("version", [1, 2, 3])
def test_headers_as_others_write_them(header: str, version: int) -> None:
    assert [one[3] for one in layout_of(npy_file(header, b"12345678", version=version), "npy")] == [b"12345678"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (npy_file(PLAIN, bytes(8), version=4), "version from 1 to 3"),
        (npy_file(PLAIN, bytes(7)), "another number"),
        (npy_file(PLAIN, bytes(9)), "another number"),
        (npy_file(PLAIN)[:-3], "cut short"),
        (npy_file(PLAIN)[:9], "cut short"),
        (npy_file(PLAIN, version=2)[:9], "cut short"),
        (npy_file(" " * 65_537, version=2), "more than 65,536"),
        (npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", bytes(8)), "not a dictionary"),
        (npy_file("{'descr': '<f4', 'descr': '<f4', 'shape': (2,)}", bytes(8)), "not a dictionary"),
        (npy_file("{'descr': '<f4', 'fortran_order': False}", bytes(8)), "not a dictionary"),
        (npy_file("{'descr': '<f4', 'fortran_order': 1, 'shape': (2,)}", bytes(8)), "not a dictionary"),
        (npy_file("{'descr': '<f4', 'fortran_order': (2,), 'shape': True}", bytes(8)), "not a dictionary"),
        (npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", bytes(8)), "not a dictionary"),
        (npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (2 2)}", bytes(8)), "not a dictionary"),
        (npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (,)}", bytes(8)), "not a dictionary"),
        (npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (" + "9" * 21 + ",)}", bytes(8)), "not a dictionary"),
        (npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (" + "9" * 20 + ",)}", bytes(8)), "shape of the tensor"),
        (npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (" + "1," * 33 + ")}", bytes(8)), "shape of the tensor"),
        (npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (" + "9" * 19 + ",)}", bytes(8)), "another number"),
        (npy_file("{'descr': '<f4,<f4', 'fortran_order': False, 'shape': (2,)}", bytes(8)), "a kind that is not known"),
        (npy_file("{'descr': '', 'fortran_order': False, 'shape': (2,)}", bytes(8)), "a kind that is not known"),
        (npy_file("{'descr': __import__('os'), 'fortran_order': False, 'shape': (2,)}", bytes(8)), "not a dictionary"),
        (npy_file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,)}", bytes(8)), "another number"),
        (npy_file("(" * 60_000), "not a dictionary"),
        (npy_file("{" * 60_000), "not a dictionary"),
        (npy_file("{'descr': " + "[" * 60_000), "not a dictionary"),
        (npy_file("", bytes(8)), "not a dictionary"),
    ],
    ids=range(27),
)
def test_a_header_that_lies_is_a_problem_in_words(data: bytes, said: str) -> None:
    assert said in problem_of(data, "npy")


@pytest.mark.parametrize(
    "filler", ["[" * 60_000, "]" * 60_000, "'descr':[" * 6_000, "'descr': '<f4', " * 4_000, "(" + "1 ," * 20_000, "\n" * 60_000]
)
def test_a_hostile_header_costs_no_time(filler: str) -> None:
    began = time.perf_counter()
    for header in (filler, "{" + filler, "{'descr': " + filler, "{'shape': " + filler, "{'descr': [" + filler + "]"):
        assert problem_of(npy_file(header, version=2), "npy")
    assert time.perf_counter() - began < 2


# ------------------------------------------------------------------------------------------------------------- npz


def test_the_arrays_of_an_npz() -> None:
    weights, steps = np.arange(6, dtype=np.float32).reshape(2, 3), np.arange(4, dtype=np.int64)
    data = packed(weights=weights, steps=steps, none=np.zeros(0), objects=np.array([None]), scalar=np.array(1.5))

    assert layout_of(data, "npz") == [
        ("weights", "f32", (2, 3), weights.tobytes(), 4),
        ("steps", "i64", (4,), steps.tobytes(), 8),
        ("scalar", "f64", (), np.float64(1.5).tobytes(), 8),
    ]


def test_compressed_arrays_are_no_tensors_and_no_problem() -> None:
    assert layout_of(packed(compressed=True, weights=np.zeros(1_000)), "npz") == []
    mixed = io.BytesIO()
    with zipfile.ZipFile(mixed, "w") as archive:
        archive.writestr("a.npy", saved(np.zeros(9, np.uint8)), zipfile.ZIP_DEFLATED)
        archive.writestr("b.npy", saved(np.ones(9, np.uint8)), zipfile.ZIP_STORED)
    assert [one[0] for one in layout_of(mixed.getvalue(), "npz")] == ["b"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (zip_file({"a.npy": b"\x93NUMPY\x01\x00"}), "cut short"),
        (zip_file({"a.npy": b""}), "cut short"),
        (zip_file({"a.npy": b"12345678"}), "version from 1 to 3"),
        (zip_file({"a.npy": npy_file(PLAIN, bytes(4)), "b.npy": npy_file(PLAIN, bytes(8))}), "another number"),
        (zip_file({"a.npy": npy_file(PLAIN, bytes(8))})[:-30], "no directory"),
        (zip_file({"n" * 1_021 + ".npy": npy_file(PLAIN, bytes(8))}), "1,024 bytes"),
        (zip_file({"a\nb.npy": npy_file(PLAIN, bytes(8))}), "control characters"),
        (patch_all(zip_file({"éé.npy": npy_file(PLAIN, bytes(8))}), "éé".encode(), b"\xc3\xc3\xc3\xc3"), "UTF-8"),
    ],
    ids=range(8),
)
def test_an_npz_that_lies_is_a_problem_in_words(data: bytes, said: str) -> None:
    assert said in problem_of(data, "npz")


def test_names_of_an_old_encoding() -> None:
    data = patch_all(zip_file({"ab.npy": npy_file(PLAIN, bytes(8))}), b"ab.npy", b"\x82b.npy")

    assert [one[0] for one in layout_of(data, "npz")] == ["éb"]


def test_headers_that_are_read_over_and_over_come_to_an_end() -> None:
    header = npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (0,), }" + " " * 60_000, version=2)
    data = zip_file({f"{number}.npy": header for number in range(2_400)})

    assert read(data[: len(data) // 2]) is not None
    assert "would have to be read" in problem_of(data, "npz")
