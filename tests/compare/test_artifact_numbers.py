"""Artifacts: the numbers, against NumPy's own; what is shared, against the bytes; and what hostile files do: nothing."""

from __future__ import annotations

import math
import struct
import subprocess
import sys
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lastgood.compare.artifacts.changes import TensorChanges
from lastgood.compare.artifacts.numbers import number_form
from lastgood.compare.artifacts.sharing import Parts, runs
from lastgood.compare.artifacts.sums import Sums
from lastgood.compare.components import compare_component
from lastgood.errors import Gone, Integrity, NotFound
from lastgood.ids import FileDigest
from lastgood.model.component import Kind
from lastgood.model.placement import FilePart
from tests.compare.models import bf16, gguf, model, moved, saved
from tests.compare.sides import NAME, Kept, compare_files_of, compare_one

FLOATS = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}
VALUES = st.one_of(st.floats(-1024, 1024, width=16), st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf]))
INTEGERS = {"U8": "u1", "I8": "i1", "I16": "<i2", "I32": "<i4", "I64": "<i8", "U64": "<u8"}


def sums_of(kind: str, old: npt.NDArray[Any], new: npt.NDArray[Any]) -> Sums | None:
    """Compare two tensors through the comparer; None where they are the same."""
    files = [{"m.safetensors": saved({"w": one}, {"side": side}, {"w": kind})} for side, one in (("old", old), ("new", new))]
    change = compare_files_of(Kind.ARTIFACT, files[0], files[1])
    tensors = [tensor for detail in change.details if isinstance(detail, TensorChanges) for tensor in detail.tensors]
    return tensors[0].sums if tensors else None


@given(st.data(), st.sampled_from(sorted(FLOATS)))
def test_floats_are_measured_as_numpy_measures_them(data: st.DataObject, kind: str) -> None:
    old = data.draw(arrays(FLOATS[kind], st.integers(1, 40), elements=VALUES))
    new = data.draw(arrays(FLOATS[kind], old.shape, elements=VALUES))
    if len(new) > 2:
        new[: len(new) // 2] = old[: len(old) // 2]
    found = sums_of(kind, old, new)
    differing = int(np.count_nonzero(np.frombuffer(old.tobytes(), f"u{old.itemsize}") != np.frombuffer(new.tobytes(), f"u{old.itemsize}")))
    if not differing:
        assert found is None
        return
    assert found is not None
    finite = np.isfinite(old) & np.isfinite(new)
    before, after = old[finite].astype("f8"), new[finite].astype("f8")
    assert (found.items, found.changed) == (old.size, differing)
    assert (found.old_nan, found.new_nan) == (np.isnan(old).sum(), np.isnan(new).sum())
    assert found.largest == np.abs(after - before).max(initial=0)
    length = np.linalg.norm(before)
    if length:
        assert found.relative_l2 == pytest.approx(np.linalg.norm(after - before) / length)
    if length and np.linalg.norm(after):
        assert found.cosine == pytest.approx(before @ after / length / np.linalg.norm(after))


@given(st.data(), st.sampled_from(sorted(INTEGERS)))
def test_integers_are_exact(data: st.DataObject, kind: str) -> None:
    old, new = (data.draw(arrays(INTEGERS[kind], 5)) for _ in range(2))
    found = sums_of(kind, old, new)
    distances = [abs(int(after) - int(before)) for before, after in zip(old, new, strict=True)]
    assert (found is None) == (not any(distances))
    if found is not None:
        assert found.largest == float(max(distances))
        assert found.changed == sum(map(bool, distances))


@pytest.mark.parametrize(
    ("dtype", "code", "value"),
    [
        ("bf16", b"\x80\x3f", 1.0),
        ("bf16_be", b"\x3f\x80", 1.0),
        ("f32_be", struct.pack(">f", 2.5), 2.5),
        ("f8_e4m3", b"\x38", 1.0),
        ("f8_e4m3", b"\x7e", 448.0),
        ("f8_e4m3", b"\x01", 2.0**-9),
        ("f8_e4m3", b"\xb8", -1.0),
        ("f8_e4m3", b"\x7f", math.nan),
        ("f8_e5m2", b"\x3c", 1.0),
        ("f8_e5m2", b"\x7b", 57344.0),
        ("f8_e5m2", b"\xfc", -math.inf),
        ("f8_e5m2", b"\x7d", math.nan),
        ("f8_e4m3fnuz", b"\x40", 1.0),
        ("f8_e4m3fnuz", b"\x7f", 240.0),
        ("f8_e4m3fnuz", b"\x80", math.nan),
        ("f8_e5m2fnuz", b"\x40", 1.0),
        ("f8_e5m2fnuz", b"\x7f", 57344.0),
        ("f8_e8m0", b"\x7f", 1.0),
        ("f8_e8m0", b"\x80", 2.0),
        ("f8_e8m0", b"\xff", math.nan),
        ("bool", b"\x01", 1.0),
    ],
)
def test_a_kind_of_number_is_read_as_its_source_says(dtype: str, code: bytes, value: float) -> None:
    form = number_form(dtype)
    assert form is not None
    assert form.item_bytes == len(code)
    np.testing.assert_equal(form.read(code), [value])


def test_what_is_no_number_is_not_read_as_one() -> None:
    assert [number_form(dtype) for dtype in ("u4", "f4", "f6_e2m3", "q4_k", "f128", "never heard of")] == [None] * 6


def test_other_kinds_are_compared_by_their_values() -> None:
    old, new = np.linspace(1, 2, 50, dtype="<f4"), np.linspace(1, 2, 50, dtype="<f4")
    change = compare_one(Kind.ARTIFACT, "m.safetensors", saved({"w": old}), saved({"w": bf16(new)}))
    (found,) = [one.sums for detail in change.details if isinstance(detail, TensorChanges) for one in detail.tensors]
    assert found is not None
    assert found.relative_l2 is not None
    kept_values = (bf16(new).astype("<u4") << 16).view("<f4").astype("f8")
    assert found.relative_l2 == pytest.approx(np.linalg.norm(kept_values - old) / np.linalg.norm(old.astype("f8")))
    assert 0 < found.relative_l2 < 2**-7


CUTS = st.lists(st.integers(1, 9), min_size=1, max_size=8)


@given(CUTS, CUTS, st.binary(min_size=80, max_size=80), st.data())
def test_what_is_called_shared_is_the_same(old_cuts: list[int], new_cuts: list[int], data: bytes, draw: st.DataObject) -> None:
    files = []
    for cuts in (old_cuts, new_cuts):
        start = draw.draw(st.integers(0, 3))
        ends = list(accumulate(cuts, initial=start))
        pieces = [data[begin:end] for begin, end in pairwise(ends)]
        files.append((b"".join(pieces), Parts([FilePart(piece, len(piece)) for piece in pieces], sum(cuts))))
    (old, old_parts), (new, new_parts) = files
    length = draw.draw(st.integers(0, min(len(old), len(new))))
    starts = draw.draw(st.integers(0, len(old) - length)), draw.draw(st.integers(0, len(new) - length))
    found = runs(old_parts, starts[0], new_parts, starts[1], length)
    assert [run.start for run in found] == list(accumulate([run.length for run in found], initial=0))[:-1]
    assert sum(run.length for run in found) == length
    for run in found:
        before, after = (file[start + run.start : start + run.end] for file, start in ((old, starts[0]), (new, starts[1])))
        assert not run.shared or before == after


class Cut(Kept):
    """Files that are made of parts of so many bytes each."""

    def __init__(self, block: int) -> None:
        super().__init__()
        self._block = block

    def parts_of(self, digest: FileDigest) -> list[FilePart]:
        data = self.bytes[digest]
        blocks = [data[start : start + self._block] for start in range(0, len(data), self._block)]
        return [FilePart(bytes(block), len(block)) for block in blocks]


@given(
    st.integers(1, 200),
    st.lists(st.tuples(st.integers(0, 63), st.floats(-9, 9, width=32)), max_size=5),
    st.sampled_from("<f4 <f8 <i8 <u2".split()),
)
def test_how_files_are_cut_changes_no_number(block: int, edits: list[tuple[int, float]], kind: str) -> None:
    old = {"a.w": np.arange(64).astype(kind), "b.w": np.arange(64).reshape(8, 8).astype(kind)}
    new = {name: value.copy() for name, value in old.items()}
    for place, value in edits:
        new["b.w"].flat[place] = np.asarray(abs(value)).astype(kind)
    changes = []
    for kept in (Cut(block), Kept()):
        old_side, new_side = (kept.side(Kind.ARTIFACT, {"m.safetensors": saved(one, {"side": "on"[one is new]})}) for one in (old, new))
        changes.append(compare_component(NAME, old_side, new_side, kept))
    assert changes[0].summary == changes[1].summary
    cut, whole = ([tensor.sums for one in change.details if isinstance(one, TensorChanges) for tensor in one.tensors] for change in changes)
    assert len(cut) == len(whole)
    for one, other in zip(cut, whole, strict=True):
        assert one is not None
        assert other is not None
        assert (one.items, one.changed, one.largest) == (other.items, other.changed, other.largest)
        assert one.relative_l2 == pytest.approx(other.relative_l2)
        assert one.cosine == pytest.approx(other.cosine)


def test_a_file_that_is_shorter_than_its_listing_says_is_damaged() -> None:
    kept = Kept()
    old, new = (kept.side(Kind.ARTIFACT, {"m.safetensors": saved(moved(model(), {"": add}))}) for add in (0, 1))
    digest = new.entries[0].digest
    kept.bytes[digest] = kept.bytes[digest][:-4]
    with pytest.raises(Integrity, match="shorter than its listing says"):
        compare_component(NAME, old, new, kept)


@pytest.mark.parametrize(("error", "why"), [(NotFound, "are not kept here"), (Gone, "were removed by policy")])
def test_bytes_that_are_not_there_are_said_to_be_gone(error: type[NotFound], why: str) -> None:
    kept = Kept()
    old, new = (kept.side(Kind.ARTIFACT, {"m.safetensors": saved(moved(model(), {"": add}))}) for add in (0, 1))

    def refuse(digest: FileDigest) -> BinaryIO:
        raise error("gone")

    kept.open_file = refuse  # type: ignore[method-assign]
    change = compare_component(NAME, old, new, kept)
    assert change.summary == f"m.safetensors changed (2.15 kB, as before), its old bytes {why}: compared by its digest only"


def test_parts_that_do_not_add_up_share_nothing() -> None:
    parts = [Parts([FilePart(b"a", 4)], 5) for _ in range(2)]
    assert [run.shared for run in runs(parts[0], 0, parts[1], 0, 5)] == [False]


@settings(max_examples=300)
@given(st.sampled_from(["safetensors", "gguf", "json"]), st.data())
def test_a_damaged_file_is_compared_without_an_error(form: str, draw: st.DataObject) -> None:
    whole = {
        "safetensors": saved(model(2), {"a": "b"}),
        "gguf": gguf({"blk.0.w": (12, (4, 256), bytes(576))}, {"general.name": "router", "n": 4}),
        "json": b'{"model": {"vocab": {"a": 1}, "merges": [["a", "b"]]}, "added_tokens": [{"content": "x"}]}',
    }[form]
    damaged = bytearray(whole)
    for _ in range(draw.draw(st.integers(1, 4))):
        place = draw.draw(st.integers(0, len(damaged) - 1))
        damaged[place] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.integers(1, len(damaged)))
    if bytes(damaged[:cut]) == whole:
        return
    path = "t/tokenizer.json" if form == "json" else f"m.{form}"
    for old, new in ((whole, damaged[:cut]), (damaged[:cut], whole)):
        change = compare_one(Kind.ARTIFACT, path, bytes(old), bytes(new))
        assert change.summary
        assert change.summary.isprintable()


BIG = """
import io, os, sys
from lastgood.compare.artifacts.comparer import ArtifactComparer
from lastgood.compare.comparer import ComponentSide
from lastgood.ids import ContentDigest, FileDigest
from lastgood.model.component import Kind
from lastgood.model.listing import FileEntry, Mode
from lastgood.model.placement import FilePart
from tests.parts import peak_kilobytes

paths = {FileDigest.of(path.encode()): path for path in sys.argv[1:]}

class OnDisk:
    def open_file(self, digest):
        return open(paths[digest], "rb")
    def parts_of(self, digest):
        return [FilePart(digest, os.path.getsize(paths[digest]))]

sides = [
    ComponentSide(Kind.ARTIFACT, ContentDigest.of(digest), [FileEntry("model.safetensors", Mode.FILE, digest, os.path.getsize(path))])
    for digest, path in paths.items()
]
before = peak_kilobytes()
print(ArtifactComparer().compare(*sides, OnDisk()).phrases[0])
print(peak_kilobytes() - before)
"""


def test_a_model_of_any_size_is_compared_in_little_memory(tmp_path: Path) -> None:
    tensors, layers = 24 << 20, 16
    header = ",".join(
        f'"layers.{n}.w":{{"dtype":"F32","shape":[{tensors // 4}],"data_offsets":[{n * tensors},{(n + 1) * tensors}]}}'
        for n in range(layers)
    )
    head = f"{{{header}}}".encode()
    for name, add in (("old", 0.0), ("new", 2.0)):
        with (tmp_path / name).open("wb") as file:
            file.write(struct.pack("<Q", len(head)) + head)
            file.truncate(8 + len(head) + layers * tensors)
            for layer in range(layers):
                # In a block of its own: all that lies around it is a hole.
                file.seek(8 + len(head) + layer * tensors + (5 << 20))
                file.write(struct.pack("<2f", 1.0, add * layer))
    done = subprocess.run([sys.executable, "-c", BIG, tmp_path / "old", tmp_path / "new"], capture_output=True, text=True, check=True)
    sentence, peak = done.stdout.splitlines()
    assert sentence == "only layers 1 to 15 changed, most of all layer 15 (relative L2 30)"
    assert int(peak) < 60_000


def test_layers_that_did_not_change_are_not_said_to_have() -> None:
    change = compare_one(Kind.ARTIFACT, "m.safetensors", saved(model()), saved(moved(model(), {"encoder.layer.1.": 1e-3})))
    assert change.summary.startswith("only layer 1 changed")
