"""Byte planes give every byte back, whatever the items are, and refuse what no encoder wrote."""

from __future__ import annotations

import random
import struct
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lastgood.errors import Integrity
from lastgood.model.placement import Encoding
from lastgood.store import codec
from lastgood.store.numbers import Numbers
from lastgood.store.planes import SLICE, decode_planes, encode_planes

NOISE = random.Random(5).randbytes(1 << 20)
WEIGHTS = np.random.default_rng(1).normal(0, 0.02, 1 << 18).astype("<f4").tobytes()


def planes(raw: bytes, item: int) -> bytes:
    """Encode as one string."""
    return b"".join(encode_planes(raw, item))


class TestRoundTrip:
    """What was regrouped is put back."""

    @settings(max_examples=200)
    @given(st.integers(1, 255), st.binary(max_size=600), st.integers(1, 40))
    @example(4, b"", 1)
    @example(255, b"x" * 254, 1)
    def test_any_item_and_any_tail(self, item: int, unit: bytes, times: int) -> None:
        raw = unit * times
        encoded = planes(raw, item)
        assert decode_planes(encoded, len(raw)) == raw
        assert len(encoded) <= len(raw) + 1 + 5 * item

    @pytest.mark.parametrize("item", range(1, 256))
    def test_every_item_from_memory_that_may_not_be_written(self, item: int) -> None:
        raw = NOISE[: item * 33 + item // 2]
        assert decode_planes(planes(memoryview(raw), item), len(raw)) == raw  # type: ignore[arg-type]  # any piece will do

    @pytest.mark.parametrize("item", [1, 2, 3, 4, 8, 12])
    @pytest.mark.parametrize("count", [SLICE - 1, SLICE, SLICE + 1, 2 * SLICE + 1])
    def test_more_items_than_a_slice(self, item: int, count: int) -> None:
        raw = (NOISE * 2)[: item * count + item - 1]
        assert decode_planes(planes(raw, item), len(raw)) == raw

    @pytest.mark.parametrize("value", [0.0, -0.0, float("inf"), float("-inf"), float("nan"), 5e-324])
    def test_numbers_that_are_none(self, value: float) -> None:
        raw = struct.pack("<d", value) * 5_000 + b"\x01\x00\x00\x00\x00\x00\xf0\x7f"  # the last is a signalling NaN
        assert decode_planes(planes(raw, 8), len(raw)) == raw
        assert len(planes(raw, 8)) < 400

    def test_exponents_are_compressed_and_noise_costs_nothing(self) -> None:
        assert len(planes(WEIGHTS, 4)) < len(WEIGHTS) * 0.9
        assert len(planes(NOISE, 4)) == len(NOISE) + 1 + 5 * 4

    def test_a_frame_that_gets_no_smaller_stays_raw(self) -> None:
        assert codec.encode_numbers(NOISE, Numbers(4)).encoding is Encoding.RAW
        written = codec.encode_numbers(WEIGHTS, Numbers(4))
        assert written.encoding is Encoding.PLANES
        assert codec.decode(Encoding.PLANES, b"".join(written.pieces), len(WEIGHTS)) == WEIGHTS


class TestForEver:
    """These bytes stand in packs that were written already."""

    @pytest.mark.parametrize(
        ("encoded", "raw"),
        [
            ("02" + "0003000000" * 2 + "010305" + "020406" + "ff", "010203040506ff"),
            ("03" + "0002000000" * 3 + "0104" + "0205" + "0306", "010203040506"),
            ("04" + "0000000000" * 4 + "aabb", "aabb"),
            ("01" + "0114000000" + "28b52ffd60900015" + "00", None),
        ],
    )
    def test_they_are_read_as_they_were_meant(self, encoded: str, raw: str | None) -> None:
        if raw is None:
            zeros = zstandard.ZstdCompressor(level=1).compress(bytes(400))
            by_hand = b"\x01\x01" + struct.pack("<I", len(zeros)) + zeros
            assert decode_planes(by_hand, 400) == bytes(400)
        else:
            assert decode_planes(bytes.fromhex(encoded), len(raw) // 2) == bytes.fromhex(raw)
            assert planes(bytes.fromhex(raw), int(encoded[:2], 16)).hex() == encoded


class TestHostileBytes:
    """Whatever is decoded, the answer has the length that was expected or is a `ValueError`."""

    @settings(max_examples=300)
    @given(st.binary(max_size=120), st.integers(0, 1 << 24))
    def test_noise(self, encoded: bytes, raw_length: int) -> None:
        with suppress(ValueError):
            assert len(decode_planes(encoded, raw_length)) == raw_length

    @settings(max_examples=200)
    @given(st.sampled_from([1, 2, 3, 4, 8, 16]), st.integers(0, 10_000), st.integers(0, 255), st.integers(-3, 3))
    def test_a_byte_that_changed(self, item: int, at: int, value: int, more: int) -> None:
        raw = WEIGHTS[:2_001]
        encoded = bytearray(planes(raw, item))
        encoded[at % len(encoded)] = value
        with suppress(ValueError):
            assert len(decode_planes(bytes(encoded), len(raw) + more)) == len(raw) + more

    def test_every_cut_and_more_bytes_are_refused(self) -> None:
        encoded = planes(WEIGHTS[:401], 4)
        for wrong in [*(encoded[:length] for length in range(len(encoded))), encoded + b"x"]:
            with pytest.raises(ValueError, match=r".+"):
                decode_planes(wrong, 401)

    @pytest.mark.parametrize("claimed", [1 << 28, (1 << 24) - 1])
    def test_a_bomb_is_refused_before_memory_is_taken(self, claimed: int) -> None:
        bomb = zstandard.ZstdCompressor().compress(bytes(claimed))
        encoded = b"\x01\x01" + struct.pack("<I", len(bomb)) + bomb
        tracemalloc.start()
        with pytest.raises(Integrity, match="it claims"):
            codec.decode(Encoding.PLANES, encoded, 1_000)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
        tracemalloc.stop()

    def test_a_coding_that_there_is_not_is_refused(self) -> None:
        with pytest.raises(ValueError, match="coding 2"):
            decode_planes(b"\x01\x02\x01\x00\x00\x00x", 1)
        with pytest.raises(ValueError, match="no items"):
            decode_planes(b"\x00abc", 3)
