"""Ordinary files cost next to nothing, a failing disk is said, and every format is met by its own bytes."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import lastgood.model.placement
from lastgood.formats.tensors import Tensor, TensorFile, read_tensors
from lastgood.formats.tensors.layout import make_tensor
from tests.formats.tensors.files import layout_of, read

GOLDEN = Path(__file__).parent / "golden"


class Counting(io.BytesIO):
    """A file that knows how much of it was read."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        return data


@pytest.mark.parametrize(
    "data",
    [b"x" * 10_000, b"{" * 10_000, bytes(10_000), b"\x08" * 10_000, b"PK" + bytes(9_998), "ünïcode".encode() * 999, b'{"a": [1, 2]}' * 900],
    ids=["text", "braces", "zeros", "backspaces", "PK", "unicode", "json"],
)
def test_an_ordinary_file_costs_one_small_read(data: bytes) -> None:
    source = Counting(data)

    assert read_tensors(source, len(data)) is None
    assert source.taken == 64


def test_random_files_are_no_such_format() -> None:
    source = random.Random(3)
    for size in range(300):
        assert read(source.randbytes(size)) is None


def test_ordinary_files_of_this_project_are_no_such_format() -> None:
    root = Path(__file__).parents[3]
    for path in [*(root / "src").rglob("*.py"), *(root / "docs").glob("*.md"), root / "LICENSE"]:
        with path.open("rb") as file:
            assert read_tensors(file, path.stat().st_size) is None


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.iterdir()))
def test_a_real_file_is_of_its_format_and_keeps_every_promise(name: str) -> None:
    form = {"pt": "torch"}.get(name.rpartition(".")[2], name.rpartition(".")[2])

    assert layout_of((GOLDEN / name).read_bytes(), form)


def test_a_source_without_buffer_is_read_as_well(tmp_path: Path) -> None:
    for path in GOLDEN.iterdir():
        with path.open("rb", buffering=0) as raw, path.open("rb") as buffered:
            assert read_tensors(raw, path.stat().st_size) == read_tensors(buffered, path.stat().st_size)


class Failing(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError(5, os.strerror(5), size)


def test_a_disk_that_fails_is_said() -> None:
    with pytest.raises(OSError, match="Input/output error"):
        read_tensors(Failing(bytes(100)), 100)


def test_items_that_do_not_divide_a_length_count_as_bytes() -> None:
    assert make_tensor("a", "f32", (2,), offset=0, length=9).item_bytes == 1
    assert make_tensor("a", "f32", (2,), offset=0, length=0).item_bytes == 4
    assert make_tensor("a", "q8_k", (256,), offset=0, length=292, item_bytes=292).item_bytes == 1
    assert make_tensor("a", "v0", (3,), offset=0, length=0, item_bytes=0).item_bytes == 1


def test_a_layout_is_small() -> None:
    tensor = Tensor("a", "f32", (2,), 0, 8, 4)

    assert not hasattr(tensor, "__dict__")
    assert TensorFile("npy", (tensor,)).problem is None
    assert lastgood.model.placement.Frame.__slots__  # what the rest of the model does as well


def test_importing_it_costs_next_to_nothing(clean_environment: Mapping[str, str]) -> None:
    started = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import lastgood.model.placement, lastgood.formats.tensors"],
        env={**clean_environment, "PYTHONPATH": str(Path(lastgood.model.placement.__file__).parents[2])},
        check=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines = [line.removeprefix("import time:").split("|") for line in started.stderr.splitlines()]
    names = {name.strip() for _, _, name in lines}
    (spent,) = [int(total) for _, total, name in lines if name.strip() == "lastgood.formats.tensors"]

    assert not names & {"json", "numpy", "pickle", "pickletools", "zipfile", "lastgood.formats.tensors.gguf"} - {"json"}
    assert spent < 20_000
