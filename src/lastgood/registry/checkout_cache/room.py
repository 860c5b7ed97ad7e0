"""Room in the checkout cache: how much its files take, and which of them go first when it gets tight.

Rules: all files together stay below a limit; the disk keeps a twentieth of itself free, whoever filled it; the file that
was used longest ago goes first; what this checkout uses itself does not go, so that a release that is larger than the
cache does not push itself out. Several processes may let files go at once: a file that is gone is gone, and whoever has
it open reads it to its end. When two fill the cache at once it may exceed its limit by what the other one adds, until the
next one looks.

    room = CacheRoom(folder, limit=10 << 30)
    room.make(1 << 20, keeping={"…"})        # true: a file of a MiB may come
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

SEAL = ".seal"
NEW = ".new-"
ENTRY = re.compile(r"[0-9a-f]{64}\.(file|exec)")
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_LARGEST = 10 << 30
_SHARE_OF_DISK = 10
_SPARE_SHARE = 20


@dataclass(frozen=True, slots=True)
class _Kept:
    """A file of the cache: when it was used last, its name and its size."""

    used: int
    name: str
    size: int


class CacheRoom:
    """The room that a cache's folder has; used by one thread at a time.

    Args:
        folder: the open folder.
        limit: how many bytes the files may take; None for 10 GiB or a tenth of the disk, whichever is less.
    """

    def __init__(self, folder: int, limit: int | None) -> None:
        self._folder = folder
        disk = os.fstatvfs(folder)
        self._spare = disk.f_blocks * disk.f_frsize // _SPARE_SHARE
        self._limit = min(_LARGEST, disk.f_blocks * disk.f_frsize // _SHARE_OF_DISK) if limit is None else limit
        self._kept: list[_Kept] | None = None
        self._total = 0

    def make(self, size: int, keeping: Collection[str]) -> bool:
        """Let files go until one of so many bytes fits, and count it in; false where it does not fit.

        Args:
            size: of the file that comes, in bytes.
            keeping: the names of files that do not go.
        """
        if size > self._limit:
            return False
        if self._kept is None:
            self._kept = self._look()
        going = [kept for kept in self._kept if kept.name not in keeping]
        while not self._fits(size):
            if not going:
                return False
            self._let_go(going.pop(0))
        self._total += size
        return True

    def _fits(self, size: int) -> bool:
        disk = os.fstatvfs(self._folder)
        return self._total + size <= self._limit and disk.f_bavail * disk.f_frsize >= self._spare + size

    def _let_go(self, kept: _Kept) -> None:
        drop(self._folder, kept.name)
        self._total -= kept.size
        if self._kept is not None:
            self._kept.remove(kept)

    def _look(self) -> list[_Kept]:
        """Return what is there, that which was used longest ago first, and take away what the dead left."""
        with os.scandir(self._folder) as listed:
            names = {one.name for one in listed}
        found = []
        for name in names:
            if name.startswith(NEW):
                self._total += self._sweep(name)
            elif name.endswith(SEAL):
                if name.removesuffix(SEAL) not in names:
                    with suppress(OSError):
                        os.unlink(name, dir_fd=self._folder)
            elif ENTRY.fullmatch(name) and (kept := self._kept_as(name)) is not None:
                found.append(kept)
                self._total += kept.size
        return sorted(found, key=lambda kept: kept.used)

    def _kept_as(self, name: str) -> _Kept | None:
        try:
            entry = os.stat(name, dir_fd=self._folder, follow_symlinks=False)
        except OSError:
            return None
        used = entry.st_ctime_ns
        with suppress(OSError):
            # Using a file moves its seal's time: its own would look like a write.
            used = os.stat(name + SEAL, dir_fd=self._folder, follow_symlinks=False).st_mtime_ns
        return _Kept(used, name, entry.st_size if stat.S_ISREG(entry.st_mode) else 0)

    def _sweep(self, name: str) -> int:
        """Take away a file that nobody is writing any more; return the size of one that somebody is."""
        try:
            descriptor = os.open(name, READ, dir_fd=self._folder)
        except OSError:
            return 0
        try:
            # Whoever writes it holds its lock, and the lock of a process goes with it, however it ended. One that was made
            # but not locked yet is lost to its writer, who then fills nothing.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(name, dir_fd=self._folder)
        except OSError:
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
        return 0


def drop(folder: int, name: str) -> None:
    """Let a file of the cache go, with its seal; one that cannot be removed stays and is never trusted the more for it."""
    for one in (name, name + SEAL):
        with suppress(OSError):
            os.unlink(one, dir_fd=folder)
