"""Packs describe themselves, and what is wrong with one is said before any of it is believed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from lastgood.errors import Integrity, LastgoodError
from lastgood.ids import ChunkId, FileDigest, PackId
from lastgood.model.placement import Encoding, FileMap, PackContents
from lastgood.store import codec
from lastgood.store.backend.memory import MemoryBackend
from lastgood.store.chunking import chunk_id
from lastgood.store.codec import Written
from lastgood.store.index import parse_pack_name, scan_packs
from lastgood.store.objects import ObjectReader
from lastgood.store.pack import PackBuilder, pack_name, read_footer, verify_pack
from lastgood.testing.index import MemoryIndex
from tests.store.keeping import LINES, assert_all_there, keep, put

NOISE = random.Random(5).randbytes(40_000)
FILES = [b"", b"a", NOISE[:3_000], LINES[:9_000], LINES[:120_000], LINES[60_000:180_000] + NOISE, b"last", b"and least"]


def one_pack(files: Sequence[bytes] = FILES) -> tuple[bytes, PackContents, MemoryIndex]:
    """Make a pack of some files."""
    backend, index = MemoryBackend(), MemoryIndex()
    (contents,) = keep(backend, index, files).packs
    return backend.read(pack_name(contents.pack), 0, contents.size), contents, index


class TestRoundTrip:
    """What a writer put in, a reader finds."""

    @settings(max_examples=50)
    @given(st.data())
    def test_what_was_built_is_parsed(self, data: st.DataObject) -> None:
        builder = PackBuilder()
        chunks: dict[ChunkId, int] = {}
        for _ in range(data.draw(st.integers(0, 5))):
            parts = data.draw(st.lists(st.binary(min_size=1, max_size=80), min_size=1, max_size=5))
            new = {chunk_id(part): part for part in parts if chunk_id(part) not in chunks}
            if new:
                chunks |= {chunk: len(part) for chunk, part in new.items()}
                raw = b"".join(new.values())
                builder.add_frame(codec.encode(raw), len(raw), [(chunk, chunks[chunk]) for chunk in new])
        elsewhere = [chunk_id(bytes([number]) * 200) for number in range(3)]
        for number in range(data.draw(st.integers(0, 3))):
            chunk = chunk_id(b"based %d" % number)
            context = data.draw(st.sampled_from([None, *elsewhere]))
            written = Written(
                data.draw(st.sampled_from([Encoding.DELTA, Encoding.PATCH])), (b"told", b" apart"), elsewhere[0], context, 1 + number
            )
            builder.add_frame(written, 77, [(chunk, 77)])
            chunks[chunk] = 77
        for chunk in data.draw(st.lists(st.sampled_from(list(chunks)), unique=True)) if chunks else ():
            builder.add_label(chunk, data.draw(st.integers(0, (1 << 63) - 1)))
        for number in range(data.draw(st.integers(0, 5))):
            used = data.draw(st.lists(st.sampled_from([*chunks, *elsewhere]), max_size=8))
            size = sum(chunks.get(chunk, 200) for chunk in used)
            builder.add_file(FileDigest.of(bytes([number])), FileMap(size, tuple(used)))
        contents, pieces = builder.seal()
        backend = MemoryBackend()
        backend.put(pack_name(contents.pack), pieces)
        assert contents.pack == PackId(blake3(b"".join(pieces)).digest())
        assert contents.size == sum(map(len, pieces))
        assert read_footer(backend, contents.pack) == contents
        assert verify_pack(backend, contents.pack) == contents

    def test_a_footer_longer_than_one_read_is_found(self) -> None:
        backend, index = MemoryBackend(), MemoryIndex()
        (contents,) = keep(backend, index, [b"%d" % number for number in range(3_000)]).packs
        assert read_footer(backend, contents.pack) == contents
        assert len(contents.files) == 3_000

    def test_a_small_file_costs_little_beside_its_bytes(self) -> None:
        _, contents, _ = one_pack([b"%d" % number for number in range(3_000)])
        assert contents.size - sum(frame.length for frame in contents.frames) < 80 * 3_000


class TestDamage:
    """A pack that is not what was written is found out, or the damage does no harm; wrong bytes are never given."""

    def test_every_cut_is_found(self) -> None:
        data, contents, _ = one_pack(FILES[:4])
        for length in [*range(0, len(data), 7), *range(len(data) - 200, len(data))]:
            backend = MemoryBackend()
            backend.put(pack_name(contents.pack), [data[:length]])
            with pytest.raises(Integrity) as caught:
                read_footer(backend, contents.pack)
            assert caught.value.details["pack"] == str(contents.pack)

    def test_a_flipped_bit_is_found_anywhere(self) -> None:
        data, contents, index = one_pack([b"", b"a", NOISE[:800], LINES[:2_500]])
        files = {digest: ObjectReader(backend_of(data, contents), index).read_file(digest) for digest in contents.files}
        rng = random.Random(1)
        harmless = 0
        body = sum(frame.length for frame in contents.frames)
        for at in range(len(data)):
            flipped = bytearray(data)
            flipped[at] ^= 1 << rng.randrange(8)
            backend = backend_of(bytes(flipped), contents)
            with pytest.raises(Integrity):
                verify_pack(backend, contents.pack)
            is_described = at < 8 or at >= 8 + body
            assert (outcome(lambda backend=backend: read_footer(backend, contents.pack)) == contents) is not is_described  # type: ignore[misc]
            reader = ObjectReader(backend, index)
            answers = [outcome(lambda digest=digest, reader=reader: reader.read_file(digest)) for digest in files]  # type: ignore[misc]
            for answer, right in zip(answers, files.values(), strict=True):
                assert answer == right or isinstance(answer, Integrity)
            is_right = answers == list(files.values())
            assert is_right or not is_described
            harmless += is_right and not is_described
        # Here and there a bit of a Zstandard frame means nothing to the decoder; nearly all do.
        assert harmless * 100 < body

    def test_what_is_named_is_chunk_and_pack(self) -> None:
        data, contents, index = one_pack()
        for frame in contents.frames:
            damaged = data[: frame.offset + 4] + b"\xff\x00\xff" + data[frame.offset + 7 :]
            reader = ObjectReader(backend_of(damaged, contents), index)
            hurt = [place.chunk for place in contents.chunks if contents.frames[place.frame] == frame]
            for chunk in hurt:
                error = outcome(lambda chunk=chunk, reader=reader: b"".join(reader.read_chunks([chunk])))  # type: ignore[misc]
                if isinstance(error, Integrity):
                    assert error.details == {"chunk": str(chunk), "pack": str(contents.pack)}
                    assert chunk.short in error.message
                    assert contents.pack.short in error.message
                    break
            else:
                pytest.fail("a damaged frame gave all of its chunks")

    def test_a_cut_pack_gives_what_lies_before_the_cut(self) -> None:
        data, contents, index = one_pack()
        cut = contents.frames[-1].offset + 1
        reader = ObjectReader(backend_of(data[:cut], contents), index)
        whole = [place.chunk for place in contents.chunks if place.frame < len(contents.frames) - 1]
        lost = [place.chunk for place in contents.chunks if place.frame == len(contents.frames) - 1]
        assert [chunk_id(piece) for piece in reader.read_chunks(whole)] == whole
        assert len(lost) > 1
        fresh = ObjectReader(backend_of(data[:cut], contents), index)
        with pytest.raises(Integrity) as caught:
            list(fresh.read_chunks([*whole, *lost]))
        assert caught.value.details == {"chunk": str(lost[0]), "pack": str(contents.pack)}

    def test_a_foreign_pack_is_found_out(self) -> None:
        _, contents, index = one_pack()
        other, other_contents, _ = one_pack([LINES[500_000:700_000]])
        backend = backend_of(other, contents)
        assert read_footer(backend, contents.pack).chunks == other_contents.chunks
        with pytest.raises(Integrity):
            verify_pack(backend, contents.pack)
        for digest, file in contents.files.items():
            answer = outcome(lambda digest=digest: ObjectReader(backend, index).read_file(digest))  # type: ignore[misc]
            assert isinstance(answer, Integrity) == bool(file.chunks)

    @pytest.mark.parametrize("data", [b"", b"\n", b"PK\x03\x04" * 100, NOISE, bytes(300), b"LGPACK\x01\x00" + b"LGPKEND\n" * 20])
    def test_what_is_no_pack_is_refused(self, data: bytes) -> None:
        backend = MemoryBackend()
        with pytest.raises(Integrity, match="damaged"):
            read_footer(backend, put(backend, data))

    def test_a_missing_pack_is_named(self) -> None:
        _, contents, index = one_pack()
        with pytest.raises(Integrity, match="missing"):
            read_footer(MemoryBackend(), contents.pack)
        with pytest.raises(Integrity, match="missing") as caught:
            list(ObjectReader(MemoryBackend(), index).read_chunks([contents.chunks[3].chunk]))
        assert caught.value.details == {"chunk": str(contents.chunks[3].chunk), "pack": str(contents.pack)}


class TestScan:
    """The index can be had from the packs alone."""

    def test_it_equals_the_one_that_was_kept(self) -> None:
        backend, index = MemoryBackend(), MemoryIndex()
        keep(backend, index, FILES, pack_bytes=30_000)
        keep(backend, index, [LINES[:120_000] + b"and one more", NOISE[::-1]], pack_bytes=30_000)
        packs = {contents.pack: contents for contents in scan_packs(backend) if isinstance(contents, PackContents)}
        rebuilt = MemoryIndex()
        rebuilt.absorb_packs(packs.values())
        assert len(packs) > 3
        assert rebuilt.places == index.places
        assert rebuilt.files == index.files

    def test_one_damaged_pack_does_not_hide_the_others(self) -> None:
        backend, index = MemoryBackend(), MemoryIndex()
        (good,) = keep(backend, index, [LINES[:120_000]]).packs
        (bad,) = keep(backend, index, [LINES[200_000:230_000]]).packs
        backend.put(pack_name(bad.pack), [b"gone bad"])
        for name in ("packs/README", "packs/ab/notes.txt", f"packs/zz/{good.pack}.pack", f"packs/{good.pack}"):
            backend.put(name, [b"what somebody left here"])
        found = list(scan_packs(backend))
        assert [contents for contents in found if isinstance(contents, PackContents)] == [good]
        wrong = [error for error in found if isinstance(error, Integrity)]
        assert {"pack": str(bad.pack)} in [error.details for error in wrong]
        assert len(wrong) == 5

    def test_a_file_whose_chunks_are_lost_is_not_known(self) -> None:
        backend, index = MemoryBackend(), MemoryIndex()
        staged = keep(backend, index, [LINES[:400_000], b"small"], pack_bytes=20_000)
        assert len(staged.packs) > 3
        backend.delete(pack_name(staged.packs[0].pack))
        rebuilt = MemoryIndex()
        rebuilt.absorb_packs(contents for contents in scan_packs(backend) if isinstance(contents, PackContents))
        assert list(rebuilt.files) == [FileDigest.of(b"small")]
        keep(backend, rebuilt, [LINES[:400_000]])
        assert_all_there(ObjectReader(backend, rebuilt), [LINES[:400_000], b"small"])

    @given(st.binary(min_size=32, max_size=32))
    def test_a_pack_is_known_by_its_name(self, raw: bytes) -> None:
        assert parse_pack_name(pack_name(PackId(raw))) == PackId(raw)


def backend_of(data: bytes, contents: PackContents) -> MemoryBackend:
    """Keep bytes under the name of a pack, whatever they are."""
    backend = MemoryBackend()
    backend.put(pack_name(contents.pack), [data])
    return backend


def outcome(action: Callable[[], object]) -> object:
    """Return what an action gives, or the error that it says on purpose."""
    try:
        return action()
    except LastgoodError as error:
        return error
