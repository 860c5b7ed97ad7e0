"""A kept file that can be read from any place, such as by whoever looks for its header only.

>>> from lastgood.store.backend.memory import MemoryBackend
>>> from lastgood.store.objects import ObjectReader, StoreWriter
>>> from lastgood.testing.index import MemoryIndex
>>> backend, index = MemoryBackend(), MemoryIndex()
>>> with StoreWriter(backend, index) as writer:
...     digest = writer.receive_bytes(b"be brief and warm").digest
...     index.absorb(writer.finish())
>>> with ObjectReader(backend, index).open_file(digest) as file:
...     file.seek(3), file.read(5)
(3, b'brief')
"""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate

from lastgood.ids import ChunkId
from lastgood.store.backend import Piece

ReadChunk = Callable[[ChunkId], Piece]
"""Gives the bytes of a chunk, proven."""


class KeptFile(io.RawIOBase):
    """Reads the chunks that are asked for, each proven, and keeps the last one at hand.

    Args:
        chunks: the file's chunks in order, and the length of each in bytes.
        read: gives their bytes; what it raises comes out of `read` here.
    """

    def __init__(self, chunks: Sequence[tuple[ChunkId, int]], read: ReadChunk) -> None:
        self._chunks = [chunk for chunk, _ in chunks]
        self._ends = list(accumulate(length for _, length in chunks))
        self._read = read
        self._at = 0
        self._held: tuple[int, Piece] | None = None

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read from anywhere."""
        return True

    def tell(self) -> int:
        """Return the place that is read next."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, which may lie behind the end."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._ends[-1] if self._ends else 0}[whence]
        self._at = max(start + offset, 0)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # io gives nothing else to it
        """Read up to the end of a chunk."""
        number = bisect_right(self._ends, self._at)
        if number == len(self._ends):
            return 0
        if self._held is None or self._held[0] != number:
            self._held = (number, self._read(self._chunks[number]))
        piece = self._held[1]
        start = len(piece) - (self._ends[number] - self._at)
        part = piece[start : start + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)
