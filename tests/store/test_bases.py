"""What a chunk is written against: found, bounded in depth, proven; and damage below never becomes wrong bytes above."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastgood.errors import Integrity
from lastgood.ids import ChunkId, FileDigest, PackId
from lastgood.model.placement import MOST_DEPTH, ChunkPlace, Encoding, FileMap, Frame, PackContents, Staged
from lastgood.store import codec
from lastgood.store.backend.memory import MemoryBackend
from lastgood.store.bases import DEEPEST, Bases
from lastgood.store.chunking import chunk_id
from lastgood.store.codec import Base, Written
from lastgood.store.numbers import Numbers
from lastgood.store.objects import ObjectReader, StoreWriter
from lastgood.store.pack import PackBuilder, pack_name, read_footer, verify_pack
from lastgood.store.segments import tensor_segments
from lastgood.store.workers import Workers
from lastgood.testing.index import MemoryIndex
from tests.formats.tensors.files import safetensors_file
from tests.store.keeping import LINES

RNG = np.random.default_rng(4)
FLOATS = Numbers(4, 23)
Tensors = dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]


def new_model(layers: int = 3, size: int = 100_000) -> Tensors:
    """Return weights like those of a model that was trained."""
    return {f"layer.{number}": RNG.normal(0, 0.02, size).astype("<f4") for number in range(layers)}


def trained(model: Tensors) -> Tensors:
    """Move every weight by a little."""
    return {name: values + RNG.normal(0, 2e-6, values.size).astype("<f4") for name, values in model.items()}


def file_of(model: Tensors, note: str = "") -> bytes:
    """Return the checkpoint of a model."""
    return safetensors_file({name: ("F32", values.shape, values.tobytes()) for name, values in model.items()}, {"note": note})


def commit(backend: MemoryBackend, index: MemoryIndex, files: Sequence[bytes], before: bytes | None = None) -> Staged:
    """Commit files; all of them follow the one before, where there is one."""
    previous = None if before is None else FileDigest.of(before)
    with StoreWriter(backend, index, layout=tensor_segments, before=lambda _: previous) as writer:
        for data in files:
            writer.receive(io.BytesIO(data), len(data), "model")
        staged = writer.finish()
    index.absorb(staged)
    return staged


def frames_of(staged: Staged, encoding: Encoding) -> list[Frame]:
    """Return the frames that were written in one way."""
    return [frame for pack in staged.packs for frame in pack.frames if frame.encoding is encoding]


def assert_kept(backend: MemoryBackend, index: MemoryIndex, data: bytes) -> None:
    """Read a file back."""
    assert ObjectReader(backend, index).read_file(FileDigest.of(data)) == data


def series(count: int) -> tuple[MemoryBackend, MemoryIndex, list[bytes], list[Staged]]:
    """Commit checkpoints, each trained further."""
    backend, index, model = MemoryBackend(), MemoryIndex(), new_model()
    files, staged = [], []
    for number in range(count):
        files.append(file_of(model, f"step {number}"))
        staged.append(commit(backend, index, files[-1:], files[-2] if number else None))
        model = trained(model)
    return backend, index, files, staged


class TestChoice:
    """Which base is taken."""

    def test_a_checkpoint_follows_the_one_before(self) -> None:
        backend, index, files, staged = series(4)
        assert len(frames_of(staged[0], Encoding.PLANES)) == 3
        for place, one in enumerate(staged[1:], 1):
            assert [frame.depth for frame in frames_of(one, Encoding.DELTA)] == [place] * 3
            assert one.bytes_stored < staged[0].bytes_stored * 0.75
        for data in files:
            assert_kept(backend, index, data)

    def test_a_checkpoint_in_another_folder_is_found_by_its_labels(self) -> None:
        backend, index, model = MemoryBackend(), MemoryIndex(), new_model()
        commit(backend, index, [file_of(model)])
        later = file_of(trained(model), "in another folder, with another header")
        assert len(frames_of(commit(backend, index, [later]), Encoding.DELTA)) == 3
        assert_kept(backend, index, later)

    def test_of_several_the_one_that_pays_is_taken(self) -> None:
        backend, index, right = MemoryBackend(), MemoryIndex(), new_model()
        commit(backend, index, [file_of(right, "right")])
        commit(backend, index, [file_of(new_model(), "foreign")])
        staged = commit(backend, index, [file_of(trained(right), "later")])
        assert len(frames_of(staged, Encoding.DELTA)) == 3

    def test_what_resembles_nothing_is_not_a_delta(self) -> None:
        backend, index = MemoryBackend(), MemoryIndex()
        commit(backend, index, [file_of(new_model())])
        assert frames_of(commit(backend, index, [file_of(new_model())]), Encoding.DELTA) == []

    def test_a_text_is_patched_where_it_was_edited(self) -> None:
        backend, index = MemoryBackend(), MemoryIndex()
        first = LINES[:600_000]
        second = b"".join(
            line.replace(b"sell", b"SELL") if number % 50 == 0 else line for number, line in enumerate(first.splitlines(keepends=True))
        )
        commit(backend, index, [first])
        staged = commit(backend, index, [second], first)
        assert len(frames_of(staged, Encoding.PATCH)) > 10
        assert_kept(backend, index, second)

    def test_depth_is_bounded_and_the_last_reads_back(self) -> None:
        backend, index, files, staged = series(3 * DEEPEST)
        depths = [max((frame.depth for frame in frames_of(one, Encoding.DELTA)), default=0) for one in staged]
        assert max(depths) == DEEPEST
        assert depths[1 : DEEPEST + 1] == list(range(1, DEEPEST + 1))
        for data in files:
            assert_kept(backend, index, data)

    def test_what_did_not_pay_is_tried_more_seldom(self) -> None:
        asked: list[ChunkId] = []

        def read(chunks: Sequence[ChunkId], deepest: int) -> Callable[[ChunkId], Base]:
            assert deepest == DEEPEST - 1
            asked.extend(chunks)
            return lambda chunk: Base(chunk, b"")

        def write(bases: Bases, chunk: ChunkId, found: Written | None) -> Written | None:
            return bases.write([([chunk], lambda base: None if base is None else found)], Workers(1))[0]

        bases = Bases(MemoryIndex(), read)
        chunks = [chunk_id(b"%d" % number) for number in range(100)]
        assert all(write(bases, chunk, None) is None for chunk in chunks)
        assert 30 < len(asked) < 50
        written = Written(Encoding.DELTA, (b"x",), chunks[0])
        assert any(write(bases, chunk, written) is written for chunk in chunks[:8])
        asked.clear()
        assert all(write(bases, chunk, written) is written for chunk in chunks)
        assert asked == chunks

    def test_what_was_written_without_a_base_did_not_pay(self) -> None:
        asked: list[ChunkId] = []

        def read(chunks: Sequence[ChunkId], _: int) -> Callable[[ChunkId], Base]:
            asked.extend(chunks)
            return lambda chunk: Base(chunk, b"")

        bases = Bases(MemoryIndex(), read)
        alone = Written(Encoding.PLANES, (b"x",))
        for number in range(100):
            assert bases.write([([chunk_id(b"%d" % number)], lambda base: alone if base is None else None)], Workers(1)) == [alone]
        assert 30 < len(asked) < 50

    def test_nothing_is_a_base_of_itself(self) -> None:
        backend, index, model = MemoryBackend(), MemoryIndex(), new_model()
        data = file_of(model)
        commit(backend, index, [data])
        known = index.labelled
        bases = Bases(index, ObjectReader(backend, index).bases)
        for label, chunks in known.items():
            assert bases.candidates(chunks[:1], [label]) == [()]


class TestPacks:
    """Bases and labels stand in the packs."""

    @settings(max_examples=20, deadline=None)
    @given(st.integers(1, 6))
    def test_the_index_can_be_had_from_the_packs_alone(self, count: int) -> None:
        backend, index, files, staged = series(count)
        rebuilt = MemoryIndex()
        for one in staged:
            for pack in one.packs:
                assert read_footer(backend, pack.pack) == pack
                assert verify_pack(backend, pack.pack) == pack
                rebuilt.absorb_packs([pack])
        assert (rebuilt.places, rebuilt.files, rebuilt.labelled) == (index.places, index.files, index.labelled)
        for data in files:
            assert_kept(backend, rebuilt, data)


class TestDamage:
    """What is damaged below a chunk is named; it is never used, and never becomes wrong bytes."""

    @pytest.mark.parametrize("how", ["missing", "cut", "flipped", "swapped"])
    @pytest.mark.parametrize("hurt", [0, 1, 2])
    def test_the_pack_at_fault_is_named(self, how: str, hurt: int) -> None:
        backend, index, files, staged = series(4)
        (bad,) = staged[hurt].packs
        (frame,) = [frame for frame in bad.frames if frame.encoding in {Encoding.PLANES, Encoding.DELTA}][:1]
        damage(backend, bad, how, frame)
        for place, data in enumerate(files):
            if place < hurt:
                assert_kept(backend, index, data)
                continue
            with pytest.raises(Integrity) as caught:
                ObjectReader(backend, index).read_file(FileDigest.of(data))
            assert caught.value.details["pack"] == str(bad.pack)

    @pytest.mark.parametrize("how", ["missing", "cut", "flipped", "swapped"])
    def test_a_damaged_base_is_never_used(self, how: str) -> None:
        backend, index, model = MemoryBackend(), MemoryIndex(), new_model()
        (bad,) = commit(backend, index, [file_of(model)]).packs
        frames = [frame for frame in bad.frames if frame.encoding is Encoding.PLANES]
        for frame in frames if how in {"flipped", "swapped"} else frames[:1]:
            damage(backend, bad, how, frame)
        later = file_of(trained(model), "later")
        assert frames_of(commit(backend, index, [later]), Encoding.DELTA) == []
        assert_kept(backend, index, later)

    def test_a_chunk_whose_base_is_in_no_pack_is_named(self) -> None:
        backend, index, files, staged = series(2)
        for frame in frames_of(staged[1], Encoding.DELTA):
            assert frame.base is not None
            del index.places[frame.base]
        with pytest.raises(Integrity, match="in no pack that the index knows"):
            ObjectReader(backend, index).read_file(FileDigest.of(files[1]))

    @pytest.mark.parametrize("depth", [0, 1, 2])
    def test_a_circle_is_refused(self, depth: int) -> None:
        backend, index, files, staged = series(2)
        (frame, *_) = frames_of(staged[1], Encoding.DELTA)
        assert frame.base is not None
        (above,) = [place for place in index.places.values() if place.frame == frame]
        index.places[frame.base] = replace(above, chunk=frame.base, frame=replace(frame, base=above.chunk, depth=depth))
        with pytest.raises(Integrity, match="the index is wrong"):
            ObjectReader(backend, index).read_file(FileDigest.of(files[1]))


class TestDepth:
    """As deep as anybody may have written, it is read."""

    @pytest.mark.parametrize("encoding", [Encoding.DELTA, Encoding.PATCH])
    def test_the_deepest_chain_is_read(self, encoding: Encoding) -> None:
        chunks = [RNG.normal(0, 0.02, 20_000).astype("<f4").tobytes() if encoding is Encoding.DELTA else LINES[:20_000]]
        builder, index, backend = PackBuilder(), MemoryIndex(), MemoryBackend()
        builder.add_frame(codec.encode(chunks[0]), len(chunks[0]), [(chunk_id(chunks[0]), len(chunks[0]))])
        rng = random.Random(1)
        for depth in range(1, MOST_DEPTH + 1):
            old = chunks[-1]
            raw = bytearray(old)
            raw[rng.randrange(len(raw))] ^= 1
            # Each is ordered by the one before, which is the most that has to be there before it can be read.
            base = Base(chunk_id(old), old, depth - 1)
            written = codec.encode_delta(bytes(raw), base, FLOATS) if encoding is Encoding.DELTA else codec.encode_patch(bytes(raw), base)
            assert written is not None
            assert written.depth == depth
            builder.add_frame(written, len(raw), [(chunk_id(bytes(raw)), len(raw))])
            chunks.append(bytes(raw))
        digest = FileDigest.of(chunks[-1])
        builder.add_file(digest, FileMap(len(chunks[-1]), (chunk_id(chunks[-1]),)))
        contents, pieces = builder.seal()
        backend.put(pack_name(contents.pack), pieces)
        index.absorb_packs([read_footer(backend, contents.pack)])
        assert ObjectReader(backend, index).read_file(digest) == chunks[-1]
        found = ObjectReader(backend, index).bases([chunk_id(chunks[-1])], 5)(chunk_id(chunks[-1]))
        assert found is not None
        assert found.chunk == chunk_id(chunks[2])

    def test_a_foreign_place_is_refused(self) -> None:
        backend, index = MemoryBackend(), MemoryIndex()
        index.places[chunk_id(b"x")] = ChunkPlace(chunk_id(b"x"), PackId(bytes(32)), Frame(8, 4, 4, Encoding.RAW), 0, 5)
        with pytest.raises(Integrity, match="a place that no chunk can have"):
            list(ObjectReader(backend, index).read_chunks([chunk_id(b"x")]))


def damage(backend: MemoryBackend, pack: PackContents, how: str, frame: Frame) -> None:
    """Hurt a pack at one of its frames."""
    name = pack_name(pack.pack)
    data = bytearray(backend.read(name, 0, pack.size))
    middle = frame.offset + frame.length // 2
    if how == "missing":
        backend.delete(name)
        return
    if how == "cut":
        del data[frame.offset :]
    elif how == "flipped":
        data[middle] ^= 0x10
    else:
        data[middle], data[middle + 1] = data[middle + 1] ^ 1, data[middle]
    backend.put(name, [bytes(data)])
