"""Where files are cut into chunks.

The rule, in words: a file is divided into *segments* by its layout (by default there are none but the file itself), and
each segment is cut on its own, by content (FastCDC: Xia et al., "The Design of Fast Content-Defined Chunking for Data
Deduplication Based Storage Systems", IEEE TPDS 2020) or into blocks of one size. The cuts depend on the file's bytes and
size alone: the same file is always cut alike, and an edit moves only the cuts around it. A chunk's id is BLAKE3-256 of
its bytes.

How finely a file is cut by content depends on what its first bytes look like and on its size, so that an edit of a text
costs little and the map of a huge file stays small. On average, from a quarter of that to four times as much:

    size             text, tables    other bytes
    up to 64 MiB           16 KiB         64 KiB
    up to 1 GiB            64 KiB        256 KiB
    up to 64 GiB          256 KiB          1 MiB
    beyond                  1 MiB          4 MiB

Here a file comes in two windows, and what was not final in the first is given again with the second:

    >>> cutter = Cutter(average_for(bytes(4096), 300_000))
    >>> [len(cut.data) for cut in cutter.cut(memoryview(bytes(280_000)), is_end=False)]
    [262144]
    >>> [len(cut.data) for cut in cutter.cut(memoryview(bytes(300_000 - 262_144)), is_end=True)]
    [37856]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from blake3 import blake3

from lastgood.ids import ChunkId
from lastgood.model.placement import Label
from lastgood.store.backend import Piece
from lastgood.store.numbers import Numbers

if TYPE_CHECKING:
    from pyfastcdc import FastCDC

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30

LONGEST_CHUNK = 16 * MIB
LOOKED_AT = 4 * KIB
WHOLE_UP_TO = 16 * KIB
"""A file of up to this many bytes is one chunk: cutting it would cost more than it could save."""

_SPREAD = 4
_AVERAGE_OF_TEXT = 16 * KIB
_AVERAGE_OF_OTHER = 64 * KIB
_TIERS = ((64 * MIB, 1), (GIB, 4), (64 * GIB, 16))
_LAST_TIER = 64

_TABLES = (b"PAR1", b"ARROW1", b"ORC", b"SQLite format 3\0")
_LABEL_STEP = 0x9E37_79B9_7F4A_7C15
_LABEL_MASK = (1 << 63) - 1
_NEVER_IN_TEXT = bytes(set(range(32)) - set(b"\b\t\n\v\f\r\x1b"))


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of a file that is cut on its own, such as one tensor.

    Attributes:
        length: its length in bytes.
        block: the length of its chunks in bytes, the last being shorter; None cuts it by content.
        numbers: how its bytes are read as numbers, if it consists of such.
        label: names it by what is alike in other files; its chunks bear labels made of it and their place.
    """

    length: int
    block: int | None = None
    numbers: Numbers | None = None
    label: Label | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """A chunk as it is cut out of a file: its bytes, and what its segment says of them."""

    data: Piece
    numbers: Numbers | None = None
    label: Label | None = None


Layout = Callable[[BinaryIO, int], Sequence[Segment]]
"""Says, of a seekable source of so many bytes, which segments it begins with; the rest is cut by content.

It may read and seek anywhere, and answers nothing for what it does not understand. A layout that is wrong costs
deduplication, never bytes.
"""


def no_layout(source: BinaryIO, size: int) -> Sequence[Segment]:
    """Know no structure: the whole file is cut by content."""
    del source, size
    return ()


def chunk_id(data: bytes | memoryview) -> ChunkId:
    """Return the id of a chunk."""
    return ChunkId(blake3(data).digest())


def average_for(head: bytes | memoryview, size: int) -> int:
    """Return how many bytes a chunk should have on average, from a file's first `LOOKED_AT` bytes and its size."""
    finest = _AVERAGE_OF_TEXT if _looks_like_text_or_table(bytes(head[:LOOKED_AT])) else _AVERAGE_OF_OTHER
    return finest * next((times for largest, times in _TIERS if size <= largest), _LAST_TIER)


def _looks_like_text_or_table(head: bytes) -> bool:
    return head.startswith(_TABLES) or len(head.translate(None, _NEVER_IN_TEXT)) == len(head)


class Cutter:
    """Cuts one file while it streams by, a window at a time.

    Args:
        average: how many bytes a chunk that is cut by content should have on average.
        segments: what the file's layout says that it begins with.
    """

    def __init__(self, average: int, segments: Sequence[Segment] = ()) -> None:
        self._average = average
        self._segments = [segment for segment in segments if segment.length > 0]
        self._segments.reverse()
        self._left = self._segments[-1].length if self._segments else 0
        self._number = 0
        self._by_content: FastCDC | None = None

    @property
    def longest(self) -> int:
        """The longest chunk that may come, in bytes; a window must be longer."""
        blocks = (_block_of(segment) or 0 for segment in self._segments)
        return max(self._average * _SPREAD, *blocks, 0)

    def cut(self, window: memoryview, *, is_end: bool) -> Iterator[Cut]:
        """Yield the chunks of a window whose ends are certain.

        The caller gives what lies after the last of them again, at the beginning of the next window. At the file's end
        all ends are certain.
        """
        while self._segments and window:
            segment, reach = self._segments[-1], window[: self._left]
            is_whole = is_end or len(reach) == self._left
            done = 0
            for piece in self._pieces(reach, _block_of(segment), is_whole=is_whole):
                done += len(piece)
                yield self._cut_of(piece, segment)
            self._left -= done
            if self._left:
                return
            window = window[done:]
            self._segments.pop()
            self._left = self._segments[-1].length if self._segments else 0
            self._number = 0
        if window:
            yield from map(Cut, self._pieces(window, None, is_whole=is_end))

    def _cut_of(self, piece: memoryview, segment: Segment) -> Cut:
        label = None if segment.label is None else (segment.label + self._number * _LABEL_STEP) & _LABEL_MASK
        self._number += 1
        return Cut(piece, segment.numbers, label)

    def _pieces(self, run: memoryview, block: int | None, *, is_whole: bool) -> Iterator[memoryview]:
        longest = block or self._average * _SPREAD
        left = len(run)
        for piece in _cut_blocks(run, block) if block else self._cut_by_content(run):
            left -= len(piece)
            # A piece that ends with the window may only end there because the window does, unless it can be no longer.
            if is_whole or left or len(piece) == longest:
                yield piece

    def _cut_by_content(self, run: memoryview) -> Iterator[memoryview]:
        if self._by_content is None:
            from pyfastcdc import FastCDC  # noqa: PLC0415  # takes 30 ms, and neither reading nor small files need it

            self._by_content = FastCDC(
                self._average, min_size=self._average // _SPREAD, max_size=self._average * _SPREAD, normalized_chunking=2
            )
        return (chunk.data for chunk in self._by_content.cut_buf(run))


def _block_of(segment: Segment) -> int | None:
    return segment.block and max(1, min(segment.block, LONGEST_CHUNK))


def _cut_blocks(run: memoryview, block: int) -> Iterator[memoryview]:
    return (run[start : start + block] for start in range(0, len(run), block))
