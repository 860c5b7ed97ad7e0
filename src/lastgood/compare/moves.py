r"""Blocks of lines that only moved: gone in one place and come in another, word for word or nearly so.

Rules: a block has two lines with words, or eight words. A block that only went moved to one that only came where they share
four words of five; of other blocks, parts moved where their lines stand in another one, most of them word for word. A line
that stands in many places is no sign of a move. All of it is bounded, and where that runs out less is found.

    find_moves(change.lines, Effort())
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from lastgood.compare.alignment import Effort
from lastgood.compare.text_change import LineChange, Move, Segment, new_text, old_text
from lastgood.compare.words import WORD, compare_words

_LEAST_LINES = 2
_LEAST_WORDS = 8
_MOST_PLACES = 8
_MOST_BLOCKS = 40
_NEARLY = 0.8
_ALIKE = 0.5
_A_STEP = 8
"""How many characters are counted for one step of effort."""

_Place = tuple[int, int]
"""A block's number, and a line's place in it."""


def find_moves(lines: Sequence[LineChange], effort: Effort) -> tuple[tuple[LineChange, ...], tuple[Move, ...]]:
    """Find what moved between blocks that differ.

    Returns:
        The blocks, cut where a part of one moved, with those marked that hold nothing else; and the moves, in their order now.
    """
    if len(lines) < 2:  # noqa: PLR2004 - from one place to another
        return tuple(lines), ()
    whole = list(_whole_blocks(lines, effort))
    moved = {id(line) for _, old, new in whole for line in (old, new)}
    lines = [replace(line, moved=True) if id(line) in moved else line for line in lines]
    search = _Search(lines, effort)
    parts = list(search.parts())
    cut = [piece for number, line in enumerate(lines) for piece in search.cut(number, line, effort)] if parts else lines
    moves = sorted([*parts, *(move for move, _, _ in whole)], key=lambda move: (move.new_start, move.old_start))
    return tuple(cut), tuple(moves)


class _Search:
    def __init__(self, lines: Sequence[LineChange], effort: Effort) -> None:
        self._lines = lines
        self._effort = effort
        self._old = [[] if line.moved else old_text(line.segments).split("\n")[: line.old_count] for line in lines]
        self._new = [[] if line.moved else new_text(line.segments).split("\n")[: line.new_count] for line in lines]
        self._old_moved: set[_Place] = set()
        self._new_moved: set[_Place] = set()
        self._places: dict[str, list[_Place]] = {}
        for number, block in enumerate(self._new):
            for at, text in enumerate(block):
                if text.strip():
                    self._places.setdefault(text, []).append((number, at))

    def parts(self) -> Iterator[Move]:
        """Yield the longest runs of lines that stand in another block, a reworded line here and there among them."""
        for number, block in enumerate(self._old):
            at = 0
            while at < len(block):
                length, (there, place) = self._longest(number, at)
                move = self._move(number, at, there, place, length) if length else None
                if move is not None:
                    self._old_moved.update((number, at + step) for step in range(length))
                    self._new_moved.update((there, place + step) for step in range(length))
                    yield move
                at += length if move is not None else 1

    def _move(self, number: int, at: int, there: int, place: int, length: int) -> Move | None:
        old, new = self._old[number][at : at + length], self._new[there][place : place + length]
        if not _is_block(new):
            return None
        segments: tuple[Segment, ...] = ()
        if old != new:
            before, after = "\n".join(old), "\n".join(new)
            if _shared(_words(before), _words(after)) < _NEARLY:
                return None
            segments = compare_words(before, after, self._effort)
        old_start, new_start = self._lines[number].old_start + at, self._lines[there].new_start + place
        return Move(old_start, length, new_start, length, new[0], segments)

    def _longest(self, number: int, at: int) -> tuple[int, _Place]:
        best, where = 0, (0, 0)
        places = self._places.get(self._old[number][at], [])
        if len(places) > _MOST_PLACES:
            return best, where
        for there, place in places:
            if there == number or (there, place) in self._new_moved:
                continue
            length = self._run(number, at, there, place)
            if length > best:
                best, where = length, (there, place)
        return best, where

    def _run(self, number: int, at: int, there: int, place: int) -> int:
        """Count the lines from two places on that are the same or alike; the last of them is the same."""
        old, new = self._old[number], self._new[there]
        length = same = 0
        for step in range(min(len(old) - at, len(new) - place)):
            before, after = old[at + step], new[place + step]
            if not self._effort.spend(1) or (there, place + step) in self._new_moved:
                break
            if before == after:
                length, same = step + 1, same + 1
            elif step + 1 - same > same or not self._are_alike(before, after):
                break
        return length

    def _are_alike(self, before: str, after: str) -> bool:
        if not self._effort.spend(1 + (len(before) + len(after)) // _A_STEP):
            return False
        return _shared(_words(before), _words(after)) >= _ALIKE

    def cut(self, number: int, line: LineChange, effort: Effort) -> list[LineChange]:
        """Cut a block into what moved and what did not; one of which parts of both sides moved is left whole."""
        old = [(number, at) in self._old_moved for at in range(len(self._old[number]))]
        new = [(number, at) in self._new_moved for at in range(len(self._new[number]))]
        old, new = _with_blanks(old, self._old[number]), _with_blanks(new, self._new[number])
        if line.moved or (all(old) and all(new)):
            return [replace(line, moved=True)]
        if any(old) == any(new):
            return [line]
        return _pieces(line, new if any(new) else old, on_new=any(new), effort=effort)


def _with_blanks(moved: list[bool], texts: Sequence[str]) -> list[bool]:
    """Let empty lines move with what is beside them."""
    flags = list(moved)
    for order in (range(1, len(flags)), range(len(flags) - 2, -1, -1)):
        step = order.step
        for at in order:
            flags[at] = flags[at] or (not texts[at].strip() and flags[at - step])
    return flags


def _pieces(line: LineChange, moved: Sequence[bool], *, on_new: bool, effort: Effort) -> list[LineChange]:
    """Cut a block along the lines of one side that moved; all of the other side goes with the rest that it resembles most."""
    sides = [_rows(old_text(line.segments)), _rows(new_text(line.segments))]
    cut_side, other = (sides[1], sides[0]) if on_new else (sides[0], sides[1])
    edges = [0, *(at for at in range(1, len(moved)) if moved[at] != moved[at - 1]), len(moved)]
    runs = list(pairwise(edges))
    other_words = Counter(WORD.findall("".join(other)))
    rests = [run for run in runs if not moved[run[0]]]
    carrier = max(rests, key=lambda run: (Counter(WORD.findall("".join(cut_side[slice(*run)]))) & other_words).total(), default=runs[0])
    pieces: list[LineChange] = []
    at, passed = 0, False
    for run in runs:
        mine, its = cut_side[slice(*run)], other if run == carrier else []
        starts = (len(other) if passed else 0, at)
        passed, at = passed or run == carrier, run[1]
        old, new = (its, mine) if on_new else (mine, its)
        old_at, new_at = starts if on_new else starts[::-1]
        pieces.append(
            LineChange(
                old_start=line.old_start + old_at,
                old_count=len(old),
                new_start=line.new_start + new_at,
                new_count=len(new),
                segments=compare_words("".join(old), "".join(new), effort),
                whitespace_only="".join(old).split() == "".join(new).split(),
                moved=moved[run[0]] and run != carrier,
            )
        )
    return pieces


def _rows(text: str) -> list[str]:
    rows = [row + "\n" for row in text.split("\n")]
    rows[-1] = rows[-1][:-1]
    return rows if rows[-1] else rows[:-1]


def _is_block(texts: Sequence[str]) -> bool:
    told = sum(1 for text in texts if text.strip())
    return told >= _LEAST_LINES or sum(len(WORD.findall(text)) for text in texts) >= _LEAST_WORDS


def _whole_blocks(lines: Sequence[LineChange], effort: Effort) -> Iterator[tuple[Move, LineChange, LineChange]]:
    """Yield what moved as a whole, even if it was changed on the way, with its two blocks."""
    went = [line for line in lines if not line.new_count][:_MOST_BLOCKS]
    came = [line for line in lines if not line.old_count][:_MOST_BLOCKS]
    if not went or not came or not effort.spend(sum(_length(line) for line in [*went, *came]) * min(len(went), len(came)) // _A_STEP):
        return
    words = {id(line): _words(old_text(line.segments) + new_text(line.segments)) for line in [*went, *came]}
    for old in went:
        if not _is_block(old_text(old.segments).split("\n")):
            continue
        scored = [(_shared(words[id(old)], words[id(new)]), -new.new_start, new) for new in came]
        share, _, new = max(scored, key=lambda one: one[:2], default=(0.0, 0, old))
        if share >= _NEARLY:
            came.remove(new)
            yield _move_of(old, new, effort), old, new


def _move_of(old: LineChange, new: LineChange, effort: Effort) -> Move:
    """Tell of a whole block, without the empty lines around it."""
    before, after = old_text(old.segments), new_text(new.segments)
    starts = [start + len(text) - len(text.lstrip("\n")) for text, start in ((before, old.old_start), (after, new.new_start))]
    before, after = before.strip("\n"), after.strip("\n")
    segments = () if before == after else compare_words(before, after, effort)
    counts = [text.count("\n") + 1 for text in (before, after)]
    return Move(starts[0], counts[0], starts[1], counts[1], after.partition("\n")[0], segments)


def _length(line: LineChange) -> int:
    return sum(len(segment.text) for segment in line.segments)


def _words(text: str) -> Counter[str]:
    return Counter(WORD.findall(text))


def _shared(one: Counter[str], other: Counter[str]) -> float:
    return (one & other).total() / max(one.total(), other.total(), 1)
