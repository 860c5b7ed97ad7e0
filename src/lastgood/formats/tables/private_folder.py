"""A folder for temporary files that nobody else may look into, and that is gone afterwards, also after a crash.

Rules: it is locked for as long as it is used, and whoever makes one takes away those of the same user that nobody holds a
lock on any more: a process that was killed leaves gigabytes, and those must not wait for the next start of the machine. It
bears the name that is looked for only once it is locked, so one that is just being made is not taken for a leftover.

    with PrivateFolder() as folder:
        (folder / "a").write_bytes(b"1")
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from lastgood.errors import of_os_error

_PREFIX = "lastgood-tables-"
_LOCK = "lock"


class PrivateFolder:
    """A folder of its own among the temporary files."""

    def __init__(self) -> None:
        self._path = Path()
        self._lock = -1

    def __enter__(self) -> Path:
        try:
            made = Path(tempfile.mkdtemp(prefix="lastgood-new-"))
            self._lock = os.open(made / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._path = made.rename(made.with_name(made.name.replace("lastgood-new-", _PREFIX)))
        except OSError as error:
            raise of_os_error(error, "a temporary folder cannot be made") from error
        _sweep(self._path.parent)
        return self._path

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        shutil.rmtree(self._path, ignore_errors=True)
        os.close(self._lock)


def _sweep(parent: Path) -> None:
    """Remove folders that a process of this user left behind."""
    with suppress(OSError):
        for folder in parent.glob(f"{_PREFIX}*"):
            with suppress(OSError):
                found = folder.lstat()
                if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
                    _remove_unlocked(folder)


def _remove_unlocked(folder: Path) -> None:
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)
