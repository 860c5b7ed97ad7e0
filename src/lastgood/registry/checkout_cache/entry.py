"""A file that the checkout cache has: whether it is right, and how it is given to a checkout.

The rule, in words: it is given if its seal counts, or if its bytes were hashed just now and are what they should be. A
file that somebody wrote to, or made writable, is not looked at any further. Whatever happens to its name meanwhile, the
file that was opened is the file that is given; should somebody write to it meanwhile, what was given is taken back.

    with opened_entry(folder, entry) as found:
        if found.is_right(now=now, seals=Seals.COUNT):
            found.copy(root, entry, lambda length: None)
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from enum import Enum, auto
from typing import Final

from lastgood.model.listing import FileEntry
from lastgood.model.operation import Entropy
from lastgood.registry.checkout_cache.room import NEW, READ, SEAL
from lastgood.registry.checkout_cache.seal import ANYWHERE, Facts, Seal
from lastgood.registry.file_copy import copy_whole
from lastgood.registry.kernel import mount_of

NEW_FILE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_LONGEST_SEAL = 1_000
_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


class Seals(Enum):
    """What seals are good for."""

    COUNT = auto()
    """A file whose seal counts is not read."""
    ARE_IGNORED = auto()
    """Every file is read before it is given."""


def entry_name(entry: FileEntry) -> str:
    """Return the name that a file has in the cache: its digest and its mode, since a link has the mode of what it leads to."""
    return f"{entry.digest}.{entry.mode}"


@contextmanager
def opened_entry(folder: int, entry: FileEntry, entropy: Entropy) -> Iterator[Entry | None]:
    """Open a file of the cache for a `with` statement; None where there is none."""
    try:
        source = os.open(entry_name(entry), READ, dir_fd=folder)
    except OSError:
        yield None
        return
    try:
        yield Entry(folder, entry, source, entropy)
    finally:
        os.close(source)


class Entry:
    """A file of the cache, open for reading.

    Args:
        folder: the open folder of the cache.
        entry: what the file should be.
        source: the open file.
        entropy: where random bytes come from.
    """

    def __init__(self, folder: int, entry: FileEntry, source: int, entropy: Entropy) -> None:
        self._folder = folder
        self._entry = entry
        self._name = entry_name(entry)
        self._source = source
        self._entropy = entropy
        self._facts = self._look()

    def is_right(self, *, now: int, seals: Seals) -> bool:
        """Whether this is the file that it should be.

        Args:
            now: the time of a file system on this host, in nanoseconds.
            seals: whether a seal may save reading it.
        """
        found = os.fstat(self._source)
        if not stat.S_ISREG(found.st_mode) or found.st_size != self._entry.size or found.st_mode & _WRITABLE:
            return False
        # Whoever owns a file could have forged its seal as well.
        seal = self._seal() if found.st_uid == os.geteuid() else None
        if seal is not None and self._facts.is_written_since(seal.facts):
            return False
        mount = mount_of(self._source)
        if seals is Seals.COUNT and seal is not None and seal.counts_for(self._facts, mount, now):
            return True
        if not self._has_its_digest():
            return False
        on = mount if seal is not None and seal.mount == mount else self._sync()
        if on is not None and found.st_uid == os.geteuid():
            keep_seal(self._folder, self._name, Seal(self._facts, on, now), self._entropy)
        return True

    def copy(self, root: int, permissions: int, progress: Callable[[int], None]) -> bool:
        """Write a copy at the file's path below an open folder; false, and nothing there, where it could not be had.

        Raises:
            OSError: there can be no file at all.
        """
        target = os.open(self._entry.path, NEW_FILE, permissions, dir_fd=root)
        told = 0

        def tell(length: int) -> None:
            nonlocal told
            told += length
            progress(length)

        try:
            copy_whole(self._source, target, self._entry.size, tell)
            is_whole = not self._look().is_written_since(self._facts)
        except (OSError, EOFError):
            # Of the two files either may be the cause; should it be the new one, writing it from the store says so.
            is_whole = False
        finally:
            os.close(target)
        if not is_whole:
            progress(-told)
            os.unlink(self._entry.path, dir_fd=root)
        return is_whole

    def link(self, root: int) -> bool:
        """Give the file itself a name, at its path below an open folder; false, and nothing there, where it cannot have one."""
        try:
            os.link(self._name, self._entry.path, src_dir_fd=self._folder, dst_dir_fd=root, follow_symlinks=False)
        except OSError:
            return False
        there = os.stat(self._entry.path, dir_fd=root, follow_symlinks=False)
        ours = os.fstat(self._source)
        after = Facts.of(ours)
        if (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino) or after.is_written_since(self._facts):
            os.unlink(self._entry.path, dir_fd=root)
            return False
        # The new name moved the time of change. A write would have moved the other time too, and that stands where it stood.
        if (seal := self._seal()) is not None and seal.facts == self._facts:
            keep_seal(self._folder, self._name, replace(seal, facts=after), self._entropy)
        return True

    def note_use(self) -> None:
        """Note that the file was used now: what was used longest ago goes first."""
        with suppress(OSError):
            os.utime(self._name + SEAL, dir_fd=self._folder, follow_symlinks=False)

    def _look(self) -> Facts:
        return Facts.of(os.fstat(self._source))

    def _seal(self) -> Seal | None:
        with suppress(OSError):
            descriptor = os.open(self._name + SEAL, READ, dir_fd=self._folder)
            try:
                found = os.fstat(descriptor)
                if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
                    return Seal.read(os.pread(descriptor, _LONGEST_SEAL, 0))
            finally:
                os.close(descriptor)
        return None

    def _has_its_digest(self) -> bool:
        try:
            with os.fdopen(os.dup(self._source), "rb") as file:
                file.seek(0)
                digest = hashlib.file_digest(file, "sha256").digest()
        except OSError:
            return False
        return digest == self._entry.digest and self._look() == self._facts

    def _sync(self) -> int | None:
        """See that what was read is on the disk, so that it is found there on any mount; None where that cannot be had."""
        try:
            os.fsync(self._source)
        except OSError:
            return None
        return ANYWHERE


def keep_seal(folder: int, name: str, seal: Seal, entropy: Entropy) -> None:
    """Write the seal of a file; without one the file is hashed the next time, so failing to write it fails nothing.

    Crash argument: it gets its name whole. After a power cut it may be empty, and then it is no seal.
    """
    fresh = f"{NEW}{entropy(8).hex()}"
    with suppress(OSError):
        descriptor = os.open(fresh, NEW_FILE, 0o666, dir_fd=folder)
        try:
            os.write(descriptor, seal.written())
            os.rename(fresh, name + SEAL, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            os.unlink(fresh, dir_fd=folder)
        finally:
            os.close(descriptor)
