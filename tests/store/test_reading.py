"""Reading proves what it gives, whatever the index claims and whatever was damaged."""

from __future__ import annotations

import random
import threading

import pytest

from lastgood.errors import Integrity, Invalid, NotFound
from lastgood.ids import FileDigest, PackId
from lastgood.model.placement import ChunkPlace, Encoding, FileMap, Frame
from lastgood.store.backend import Piece
from lastgood.store.backend.memory import MemoryBackend
from lastgood.store.chunking import chunk_id
from lastgood.store.objects import ObjectReader
from lastgood.store.pack import pack_name
from lastgood.testing.index import MemoryIndex
from tests.store.keeping import LINES, NOISE, CountingBackend, digests_of, keep

MIB = 1 << 20


class TestReading:
    """What a reader answers."""

    def test_what_is_not_kept_is_not_found(self) -> None:
        reader = ObjectReader(MemoryBackend(), MemoryIndex())
        digest = FileDigest.of(b"x")
        for action in (reader.read_file, reader.stream_file, lambda digest: next(reader.stream_files([digest]))):
            with pytest.raises(NotFound):
                action(digest)

    def test_a_limit_is_kept_before_anything_is_read(self) -> None:
        backend, index = CountingBackend(), MemoryIndex()
        keep(backend, index, [NOISE])
        reader = ObjectReader(backend, index)
        with pytest.raises(Invalid, match="more than the 1000"):
            reader.read_file(FileDigest.of(NOISE), limit=1_000)
        assert backend.reads == 0
        assert reader.read_file(FileDigest.of(NOISE), limit=len(NOISE)) == NOISE

    def test_one_damaged_file_does_not_hide_the_others(self) -> None:
        backend, index = MemoryBackend(), MemoryIndex()
        good = keep(backend, index, [b"one", NOISE[:200_000]])
        bad = keep(backend, index, [b"two", NOISE[200_000:400_000], NOISE[: 2 * MIB]])
        backend.delete(pack_name(bad.packs[0].pack))
        right: set[FileDigest] = set()
        wrong: dict[FileDigest, object] = {}
        for digest, stream in ObjectReader(backend, index).stream_files(index.files):
            try:
                right.update({digest} if FileDigest.of(b"".join(stream)) == digest else {})
            except Integrity as error:
                wrong[digest] = error.details["pack"]
        assert right == set(good.packs[0].files)
        assert wrong == dict.fromkeys(bad.packs[0].files, str(bad.packs[0].pack))

    def test_readers_share_one_reader(self) -> None:
        backend, index = MemoryBackend(), MemoryIndex()
        files = [LINES[start : start + 30_000] for start in range(0, 1_500_000, 30_000)]
        keep(backend, index, files, pack_bytes=200_000)
        reader = ObjectReader(backend, index)
        failures: list[BaseException] = []

        def work(seed: int) -> None:
            mine = list(digests_of(files).items())
            random.Random(seed).shuffle(mine)
            try:
                for digest, data in mine:
                    assert reader.read_file(digest) == data
            except BaseException as error:  # noqa: BLE001  # the main thread judges
                failures.append(error)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []


class TestLyingIndex:
    """An index that is wrong is found out by the bytes; it is disposable, so nothing rests on it."""

    def reader_of(self, place: ChunkPlace, file: FileMap) -> tuple[ObjectReader, FileDigest]:
        backend, index = MemoryBackend(), MemoryIndex()
        (pack,) = keep(backend, index, [b"hello", b"world"]).packs
        index.places[chunk_id(b"hello")] = ChunkPlace(place.chunk, pack.pack, place.frame, place.start, place.length)
        index.files[FileDigest.of(b"hello")] = file
        return ObjectReader(backend, index), FileDigest.of(b"hello")

    @pytest.mark.parametrize(
        ("frame", "start", "size"),
        [
            (Frame(8, 10, 10, Encoding.RAW), 5, 5),
            (Frame(8, 10, 10, Encoding.RAW), 0, 6),
            (Frame(8, 10, 10, Encoding.RAW), 7, 5),
            (Frame(8, 10, 10, Encoding.RAW), -10, 5),
            (Frame(8, 10, 10, Encoding.RAW), 0, 0),
            (Frame(8, 10, 10, Encoding.ZSTD), 0, 5),
            (Frame(8, 10, 11, Encoding.RAW), 0, 5),
            (Frame(9, 10, 10, Encoding.RAW), 0, 5),
            (Frame(0, 0, 0, Encoding.RAW), 0, 5),
            (Frame(-8, 10, 10, Encoding.RAW), 0, 5),
            (Frame(8, 1 << 40, 1 << 40, Encoding.RAW), 0, 5),
            (Frame(8, 10, 1 << 40, Encoding.ZSTD), 0, 5),
            (Frame(1 << 40, 10, 10, Encoding.RAW), 0, 5),
        ],
    )
    def test_a_wrong_place(self, frame: Frame, start: int, size: int) -> None:
        chunk = chunk_id(b"hello")
        reader, digest = self.reader_of(ChunkPlace(chunk, PackId(bytes(32)), frame, start, size), FileMap(5, (chunk,)))
        with pytest.raises(Integrity) as caught:
            reader.read_file(digest)
        assert caught.value.details["chunk"] == str(chunk)

    def test_the_right_place_is_believed(self) -> None:
        chunk = chunk_id(b"hello")
        place = ChunkPlace(chunk, PackId(bytes(32)), Frame(8, 10, 10, Encoding.RAW), 0, 5)
        reader, digest = self.reader_of(place, FileMap(5, (chunk,)))
        assert reader.read_file(digest) == b"hello"

    @pytest.mark.parametrize(
        "file",
        [
            FileMap(5, ()),
            FileMap(4, (chunk_id(b"hello"),)),
            FileMap(1 << 50, (chunk_id(b"hello"),)),
            FileMap(5, (chunk_id(b"world"),)),
            FileMap(10, (chunk_id(b"hello"), chunk_id(b"world"))),
            FileMap(5, (chunk_id(b"nowhere"),)),
        ],
    )
    def test_a_wrong_map(self, file: FileMap) -> None:
        place = ChunkPlace(chunk_id(b"hello"), PackId(bytes(32)), Frame(8, 10, 10, Encoding.RAW), 0, 5)
        reader, digest = self.reader_of(place, file)
        with pytest.raises(Integrity):
            reader.read_file(digest)
        with pytest.raises(Integrity):
            list(reader.stream_file(digest))

    def test_the_last_piece_waits_for_the_whole(self) -> None:
        backend, index = MemoryBackend(), MemoryIndex()
        keep(backend, index, [NOISE])
        real = index.files[FileDigest.of(NOISE)]
        index.files[FileDigest.of(b"other")] = real
        given_out: list[Piece] = []
        with pytest.raises(Integrity, match="its last part was not given out"):
            given_out.extend(ObjectReader(backend, index).stream_file(FileDigest.of(b"other")))
        assert len(real.chunks) > 3
        assert sum(len(piece) for piece in given_out) < len(NOISE)
