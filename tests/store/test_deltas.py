"""Deltas give every byte back, one or a chain of them, and refuse what no encoder wrote."""

from __future__ import annotations

import random
import struct
import tracemalloc
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise

import numpy as np
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lastgood.errors import Integrity
from lastgood.model.placement import Encoding
from lastgood.store import codec
from lastgood.store.chunking import chunk_id
from lastgood.store.codec import Base
from lastgood.store.deltas import apply_deltas, encode_delta, is_alike
from lastgood.store.numbers import NO_ORDER, Numbers

NOISE = random.Random(6).randbytes(1 << 18)
RNG = np.random.default_rng(2)
ORDERS = {1: [0, 3, NO_ORDER], 2: [7, 10, 15, NO_ORDER], 4: [0, 23, 31, NO_ORDER], 8: [52, 63, NO_ORDER], 3: [NO_ORDER], 16: [7, NO_ORDER]}

numbers = st.sampled_from([Numbers(item, shift) for item, shifts in ORDERS.items() for shift in shifts])


def delta(raw: bytes, base: bytes, context: bytes, how: Numbers) -> bytes:
    """Encode as one string."""
    return encode_delta(raw, base, context, how)


def weights(count: int, dtype: str = "<f4") -> bytes:
    """Return numbers like those of a layer."""
    return RNG.normal(0, 0.02, count).astype(dtype).tobytes()


def moved(raw: bytes, dtype: str = "<f4") -> bytes:
    """Move every number by a little, as training does."""
    values = np.frombuffer(raw, dtype)
    step: bytes = (values + RNG.normal(0, 2e-6, values.size).astype(dtype)).tobytes()
    return step


WEIGHTS = weights(300) + b"end"


class TestRoundTrip:
    """What was taken apart is put together."""

    @settings(max_examples=300)
    @given(numbers, st.data())
    def test_any_bytes_against_any_others(self, how: Numbers, data: st.DataObject) -> None:
        length = data.draw(st.integers(0, 300))
        raw, base, context = (data.draw(st.binary(min_size=length, max_size=length)) for _ in range(3))
        assert apply_deltas(base, [(delta(raw, base, context, how), context)]) == raw
        assert apply_deltas(base, [(delta(raw, base, base, how), base)]) == raw

    @pytest.mark.parametrize("shift", [NO_ORDER, 23])
    def test_base_and_context_are_left_as_they_were(self, shift: int) -> None:
        base = bytearray(WEIGHTS)
        raw = moved(WEIGHTS[:-3]) + b"new"
        encoded = delta(raw, WEIGHTS, WEIGHTS, Numbers(4, shift))
        for _ in range(2):
            assert apply_deltas(memoryview(base), [(encoded, memoryview(base))]) == raw
            assert base == WEIGHTS

    @settings(max_examples=100)
    @given(numbers, st.integers(1, 3_000), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=30))
    def test_a_few_numbers_that_changed(self, how: Numbers, length: int, changes: list[tuple[int, int]]) -> None:
        base = NOISE[:length]
        raw = bytearray(base)
        for at, value in changes:
            raw[at % length] = value
        encoded = delta(bytes(raw), base, base, how)
        assert bytes(apply_deltas(base, [(encoded, base)])) == bytes(raw)
        assert len(encoded) < 60 + length * 1.2 / how.item + 50 * len(changes)

    @settings(max_examples=60)
    @given(
        st.sampled_from([1, 2, 4, 8]),
        st.lists(st.sampled_from([0, 1, 253, 254, 255, 256, 509, 510, 511, 764, 765, 1020]), min_size=1, max_size=12),
        st.integers(0, 600),
    )
    @example(4, [0, 254, 255, 256, 510], 0)
    def test_gaps_of_every_length(self, item: int, gaps: list[int], rest: int) -> None:
        base = np.zeros(sum(gaps) + len(gaps) + rest + 4 * len(gaps), f"<u{item}")
        raw = base.copy()
        at = -1
        for gap in gaps:
            at += gap + 1
            raw[at] = 255
        encoded = delta(raw.tobytes(), base.tobytes(), base.tobytes(), Numbers(item))
        assert encoded[2] == 1
        assert apply_deltas(base.tobytes(), [(encoded, base.tobytes())]) == raw.tobytes()

    @pytest.mark.parametrize("item", [1, 2, 4, 8])
    def test_differences_wrap_around(self, item: int) -> None:
        ends = [0, 1, (1 << 8 * item) - 1, 1 << (8 * item - 1), (1 << (8 * item - 1)) - 1]
        base = np.array([one for one in ends for _ in ends], f"<u{item}").tobytes()
        raw = np.array([one for _ in ends for one in ends], f"<u{item}").tobytes()
        for first, second in ((raw, base), (base, raw)):
            assert apply_deltas(second, [(delta(first, second, second, Numbers(item)), second)]) == first

    @pytest.mark.parametrize(("dtype", "shift"), [("<f2", 10), ("<f4", 23), ("<f8", 52)])
    def test_numbers_that_are_none(self, dtype: str, shift: int) -> None:
        special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1e-7], dtype)
        base, raw = np.repeat(special, special.size).tobytes(), np.tile(special, special.size).tobytes()
        how = Numbers(special.itemsize, shift)
        assert apply_deltas(base, [(delta(raw, base, base, how), base)]) == raw

    def test_what_did_not_change_takes_nothing(self) -> None:
        raw = weights(50_001) + b"end"
        encoded = delta(raw, raw, raw, Numbers(4, 23))
        assert len(encoded) < 50
        assert apply_deltas(raw, [(encoded, raw)]) == raw

    def test_more_numbers_than_a_slice(self) -> None:
        base = weights(200_001) + b"abc"
        raw = moved(base[:-3]) + b"xyz"
        encoded = delta(raw, base, base, Numbers(4, 23))
        assert len(encoded) < len(raw) // 2
        assert apply_deltas(base, [(encoded, base)]) == raw

    def test_the_order_pays(self) -> None:
        base = weights(1 << 18)
        raw = moved(base)
        assert len(delta(raw, base, base, Numbers(4, 23))) < 0.98 * len(delta(raw, base, base, Numbers(4)))


class TestChains:
    """Deltas on deltas are added up in one go."""

    @settings(max_examples=100)
    @given(st.data())
    def test_contexts_and_orders_may_change_on_the_way(self, data: st.DataObject) -> None:
        item = data.draw(st.sampled_from([1, 2, 4, 8]))
        length = data.draw(st.integers(0, 200))
        chunks = [data.draw(st.binary(min_size=length, max_size=length)) for _ in range(data.draw(st.integers(2, 6)))]
        links: list[tuple[bytes, bytes]] = []
        for place in range(1, len(chunks)):
            context = data.draw(st.sampled_from(chunks[:place]))
            how = Numbers(item, data.draw(st.sampled_from(ORDERS[item])))
            links.append((delta(chunks[place], chunks[place - 1], context, how), context))
        for count in range(len(chunks)):
            assert apply_deltas(chunks[0], links[:count]) == chunks[count]

    def test_a_long_chain_with_one_context(self) -> None:
        chunks = [weights(5_000)]
        for _ in range(50):
            chunks.append(moved(chunks[-1]))
        links = [(delta(new, old, chunks[0], Numbers(4, 23)), chunks[0]) for old, new in pairwise(chunks)]
        assert apply_deltas(chunks[0], links) == chunks[-1]

    def test_one_context_may_be_read_as_numbers_of_other_sizes(self) -> None:
        base, raw = NOISE[:8_000], NOISE[8_000:16_000]
        for item in (4, 2, 8, 1, 4):
            how = Numbers(item, 7)
            assert apply_deltas(base, [(delta(raw, base, base, how), base)]) == raw

    def test_numbers_of_different_sizes_in_one_chain_are_refused(self) -> None:
        first, second, third = NOISE[:80], NOISE[80:160], NOISE[160:240]
        chain = [(delta(second, first, first, Numbers(4)), first), (delta(third, second, first, Numbers(2)), first)]
        with pytest.raises(ValueError, match="different sizes"):
            apply_deltas(first, chain)


class TestForEver:
    """These bytes stand in packs that were written already."""

    @pytest.mark.parametrize(
        ("encoded", "base", "raw"),
        [
            ("02ff00" + "0003000000" * 2 + "020100" + "000002" + "07", "010005000000" + "01", "020004000001" + "07"),
            ("01ff01" + "0200000002000000" + "0002000000" + "0201" + "0002000000" + "0100", "0505050505", "0505060504"),
            ("020f00" + "0003000000" * 2 + "000202" + "000000", "018001000280", "028001000380"),
        ],
    )
    def test_they_are_read_as_they_were_meant(self, encoded: str, base: str, raw: str) -> None:
        before = bytes.fromhex(base)
        assert apply_deltas(before, [(bytes.fromhex(encoded), before)]) == bytes.fromhex(raw)

    def test_an_order_is_by_eight_bits_and_stable(self) -> None:
        context = struct.pack("<4H", 0x0180, 0x0001, 0x0100, 0x0000)
        base, raw = bytes(8), struct.pack("<4H", 10, 20, 30, 40)
        encoded = delta(raw, base, context, Numbers(2, 7))
        # By bits 7 to 14 the context's numbers are 3, 0, 2, 0: so the second, the fourth, the third, the first.
        assert encoded[:3] == b"\x02\x07\x00"
        assert encoded[3 + 10 : 3 + 14] == bytes([40, 80, 60, 20])


class TestHostileBytes:
    """Whatever is decoded, the answer has the base's length or is a `ValueError`; claims are checked before memory is taken."""

    @settings(max_examples=300)
    @given(st.sampled_from([1, 2, 4, 8]), st.sampled_from([0, 7, 255]), st.integers(0, 2), st.binary(max_size=80), st.integers(0, 100))
    def test_noise(self, item: int, shift: int, form: int, rest: bytes, length: int) -> None:
        base = NOISE[:length]
        with suppress(ValueError):
            assert len(apply_deltas(base, [(bytes([item, shift, form]) + rest, base)])) == length

    @settings(max_examples=300)
    @given(st.booleans(), st.integers(0, 1 << 20), st.integers(0, 255), st.integers(-4, 4))
    def test_a_byte_that_changed(self, is_sparse: bool, at: int, value: int, more: int) -> None:
        base = WEIGHTS
        raw = bytes([base[0] ^ 1]) + base[1:] if is_sparse else moved(base[:1_200]) + b"abc"
        encoded = bytearray(delta(raw, base, base, Numbers(4, 23)))
        encoded[at % len(encoded)] = value
        other = (WEIGHTS + NOISE)[: len(base) + more]
        with suppress(ValueError):
            assert len(apply_deltas(other, [(bytes(encoded), other)])) == len(other)

    @pytest.mark.parametrize("is_sparse", [True, False], ids=["sparse", "dense"])
    def test_every_cut_and_more_bytes_are_refused(self, is_sparse: bool) -> None:
        base = NOISE[:402]
        raw = base[:40] + b"\x00\x01" + base[42:] if is_sparse else NOISE[1_000:1_402]
        encoded = delta(raw, base, base, Numbers(4, 23))
        assert encoded[2] == is_sparse
        for wrong in [*(encoded[:length] for length in range(len(encoded))), encoded + b"x"]:
            with pytest.raises(ValueError, match=r".+"):
                apply_deltas(base, [(wrong, base)])

    @pytest.mark.parametrize(
        ("head", "what"),
        [
            (b"\x03\xff\x00", "3 bytes"),
            (b"\x00\xff\x00", "0 bytes"),
            (b"\x02\x10\x00", "bit 16"),
            (b"\x04\xff\x02", "form 2"),
            (b"\x04\xff\x01" + struct.pack("<II", 101, 101), "101 differences of 100"),
            (b"\x04\xff\x01" + struct.pack("<II", 0, 2), "0 differences of 100"),
            (b"\x04\xff\x01" + struct.pack("<II", 1 << 31, 1 << 31), "differences of 100"),
            (b"\x04\xff\x01" + struct.pack("<II", 1, (1 << 32) - 1), "differences of 100"),
            (b"\x01\xff\x01" + struct.pack("<II", 1, 2) + b"\x00\x02\x00\x00\x00\xff\xff" + b"\x00\x01\x00\x00\x00\x00", "do not fit"),
            (b"\x01\xff\x01" + struct.pack("<II", 1, 2) + b"\x00\x02\x00\x00\x00\x05\x05" + b"\x00\x01\x00\x00\x00\x00", "do not fit"),
            (b"\x01\xff\x01" + struct.pack("<II", 1, 2) + b"\x00\x02\x00\x00\x00\x05\xff" + b"\x00\x01\x00\x00\x00\x00", "do not fit"),
            (b"\x01\xff\x01" + struct.pack("<II", 1, 3) + b"\x00\x03\x00\x00\x00\xff\xff\x05" + b"\x00\x01\x00\x00\x00\x00", "outside"),
        ],
    )
    def test_what_no_encoder_writes_is_refused(self, head: bytes, what: str) -> None:
        base = NOISE[:400]
        with pytest.raises(ValueError, match=what):
            apply_deltas(base, [(head, base)])

    def test_a_context_of_another_length_is_refused(self) -> None:
        base = NOISE[:400]
        encoded = delta(NOISE[400:800], base, base, Numbers(4, 23))
        with pytest.raises(Integrity, match="no delta of a chunk of that length"):
            codec.apply_deltas(base, [(encoded, NOISE[:404])])

    def test_a_bomb_is_refused_before_memory_is_taken(self) -> None:
        base = bytes(1_000)
        bomb = zstandard.ZstdCompressor().compress(bytes(1 << 28))
        plane = b"\x01" + struct.pack("<I", len(bomb))
        sparse = b"\x01\xff\x01" + struct.pack("<II", 900, 900) + plane + bomb
        tracemalloc.start()
        for encoded in (b"\x01\xff\x00" + plane + bomb, sparse):
            with pytest.raises(ValueError, match="it claims"):
                apply_deltas(base, [(encoded, base)])
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
        tracemalloc.stop()


class TestChoice:
    """A delta is kept where it pays."""

    def test_what_is_alike_is_judged_by_a_sample(self) -> None:
        base = weights(1 << 16)
        assert is_alike(moved(base), base, Numbers(4, 23))
        assert not is_alike(weights(1 << 16), base, Numbers(4, 23))
        assert not is_alike(NOISE[: 1 << 17], NOISE[1 << 17 :], Numbers(2, 7))

    @settings(max_examples=50)
    @given(numbers, st.integers(1, 70))
    def test_short_chunks_are_judged_too(self, how: Numbers, length: int) -> None:
        assert not is_alike(NOISE[:length], NOISE[length : 2 * length], how) or length > how.item

    def test_a_delta_names_what_it_stands_on(self) -> None:
        base = weights(1 << 16)
        first, second = moved(base), moved(moved(base))
        root, link = chunk_id(base), chunk_id(first)
        written = codec.encode_delta(first, Base(root, base), Numbers(4, 23))
        assert written is not None
        assert (written.encoding, written.base, written.context, written.depth) == (Encoding.DELTA, root, None, 1)
        written = codec.encode_delta(second, Base(link, first, 1, (root, base)), Numbers(4, 23))
        assert written is not None
        assert (written.base, written.context, written.depth) == (link, root, 2)
        chain: Sequence[tuple[bytes, bytes]] = [(delta(first, base, base, Numbers(4, 23)), base), (b"".join(written.pieces), base)]
        assert codec.apply_deltas(base, chain) == second
        assert codec.encode_delta(weights(1 << 16), Base(root, base), Numbers(4, 23)) is None
