r"""How two texts differ word by word, and what a word is.

Rules: words are runs of letters and digits, single signs, single ideographs, template variables, and runs of spaces;
words between two changed ones that are mere punctuation count as changed with them, so that the result reads. Segments,
put together, give both texts.

    >>> [(str(one.piece), one.text) for one in compare_words("Be brief, Ada.", "Be kind, Ada.", Effort())]
    [('equal', 'Be '), ('removed', 'brief'), ('added', 'kind'), ('equal', ', Ada.')]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lastgood.compare.alignment import Effort, Span, differing_spans
from lastgood.compare.text_change import Piece, Segment
from lastgood.compare.variables import VARIABLE

LONGEST_BLOCK = 400_000

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
WORD = re.compile(rf"[{_IDEOGRAPHS}]|[^\W{_IDEOGRAPHS}]+")
"""One word, as people count them."""

_TOKEN = re.compile(rf"\n|[^\S\n]+|(?:{VARIABLE.pattern})|{WORD.pattern}|[^\w\s]")
_LEAST_IN_COMMON = 0.2
_SHORT_BLOCK = 8
_LONGEST_WORD = 1_000
"""What has no boundary within so many characters is no word, and may be cut anywhere."""

_BRACES = frozenset("{}$")


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
    return WORD.search(text) is not None


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
    return WORD.fullmatch(before + after) is None
