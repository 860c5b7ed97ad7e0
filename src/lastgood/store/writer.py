"""Takes the bytes of a commit in and makes packs of them that are durable but that no catalog knows yet.

The rule of publishing, in words: pack bytes, fsync, rename, fsync folder, all of that before `finish` returns; then the
caller's *one* catalog transaction with the `Staged` packs; then the acknowledgement. A crash before the transaction
leaves packs that nothing refers to, for the collector; after it, nothing is lost.

Each byte is read once: its file's SHA-256, the cuts, the chunk ids and the encoding are made in one pass, and a file
larger than `SMALL` never stands in memory as a whole. What the index or this writer knows already is not kept again; the
index is asked about many files and chunks at a time. What is new is written against what it resembles, where that pays
(`bases`); bytes that were read for that are proven first, so that damage never spreads.

    >>> from lastgood.store.backend.memory import MemoryBackend
    >>> from lastgood.testing.index import MemoryIndex
    >>> with StoreWriter(MemoryBackend(), MemoryIndex()) as writer:
    ...     received = writer.receive_bytes(b"be brief and warm")
    ...     staged = writer.finish()
    >>> received.size, list(staged.packs[0].files) == [received.digest]
    (17, True)
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import BinaryIO, Protocol, Self

from lastgood.errors import Invalid
from lastgood.ids import ChunkId, FileDigest
from lastgood.model.intake import Received
from lastgood.model.placement import FileMap, PlacementIndex, Staged
from lastgood.store.backend import Sink, Source
from lastgood.store.bases import Bases
from lastgood.store.chunking import LOOKED_AT, WHOLE_UP_TO, Cut, Cutter, Layout, Segment, average_for, chunk_id, no_layout
from lastgood.store.packing import GROUP_BYTES, LARGE_GROUP_BYTES, PACK_BYTES, NewChunk, NewFile, Packer, write_chunk
from lastgood.store.reader import ObjectReader
from lastgood.store.workers import WORKERS

SMALL = 1 << 20
"""A file of up to this many bytes is taken as a whole."""

MOST_CHUNKS_OF_A_FILE = 1_500_000
"""What fits a pack's footer; the tiers of `chunking` reach it at some terabytes."""

FOLLOWED_FROM = 64 << 10
"""A smaller file is not written against its predecessor: in a group with others it costs as little."""

_WINDOW = 4 << 20
_BLOCKS_AT_ONCE = 4
_LARGEST_BATCH = 32 << 20
_BATCH_BYTES = 2 << 20
_BATCH_FILES = 1_000


class Shelf(Source, Sink, Protocol):
    """What takes packs, and gives back what was kept before."""


Before = Callable[[str], FileDigest | None]
"""Says which file had a name before, in the release that a commit follows."""


def no_predecessor(name: str) -> FileDigest | None:
    """Know of nothing before."""
    del name
    return None


@dataclass(frozen=True, slots=True)
class _Small:
    """A file that waits to be settled together with others."""

    digest: FileDigest
    data: bytes
    name: str | None


class StoreWriter:
    """Receives files for one commit; used by one thread, once. The index is asked in that thread only.

    Args:
        backend: where packs are put, and what is known already can be read.
        index: what is known already.
        layout: says how files with a structure are divided.
        before: says what had a file's name before.
        pack_bytes: a pack is sealed when its frames have that many bytes.
    """

    def __init__(
        self,
        backend: Shelf,
        index: PlacementIndex,
        *,
        layout: Layout = no_layout,
        before: Before = no_predecessor,
        pack_bytes: int = PACK_BYTES,
    ) -> None:
        self._index = index
        self._layout = layout
        self._before = before
        self._bases = Bases(index, ObjectReader(backend, index).bases)
        self._packer = Packer(backend, pack_bytes=pack_bytes)
        self._group = GROUP_BYTES
        self._generation: int | None = None
        self._received: set[FileDigest] = set()
        self._settled: set[ChunkId] = set()
        self._small: list[_Small] = []
        self._small_bytes = 0
        self._mapped: list[NewFile] = []
        self._closed_by: BaseException | None = None

    def receive(self, source: BinaryIO, size: int, name: str | None = None) -> Received:
        """Read a source to its end in one pass; `size` in bytes is what is expected and steers how it is cut.

        What had the same name in the release before is likely to be similar, which only steers how the bytes are kept.

        Raises:
            StorageFull, ReadOnly, Unavailable: the bytes cannot be kept; nothing will be acknowledged.
            OSError: the source cannot be read; the writer can go on with other files.
        """
        if size > SMALL:
            return self._receive_stream(source, size, b"", name)
        data = _read_up_to(source, SMALL + 1)
        if len(data) > SMALL:
            return self._receive_stream(source, size, data, name)
        return self.receive_bytes(data, name)

    def receive_bytes(self, data: bytes, name: str | None = None) -> Received:
        """Take bytes that are at hand, such as a small file's or a listing's.

        Raises:
            StorageFull, ReadOnly, Unavailable: the bytes cannot be kept; nothing will be acknowledged.
        """
        digest = FileDigest.of(data)
        if len(data) > SMALL:
            self._receive_large(digest, data, name)
        elif digest not in self._received:
            self._received.add(digest)
            self._small.append(_Small(digest, data, name))
            self._small_bytes += len(data)
            self._flush_full_batch()
        return Received(digest, len(data))

    def has_files(self, digests: list[FileDigest]) -> set[FileDigest]:
        """Return those of the files whose bytes are kept already, or were received by this writer."""
        here = {digest for digest in digests if digest in self._received}
        elsewhere = [digest for digest in digests if digest not in here]
        self._note_generation()
        return here.union(self._index.known_files(elsewhere)) if elsewhere else here

    def finish(self) -> Staged:
        """Return what was written, after all of it is durable.

        Raises:
            StorageFull, ReadOnly, Unavailable: something could not be kept; nothing may be acknowledged.
        """
        self._flush()
        with self._all_or_nothing():
            staged = Staged(self._packer.finish(), self._generation)
        self._closed_by = RuntimeError("this writer has finished; a commit takes a new one")
        return staged

    def abort(self) -> None:
        """Give up; what was put already is left to the collector. After `finish` this does nothing."""
        self._closed_by = self._closed_by or RuntimeError("this writer was aborted; a commit takes a new one")
        self._packer.stop()

    def __enter__(self) -> Self:
        """Begin; leaving the block without `finish` aborts."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Leave nothing running in the background."""
        self.abort()

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Let no call succeed after one that failed half-way: it may have lost chunks that later files count on."""
        if self._closed_by is not None:
            raise self._closed_by
        try:
            yield
        except BaseException as error:
            self._closed_by = error
            raise

    def _segments(self, source: BinaryIO, size: int) -> Sequence[Segment]:
        if self._layout is no_layout or not source.seekable():
            return ()
        start = source.tell()
        segments = self._layout(source, size)
        source.seek(start)
        return segments

    def _cut_whole(self, data: bytes) -> list[Cut]:
        if len(data) <= WHOLE_UP_TO:
            return [Cut(data)] if data else []
        cutter = Cutter(average_for(data, len(data)), self._segments(io.BytesIO(data), len(data)))
        return list(cutter.cut(memoryview(data), is_end=True))

    def _follow(self, name: str | None, size: int) -> None:
        self._note_generation()
        self._bases.follow(self._before(name) if name is not None and size >= FOLLOWED_FROM else None)
        self._group = LARGE_GROUP_BYTES if size > SMALL else GROUP_BYTES

    def _note_generation(self) -> None:
        # From before anything is asked: what is collected after this moment may be what the answers rely on.
        if self._generation is None:
            self._generation = self._index.generation()

    def _receive_stream(self, source: BinaryIO, size: int, head: bytes, name: str | None) -> Received:
        # What was read already cannot be laid out: the source stands behind it.
        segments = () if head else self._segments(source, size)
        self._follow(name, size)
        head = head or _read_up_to(source, LOOKED_AT)
        cutter = Cutter(average_for(head, size), segments)
        window = memoryview(bytearray(max(_WINDOW, _BLOCKS_AT_ONCE * cutter.longest)))
        window[: len(head)] = head
        hasher = hashlib.sha256(head)
        filled, total = len(head), len(head)
        chunks: list[ChunkId] = []
        is_end = False
        while not is_end:
            read = _fill(source, window[filled:])
            # SHA-256 is the slowest pass over the bytes: it runs beside the cutting and the hashing of chunks.
            hashing = threading.Thread(target=hasher.update, args=(window[filled : filled + read],))
            hashing.start()
            filled, total = filled + read, total + read
            is_end = filled < len(window)
            done = self._keep_cuts(cutter.cut(window[:filled], is_end=is_end), chunks)
            hashing.join()
            # New chunks were written or copied, so the window can be used again.
            window[: filled - done] = window[done:filled]
            filled -= done
        digest = FileDigest(hasher.digest())
        self._map_file(digest, total, chunks)
        return Received(digest, total)

    def _receive_large(self, digest: FileDigest, data: bytes, name: str | None) -> None:
        if self.has_files([digest]):
            return
        self._follow(name, len(data))
        chunks: list[ChunkId] = []
        self._keep_cuts(self._cut_whole(data), chunks)
        self._map_file(digest, len(data), chunks)

    def _keep_cuts(self, cuts: Iterable[Cut], chunks: list[ChunkId]) -> int:
        """Keep the chunks of one file, note their ids, and return how many bytes they have together."""
        total = 0
        batch: list[Cut] = []
        batch_bytes = 0
        for cut in cuts:
            batch.append(cut)
            batch_bytes += len(cut.data)
            if batch_bytes >= _LARGEST_BATCH:
                chunks += self._keep(batch)
                total, batch, batch_bytes = total + batch_bytes, [], 0
        chunks += self._keep(batch)
        return total + batch_bytes

    def _keep(self, cuts: Sequence[Cut]) -> list[ChunkId]:
        with self._all_or_nothing():
            ids = [chunk_id(cut.data) for cut in cuts]
            self._packer.add(self._write(ids, cuts, self._unknown(ids)), ())
            return ids

    def _unknown(self, ids: Sequence[ChunkId]) -> set[ChunkId]:
        """Return those of the chunks that nobody knows; from now on this writer does."""
        unsettled = {chunk for chunk in ids if chunk not in self._settled}
        self._settled.update(unsettled)
        return unsettled - set(self._index.known_chunks(list(unsettled))) if unsettled else unsettled

    def _write(self, ids: Sequence[ChunkId], cuts: Sequence[Cut], unknown: set[ChunkId]) -> list[NewChunk]:
        """Return those chunks of one file that nobody knows, each once, written against a base where that pays."""
        labels = [cut.label if chunk in unknown else None for chunk, cut in zip(ids, cuts, strict=True)]
        candidates = dict(reversed(list(zip(ids, self._bases.candidates(ids, labels), strict=True))))
        new = self._new(ids, cuts, unknown)
        written = self._bases.write([(candidates[one.chunk], partial(write_chunk, one)) for one in new], WORKERS)
        return [replace(one, written=frame) for one, frame in zip(new, written, strict=True)]

    def _new(self, ids: Sequence[ChunkId], cuts: Sequence[Cut], unknown: set[ChunkId]) -> list[NewChunk]:
        """Return those chunks of one file that nobody knows, each once."""
        new: list[NewChunk] = []
        for chunk, cut in zip(ids, cuts, strict=True):
            if chunk in unknown:
                unknown.discard(chunk)
                new.append(NewChunk(chunk, cut.data, cut.numbers, cut.label, group=self._group))
        return new

    def _map_file(self, digest: FileDigest, size: int, chunks: list[ChunkId]) -> None:
        if len(chunks) > MOST_CHUNKS_OF_A_FILE:
            raise Invalid(f"a file of {size} bytes has {len(chunks)} chunks, more than a pack can describe; nothing was committed")
        if digest in self._received:
            return
        self._received.add(digest)
        self._mapped.append((digest, FileMap(size, tuple(chunks))))
        self._flush_full_batch()

    def _flush_full_batch(self) -> None:
        if self._small_bytes >= _BATCH_BYTES or len(self._small) + len(self._mapped) >= _BATCH_FILES:
            self._flush()

    def _flush(self) -> None:
        """Settle the files that wait: those that the index does not know are kept, with their maps."""
        small, mapped = self._small, self._mapped
        self._small, self._small_bytes, self._mapped = [], 0, []
        with self._all_or_nothing():
            self._note_generation()
            waiting = [*(one.digest for one in small), *(digest for digest, _ in mapped)]
            known = self._index.known_files(waiting) if waiting else frozenset()
            cuts = [(one, self._cut_whole(one.data)) for one in small if one.digest not in known]
            ids = [[chunk_id(cut.data) for cut in parts] for _, parts in cuts]
            unknown = self._unknown([chunk for chunks in ids for chunk in chunks])
            for (one, parts), chunks in zip(cuts, ids, strict=True):
                # Most small files resemble nothing that would be looked for, and there are many of them.
                is_plain = len(one.data) < FOLLOWED_FROM and all(cut.label is None for cut in parts)
                self._follow(None if is_plain else one.name, len(one.data))
                self._packer.add(self._new(chunks, parts, unknown) if is_plain else self._write(chunks, parts, unknown), ())
            files = [(one.digest, FileMap(len(one.data), tuple(chunks))) for (one, _), chunks in zip(cuts, ids, strict=True)]
            files += [(digest, file) for digest, file in mapped if digest not in known]
            self._packer.add((), files)


def _read_up_to(source: BinaryIO, length: int) -> bytes:
    data = source.read(length)
    while len(data) < length and (more := source.read(length - len(data))):
        data += more
    return data


def _fill(source: BinaryIO, room: memoryview) -> int:
    """Read into the room until it is full or the source ends."""
    filled = 0
    while filled < len(room):
        data = source.read(min(len(room) - filled, _WINDOW))
        if not data:
            break
        room[filled : filled + len(data)] = data
        filled += len(data)
    return filled
