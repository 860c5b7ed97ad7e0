"""How a text differs, as data: blocks of lines cut into segments, blocks that moved, variables, lengths.

Rules: the blocks are complete, so that applied to the old text they give the new one; a block that only moved stands in
them as removed and as added, and beside them as a `Move`, which is what people are shown. Variables that went and came
hold those that were renamed, since whoever passes them knows only names.

    >>> segments = (Segment(Piece.EQUAL, "Be "), Segment(Piece.REMOVED, "brief"), Segment(Piece.ADDED, "kind"))
    >>> old_text(segments), new_text(segments)
    ('Be brief', 'Be kind')
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lastgood.canonical import JsonObject
from lastgood.compare.showing import Block, Line, Span, aside, now, place, plain, was

MOST_SHOWN = 12
"""How many places of one text, or rows of one table, are shown where not everything is asked for."""

_CONTEXT = 60


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


def _line_of(segments: Sequence[Segment]) -> Line:
    spans = [segment.span() for segment in segments]
    if spans and spans[-1].text.endswith("\n"):
        spans[-1] = Span(spans[-1].tone, spans[-1].text.rstrip("\n"))
    return Line(tuple(spans), indent=1)


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
        moved: whether all it holds only moved, which a `Move` says.
    """

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    segments: tuple[Segment, ...]
    whitespace_only: bool
    moved: bool = False

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "old_start": self.old_start,
            "old_count": self.old_count,
            "new_start": self.new_start,
            "new_count": self.new_count,
            "segments": [segment.to_json() for segment in self.segments],
            "whitespace_only": self.whitespace_only,
            "moved": self.moved,
        }

    @property
    def line(self) -> int:
        """The line where it is to be found now, or was."""
        return self.new_start if self.new_count else self.old_start

    def shown(self) -> Line:
        """Return its words."""
        return _line_of(self.segments)


@dataclass(frozen=True, slots=True)
class Move:
    """A block of lines that went in one place and came in another.

    Attributes:
        old_start: its first line on the old side, from 1.
        old_count: how many lines it had there.
        new_start: likewise on the new side.
        new_count: likewise on the new side.
        first: its first line, as it stands there now.
        segments: its words, where it was changed on the way; empty where it moved word for word.
    """

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    first: str
    segments: tuple[Segment, ...] = ()

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "old_start": self.old_start,
            "old_count": self.old_count,
            "new_start": self.new_start,
            "new_count": self.new_count,
            "segments": [segment.to_json() for segment in self.segments],
        }

    def shown(self) -> Iterator[Line]:
        """Yield where it came from, and its words where they changed."""
        where = aside(f"moved from {say_lines(self.old_start, self.old_count)}:")
        if self.segments:
            yield Line((where,), indent=1)
            yield _line_of(self.segments)
        else:
            yield Line((where, plain(f" {self.first[: 2 * _CONTEXT]}")), indent=1)


@dataclass(frozen=True, slots=True)
class TextChange:
    """How a text differs.

    Attributes:
        path: the file.
        lines: the blocks that differ, in order; over texts without byte order mark, and without CR where that is a remark.
        words_added: how many words came, those that only moved not counted.
        words_removed: how many words went.
        variables_added: template variables that came, as they are written: `{name}`, `{{name}}`, `$name`, `${name}`.
        variables_removed: template variables that went.
        remarks: what the blocks do not say: "line endings changed (CRLF → LF)".
        cosmetic: whether only whitespace, line endings, a byte order mark or the form of Unicode differ.
        variables_renamed: which of those that went came back under another name.
        moves: the blocks that moved.
        characters: how long it was and is.
        tokens: likewise in tokens, where somebody counts them.
        place: where in the file it stands, where it is not all of it: `messages[2] (user)`.
        in_file: whether lines are counted in the file; otherwise in the text at its place.
    """

    path: str
    lines: tuple[LineChange, ...]
    words_added: int
    words_removed: int
    variables_added: tuple[str, ...]
    variables_removed: tuple[str, ...]
    remarks: tuple[str, ...]
    cosmetic: bool
    variables_renamed: tuple[tuple[str, str], ...] = ()
    moves: tuple[Move, ...] = ()
    characters: tuple[int, int] = (0, 0)
    tokens: tuple[int, int] | None = None
    place: str = ""
    in_file: bool = True

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "type": "text",
            "path": self.path,
            "place": self.place,
            "in_file": self.in_file,
            "words_added": self.words_added,
            "words_removed": self.words_removed,
            "variables_added": list(self.variables_added),
            "variables_removed": list(self.variables_removed),
            "variables_renamed": [list(pair) for pair in self.variables_renamed],
            "characters": list(self.characters),
            "tokens": None if self.tokens is None else list(self.tokens),
            "remarks": list(self.remarks),
            "cosmetic": self.cosmetic,
            "lines": [line.to_json() for line in self.lines],
            "moves": [move.to_json() for move in self.moves],
        }

    @property
    def weight(self) -> int:
        """How many words changed, for putting first what changed most."""
        return self.words_added + self.words_removed

    def shown(self, *, everything: bool = False) -> Iterator[Block]:
        """Yield its remarks, then its blocks and moves where they stand now; its length beside the first of them."""
        for remark in self.remarks:
            yield Line((plain(f"{self._where()}: {remark}"),))
        told: list[tuple[int, LineChange | Move]] = [(line.line, line) for line in self.lines if not line.moved]
        told = sorted([*told, *((move.new_start, move) for move in self.moves)], key=lambda pair: pair[0])
        shown = told if everything else told[:MOST_SHOWN]
        for number, (line, one) in enumerate(shown):
            lengths = "" if number else self.say_lengths()
            yield Line((place(self._where(line)), aside(f"  {lengths}" if lengths else "")))
            yield from (one.shown(),) if isinstance(one, LineChange) else one.shown()
        if len(shown) < len(told):
            yield Line((aside(f"… and {len(told) - len(shown):,} more places; --all shows them"),))

    def _where(self, line: int | None = None) -> str:
        number = "" if line is None else f":{line}"
        if not self.place:
            return f"{self.path}{number}"
        if self.in_file:
            return f"{self.path}{number} {self.place}"
        return f"{self.path} {self.place}{number}"

    def say_lengths(self) -> str:
        """Say how its length changed, in characters and, where they were counted, in tokens; empty where it did not."""
        said = [say_length(*self.characters, "characters")] if self.characters[0] != self.characters[1] else []
        if self.tokens is not None and self.tokens[0] != self.tokens[1]:
            said.append(say_length(*self.tokens, "tokens"))
        return ", ".join(said)


@dataclass(frozen=True, slots=True)
class VariablesChange:
    """Template variables of a file that came or went with a part that is not shown as a text."""

    path: str
    added: tuple[str, ...]
    removed: tuple[str, ...]

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"type": "variables", "path": self.path, "added": list(self.added), "removed": list(self.removed)}

    def shown(self, *, everything: bool = False) -> Iterator[Block]:  # noqa: ARG002 - one line is everything
        """Yield one line."""
        spans = [plain(f"{self.path}: variables")]
        for names, span in ((self.removed, was), (self.added, now)):
            for name in names:
                spans += [plain(" "), span(name)]
        yield Line(tuple(spans))


def say_lines(start: int, number: int) -> str:
    """Name lines: `line 3`, `lines 3-5`."""
    return f"line {start}" if number == 1 else f"lines {start}-{start + number - 1}"


def say_length(old: int, new: int, unit: str) -> str:
    """Say how a length changed: `412 → 1,230 characters (+199%)`."""
    percent = f" ({_percent(new / old - 1)})" if old else ""
    return f"{old:,} → {new:,} {unit}{percent}"


def _percent(share: float) -> str:
    number = f"{abs(share):.0%}" if abs(share) >= 0.1 else f"{abs(share):.1%}"  # noqa: PLR2004 - a digit more below ten percent
    return f"{'−' if share < 0 else '+'}{number}"
