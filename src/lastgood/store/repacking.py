"""Writes what is still needed of old packs into new ones.

The rules, in words: a frame of which every chunk is needed is copied as it stands, one that is needed in part is encoded
anew with its neighbours; what is copied is proven first, chunk by chunk, from the very bytes that are then written. A
pack of which anything cannot be proven is left alone. New packs are put one after the other, each durable before the
next, and the maps of files after the chunks: every chunk they name lies in a pack that is durable.

    >>> from lastgood.store.backend.memory import MemoryBackend
    >>> from lastgood.testing.index import MemoryIndex
    >>> Repacker(MemoryBackend(), MemoryIndex()).finish()
    ()
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

from lastgood.errors import Integrity, NotFound
from lastgood.ids import ChunkId, FileDigest
from lastgood.model.placement import ChunkInPack, ChunkPlace, Encoding, Frame, PackContents, PlacementIndex
from lastgood.store import codec
from lastgood.store.backend import Sink, Source
from lastgood.store.chunking import chunk_id
from lastgood.store.codec import Written
from lastgood.store.frames import damage
from lastgood.store.pack import PackBuilder, pack_name
from lastgood.store.packing import GROUP_BYTES, MOST_ROWS, PACK_BYTES
from lastgood.store.reader import ObjectReader


class Shelf(Source, Sink, Protocol):
    """What old packs are read from and new ones are put into."""


@dataclass(frozen=True, slots=True)
class _Copied:
    """A frame that is written as it stood, with its chunks and their lengths."""

    written: Written
    raw_length: int
    chunks: tuple[tuple[ChunkId, int], ...]


class Repacker:
    """Takes what is needed of packs and makes packs of it; used by one thread, once.

    Args:
        backend: where packs are.
        index: where the chunks are that others stand on.
        avoiding: chunks on which nothing may stand in the new packs; what does is encoded anew, on its own.
    """

    def __init__(
        self, backend: Shelf, index: PlacementIndex, *, pack_bytes: int = PACK_BYTES, avoiding: AbstractSet[bytes] = frozenset()
    ) -> None:
        self._avoiding = avoiding
        self._backend = backend
        self._reader = ObjectReader(backend, index)
        self._pack_bytes = pack_bytes
        self._builder = PackBuilder()
        self._group: list[tuple[ChunkId, bytes]] = []
        self._done: list[PackContents] = []
        self._taken: set[ChunkId] = set()

    def take(self, old: PackContents, chunks: AbstractSet[ChunkId], files: Collection[FileDigest]) -> None:
        """Take some chunks of a pack, with their labels, and the maps of some files.

        Raises:
            Integrity: one of them is not what it should be, or cannot be read; nothing of this pack was taken.
            StorageFull, ReadOnly, Unavailable: a new pack could not be put.
        """
        wanted = chunks - self._taken
        for piece in list(self._proven(old, wanted)):
            if isinstance(piece, _Copied):
                self._builder.add_frame(piece.written, piece.raw_length, piece.chunks)
            else:
                self._add_to_group(*piece)
        self._taken |= wanted
        for chunk, label in old.labels.items():
            if chunk in wanted:
                self._builder.add_label(chunk, label)
        for digest in files:
            self._builder.add_file(digest, old.files[digest])
        if self._builder.body_bytes >= self._pack_bytes or self._builder.rows >= MOST_ROWS:
            self._put()

    def finish(self) -> tuple[PackContents, ...]:
        """Return the new packs, all durable.

        Raises:
            StorageFull, ReadOnly, Unavailable: a pack could not be put.
        """
        self._put()
        return tuple(self._done)

    def _put(self) -> None:
        self._close_group()
        if self._builder.rows:
            contents, pieces = self._builder.seal()
            self._builder = PackBuilder()
            self._backend.put(pack_name(contents.pack), pieces)
            self._done.append(contents)

    def _proven(self, old: PackContents, chunks: AbstractSet[ChunkId]) -> Iterator[_Copied | tuple[ChunkId, bytes]]:
        """Yield, in the pack's order, frames that are needed whole, and chunks of those that are not."""
        of_frame: dict[int, list[ChunkInPack]] = {}
        for one in old.chunks:
            of_frame.setdefault(one.frame, []).append(one)
        for number, held in of_frame.items():
            needed = [one for one in held if one.chunk in chunks]
            if not needed:
                continue
            frame = old.frames[number]
            encoded, raw = self._read(old, frame, needed[0])
            for one in needed:
                if chunk_id(_cut(raw, one)) != one.chunk:
                    raise damage(_place(old, frame, one), "is damaged: its bytes do not have its digest")
            if len(needed) == len(held) and self._avoiding.isdisjoint(frame.needs):
                written = Written(frame.encoding, (encoded,), frame.base, frame.context, frame.depth)
                yield _Copied(written, frame.raw_length, tuple((one.chunk, one.length) for one in held))
            else:
                yield from ((one.chunk, bytes(_cut(raw, one))) for one in needed)

    def _read(self, old: PackContents, frame: Frame, first: ChunkInPack) -> tuple[bytes, bytes]:
        """Return a frame as it stands in its pack, and decoded."""
        try:
            encoded = self._backend.read(pack_name(old.pack), frame.offset, frame.length)
            if frame.base is None:
                return encoded, bytes(codec.decode(frame.encoding, encoded, frame.raw_length))
            base = self._chunk(frame.base)
            if frame.encoding is Encoding.PATCH:
                return encoded, codec.apply_patch(encoded, base, frame.raw_length)
            context = base if frame.context is None else self._chunk(frame.context)
            return encoded, bytes(codec.apply_deltas(base, [(encoded, context)]))
        except NotFound as error:
            raise damage(_place(old, frame, first), f"is not there: pack {old.pack.short} is missing") from error
        except Integrity as error:
            if "chunk" in error.details:
                raise
            raise damage(_place(old, frame, first), f"is damaged: {error}") from error

    def _chunk(self, chunk: ChunkId) -> bytes:
        return b"".join(self._reader.read_chunks([chunk]))

    def _add_to_group(self, chunk: ChunkId, data: bytes) -> None:
        if sum(len(one) for _, one in self._group) + len(data) > GROUP_BYTES:
            self._close_group()
        self._group.append((chunk, data))

    def _close_group(self) -> None:
        if self._group:
            raw = b"".join([data for _, data in self._group])
            self._builder.add_frame(codec.encode(raw), len(raw), [(chunk, len(data)) for chunk, data in self._group])
            self._group = []


def _cut(raw: bytes, one: ChunkInPack) -> memoryview:
    return memoryview(raw)[one.start : one.start + one.length]


def _place(old: PackContents, frame: Frame, one: ChunkInPack) -> ChunkPlace:
    return ChunkPlace(one.chunk, old.pack, frame, one.start, one.length)
