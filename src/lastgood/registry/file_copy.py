"""Copies of whole files, by the cheapest way that two open files allow: shared extents, the kernel, or through here.

Offsets are said, never those of the descriptors, so that one may be read here while somebody writes to its end.

    copy_whole(source, target, size)     # a reflink where the file system has them: no byte is moved
    copy_range(source, target, 0, 8 << 20)
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable

from lastgood.registry.kernel import preallocate

_CLONE = 0x40049409
"""Linux's FICLONE: let one file have another one's extents, until one of them is written to."""

_STEP = 32 << 20
_COPIED_AT_ONCE = 1 << 20
_NOT_THIS_WAY = frozenset(
    {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTTY, errno.EPERM, errno.EBADF, errno.ETXTBSY}
)


def copy_whole(source: int, target: int, size: int, progress: Callable[[int], None] = lambda _: None) -> None:
    """Copy a file into an open, empty one.

    Args:
        source: an open file.
        target: an open file without bytes.
        size: how many bytes the source has.
        progress: told, now and then, how many bytes more are there.

    Raises:
        OSError: one cannot be read or the other not be written.
        EOFError: the source has fewer bytes.
    """
    if _reflink(source, target):
        progress(size)
        return
    preallocate(target, size)
    for start in range(0, size, _STEP):
        end = min(size, start + _STEP)
        copy_range(source, target, start, end)
        progress(end - start)


def copy_range(source: int, target: int, start: int, end: int) -> None:
    """Copy the bytes from one offset to another to the same place of another file.

    Raises:
        OSError: one cannot be read or the other not be written.
        EOFError: the source ends before.
    """
    while start < end:
        try:
            start += _some(os.copy_file_range(source, target, end - start, start, start))
        except AttributeError:
            break
        except OSError as error:
            if error.errno not in _NOT_THIS_WAY:
                raise
            break
    while start < end:
        piece = memoryview(os.pread(source, min(_COPIED_AT_ONCE, end - start), start))
        _some(len(piece))
        while piece:
            written = os.pwrite(target, piece, start)
            start += written
            piece = piece[written:]


def _some(count: int) -> int:
    if count == 0:
        raise EOFError("a file is shorter than it was said to be")
    return count


def _reflink(source: int, target: int) -> bool:
    try:
        fcntl.ioctl(target, _CLONE, source)
    except OSError:
        # Another file system, one without reflinks, another system: whatever it is, a copy says what is really wrong.
        return False
    return True
