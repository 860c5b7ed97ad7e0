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

A kind's own details stand beside its comparer; each is a `Detail`: JSON for programs, and lines for people, which
`showing` describes and whoever draws them (a terminal, a page) draws all alike.

    >>> change = FieldChange("model", "gpt-4.1", "gpt-4o")
    >>> change.to_json()
    {'type': 'field', 'field': 'model', 'old': 'gpt-4.1', 'new': 'gpt-4o'}
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from lastgood.canonical import Json, JsonObject
from lastgood.compare.showing import Block, Line, Span, Tone, aside, new_value, now, old_value, place, plain, strong, was
from lastgood.compare.wording import as_json, show_value, size, type_word
from lastgood.ids import ComponentName
from lastgood.model.component import Kind
from lastgood.model.listing import FileEntry

MOST_SHOWN = 12
"""How many places of one text, or rows of one table, are shown where not everything is asked for."""

_CONTEXT = 60


class Detail(Protocol):
    """One part of what changed in a component, with all that is known of it."""

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`; `type` says which detail it is."""
        ...

    def shown(self, *, everything: bool = False) -> Iterator[Block]:
        """Yield what to draw of it; long lists are cut, and say so, unless everything is asked for."""
        ...


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

    def span(self) -> Span:
        """Return what to draw: long runs that both sides have are cut in their middle."""
        if self.piece is Piece.REMOVED:
            return was(self.text)
        if self.piece is Piece.ADDED:
            return now(self.text)
        text = self.text if len(self.text) <= 4 * _CONTEXT else f"{self.text[:_CONTEXT]} … {self.text[-_CONTEXT:]}"
        return plain(text)


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

    def shown(self, path: str) -> Iterator[Block]:
        """Yield where it is, and its words."""
        yield Line((place(f"{path}:{self.new_start if self.new_count else self.old_start}"),))
        spans = [segment.span() for segment in self.segments]
        if spans and spans[-1].text.endswith("\n"):
            spans[-1] = Span(spans[-1].tone, spans[-1].text.rstrip("\n"))
        yield Line(tuple(spans), indent=1)


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

    def shown(self, *, everything: bool = False) -> Iterator[Block]:
        """Yield its remarks, then its blocks."""
        for remark in self.remarks:
            yield Line((plain(f"{self.path}: {remark}"),))
        blocks = self.lines if everything else self.lines[:MOST_SHOWN]
        for block in blocks:
            yield from block.shown(self.path)
        if len(blocks) < len(self.lines):
            yield Line((aside(f"… and {len(self.lines) - len(blocks):,} more places; --all shows them"),))


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

    def shown(self, *, everything: bool = False) -> Iterator[Block]:  # noqa: ARG002 - one line is everything
        """Yield one line."""
        old, new = self.old, self.new
        if self.change is Edit.RENAMED and old is not None:
            yield Line((plain(f"renamed {old.path} → {self.path}"),))
        elif self.change is Edit.MODE_CHANGED and old is not None and new is not None:
            yield Line((plain(f"mode {old.mode.value} → {new.mode.value} {self.path}"),))
        else:
            sizes = " → ".join(size(entry.size) for entry in (old, new) if entry is not None)
            yield Line((Span(_TONES.get(self.change, Tone.STRONG), self.change.value), plain(f" {self.path} ({sizes})")))


_TONES = {Edit.ADDED: Tone.NEW, Edit.REMOVED: Tone.OLD}


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

    def shown(self, *, everything: bool = False) -> Iterator[Block]:  # noqa: ARG002 - one line is everything
        """Yield one line: the key, its old value and its new one."""
        where = (plain(f"{self.file}: "), strong(self.key) if self.sampling else plain(self.key))
        if self.segments:
            yield Line((*where, plain(": "), *(segment.span() for segment in self.segments)))
        elif self.change is Edit.ADDED:
            yield Line((*where, plain(": added "), new_value(show_value(self.new))))
        elif self.change is Edit.REMOVED:
            yield Line((*where, plain(": removed "), old_value(show_value(self.old))))
        else:
            yield Line((*where, plain(": "), old_value(show_value(self.old)), plain(" → "), new_value(show_value(self.new))))


@dataclass(frozen=True, slots=True)
class FieldChange:
    """What became of a declared field of a component, null where it is not declared."""

    field: str
    old: Json
    new: Json

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"type": "field", "field": self.field, "old": as_json(self.old), "new": as_json(self.new)}

    def shown(self, *, everything: bool = False) -> Iterator[Block]:  # noqa: ARG002 - one line is everything
        """Yield one line."""
        values = (old_value(show_value(self.old)), plain(" → "), new_value(show_value(self.new)))
        yield Line((plain(f"{self.field}: "), *values))


@dataclass(frozen=True, slots=True)
class Note:
    """What a reader must know to trust the rest: why a file was not compared more closely; `path` may be empty."""

    path: str
    text: str

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"type": "note", "path": self.path, "text": self.text}

    def shown(self, *, everything: bool = False) -> Iterator[Block]:  # noqa: ARG002 - one line is everything
        """Yield one line."""
        yield Line((aside(f"note: {self.path}: {self.text}" if self.path else f"note: {self.text}"),))


PLAIN_DETAILS = (FileChange, KeyChange, FieldChange)
"""What a summary says whole where there is nothing else."""


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
        headline: what to say above the details, where the summary would say the same as they; otherwise empty.
    """

    name: ComponentName
    kind: Kind
    change: Change
    summary: str
    details: tuple[Detail, ...]
    rank: int
    headline: str = ""

    @property
    def is_said_whole(self) -> bool:
        """Whether the summary says everything, so that its details would only repeat it."""
        return len(self.details) == 1 and isinstance(self.details[0], PLAIN_DETAILS)

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "name": str(self.name),
            "kind": self.kind.value,
            "change": self.change.value,
            "summary": self.summary,
            "details": [detail.to_json() for detail in self.details],
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """What is to be said of two releases beside what became of each component.

    Attributes:
        about: what it is of: `evaluation`, `leakage`.
        summary: one line, safe to print.
        details: the parts, those that are likely to matter first.
        rank: where it stands among changes of components; see `ranking`.
    """

    about: str
    summary: str
    details: tuple[Detail, ...]
    rank: int

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"about": self.about, "summary": self.summary, "details": [detail.to_json() for detail in self.details]}
