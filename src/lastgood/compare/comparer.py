"""What every comparer has in common: what it is given, what it answers, and how it reads files within bounds.

Rules: a comparer is pure but for reading through `ChangedFiles`; it asks for the files that changed and for no others; a
file that is gone or too large is no error but an `Unread` with its reason, which the comparer passes on as a `Note`;
damaged bytes (`Integrity`) and a store that does not answer are errors and are never hidden. A new kind's way of
comparing is one class with one method and one line in `components.COMPARERS`.

    class TensorComparer:
        def compare(self, old: ComponentSide, new: ComponentSide, files: FileAccess) -> Findings: ...
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lastgood.canonical import Json
from lastgood.compare.change import Detail, FieldChange, FileChange
from lastgood.compare.wording import VALUE_WIDTH, printable, shorten, show_value, size
from lastgood.errors import Gone, Invalid, NotFound
from lastgood.ids import ContentDigest
from lastgood.model.component import Kind, Provenance
from lastgood.model.listing import FileEntry
from lastgood.model.placement import FileAccess, FileReader

LARGEST_FILE = 16 * 1024 * 1024
"""A file of more bytes is compared by its digest only."""

LARGEST_READ = 32 * 1024 * 1024
"""How many bytes one comparison of a component reads in all."""

SUMMARY_WIDTH = 240
_FIELD_ORDER = ("kind", "provider", "model", "fingerprint", "uri", "version", "python", "platform", "container")
_FIELD_WORDS = {"python": "Python"}


@dataclass(frozen=True, slots=True)
class ComponentSide:
    """One side of a comparison: a component as one release has it.

    Attributes:
        kind: its kind.
        digest: the identity of its content.
        entries: its files, sorted by path as `read_listing` returns them; empty where it has none.
        fields: its declared facts beside the files: provider, model, fingerprint, key, run, on, python, uri …
        provenance: how it came to be: what made it, and what was observed of git and the host when it was committed.
    """

    kind: Kind
    digest: ContentDigest
    entries: Sequence[FileEntry] = ()
    fields: Mapping[str, Json] = field(default_factory=dict)
    provenance: Provenance = field(default_factory=Provenance)


@dataclass(frozen=True, slots=True)
class Findings:
    """What a comparer found between two sides that differ.

    Attributes:
        phrases: what to say of it, the weightiest first; as many as fit make the summary.
        details: the parts in that order.
        cosmetic: whether nothing was found that is likely to move behavior.
        headline: what to say above the details, where the phrases would say the same as they.
        urgent: what to say before everything else, declared fields included.
        says_fields: whether the phrases tell of the declared fields as well, so that nobody else has to.
    """

    phrases: Sequence[str]
    details: tuple[Detail, ...]
    cosmetic: bool = False
    headline: str = ""
    urgent: Sequence[str] = ()
    says_fields: bool = False


class Comparer(Protocol):
    """Compares two sides of one kind."""

    def compare(self, old: ComponentSide, new: ComponentSide, files: FileAccess) -> Findings:
        """Say what differs in the files; declared fields are compared for every kind alike by `compare_component`."""
        ...


@dataclass(frozen=True, slots=True)
class Pair:
    """The bytes of a changed file on both sides."""

    old: bytes
    new: bytes


@dataclass(frozen=True, slots=True)
class Unread:
    """Why a changed file could not be read on both sides, in words that follow its path."""

    reason: str


class ChangedFiles:
    """Reads changed files of one component, within `LARGEST_FILE` each and `LARGEST_READ` in all."""

    def __init__(self, files: FileReader) -> None:
        self._files = files
        self._left = LARGEST_READ

    def read(self, change: FileChange) -> Pair | Unread:
        """Return both sides of a changed file, or why not."""
        if change.old is None or change.new is None:
            return Unread("it is on one side only")
        larger = max(change.old.size, change.new.size)
        if larger > LARGEST_FILE:
            return Unread(f"it has {size(larger)}, more than is compared by its contents")
        if change.old.size + change.new.size > self._left:
            return Unread("more has changed than is compared by its contents")
        self._left -= change.old.size + change.new.size
        old, new = self._read_side(change.old, "old"), self._read_side(change.new, "new")
        if isinstance(old, Unread):
            return old
        return Pair(old, new) if isinstance(new, bytes) else new

    def _read_side(self, entry: FileEntry, side: str) -> bytes | Unread:
        try:
            return self._files.read_file(entry.digest, limit=LARGEST_FILE)
        except Gone:
            return Unread(f"its {side} bytes were removed by policy")
        except NotFound:
            return Unread(f"its {side} bytes are not kept here")
        except Invalid as error:
            return Unread(f"its {side} bytes cannot be read ({error})")


def compare_fields(old: Mapping[str, Json], new: Mapping[str, Json]) -> list[FieldChange]:
    """Compare declared fields; one that is absent is null."""
    names = sorted({*old, *new}, key=lambda name: (_FIELD_ORDER.index(name) if name in _FIELD_ORDER else 99, name))
    return [FieldChange(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]


def say_field(change: FieldChange) -> str:
    """Say what became of a declared field: `model gpt-4.1 → gpt-4o`."""
    name = _FIELD_WORDS.get(change.field) or printable(change.field)
    if change.old is None:
        return f"{name} set to {say_field_value(change.new)}"
    if change.new is None:
        return f"{name} removed (was {say_field_value(change.old)})"
    return f"{name} {say_field_value(change.old)} → {say_field_value(change.new)}"


def say_field_value(value: Json) -> str:
    """Show the value of a declared field; a text without quotes."""
    return shorten(value, VALUE_WIDTH) if isinstance(value, str) else show_value(value)


def join_phrases(phrases: Sequence[str], width: int = SUMMARY_WIDTH) -> str:
    """Join as many phrases as fit on one line, at least one, and say how many more there are."""
    said = list(phrases[:1])
    length = len(said[0]) if said else 0
    for phrase in phrases[1:]:
        length += len(phrase) + 2
        if length > width:
            break
        said.append(phrase)
    left = len(phrases) - len(said)
    return "; ".join([*said, f"and {left:,} more"] if left else said)
