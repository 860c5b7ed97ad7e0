"""Which chunk a new chunk is written against.

The rules, in words. A file that had a predecessor (the file of its name in the parent release) follows that one's
chunks: a chunk that both have says where the two stand, and what is new between is taken for a successor of what it
replaced. A part of a tensor resembles what bears its label: the predecessor's, if there is one, else the newest; of
several checkpoints with one architecture that is the one whose sample paid last. What did not pay several times in a row
is tried more seldom, so that bytes which resemble nothing cost little time. Nothing stands deeper than `DEEPEST`: a chunk
at that depth gives way to one further down its own chain, so that chains begin anew from there.

    >>> from lastgood.testing.index import MemoryIndex
    >>> Bases(MemoryIndex(), None).candidates([ChunkId(bytes(32))], [None])
    [()]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from lastgood.ids import ChunkId, FileDigest
from lastgood.model.placement import Label, PlacementIndex
from lastgood.store.codec import Base, Written
from lastgood.store.workers import Workers

DEEPEST = 4
"""The most frames that are read for one, less itself; twice as many where they are small, as those of few changes are.

Measured so that the last of a long chain of checkpoints is read in at most twice the time of the first.
"""

_TRIED = 3
_MISSES = 16
_EVERY = 4

BaseReader = Callable[[Sequence[ChunkId], int], Callable[[ChunkId], Base | None]]
"""Gives chunks as bases of at most some depth (`reader.ObjectReader.bases`)."""

Encode = Callable[[Base | None], Written | None]
"""Writes a chunk against a base, or says that it does not pay; without one, or says that it stands in a group."""


class Bases:
    """Finds bases for the chunks of one file after the other; used by one thread.

    Args:
        index: what is known.
        read: gives chunks as bases; None where nothing can be read back.
    """

    def __init__(self, index: PlacementIndex, read: BaseReader | None) -> None:
        self._index = index
        self._read = read
        self._old: Sequence[ChunkId] = ()
        self._places: dict[ChunkId, int] = {}
        self._at = 0
        self._misses = 0
        self._turn = 0
        self._favourite = 0

    def follow(self, before: FileDigest | None) -> None:
        """Begin a file, whose predecessor this is."""
        found = None if before is None else self._index.find_files([before]).get(before)
        self._old = () if found is None else found.chunks
        self._places = {chunk: place for place, chunk in reversed(list(enumerate(self._old)))}
        self._at = self._misses = 0

    def candidates(self, chunks: Sequence[ChunkId], labels: Sequence[Label | None]) -> list[tuple[ChunkId, ...]]:
        """Return, for the file's next chunks in order, what each resembles, the likeliest first."""
        wanted = [label for label in labels if label is not None]
        labelled = self._index.find_labelled(wanted) if wanted and self._read is not None else {}
        return [
            self._of_label(chunk, labelled.get(label, ())) if label is not None else self._replaced(chunk)
            for chunk, label in zip(chunks, labels, strict=True)
        ]

    def write(self, asked: Sequence[tuple[Sequence[ChunkId], Encode]], workers: Workers) -> list[Written | None]:
        """Write chunks, each against the first of its candidates for which that pays; None where none does.

        What is tried is settled before any of them is, so that it never depends on which thread was quicker.
        """
        tried = [candidates if self._is_tried(candidates) else () for candidates, _ in asked]
        wanted = list({chunk for candidates in tried for chunk in candidates})
        read = self._read(wanted, DEEPEST - 1) if self._read is not None and wanted else _nothing
        found = workers.run([partial(self._try, read, candidates, encode) for candidates, (_, encode) in zip(tried, asked, strict=True)])
        for (candidates, _), (place, written) in zip(asked, found, strict=True):
            if written is not None and written.base is not None:
                self._favourite, self._misses = place, 0
            elif candidates:
                self._misses += 1
        return [written for _, written in found]

    def _is_tried(self, candidates: Sequence[ChunkId]) -> bool:
        self._turn += bool(candidates)
        return self._read is not None and (self._misses < _MISSES or not self._turn % _EVERY)

    def _try(self, read: Callable[[ChunkId], Base | None], candidates: Sequence[ChunkId], encode: Encode) -> tuple[int, Written | None]:
        places = (min(self._favourite, len(candidates) - 1), *range(len(candidates))) if candidates else ()
        for place in dict.fromkeys(places):
            base = read(candidates[place])
            written = None if base is None else encode(base)
            if written is not None:
                return place, written
        return 0, encode(None)

    def _of_label(self, chunk: ChunkId, known: Sequence[ChunkId]) -> tuple[ChunkId, ...]:
        others = [one for one in known if one != chunk]
        return tuple([one for one in others if one in self._places] or others)[:_TRIED]

    def _replaced(self, chunk: ChunkId) -> tuple[ChunkId, ...]:
        place = self._places.get(chunk)
        if place is not None:
            self._at = place + 1
            return ()
        self._at += 1
        return () if self._at > len(self._old) else (self._old[self._at - 1],)


def _nothing(chunk: ChunkId) -> None:
    """Give no base."""
    del chunk
