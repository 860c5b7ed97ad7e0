"""A disk that forgets at a power cut whatever a disk may forget: a model that replays what was done to files and folders.

What survives, in words:

- the bytes of a file up to its last fsync; each later write survives, is torn, or is lost, independently of the others;
- the entries of a folder up to the folder's last fsync; each later one survives or is lost, independently of the others.
  The fsync of a file says nothing of its name;
- a rename is two entries. The old name goes only with the new one, so no file is lost by being renamed; but once the
  new one's folder is synced the old one may still be there beside it.

A real file system keeps more than that (a later fsync on ext4 writes earlier entries down, too), so what is wrong here is
wrong somewhere, and is hidden elsewhere. Programs should rest on no more than POSIX promises them.

Steps come from `lastgood.testing.recording`, or are read from a trace of system calls.

    >>> steps = [Made(1, ROOT, "a", Kind.FILE), Wrote(1, 0, b"kept"), Synced(1), Made(2, ROOT, "b", Kind.FILE), Synced(ROOT)]
    >>> after_power_cut([*steps, Wrote(1, 4, b"?"), Renamed(ROOT, "a", ROOT, "c")], random.Random(1), kept=0)
    {'a': b'kept', 'b': b''}
    >>> after_power_cut([*steps, Wrote(1, 4, b"?"), Renamed(ROOT, "a", ROOT, "c")], random.Random(1), kept=1)
    {'b': b'', 'c': b'kept?'}
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

Node = int
"""A file, a folder or a link; names come and go, it stays what it is."""

ROOT: Node = 0
"""The folder that is looked at; it is there from the beginning."""


class Kind(StrEnum):
    """What a node is."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Made:
    """A node came into being under a name; `target` is where a link leads."""

    node: Node
    folder: Node
    name: str
    kind: Kind
    target: str = ""


@dataclass(frozen=True, slots=True)
class Linked:
    """A file got one more name."""

    node: Node
    folder: Node
    name: str


@dataclass(frozen=True, slots=True)
class Wrote:
    """Bytes were written to a file, at an offset."""

    node: Node
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncated:
    """A file was given a length, in bytes."""

    node: Node
    size: int


@dataclass(frozen=True, slots=True)
class Synced:
    """An fsync of a file or a folder returned."""

    node: Node


@dataclass(frozen=True, slots=True)
class Renamed:
    """A name was given up for another one, which it took over if it was there."""

    folder: Node
    name: str
    to_folder: Node
    to_name: str


@dataclass(frozen=True, slots=True)
class Removed:
    """A name was taken away."""

    folder: Node
    name: str


Step = Made | Linked | Wrote | Truncated | Synced | Renamed | Removed

Tree = Mapping[str, bytes | str | None]
"""What is there, by path from the root: a file's bytes, a link's target, or None for a folder; a folder before what it holds."""


def after_power_cut(steps: Iterable[Step], chance: random.Random, *, kept: float) -> Tree:
    """Return what is there when the power comes back after some steps.

    Args:
        steps: what was done until it went.
        chance: draws what survives.
        kept: how likely each step that no sync covers is to survive, from 0 (none of them does) to 1 (all do).
    """
    disk = _Disk()
    for step in steps:
        disk.take(step)
    disk.settle(chance, kept)
    return dict(disk.list_folder(ROOT, ""))


def write_tree(tree: Tree, into: Path) -> None:
    """Make a real folder of what survived.

    Args:
        tree: what is there.
        into: an empty folder.
    """
    for path, what in tree.items():
        match what:
            case None:
                (into / path).mkdir()
            case str():
                (into / path).symlink_to(what)
            case bytes():
                (into / path).write_bytes(what)
                # Modes are not followed, and a private key is not used where others could read it.
                (into / path).chmod(0o600)


@dataclass(slots=True)
class _Entry:
    """A change of one name in a folder that no sync covers yet; without a node the name goes."""

    name: str
    node: Node | None
    # The folder and the new name of a rename, without which its old name does not go.
    needs: tuple[Node, _Entry] | None = None
    is_done: bool = False


@dataclass(slots=True)
class _Disk:
    """What is durable, what is not yet, and what programs see."""

    kinds: dict[Node, Kind] = field(default_factory=lambda: {ROOT: Kind.FOLDER})
    targets: dict[Node, str] = field(default_factory=dict)
    seen: dict[Node, dict[str, Node]] = field(default_factory=lambda: {ROOT: {}})
    entries: dict[Node, dict[str, Node]] = field(default_factory=lambda: {ROOT: {}})
    loose_entries: dict[Node, list[_Entry]] = field(default_factory=lambda: {ROOT: []})
    data: dict[Node, bytearray] = field(default_factory=dict)
    loose_data: dict[Node, list[Wrote | Truncated]] = field(default_factory=dict)

    def take(self, step: Step) -> None:
        match step:
            case Made(node, folder, name, kind, target):
                self._make(node, kind, target)
                self._enter(folder, _Entry(name, node))
            case Linked(node, folder, name):
                self._enter(folder, _Entry(name, node))
            case Wrote() | Truncated():
                self.loose_data[step.node].append(step)
            case Synced(node):
                self._sync(node)
            case Renamed(folder, name, to_folder, to_name):
                added = _Entry(to_name, self.seen[folder][name])
                self._enter(to_folder, added)
                self._enter(folder, _Entry(name, None, needs=(to_folder, added)))
            case Removed(folder, name):
                self._enter(folder, _Entry(name, None))

    def settle(self, chance: random.Random, kept: float) -> None:
        """Let each step that no sync covers survive or be lost."""
        for folder, entries in self.loose_entries.items():
            for entry in entries:
                if chance.random() < kept:
                    self._apply(folder, entry)
        for node, changes in self.loose_data.items():
            for change in changes:
                if chance.random() < kept:
                    _change(self.data[node], change)
                elif isinstance(change, Wrote) and chance.random() < kept:
                    torn = change.data[: chance.randrange(len(change.data) + 1)]
                    _change(self.data[node], Wrote(node, change.offset, torn))

    def list_folder(self, folder: Node, above: str) -> Iterable[tuple[str, bytes | str | None]]:
        for name, node in sorted(self.entries[folder].items()):
            match self.kinds[node]:
                case Kind.FILE:
                    yield above + name, bytes(self.data[node])
                case Kind.LINK:
                    yield above + name, self.targets[node]
                case Kind.FOLDER:
                    yield above + name, None
                    yield from self.list_folder(node, f"{above}{name}/")

    def _make(self, node: Node, kind: Kind, target: str) -> None:
        self.kinds[node] = kind
        match kind:
            case Kind.FILE:
                self.data[node], self.loose_data[node] = bytearray(), []
            case Kind.LINK:
                self.targets[node] = target
            case Kind.FOLDER:
                self.seen[node], self.entries[node], self.loose_entries[node] = {}, {}, []

    def _enter(self, folder: Node, entry: _Entry) -> None:
        self.loose_entries[folder].append(entry)
        _enter(self.seen[folder], entry)

    def _sync(self, node: Node) -> None:
        if self.kinds[node] is Kind.FOLDER:
            for entry in self.loose_entries[node]:
                self._apply(node, entry)
            self.loose_entries[node] = []
        else:
            for change in self.loose_data[node]:
                _change(self.data[node], change)
            self.loose_data[node] = []

    def _apply(self, folder: Node, entry: _Entry) -> None:
        if entry.is_done:
            return
        if entry.needs is not None:
            self._apply(*entry.needs)
        for earlier in self.loose_entries[folder]:
            if earlier is entry:
                break
            # What came before under the same name is overwritten now, and must not come back after it.
            earlier.is_done = earlier.is_done or earlier.name == entry.name
        entry.is_done = True
        _enter(self.entries[folder], entry)


def _enter(entries: dict[str, Node], entry: _Entry) -> None:
    if entry.node is None:
        entries.pop(entry.name, None)
    else:
        entries[entry.name] = entry.node


def _change(data: bytearray, change: Wrote | Truncated) -> None:
    end = change.size if isinstance(change, Truncated) else change.offset + len(change.data)
    data.extend(bytes(max(0, end - len(data))))
    if isinstance(change, Truncated):
        del data[change.size :]
    else:
        data[change.offset : end] = change.data
