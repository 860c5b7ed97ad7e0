"""Takes the bytes of a commit in and makes packs of them that are durable but that no catalog knows yet.

The rule of publishing, in words: pack bytes, fsync, rename, fsync folder, all of that before `finish` returns; then the
caller's *one* catalog transaction with the `Staged` packs; then the acknowledgement. A crash before the transaction
leaves packs that nothing refers to, for the collector; after it, nothing is lost.

Each byte is read once: its file's SHA-256, the cuts, the chunk ids and the encoding are made in one pass, and a file
larger than `SMALL` never stands in memory as a whole. What the index or this writer knows already is not kept again; the
index is asked about many files and chunks at a time.

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
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from types import TracebackType
from typing import BinaryIO, Self

from lastgood.errors import Invalid
from lastgood.ids import ChunkId, FileDigest
from lastgood.model.intake import Received
from lastgood.model.placement import FileMap, PlacementIndex, Staged
from lastgood.store.backend import Piece, Sink
from lastgood.store.chunking import LOOKED_AT, WHOLE_UP_TO, Cutter, Layout, Segment, average_for, chunk_id, no_layout
from lastgood.store.packing import PACK_BYTES, NewChunk, NewFile, Packer

SMALL = 1 << 20
"""A file of up to this many bytes is taken as a whole."""

MOST_CHUNKS_OF_A_FILE = 1_500_000
"""What fits a pack's footer; the tiers of `chunking` reach it at some terabytes."""

_WINDOW = 4 << 20
_BATCH_BYTES = 2 << 20
_BATCH_FILES = 1_000


class StoreWriter:
    """Receives files for one commit; used by one thread, once. The index is asked in that thread only.

    Args:
        backend: where packs are put.
        index: what is known already.
        layout: says how files with a structure are divided.
        pack_bytes: a pack is sealed when its frames have that many bytes.
    """

    def __init__(self, backend: Sink, index: PlacementIndex, *, layout: Layout = no_layout, pack_bytes: int = PACK_BYTES) -> None:
        self._index = index
        self._layout = layout
        self._packer = Packer(backend, pack_bytes=pack_bytes)
        self._received: set[FileDigest] = set()
        self._settled: set[ChunkId] = set()
        self._small: list[tuple[FileDigest, bytes]] = []
        self._small_bytes = 0
        self._mapped: list[NewFile] = []
        self._closed_by: BaseException | None = None

    def receive(self, source: BinaryIO, size: int) -> Received:
        """Read a source to its end in one pass; `size` in bytes is what is expected and steers how it is cut.

        Raises:
            StorageFull, ReadOnly, Unavailable: the bytes cannot be kept; nothing will be acknowledged.
            OSError: the source cannot be read; the writer can go on with other files.
        """
        if size > SMALL:
            return self._receive_stream(source, size, b"", self._segments(source, size))
        data = _read_up_to(source, SMALL + 1)
        if len(data) > SMALL:
            return self._receive_stream(source, size, data, ())
        return self.receive_bytes(data)

    def receive_bytes(self, data: bytes) -> Received:
        """Take bytes that are at hand, such as a small file's or a listing's.

        Raises:
            StorageFull, ReadOnly, Unavailable: the bytes cannot be kept; nothing will be acknowledged.
        """
        digest = FileDigest.of(data)
        if len(data) > SMALL:
            self._receive_large(digest, data)
        elif digest not in self._received:
            self._received.add(digest)
            self._small.append((digest, data))
            self._small_bytes += len(data)
            self._flush_full_batch()
        return Received(digest, len(data))

    def has_files(self, digests: list[FileDigest]) -> set[FileDigest]:
        """Return those of the files whose bytes are kept already, or were received by this writer."""
        here = {digest for digest in digests if digest in self._received}
        elsewhere = [digest for digest in digests if digest not in here]
        return here.union(self._index.known_files(elsewhere)) if elsewhere else here

    def finish(self) -> Staged:
        """Return what was written, after all of it is durable.

        Raises:
            StorageFull, ReadOnly, Unavailable: something could not be kept; nothing may be acknowledged.
        """
        self._flush()
        with self._all_or_nothing():
            staged = Staged(self._packer.finish())
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

    def _receive_stream(self, source: BinaryIO, size: int, head: bytes, segments: Sequence[Segment]) -> Received:
        head = head or _read_up_to(source, LOOKED_AT)
        cutter = Cutter(average_for(head, size), segments)
        window = memoryview(bytearray(max(_WINDOW, 2 * cutter.longest)))
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
            done = self._keep_pieces(cutter.cut(window[:filled], is_end=is_end), chunks)
            hashing.join()
            # New chunks were copied out of the window, so it can be used again.
            window[: filled - done] = window[done:filled]
            filled -= done
        digest = FileDigest(hasher.digest())
        self._map_file(digest, total, chunks)
        return Received(digest, total)

    def _receive_large(self, digest: FileDigest, data: bytes) -> None:
        if self.has_files([digest]):
            return
        chunks: list[ChunkId] = []
        self._keep_pieces(_cut_whole(data), chunks)
        self._map_file(digest, len(data), chunks)

    def _keep_pieces(self, pieces: Iterable[Piece], chunks: list[ChunkId]) -> int:
        """Keep the pieces of one file, note their ids, and return how many bytes they have together."""
        total = 0
        batch: list[Piece] = []
        batch_bytes = 0
        for piece in pieces:
            batch.append(piece)
            batch_bytes += len(piece)
            if batch_bytes >= _WINDOW:
                chunks += self._keep(batch)
                total, batch, batch_bytes = total + batch_bytes, [], 0
        chunks += self._keep(batch)
        return total + batch_bytes

    def _keep(self, pieces: Sequence[Piece]) -> list[ChunkId]:
        with self._all_or_nothing():
            ids, new = self._settle(pieces)
            self._packer.add(new, ())
            return ids

    def _settle(self, pieces: Sequence[Piece]) -> tuple[list[ChunkId], list[NewChunk]]:
        """Return the pieces' ids, and those chunks among them that nobody knows, with bytes of their own."""
        ids = [chunk_id(piece) for piece in pieces]
        unsettled = {chunk: piece for chunk, piece in zip(ids, pieces, strict=True) if chunk not in self._settled}
        known = self._index.known_chunks(list(unsettled)) if unsettled else ()
        self._settled.update(unsettled)
        return ids, [(chunk, bytes(piece)) for chunk, piece in unsettled.items() if chunk not in known]

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
            waiting = [digest for digest, _ in (*small, *mapped)]
            known = self._index.known_files(waiting) if waiting else frozenset()
            cuts = [(digest, data, _cut_whole(data)) for digest, data in small if digest not in known]
            ids, new = self._settle([piece for _, _, pieces in cuts for piece in pieces])
            rest = iter(ids)
            files = [(digest, FileMap(len(data), tuple(islice(rest, len(pieces))))) for digest, data, pieces in cuts]
            files += [(digest, file) for digest, file in mapped if digest not in known]
            self._packer.add(new, files)


def _cut_whole(data: bytes) -> list[Piece]:
    if len(data) <= WHOLE_UP_TO:
        return [data] if data else []
    return list(Cutter(average_for(data, len(data))).cut(memoryview(data), is_end=True))


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
