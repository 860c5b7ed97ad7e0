r"""How two texts differ: blocks of lines first, then the words within each block, then what of it only moved.

Rules: a line ends with LF; a block's segments, put together, give exactly its old and its new lines. A difference of
nothing but whitespace, line endings, a byte order mark or the form of Unicode is named and called cosmetic. Bounds: texts
of `MOST_LINES` lines, words within `words.LONGEST_BLOCK` characters a block (a longer one is replaced as a whole between
what it begins and ends with), and all of it within one `Effort`.

    >>> change = compare_texts("a.md", "Be brief, {name}.\n", "Be kind, {name}.\n", Effort())
    >>> [str(segment.text) for segment in change.lines[0].segments]
    ['Be ', 'brief', 'kind', ', {name}.\n']
    >>> change.words_added, change.words_removed, change.variables_removed
    (1, 1, ())
"""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace

from lastgood.compare.alignment import Effort, differing_spans
from lastgood.compare.moves import find_moves
from lastgood.compare.text_change import LineChange, Move, Piece, TextChange
from lastgood.compare.tokens import TokenCounter
from lastgood.compare.variables import find_renamed, find_variables
from lastgood.compare.words import WORD, compare_words

MOST_LINES = 500_000

_BYTE_ORDER_MARK = "\ufeff"


class NotText(ValueError):
    """These bytes cannot be compared as text; the message says why."""


@dataclass(frozen=True, slots=True)
class TextPlace:
    """Where in its file a text stands.

    Attributes:
        name: for people: `messages[2] (user)`; empty where it is the whole file.
        old_first: the line of the file that is its first, on the old side.
        new_first: likewise on the new side.
        in_file: whether its lines are lines of the file.
    """

    name: str = ""
    old_first: int = 1
    new_first: int = 1
    in_file: bool = True


WHOLE_FILE = TextPlace()


def decode_text(data: bytes) -> str:
    """Return bytes as text.

    Raises:
        NotText: they are not UTF-8, hold a NUL, or have too many lines.
    """
    if b"\x00" in data:
        raise NotText("it is binary")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise NotText("it is not UTF-8") from error
    if text.count("\n") > MOST_LINES:
        raise NotText(f"it has more than {MOST_LINES:,} lines")
    return text


def compare_texts(
    path: str, old: str, new: str, effort: Effort, *, at: TextPlace = WHOLE_FILE, tokens: TokenCounter | None = None
) -> TextChange:
    """Compare two texts.

    Args:
        path: the file they are of.
        old: the old text.
        new: the new text.
        effort: what the comparison may cost.
        at: where in the file they stand.
        tokens: counts tokens, where somebody asks for them.
    """
    remarks, old_body, new_body = set_apart(old, new)
    blocks = [_shifted(line, at) for line in _changed_blocks(old_body, new_body, effort)]
    layout = _say_layout(blocks, old_body, new_body)
    remarks += [layout] if layout is not None else []
    same_words = not blocks or layout is not None
    lines, moves = (tuple(blocks), ()) if same_words else find_moves(blocks, effort)
    words = _count_words(lines, moves)
    before, after = find_variables(old_body), find_variables(new_body)
    come, gone = _not_in(after, before), _not_in(before, after)
    return TextChange(
        path=path,
        lines=lines,
        words_added=words[0],
        words_removed=words[1],
        variables_added=come,
        variables_removed=gone,
        remarks=tuple(remarks),
        cosmetic=same_words,
        variables_renamed=find_renamed(lines, gone, come) if gone and come else (),
        moves=moves,
        characters=(len(old), len(new)),
        tokens=(tokens.count(old), tokens.count(new)) if tokens is not None else None,
        place=at.name,
        in_file=at.in_file,
    )


def _not_in(names: Iterable[str], others: Container[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in others)


def set_apart(old: str, new: str) -> tuple[list[str], str, str]:
    """Take off what would hide the rest, byte order marks and other line endings, and name what of it changed."""
    remarks: list[str] = []
    old_marked, new_marked = old.startswith(_BYTE_ORDER_MARK), new.startswith(_BYTE_ORDER_MARK)
    if old_marked != new_marked:
        remarks.append(f"a byte order mark was {'added' if new_marked else 'removed'}")
    old, new = old.removeprefix(_BYTE_ORDER_MARK), new.removeprefix(_BYTE_ORDER_MARK)
    endings = _line_ending(old), _line_ending(new)
    if endings in {("CRLF", "LF"), ("LF", "CRLF")}:
        remarks.append(f"line endings changed ({endings[0]} → {endings[1]})")
        old, new = old.replace("\r\n", "\n"), new.replace("\r\n", "\n")
    return remarks, old, new


def _line_ending(text: str) -> str | None:
    """Name the one line ending that a text has, if it has one."""
    returns, feeds = text.count("\r\n"), text.count("\n")
    if not feeds:
        return None
    return {0: "LF", feeds: "CRLF"}.get(returns)


def _say_layout(blocks: Iterable[LineChange], old: str, new: str) -> str | None:
    """Say what changed where that is nothing that is read."""
    if old == new:
        return None
    if not all(line.whitespace_only for line in blocks):
        return "only the form of Unicode changed, it reads the same" if _same_form(old, new) else None
    if old.rstrip("\n") == new.rstrip("\n"):
        ends = len(old) - len(old.rstrip("\n")), len(new) - len(new.rstrip("\n"))
        if ends in {(0, 1), (1, 0)}:
            return f"only whitespace changed: the last line end was {'added' if ends[1] else 'removed'}"
        return "only whitespace changed: empty lines at the end"
    return "only whitespace changed"


def _same_form(old: str, new: str) -> bool:
    return unicodedata.normalize("NFC", old) == unicodedata.normalize("NFC", new)


def _changed_blocks(old: str, new: str, effort: Effort) -> Iterator[LineChange]:
    old_lines, new_lines = _split_lines(old), _split_lines(new)
    for span in differing_spans(old_lines, new_lines, effort):
        old_block = "".join(old_lines[span.old_start : span.old_end])
        new_block = "".join(new_lines[span.new_start : span.new_end])
        yield LineChange(
            old_start=span.old_start + 1,
            old_count=span.old_end - span.old_start,
            new_start=span.new_start + 1,
            new_count=span.new_end - span.new_start,
            segments=compare_words(old_block, new_block, effort),
            whitespace_only=old_block.split() == new_block.split(),
        )


def _shifted(line: LineChange, at: TextPlace) -> LineChange:
    if at.old_first == at.new_first == 1:
        return line
    return replace(line, old_start=line.old_start + at.old_first - 1, new_start=line.new_start + at.new_first - 1)


def _split_lines(text: str) -> list[str]:
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _count_words(lines: Iterable[LineChange], moves: Iterable[Move]) -> tuple[int, int]:
    """Count what came and went; of what moved, what changed on the way."""
    counts = dict.fromkeys(Piece, 0)
    told: list[LineChange | Move] = [*(line for line in lines if not line.moved), *moves]
    for one in told:
        for segment in one.segments:
            if segment.piece is not Piece.EQUAL:
                counts[segment.piece] += len(WORD.findall(segment.text))
    return counts[Piece.ADDED], counts[Piece.REMOVED]
