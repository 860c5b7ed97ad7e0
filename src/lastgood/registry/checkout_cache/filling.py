"""Files that come into the checkout cache, beside the checkout that writes them.

A checkout writes a file, and a thread of this process follows it: what was written is copied to the cache in the kernel,
a few MiB behind, so that when the last piece was found right nearly all of it is there. Where the file system shares
extents no byte is copied, and a checkout of links leaves its own file to the cache by giving it a second name.

Crash argument: a file has a name that means nothing until it is whole, which is after the store proved its last byte. It
is locked while it is written, so that what a killed process left can be told from what another one is writing. Nothing is
synced: see `seal` for what a power cut makes of that.

    with Filler(folder, entropy) as filler:
        filling = filler.begin(entry, target)
        filling.reached(8 << 20)
        filling.finish()
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from lastgood.model.listing import FileEntry, Mode
from lastgood.model.operation import Entropy
from lastgood.registry.checkout_cache.entry import NEW_FILE, entry_name, keep_seal
from lastgood.registry.checkout_cache.room import NEW
from lastgood.registry.checkout_cache.seal import Facts, Seal
from lastgood.registry.file_copy import copy_range
from lastgood.registry.kernel import mount_of

FOLLOWED = 8 << 20
"""So many bytes are copied at once, as soon as they were written."""

READ_ONLY = {Mode.FILE: 0o444, Mode.EXEC: 0o555}
"""The permissions of what is in the cache, and so of links to it."""

_BACK = 2_000_000_000
_Job = Callable[[], None]


class Filler:
    """Fills the cache for one checkout; leaving the `with` statement waits for what is finished and forgets the rest.

    Args:
        folder: the open folder of the cache.
        entropy: where random bytes come from.
    """

    def __init__(self, folder: int, entropy: Entropy) -> None:
        self._folder = folder
        self._entropy = entropy
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._begun: list[Filling] = []

    def begin(self, entry: FileEntry, target: int) -> Filling:
        """Follow a file that is being written, through a descriptor that reads as well."""
        return self._started(Filling(self._folder, entry, os.dup(target), self._entropy, self._jobs.put))

    def begin_link(self, entry: FileEntry, target: int, root: int) -> Filling:
        """Wait for a file that is being written at its path below an open folder, to give it a second name here."""
        return self._started(LinkFilling(self._folder, entry, os.dup(target), self._entropy, self._jobs.put, root=root))

    def _started(self, filling: Filling) -> Filling:
        self._begun.append(filling)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="checkout-cache", daemon=True)
            self._thread.start()
        return filling

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Wait for the thread, then take away what was not finished."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
        for filling in self._begun:
            filling.close()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


class Filling:
    """One file on its way into the cache: what it is told is queued, what it does is done by the thread of its filler."""

    def __init__(self, folder: int, entry: FileEntry, source: int, entropy: Entropy, queue: Callable[[_Job], None]) -> None:
        self._folder = folder
        self._entry = entry
        self._source = source
        self._entropy = entropy
        self._queue = queue
        self._told = 0
        self._done = 0
        self._fresh = f"{NEW}{entropy(8).hex()}"
        self._new: int | None = None
        self._is_over = False

    def reached(self, size: int) -> None:
        """Tell how many bytes were written so far, and are no longer in a buffer."""
        if size - self._told >= FOLLOWED:
            self._told = size - size % FOLLOWED
            self._queue(lambda end=self._told: self._follow(end))  # type: ignore[misc]  # each job has its own end

    def finish(self) -> None:
        """Tell that the file is whole and was found right."""
        self._queue(self._become)

    def close(self) -> None:
        """Let go of its files; what was not finished is taken away."""
        self._give_up()
        os.close(self._source)

    def _follow(self, end: int) -> None:
        if self._is_over:
            return
        try:
            if self._new is None:
                self._new = os.open(self._fresh, NEW_FILE, READ_ONLY[self._entry.mode], dir_fd=self._folder)
                fcntl.flock(self._new, fcntl.LOCK_EX | fcntl.LOCK_NB)
            copy_range(self._source, self._new, self._done, end)
            self._done = end
        except (OSError, EOFError):
            # A full disk, say: the checkout goes on without.
            self._give_up()

    def _become(self) -> None:
        """Give the file its name: it is whole, and what it was copied from was found right."""
        self._follow(self._entry.size)
        if self._new is None:
            return
        try:
            self._set_back(self._new)
            os.rename(self._fresh, entry_name(self._entry), src_dir_fd=self._folder, dst_dir_fd=self._folder)
        except OSError:
            self._give_up()
            return
        self._seal(self._new)
        self._let_go()

    def _set_back(self, descriptor: int) -> None:
        # Whoever writes to the file from now on, be it in this tick of the clock, leaves another time than this one.
        found = os.fstat(descriptor)
        os.utime(descriptor, ns=(found.st_atime_ns, found.st_mtime_ns - _BACK))

    def _seal(self, descriptor: int) -> None:
        mount = mount_of(self._folder)
        if mount is not None:
            facts = Facts.of(os.fstat(descriptor))
            keep_seal(self._folder, entry_name(self._entry), Seal(facts, mount, facts.changed), self._entropy)

    def _give_up(self) -> None:
        if self._new is not None:
            with suppress(OSError):
                os.unlink(self._fresh, dir_fd=self._folder)
        self._let_go()

    def _let_go(self) -> None:
        self._is_over = True
        if self._new is not None:
            os.close(self._new)
            self._new = None


class LinkFilling(Filling):
    """One file that the cache will have by a second name; it is copied only where that cannot be."""

    def __init__(self, folder: int, entry: FileEntry, source: int, entropy: Entropy, queue: Callable[[_Job], None], *, root: int) -> None:
        super().__init__(folder, entry, source, entropy, queue)
        self._root = root

    def reached(self, size: int) -> None:
        """Do nothing: there is nothing to copy yet."""

    def finish(self) -> None:
        """Give the file its second name, now: a copy of it in the same checkout may be had by a third one."""
        try:
            self._set_back(self._source)
            os.link(self._entry.path, self._fresh, src_dir_fd=self._root, dst_dir_fd=self._folder, follow_symlinks=False)
            os.rename(self._fresh, entry_name(self._entry), src_dir_fd=self._folder, dst_dir_fd=self._folder)
        except OSError:
            with suppress(OSError):
                os.unlink(self._fresh, dir_fd=self._folder)
            super().finish()
            return
        self._seal(self._source)
