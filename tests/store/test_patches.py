"""Patches give every byte back, and refuse what no encoder wrote."""

from __future__ import annotations

import random
import tracemalloc
from contextlib import suppress

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from lastgood.errors import Integrity
from lastgood.model.placement import Encoding
from lastgood.store import codec
from lastgood.store.chunking import chunk_id
from lastgood.store.codec import Base, apply_patch, encode_patch
from tests.store.keeping import LINES

NOISE = random.Random(8).randbytes(1 << 17)


def patch(raw: bytes, base: bytes) -> bytes:
    """Encode a patch that pays."""
    written = encode_patch(raw, Base(chunk_id(base), base, 3))
    assert written is not None
    assert (written.encoding, written.base, written.context, written.depth) == (Encoding.PATCH, chunk_id(base), None, 4)
    return b"".join(written.pieces)


class TestRoundTrip:
    """What was patched is put together."""

    @settings(max_examples=60)
    @given(st.integers(2_000, 30_000), st.integers(0, 30_000), st.integers(0, 200), st.binary(max_size=200))
    def test_an_edit(self, length: int, at: int, removed: int, inserted: bytes) -> None:
        base = LINES[:length]
        raw = base[:at] + inserted + base[at + removed :]
        encoded = patch(raw, base)
        assert apply_patch(encoded, base, len(raw)) == raw
        assert apply_patch(encoded, memoryview(base), len(raw)) == raw
        assert len(encoded) < 400 + len(inserted)

    def test_noise_that_stands_in_the_base_is_copied(self) -> None:
        raw = NOISE[50_000:] + LINES[:500]
        assert len(patch(raw, NOISE)) < 1_000

    def test_what_pays_too_little_is_not_kept(self) -> None:
        assert encode_patch(LINES[:20_000], Base(chunk_id(NOISE), NOISE)) is None
        assert encode_patch(b"short", Base(chunk_id(b"short!"), b"short!")) is None
        assert encode_patch(NOISE[: 1 << 16], Base(chunk_id(b"x"), NOISE[1 << 16 :])) is None


class TestForEver:
    """These bytes stand in packs that were written already."""

    def test_they_are_read_as_they_were_meant(self) -> None:
        base = b"The quick brown fox jumps over the lazy dog, again and again, until nobody looks."
        encoded = bytes.fromhex("28b52ffd2060b50000586f6e6365206d6f72652121031006223d4f80501210")
        assert apply_patch(encoded, base, 96) == base[:60] + b" and once more" + base[60:-1] + b"!!"


class TestHostileBytes:
    """Whatever is decoded, the answer has the length that was expected or is `Integrity`."""

    @settings(max_examples=200)
    @given(st.binary(max_size=100), st.integers(0, 1 << 24))
    def test_noise(self, encoded: bytes, raw_length: int) -> None:
        for start in (b"", b"\x28\xb5\x2f\xfd"):
            with suppress(Integrity):
                assert len(apply_patch(start + encoded, LINES[:1_000], raw_length)) == raw_length

    @settings(max_examples=200)
    @given(st.integers(0, 1 << 20), st.integers(0, 255))
    def test_a_byte_that_changed(self, at: int, value: int) -> None:
        raw = LINES[:4_000] + b"new" + LINES[4_000:8_000]
        encoded = bytearray(patch(raw, LINES[:8_000]))
        encoded[at % len(encoded)] = value
        with suppress(Integrity):
            assert len(apply_patch(bytes(encoded), LINES[:8_000], len(raw))) == len(raw)

    def test_another_base_gives_other_bytes_or_integrity(self) -> None:
        raw = LINES[:4_000] + b"new" + LINES[4_000:8_000]
        encoded = patch(raw, LINES[:8_000])
        for base in (b"", b"x", LINES[10_000:18_000]):
            with suppress(Integrity):
                assert chunk_id(apply_patch(encoded, base, len(raw))) != chunk_id(raw)

    def test_every_cut_and_more_bytes_are_refused(self) -> None:
        raw = b"new" + LINES[:8_000]
        encoded = patch(raw, LINES[:8_000])
        for wrong in [*(encoded[:length] for length in range(len(encoded))), encoded + b"x"]:
            with pytest.raises(Integrity):
                apply_patch(wrong, LINES[:8_000], len(raw))

    def test_a_bomb_is_refused_by_its_claim(self) -> None:
        bomb = zstandard.ZstdCompressor().compress(bytes(1 << 28))
        stream = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(1 << 20))
        tracemalloc.start()
        for encoded in (bomb, stream):
            with pytest.raises(Integrity, match="it claims"):
                apply_patch(encoded, LINES[:1_000], 1_000)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
        tracemalloc.stop()

    def test_a_patch_is_nothing_without_its_base(self) -> None:
        for encoding in (Encoding.PATCH, Encoding.DELTA):
            with pytest.raises(Integrity, match="that is not given"):
                codec.decode(encoding, b"anything", 8)
