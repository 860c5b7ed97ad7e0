"""A lock between processes: one locked file, taken for a short while, waited for within bounds.

    with locked(folder / "lock", "run/prod"):
        ...

Crash argument: the kernel lets go of the lock when its holder ends, however it ends; the file itself says nothing, so
it is never removed.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lastgood.errors import Busy, of_os_error

WAIT_SECONDS = 60.0
_PAUSE_SECONDS = 0.005
_LONGEST_PAUSE_SECONDS = 0.1
_LOCK_FILE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def locked(path: Path, what: str, *, wait: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the lock of a file, which is made if needed, for a `with` statement.

    Args:
        path: the lock file.
        what: what it protects, for the message.
        wait: how many seconds to wait at the most.

    Raises:
        Busy: somebody else holds it for longer.
        NotAllowed, ReadOnly, Unavailable: the file cannot be made or locked.
    """
    file = _wait_for(path, what, wait)
    try:
        yield
    finally:
        # Nothing was written to it, so a disk that fails now takes nothing back of what was done under the lock.
        with suppress(OSError):
            os.close(file)


def _wait_for(path: Path, what: str, wait: float) -> int:
    until = time.monotonic() + wait
    pause = _PAUSE_SECONDS
    while True:
        try:
            file = _try(path)
        except OSError as error:
            raise of_os_error(error, f"{what} cannot be locked") from error
        if file is not None:
            return file
        if time.monotonic() >= until:
            raise Busy(f"another process is at work on {what}; nothing was changed")
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _try(path: Path) -> int | None:
    """Return the locked file, or None while somebody else holds the lock."""
    file = os.open(path, _LOCK_FILE, 0o666)
    is_ours = False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Somebody may have removed the whole folder and made it anew while we waited: a lock on a file that has lost
        # its name protects nothing.
        is_ours = os.path.samestat(os.fstat(file), path.lstat())
    except (BlockingIOError, FileNotFoundError):
        pass
    finally:
        if not is_ours:
            os.close(file)
    return file if is_ours else None
