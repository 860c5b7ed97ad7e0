"""Walks the files of a component and refuses what must not be in a release.

Rules: names are judged before anything is read; links, devices, FIFOs and sockets are refused, never followed or
opened; the files come in the order of their paths' bytes; a folder without files leaves no trace. Folders are opened
relative to the workspace's own, so a path may be as long as a release allows, wherever the workspace lies.

    with open_root(root) as folder:
        found = Walk(folder).find(["prompts"], at="lastgood.toml:4: components.prompts.path")
"""

from __future__ import annotations

import os
import stat
from array import array
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from lastgood.errors import InvalidWorkspace
from lastgood.model.paths import LONGEST_PART, LONGEST_PATH, RESERVED_FOLDER, check_path, check_together, fold
from lastgood.workspace.declaration import NEVER_WALKED
from lastgood.workspace.ignore import IGNORE_FILE, IgnoreRules
from lastgood.workspace.opening import check_regular, open_folder, unreadable
from lastgood.workspace.reading import read_small

_AT_ONCE = 1_000
UNSIGNED = (1 << 64) - 1


def _column() -> array[int]:
    return array("Q")


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """Files in the order of their paths, with a column for each thing that tells whether one was touched.

    Columns, since a million stat results would take a gigabyte. Times are nanoseconds modulo 2^64: a file's time may
    lie before 1970 or after 2262.
    """

    paths: list[str] = field(default_factory=list)
    sizes: array[int] = field(default_factory=_column)
    mtimes: array[int] = field(default_factory=_column)
    ctimes: array[int] = field(default_factory=_column)
    inodes: array[int] = field(default_factory=_column)
    modes: array[int] = field(default_factory=_column)
    devices: set[int] = field(default_factory=set)

    @property
    def columns(self) -> tuple[array[int], ...]:
        """The columns of numbers, in the order in which the stat cache keeps them."""
        return self.sizes, self.mtimes, self.ctimes, self.inodes, self.modes

    def add(self, paths: Sequence[str], found: Sequence[os.stat_result]) -> None:
        """Add files behind the others."""
        self.paths.extend(paths)
        self.sizes.extend([one.st_size for one in found])
        self.mtimes.extend([one.st_mtime_ns & UNSIGNED for one in found])
        self.ctimes.extend([one.st_ctime_ns & UNSIGNED for one in found])
        self.inodes.extend([one.st_ino for one in found])
        self.modes.extend([one.st_mode for one in found])
        self.devices.update([one.st_dev for one in found])

    def add_all(self, others: FoundFiles) -> None:
        """Add other files behind these."""
        self.paths.extend(others.paths)
        for mine, theirs in zip(self.columns, others.columns, strict=True):
            mine.extend(theirs)
        self.devices.update(others.devices)

    def only(self, indexes: Sequence[int]) -> FoundFiles:
        """Return some of the files."""
        sizes, mtimes, ctimes, inodes, modes = (array("Q", [column[at] for at in indexes]) for column in self.columns)
        return FoundFiles([self.paths[at] for at in indexes], sizes, mtimes, ctimes, inodes, modes, self.devices)

    def replace(self, index: int, found: os.stat_result) -> None:
        """Note what a file was at the moment it was read."""
        self.sizes[index] = found.st_size
        self.mtimes[index] = found.st_mtime_ns & UNSIGNED
        self.ctimes[index] = found.st_ctime_ns & UNSIGNED
        self.inodes[index] = found.st_ino
        self.modes[index] = found.st_mode
        self.devices.add(found.st_dev)


class Walk:
    """One walk over a workspace; an ignore file is read once, however many components lie below it."""

    __slots__ = ("_entered", "_ignore", "_root", "_skipped")

    def __init__(self, root: int, *, skipped: AbstractSet[str] = frozenset()) -> None:
        """Walk below an open folder, leaving out some paths below it."""
        self._root = root
        self._skipped = skipped
        self._ignore = IgnoreRules()
        self._entered: set[str] = set()

    def find(self, paths: Sequence[str], *, at: str) -> FoundFiles:
        """Return the files under some paths of the workspace; `at` says in messages where the paths are named.

        A path that is named is taken whatever the ignore files say of it; they decide what lies below it.

        Raises:
            InvalidWorkspace: a path does not exist, or there is no file under any of them.
            InvalidPath: something under them must not be in a release.
            NotAllowed: something under them may not be read.
            ChangedWhileReading: something vanished on the way.
        """
        found = FoundFiles()
        for path in sorted(paths):
            self._refuse_skipped(path, at)
            self._enter_parents(path, at)
            top = self._look(path, at)
            if stat.S_ISDIR(top.st_mode):
                self._descend(path, found)
            else:
                check_regular(self._root, path, top.st_mode)
                found.add([path], [top])
        if not found.paths:
            raise InvalidWorkspace(
                f"{at}: {', '.join(paths)} has no files; nothing was changed",
                hint=f"put files there, see what {IGNORE_FILE} leaves out, or take the component out of the file",
            )
        return found

    def _refuse_skipped(self, path: str, at: str) -> None:
        for skipped in self._skipped:
            if f"{path}/".startswith(f"{skipped}/"):
                raise InvalidWorkspace(f"{at}: {path} lies in the live folder {skipped}; nothing was changed")

    def _enter_parents(self, path: str, at: str) -> None:
        """Read the ignore files above a named path, and see that no folder on the way is a link."""
        folder = ""
        for part in path.split("/")[:-1]:
            self._enter(folder)
            folder = f"{folder}/{part}" if folder else part
            found = self._look(folder, at)
            if not stat.S_ISDIR(found.st_mode):
                check_regular(self._root, folder, found.st_mode)
                raise InvalidWorkspace(f"{at}: {path} does not exist, since {folder} is a file; nothing was changed")
        self._enter(folder)

    def _look(self, path: str, at: str) -> os.stat_result:
        try:
            return os.stat(path, dir_fd=self._root, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError) as error:
            hint = "name the folder; there are no patterns in paths" if "*" in path else None
            raise InvalidWorkspace(f"{at}: {path} does not exist; nothing was changed", hint=hint) from error
        except OSError as error:
            raise unreadable(path, error) from error

    def _enter(self, folder: str) -> None:
        if folder in self._entered:
            return
        self._entered.add(folder)
        path = f"{folder}/{IGNORE_FILE}" if folder else IGNORE_FILE
        try:
            found = os.stat(path, dir_fd=self._root, follow_symlinks=False)
        except OSError:
            return
        check_regular(self._root, path, found.st_mode)
        self._ignore.enter(folder, read_small(self._root, path))

    def _descend(self, top: str, found: FoundFiles) -> None:
        """Add the files below a folder; with a stack of its own, since a tree may be deeper than Python's."""
        waiting: list[FoundFiles | str] = [top]
        while waiting:
            here = waiting.pop()
            if isinstance(here, str):
                waiting += self._list(here)
            else:
                found.add_all(here)

    def _list(self, folder: str) -> list[FoundFiles | str]:
        """Return the folders below one and the runs of files between them, the last in the order of paths first."""
        opened = open_folder(self._root, folder)
        try:
            with os.scandir(opened) as scan:
                entries = self._admit(folder, list(scan))
            inside: list[FoundFiles | str] = []
            run: list[str] = []
            for path in sorted(entries):
                if path.endswith("/"):
                    inside += [self._look_at(run, entries), path[:-1]]
                    run = []
                else:
                    run.append(path)
            inside.append(self._look_at(run, entries))
        except OSError as error:
            raise unreadable(folder, error) from error
        finally:
            os.close(opened)
        inside.reverse()
        return inside

    def _look_at(self, paths: Sequence[str], entries: dict[str, os.DirEntry[str]]) -> FoundFiles:
        """Take the stats of files, a few at a time, since an entry that was looked at keeps its own."""
        files = FoundFiles()
        for start in range(0, len(paths), _AT_ONCE):
            run = paths[start : start + _AT_ONCE]
            try:
                found = [entries.pop(path).stat(follow_symlinks=False) for path in run]
            except OSError as error:
                raise unreadable(f"{os.path.dirname(run[0])}/{error.filename}", error) from error
            if not all(map(stat.S_ISREG, {one.st_mode for one in found})):
                for path, one in zip(run, found, strict=True):
                    check_regular(self._root, path, one.st_mode)
            files.add(run, found)
        return files

    def _admit(self, folder: str, entries: Sequence[os.DirEntry[str]]) -> dict[str, os.DirEntry[str]]:
        """Return what is not left out, by path; a folder's ends in a slash, so that it sorts where its files do."""
        if any(entry.name == IGNORE_FILE for entry in entries):
            self._enter(folder)
        admitted: dict[str, os.DirEntry[str]] = {}
        names: list[str] = []
        for entry in entries:
            name = entry.name
            path = f"{folder}/{name}"
            is_folder = entry.is_dir(follow_symlinks=False)
            if name in NEVER_WALKED or path in self._skipped or self._ignore.leave_out(path, is_folder=is_folder):
                continue
            names.append(name)
            admitted[f"{path}/" if is_folder else path] = entry
        _check_names(folder, names)
        return admitted


def _check_names(folder: str, names: Sequence[str]) -> None:
    """Refuse names that must not be in a release, and two that fold together; beside the others is the parents' job."""
    together = "".join(names)
    longest = max(map(len, names), default=0)
    plain = together.isascii() and together.isprintable() and "\\" not in together and RESERVED_FOLDER not in together.lower()
    if not plain or longest > LONGEST_PART or len(folder) * 4 + longest >= LONGEST_PATH:
        for name in names:
            check_path(f"{folder}/{name}")
    if len(set(map(str.lower if plain else fold, names))) != len(names):
        check_together(f"{folder}/{name}" for name in names)
