"""The cache as a checkout uses it: gives the files that it has, and takes in those that it has not.

Files below a MiB are left to the store, which decodes many of them at once: a look at the cache would save them nothing.

    cache = CheckoutCache(Path(".lastgood/cache"), entropy)
    checkout(source, entries, Path("out"), suffix="a1b2", sync=False, cache=cache)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from lastgood.model.listing import FileEntry
from lastgood.model.operation import Entropy
from lastgood.registry.checkout import Giving, permissions_of
from lastgood.registry.checkout_cache.entry import Seals, entry_name, opened_entry
from lastgood.registry.checkout_cache.filling import Filler, Filling
from lastgood.registry.checkout_cache.room import CacheRoom, drop

SMALLEST = 1 << 20
"""Files of at least so many bytes are kept in the cache."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class CheckoutCache:
    """Whole files in a folder of this host.

    Attributes:
        folder: where they are; it is made when the first one is kept.
        entropy: where random bytes come from.
        limit: how many bytes they may take in all; None for 10 GiB or a tenth of the disk, whichever is less.
        seals: whether a file that nobody wrote to since it was last found right may be given unread.
    """

    folder: Path
    entropy: Entropy
    limit: int | None = None
    seals: Seals = Seals.COUNT

    def for_reading(self) -> CheckoutCache:
        """Return the same cache, into which nothing more comes."""
        return replace(self, limit=0)

    def reading_all(self) -> CheckoutCache:
        """Return the same cache, of which every file is read and found right before it is given."""
        return replace(self, seals=Seals.ARE_IGNORED)

    @contextmanager
    def opened(self, root: int, giving: Giving) -> Iterator[FilesAtHand]:
        """Give what one checkout uses, for a `with` statement.

        Args:
            root: the open folder that the checkout writes to, just made.
            giving: whether it may have the cache's own files.
        """
        with ExitStack() as stack:
            yield FilesAtHand(self, root, giving, stack)


class FilesAtHand:
    """The cache during one checkout; used by one thread."""

    def __init__(self, cache: CheckoutCache, root: int, giving: Giving, stack: ExitStack) -> None:
        self._cache = cache
        self._root = root
        self._giving = giving
        self._stack = stack
        self._now = os.fstat(root).st_mtime_ns
        self._used: set[str] = set()
        self._folder: int | None = None
        self._filling: tuple[CacheRoom, Filler] | None = None
        self._open()

    def place(self, entry: FileEntry, progress: Callable[[int], None]) -> Giving | None:
        """Have a file at its path, and say how it was given; None, and nothing there, where the cache has it not.

        Raises:
            OSError: there can be no file at that path.
        """
        if entry.size < SMALLEST or self._folder is None:
            return None
        with opened_entry(self._folder, entry, self._cache.entropy) as found:
            if found is None:
                return None
            if not found.is_right(now=self._now, seals=self._cache.seals):
                drop(self._folder, entry_name(entry))
                return None
            given = None
            if self._giving is Giving.LINKS and found.link(self._root):
                progress(entry.size)
                given = Giving.LINKS
            elif found.copy(self._root, permissions_of(entry.mode, self._giving), progress):
                given = Giving.COPIES
            found.note_use()
        self._used.add(entry_name(entry))
        return given

    def begin(self, entry: FileEntry, target: int) -> Filling | None:
        """Take in a file that is being written, if there is room for it.

        Args:
            entry: the file.
            target: where it is written, open for reading as well.
        """
        if entry.size < SMALLEST or self._cache.limit == 0:
            return None
        with suppress(OSError):
            room, filler = self._filling or self._make()
            self._used.add(entry_name(entry))
            if room.make(entry.size, self._used):
                return filler.begin(entry, target) if self._giving is Giving.COPIES else filler.begin_link(entry, target, self._root)
        return None

    def _make(self) -> tuple[CacheRoom, Filler]:
        if self._folder is None:
            self._cache.folder.mkdir()
            self._open()
        if self._folder is None:
            raise FileNotFoundError(self._cache.folder)
        room = CacheRoom(self._folder, self._cache.limit)
        self._filling = room, self._stack.enter_context(Filler(self._folder, self._cache.entropy))
        return self._filling

    def _open(self) -> None:
        # A link, a file or a FIFO in its place is no cache, and is left alone.
        with suppress(OSError):
            self._folder = os.open(self._cache.folder, _FOLDER)
            self._stack.callback(os.close, self._folder)
