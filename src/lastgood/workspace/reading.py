"""Reads files for a commit, and notices when one changes meanwhile.

Rules: what is read is a plain file, opened without following a link and without waiting; its size, times and inode
are the same before and after, and as many bytes came as it has, else `ChangedWhileReading`. A file that grows as
fast as it is read still comes to an end. (A program that writes through a memory map touches a file's times only when
it first writes to a page, so such writing can go unnoticed, here as in any tool that looks at times.)

    read = read_file(root, "models/a.safetensors", intake, progress)
    read.digest, read.found.st_size
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

from lastgood.errors import ChangedWhileReading
from lastgood.ids import FileDigest
from lastgood.model.intake import Intake
from lastgood.workspace.opening import check_regular, open_file, unreadable

SMALL = 1 << 20
"""Files up to this many bytes are read at once."""

Advance = Callable[[int], None]
"""Is told of so many more bytes that were read."""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was read whole: the digest of its bytes, and what it was then."""

    digest: FileDigest
    found: os.stat_result


def read_file(root: int, path: str, intake: Intake, advance: Advance) -> ReadFile:
    """Read a file below an open folder into an intake.

    Raises:
        ChangedWhileReading: it was written, replaced or removed meanwhile.
        NotAllowed: it may not be read.
        Unavailable: the system cannot read it.
    """
    with _opened(root, path) as (opened, found):
        if found.st_size <= SMALL:
            data = _read_up_to(opened, found.st_size + 1, path)
            advance(len(data))
            received = intake.receive_bytes(data, path)
        else:
            source = _Measured(opened, found.st_size, path, advance)
            received = intake.receive(cast("BinaryIO", source), found.st_size, path)
        if received.size != found.st_size:
            raise _changed(path)
    return ReadFile(received.digest, found)


def read_small(root: int, path: str, *, limit: int = SMALL) -> bytes:
    """Read at most the first so many bytes of a file, and one more if there are more; raises as `read_file`."""
    with _opened(root, path) as (opened, found):
        return _read_up_to(opened, min(found.st_size, limit) + 1, path)


def open_for_reading(root: int, path: str) -> BinaryIO:
    """Open a plain file below an open folder to be read from any place; whoever reads it looks after changes.

    Raises:
        InvalidPath: it is no plain file.
        NotAllowed, ChangedWhileReading, Unavailable: as `opening.unreadable` says.
    """
    opened = open_file(root, path)
    try:
        check_regular(root, path, os.fstat(opened).st_mode)
        return os.fdopen(opened, "rb")
    except BaseException:
        os.close(opened)
        raise


@contextmanager
def _opened(root: int, path: str) -> Iterator[tuple[int, os.stat_result]]:
    opened = open_file(root, path)
    try:
        before = os.fstat(opened)
        check_regular(root, path, before.st_mode)
        yield opened, before
        if _what_tells(os.fstat(opened)) != _what_tells(before):
            raise _changed(path)
    finally:
        os.close(opened)


def _what_tells(found: os.stat_result) -> tuple[int, ...]:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_mode


def _read_up_to(opened: int, size: int, path: str) -> bytes:
    """Read so many bytes or to the end; a read may give less than it was asked for without being at the end."""
    try:
        data = os.read(opened, size)
        while 0 < len(data) < size and (more := os.read(opened, size - len(data))):
            data += more
    except OSError as error:
        raise unreadable(path, error) from error
    return data


def _changed(path: str) -> ChangedWhileReading:
    return ChangedWhileReading(f"{path!r} was written while it was being read; nothing was changed")


class _Measured(io.RawIOBase):
    """A file that ends where it was said to end, or refuses; who looks around in it before reading it tells nobody."""

    def __init__(self, opened: int, size: int, path: str, advance: Advance) -> None:
        self._opened = opened
        self._size = size
        self._at = 0
        self._path = path
        self._advance = advance
        self._is_looking = False

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        try:
            self._at = os.lseek(self._opened, max(start + offset, 0), os.SEEK_SET)
        except OSError as error:
            raise unreadable(self._path, error) from error
        self._is_looking = self._at > 0
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # io gives nothing else to it
        try:
            count = os.readv(self._opened, [buffer])
        except OSError as error:
            raise unreadable(self._path, error) from error
        self._at += count
        if self._at > self._size:
            raise _changed(self._path)
        if not self._is_looking:
            self._advance(count)
        return count
