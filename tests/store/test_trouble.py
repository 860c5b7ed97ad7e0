"""Nothing is acknowledged that is not durable, whatever happens, and in whichever thread."""

from __future__ import annotations

import io
import threading
from collections.abc import Container, Sequence
from pathlib import Path

import pytest

from lastgood.errors import Busy, Invalid, StorageFull
from lastgood.ids import ChunkId, FileDigest
from lastgood.store import packing
from lastgood.store import writer as writer_module
from lastgood.store.backend import Piece
from lastgood.store.backend.local import LocalBackend
from lastgood.store.backend.memory import MemoryBackend
from lastgood.store.objects import ObjectReader, StoreWriter
from lastgood.store.pack import pack_name
from lastgood.testing.index import MemoryIndex
from tests.store.keeping import LINES, NOISE, CountingBackend, assert_all_there, keep

MIB = 1 << 20


class FullBackend(MemoryBackend):
    """A backend that has no room when some of the puts come."""

    def __init__(self, *, full_at: Container[int]) -> None:
        super().__init__()
        self.full_at = full_at
        self.puts = 0

    def put(self, name: str, pieces: Sequence[Piece]) -> None:
        self.puts += 1
        if self.puts - 1 in self.full_at:
            raise StorageFull(f"there is no room to keep {name}")
        super().put(name, pieces)


class TestTrouble:
    """Nothing is acknowledged that is not durable, whatever happens, and in whichever thread."""

    @pytest.mark.parametrize("full_at", [range(100), range(1, 100), range(3, 100), {0}, {3}])
    def test_a_full_backend_surfaces(self, full_at: Container[int]) -> None:
        """Also when there is room again a moment later: what was lost in between would be missed."""
        backend, index = FullBackend(full_at=full_at), MemoryIndex()
        writer = StoreWriter(backend, index, pack_bytes=300_000)

        def write() -> None:
            for start in range(0, len(NOISE), MIB):
                writer.receive_bytes(NOISE[start : start + MIB])
            writer.finish()

        with pytest.raises(StorageFull):
            write()
        assert backend.puts == min(number for number in range(100) if number in full_at) + 1
        backend.full_at = ()
        for action in (writer.finish, lambda: writer.receive_bytes(LINES), lambda: writer.receive(io.BytesIO(LINES), len(LINES))):
            with pytest.raises(StorageFull):
                action()
        writer.abort()
        assert len(list(backend.names("packs"))) == backend.puts - 1

    def test_packs_are_put_one_after_the_other(self) -> None:
        """What a map names is durable no later than the map: at any moment, what is there is complete."""
        small = [LINES[start : start + 9_000] for start in range(0, 2_300_000, 9_000)]
        files = [*small, NOISE, LINES[:200_000], NOISE[:150_000] + LINES[:200_000], b"small"]
        backend = CountingBackend()
        staged = keep(backend, MemoryIndex(), files, pack_bytes=40_000)
        assert backend.put_names == [pack_name(pack.pack) for pack in staged.packs]
        durable: set[ChunkId] = set()
        for pack in staged.packs:
            durable.update(place.chunk for place in pack.chunks)
            for file in pack.files.values():
                assert durable.issuperset(file.chunks)

    def test_a_footer_stays_small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A pack is sealed when it describes much, and a file that no footer could map is refused."""
        monkeypatch.setattr(packing, "MOST_ROWS", 50)
        backend, index = MemoryBackend(), MemoryIndex()
        files = [bytes(length) for length in range(1, 200)] + [NOISE[: 2 * MIB], NOISE[MIB:]]
        staged = keep(backend, index, files)
        assert len(staged.packs) > 3
        assert_all_there(ObjectReader(backend, index), files)
        monkeypatch.setattr(writer_module, "MOST_CHUNKS_OF_A_FILE", 5)
        with StoreWriter(backend, index) as writer, pytest.raises(Invalid, match="more than a pack can describe"):
            writer.receive(io.BytesIO(LINES), len(LINES))

    def test_a_source_that_breaks_leaves_the_writer_usable(self) -> None:
        class Breaking(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                if self.tell() > 1_500_000:
                    raise OSError("the disk went away")
                return super().read(min(size or 0, 400_000))

        backend, index = MemoryBackend(), MemoryIndex()
        with StoreWriter(backend, index) as writer:
            with pytest.raises(OSError, match="went away"):
                writer.receive(Breaking(NOISE), len(NOISE))
            writer.receive(io.BytesIO(LINES), len(LINES))
            writer.receive(io.BytesIO(NOISE[: 2 * MIB]), 2 * MIB)
            index.absorb(writer.finish())
        assert set(index.files) == {FileDigest.of(LINES), FileDigest.of(NOISE[: 2 * MIB])}
        assert_all_there(ObjectReader(backend, index), [LINES, NOISE[: 2 * MIB]])

    def test_an_index_that_is_busy_stops_the_commit(self) -> None:
        class BusyIndex(MemoryIndex):
            def known_chunks(self, chunks: Sequence[ChunkId]) -> set[ChunkId]:
                raise Busy("another writer holds the registry")

        backend = MemoryBackend()
        with StoreWriter(backend, BusyIndex()) as writer:
            writer.receive_bytes(b"small")
            for _ in range(2):
                with pytest.raises(Busy):
                    writer.finish()
        assert list(backend.names("packs")) == []

    def test_leaving_early_leaves_nothing_behind_that_runs(self, tmp_path: Path) -> None:
        backend = LocalBackend(tmp_path / "store")
        with StoreWriter(backend, MemoryIndex(), pack_bytes=100_000) as writer:
            writer.receive(io.BytesIO(NOISE), len(NOISE))
        assert [thread for thread in threading.enumerate() if thread.name == "lastgood-put"] == []
        assert not list((tmp_path / "store/incoming").iterdir())
        for action in (writer.finish, lambda: writer.receive(io.BytesIO(NOISE), len(NOISE))):
            with pytest.raises(RuntimeError, match="aborted"):
                action()

    def test_a_writer_finishes_once(self) -> None:
        with StoreWriter(MemoryBackend(), MemoryIndex()) as writer:
            writer.receive_bytes(b"small")
            writer.finish()
            with pytest.raises(RuntimeError, match="finished"):
                writer.finish()

    def test_two_writers_at_once(self, tmp_path: Path) -> None:
        """Commits of the same bytes from two processes' worth of writers share their packs and harm nobody."""
        backend = LocalBackend(tmp_path / "store")
        first, second = MemoryIndex(), MemoryIndex()
        with StoreWriter(backend, first) as one, StoreWriter(LocalBackend(tmp_path / "store"), second) as other:
            for data in (LINES, b"small"):
                one.receive_bytes(data)
                other.receive_bytes(data)
            staged = one.finish()
            other.abort()
        first.absorb(staged)
        assert_all_there(ObjectReader(backend, first), [LINES, b"small"])
        assert keep(backend, second, [LINES, b"small"]) == staged
        assert len(list(backend.names("packs"))) == 1
