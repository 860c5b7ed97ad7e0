"""Records what a program does to the files and folders below a root, as the steps that `lastgood.testing.disk` replays.

While it records, the functions of `os` that change files do what they always do and note it down; an fsync (and macOS's
full fsync) is noted down only, since nothing here really loses power. The calls are the program's own, so an fsync that is
left out is left out of the record, too. Threads may run meanwhile; other processes are not seen, nor are files that are
written through Python's `open`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, recording(Path(folder)) as steps:
    ...     file = os.open(f"{folder}/a", os.O_CREAT | os.O_WRONLY)
    ...     _ = os.write(file, b"abc"), os.close(file)
    >>> steps[-1]
    Wrote(node=1, offset=0, data=b'abc')
"""

from __future__ import annotations

import fcntl
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

from lastgood.testing.disk import ROOT, Kind, Linked, Made, Node, Removed, Renamed, Step, Synced, Truncated, Wrote

_Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]

_FULL_FSYNC = getattr(fcntl, "F_FULLFSYNC", None)


@contextmanager
def recording(root: Path) -> Iterator[list[Step]]:
    """Note down what this process does below a folder, for a `with` statement.

    Args:
        root: the folder; what is in it already is the first steps, and is durable.
    """
    recorder = _Recorder(root)
    with recorder.patched():
        yield recorder.steps


class _Recorder:
    """Does each call under one lock, so that the steps stand in the order in which they took effect."""

    def __init__(self, root: Path) -> None:
        self.steps: list[Step] = []
        self._numbers = count(1)
        self._lock = threading.RLock()
        self._nodes: dict[tuple[int, int], Node] = {_key(root.stat()): ROOT}
        self._note_what_is_there(root, ROOT)

    @contextmanager
    def patched(self) -> Iterator[None]:
        """Let the process's calls pass through here, for a `with` statement."""
        notes: dict[str, Callable[..., Any]] = {
            "open": self._open,
            "write": self._write,
            "pwrite": self._pwrite,
            "ftruncate": self._ftruncate,
            "fsync": self._fsync,
            "fdatasync": self._fsync,
            "rename": self._rename,
            "replace": self._rename,
            "unlink": self._unlink,
            "remove": self._unlink,
            "rmdir": self._unlink,
            "mkdir": self._mkdir,
            "link": self._link,
            "symlink": self._symlink,
        }
        calls: dict[str, Any] = {name: self._locked(getattr(os, name), note) for name, note in notes.items() if hasattr(os, name)}
        # `os` is one module for everybody, so pathlib's calls are seen as well.
        with mock.patch.multiple(os, **calls), mock.patch.object(fcntl, "fcntl", self._locked(fcntl.fcntl, self._fcntl)):
            yield

    def _locked(self, really: Callable[..., Any], note: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever the call takes and gives
            with self._lock:
                return note(really, *arguments, **options)

        return call

    def _note_what_is_there(self, folder: Path, node: Node) -> None:
        for path in sorted(folder.iterdir()):
            found = path.lstat()
            made = self._make(found, node, path.name, str(path.readlink()) if path.is_symlink() else "")
            if stat.S_ISDIR(found.st_mode):
                self._note_what_is_there(path, made)
            elif stat.S_ISREG(found.st_mode):
                self.steps += [Wrote(made, 0, path.read_bytes()), Synced(made)]
        self.steps.append(Synced(node))

    def _make(self, found: os.stat_result, folder: Node, name: str, target: str = "") -> Node:
        kind = Kind.FOLDER if stat.S_ISDIR(found.st_mode) else Kind.LINK if stat.S_ISLNK(found.st_mode) else Kind.FILE
        node = next(self._numbers)
        # The system gives a number anew once what had it is gone.
        self._nodes[_key(found)] = node
        self.steps.append(Made(node, folder, name, kind, target))
        return node

    def _folder_of(self, path: _Path, dir_fd: int | None) -> tuple[Node | None, str]:
        above, name = os.path.split(os.fsdecode(path))
        return self._nodes.get(_key(os.stat(above or ".", dir_fd=dir_fd))), name

    def _node_of(self, file: int) -> Node | None:
        return self._nodes.get(_key(os.fstat(file)))

    def _open(self, really: Callable[..., int], path: _Path, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if not flags & (os.O_CREAT | os.O_TRUNC):
            return really(path, flags, mode, dir_fd=dir_fd)
        folder, name = self._folder_of(path, dir_fd)
        is_there = _is_there(path, dir_fd)
        file = really(path, flags, mode, dir_fd=dir_fd)
        node = self._node_of(file)
        if folder is not None and not is_there:
            self._make(os.fstat(file), folder, name)
        elif node is not None and flags & os.O_TRUNC:
            self.steps.append(Truncated(node, 0))
        return file

    def _write(self, really: Callable[..., int], file: int, data: bytes) -> int:
        node = self._node_of(file)
        if node is None:
            return really(file, data)
        is_appended = fcntl.fcntl(file, fcntl.F_GETFL) & os.O_APPEND
        offset = os.fstat(file).st_size if is_appended else os.lseek(file, 0, os.SEEK_CUR)
        return self._wrote(node, offset, data, really(file, data))

    def _pwrite(self, really: Callable[..., int], file: int, data: bytes, offset: int) -> int:
        written = really(file, data, offset)
        node = self._node_of(file)
        return written if node is None else self._wrote(node, offset, data, written)

    def _wrote(self, node: Node, offset: int, data: bytes, written: int) -> int:
        self.steps.append(Wrote(node, offset, bytes(memoryview(data).cast("B")[:written])))
        return written

    def _fsync(self, really: Callable[..., None], file: int) -> None:
        if (node := self._node_of(file)) is None:
            really(file)
        else:
            self.steps.append(Synced(node))

    def _fcntl(self, really: Callable[..., Any], file: int, command: int, *arguments: Any) -> Any:  # noqa: ANN401 - of any command
        if command == _FULL_FSYNC and (node := self._node_of(file)) is not None:
            self.steps.append(Synced(node))
            return 0
        return really(file, command, *arguments)

    def _ftruncate(self, really: Callable[..., None], file: int, length: int) -> None:
        really(file, length)
        if (node := self._node_of(file)) is not None:
            self.steps.append(Truncated(node, length))

    def _rename(
        self, really: Callable[..., None], source: _Path, target: _Path, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None
    ) -> None:
        folder, name = self._folder_of(source, src_dir_fd)
        to_folder, to_name = self._folder_of(target, dst_dir_fd)
        really(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        if folder is not None and to_folder is not None:
            self.steps.append(Renamed(folder, name, to_folder, to_name))

    def _unlink(self, really: Callable[..., None], path: _Path, *, dir_fd: int | None = None) -> None:
        folder, name = self._folder_of(path, dir_fd)
        really(path, dir_fd=dir_fd)
        if folder is not None:
            self.steps.append(Removed(folder, name))

    def _mkdir(self, really: Callable[..., None], path: _Path, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        folder, name = self._folder_of(path, dir_fd)
        really(path, mode, dir_fd=dir_fd)
        if folder is not None:
            self._make(os.stat(path, dir_fd=dir_fd), folder, name)

    def _link(self, really: Callable[..., None], source: _Path, target: _Path, **options: Any) -> None:  # noqa: ANN401 - link's own
        really(source, target, **options)
        folder, name = self._folder_of(target, options.get("dst_dir_fd"))
        node = self._nodes.get(_key(os.stat(target, dir_fd=options.get("dst_dir_fd"), follow_symlinks=False)))
        if folder is not None and node is not None:
            self.steps.append(Linked(node, folder, name))

    def _symlink(self, really: Callable[..., None], source: _Path, target: _Path, **options: Any) -> None:  # noqa: ANN401 - symlink's own
        really(source, target, **options)
        folder, name = self._folder_of(target, options.get("dir_fd"))
        if folder is not None:
            self._make(os.stat(target, dir_fd=options.get("dir_fd"), follow_symlinks=False), folder, name, os.fsdecode(source))


def _key(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _is_there(path: _Path, dir_fd: int | None) -> bool:
    try:
        os.stat(path, dir_fd=dir_fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
