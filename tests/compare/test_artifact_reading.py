"""Artifacts on real weights: the first sentence of a fine-tune series, and which bytes are read to say it."""

from __future__ import annotations

import io
import json
import shutil
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt
import pytest

import lastgood
from lastgood.api import OpenRegistry
from lastgood.compare.artifacts.changes import LayerTotals, TensorChanges
from lastgood.compare.change import ComponentChange
from lastgood.formats.tensors import Tensor, read_tensors
from lastgood.ids import FileDigest
from lastgood.model.placement import FileAccess, FilePart
from lastgood.registry.compare import Side, compare_sides, side_of

STEPS = (("encoder.layer.4.", "encoder.layer.5."), ("encoder.layer.0.", "encoder.layer.1."), ("pooler.",), ("",))
SMALL = 32 << 10
"""Tensors below this share a chunk with their neighbours, so that one of these may have to be read."""


def fine_tune(path: Path, beginnings: tuple[str, ...], rng: np.random.Generator) -> None:
    """Move the tensors whose names begin so by a thousandth of their length, as a step of training does."""
    data = bytearray(path.read_bytes())
    (length,) = struct.unpack("<Q", data[:8])
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name.startswith(beginnings) and entry.get("dtype") == "F32":
            begin, end = entry["data_offsets"]
            values = np.frombuffer(data, "<f4", count=(end - begin) // 4, offset=8 + length + begin)
            noise = rng.standard_normal(len(values), "f4")
            values += noise * np.float32(0.001 * np.linalg.norm(values) / np.linalg.norm(noise))
    path.write_bytes(data)


@dataclass(frozen=True)
class Series:
    """A release for the weights as they are, and one for each step."""

    registry: OpenRegistry
    weights: Path


@pytest.fixture(scope="module")
def series(minilm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Series]:
    root = tmp_path_factory.mktemp("series")
    (root / "models").mkdir()
    weights = root / "models/model.safetensors"
    shutil.copyfile(minilm / "model.safetensors", weights)
    (root / "lastgood.toml").write_text('pipeline = "bot"\n[components.router]\nkind = "artifact"\npath = "models/"\n')
    registry = lastgood.init(root, actor="ada@example.org")
    rng = np.random.default_rng(4)
    registry.commit(root, message="base")
    for beginnings in STEPS:
        fine_tune(weights, beginnings, rng)
        registry.commit(root, message=f"tuned {beginnings}")
    yield Series(registry, weights)
    registry.close()


@dataclass
class Counted:
    """Files whose reads are noted: which bytes of which file."""

    files: FileAccess
    spans: dict[FileDigest, list[tuple[int, int]]] = field(default_factory=dict)

    def read_file(self, digest: FileDigest, *, limit: int | None = None) -> bytes:
        return self.files.read_file(digest, limit=limit)

    def open_file(self, digest: FileDigest) -> BinaryIO:
        return cast("BinaryIO", Noting(self.files.open_file(digest), self.spans.setdefault(digest, [])))

    def parts_of(self, digest: FileDigest) -> Sequence[FilePart]:
        return self.files.parts_of(digest)

    def bytes_read(self) -> int:
        return sum(end - start for spans in self.spans.values() for start, end in spans)


class Noting(io.RawIOBase):
    """A file that notes what is read of it."""

    def __init__(self, source: BinaryIO, spans: list[tuple[int, int]]) -> None:
        self._source = source
        self._spans = spans

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._source.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        start = self._source.tell()
        data = self._source.read(size)
        self._spans.append((start, start + len(data)))
        return data


def compared(series: Series, old: str, new: str) -> tuple[ComponentChange, Counted]:
    registry = series.registry
    counted = Counted(registry.files)
    manifests = [registry.releases.manifest(registry.releases.find(one).release.release) for one in (old, new)]
    sides = [side_of(one.components, registry.files) for one in manifests]
    (change,) = compare_sides(sides[0], sides[1], counted).changed
    return change, counted


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("r1", "r2", "only layers 4 and 5 changed (relative L2 0.001 and 0.001)"),
        ("r2", "r3", "only layers 0 and 1 changed (relative L2 0.001 and 0.001)"),
        ("r3", "r4", "only pooler.dense.weight changed (relative L2 0.001"),
        ("r1", "r3", "only layers 0, 1, 4 and 5 changed, most of all layer "),
        ("r4", "r5", "all 6 layers, embeddings and pooler.dense changed, most of all "),
    ],
)
def test_the_first_sentence_names_the_layers(series: Series, old: str, new: str, sentence: str) -> None:
    change, _ = compared(series, old, new)
    assert change.summary.startswith(sentence)


def test_what_is_identical_is_never_read(series: Series) -> None:
    change, counted = compared(series, "r1", "r2")
    layout = read_tensors(io.BytesIO(series.weights.read_bytes()), series.weights.stat().st_size)
    assert layout is not None
    changed = [one for one in layout.tensors if one.name.startswith(STEPS[0])]
    header = layout.tensors[0].offset
    for spans in counted.spans.values():
        assert not [one.name for one in layout.tensors if one not in changed and one.length >= SMALL and is_read(one, spans)]
    # The headers twice, for tensors and for what else they say, and of both sides the changed tensors; nearly nothing else.
    needed = 2 * sum(one.length for one in changed)
    assert needed <= counted.bytes_read() <= needed + 4 * header + 1_000_000
    assert counted.bytes_read() < series.weights.stat().st_size / 3
    (tensors,) = [detail for detail in change.details if isinstance(detail, TensorChanges)]
    assert {one.name for one in tensors.tensors} == {one.name for one in changed}
    assert tensors.same == len(layout.tensors) - len(changed)


def is_read(tensor: Tensor, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start < tensor.offset + tensor.length and tensor.offset < end for start, end in spans)


def test_the_numbers_are_those_of_numpy(series: Series) -> None:
    change, _ = compared(series, "r1", "r2")
    files = series.registry.files
    listings = [series.registry.releases.manifest(series.registry.releases.find(one).release.release) for one in ("r1", "r2")]
    sides = [dict(arrays(files, side_of(one.components, files))) for one in listings]
    (tensors,) = [detail for detail in change.details if isinstance(detail, TensorChanges)]
    (totals,) = [detail for detail in change.details if isinstance(detail, LayerTotals)]
    for one in tensors.tensors:
        old, new = (side[one.name].astype("f8").ravel() for side in sides)
        assert one.sums is not None
        assert one.sums.relative_l2 == pytest.approx(np.linalg.norm(new - old) / np.linalg.norm(old), rel=1e-9)
        assert one.sums.cosine == pytest.approx(old @ new / np.linalg.norm(old) / np.linalg.norm(new), abs=1e-12)
        assert one.sums.largest == np.abs(new - old).max()
        assert one.sums.changed == np.count_nonzero(new != old)
        assert one.sums.items == old.size
    assert list(tensors.tensors) == sorted(tensors.tensors, key=lambda one: -(one.sums.relative_l2 or 0) if one.sums else 0)
    for layer in totals.layers:
        names = [one.name for one in tensors.tensors if one.layer == layer.name]
        old, new = (np.concatenate([side[name].astype("f8").ravel() for name in names]) for side in sides)
        assert layer.sums.relative_l2 == pytest.approx(np.linalg.norm(new - old) / np.linalg.norm(old), rel=1e-9)
        assert (layer.tensors, layer.of) == (16, 16)
    assert [layer.name for layer in totals.layers] in (["layer 4", "layer 5"], ["layer 5", "layer 4"])


def arrays(files: FileAccess, side: Side) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    (part,) = side.values()
    (line,) = part.listing().splitlines()
    entry = json.loads(line)
    data = files.read_file(FileDigest.parse(entry["sha256"]))
    layout = read_tensors(io.BytesIO(data), len(data))
    assert layout is not None
    for one in layout.tensors:
        kind = {"f32": "<f4", "i64": "<i8"}[one.dtype]
        yield one.name, np.frombuffer(data, kind, count=one.length // one.item_bytes, offset=one.offset)
