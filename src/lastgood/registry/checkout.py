"""Checking a release out: its files at their workspace paths and its lastgood.toml, bit for bit.

Rules: everything is written into a fresh folder beside the target, paths are checked again, no link is followed, every
byte is verified on its way; then one rename puts the folder in place. Crash argument: until the rename the target is
untouched; what a killed checkout leaves is a hidden folder beside it, which is never mistaken for a release.

Whole files that this host has at hand (see `checkout_cache`) are given first, the others come from the store.

    checkout(source, entries, Path("out"), suffix="a1b2", sync=False)
"""

from __future__ import annotations

import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Protocol, Self

from lastgood.errors import AlreadyExists, Gone, Integrity, NotFound, of_os_error
from lastgood.ids import ComponentName, FileDigest
from lastgood.model.listing import FileEntry, Mode
from lastgood.model.paths import check_path, check_together
from lastgood.model.placement import FileReader
from lastgood.model.release import Manifest
from lastgood.registry.file_copy import copy_whole
from lastgood.registry.kernel import preallocate, sync_file_system
from lastgood.registry.points import entries_of
from lastgood.workspace.durable import sync_folder

WORKSPACE_FILE = "lastgood.toml"
Progress = Callable[[int, int], None]
"""Told, now and then, how many files and bytes more are done."""

_LARGE = 1 << 20
_TOLD_AT_ONCE = 4 << 20
_MANY = 500
_WRITABLE = 0o222
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# For reading as well: the cache copies from what is being written.
_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class FileStreams(FileReader, Protocol):
    """Gives the bytes of kept files, whole or piece by piece."""

    def stream_file(self, digest: FileDigest) -> Iterator[bytes | memoryview]:
        """Yield the bytes of a file; wrong bytes end in an error, never in a whole file."""
        ...

    def stream_files(self, digests: Iterable[FileDigest]) -> Iterator[tuple[FileDigest, Iterator[bytes | memoryview]]]:
        """Yield files, each once and in the order that suits the store, with their bytes as `stream_file` gives them."""
        ...


class Giving(Enum):
    """Whose a file of a checkout is."""

    COPIES = auto()
    """Its own: whatever is done to it is done to nothing else."""
    LINKS = auto()
    """The cache's too, by a second name, where that can be; so nobody may write to it, and no file of it is writable."""


class Filling(Protocol):
    """A file that comes into the cache while a checkout writes it."""

    def reached(self, size: int) -> None:
        """Tell how many bytes were written so far, and are no longer in a buffer."""
        ...

    def finish(self) -> None:
        """Tell that the file is whole and was found right."""
        ...


class FilesAtHand(Protocol):
    """Whole files of this host, as one checkout uses them."""

    def place(self, entry: FileEntry, progress: Callable[[int], None]) -> Giving | None:
        """Have a file at its path, and say how it was given; None, and nothing there, where that cannot be.

        Raises:
            OSError: there can be no file at that path.
        """
        ...

    def begin(self, entry: FileEntry, target: int) -> Filling | None:
        """Take in a file that is being written, through an open file; None where it is not wanted."""
        ...


class FileCache(Protocol):
    """Keeps whole files on this host, so that a checkout need not have them decoded."""

    def opened(self, root: int, giving: Giving) -> AbstractContextManager[FilesAtHand]:
        """Give what a checkout into an open, fresh folder uses, for a `with` statement."""
        ...


@dataclass(frozen=True, slots=True)
class CheckedOut:
    """What was written.

    Attributes:
        files: how many files.
        bytes: their bytes.
        from_cache: how many of the files were at hand.
        linked: how many of these are the cache's own, by a second name.
    """

    files: int
    bytes: int
    from_cache: int
    linked: int


def checkout(
    source: FileStreams,
    entries: list[FileEntry],
    target: Path,
    *,
    suffix: str,
    sync: bool,
    progress: Progress | None = None,
    cache: FileCache | None = None,
    giving: Giving = Giving.COPIES,
) -> CheckedOut:
    """Write files under a folder that is new or empty.

    Args:
        source: where the bytes come from.
        entries: what to write, with paths from the target.
        target: the folder.
        suffix: makes the name of the temporary folder unique.
        sync: whether everything is on disk when this returns.
        progress: told what was written.
        cache: whole files of this host, if it keeps any.
        giving: whether files may be the cache's own, and then cannot be written.

    Raises:
        AlreadyExists: the target is there and not an empty folder.
        Integrity: a byte is not what it should be; the target is untouched.
    """
    check_together(check_path(entry.path) for entry in entries)
    target = Path(os.path.abspath(target))  # noqa: PTH100  # resolve() would follow the target's own link
    _require_free(target)
    with _reporting(target):
        with _becoming(target, suffix) as fresh, _Tree(fresh, giving, cache, progress) as tree:
            tree.fill(entries, source)
            if sync:
                tree.sync()
        if sync:
            sync_folder(target.parent)
    given = tree.given
    return CheckedOut(len(entries), sum(entry.size for entry in entries), given.total(), given[Giving.LINKS])


def permissions_of(mode: Mode, giving: Giving) -> int:
    """Return the permission bits that a file is made with; the process's umask takes away from them."""
    return mode.permissions if giving is Giving.COPIES else mode.permissions & ~_WRITABLE


@contextmanager
def _becoming(target: Path, suffix: str) -> Iterator[Path]:
    """Make a folder beside the target, which gets the target's name at the end of a `with` statement that went well."""
    missing = [folder for folder in target.parents if not folder.exists()]
    fresh = target.with_name(f".{target.name[:200]}.lastgood-{suffix}")
    try:
        fresh.mkdir(parents=True)
        yield fresh
        fresh.rename(target)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        for folder in missing:
            # Only what is empty can be removed so, and what others put there since stays.
            with suppress(OSError):
                folder.rmdir()
        raise


def files_of_release(manifest: Manifest, reader: FileStreams, component: ComponentName | None = None) -> list[FileEntry]:
    """Return the files a checkout writes: those of all components and lastgood.toml, or those of one component.

    Raises:
        NotFound: the release has no such component.
        Integrity: its workspace file or a listing is not kept, or is not right.
    """
    if component is not None:
        if component not in manifest.components:
            known = ", ".join(manifest.components)
            raise NotFound(f"the release has no component {component}; it has {known}")
        return entries_of(manifest.components[component], reader)
    try:
        size = len(reader.read_file(manifest.workspace_file))
    except NotFound as error:
        raise Integrity(f"the {WORKSPACE_FILE} of the release cannot be read: {error}", details=error.details) from error
    own = FileEntry(WORKSPACE_FILE, Mode.FILE, manifest.workspace_file, size)
    listed = [entry for one in manifest.components.values() for entry in entries_of(one, reader)]
    return [*(entry for entry in listed if entry.path != WORKSPACE_FILE), own]


def _require_free(target: Path) -> None:
    try:
        with os.scandir(target) as found:
            if next(found, None) is None and not target.is_symlink():
                return
    except FileNotFoundError:
        if target.is_symlink():
            raise AlreadyExists(f"{target} is a link that leads nowhere; nothing was written") from None
        return
    except NotADirectoryError:
        raise AlreadyExists(f"{target} is a file; nothing was written") from None
    except OSError as error:
        raise of_os_error(error, f"{target} cannot be read") from error
    raise AlreadyExists(f"{target} is not empty; nothing was written", hint="name a new or an empty folder")


@contextmanager
def _reporting(target: Path) -> Iterator[None]:
    try:
        yield
    except Gone:
        raise
    except NotFound as error:
        raise Integrity(f"{error.message}, and the release needs it; nothing was written", details=error.details) from error
    except OSError as error:
        raise of_os_error(error, f"{target} cannot be written") from error


class _Tree:
    """Writes files below a folder that nobody else knows, through its descriptor.

    Paths are relative to the descriptor, so the place of the folder counts nothing towards the longest path there is.
    """

    def __init__(self, root: Path, giving: Giving, cache: FileCache | None, progress: Progress | None) -> None:
        self.given: Counter[Giving] = Counter()
        self._path = root
        self._giving = giving
        self._cache = cache
        self._progress = progress
        self._files = 0
        self._at_hand: FilesAtHand | None = None
        self._root = os.open(root, _FOLDER)
        self._open = ExitStack()
        self._open.callback(os.close, self._root)

    def __enter__(self) -> Self:
        if self._cache is not None:
            self._at_hand = self._open.enter_context(self._cache.opened(self._root, self._giving))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def fill(self, entries: list[FileEntry], source: FileStreams) -> None:
        """Write all files: those that are at hand, then the others in the order in which the store reads best."""
        for folder in sorted({folder for entry in entries for folder in _folders_above(entry.path)}):
            os.mkdir(folder, dir_fd=self._root)
        self._files = len(entries)
        wanted: dict[FileDigest, list[FileEntry]] = defaultdict(list)
        for entry in entries:
            wanted[entry.digest].append(entry)
        missing = [digest for digest, (first, *others) in wanted.items() if not self._place_all(first, others)]
        for digest, pieces in source.stream_files(missing):
            first, *others = wanted[digest]
            _require_size(wanted[digest], self._write(first, pieces))
            for other in others:
                self._repeat(first, other)

    def sync(self) -> None:
        """Make everything below the root durable: files first, then the folders that name them."""
        if self._files > _MANY and sync_file_system(self._root):
            return
        for _, _, names, descriptor in os.fwalk(self._path, topdown=False):
            for name in names:
                with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor), "rb") as file:
                    os.fsync(file.fileno())
            os.fsync(descriptor)

    def _place_all(self, first: FileEntry, others: list[FileEntry]) -> bool:
        if not self._place(first):
            return False
        for other in others:
            self._repeat(first, other)
        return True

    def _place(self, entry: FileEntry) -> bool:
        given = None if self._at_hand is None else self._at_hand.place(entry, lambda length: self._tell(0, length))
        if given is None:
            return False
        self.given[given] += 1
        self._tell(1, 0)
        return True

    def _write(self, entry: FileEntry, pieces: Iterable[bytes | memoryview]) -> int:
        """Write a file as it comes from the store; return how many bytes came."""
        descriptor = self._new_file(entry)
        with os.fdopen(descriptor, "wb") as file:
            if entry.size >= _LARGE:
                preallocate(descriptor, entry.size)
            filling: Filling | None = None
            told = size = 0
            for piece in pieces:
                file.write(piece)
                size += len(piece)
                if size - told >= _TOLD_AT_ONCE:
                    file.flush()
                    filling = self._begin(entry, descriptor) if told == 0 else filling
                    self._tell(0, size - told)
                    told = size
                    if filling is not None:
                        filling.reached(size)
            file.flush()
            self._tell(1, size - told)
            if size == entry.size:
                filling = self._begin(entry, descriptor) if told == 0 else filling
                if filling is not None:
                    filling.finish()
            return size

    def _begin(self, entry: FileEntry, descriptor: int) -> Filling | None:
        """Let the cache take a file in, once there is something of it: a listing may lie about sizes."""
        return None if self._at_hand is None else self._at_hand.begin(entry, descriptor)

    def _repeat(self, there: FileEntry, other: FileEntry) -> None:
        """Have a file once more."""
        if self._place(other):
            return
        source = os.open(there.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._root)
        try:
            target = self._new_file(other)
            try:
                copy_whole(source, target, there.size)
            finally:
                os.close(target)
        finally:
            os.close(source)
        self._tell(1, other.size)

    def _new_file(self, entry: FileEntry) -> int:
        return os.open(entry.path, _NEW_FILE, permissions_of(entry.mode, self._giving), dir_fd=self._root)

    def _tell(self, files: int, length: int) -> None:
        if self._progress is not None:
            self._progress(files, length)


def _require_size(entries: Iterable[FileEntry], size: int) -> None:
    for entry in entries:
        if entry.size != size:
            raise Integrity(f"{entry.path} has {size:,} bytes, its release says {entry.size:,}; nothing was written")


def _folders_above(path: str) -> Iterator[str]:
    cut = path.rfind("/")
    while cut > 0:
        yield path[:cut]
        cut = path.rfind("/", 0, cut)
