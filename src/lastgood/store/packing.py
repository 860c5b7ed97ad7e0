"""Gathers new chunks into packs and makes them durable, one after the other.

The rules, in words: chunks of small files are encoded together in groups of up to 64 KiB, so that one of them is read
quickly; those of large files, which are read as a whole, in groups of up to 1 MiB, which makes a text a third smaller.
Chunks of more than half a group, of numbers, and those that were written against a base stand each alone. A full pack is
put by a thread of its own while the next one fills (writing and fsync let the interpreter go on), but at most one is on
its way: a pack is put only when the one before it is durable. So what a file's map names is durable no later than the
map, and packs depend only on the order in which chunks came, never on timing.

    >>> from lastgood.store.backend.memory import MemoryBackend
    >>> from lastgood.store.chunking import chunk_id
    >>> packer = Packer(MemoryBackend())
    >>> packer.add([NewChunk(chunk_id(b"hello"), b"hello")], [(FileDigest.of(b"hello"), FileMap(5, (chunk_id(b"hello"),)))])
    >>> [len(pack.chunks) for pack in packer.finish()]
    [1]
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lastgood.ids import ChunkId, FileDigest
from lastgood.model.placement import FileMap, Label, PackContents
from lastgood.store import codec
from lastgood.store.backend import Piece, Sink
from lastgood.store.codec import Base, Written
from lastgood.store.numbers import Numbers
from lastgood.store.pack import PackBuilder, pack_name

PACK_BYTES = 64 << 20
GROUP_BYTES = 64 << 10
LARGE_GROUP_BYTES = 1 << 20
MOST_ROWS = 200_000
"""A pack is sealed when its footer has so many rows, so that footers stay small whatever is committed."""


@dataclass(frozen=True, slots=True)
class NewChunk:
    """A chunk to be packed.

    Attributes:
        chunk: its id.
        data: its bytes; whoever hands them over may use the memory again afterwards.
        numbers: how they are read as numbers, if they are such.
        label: what it is labelled with.
        written: its frame, where it was written against a base already.
        group: how many bytes are encoded together where it is.
    """

    chunk: ChunkId
    data: Piece
    numbers: Numbers | None = None
    label: Label | None = None
    written: Written | None = None
    group: int = GROUP_BYTES

    @property
    def is_alone(self) -> bool:
        """Whether it is in a frame of its own."""
        return self.written is not None or len(self.data) * 2 >= (self.group if self.numbers is None else GROUP_BYTES)


NewFile = tuple[FileDigest, FileMap]


class Packer:
    """Packs what is added and puts it into a sink; used by one thread.

    After an error it must not be used again, except to stop: what it had gathered may be lost.

    Args:
        sink: where packs are put.
        pack_bytes: a pack is sealed when its frames have that many bytes.
    """

    def __init__(self, sink: Sink, *, pack_bytes: int = PACK_BYTES) -> None:
        self._sink = sink
        self._pack_bytes = pack_bytes
        self._durable: list[PackContents] = []
        self._putting: _Putting | None = None
        self._builder = PackBuilder()
        self._groups: dict[int, list[tuple[ChunkId, bytes]]] = {}

    def add(self, chunks: Iterable[NewChunk], files: Iterable[NewFile]) -> None:
        """Add new chunks, none of them twice, then the maps of files whose chunks were added or are durable; may wait.

        Raises:
            StorageFull, ReadOnly, Unavailable: an earlier pack could not be kept.
        """
        for new in chunks:
            if new.is_alone:
                written = new.written or write_chunk(new)
                assert written is not None  # noqa: S101  # only what stands in a group has no frame of its own
                self._builder.add_frame(written, len(new.data), [(new.chunk, len(new.data))])
                if new.label is not None:
                    self._builder.add_label(new.chunk, new.label)
            else:
                self._add_to_group(new)
            if self._builder.body_bytes >= self._pack_bytes:
                self._put_in_background()
        for digest, file in files:
            self._builder.add_file(digest, file)
            if self._builder.rows >= MOST_ROWS:
                self._put_in_background()

    def finish(self) -> tuple[PackContents, ...]:
        """Return the packs, after the last of them is durable.

        Raises:
            StorageFull, ReadOnly, Unavailable: a pack could not be kept.
        """
        self._wait()
        self._close_groups()
        if self._builder.rows:
            contents, pieces = self._builder.seal()
            self._sink.put(pack_name(contents.pack), pieces)
            self._durable.append(contents)
        return tuple(self._durable)

    def stop(self) -> None:
        """Wait for the pack that is on its way, whatever becomes of it; packs that are durable stay.

        They are not deleted: another process may have put a pack of the same bytes, so of the same name, and rely on it.
        No catalog knows them, so the collector takes them.
        """
        if self._putting is not None:
            self._putting.join()

    def _put_in_background(self) -> None:
        # The open groups go along: a map in this pack may name a chunk of them, and must not be durable before it.
        self._close_groups()
        contents, pieces = self._builder.seal()
        self._builder = PackBuilder()
        self._wait()
        self._putting = _Putting(self._sink, contents, pieces)

    def _wait(self) -> None:
        if self._putting is not None:
            self._durable.append(self._putting.wait())
            self._putting = None

    def _add_to_group(self, new: NewChunk) -> None:
        group = self._groups.setdefault(new.group, [])
        if group and sum(len(data) for _, data in group) + len(new.data) > new.group:
            self._close_group(new.group)
            group = self._groups.setdefault(new.group, [])
        group.append((new.chunk, bytes(new.data)))

    def _close_groups(self) -> None:
        for size in sorted(self._groups):
            self._close_group(size)

    def _close_group(self, size: int) -> None:
        group = self._groups.pop(size)
        raw = b"".join([data for _, data in group])
        self._builder.add_frame(codec.encode(raw), len(raw), [(chunk, len(data)) for chunk, data in group])


def write_chunk(new: NewChunk, base: Base | None = None) -> Written | None:
    """Write a chunk against a base, or say that it does not pay; without one, or say that it stands in a group.

    Raises:
        Integrity: what was written does not read back; nothing may be acknowledged.
    """
    if base is None:
        if not new.is_alone:
            return None
        return codec.encode(new.data) if new.numbers is None else codec.encode_numbers(new.data, new.numbers)
    if new.numbers is None:
        return codec.encode_patch(new.data, base)
    if not new.is_alone or len(new.data) != len(base.raw):
        return None
    return codec.encode_delta(new.data, base, new.numbers)


class _Putting(threading.Thread):
    """One pack on its way; a daemon, so that a process which dies of something else does not wait for it."""

    def __init__(self, sink: Sink, contents: PackContents, pieces: Sequence[Piece]) -> None:
        super().__init__(name="lastgood-put", daemon=True)
        self._sink = sink
        self._contents = contents
        self._pieces = pieces
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._sink.put(pack_name(self._contents.pack), self._pieces)
        except BaseException as error:  # noqa: BLE001  # `wait` raises it where the caller can see it
            self._error = error

    def wait(self) -> PackContents:
        """Return the pack once it is durable, or raise what went wrong."""
        self.join()
        if self._error is not None:
            raise self._error
        return self._contents
