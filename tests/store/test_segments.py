"""Files with tensors are cut so that a layer is the same chunks anywhere, and labelled by what is alike."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastgood.store.chunking import Cut, Cutter, Segment
from lastgood.store.numbers import NO_ORDER, Numbers
from lastgood.store.segments import BLOCK_NUMBERS, LARGE_TENSOR, tensor_segments
from tests.formats.tensors.files import npy_file, safetensors_file

BITS = {"F32": 4, "F16": 2, "BF16": 2, "F64": 8, "I8": 1, "U8": 1}
NOISE = random.Random(9).randbytes(1 << 20)


def checkpoint(tensors: Mapping[str, tuple[str, int]], metadata: str = "one") -> bytes:
    """Return a safetensors file of tensors of some type and number of items."""
    return safetensors_file(
        {name: (dtype, (count,), bytes(BITS[dtype] * count)) for name, (dtype, count) in tensors.items()}, {"by": metadata}
    )


def segments_of(data: bytes) -> list[Segment]:
    """Return the segments of a file."""
    return list(tensor_segments(io.BytesIO(data), len(data)))


def cuts_of(data: bytes) -> list[Cut]:
    """Cut a file as the writer does."""
    return list(Cutter(1 << 16, segments_of(data)).cut(memoryview(data), is_end=True))


class TestSegments:
    """Where the borders lie."""

    def test_a_large_tensor_is_a_segment_and_small_ones_share_one(self) -> None:
        data = checkpoint({"a": ("F32", 10), "b": ("F32", 20_000), "c": ("F32", 10), "d": ("F32", 8_191), "e": ("F32", 8_192)})
        found = segments_of(data)
        assert [one.length for one in found[-3:]] == [80_000, 40 + 4 * 8_191, 32_768]
        assert [one.numbers for one in found[-3:]] == [Numbers(4, 23)] * 3
        assert sum(one.length for one in found) == len(data)

    @pytest.mark.parametrize(("dtype", "shift"), [("F32", 23), ("F16", 10), ("BF16", 7), ("F64", 52), ("I8", NO_ORDER)])
    def test_numbers_know_their_exponent(self, dtype: str, shift: int) -> None:
        *_, found = segments_of(checkpoint({"w": (dtype, 40_000)}))
        assert found.numbers == Numbers(BITS[dtype], shift)
        assert found.block == (4 << 20 if BITS[dtype] == 1 else BLOCK_NUMBERS * BITS[dtype])

    def test_small_tensors_of_other_sizes_are_apart(self) -> None:
        *_, first, second = segments_of(checkpoint({"a": ("F16", 10), "b": ("F32", 20)}))
        assert second.length == 80
        assert first.length % 2 == 0 or first.length == 20
        assert second.label != first.label

    def test_blocks_of_a_quantised_tensor_hold_whole_items(self) -> None:
        data = npy_file("{'descr': '<f2', 'fortran_order': False, 'shape': (9000, 17), }", NOISE[: 9_000 * 34])
        *_, found = segments_of(data)
        assert found.numbers == Numbers(2, 10)

    @pytest.mark.parametrize("data", [b"", b"a text", struct.pack("<Q", 1 << 40) + b"{}", checkpoint({"a": ("F32", 9)})[:-1]])
    def test_what_is_not_understood_has_no_segments(self, data: bytes) -> None:
        assert segments_of(data) == []

    @settings(max_examples=50)
    @given(
        st.dictionaries(
            st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8),
            st.tuples(st.sampled_from(sorted(BITS)), st.integers(1, 20_000)),
            min_size=1,
            max_size=8,
        )
    )
    def test_they_fit_the_file_and_cuts_give_it_back(self, tensors: dict[str, tuple[str, int]]) -> None:
        data = checkpoint(tensors)
        segments = segments_of(data)
        assert sum(one.length for one in segments) <= len(data)
        assert all(one.length > 0 for one in segments)
        cuts = cuts_of(data)
        assert b"".join(cut.data for cut in cuts) == data
        assert all((cut.label is None) is (cut.numbers is None) for cut in cuts)
        assert all(0 <= cut.label < 1 << 63 for cut in cuts if cut.label is not None)
        labels = [cut.label for cut in cuts if cut.label is not None]
        assert len(set(labels)) == len(labels)

    def test_a_large_tensor_is_blocks_with_labels_of_their_own(self) -> None:
        data = checkpoint({"w": ("F16", 2 * BLOCK_NUMBERS + 5)})
        cuts = [cut for cut in cuts_of(data) if cut.numbers is not None]
        assert [len(cut.data) for cut in cuts] == [2 * BLOCK_NUMBERS] * 2 + [10]
        assert len({cut.label for cut in cuts}) == 3


class TestLabels:
    """What is alike bears one label."""

    def test_a_layer_bears_its_label_in_any_file(self) -> None:
        first = checkpoint({"w": ("F32", LARGE_TENSOR), "v": ("F32", LARGE_TENSOR)})
        second = checkpoint({"new": ("F16", LARGE_TENSOR), "w": ("F32", LARGE_TENSOR)}, metadata="another, longer")
        labels = [[cut.label for cut in cuts_of(one) if cut.label is not None] for one in (first, second)]
        assert len(set(labels[0]) & set(labels[1])) == 1

    @pytest.mark.parametrize("other", [("x", "F32", 9_000), ("w", "I32", 9_000), ("w", "F32", 9_001)])
    def test_name_type_and_shape_tell_apart(self, other: tuple[str, str, int]) -> None:
        name, dtype, count = other
        labels = [
            [cut.label for cut in cuts_of(safetensors_file({key: (kind, (items,), NOISE[: 4 * items])})) if cut.label is not None]
            for key, kind, items in (("w", "F32", 9_000), (name, dtype, count))
        ]
        assert labels[0] != labels[1]

    def test_labels_are_for_ever(self) -> None:
        (*_, found) = segments_of(checkpoint({"encoder.layer.0.weight": ("F32", 9_000)}))
        assert found.label == 0x16BC2A00131A8417
