"""A folder that something runs from: the files that are there now, hashed where they lie.

Rules: a link is followed as long as it stays inside the folder, as those of a mounted ConfigMap do; one that leads out is
refused and never opened; nothing but plain files is opened, and opening never waits; a file is read in blocks, and one
that is written meanwhile is a `ChangedWhileReading`. What other programs keep for themselves is passed over: `.git`,
`__pycache__` and the like, and names that begin with two dots, under which mounts keep their versions.

    folder = RunningFolder(Path("run/prod/current"))
    folder.entry("prompts/system.md")              # FileEntry, or None where nothing is there
    list(folder.below("prompts"))                  # the paths of the files below
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from lastgood.errors import ChangedWhileReading, InvalidPath, NotFound, of_os_error
from lastgood.ids import FileDigest
from lastgood.model.listing import FileEntry, Mode
from lastgood.workspace.declaration import NEVER_WALKED
from lastgood.workspace.ignore import IGNORE_FILE, IgnoreRules
from lastgood.workspace.opening import check_regular, open_root, unreadable
from lastgood.workspace.prepare import HashingIntake
from lastgood.workspace.reading import read_file, read_small

_OWNER_MAY_EXECUTE = 0o100
_VERSIONS = ".."
HINT = "wait until nothing writes to it, then look again"


class RunningFolder:
    """A folder that something runs from.

    Args:
        root: the folder; a link to it is followed once, so that a live folder that switches meanwhile stays one release.
        progress: is told how many files and bytes more were read.
        remember: whether what was read is kept in mind, since it is held against more than one release.

    Raises:
        NotFound: there is no such folder.
    """

    def __init__(self, root: Path, progress: Callable[[int, int], None] | None = None, *, remember: bool = False) -> None:
        try:
            self.root = root.resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise NotFound(f"there is no folder {root}") from error
        if not self.root.is_dir():
            raise NotFound(f"{root} is no folder")
        self._progress = progress or _silent
        self._folders: dict[str, str | None] = {"": ""}
        self._known: dict[str, FileEntry | None] | None = {} if remember else None
        self._odd: dict[str, str] = {}
        self._ignore = IgnoreRules()
        self._entered: set[str] = set()

    @property
    def odd(self) -> dict[str, str]:
        """What was found below folders and is no plain file, by its path, with what it is."""
        return dict(self._odd)

    def place_of(self, path: str) -> str | None:
        """Return where a file really lies below the folder, or None where there is nothing.

        Raises:
            InvalidPath: it leads out of the folder.
        """
        above, _, name = path.rpartition("/")
        folder = self._folder(above)
        if folder is None:
            return None
        place = f"{folder}/{name}" if folder else name
        try:
            found = os.lstat(self.root / place)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise unreadable(path, error) from error
        return self._follow(place, path) if stat.S_ISLNK(found.st_mode) else place

    def entry(self, path: str) -> FileEntry | None:
        """Return a file as it is there now, or None where there is none.

        Raises:
            InvalidPath: it leads out of the folder, or is a device, a FIFO or a socket.
            ChangedWhileReading: it was written while it was read.
            NotAllowed: it may not be read.
        """
        if self._known is None:
            return self._read(path)
        if path not in self._known:
            self._known[path] = self._read(path)
        return self._known[path]

    def below(self, path: str) -> Iterator[str]:
        """Yield the paths of the files below a folder, or of the file itself; "" is the whole folder."""
        waiting = [path]
        seen: set[str] = set()
        while waiting:
            here = waiting.pop()
            place = self.place_of(here) if here else ""
            if place is None or place in seen:
                continue
            seen.add(place)
            if not (self.root / place).is_dir():
                yield here
                continue
            self._enter(here)
            waiting += sorted(self._list(here, place), reverse=True)

    def _list(self, folder: str, place: str) -> Iterator[str]:
        try:
            with os.scandir(self.root / place) as scan:
                entries = list(scan)
        except OSError as error:
            raise unreadable(folder, error) from error
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            if entry.name in NEVER_WALKED or entry.name.startswith(_VERSIONS) or self._ignore.leave_out(path, is_folder=is_folder):
                continue
            why = self._what_is_odd(path, entry)
            if why is None:
                yield path
            else:
                self._odd[path] = why

    def _what_is_odd(self, path: str, entry: os.DirEntry[str]) -> str | None:
        if not entry.is_symlink():
            return None if entry.is_dir() or entry.is_file() else "no plain file"
        try:
            place = self.place_of(path)
        except InvalidPath:
            return "a link that leads out of the folder"
        if place is None:
            return "a link that leads nowhere"
        return None if (self.root / place).is_file() else "a link to what is no plain file"

    def _enter(self, folder: str) -> None:
        """Read the ignore files of a folder and of those above it."""
        parts = folder.split("/") if folder else []
        for above in ("/".join(parts[:end]) for end in range(len(parts) + 1)):
            if above not in self._entered:
                self._entered.add(above)
                place = self.place_of(f"{above}/{IGNORE_FILE}" if above else IGNORE_FILE)
                if place is not None:
                    with open_root(self.root) as root:
                        self._ignore.enter(above, read_small(root, place))

    def _read(self, path: str) -> FileEntry | None:
        place = self.place_of(path)
        if place is None or (self.root / place).is_dir():
            return None
        try:
            with open_root(self.root) as root:
                check_regular(root, place, os.stat(place, dir_fd=root, follow_symlinks=False).st_mode)
                read = read_file(root, place, HashingIntake(), self._advance)
        except FileNotFoundError:
            return None
        except ChangedWhileReading as error:
            error.hint = HINT
            raise
        except OSError as error:
            raise unreadable(path, error) from error
        self._progress(1, 0)
        mode = Mode.EXEC if read.found.st_mode & _OWNER_MAY_EXECUTE else Mode.FILE
        return FileEntry(path, mode, FileDigest(read.digest), read.found.st_size)

    def _folder(self, folder: str) -> str | None:
        """Return where a folder really lies, or None where there is none."""
        if folder not in self._folders:
            above, _, name = folder.rpartition("/")
            parent = self._folder(above)
            place = None if parent is None else self._follow(f"{parent}/{name}" if parent else name, folder)
            self._folders[folder] = place
        return self._folders[folder]

    def _follow(self, place: str, path: str) -> str | None:
        """Return where a path really leads, None where there is nothing."""
        try:
            real = os.path.realpath(self.root / place, strict=True)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise of_os_error(error, f"{path!r} cannot be followed") from error
        top = str(self.root).rstrip("/") + "/"
        if not real.startswith(top):
            raise InvalidPath(
                f"{path!r} is a link that leads out of {self.root}, to {real!r}, and such links are not followed; nothing was read",
                hint="name the folder that holds the files themselves",
                details={"path": path[:500].encode("utf-8", "backslashreplace").decode()},
            )
        return real.removeprefix(top)

    def _advance(self, length: int) -> None:
        self._progress(0, length)


def _silent(_files: int, _size: int) -> None:
    """Tell nobody."""
