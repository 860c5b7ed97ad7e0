"""Files go in and come out bit for bit, once each, in few questions and little memory; or there is a named error."""

from __future__ import annotations

import io
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastgood.ids import FileDigest
from lastgood.store.backend.local import LocalBackend
from lastgood.store.backend.memory import MemoryBackend
from lastgood.store.objects import ObjectReader, StoreWriter
from lastgood.testing.index import MemoryIndex
from tests.store.keeping import LINES, NOISE, CountingBackend, CountingIndex, assert_all_there, digests_of, keep

MIB = 1 << 20

pieces = st.one_of(
    st.binary(max_size=300),
    st.integers(0, 50_000).map(lambda length: LINES[:length]),
    st.tuples(st.integers(0, 100_000), st.integers(0, 200_000)).map(lambda part: LINES[part[0] :][: part[1]]),
    st.tuples(st.integers(0, MIB), st.integers(0, 300_000)).map(lambda part: NOISE[part[0] :][: part[1]]),
    st.integers(0, 200_000).map(bytes),
)
contents = st.lists(pieces, max_size=4).map(b"".join)


class TestRoundTrip:
    """What goes in comes out."""

    @settings(max_examples=60)
    @given(st.lists(st.lists(contents, max_size=5), min_size=1, max_size=3), st.sampled_from([1, 20_000, 64 * MIB]))
    def test_files_of_every_kind(self, commits: list[list[bytes]], pack_bytes: int) -> None:
        backend, index = MemoryBackend(), MemoryIndex()
        for files in commits:
            keep(backend, index, files, pack_bytes=pack_bytes)
        everything = digests_of(data for files in commits for data in files)
        reader = ObjectReader(backend, index)
        assert_all_there(reader, everything.values())
        assert {digest: b"".join(stream) for digest, stream in reader.stream_files(everything)} == everything
        assert set(index.files) == set(everything)

    @pytest.mark.parametrize("size", [MIB - 1, MIB, MIB + 1, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1, 9 * MIB + 7])
    def test_sizes_around_the_borders(self, size: int) -> None:
        data = (NOISE * 4)[:size]
        backend, index = MemoryBackend(), MemoryIndex()
        keep(backend, index, [data])
        assert ObjectReader(backend, index).read_file(FileDigest.of(data)) == data

    @settings(max_examples=20)
    @given(contents)
    def test_both_doors_are_one(self, data: bytes) -> None:
        """Bytes at hand and bytes that stream by make the same pack, however they trickle."""
        packs = []
        for number in range(3):
            backend, index = MemoryBackend(), MemoryIndex()
            with StoreWriter(backend, index) as writer:
                if number == 0:
                    received = writer.receive_bytes(data)
                else:
                    received = writer.receive(io.BytesIO(data) if number == 1 else Trickle(data), len(data))
                packs.append(writer.finish())
            assert received.digest == FileDigest.of(data)
            assert received.size == len(data)
        assert packs[0] == packs[1] == packs[2]

    @pytest.mark.parametrize("claimed", [0, 10, MIB, 2 * MIB, 80 * MIB])
    @pytest.mark.parametrize("size", [0, 10, MIB + 10, 2 * MIB + 10])
    def test_a_wrong_size_is_reported_and_does_no_harm(self, claimed: int, size: int) -> None:
        backend, index = MemoryBackend(), MemoryIndex()
        with StoreWriter(backend, index) as writer:
            received = writer.receive(io.BytesIO(NOISE[:size]), claimed)
            index.absorb(writer.finish())
        assert (received.digest, received.size) == (FileDigest.of(NOISE[:size]), size)
        assert ObjectReader(backend, index).read_file(received.digest) == NOISE[:size]

    def test_timing_does_not_change_packs(self, tmp_path: Path) -> None:
        files = [LINES[:700_000], NOISE, b"small", LINES[300_000:]]
        staged = [
            keep(backend, MemoryIndex(), files, pack_bytes=100_000)
            for backend in (MemoryBackend(), LocalBackend(tmp_path / "store"), MemoryBackend())
        ]
        assert len(staged[0].packs) > 5
        assert staged[0] == staged[1] == staged[2]


class TestDeduplication:
    """The same bytes are kept once."""

    def test_what_is_known_adds_nothing(self) -> None:
        backend, index = CountingBackend(), MemoryIndex()
        files = [b"", b"small", LINES[:300_000], NOISE]
        keep(backend, index, files)
        names = list(backend.put_names)
        staged = keep(backend, index, [*files, *files])
        assert staged.packs == ()
        assert staged.bytes_stored == 0
        assert backend.put_names == names

    def test_twice_in_one_commit_is_once(self) -> None:
        once = keep(MemoryBackend(), MemoryIndex(), [b"small", NOISE, LINES])
        twice = keep(MemoryBackend(), MemoryIndex(), [b"small", NOISE, LINES, NOISE, b"small", LINES])
        assert twice == once

    def test_an_edit_stores_little(self) -> None:
        backend, index = MemoryBackend(), MemoryIndex()
        keep(backend, index, [LINES])
        edited = LINES[:1_000_000] + b"be warm" + LINES[1_000_010:]
        staged = keep(backend, index, [edited])
        assert staged.bytes_stored < 70_000
        assert_all_there(ObjectReader(backend, index), [LINES, edited])

    def test_a_new_file_of_known_chunks_stores_its_map_only(self) -> None:
        backend, index = MemoryBackend(), MemoryIndex()
        keep(backend, index, [NOISE[:10_000], LINES[:9_000]])
        with StoreWriter(backend, index) as writer:
            writer.receive_bytes(NOISE[:10_000])
            assert writer.finish().packs == ()
        zeros = keep(backend, index, [bytes(8 * MIB)])
        more = keep(backend, index, [bytes(16 * MIB)])
        assert len(more.packs[0].chunks) == 0
        assert more.bytes_stored < 400
        assert zeros.bytes_stored < 400
        assert ObjectReader(backend, index).read_file(FileDigest.of(bytes(16 * MIB))) == bytes(16 * MIB)

    def test_has_files(self) -> None:
        backend, index = MemoryBackend(), MemoryIndex()
        keep(backend, index, [b"kept"])
        with StoreWriter(backend, index) as writer:
            writer.receive_bytes(b"received")
            writer.receive(io.BytesIO(NOISE), len(NOISE))
            known = [FileDigest.of(data) for data in (b"kept", b"received", NOISE)]
            assert writer.has_files([*known, FileDigest.of(b"unknown")]) == set(known)


class TestFewQuestions:
    """Costs of many small files do not grow with their number of questions."""

    FILES = tuple(b"%d " % number * 300 for number in range(3_000))

    def test_writing(self) -> None:
        backend, index = CountingBackend(), CountingIndex()
        keep(backend, index, self.FILES)
        assert index.questions < 20
        assert len(backend.put_names) == 1

    def test_reading_in_order_decodes_each_frame_once(self) -> None:
        backend, index = CountingBackend(), CountingIndex()
        (pack,) = keep(backend, index, self.FILES).packs
        index.questions = 0
        reader = ObjectReader(backend, index)
        shuffled = list(digests_of(self.FILES))
        random.Random(4).shuffle(shuffled)
        assert {digest: b"".join(stream) for digest, stream in reader.stream_files(shuffled)} == digests_of(self.FILES)
        assert index.questions < 20
        assert backend.reads < 20
        assert backend.read_bytes < 2 * pack.size

    def test_reading_one_by_one_uses_shared_frames_again(self) -> None:
        backend, index = CountingBackend(), MemoryIndex()
        (pack,) = keep(backend, index, self.FILES).packs
        assert_all_there(ObjectReader(backend, index), self.FILES)
        assert backend.reads == len(pack.frames)


ROOT = Path(__file__).parents[2]


class TestMachine:
    """Memory and imports, measured in processes of their own."""

    def test_a_sparse_gigabyte_takes_little_memory(self, tmp_path: Path) -> None:
        sparse = tmp_path / "sparse"
        with sparse.open("wb") as file:
            file.truncate(1 << 30)
        script = (
            "import sys\nfrom pathlib import Path\nfrom tests.parts import peak_kilobytes\n"
            "from lastgood.store.backend.local import LocalBackend\nfrom lastgood.store.objects import ObjectReader, StoreWriter\n"
            "from lastgood.testing.index import MemoryIndex\n"
            "backend, index = LocalBackend(Path(sys.argv[2])), MemoryIndex()\n"
            "with open(sys.argv[1], 'rb', buffering=0) as source, StoreWriter(backend, index) as writer:\n"
            "    received = writer.receive(source, 1 << 30)\n"
            "    staged = writer.finish()\n"
            "index.absorb(staged)\n"
            "given = sum(len(piece) for piece in ObjectReader(backend, index).stream_file(received.digest))\n"
            "print(received.size, received.digest, staged.bytes_stored, given, peak_kilobytes())\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, str(sparse), str(tmp_path / "store")], cwd=ROOT, capture_output=True, check=True, text=True
        )
        size, digest, stored, given_out, kilobytes = done.stdout.split()
        assert int(size) == int(given_out) == 1 << 30
        assert digest == "49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14"
        assert int(stored) < 2_000
        assert int(kilobytes) < 150 << 10

    @pytest.mark.parametrize("module", ["objects", "reader", "index"])
    def test_reading_imports_little(self, module: str) -> None:
        script = f"import sys, lastgood.store.{module}; print(*{{'pyfastcdc', 'zstandard', 'numpy', 'pathlib'}} & set(sys.modules))"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
        assert done.stdout.split() == []


class Trickle(io.BytesIO):
    """A source that gives a few bytes at a time, as pipes and raw files may, and cannot seek."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(77_777, size if size is not None and size >= 0 else 77_777))

    def seekable(self) -> bool:
        return False
