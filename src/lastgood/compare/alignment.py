"""Where two sequences differ: the one algorithm under line and word comparison.

The steps, in words: drop what both begin and end with; cut at items that stand exactly once on both sides, in their
longest common order (patience diff, Bram Cohen); between the cuts look for the shortest edit (E. Myers, "An O(ND)
Difference Algorithm", 1986, up to 400 edits). Everything spends from one `Effort`; where it runs out, what is left of a
stretch counts as replaced as a whole. So the answer is always right and only ever coarser, the time is bounded however
the input is made, and the same input always gives the same answer.

    >>> differing_spans(["a", "b", "c"], ["a", "x", "c", "d"], Effort())
    [Span(old_start=1, old_end=2, new_start=1, new_end=2), Span(old_start=3, old_end=3, new_start=3, new_end=4)]
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

STEPS = 3_000_000
"""The steps that one comparison may take: one to two seconds."""

_MOST_EDITS = 400


class Effort:
    """The steps that are left to spend."""

    __slots__ = ("_left",)

    def __init__(self, steps: int = STEPS) -> None:
        self._left = steps

    def spend(self, steps: int) -> bool:
        """Take some steps; False, and nothing is taken, where fewer are left."""
        if steps > self._left:
            return False
        self._left -= steps
        return True


class Span(NamedTuple):
    """Items `old_start` to `old_end` of the old sequence stand where `new_start` to `new_end` of the new one do."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int


def differing_spans(old: Sequence[str], new: Sequence[str], effort: Effort) -> list[Span]:
    """Return the spans that differ, in order, never touching one another."""
    numbers: dict[str, int] = {}
    return _Alignment(_number(old, numbers), _number(new, numbers), effort).differing()


def _number(items: Iterable[str], numbers: dict[str, int]) -> list[int]:
    return [numbers.setdefault(item, len(numbers)) for item in items]


class _Alignment:
    def __init__(self, old: list[int], new: list[int], effort: Effort) -> None:
        self._old = old
        self._new = new
        self._effort = effort

    def differing(self) -> list[Span]:
        found: list[Span] = []
        waiting = [Span(0, len(self._old), 0, len(self._new))]
        while waiting:
            span = self._trim(waiting.pop())
            if span.old_start == span.old_end or span.new_start == span.new_end:
                found += [span] if span.old_end - span.old_start + span.new_end - span.new_start else []
                continue
            parts = self._cut(span)
            if parts:
                waiting += parts
            else:
                found += self._shortest(span) or [span]
        return _joined(sorted(found))

    def _trim(self, span: Span) -> Span:
        old_start, old_end, new_start, new_end = span
        while old_start < old_end and new_start < new_end and self._old[old_start] == self._new[new_start]:
            old_start, new_start = old_start + 1, new_start + 1
        while old_start < old_end and new_start < new_end and self._old[old_end - 1] == self._new[new_end - 1]:
            old_end, new_end = old_end - 1, new_end - 1
        return Span(old_start, old_end, new_start, new_end)

    def _cut(self, span: Span) -> list[Span]:
        """Cut at items that stand once on both sides; nothing where there is none."""
        if not self._effort.spend(span.old_end - span.old_start + span.new_end - span.new_start):
            return []
        old_places = _once(self._old, span.old_start, span.old_end)
        new_places = _once(self._new, span.new_start, span.new_end)
        pairs = [(place, new_places[item]) for item, place in old_places.items() if item in new_places]
        anchors = _longest_rising(pairs)
        if not anchors:
            return []
        starts = [(span.old_start, span.new_start), *((old + 1, new + 1) for old, new in anchors)]
        ends = [*anchors, (span.old_end, span.new_end)]
        return [Span(old, old_end, new, new_end) for (old, new), (old_end, new_end) in zip(starts, ends, strict=True)]

    def _shortest(self, span: Span) -> list[Span]:
        """Find the shortest edit of a span by Myers' greedy search; nothing where that takes too long."""
        old = self._old[span.old_start : span.old_end]
        new = self._new[span.new_start : span.new_end]
        reached = {1: 0}
        trail: list[dict[int, int]] = []
        for edits in range(min(len(old) + len(new), _MOST_EDITS) + 1):
            if not self._effort.spend(2 * edits + 1):
                return []
            trail.append(dict(reached))
            for diagonal in range(-edits, edits + 1, 2):
                down = diagonal == -edits or (diagonal != edits and reached[diagonal - 1] < reached[diagonal + 1])
                start = reached[diagonal + 1] if down else reached[diagonal - 1] + 1
                end = _slide(old, new, start, start - diagonal)
                if not self._effort.spend(end - start):
                    return []
                reached[diagonal] = end
                if end >= len(old) and end - diagonal >= len(new):
                    return _walk_back(trail, span)
        return []


def _once(items: list[int], start: int, end: int) -> dict[int, int]:
    """Return the items of a stretch that stand in it once, with their places, in order."""
    places: dict[int, int] = {}
    twice: set[int] = set()
    for place in range(start, end):
        item = items[place]
        if item in places:
            twice.add(item)
        places[item] = place
    for item in twice:
        del places[item]
    return places


def _longest_rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest run of pairs, given with rising first places, whose second places rise as well."""
    tails: list[int] = []
    tail_pairs: list[int] = []
    before: list[int] = []
    for number, (_, place) in enumerate(pairs):
        rank = bisect_left(tails, place)
        before.append(tail_pairs[rank - 1] if rank else -1)
        if rank == len(tails):
            tails.append(place)
            tail_pairs.append(number)
        else:
            tails[rank], tail_pairs[rank] = place, number
    rising: list[tuple[int, int]] = []
    number = tail_pairs[-1] if tail_pairs else -1
    while number >= 0:
        rising.append(pairs[number])
        number = before[number]
    return rising[::-1]


def _slide(old: list[int], new: list[int], start: int, new_start: int) -> int:
    """Follow equal items from a place on; return where they end on the old side."""
    end = start
    shift = new_start - start
    limit = min(len(old), len(new) - shift)
    while end < limit and old[end] == new[end + shift]:
        end += 1
    return end


def _walk_back(trail: list[dict[int, int]], span: Span) -> list[Span]:
    """Turn the steps of Myers' search, followed from its end, into spans."""
    spans: list[Span] = []
    at_old, at_new = span.old_end - span.old_start, span.new_end - span.new_start
    for edits in range(len(trail) - 1, 0, -1):
        reached = trail[edits]
        diagonal = at_old - at_new
        down = diagonal == -edits or (diagonal != edits and reached[diagonal - 1] < reached[diagonal + 1])
        from_diagonal = diagonal + 1 if down else diagonal - 1
        from_old = reached[from_diagonal]
        from_new = from_old - from_diagonal
        to_old, to_new = (from_old, from_new + 1) if down else (from_old + 1, from_new)
        spans.append(
            Span(
                span.old_start + from_old,
                span.old_start + to_old,
                span.new_start + from_new,
                span.new_start + to_new,
            )
        )
        at_old, at_new = from_old, from_new
    return spans


def _joined(spans: list[Span]) -> list[Span]:
    """Join spans that touch."""
    joined: list[Span] = []
    for span in spans:
        if joined and joined[-1].old_end == span.old_start and joined[-1].new_end == span.new_start:
            joined[-1] = Span(joined[-1].old_start, span.old_end, joined[-1].new_start, span.new_end)
        else:
            joined.append(span)
    return joined
