"""Seals: has anybody touched the files of a release since they were written?

A seal holds, for each file, what changes whenever the file does: inode, size, times of change, mode. It is compared
without reading a byte, so that going back to a release that is still there costs a `stat` a file. A file that differs
from its seal is read and compared with its digest, and put back if it is not what it should be: one file at a time by
write, fsync and rename, so that whoever reads it sees the old text or the right one, never a part.

A seal is a cache: without one, every file is read. What stands beside the release's files (a service's own caches) is
left alone.

    sealed = take_seal(folder, entries)
    touched_since(folder, sealed)                  # the paths that may have changed, or None: any of them may
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lastgood.errors import AlreadyExists
from lastgood.model.listing import FileEntry, Mode
from lastgood.registry.checkout import FileStreams

_SCHEMA = "lastgood.seal/1"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def take_seal(folder: Path, entries: Iterable[FileEntry]) -> bytes:
    """Return the seal of files that were just written below a folder."""
    with _opened(folder) as root:
        return json.dumps({"schema": _SCHEMA, "files": {entry.path: _facts(root, entry.path) for entry in entries}}).encode()


def touched_since(folder: Path, sealed: bytes | None) -> set[str] | None:
    """Return the paths whose files may have changed, or None where there is no seal to go by."""
    known = None if sealed is None else _read(sealed)
    if known is None:
        return None
    with _opened(folder) as root:
        return {path for path, facts in known.items() if _facts(root, path) != facts}


def put_right(folder: Path, entries: Iterable[FileEntry], source: FileStreams, scratch: Path) -> None:
    """Compare files with their digests, and write anew those that are not what they should be.

    Args:
        folder: where they are.
        entries: the files.
        source: where their bytes come from.
        scratch: a free name on the same file system, used for one file after the other.

    Raises:
        AlreadyExists: something else stands where a file or a folder of the release belongs.
    """
    with _opened(folder) as root:
        for entry in entries:
            _require_folders(root, entry.path)
            if not _is_right(root, entry):
                _write(root, entry, source, scratch)


def _read(sealed: bytes) -> dict[str, list[int]] | None:
    with suppress(ValueError, RecursionError):
        document = json.loads(sealed)
        if isinstance(document, dict) and document.get("schema") == _SCHEMA and isinstance(document.get("files"), dict):
            return dict(document["files"])
    return None


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    # Paths of a release may be nearly as long as the system allows, so they are taken from the folder's descriptor.
    descriptor = os.open(folder, _FOLDER)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _facts(root: int, path: str) -> list[int] | None:
    try:
        found = os.stat(path, dir_fd=root, follow_symlinks=False)
    except OSError:
        return None
    return [found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_mode]


def _require_folders(root: int, path: str) -> None:
    """See that the folders on the way to a file are folders, and make those that are missing."""
    parts = path.split("/")[:-1]
    for depth in range(1, len(parts) + 1):
        folder = "/".join(parts[:depth])
        try:
            found = os.stat(folder, dir_fd=root, follow_symlinks=False)
        except FileNotFoundError:
            os.mkdir(folder, dir_fd=root)
            _sync_parent(root, folder)
            continue
        if not stat.S_ISDIR(found.st_mode):
            raise _in_the_way(folder, "folder")


def _is_right(root: int, entry: FileEntry) -> bool:
    try:
        descriptor = os.open(entry.path, _FILE, dir_fd=root)
    except OSError:
        return False
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size != entry.size:
            return False
        if bool(found.st_mode & stat.S_IXUSR) != (entry.mode is Mode.EXEC):
            return False
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return hashlib.file_digest(file, "sha256").digest() == entry.digest
    finally:
        os.close(descriptor)


def _write(root: int, entry: FileEntry, source: FileStreams, scratch: Path) -> None:
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, _NEW_FILE, entry.mode.permissions), "wb") as file:
        for piece in source.stream_file(entry.digest):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.replace(scratch, entry.path, dst_dir_fd=root)
    except IsADirectoryError as error:
        raise _in_the_way(entry.path, "file") from error
    _sync_parent(root, entry.path)


def _sync_parent(root: int, path: str) -> None:
    parent = os.open(path.rpartition("/")[0] or ".", _FOLDER, dir_fd=root)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def _in_the_way(path: str, expected: str) -> AlreadyExists:
    return AlreadyExists(
        f"{path} of a live folder is not the {expected} that the release has there; it was left alone",
        hint=f"take away what stands in the place of {path}, then repeat",
        details={"path": path},
    )
