"""Exact reads from a file, bounded in all, so that no header can make its reader read for ever.

>>> import io
>>> reader = Reader(io.BytesIO(b"abcdef"), 6)
>>> reader.read(2, 3)
b'cde'
>>> reader.read(5, 2)
Traceback (most recent call last):
...
lastgood.formats.tensors.layout.NotUnderstood: it is cut short: its header asks for byte 7 of 6
"""

from __future__ import annotations

from typing import BinaryIO

from lastgood.formats.tensors.layout import NotUnderstood

MOST_READ = 128 << 20
"""How many bytes of a file are read to find its tensors; past that it counts as not understood."""


class Reader:
    """Reads spans of one file, and keeps the last piece it read.

    Args:
        source: the file, open for reading; its position is moved.
        size: in bytes.
    """

    def __init__(self, source: BinaryIO, size: int) -> None:
        self.size = size
        self._source = source
        self._left = MOST_READ
        self._start = 0
        self._piece = b""

    def read(self, offset: int, length: int, *, ahead: int = 0) -> bytes:
        """Return a span of the file.

        Args:
            offset: in bytes from its start.
            length: in bytes.
            ahead: read as many bytes at once, where the file has them, since what follows is asked for next.

        Raises:
            NotUnderstood: the file has no such span, or more than `MOST_READ` bytes were asked for.
            OSError: the file cannot be read.
        """
        start = offset - self._start
        if not 0 <= start <= len(self._piece) - length:
            if not 0 <= offset <= self.size - length:
                raise NotUnderstood(f"it is cut short: its header asks for byte {offset + length:,} of {self.size:,}")
            self._fetch(offset, min(max(length, ahead), self.size - offset))
            start = 0
        if len(self._piece) - start < length:
            raise NotUnderstood("it became shorter while it was read")
        return self._piece[start : start + length]

    def _fetch(self, offset: int, length: int) -> None:
        self._left -= length
        if self._left < 0:
            raise NotUnderstood(f"more than {MOST_READ:,} bytes of it would have to be read to find its tensors")
        self._source.seek(offset)
        pieces = []
        while length and (piece := self._source.read(length)):
            pieces.append(piece)
            length -= len(piece)
        self._start, self._piece = offset, b"".join(pieces)
