"""Opens folders and files of a workspace, and says in lastgood's words why one could not be opened or read.

Rules: the last part of a path is never followed if it is a link, and opening never waits (a FIFO would); everything
is opened relative to the workspace's folder, so that the length of its own path does not count.

    >>> unreadable("models/a.gguf", PermissionError(13, "Permission denied")).kind
    'not-allowed'
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lastgood.errors import ChangedWhileReading, InvalidPath, LastgoodError, NotAllowed, Unavailable

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_REPLACED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ESTALE})


@contextmanager
def open_root(root: Path) -> Iterator[int]:
    """Open a workspace's own folder, for a `with` statement; the value is its file descriptor.

    Raises:
        NotAllowed, ChangedWhileReading, Unavailable: as `unreadable` says.
    """
    opened = _open(os.fspath(root), _FOLDER, None)
    try:
        yield opened
    finally:
        os.close(opened)


def open_folder(root: int, path: str) -> int:
    """Open a folder below the workspace's and return its file descriptor; raises as `unreadable` says."""
    return _open(path, _FOLDER | os.O_NOFOLLOW, root)


def open_file(root: int, path: str) -> int:
    """Open a file below the workspace's folder and return its file descriptor; raises as `unreadable` says."""
    return _open(path, _FILE, root)


def _open(path: str, flags: int, root: int | None) -> int:
    try:
        return os.open(path, flags, dir_fd=root)
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: str, error: OSError) -> LastgoodError:
    """Return the named error for what the system said about a path that was there a moment ago."""
    if isinstance(error, PermissionError):
        return NotAllowed(
            f"{path!r} may not be read: {error.strerror}; nothing was changed",
            hint="get the right to read it, or list it in .lastgoodignore",
            details={"path": _printable(path)},
        )
    if error.errno in _REPLACED:
        return ChangedWhileReading(f"{path!r} vanished or was replaced while it was being read; nothing was changed")
    if error.errno == errno.ENAMETOOLONG:
        return InvalidPath(f"{path[:200]!r} is longer than this system can open; nothing was changed")
    return Unavailable(f"{path!r} cannot be read: {error.strerror}; nothing was changed")


def check_regular(root: int, path: str, mode: int) -> None:
    """Refuse everything that is not a plain file.

    Raises:
        InvalidPath: it is a link, a device, a FIFO or a socket; for a link the message says where it points.
    """
    if stat.S_ISREG(mode):
        return
    if stat.S_ISLNK(mode):
        what = _describe_link(root, path)
    elif stat.S_ISFIFO(mode):
        what = "it is a FIFO"
    elif stat.S_ISSOCK(mode):
        what = "it is a socket"
    elif stat.S_ISDIR(mode):
        what = "it is a folder"
    else:
        what = "it is a device"
    raise InvalidPath(f"{path!r} must not be in a release: {what}; nothing was changed", details={"path": _printable(path)})


def _describe_link(root: int, path: str) -> str:
    try:
        target = os.readlink(path, dir_fd=root)
    except OSError as error:
        # Of what is no link any more the system says that its argument is invalid.
        gone = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)) if error.errno == errno.EINVAL else error
        raise unreadable(path, gone) from error
    inside = os.path.normpath(os.path.join(os.path.dirname(path), target))
    where = " outside the workspace" if inside.startswith(("/", "../")) or inside == ".." else ""
    return f"it is a link to {target!r}{where}, and links are not followed"


def _printable(path: str) -> str:
    return path[:500].encode("utf-8", "backslashreplace").decode()
