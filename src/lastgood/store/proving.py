"""Says which chunks of a damaged pack still prove: a wrong byte hurts those of its frame, and nothing else.

A pack is not what it was where its bytes do not have its name's digest; its footer may be right all the same. Then each
frame is read by itself, and each chunk in it is held against its id. What stands on other chunks is read with them,
wherever they are; a chunk that proves proves them too.

    >>> from lastgood.store.backend.memory import MemoryBackend
    >>> from lastgood.testing.index import MemoryIndex
    >>> from lastgood.store.writer import StoreWriter
    >>> backend, index = MemoryBackend(), MemoryIndex()
    >>> with StoreWriter(backend, index) as writer:
    ...     _ = writer.receive_bytes(b"be brief and warm")
    ...     index.absorb(staged := writer.finish())
    >>> [len(right) for right in Prover(backend, index).right_chunks(staged.packs[0])]
    [1]
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lastgood.errors import Integrity
from lastgood.ids import ChunkId
from lastgood.model.placement import ChunkPlace, PackContents, PlacementIndex
from lastgood.store.backend import Piece, Source
from lastgood.store.chunking import chunk_id
from lastgood.store.frames import FrameLoader, key_of, resolve


@dataclass(frozen=True, slots=True)
class RightChunk:
    """A chunk that proved, with its bytes."""

    place: ChunkPlace
    raw: Piece


class Prover:
    """Reads the frames of damaged packs one by one.

    Args:
        backend: where the packs are.
        index: where the chunks are that others stand on.
    """

    def __init__(self, backend: Source, index: PlacementIndex) -> None:
        self._backend = backend
        self._index = index

    def right_chunks(self, contents: PackContents) -> Iterator[list[RightChunk]]:
        """Yield, frame by frame, those chunks of a pack that prove."""
        for places in places_by_frame(contents).values():
            yield self.prove(places)

    def prove(self, places: Sequence[ChunkPlace]) -> list[RightChunk]:
        """Return those chunks of one frame that prove."""
        try:
            known = resolve(self._index, places[0].frame.needs)
            # A loader of its own: what one keeps of a frame is not proven, and a damaged pack is read once.
            raw = FrameLoader(self._backend).load(places[:1], known)[key_of(places[0])]
        except Integrity:
            return []
        cut = [RightChunk(place, memoryview(raw)[place.start : place.start + place.length]) for place in places]
        return [one for one in cut if chunk_id(one.raw) == one.place.chunk]


def places_by_frame(contents: PackContents) -> dict[int, list[ChunkPlace]]:
    """Return where the chunks of a pack are, by the number of their frame."""
    frames: dict[int, list[ChunkPlace]] = defaultdict(list)
    for one in contents.chunks:
        frames[one.frame].append(ChunkPlace(one.chunk, contents.pack, contents.frames[one.frame], one.start, one.length))
    return frames


def wrong_chunks(prover: Prover, contents: PackContents) -> set[ChunkId]:
    """Return the chunks of a pack that do not prove."""
    right = {one.place.chunk for frame in prover.right_chunks(contents) for one in frame}
    return {one.chunk for one in contents.chunks} - right
