"""A backend in a local folder, which survives kills and power cuts.

    ROOT/packs/ab/abcd….pack    what is kept: written once, never changed in place
    ROOT/incoming/….tmp         what is being written; its writer holds a lock on it

The rule of writing, in words: write to a locked file in `incoming`, fsync it, rename it to its name, fsync the folder it
went to (and, once per process, the folders above that one). A reader therefore sees all of it or nothing, and what was
acknowledged is there after a power cut. A killed writer leaves a file in `incoming` whose lock is free; the next writer
removes it. No link is ever followed below ROOT.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     backend = LocalBackend(Path(folder))
    ...     backend.put("packs/ab/1.pack", [b"abc"])
    ...     backend.read("packs/ab/1.pack", 1, 2)
    b'bc'
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from lastgood.errors import Integrity, LastgoodError, NotAllowed, NotFound, ReadOnly, StorageFull, Unavailable
from lastgood.store.backend import LONGEST_NAME, Piece, check_name, check_range

INCOMING = "incoming"

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: a FIFO put in a file's place must not make a reader wait for ever.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DENIED = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_NOT_A_FOLDER_OF_OURS = frozenset({errno.ELOOP, errno.ENOTDIR})
_NO_LOCKS_HERE = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS})
_NO_FOLDER_FSYNC_HERE = frozenset({errno.EINVAL, errno.ENOTSUP})


class LocalBackend:
    """Keeps bytes below one folder; threads and processes may share it.

    Args:
        root: the folder; it is made by the first `put`, in a folder that exists.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._durable_folders: set[str] = set()
        self._is_swept = False
        self._numbers = count()

    def put(self, name: str, pieces: Sequence[Piece]) -> None:
        """Keep the pieces under a name: atomic, and durable when it returns."""
        folder, _, leaf = check_name(name).rpartition("/")
        with _writing(name), self._made_folder(INCOMING) as incoming, self._made_folder(folder) as target:
            if not self._is_swept:
                _sweep(incoming)
                self._is_swept = True
            with self._new_file(incoming) as (temporary, file):
                for piece in pieces:
                    _write_all(file, piece)
                _fsync(file)
                # Only whole, durable bytes ever get a name that readers look for; a crash before this line leaves a
                # file in `incoming` for the sweep, a crash after it a pack that no catalog knows yet.
                os.rename(temporary, leaf, src_dir_fd=incoming, dst_dir_fd=target)
            _fsync_folder(target)

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`."""
        with _reading(name), self._opened_file(name) as file:
            check_range(name, os.fstat(file).st_size, offset, length)
            return _read_all(file, name, offset, length)

    def size(self, name: str) -> int:
        """Return how many bytes are kept under a name."""
        with _reading(name), self._opened_file(name) as file:
            return os.fstat(file).st_size

    def names(self, folder: str) -> Iterator[str]:
        """Yield every name in a folder, in order."""
        return self._names(check_name(folder))

    def delete(self, name: str) -> None:
        """Take a name away, durably."""
        folder, _, leaf = check_name(name).rpartition("/")
        with _writing(name), suppress(FileNotFoundError), self._opened_folder(folder) as target:
            os.unlink(leaf, dir_fd=target)
            _fsync_folder(target)

    def clear_incoming(self) -> None:
        """Remove what killed writers left, without waiting for the next one."""
        with _writing(INCOMING), suppress(FileNotFoundError), self._opened_folder(INCOMING) as incoming:
            _sweep(incoming)

    def move(self, name: str, to: str) -> None:
        """Give what is kept under a name, whatever it is, another one; durable, and at no moment is it under neither."""
        (folder, _, leaf), (other, _, new) = (check_name(one).rpartition("/") for one in (name, to))
        with _writing(name), self._opened_folder(folder) as source, self._made_folder(other) as target:
            try:
                os.rename(leaf, new, src_dir_fd=source, dst_dir_fd=target)
            except FileNotFoundError as error:
                raise NotFound(f"{name} is not kept here", details={"name": name}) from error
            # The new name first: a power cut may leave both, never none.
            _fsync_folder(target)
            _fsync_folder(source)

    def _names(self, folder: str) -> Iterator[str]:
        for entry, is_folder in self._list(folder):
            name = f"{folder}/{entry}"
            # What lies deeper than any name can be is not ours: it is named, so that somebody sees it, and not walked.
            if is_folder and len(name) <= LONGEST_NAME:
                yield from self._names(name)
            else:
                yield name

    def _list(self, folder: str) -> list[tuple[str, bool]]:
        with _reading(folder), suppress(FileNotFoundError), self._opened_folder(folder) as opened, os.scandir(opened) as entries:
            found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries if not entry.is_symlink()]
            # The order of whole names, not of each folder's entries: `a-b` comes before `a/b`.
            return sorted(found, key=lambda item: item[0] + "/" * item[1])
        return []

    @contextmanager
    def _opened_file(self, name: str) -> Iterator[int]:
        folder, _, leaf = check_name(name).rpartition("/")
        with self._opened_folder(folder) as opened:
            file = os.open(leaf, _FILE, dir_fd=opened)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise Integrity(f"{name} is not a regular file; it was not read", details={"name": name})
            yield file
        finally:
            os.close(file)

    @contextmanager
    def _opened_folder(self, folder: str) -> Iterator[int]:
        opened = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in filter(None, folder.split("/")):
                child = os.open(part, _FOLDER, dir_fd=opened)
                os.close(opened)
                opened = child
            yield opened
        finally:
            os.close(opened)

    @contextmanager
    def _made_folder(self, folder: str) -> Iterator[int]:
        """Open a folder for writing into it, making it and those above it durable first."""
        if folder not in self._durable_folders:
            # A folder that is there already may have been made a moment ago by a process that has not fsynced its
            # parent yet; so each process does it once itself before it trusts the folder with a pack.
            self._make_root()
            parts = folder.split("/") if folder else []
            for depth, part in enumerate(parts):
                with self._opened_folder("/".join(parts[:depth])) as parent:
                    with suppress(FileExistsError):
                        os.mkdir(part, dir_fd=parent)
                    _fsync_folder(parent)
        with self._opened_folder(folder) as opened:
            self._durable_folders.add(folder)
            yield opened

    @contextmanager
    def _new_file(self, incoming: int) -> Iterator[tuple[str, int]]:
        """Make a locked file that is gone afterwards unless it was renamed."""
        name, file = self._create_locked(incoming)
        try:
            yield name, file
        except BaseException:
            with suppress(OSError):
                os.unlink(name, dir_fd=incoming)
            raise
        finally:
            os.close(file)

    def _create_locked(self, incoming: int) -> tuple[str, int]:
        while True:
            name = f"{os.getpid()}-{next(self._numbers)}.tmp"
            try:
                file = os.open(name, _NEW_FILE, 0o444, dir_fd=incoming)
            except FileExistsError:  # left by, or in use by, a process that had or has the same number elsewhere
                continue
            try:
                _lock(file)
                # A sweep may have locked and removed the file between its creation and our lock; it then has no name
                # left, and nothing was written to it: begin again with another.
                if os.fstat(file).st_nlink:
                    return name, file
            except BaseException:
                os.close(file)
                raise
            os.close(file)

    def _make_root(self) -> None:
        with suppress(FileExistsError):
            self._root.mkdir()
        parent = os.open(self._root.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _fsync_folder(parent)
        finally:
            os.close(parent)


def _lock(file: int) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError as error:
        # Where there are no locks a sweep can take none either, so it removes nothing.
        if error.errno not in _NO_LOCKS_HERE:
            raise


def _sweep(incoming: int) -> None:
    """Remove what killed writers left: files in `incoming` whose lock nobody holds."""
    for name in os.listdir(incoming):
        if not name.endswith(".tmp"):
            continue
        with suppress(OSError):
            file = os.open(name, _FILE, dir_fd=incoming)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # With the lock held its writer is dead, or has renamed it (then this name is gone, or is another
                # file's, and stays), or has not locked it yet (then that writer sees that it has no name left).
                if os.path.samestat(os.fstat(file), os.stat(name, dir_fd=incoming, follow_symlinks=False)):
                    os.unlink(name, dir_fd=incoming)
            finally:
                os.close(file)


def _write_all(file: int, piece: Piece) -> None:
    # By bytes, whatever items a view is of: a short write must be gone on with at the right one.
    rest = memoryview(piece).cast("B")
    while rest:
        rest = rest[os.write(file, rest) :]


def _read_all(file: int, name: str, offset: int, length: int) -> bytes:
    data = os.pread(file, length, offset)
    while len(data) < length:
        more = os.pread(file, length - len(data), offset + len(data))
        if not more:
            raise Integrity(f"{name} ended while it was read", details={"name": name})
        data += more
    return data


def _fsync(file: int) -> None:
    if sys.platform == "darwin":
        fcntl.fcntl(file, fcntl.F_FULLFSYNC)  # there, fsync leaves the bytes in the drive's cache
    else:
        os.fsync(file)


def _fsync_folder(folder: int) -> None:
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in _NO_FOLDER_FSYNC_HERE:
            raise


@contextmanager
def _writing(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _write_error(name, error) from error


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _read_error(name, error) from error


def _write_error(name: str, error: OSError) -> LastgoodError:
    details = {"name": name, "errno": error.errno}
    if error.errno in _FULL:
        return StorageFull(f"there is no room to keep {name} ({error.strerror}); nothing of it was kept", details=details)
    if error.errno in _DENIED:
        return ReadOnly(f"{name} cannot be written ({error.strerror}); nothing of it was kept", details=details)
    if error.errno in _NOT_A_FOLDER_OF_OURS:
        return _link_error(name)
    return Unavailable(f"{name} could not be written ({error.strerror}); it counts as not kept", details=details)


def _read_error(name: str, error: OSError) -> LastgoodError:
    details = {"name": name, "errno": error.errno}
    if error.errno == errno.ENOENT:
        return NotFound(f"{name} is not kept here", details=details)
    if error.errno in {errno.EACCES, errno.EPERM}:
        return NotAllowed(f"this process may not read {name} ({error.strerror})", details=details)
    if error.errno in _NOT_A_FOLDER_OF_OURS:
        return _link_error(name)
    return Unavailable(f"{name} could not be read ({error.strerror}); nothing was changed", details=details)


def _link_error(name: str) -> Integrity:
    return Integrity(
        f"on the way to {name} there is a link, or a file where a folder should be; it was not followed",
        hint="put a real folder in its place",
        details={"name": name},
    )
