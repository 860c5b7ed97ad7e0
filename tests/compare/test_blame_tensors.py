"""Tensors keep the version that brought them, and what the store shares is never read."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import BinaryIO

import pytest

from lastgood.compare.blame import Untraceable
from lastgood.compare.blame_layers import say_layers
from lastgood.compare.blame_tensors import TensorTracer, TracedTensors, layer_of
from lastgood.ids import FileDigest
from lastgood.model.placement import FilePart
from lastgood.store.backend.memory import MemoryBackend
from lastgood.store.reader import ObjectReader
from lastgood.store.segments import tensor_segments
from lastgood.store.writer import StoreWriter
from lastgood.testing.index import MemoryIndex
from tests.compare.sides import Kept
from tests.formats.tensors.files import safetensors_file

Tensors = Mapping[str, tuple[str, tuple[int, ...], bytes]]


class Counted:
    """Files of a real store; counts the bytes that are read of them."""

    def __init__(self) -> None:
        self.backend, self.index = MemoryBackend(), MemoryIndex()
        self.bytes = 0

    def keep(self, data: bytes) -> FileDigest:
        writer = StoreWriter(self.backend, self.index, layout=tensor_segments)
        digest = writer.receive(io.BytesIO(data), len(data)).digest
        self.index.absorb(writer.finish())
        return digest

    @property
    def reader(self) -> ObjectReader:
        return ObjectReader(self.backend, self.index)

    def read_file(self, digest: FileDigest, *, limit: int | None = None) -> bytes:
        return self.reader.read_file(digest, limit=limit)

    def open_file(self, digest: FileDigest) -> BinaryIO:
        outer, opened = self, self.reader.open_file(digest)

        class Reading(io.RawIOBase):
            def readable(self) -> bool:
                return True

            def seekable(self) -> bool:
                return True

            def seek(self, offset: int, whence: int = 0) -> int:
                return opened.seek(offset, whence)

            def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # what the base calls a writable buffer
                data = opened.read(len(buffer))
                outer.bytes += len(data)
                buffer[: len(data)] = data
                return len(data)

        return Reading()  # type: ignore[return-value]  # raw bytes can be read like any other

    def parts_of(self, digest: FileDigest) -> list[FilePart]:
        return self.reader.parts_of(digest)


def blamed(files: Kept | Counted, *versions: Tensors) -> dict[str, int]:
    """Trace versions 1, 2, 3 … of a file of tensors and say of each tensor of the newest which one brought it."""
    tracer, trace = TensorTracer(files), list[TracedTensors]()
    for version, tensors in enumerate(versions, start=1):
        trace = [tracer.trace(trace, files.keep(safetensors_file(tensors)), version)]
    return {part.tensor.name: origin for part, origin in tracer.parts(trace[0])}


def f32(number: int, fill: int = 0) -> tuple[str, tuple[int, ...], bytes]:
    return "F32", (number,), bytes([fill]) * 4 * number


SMALL: Tensors = {"a": f32(4), "b": f32(4), "c": f32(2)}
CASES: dict[str, tuple[list[Tensors], dict[str, int]]] = {
    "nothing changed": ([SMALL, SMALL], {"a": 1, "b": 1, "c": 1}),
    "one changed": ([SMALL, {**SMALL, "b": f32(4, 7)}], {"a": 1, "b": 2, "c": 1}),
    "one changed and changed back": ([SMALL, {**SMALL, "b": f32(4, 7)}, SMALL], {"a": 1, "b": 3, "c": 1}),
    "one came before the others": ([SMALL, {"0": f32(9), **SMALL}], {"0": 2, "a": 1, "b": 1, "c": 1}),
    "one went": ([SMALL, {"a": f32(4), "c": f32(2)}], {"a": 1, "c": 1}),
    "another shape of the same bytes": ([SMALL, {**SMALL, "a": ("F32", (2, 2), bytes(16))}], {"a": 2, "b": 1, "c": 1}),
    "another type of the same bytes": ([SMALL, {**SMALL, "a": ("I32", (4,), bytes(16))}], {"a": 2, "b": 1, "c": 1}),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("files", [Kept, Counted])
def test_golden_cases(case: str, files: type[Kept | Counted]) -> None:
    versions, expected = CASES[case]
    assert blamed(files(), *versions) == expected


def test_large_tensors_are_told_by_their_chunks_and_never_read() -> None:
    large = {f"encoder.layer.{number}.weight": f32(100_000, number) for number in range(6)}
    files = Counted()

    found = blamed(files, large, {**large, "encoder.layer.4.weight": f32(100_000, 99)}, large | {"head": f32(20_000)})

    assert found == {**dict.fromkeys(large, 1), "encoder.layer.4.weight": 3, "head": 3}
    assert files.bytes < 20_000  # headers only


def test_small_tensors_that_share_a_chunk_are_read_only_where_it_differs() -> None:
    many = {f"t{number:03}": f32(8, number) for number in range(200)}
    files = Counted()

    assert blamed(files, many, many) == dict.fromkeys(many, 1)
    once = files.bytes
    assert blamed(files, many, {**many, "t007": f32(8, 99)})["t007"] == 2
    assert files.bytes > once


def test_two_small_tensors_that_changed_places_have_changed_although_their_chunk_has_not() -> None:
    many = {f"t{number:03}": f32(8, number) for number in range(200)}
    swapped = {{"t000": "t001", "t001": "t000"}.get(name, name): tensor for name, tensor in many.items()}
    files = Counted()
    parts = [files.parts_of(files.keep(safetensors_file(one)))[-1] for one in (many, swapped)]
    assert parts[0] == parts[1]

    assert blamed(files, many, swapped) == {**dict.fromkeys(many, 1), "t000": 2, "t001": 2}


@pytest.mark.parametrize(
    ("data", "why"), [(b"no tensors at all", "it is no file of tensors"), (b"GGUF\x01\0\0\0" + bytes(16), "its tensors cannot be found: ")]
)
def test_what_has_no_tensors_says_why(data: bytes, why: str) -> None:
    kept = Kept()
    with pytest.raises(Untraceable, match=why):
        TensorTracer(kept).trace([], kept.keep(data), 1)


def test_bytes_that_are_not_here_say_so() -> None:
    with pytest.raises(Untraceable, match="its bytes are not kept here"):
        TensorTracer(Kept()).trace([], FileDigest.of(b"gone"), 1)


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("bert.encoder.layer.4.output.dense.weight", ("bert.encoder.layer", 4)),
        ("model.layers.31.block_sparse_moe.experts.7.w1.weight", ("model.layers", 31)),
        ("blk.12.attn_q.weight", ("blk", 12)),
        ("h.0.ln_1.bias", ("h", 0)),
        ("layers/3/kernel", ("layers", 3)),
        ("0.weight", ("", 0)),
        ("wte.weight", None),
        ("conv1.weight", None),
        ("layer.12", None),
    ],
)
def test_the_layer_of_a_tensor(name: str, layer: tuple[str, int] | None) -> None:
    assert layer_of(name) == layer


def model_of(layers: Mapping[int, int], **others: int) -> list[tuple[str, int]]:
    return [(f"encoder.layer.{number}.{kind}", origin) for number, origin in layers.items() for kind in ("weight", "bias")] + [
        (f"{name}.weight", origin) for name, origin in others.items()
    ]


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        (model_of({0: 3, 1: 3}, head=3), [("all tensors (5)", 3)]),
        (model_of({0: 3, 1: 3, 2: 3, 3: 3, 4: 12, 5: 12}, head=3), [("layers 4-5", 12), ("all others", 3)]),
        (model_of({0: 3, 1: 9, 2: 3, 3: 9, 4: 9, 5: 3}, head=3), [("layers 1, 3-4", 9), ("all others", 3)]),
        (model_of({0: 3, 1: 3, 2: 3}, head=7), [("head.weight", 7), ("all others", 3)]),
        (model_of({0: 3, 1: 3, 2: 3}, a=7, b=7, c=7, d=7, e=7), [("layers 0-2", 3), ("all others", 7)]),
        (model_of({0: 3, 1: 3, 2: 12}, head=7), [("layer 2", 12), ("head.weight", 7), ("all others", 3)]),
        ([*model_of({0: 3, 1: 3}), ("encoder.layer.1.new", 8)], [("layer 1", 8), ("all others", 3)]),
        (
            [("a.0.w", 1), ("a.1.w", 1), ("a.2.w", 1), ("b.0.w", 2), ("b.1.w", 2)],
            [("layers 0-1 of b", 2), ("all others", 1)],
        ),
    ],
)
def test_layers_in_few_words(tensors: list[tuple[str, int]], said: list[tuple[str, int]]) -> None:
    assert say_layers(tensors) == said
