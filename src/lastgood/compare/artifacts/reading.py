"""Reads stretches of the files of both sides, a few of which are open at a time.

    source = Sources(files)
    source.read(entry, start=1_000, length=24)

Rule: a file that is shorter than its listing says is damaged, which is an `Integrity` error and never hidden.
"""

from __future__ import annotations

from collections import OrderedDict
from types import TracebackType
from typing import BinaryIO, Self

from lastgood.compare.artifacts.sharing import Parts
from lastgood.errors import Integrity
from lastgood.ids import FileDigest
from lastgood.model.listing import FileEntry
from lastgood.model.placement import FileAccess

MOST_OPEN = 4
"""How many files are open at a time: an open one may hold what was last read of it."""


class Sources:
    """The files of a comparison, opened when they are asked for.

    Args:
        files: has them.
    """

    def __init__(self, files: FileAccess) -> None:
        self._files = files
        self._open: OrderedDict[FileDigest, BinaryIO] = OrderedDict()
        self._parts: dict[FileDigest, Parts] = {}

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close what is open."""
        while self._open:
            self._open.popitem()[1].close()

    def opened(self, entry: FileEntry) -> BinaryIO:
        """Return a file, open until others are asked for.

        Raises:
            NotFound: it is not kept here.
        """
        source = self._open.pop(entry.digest, None)
        if source is None:
            while len(self._open) >= MOST_OPEN:
                self._open.popitem(last=False)[1].close()
            source = self._files.open_file(entry.digest)
        self._open[entry.digest] = source
        return source

    def parts(self, entry: FileEntry) -> Parts:
        """Return what a file is made of.

        Raises:
            NotFound: it is not kept here.
        """
        if entry.digest not in self._parts:
            self._parts[entry.digest] = Parts(self._files.parts_of(entry.digest), entry.size)
        return self._parts[entry.digest]

    def read(self, entry: FileEntry, start: int, length: int) -> bytes:
        """Return a stretch of a file.

        Raises:
            NotFound: the file is not kept here.
            Integrity: it is damaged.
        """
        source = self.opened(entry)
        source.seek(start)
        pieces = []
        left = length
        while left and (piece := source.read(left)):
            pieces.append(piece)
            left -= len(piece)
        if left:
            raise Integrity(f"file {entry.digest.short} is shorter than its listing says", details={"file": str(entry.digest)})
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
