"""What a comparison answers with: one `ComponentChange` a component, and the details that each kind has its own of.

Rules: every result is data, with one line for people (`summary`) that is safe to print; a detail says what was there and
what is there now; nothing here knows a terminal. `to_json` gives what canonical JSON can hold. A program that wants to
colour, cut or lay out takes the details, whose texts are as they stand in the files: making them safe to print is its task
(`wording.printable`).

    detail          of                       says
    FileChange      every kind with files    added, removed, changed, mode changed, renamed
    TextChange      prompts                  blocks of lines, each cut into segments; see `text_change`
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

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Protocol

from lastgood.canonical import Json, JsonObject
from lastgood.compare.secrets import hide_within, is_secret
from lastgood.compare.showing import Block, Line, Span, Tone, aside, new_value, old_value, plain, strong
from lastgood.compare.text_change import Segment
from lastgood.compare.wording import as_json, show_value, size, type_word
from lastgood.ids import ComponentName
from lastgood.model.component import Kind
from lastgood.model.listing import FileEntry


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

    @property
    def hidden(self) -> bool:
        """Whether it is a secret by its name, so that its values are shown to nobody."""
        name = next((step for step in reversed(self.steps) if isinstance(step, str)), "")
        return is_secret(name, self.old) or is_secret(name, self.new)

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`; what nobody is shown is null, or a word within."""
        hidden = self.hidden
        return {
            "type": "key",
            "path": self.file,
            "key": self.key,
            "change": self.change.value,
            "old": None if hidden else as_json(hide_within(self.old)),
            "old_type": None if self.change is Edit.ADDED else type_word(self.old),
            "new": None if hidden else as_json(hide_within(self.new)),
            "new_type": None if self.change is Edit.REMOVED else type_word(self.new),
            "hidden": hidden,
            "steps": [step.to_json() if isinstance(step, Item) else step for step in self.steps],
            "position": self.position,
            "identity": list(self.identity),
            "sampling": self.sampling,
            "segments": [] if hidden else [segment.to_json() for segment in self.segments],
        }

    def shown(self, *, everything: bool = False) -> Iterator[Block]:  # noqa: ARG002 - one line is everything
        """Yield one line: the key, its old value and its new one."""
        where = (plain(f"{self.file}: "), strong(self.key) if self.sampling else plain(self.key))
        old, new = show_value(hide_within(self.old)), show_value(hide_within(self.new))
        if self.hidden:
            yield Line((*where, plain(f": {self.change.value} (value hidden)")))
        elif self.segments:
            yield Line((*where, plain(": "), *(segment.span() for segment in self.segments)))
        elif self.change is Edit.ADDED:
            yield Line((*where, plain(": added "), new_value(new)))
        elif self.change is Edit.REMOVED:
            yield Line((*where, plain(": removed "), old_value(old)))
        else:
            yield Line((*where, plain(": "), old_value(old), plain(" → "), new_value(new)))


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
        if len(self.details) != 1:
            return False
        detail = self.details[0]
        if isinstance(detail, PLAIN_DETAILS):
            return not (isinstance(detail, KeyChange) and detail.segments)
        shown = list(islice(detail.shown(), 2))
        line = shown[0] if len(shown) == 1 else None
        return isinstance(line, Line) and "".join(span.text for span in line.spans).endswith(self.summary)

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
