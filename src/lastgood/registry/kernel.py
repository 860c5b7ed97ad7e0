"""Three calls of Linux that Python has no door to; where the system lacks one, the answer says so.

    preallocate(descriptor, 1 << 30)     # room for a file is had at once
    mount_of(descriptor)                 # 7: a number that no other mount has before the next start of the machine
    sync_file_system(descriptor)         # everything on it is durable

`ctypes` is imported when one is called: most commands call none.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ctypes

_EMPTY_PATH = 0x1000
_MOUNT_ID_UNIQUE = 0x4000
_STATX_BYTES = 256
_MASK_AT = 0
_MOUNT_AT = 144


def preallocate(descriptor: int, size: int) -> None:
    """Give an empty file its size and its room on the disk at once, which makes writing it cheaper.

    Nothing more than that: where the file system cannot, or has not the room, the file is left as it is, and whoever
    writes it learns what is wrong. (`os.posix_fallocate` would write to it instead.)
    """
    disk = os.fstatvfs(descriptor)
    library = _library()
    allocate = getattr(library, "fallocate64", None) or getattr(library, "fallocate", None)
    if allocate is not None and 0 < size <= disk.f_bavail * disk.f_frsize:
        import ctypes  # noqa: PLC0415

        allocate(descriptor, 0, ctypes.c_int64(0), ctypes.c_int64(size))


def mount_of(descriptor: int) -> int | None:
    """Return the number of the mount that an open file lies on, or None where the system does not number them for ever.

    Linux counts mounts since the machine started (6.8 and newer), so a file system that was cut off and is mounted again
    has another number, and so has one that is seen from another container.
    """
    statx = getattr(_library(), "statx", None)
    if statx is None:
        return None
    import ctypes  # noqa: PLC0415

    found = ctypes.create_string_buffer(_STATX_BYTES)
    if statx(descriptor, b"", _EMPTY_PATH, _MOUNT_ID_UNIQUE, found) != 0:
        return None
    mask = int.from_bytes(found.raw[_MASK_AT : _MASK_AT + 4], sys.byteorder)
    return int.from_bytes(found.raw[_MOUNT_AT : _MOUNT_AT + 8], sys.byteorder) if mask & _MOUNT_ID_UNIQUE else None


def sync_file_system(descriptor: int) -> bool:
    """Make all of a file system durable at once, which for many files takes a fraction of an fsync each.

    Where the system has no `syncfs`, nothing is done and false is returned.
    """
    syncfs = getattr(_library(), "syncfs", None)
    if syncfs is None:
        return False
    if syncfs(descriptor) != 0:
        import ctypes  # noqa: PLC0415

        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return True


def _library() -> ctypes.CDLL:
    import ctypes  # noqa: PLC0415

    return ctypes.CDLL(None, use_errno=True)
