r"""How two texts differ: blocks of lines first, then the words within each block.

Rules: a line ends with LF; a block's segments, put together, give exactly its old and its new lines. Words are runs of
letters and digits, single signs, single ideographs, and runs of spaces; words between two changed ones that are mere
punctuation count as changed with them, so that the result reads. A difference of nothing but whitespace, line endings,
a byte order mark or the form of Unicode is named and called cosmetic. Bounds: texts of `MOST_LINES` lines, words within
`LONGEST_BLOCK` characters a block (a longer one is replaced as a whole between what it begins and ends with), and all
of it within one `Effort`.

    >>> change = compare_texts("a.md", "Be brief, {name}.\n", "Be kind, {name}.\n", Effort())
    >>> [str(segment.text) for segment in change.lines[0].segments]
    ['Be ', 'brief', 'kind', ', {name}.\n']
    >>> change.words_added, change.words_removed, change.variables_removed
    (1, 1, ())
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from lastgood.compare.alignment import Effort, Span, differing_spans
from lastgood.compare.change import LineChange, Piece, Segment, TextChange

MOST_LINES = 500_000
LONGEST_BLOCK = 400_000

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_IDEOGRAPHS}]|[^\W{_IDEOGRAPHS}]+")
_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,99}"
_DOTTED = rf"{_NAME}(?:\.[A-Za-z0-9_]{{1,99}}){{0,9}}"
_VARIABLE = re.compile(
    rf"\{{\{{-?\s{{0,20}}({_DOTTED})(?![A-Za-z0-9_.])[^{{}}\n]{{0,200}}\}}\}}"
    rf"|\$\{{({_DOTTED})(?![A-Za-z0-9_.])[^{{}}\n]{{0,200}}\}}"
    rf"|\{{({_DOTTED})(?:[!:][^{{}}\n]{{0,200}})?\}}"
    rf"|\$({_NAME})"
)
_TOKEN = re.compile(rf"\n|[^\S\n]+|(?:{_VARIABLE.pattern})|{_WORD.pattern}|[^\w\s]")
_FORMS = ("{{%s}}", "${%s}", "{%s}", "$%s")
_LEAST_IN_COMMON = 0.2
_SHORT_BLOCK = 8
_LONGEST_WORD = 1_000
"""What has no boundary within so many characters is no word, and may be cut anywhere."""

_BRACES = frozenset("{}$")
_BYTE_ORDER_MARK = "\ufeff"


class NotText(ValueError):
    """These bytes cannot be compared as text; the message says why."""


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


def compare_texts(path: str, old: str, new: str, effort: Effort) -> TextChange:
    """Compare two texts.

    Args:
        path: the file they are of.
        old: the old text.
        new: the new text.
        effort: what the comparison may cost.
    """
    remarks, old_body, new_body = _set_apart(old, new)
    lines = tuple(_changed_blocks(old_body, new_body, effort))
    same_words = all(line.whitespace_only for line in lines)
    if lines and same_words:
        remarks.append("only whitespace changed")
    elif lines and _same_form(old_body, new_body):
        remarks.append("only the form of Unicode changed, it reads the same")
        same_words = True
    added, removed = _count_words(lines)
    old_variables, new_variables = find_variables(old_body), find_variables(new_body)
    return TextChange(
        path=path,
        lines=lines,
        words_added=added,
        words_removed=removed,
        variables_added=tuple(name for name in new_variables if name not in old_variables),
        variables_removed=tuple(name for name in old_variables if name not in new_variables),
        remarks=tuple(remarks),
        cosmetic=same_words,
    )


def compare_words(old: str, new: str, effort: Effort) -> tuple[Segment, ...]:
    """Compare two texts word by word; the segments, put together, give both."""
    head = _common_head(old, new)
    tail = _common_tail(old, new, head)
    before, after = old[:head], old[len(old) - tail :]
    old_middle, new_middle = old[head : len(old) - tail], new[head : len(new) - tail]
    middle = _differing_runs(old_middle, new_middle, effort)
    if not _enough_in_common(middle, old_middle, new_middle, framed=_has_word(before) or _has_word(after)):
        middle = [_Run("", old_middle, new_middle)]
    return tuple(_segments(_readable([_Run(before, "", ""), *middle, _Run(after, "", "")])))


def find_variables(text: str) -> dict[str, None]:
    """Return the template variables of a text, as they are written, in the order of their first use."""
    return {form % match[place]: None for match in _VARIABLE.finditer(text) for place, form in enumerate(_FORMS, 1) if match[place]}


def _set_apart(old: str, new: str) -> tuple[list[str], str, str]:
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


def _split_lines(text: str) -> list[str]:
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _count_words(lines: tuple[LineChange, ...]) -> tuple[int, int]:
    counts = dict.fromkeys(Piece, 0)
    for line in lines:
        for segment in line.segments:
            if segment.piece is not Piece.EQUAL:
                counts[segment.piece] += len(_WORD.findall(segment.text))
    return counts[Piece.ADDED], counts[Piece.REMOVED]


@dataclass(slots=True)
class _Run:
    """Text that both sides have, followed by what only the old and only the new side has."""

    equal: str
    removed: str
    added: str


def _differing_runs(old: str, new: str, effort: Effort) -> list[_Run]:
    if not old or not new or max(len(old), len(new)) > LONGEST_BLOCK:
        return [_Run("", old, new)]
    old_tokens, new_tokens = _tokens(old), _tokens(new)
    spans = differing_spans(old_tokens, new_tokens, effort)
    runs: list[_Run] = []
    before = 0
    for span in [*spans, Span(len(old_tokens), len(old_tokens), len(new_tokens), len(new_tokens))]:
        removed, added = old_tokens[span.old_start : span.old_end], new_tokens[span.new_start : span.new_end]
        runs.append(_Run("".join(old_tokens[before : span.old_start]), "".join(removed), "".join(added)))
        before = span.old_end
    return runs


def _tokens(text: str) -> list[str]:
    return [match[0] for match in _TOKEN.finditer(text)]


def _enough_in_common(runs: list[_Run], old: str, new: str, *, framed: bool) -> bool:
    """Say whether a reader gains from seeing what two texts share; what is short is shown word by word within a frame."""
    if max(len(old.split(None, _SHORT_BLOCK)), len(new.split(None, _SHORT_BLOCK))) <= _SHORT_BLOCK:
        return framed or any(_has_word(run.equal) for run in runs)
    shared = sum(len("".join(run.equal.split())) for run in runs)
    return shared >= _LEAST_IN_COMMON * min(len(old), len(new))


def _has_word(text: str) -> bool:
    return _WORD.search(text) is not None


def _readable(runs: list[_Run]) -> list[_Run]:
    """Let changed stretches swallow mere punctuation or spaces between them, but never an end of line."""
    kept: list[_Run] = []
    for run in runs:
        last = kept[-1] if kept else None
        changes = bool(run.removed or run.added)
        if last is not None and (last.removed or last.added) and (not run.equal or (changes and _is_filler(run.equal))):
            last.removed += run.equal + run.removed
            last.added += run.equal + run.added
        elif last is not None and not (last.removed or last.added):
            last.equal += run.equal
            last.removed, last.added = run.removed, run.added
        else:
            kept.append(run)
    return kept


def _is_filler(text: str) -> bool:
    return "\n" not in text and not _has_word(text)


def _segments(runs: list[_Run]) -> Iterator[Segment]:
    for run in runs:
        if run.equal:
            yield Segment(Piece.EQUAL, run.equal)
        if run.removed:
            yield Segment(Piece.REMOVED, run.removed)
        if run.added:
            yield Segment(Piece.ADDED, run.added)


def _common_head(old: str, new: str) -> int:
    """Return how many characters two texts begin with in common, up to a boundary of words in both."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if old[low:middle] == new[low:middle] else (low, middle - 1)
    for back in range(min(low, _LONGEST_WORD)):
        if _is_boundary(old, low - back) and _is_boundary(new, low - back):
            return low - back
    return low if low > _LONGEST_WORD else 0


def _common_tail(old: str, new: str, head: int) -> int:
    """Return how many characters two texts end with in common behind their heads, from a boundary of words in both."""
    low, high = 0, min(len(old), len(new)) - head
    while low < high:
        middle = (low + high + 1) // 2
        same = old[len(old) - middle : len(old) - low] == new[len(new) - middle : len(new) - low]
        low, high = (middle, high) if same else (low, middle - 1)
    for back in range(min(low, _LONGEST_WORD)):
        if _is_boundary(old, len(old) - low + back) and _is_boundary(new, len(new) - low + back):
            return low - back
    return low if low > _LONGEST_WORD else 0


def _is_boundary(text: str, at: int) -> bool:
    """Say whether no word, run of spaces or template variable is cut at a place."""
    if at in {0, len(text)}:
        return True
    before, after = text[at - 1], text[at]
    if before.isspace() or after.isspace():
        return not (before.isspace() and after.isspace()) or "\n" in {before, after}
    if before in _BRACES or after in _BRACES:
        return False
    return _WORD.fullmatch(before + after) is None
