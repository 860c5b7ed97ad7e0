"""How a detail is shown, whatever it is shown on: lines of spans, each with a tone, and tables.

Rules: texts stand here as they are in the files; whoever draws them (a terminal, a page) makes them safe to show. A tone
says what a span means and never how it looks, and a line without its tones still says everything: what was removed and
what was added are marked by whoever draws.

    >>> line = Line((was("brief"), plain(", "), now("kind")))
    >>> [(span.tone.value, span.text) for span in line.spans]
    [('removed', 'brief'), ('plain', ', '), ('added', 'kind')]
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    """What a span of a line is."""

    PLAIN = "plain"
    REMOVED = "removed"
    ADDED = "added"
    OLD = "old"
    NEW = "new"
    STRONG = "strong"
    PLACE = "place"
    ASIDE = "aside"


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text of one tone.

    Attributes:
        tone: `removed` and `added` are words within a text, which are marked; `old` and `new` are whole values, whose place
            says which they are; `strong` is what weighs most; `place` is where it is; `aside` may be overlooked.
        text: as it stands in the file; it may hold line ends.
    """

    tone: Tone
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `indent` counts steps to the right."""

    spans: tuple[Span, ...]
    indent: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headers, all of the same number of cells; the columns after the first hold numbers where `numeric`."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: bool = True


Block = Line | Table
"""What a detail is shown as."""


def plain(text: str) -> Span:
    """Return a span that is nothing but text."""
    return Span(Tone.PLAIN, text)


def was(text: str) -> Span:
    """Return words that went."""
    return Span(Tone.REMOVED, text)


def now(text: str) -> Span:
    """Return words that came."""
    return Span(Tone.ADDED, text)


def old_value(text: str) -> Span:
    """Return a value that was there before."""
    return Span(Tone.OLD, text)


def new_value(text: str) -> Span:
    """Return a value that is there now."""
    return Span(Tone.NEW, text)


def strong(text: str) -> Span:
    """Return what weighs most on its line."""
    return Span(Tone.STRONG, text)


def place(text: str) -> Span:
    """Return where something is."""
    return Span(Tone.PLACE, text)


def aside(text: str) -> Span:
    """Return what may be overlooked."""
    return Span(Tone.ASIDE, text)
