r"""Which version brought each line of a text: what a version has of those it follows keeps its origin, the rest is its own.

Rules: a line is what stands before its LF, so that whoever writes behind a last line without one did not write that line.
Lines stay where the alignment of a comparison (`alignment`) finds them in both texts. A block that went at one place and
came at another keeps its origin only where moves are asked for: it must be alike to the letter and have
`SHORTEST_MOVE` letters or digits, since an empty line or a bracket says nothing. A line that went and came back is of the
version that brought it back. Of several versions that one follows, the first that has a line gives its origin.

    >>> first = trace_lines([], "Be brief.\nCite the policy.", 1, Effort())
    >>> second = trace_lines([first], "Be kind.\nCite the policy.\nNever promise.", 2, Effort())
    >>> [(origin, line) for origin, line in zip(second.origins, second.lines)]
    [(2, 'Be kind.'), (1, 'Cite the policy.'), (2, 'Never promise.')]

What holds of any version, of lines, keys and tensors alike, is a `Tracer`: it makes the trace of a file from those of the
files that this one follows, and from the file itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from lastgood.canonical import JsonObject
from lastgood.compare.alignment import STEPS, Effort, Span, differing_spans
from lastgood.compare.text import NotText, decode_text
from lastgood.errors import Gone, Invalid, NotFound
from lastgood.ids import FileDigest
from lastgood.model.placement import FileAccess

SHORTEST_MOVE = 20
"""How many letters and digits a moved block has at the least."""

LARGEST_TEXT = 16 << 20
_MOST_STEPS = 10 * STEPS
_MOST_PLACES = 8
_LONGEST_MOVE = 1_000

Trace = TypeVar("Trace")


class Part(Protocol):
    """A part of a file that has an origin of its own: a line, a key, a tensor."""

    def to_json(self) -> JsonObject:
        """Return the fields of `--json` that say which part it is, and what it holds."""
        ...


class Tracer(Protocol[Trace]):
    """Follows the parts of one file from version to version."""

    notes: list[str]
    """What a reader must know to trust the result."""

    def trace(self, before: Sequence[Trace], digest: FileDigest, version: int) -> Trace:
        """Return where the parts of a file come from.

        Args:
            before: the traces of the files that this one follows.
            digest: the file.
            version: its number, higher than any of those.

        Raises:
            Untraceable: the file cannot be read as what it should be.
            Integrity: its bytes are damaged.
        """
        ...

    def parts(self, trace: Trace) -> Iterator[tuple[Part, int]]:
        """Yield the parts in the order of the file, each with the version it comes from."""
        ...


class Untraceable(ValueError):
    """A file cannot be read, or not as what it should be; the message says why, in words that follow its name."""


def read_version(files: FileAccess, digest: FileDigest) -> bytes:
    """Return the bytes of a small file.

    Raises:
        Untraceable: they are not here, or too many.
        Integrity: they are damaged.
    """
    try:
        return files.read_file(digest, limit=LARGEST_TEXT)
    except Gone as error:
        raise Untraceable("its bytes were removed by policy") from error
    except NotFound as error:
        raise Untraceable("its bytes are not kept here") from error
    except Invalid as error:
        raise Untraceable(f"it has more than {LARGEST_TEXT >> 20} MiB") from error


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a text, numbered from 1."""

    number: int
    text: str

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"line": self.number, "text": self.text}


@dataclass(frozen=True, slots=True)
class TracedLines:
    """The lines of a text, and of each the version it comes from."""

    lines: list[str]
    origins: list[int]


class LineTracer:
    """Follows lines.

    Args:
        files: has the texts.
        moves: whether a block that moved within its text keeps its origin.
    """

    def __init__(self, files: FileAccess, *, moves: bool = False) -> None:
        self.notes: list[str] = []
        self._files = files
        self._moves = moves
        self._effort = _Watched(_MOST_STEPS)

    def trace(self, before: Sequence[TracedLines], digest: FileDigest, version: int) -> TracedLines:
        """Return where the lines of a text come from."""
        try:
            text = decode_text(read_version(self._files, digest))
        except NotText as error:
            raise Untraceable(str(error)) from error
        return trace_lines(before, text, version, self._effort, moves=self._moves)

    def parts(self, trace: TracedLines) -> Iterator[tuple[Line, int]]:
        """Yield the lines."""
        if self._effort.ran_out:
            self.notes.append("so much changed that not every version was aligned closely: some lines may be older than is said")
        for number, (text, origin) in enumerate(zip(trace.lines, trace.origins, strict=True), start=1):
            yield Line(number, text), origin


def trace_lines(before: Sequence[TracedLines], text: str, version: int, effort: Effort, *, moves: bool = False) -> TracedLines:
    """Return where the lines of a text come from.

    Args:
        before: the traces of the texts that this one follows.
        text: the text.
        version: its number, higher than any of those.
        effort: what the comparisons may cost.
        moves: whether blocks that moved keep their origins.
    """
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    origins = [version] * len(lines)
    for older in before:
        for place, origin in _carried(older, lines, effort, moves=moves):
            if origins[place] == version:
                origins[place] = origin
    return TracedLines(lines, origins)


def _carried(older: TracedLines, lines: list[str], effort: Effort, *, moves: bool) -> Iterator[tuple[int, int]]:
    """Yield the places of the lines that an older text has as well, with their origins there."""
    spans = differing_spans(older.lines, lines, effort)
    old_at = new_at = 0
    for span in [*spans, Span(len(older.lines), len(older.lines), len(lines), len(lines))]:
        yield from zip(range(new_at, span.new_start), older.origins[old_at : span.old_start], strict=True)
        old_at, new_at = span.old_end, span.new_end
    if moves:
        yield from _moved(older, lines, spans, effort)


def _moved(older: TracedLines, lines: list[str], spans: list[Span], effort: Effort) -> Iterator[tuple[int, int]]:
    left: dict[str, list[int]] = {}
    for span in spans:
        for place in range(span.old_start, span.old_end):
            left.setdefault(older.lines[place], []).append(place)
    gone = {place for places in left.values() for place in places}
    for span in spans:
        place = span.new_start
        while place < span.new_end:
            places = left.get(lines[place], [])
            if not effort.spend(len(places)):
                return
            starts = [one for one in places if one in gone][:_MOST_PLACES]
            ends = [
                _end_of_run(older.lines, start, lines[place : min(span.new_end, place + _LONGEST_MOVE)], gone, effort) for start in starts
            ]
            longest = max(map(range, starts, ends), key=len, default=range(0))
            if sum(char.isalnum() for at in longest for char in older.lines[at]) < SHORTEST_MOVE:
                place += 1
                continue
            yield from ((place + step, older.origins[at]) for step, at in enumerate(longest))
            gone.difference_update(longest)
            place += len(longest)


def _end_of_run(old: list[str], start: int, new: list[str], gone: set[int], effort: Effort) -> int:
    """Follow the lines that went from a place on as long as they came in this very order; return where that ends."""
    end = start
    while end - start < len(new) and end in gone and old[end] == new[end - start] and effort.spend(1):
        end += 1
    return end


class _Watched(Effort):
    """Remembers whether it was not enough."""

    __slots__ = ("ran_out",)

    def __init__(self, steps: int) -> None:
        super().__init__(steps)
        self.ran_out = False

    def spend(self, steps: int) -> bool:
        enough = super().spend(steps)
        self.ran_out = self.ran_out or not enough
        return enough
