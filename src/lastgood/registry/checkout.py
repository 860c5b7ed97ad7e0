"""Checking a release out: its files at their workspace paths and its lastgood.toml, bit for bit.

Rules: everything is written into a fresh folder beside the target, paths are checked again, no link is followed, every
byte is verified on its way; then one rename puts the folder in place. Crash argument: until the rename the target is
untouched; what a killed checkout leaves is a hidden folder beside it, which is never mistaken for a release.

    checkout(source, Selection(manifest), Path("out"), suffix="a1b2", sync=False)
"""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, Self

from lastgood.errors import AlreadyExists, Integrity, NotFound, of_os_error
from lastgood.ids import ComponentName, FileDigest
from lastgood.model.listing import FileEntry, Mode
from lastgood.model.paths import check_path, check_together
from lastgood.model.placement import FileReader
from lastgood.model.release import Manifest
from lastgood.registry.points import entries_of

WORKSPACE_FILE = "lastgood.toml"
Progress = Callable[[int, int], None]
"""Told, now and then, how many files and bytes more are done."""

_COPIED_AT_ONCE = 1 << 20
_MANY = 500
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class FileStreams(FileReader, Protocol):
    """Gives the bytes of kept files, whole or piece by piece."""

    def stream_file(self, digest: FileDigest) -> Iterator[bytes | memoryview]:
        """Yield the bytes of a file; wrong bytes end in an error, never in a whole file."""
        ...

    def stream_files(self, digests: Iterable[FileDigest]) -> Iterator[tuple[FileDigest, Iterator[bytes | memoryview]]]:
        """Yield files, each once and in the order that suits the store, with their bytes as `stream_file` gives them."""
        ...


@dataclass(frozen=True, slots=True)
class CheckedOut:
    """What was written: how many files, and their bytes."""

    files: int
    bytes: int


def checkout(
    source: FileStreams,
    entries: list[FileEntry],
    target: Path,
    *,
    suffix: str,
    sync: bool,
    progress: Progress | None = None,
) -> CheckedOut:
    """Write files under a folder that is new or empty.

    Args:
        source: where the bytes come from.
        entries: what to write, with paths from the target.
        target: the folder.
        suffix: makes the name of the temporary folder unique.
        sync: whether everything is on disk when this returns.
        progress: told what was written.

    Raises:
        AlreadyExists: the target is there and not an empty folder.
        Integrity: a byte is not what it should be; the target is untouched.
    """
    check_together(check_path(entry.path) for entry in entries)
    target = Path(os.path.abspath(target))  # noqa: PTH100  # resolve() would follow the target's own link
    _require_free(target)
    with _reporting(target):
        with _becoming(target, suffix) as fresh, _Tree(fresh) as tree:
            tree.fill(entries, source, progress)
            if sync:
                tree.sync()
        if sync:
            sync_folder(target.parent)
    return CheckedOut(len(entries), sum(entry.size for entry in entries))


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


def sync_folder(folder: Path) -> None:
    """Make a folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
    except NotFound as error:
        raise Integrity(f"{error.message}, and the release needs it; nothing was written", details=error.details) from error
    except OSError as error:
        raise of_os_error(error, f"{target} cannot be written") from error


class _Tree:
    """Writes files below a folder that nobody else knows, through its descriptor.

    Paths are relative to the descriptor, so the place of the folder counts nothing towards the longest path there is.
    """

    def __init__(self, root: Path) -> None:
        self._path = root
        self._root = os.open(root, _FOLDER)
        self._files = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._root)

    def fill(self, entries: list[FileEntry], source: FileStreams, progress: Progress | None) -> None:
        """Write all files, in the order in which the store reads best."""
        for folder in sorted({folder for entry in entries for folder in _folders_above(entry.path)}):
            os.mkdir(folder, dir_fd=self._root)
        self._files = len(entries)
        wanted: dict[FileDigest, list[FileEntry]] = defaultdict(list)
        for entry in entries:
            wanted[entry.digest].append(entry)
        for digest, pieces in source.stream_files(wanted):
            first, *others = wanted[digest]
            with self._new_file(first) as file:
                for piece in pieces:
                    file.write(piece)
                _require_size(wanted[digest], file.tell())
            for other in others:
                self._copy(first, other)
            if progress is not None:
                progress(1 + len(others), first.size * (1 + len(others)))

    def sync(self) -> None:
        """Make everything below the root durable: files first, then the folders that name them."""
        if self._files > _MANY and _sync_file_system(self._root):
            return
        for _, _, names, descriptor in os.fwalk(self._path, topdown=False):
            for name in names:
                with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor), "rb") as file:
                    os.fsync(file.fileno())
            os.fsync(descriptor)

    def _new_file(self, entry: FileEntry) -> BinaryIO:
        return os.fdopen(os.open(entry.path, _NEW_FILE, entry.mode.permissions, dir_fd=self._root), "wb")

    def _copy(self, written: FileEntry, other: FileEntry) -> None:
        with (
            os.fdopen(os.open(written.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._root), "rb") as source,
            self._new_file(other) as target,
        ):
            shutil.copyfileobj(source, target, _COPIED_AT_ONCE)


def _require_size(entries: Iterable[FileEntry], size: int) -> None:
    for entry in entries:
        if entry.size != size:
            raise Integrity(f"{entry.path} has {size:,} bytes, its release says {entry.size:,}; nothing was written")


def _sync_file_system(descriptor: int) -> bool:
    """Make all of a file system durable at once, which for many files takes a fraction of an fsync each.

    Where the system has no `syncfs` (it is Linux's), nothing is done and false is returned.
    """
    import ctypes  # noqa: PLC0415

    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        return False
    if syncfs(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return True


def _folders_above(path: str) -> Iterator[str]:
    cut = path.rfind("/")
    while cut > 0:
        yield path[:cut]
        cut = path.rfind("/", 0, cut)
