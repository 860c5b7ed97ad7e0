"""Encoding keeps what pays, decoding makes what it was told to expect and nothing else."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from lastgood.errors import Integrity
from lastgood.model.placement import Encoding
from lastgood.store.codec import Written, decode, encode

NOISE = random.Random(7).randbytes(1 << 20)


class TestChoice:
    """What is written is what costs less, by the bytes alone."""

    @given(st.binary(max_size=2_000), st.integers(min_value=1, max_value=200))
    def test_everything_reads_back(self, unit: bytes, times: int) -> None:
        raw = unit * times
        written = encode(raw)
        assert decode(written.encoding, b"".join(written.pieces), len(raw)) == raw
        assert written.length <= len(raw)

    @pytest.mark.parametrize("size", [0, 1, 5_000, 128 << 10, 1 << 20])
    def test_noise_stays_raw(self, size: int) -> None:
        assert encode(NOISE[:size]) == Written(Encoding.RAW, (NOISE[:size],))

    @pytest.mark.parametrize("size", [200, 5_000, 128 << 10, 1 << 20])
    def test_text_is_compressed(self, size: int) -> None:
        written = encode((b"warm answers, " * size)[:size])
        assert written.encoding is Encoding.ZSTD
        assert written.length < size // 2

    def test_a_saving_below_a_sixteenth_does_not_pay(self) -> None:
        assert encode(NOISE[:63_000] + bytes(1_000)).encoding is Encoding.RAW
        assert encode(NOISE[:50_000] + bytes(14_000)).encoding is Encoding.ZSTD

    def test_a_large_frame_is_judged_by_samples_from_all_of_it(self) -> None:
        half = NOISE[: 256 << 10] + bytes(256 << 10)
        assert encode(half).encoding is Encoding.ZSTD
        assert encode(half[::-1]).encoding is Encoding.ZSTD


class TestHostileBytes:
    """Whatever is decoded, the answer is right or `Integrity`, and no more memory is taken than was expected."""

    @pytest.mark.parametrize("encoding", list(Encoding), ids=lambda encoding: encoding.name)
    @given(encoded=st.binary(max_size=200), raw_length=st.integers(min_value=0, max_value=1 << 24))
    def test_noise_is_refused_or_is_raw(self, encoding: Encoding, encoded: bytes, raw_length: int) -> None:
        with suppress(Integrity):
            assert len(decode(encoding, encoded, raw_length)) == raw_length

    def test_a_bomb_is_refused_by_its_claim(self) -> None:
        bomb = zstandard.ZstdCompressor().compress(bytes(1 << 28))
        with pytest.raises(Integrity, match="claims 268435456 bytes instead of 1000"):
            decode(Encoding.ZSTD, bomb, 1_000)

    def test_a_bomb_without_a_claim_is_refused(self) -> None:
        stream = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(1 << 20))
        with pytest.raises(Integrity, match="claims -1 bytes"):
            decode(Encoding.ZSTD, stream, 1 << 20)

    def test_a_false_claim_is_refused(self) -> None:
        honest = zstandard.ZstdCompressor().compress(b"a" * 300)
        at = honest.index((300 - 256).to_bytes(2, "little"))
        for claim in (256, 299, 301, 60_000):
            lying = honest[:at] + (claim - 256).to_bytes(2, "little") + honest[at + 2 :]
            with pytest.raises(Integrity):
                decode(Encoding.ZSTD, lying, claim)

    def test_extra_bytes_are_refused(self) -> None:
        encoded = zstandard.ZstdCompressor().compress(b"a" * 300)
        with pytest.raises(Integrity):
            decode(Encoding.ZSTD, encoded + b"more", 300)
        with pytest.raises(Integrity):
            decode(Encoding.RAW, b"abc", 2)

    def test_every_cut_is_refused(self) -> None:
        encoded = zstandard.ZstdCompressor().compress(b"warm answers " * 40)
        for length in range(len(encoded)):
            with pytest.raises(Integrity):
                decode(Encoding.ZSTD, encoded[:length], 13 * 40)
