"""What a comparison answers with: one `ComponentChange` a component, and the details that each kind has its own of.

Rules: every result is data, with one line for people (`summary`) that is safe to print; a detail says what was there and
what is there now; nothing here knows a terminal. `to_json` gives what canonical JSON can hold. A program that wants to
colour, cut or lay out takes the details, whose texts are as they stand in the files: making them safe to print is its task
(`wording.printable`).

    detail          of                       says
    FileChange      every kind with files    added, removed, changed, mode changed, renamed
    TextChange      prompts                  blocks of lines (`LineChange`), each cut into `Segment`s
    KeyChange       configs                  a dotted key, its old and its new value
    FieldChange     every kind               a declared field: model, fingerprint, key, run, python …
    Note            every kind               what could not be compared closely, and why

    >>> change = FieldChange("model", "gpt-4.1", "gpt-4o")
    >>> change.to_json()
    {'type': 'field', 'field': 'model', 'old': 'gpt-4.1', 'new': 'gpt-4o'}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from lastgood.canonical import Json, JsonObject
from lastgood.compare.wording import as_json, type_word
from lastgood.ids import ComponentName
from lastgood.model.component import Kind
from lastgood.model.listing import FileEntry


class Change(StrEnum):
    """What became of a component."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


class Edit(StrEnum):
    """What became of a part of a component: a file or a key."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MODE_CHANGED = "mode changed"
    RENAMED = "renamed"
    REORDERED = "reordered"


class Piece(StrEnum):
    """What a segment of text is."""

    EQUAL = "equal"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of text that both sides have, or only the old one, or only the new one."""

    piece: Piece
    text: str

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"piece": self.piece.value, "text": self.text}


def old_text(segments: Sequence[Segment]) -> str:
    """Return the old side of segments."""
    return "".join(segment.text for segment in segments if segment.piece is not Piece.ADDED)


def new_text(segments: Sequence[Segment]) -> str:
    """Return the new side of segments."""
    return "".join(segment.text for segment in segments if segment.piece is not Piece.REMOVED)


@dataclass(frozen=True, slots=True)
class LineChange:
    """A block of lines that differs; its segments, line ends included, give the old block and the new one.

    Attributes:
        old_start: the block's first line on the old side, from 1; where it has none, the line that it would stand before.
        old_count: how many lines the old side has.
        new_start: likewise on the new side.
        new_count: likewise on the new side.
        segments: the words, equal, removed and added.
        whitespace_only: whether both sides have the same words.
    """

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    segments: tuple[Segment, ...]
    whitespace_only: bool

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "old_start": self.old_start,
            "old_count": self.old_count,
            "new_start": self.new_start,
            "new_count": self.new_count,
            "segments": [segment.to_json() for segment in self.segments],
            "whitespace_only": self.whitespace_only,
        }


@dataclass(frozen=True, slots=True)
class TextChange:
    """How a text differs.

    Attributes:
        path: the file.
        lines: the blocks that differ, in order; over texts without byte order mark, and without CR where that is a remark.
        words_added: how many words came.
        words_removed: how many words went.
        variables_added: template variables that came, as they are written: `{name}`, `{{name}}`, `$name`, `${name}`.
        variables_removed: template variables that went.
        remarks: what the blocks do not say: "line endings changed (CRLF → LF)".
        cosmetic: whether only whitespace, line endings, a byte order mark or the form of Unicode differ.
    """

    path: str
    lines: tuple[LineChange, ...]
    words_added: int
    words_removed: int
    variables_added: tuple[str, ...]
    variables_removed: tuple[str, ...]
    remarks: tuple[str, ...]
    cosmetic: bool

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "type": "text",
            "path": self.path,
            "words_added": self.words_added,
            "words_removed": self.words_removed,
            "variables_added": list(self.variables_added),
            "variables_removed": list(self.variables_removed),
            "remarks": list(self.remarks),
            "cosmetic": self.cosmetic,
            "lines": [line.to_json() for line in self.lines],
        }


@dataclass(frozen=True, slots=True)
class FileChange:
    """What became of a file; `old` or `new` is None where it was added or removed, and they differ in path if renamed."""

    change: Edit
    old: FileEntry | None
    new: FileEntry | None

    @property
    def path(self) -> str:
        """Where it is now, or was."""
        entry = self.new or self.old
        return entry.path if entry else ""

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "type": "file",
            "path": self.path,
            "change": self.change.value,
            "old": _entry_json(self.old),
            "new": _entry_json(self.new),
        }


def _entry_json(entry: FileEntry | None) -> JsonObject | None:
    if entry is None:
        return None
    return {"path": entry.path, "mode": entry.mode.value, "sha256": str(entry.digest), "size": entry.size}


@dataclass(frozen=True, slots=True)
class Item:
    """The step to an item of a list that is known by a key of its own, such as its name; `key` is the way to that key."""

    key: tuple[str, ...]
    value: str | int

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"by": list(self.key), "is": self.value}


Step = str | int | Item
"""One step into a tree: a key, a place in a list, or an item of a list."""


@dataclass(frozen=True, slots=True)
class KeyChange:
    """What became of a key of a config.

    Attributes:
        file: the config file.
        key: the dotted key, for people: `tools[search].parameters.max`.
        change: added, removed, changed or reordered (then `old` and `new` are the items' names in order).
        old: its old value, null where it was added.
        new: its new value, null where it was removed.
        steps: the way to it, for programs.
        position: the place in the new list of an item that was added to a list.
        segments: the words of a long text, equal, removed and added; empty otherwise.
        sampling: whether it is a sampling parameter or names the model.
        identity: the way to what identifies the items of a list, where the list was reordered.
    """

    file: str
    key: str
    change: Edit
    old: Json
    new: Json
    steps: tuple[Step, ...]
    position: int | None = None
    segments: tuple[Segment, ...] = ()
    sampling: bool = False
    identity: tuple[str, ...] = ()

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "type": "key",
            "path": self.file,
            "key": self.key,
            "change": self.change.value,
            "old": as_json(self.old),
            "old_type": None if self.change is Edit.ADDED else type_word(self.old),
            "new": as_json(self.new),
            "new_type": None if self.change is Edit.REMOVED else type_word(self.new),
            "steps": [step.to_json() if isinstance(step, Item) else step for step in self.steps],
            "position": self.position,
            "identity": list(self.identity),
            "sampling": self.sampling,
            "segments": [segment.to_json() for segment in self.segments],
        }


@dataclass(frozen=True, slots=True)
class FieldChange:
    """What became of a declared field of a component, null where it is not declared."""

    field: str
    old: Json
    new: Json

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"type": "field", "field": self.field, "old": as_json(self.old), "new": as_json(self.new)}


@dataclass(frozen=True, slots=True)
class Note:
    """What a reader must know to trust the rest: why a file was not compared more closely; `path` may be empty."""

    path: str
    text: str

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"type": "note", "path": self.path, "text": self.text}


Detail = FileChange | TextChange | KeyChange | FieldChange | Note


@dataclass(frozen=True, slots=True)
class ComponentChange:
    """What became of a component.

    Attributes:
        name: the component.
        kind: its kind, the new one where that changed.
        change: added, removed, changed or unchanged.
        summary: one line, safe to print.
        details: the parts, those that are likely to matter first.
        rank: how likely it moves behavior, the lower the likelier; see `ranking`.
    """

    name: ComponentName
    kind: Kind
    change: Change
    summary: str
    details: tuple[Detail, ...]
    rank: int

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "name": str(self.name),
            "kind": self.kind.value,
            "change": self.change.value,
            "summary": self.summary,
            "details": [detail.to_json() for detail in self.details],
        }
