"""Files that are compared where they lie: those of a folder on disk, and all others from the registry.

files = DiskAndRegistry(root, {digest: "prompts/system.md"}, registry.files)
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from lastgood.errors import ChangedWhileReading, Invalid
from lastgood.ids import FileDigest
from lastgood.model.placement import FilePart
from lastgood.registry.protocols import Files
from lastgood.workspace.opening import open_root
from lastgood.workspace.reading import open_for_reading, read_small

LARGEST = 1 << 30
"""The largest file, in bytes, that is read at once to be compared."""

_AT_ONCE = 1 << 20


class DiskAndRegistry:
    """Reads files of a folder from disk, and all others from the registry.

    Args:
        root: the folder.
        paths: what lies in it, as it was hashed.
        files: has all others.
    """

    def __init__(self, root: Path, paths: Mapping[FileDigest, str], files: Files) -> None:
        self._root = root
        self._paths = paths
        self._files = files

    def read_file(self, digest: FileDigest, *, limit: int | None = None) -> bytes:
        """Return a whole file.

        Raises:
            Invalid: it is larger than the limit.
            ChangedWhileReading: it was written since it was hashed.
        """
        path = self._paths.get(digest)
        if path is None:
            return self._files.read_file(digest, limit=limit)
        with open_root(self._root) as root:
            data = read_small(root, path, limit=LARGEST if limit is None else limit)
        if limit is not None and len(data) > limit:
            raise Invalid(f"{path} is larger than {limit:,} bytes")
        if FileDigest.of(data) != digest:
            raise _changed(path)
        return data

    def open_file(self, digest: FileDigest) -> BinaryIO:
        """Open a file to be read from any place; one on disk is hashed anew before.

        Raises:
            ChangedWhileReading: it was written since it was hashed.
        """
        path = self._paths.get(digest)
        if path is None:
            return self._files.open_file(digest)
        with open_root(self._root) as root:
            file = open_for_reading(root, path)
        try:
            _require_digest(file, digest, path)
        except BaseException:
            file.close()
            raise
        return file

    def parts_of(self, digest: FileDigest) -> Sequence[FilePart]:
        """Return what a file is made of; one on disk is of one piece."""
        path = self._paths.get(digest)
        if path is None:
            return self._files.parts_of(digest)
        with open_root(self._root) as root, open_for_reading(root, path) as file:
            return [FilePart(digest, file.seek(0, os.SEEK_END))]


def _require_digest(file: BinaryIO, digest: FileDigest, path: str) -> None:
    hasher = hashlib.sha256()
    while data := file.read(_AT_ONCE):
        hasher.update(data)
    if hasher.digest() != digest:
        raise _changed(path)
    file.seek(0)


def _changed(path: str) -> ChangedWhileReading:
    return ChangedWhileReading(f"{path} was written while it was compared")
