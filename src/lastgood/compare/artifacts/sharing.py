"""Which bytes of two runs of files are the same, told from what the files are made of, without reading either.

Rules: two places hold the same bytes where both lie in parts of one identity, equally far from its beginning. What is not
known to be shared may still be the same: only reading tells.

    >>> old, new = Parts([FilePart(b"a", 4), FilePart(b"b", 4)], 8), Parts([FilePart(b"a", 4), FilePart(b"c", 4)], 8)
    >>> runs(old, 0, new, 0, 8)
    [Run(start=0, length=4, shared=True), Run(start=4, length=4, shared=False)]
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from lastgood.model.placement import FilePart


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of a tensor: where it begins, from the tensor's beginning, how long it is, and whether both sides share it."""

    start: int
    length: int
    shared: bool

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + self.length


Piece = tuple[bytes, int, int]
"""An identity, how far from its beginning, and how many bytes."""


class Parts:
    """What a file is made of, to be asked for any stretch of it.

    Args:
        parts: in order.
        size: of the file; where the parts do not add up to it nothing is known to be shared.
    """

    def __init__(self, parts: Sequence[FilePart], size: int) -> None:
        known = [part for part in parts if part.length]
        if sum(part.length for part in known) != size:
            known = []
        self._identities = [part.identity for part in known]
        self._starts = [0, *accumulate(part.length for part in known)]

    def pieces(self, start: int, length: int) -> Iterator[Piece]:
        """Yield what a stretch is made of; nothing where nothing is known."""
        number = bisect_right(self._starts, start) - 1
        end = start + length
        while start < end and 0 <= number < len(self._identities):
            stop = min(self._starts[number + 1], end)
            yield self._identities[number], start - self._starts[number], stop - start
            start, number = stop, number + 1


def runs(old: Parts, old_start: int, new: Parts, new_start: int, length: int) -> list[Run]:
    """Return the stretches of two runs of one length that are shared, and those of which that is not known, in turn.

    Args:
        old: what the old file is made of.
        old_start: where the run begins in it.
        new: likewise.
        new_start: likewise.
        length: of both runs, in bytes.
    """
    found: list[Run] = []
    at = 0
    for step, shared in _steps(old.pieces(old_start, length), new.pieces(new_start, length)):
        _add(found, Run(at, step, shared))
        at += step
    if at < length:
        _add(found, Run(at, length - at, shared=False))
    return found


def _steps(old: Iterator[Piece], new: Iterator[Piece]) -> Iterator[tuple[int, bool]]:
    left, right = next(old, None), next(new, None)
    while left is not None and right is not None:
        step = min(left[2], right[2])
        yield step, left[:2] == right[:2]
        left = _after(left, step) or next(old, None)
        right = _after(right, step) or next(new, None)


def _after(piece: Piece, step: int) -> Piece | None:
    identity, offset, length = piece
    return (identity, offset + step, length - step) if length > step else None


def _add(found: list[Run], run: Run) -> None:
    if found and found[-1].shared is run.shared:
        last = found.pop()
        run = Run(last.start, last.length + run.length, run.shared)
    found.append(run)
