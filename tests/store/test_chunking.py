"""Files are cut alike however they stream by, cuts follow the content, and layouts are obeyed."""

from __future__ import annotations

import io
import random
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastgood.store.backend.memory import MemoryBackend
from lastgood.store.chunking import LONGEST_CHUNK, Cutter, Segment, average_for, chunk_id
from lastgood.store.objects import ObjectReader, StoreWriter
from lastgood.testing.index import MemoryIndex
from tests.store.keeping import LINES

KIB = 1 << 10
MIB = 1 << 20
NOISE = random.Random(11).randbytes(3 * MIB)


def cut(data: bytes, *, average: int = 16 * KIB, segments: tuple[Segment, ...] = (), window: int = 1 << 30) -> list[bytes]:
    """Cut data that comes in windows of one size, as the writer does."""
    cutter = Cutter(average, segments)
    pieces: list[bytes] = []
    start = 0
    while True:
        end = min(start + window, len(data))
        pieces += [bytes(one.data) for one in cutter.cut(memoryview(data)[start:end], is_end=end == len(data))]
        start = sum(map(len, pieces))
        if end == len(data):
            return pieces


class TestByContent:
    """Cutting by content."""

    @settings(max_examples=30)
    @given(st.integers(0, len(LINES)), st.integers(65 * KIB, 400 * KIB))
    def test_windows_do_not_move_cuts(self, length: int, window: int) -> None:
        whole = cut(LINES[:length])
        assert b"".join(whole) == LINES[:length]
        assert cut(LINES[:length], window=window) == whole

    @pytest.mark.parametrize("data", [bytes(MIB + 17), NOISE, b"ab" * MIB], ids=["zeros", "noise", "pairs"])
    @pytest.mark.parametrize("window", [65 * KIB, 128 * KIB, 128 * KIB + 1])
    def test_windows_do_not_move_cuts_of_unusual_bytes(self, data: bytes, window: int) -> None:
        assert cut(data, window=window) == cut(data)

    def test_lengths_stay_within_bounds(self) -> None:
        lengths = [len(piece) for piece in cut(NOISE)]
        assert max(lengths) <= 64 * KIB
        assert min(lengths[:-1]) >= 4 * KIB
        assert 8 * KIB < sum(lengths) / len(lengths) < 32 * KIB

    @settings(max_examples=30)
    @given(st.integers(0, len(LINES)), st.binary(max_size=100), st.integers(0, 200))
    def test_an_edit_moves_only_the_cuts_around_it(self, at: int, inserted: bytes, removed: int) -> None:
        before = {chunk_id(piece) for piece in cut(LINES)}
        after = [chunk_id(piece) for piece in cut(LINES[:at] + inserted + LINES[at + removed :])]
        assert len([chunk for chunk in after if chunk not in before]) <= 20

    def test_nothing_has_no_chunks(self) -> None:
        assert cut(b"") == []

    def test_the_slow_implementation_cuts_alike(self) -> None:
        script = (
            "import sys, warnings; warnings.simplefilter('ignore'); sys.modules['pyfastcdc.cy'] = None\n"
            "from lastgood.store.chunking import Cutter\n"
            "import pyfastcdc; assert pyfastcdc.FastCDC.__module__ == 'pyfastcdc.py.fastcdc'\n"
            "data = sys.stdin.buffer.read()\n"
            "print(*[len(one.data) for one in Cutter(16384).cut(memoryview(data), is_end=True)])\n"
        )
        data = LINES[: 300 * KIB]
        done = subprocess.run([sys.executable, "-c", script], input=data, capture_output=True, check=True)
        assert [int(length) for length in done.stdout.split()] == [len(piece) for piece in cut(data)]


class TestAverage:
    """How finely a file is cut."""

    @pytest.mark.parametrize(
        ("head", "size", "average"),
        [
            (LINES[:4096], 20 * KIB, 16 * KIB),
            ("Grüße, 你好\n".encode() * 300, 20 * KIB, 16 * KIB),
            (b"PAR1" + bytes(4092), 64 * MIB, 16 * KIB),
            (b"SQLite format 3\0" + bytes(4080), 64 * MIB, 16 * KIB),
            (LINES[:4096], 64 * MIB + 1, 64 * KIB),
            (LINES[:4096], 5 << 30, 256 * KIB),
            (LINES[:4096], 1 << 40, MIB),
            (NOISE[:4096], 20 * KIB, 64 * KIB),
            (bytes(4096), 1 << 30, 256 * KIB),
            (bytes(4096), 5 << 30, MIB),
            (bytes(4096), 1 << 40, 4 * MIB),
        ],
    )
    def test_it_follows_content_and_size(self, head: bytes, size: int, average: int) -> None:
        assert average_for(head, size) == average

    def test_only_the_first_bytes_count(self) -> None:
        assert average_for(LINES[:4096] + bytes(10), MIB) == average_for(LINES, MIB)


segment = st.builds(Segment, st.integers(0, 200_000), st.one_of(st.none(), st.integers(1_000, 70_000)))


class TestSegments:
    """What a layout asks for."""

    @settings(max_examples=40)
    @given(st.lists(segment, max_size=6).map(tuple), st.integers(0, 600_000), st.integers(71_000, 300_000))
    def test_no_chunk_crosses_a_border(self, segments: tuple[Segment, ...], length: int, window: int) -> None:
        data = LINES[:length]
        pieces = cut(data, segments=segments)
        assert b"".join(pieces) == data
        assert cut(data, segments=segments, window=window) == pieces
        ends = {sum(map(len, pieces[:count])) for count in range(len(pieces) + 1)}
        borders = [sum(part.length for part in segments[:count]) for count in range(len(segments) + 1)]
        assert {border for border in borders if border <= length} <= ends

    def test_blocks_have_one_size(self) -> None:
        pieces = cut(NOISE, segments=(Segment(10), Segment(250_000, block=100_000)))
        assert [len(piece) for piece in pieces[:4]] == [10, 100_000, 100_000, 50_000]

    def test_a_block_is_never_longer_than_a_chunk_may_be(self) -> None:
        data = bytes(LONGEST_CHUNK + 5)
        assert [len(piece) for piece in cut(data, segments=(Segment(len(data), block=1 << 40),))] == [LONGEST_CHUNK, 5]

    def test_a_tensor_that_moves_is_found_again(self) -> None:
        """The seam's purpose: the same layer is the same chunks, wherever in the file it lies."""

        def layout(source: io.BufferedIOBase, size: int) -> list[Segment]:
            header = source.read(16)
            return [Segment(16), *(Segment(int(header[at : at + 8]), block=64 * KIB) for at in (0, 8))]

        first, second = NOISE[:MIB], NOISE[MIB : 2 * MIB + 4_321]
        backend, index = MemoryBackend(), MemoryIndex()
        stored = []
        for tensors in ([first, second], [second, first]):
            data = b"".join(b"%08d" % len(tensor) for tensor in tensors) + b"".join(tensors)
            with StoreWriter(backend, index, layout=layout) as writer:  # type: ignore[arg-type]  # a source has these methods
                received = writer.receive(io.BytesIO(data), len(data))
                stored.append(writer.finish())
            index.absorb(stored[-1])
            assert ObjectReader(backend, index).read_file(received.digest) == data
        assert stored[0].bytes_stored > 2 * MIB
        assert stored[1].bytes_stored < 4 * KIB
