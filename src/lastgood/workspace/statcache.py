"""What was read before need not be read again: `.lastgood/stat-cache` knows the digests of files by their stats.

Rules: a file's digest is used only if path, size, modification and change time, inode and mode are what they were.
The same-timestamp race: a file that was touched in the very tick of the clock in which it was read could be touched
again without a difference. So an entry is kept only if both its times are older than the moment before the walk
began, by the *file system's* clock (the time that touching the cache itself gives), less that clock's step; whatever
touches the file after it was read then has a later time. Other files are read again the next time.

The cache says nothing about where bytes are kept: whoever commits asks the intake whether it has them. It is only
about speed: one that is missing, torn, foreign or of another version counts as empty, and failing to write it fails
nothing.

    cache = StatCache.load(root / ".lastgood")
    cache.begin()                                    # before anything is looked at
    recalled = cache.recall(name, found)
    cache.remember(name, found, digests, listing)    # after everything was read
    cache.save()
"""

from __future__ import annotations

import hashlib
import os
import struct
import sys
from array import array
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from lastgood.ids import DIGEST_BYTES, ComponentName, FileDigest
from lastgood.workspace.walk import FoundFiles

FILE_NAME = "stat-cache"

_MAGIC = f"lastgood stat-cache 1 {sys.byteorder}\n".encode()
_SECTION = struct.Struct("=HIQ?32s")
_ROW_BYTES = 5 * 8
# A folder that somebody else packed may hold a link in the cache's place, or a FIFO, which would be waited for.
_NO_TRAPS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_SECOND = 1_000_000_000
_FINE_STEP = _SECOND // 50
_COARSE_STEP = 2 * _SECOND
_OTHER_DEVICE = 300 * _SECOND


@dataclass(frozen=True, slots=True)
class Recalled:
    """What the cache knows of a component's files.

    Attributes:
        digests: in the order of the files; None where a file must be read.
        listing: the digest of the component's listing, if no file was touched since it was made.
    """

    digests: Sequence[bytes | None]
    listing: FileDigest | None


@dataclass(frozen=True)
class _Section:
    """The files of one component: paths and stats packed, so that they are compared as a whole first."""

    packed: bytes
    paths: list[str]
    digests: bytes
    listing: FileDigest | None

    @cached_property
    def columns(self) -> tuple[array[int], ...]:
        count = len(self.paths)
        words = array("Q", self.packed[len(self.packed) - count * _ROW_BYTES :])
        return tuple(words[start : start + count] for start in range(0, len(words), count))

    def each_digest(self) -> tuple[bytes, ...]:
        return struct.unpack(f"{DIGEST_BYTES}s" * len(self.paths), self.digests)


class StatCache:
    """The stats and digests of a workspace's files, as one walk found them and the next one will want them."""

    def __init__(self, folder: Path, sections: dict[str, _Section]) -> None:
        """Take what `load` read."""
        self._path = folder / FILE_NAME
        self._loaded = sections
        self._fresh: dict[str, _Section] = {}
        self._began: os.stat_result | None = None

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the cache of a workspace's `.lastgood` folder; one that cannot be used counts as empty."""
        try:
            with os.fdopen(os.open(folder / FILE_NAME, os.O_RDONLY | _NO_TRAPS), "rb") as source:
                return cls(folder, _unpack(source.read()))
        except (OSError, ValueError, struct.error):
            return cls(folder, {})

    def begin(self) -> None:
        """Take the file system's time; it comes before anything is looked at, and without it nothing is kept."""
        with suppress(OSError):
            self._path.parent.mkdir(exist_ok=True)
            touched = os.open(self._path, os.O_WRONLY | os.O_CREAT | _NO_TRAPS, 0o666)
            try:
                os.utime(touched)
                self._began = os.fstat(touched)
            finally:
                os.close(touched)

    def recall(self, name: ComponentName, found: FoundFiles) -> Recalled:
        """Return what is known of a component's files."""
        section = self._loaded.get(name)
        if section is not None and section.packed == _pack(found):
            return Recalled(section.each_digest(), section.listing)
        return Recalled(self._recall_each(found), None)

    def _recall_each(self, found: FoundFiles) -> list[bytes | None]:
        recalled: list[bytes | None] = []
        sizes, mtimes, ctimes, inodes, modes = found.columns
        for index, path in enumerate(found.paths):
            place = self._places.get(path)
            digest = None
            if place is not None:
                section, at = place
                old_sizes, old_mtimes, old_ctimes, old_inodes, old_modes = section.columns
                if (
                    ctimes[index] == old_ctimes[at]
                    and mtimes[index] == old_mtimes[at]
                    and sizes[index] == old_sizes[at]
                    and inodes[index] == old_inodes[at]
                    and modes[index] == old_modes[at]
                ):
                    digest = section.digests[at * DIGEST_BYTES : (at + 1) * DIGEST_BYTES]
            recalled.append(digest)
        return recalled

    @cached_property
    def _places(self) -> dict[str, tuple[_Section, int]]:
        """Where each path is, whatever component had it, so that renaming a component reads nothing again."""
        return {path: (section, at) for section in self._loaded.values() for at, path in enumerate(section.paths)}

    def remember(self, name: ComponentName, found: FoundFiles, digests: Sequence[bytes], listing: FileDigest) -> None:
        """Keep the digests of a component's files as they were read, those that are safe to keep."""
        if self._began is None:
            return
        kept, safe = self._safe(found, digests, self._began)
        if kept.paths:
            whole = len(kept.paths) == len(found.paths)
            self._fresh[name] = _Section(_pack(kept), kept.paths, b"".join(safe), listing if whole else None)

    def _safe(self, found: FoundFiles, digests: Sequence[bytes], began: os.stat_result) -> tuple[FoundFiles, Sequence[bytes]]:
        """Return the files that cannot be touched from now on without getting another time, and their digests."""
        step = _FINE_STEP if began.st_mtime_ns % _SECOND else _COARSE_STEP
        if found.devices != {began.st_dev}:
            # Another device may be another host's, with a clock of its own.
            step = _OTHER_DEVICE
        limit = began.st_mtime_ns - step
        if max(found.mtimes) < limit and max(found.ctimes) < limit:
            return found, digests
        times = zip(found.mtimes, found.ctimes, strict=True)
        safe = [index for index, (mtime, ctime) in enumerate(times) if mtime < limit and ctime < limit]
        return found.only(safe), [digests[index] for index in safe]

    def save(self) -> None:
        """Write what was remembered, unless it is what was loaded; forget every other component."""
        if self._began is None or self._fresh == self._loaded:
            return
        data = _join(self._fresh)
        new = self._path.with_name(FILE_NAME + ".new")
        # Neither fsync nor a lock: a cache that is torn by a power cut, or by two commands that write at once, does
        # not match its own digest and counts as empty; the next command writes it again.
        with suppress(OSError):
            # What a kill left there, or a link that somebody put there for us to write through.
            new.unlink(missing_ok=True)
            try:
                with new.open("xb") as target:
                    target.write(b"".join((_MAGIC, hashlib.sha256(data).digest(), data)))
                new.replace(self._path)
            except OSError:
                new.unlink(missing_ok=True)


def _pack(found: FoundFiles) -> bytes:
    return b"".join(["\0".join(found.paths).encode(), *(column.tobytes() for column in found.columns)])


def _join(sections: dict[str, _Section]) -> bytes:
    parts: list[bytes] = []
    for name, section in sections.items():
        encoded = name.encode()
        listing = section.listing or bytes(DIGEST_BYTES)
        count = len(section.paths)
        head = _SECTION.pack(len(encoded), count, len(section.packed), section.listing is not None, listing)
        parts += [head, encoded, section.packed, section.digests]
    return b"".join(parts)


def _unpack(data: bytes) -> dict[str, _Section]:
    start = len(_MAGIC) + DIGEST_BYTES
    body = data[start:]
    if not data.startswith(_MAGIC) or hashlib.sha256(body).digest() != data[len(_MAGIC) : start]:
        raise ValueError("not a cache of this version, or torn")
    sections: dict[str, _Section] = {}
    at = 0
    while at < len(body):
        name_length, count, packed_length, has_listing, listing = _SECTION.unpack_from(body, at)
        at += _SECTION.size
        name, packed, digests = _cut(body, at, name_length, packed_length, count * DIGEST_BYTES)
        at += name_length + packed_length + count * DIGEST_BYTES
        paths = packed[: packed_length - count * _ROW_BYTES].decode().split("\0")
        if len(paths) != count:
            raise ValueError("a section has more or fewer paths than stats")
        sections[name.decode()] = _Section(packed, paths, digests, FileDigest(listing) if has_listing else None)
    return sections


def _cut(body: bytes, at: int, *lengths: int) -> list[bytes]:
    if at + sum(lengths) > len(body):
        raise ValueError("a section goes beyond the end")
    parts = []
    for length in lengths:
        parts.append(body[at : at + length])
        at += length
    return parts
