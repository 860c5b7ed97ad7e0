"""Reads the trace of a command as the steps that `lastgood.testing.disk` replays: what it did to files and folders.

Unlike `lastgood.testing.recording` this sees every process and every library, SQLite among them. The trace is one of
`strace -f -y -x`, with the bytes of what is written.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from lastgood.testing.disk import ROOT, Kind, Linked, Made, Node, Removed, Renamed, Step, Synced, Truncated, Wrote
from lastgood.testing.recording import recording
from tools.torture.project import BrokenPromiseError

CALLS = (
    "open openat write pwrite64 read lseek fsync fdatasync syncfs ftruncate rename renameat renameat2 unlink unlinkat rmdir mkdir mkdirat"
    " link linkat symlink symlinkat sendfile copy_file_range fallocate writev pwritev"
).split()

_LINE = re.compile(r"(\d+) +(.*)")
_CALL = re.compile(r"(\w+)\((.*)\) += (-?\d+)(?:<(.*)>)?(?: .*)?", re.DOTALL)
_ARGUMENT = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"(?:\.\.\.)?|(?:(AT_FDCWD|\d+)<((?:[^>\\]|\\.)*)>(?:\(deleted\))?)|([^,"]+))')
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>(.*)", re.DOTALL)
_UNFINISHED = " <unfinished ...>"


Arguments = list[tuple[str, str]]
"""The arguments of a call: each its value, and the path of the file that it names, if it is a file's number."""


class Traced:
    """The steps of what was there before, and then those of one command.

    Args:
        root: the folder that is looked at, as it is before the command.
    """

    def __init__(self, root: Path) -> None:
        with recording(root) as steps:
            self.steps: list[Step] = list(steps)
        self._root = str(root)
        self._names: dict[Node, dict[str, Node]] = {ROOT: {}}
        self._sizes: dict[Node, int] = {}
        for step in self.steps:
            if isinstance(step, Made):
                self._enter(step.folder, step.name, step.node)
            if isinstance(step, Wrote):
                self._sizes[step.node] = len(step.data)
        self._next = 1 + max((step.node for step in self.steps if isinstance(step, Made)), default=ROOT)
        self._positions: dict[str, int] = {}
        self._takers = self._takers_of_calls()

    def read(self, trace: str) -> None:
        """Add the steps of a command."""
        for call, arguments, answer in _calls(trace):
            if answer >= 0:
                self._take(call, arguments, answer)

    def _take(self, call: str, given: Arguments, answer: int) -> None:
        """Take over one call that worked; an argument is its value, and the path of the file that it names."""
        if call in self._takers:
            self._takers[call](given, answer)
        elif any(path.startswith(self._root) for _, path in given):
            raise BrokenPromiseError(f"{call} is not understood; the trace says nothing of what it wrote")

    def _takers_of_calls(self) -> dict[str, Callable[[Arguments, int], None]]:
        return {
            "open": lambda given, answer: self._open(given[1][0], given[0][0], answer),
            "openat": lambda given, answer: self._open(given[2][0], _at(given, 0), answer),
            "write": self._write,
            "pwrite64": lambda given, answer: self._write_at(given[0][1], int(given[3][0]), given[1][0], answer),
            "read": lambda given, answer: self._move(given[0][0], self._positions.get(given[0][0], 0) + answer),
            "lseek": lambda given, answer: self._move(given[0][0], answer),
            "fsync": lambda given, _: self._on(given[0][1], Synced),
            "fdatasync": lambda given, _: self._on(given[0][1], Synced),
            "syncfs": lambda _given, _: self.steps.extend(Synced(node) for node in self._sizes | self._names),
            "ftruncate": lambda given, _: self._truncate(given[0][1], int(given[1][0])),
            "mkdir": lambda given, _: self._make(given[0][0], Kind.FOLDER),
            "mkdirat": lambda given, _: self._make(_at(given, 0), Kind.FOLDER),
            "symlink": lambda given, _: self._make(given[1][0], Kind.LINK, given[0][0]),
            "symlinkat": lambda given, _: self._make(_at(given, 1), Kind.LINK, given[0][0]),
            "rename": lambda given, _: self._rename(given[0][0], given[1][0]),
            "renameat": lambda given, _: self._rename(_at(given, 0), _at(given, 2)),
            "renameat2": lambda given, _: self._rename(_at(given, 0), _at(given, 2)),
            "link": lambda given, _: self._link(given[0][0], given[1][0]),
            "linkat": lambda given, _: self._link(_at(given, 0), _at(given, 2)),
            "unlink": lambda given, _: self._remove(given[0][0]),
            "rmdir": lambda given, _: self._remove(given[0][0]),
            "unlinkat": lambda given, _: self._remove(_at(given, 0)),
        }

    def _find(self, path: str) -> Node | None:
        if path != self._root and not path.startswith(self._root + "/"):
            return None
        node = ROOT
        for part in path[len(self._root) :].strip("/").split("/"):
            if part and part not in self._names.get(node, {}):
                return None
            node = self._names[node][part] if part else node
        return node

    def _place(self, path: str) -> tuple[Node | None, str]:
        above, _, name = path.rpartition("/")
        return self._find(above), name

    def _enter(self, folder: Node, name: str, node: Node) -> None:
        self._names[folder][name] = node
        self._names.setdefault(node, {})

    def _make(self, path: str, kind: Kind, target: str = "") -> None:
        folder, name = self._place(path)
        if folder is not None:
            node, self._next = self._next, self._next + 1
            self.steps.append(Made(node, folder, name, kind, target))
            self._enter(folder, name, node)
            self._sizes[node] = 0

    def _open(self, flags: str, path: str, file: int) -> None:
        self._positions[str(file)] = 0
        if "O_CREAT" in flags and self._find(path) is None:
            self._make(path, Kind.FILE)
        elif "O_TRUNC" in flags:
            self._truncate(path, 0)
        if "O_APPEND" in flags and (node := self._find(path)) is not None:
            self._positions[str(file)] = self._sizes.get(node, 0)

    def _move(self, file: str, position: int) -> None:
        self._positions[file] = position

    def _write(self, given: Arguments, answer: int) -> None:
        offset = self._positions.get(given[0][0], 0)
        self._move(given[0][0], offset + answer)
        self._write_at(given[0][1], offset, given[1][0], answer)

    def _write_at(self, path: str, offset: int, text: str, answer: int) -> None:
        node = self._find(path)
        if node is None:
            return
        data = text.encode("latin-1")[:answer]
        if len(data) != answer:
            raise BrokenPromiseError(f"the trace has {len(data)} of {answer} bytes that were written to {path}")
        self.steps.append(Wrote(node, offset, data))
        self._sizes[node] = max(self._sizes.get(node, 0), offset + answer)

    def _truncate(self, path: str, size: int) -> None:
        self._on(path, lambda node: Truncated(node, size))
        if (node := self._find(path)) is not None:
            self._sizes[node] = size

    def _rename(self, path: str, to_path: str) -> None:
        (folder, name), (to_folder, to_name) = self._place(path), self._place(to_path)
        if folder is not None and to_folder is not None:
            self.steps.append(Renamed(folder, name, to_folder, to_name))
            self._names[to_folder][to_name] = self._names[folder].pop(name)

    def _link(self, path: str, to_path: str) -> None:
        node, (folder, name) = self._find(path), self._place(to_path)
        if node is not None and folder is not None:
            self.steps.append(Linked(node, folder, name))
            self._names[folder][name] = node

    def _remove(self, path: str) -> None:
        folder, name = self._place(path)
        if folder is not None and name in self._names[folder]:
            self.steps.append(Removed(folder, name))
            del self._names[folder][name]

    def _on(self, path: str, step: Callable[[Node], Step]) -> None:
        if (node := self._find(path)) is not None:
            self.steps.append(step(node))


def _at(given: Arguments, position: int) -> str:
    return os.path.join(given[position][1], given[position + 1][0])  # noqa: PTH118 - the second may be absolute


def _calls(trace: str) -> Iterator[tuple[str, Arguments, int]]:
    """Yield each call: its name, its arguments (each with the path of the file that it names), and its answer."""
    begun: dict[str, str] = {}
    for line in trace.splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        thread, text = match.groups()
        if text.endswith(_UNFINISHED):
            begun[thread] = text.removesuffix(_UNFINISHED)
            continue
        if (resumed := _RESUMED.fullmatch(text)) is not None:
            text = begun.pop(thread, "") + resumed[1]
        if (call := _CALL.fullmatch(text)) is not None:
            yield call[1], [_argument(one) for one in _ARGUMENT.finditer(call[2]) if one[0].strip()], int(call[3])


def _argument(found: re.Match[str]) -> tuple[str, str]:
    if found[1] is not None:
        # What is quoted are bytes: of a path, or of what was written.
        data: bytes = ast.literal_eval(f'b"{found[1]}"')
        return data.decode("latin-1"), ""
    if found[2] is not None:
        return found[2], found[3]
    return found[4].strip(), ""
