"""Writes what lies in old packs anew where that makes it smaller.

The rules, in words. A pack is written anew as a whole, or left alone: its frames that get smaller are replaced, the
others are copied, and so are the maps of files that are kept; so nothing needs the old pack any more and all of it can
go. It must become a twentieth smaller for that. Numbers become a delta against the most alike of those chunks that bear
the same label; what was compressed is compressed at a higher level. Byte planes and deltas keep their level: a higher one
gains a hundredth at a fiftieth of the speed. Every chunk is proven before its bytes are encoded or copied, from the very
bytes that are copied; every new encoding is decoded and compared.

    >>> from lastgood.store.backend.memory import MemoryBackend
    >>> from lastgood.testing.index import MemoryIndex
    >>> Reencoder(MemoryBackend(), MemoryIndex(), level=15).seal() is None
    True
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby

from lastgood.errors import Integrity, NotFound
from lastgood.ids import ChunkId, PackId
from lastgood.model.placement import ChunkPlace, Encoding, Frame, Label, PackContents, PlacementIndex
from lastgood.store import codec
from lastgood.store.backend import Piece, Source
from lastgood.store.bases import DEEPEST
from lastgood.store.chunking import chunk_id
from lastgood.store.codec import Base, Written
from lastgood.store.frames import damage
from lastgood.store.pack import PackBuilder, pack_name
from lastgood.store.packing import MOST_ROWS, PACK_BYTES
from lastgood.store.reader import ObjectReader

LEVEL = 15
"""Of Zstandard, where nothing else is said. On source text: 0.239 of its size at level 3, 0.216 at 9 (24 MB/s), 0.207 at
15 (4 MB/s), 0.205 at 19 (1 MB/s)."""

SAVING_THAT_PAYS = 20
MOST_RAW_BYTES = 256 << 20
"""A new pack is put when so many bytes were looked at for it, so that an interruption costs little."""

_AT_ONCE = 4 << 20
_MOST_ROWS_OF_ONE = 5 * MOST_ROWS
_ITEMS = (4, 2, 1, 8)

Progress = Callable[[int], None]

_Read = tuple[tuple["Held", ...], bytes, bytes]
"""The chunks that are read from one frame, the frame as it stands in its pack, and the bytes of these chunks."""


@dataclass(frozen=True, slots=True)
class Held:
    """A chunk that is read from a pack.

    Attributes:
        place: where it is.
        label: what it is labelled with.
        alike: chunks that it may be written against, the nearest first.
        deepest: what its depth may become; what stands on it is deeper.
    """

    place: ChunkPlace
    label: Label | None = None
    alike: tuple[ChunkId, ...] = ()
    deepest: int = DEEPEST


@dataclass(frozen=True, slots=True)
class Replaced:
    """A new pack that is not put yet, with the old ones from which nothing is read once it takes effect."""

    contents: PackContents
    pieces: Sequence[Piece]
    old: tuple[PackId, ...]
    improved: int


@dataclass(frozen=True, slots=True)
class _New:
    """A frame of a new pack; `improved` says of how many chunks it is a better encoding."""

    written: Written
    held: tuple[Held, ...]
    improved: int = 0

    @property
    def raw_length(self) -> int:
        return sum(one.place.length for one in self.held)


@dataclass(slots=True)
class _Standing:
    """What chunks will stand on that were written anew and are not recorded yet."""

    frames: dict[ChunkId, Written] = field(default_factory=dict)
    above: dict[ChunkId, int] = field(default_factory=dict)

    def add(self, chunk: ChunkId, written: Written) -> None:
        self.frames[chunk] = replace(written, pieces=())
        for one in (written.base, written.context):
            if one is not None:
                self.above[one] = min(written.depth, self.above.get(one, written.depth))

    def update(self, other: _Standing) -> None:
        self.frames.update(other.frames)
        for chunk, depth in other.above.items():
            self.above[chunk] = min(depth, self.above.get(chunk, depth))


class Reencoder:
    """Takes old packs, one after the other, and makes new ones; used by one thread, which it gives work to others.

    Args:
        backend: where packs are read; nothing is put.
        index: where chunks are.
        level: of Zstandard.
    """

    def __init__(self, backend: Source, index: PlacementIndex, *, level: int) -> None:
        self._backend = backend
        self._index = index
        self._reader = ObjectReader(backend, index)
        self._level = level
        self._standing = _Standing()
        self._trial = _Standing()
        self._clear()

    def _clear(self) -> None:
        self._builder = PackBuilder()
        self._old: list[PackId] = []
        self._taken: set[ChunkId] = set()
        self._improved = 0
        self._raw_bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether what was taken is enough for a pack."""
        return self._builder.body_bytes >= PACK_BYTES or self._builder.rows >= MOST_ROWS or self._raw_bytes >= MOST_RAW_BYTES

    def has_room_for(self, pack: PackContents) -> bool:
        """Whether the footer of the new pack has room for what an old one describes."""
        return not self._old or self._builder.rows + _rows(pack) <= MOST_ROWS

    def take(self, pack: PackContents, held: Sequence[Held], progress: Progress) -> bool:
        """Write a pack anew if that pays; say whether it does.

        Args:
            pack: an old pack, as its footer says.
            held: what is read from it, in its order.
            progress: told how many bytes of frames were looked at.

        Raises:
            Integrity: something in it is not what it should be, or cannot be read; nothing of it was taken.
        """
        # Somebody may have moved a chunk from a pack that was taken already into this one.
        held = [one for one in held if one.place.chunk not in self._taken]
        length = sum({one.place.frame.offset: one.place.frame.length for one in held}.values())
        if not held or most_to_gain(held) * SAVING_THAT_PAYS < length or _rows(pack) > _MOST_ROWS_OF_ONE:
            progress(length)
            return False
        self._trial = _Standing()
        new = list(self._write(held, progress))
        if (length - sum(one.written.length for one in new)) * SAVING_THAT_PAYS < length:
            return False
        for one in new:
            self._add(one)
        for digest, file in self._index.find_files(list(pack.files)).items():
            self._builder.add_file(digest, file)
        self._standing.update(self._trial)
        self._old.append(pack.pack)
        return True

    def seal(self) -> Replaced | None:
        """Return what was taken as a pack to put, or None where nothing was; begin another."""
        if not self._old:
            return None
        contents, pieces = self._builder.seal()
        sealed = Replaced(contents, pieces, tuple(self._old), self._improved)
        self._clear()
        return sealed

    def forget(self) -> None:
        """Count on nothing that was taken: it is recorded by now, or was given up."""
        self._standing = _Standing()

    def _add(self, new: _New) -> None:
        self._builder.add_frame(new.written, new.raw_length, [(one.place.chunk, one.place.length) for one in new.held])
        for one in new.held:
            self._taken.add(one.place.chunk)
            if one.label is not None:
                self._builder.add_label(one.place.chunk, one.label)
        self._improved += new.improved
        self._raw_bytes += new.raw_length

    def _write(self, held: Sequence[Held], progress: Progress) -> Iterator[_New]:
        """Yield the frames of a pack as they are best written, in their order; text by several threads."""
        with ThreadPoolExecutor(os.cpu_count() or 1, "lastgood-optimize") as pool:
            for window in _windows(held):
                read = [(frame, *self._read(frame)) for frame in window]
                for one, better in zip(read, pool.map(self._compressed, read), strict=True):
                    yield better or self._as_delta(one) or _copy(one)
                progress(sum(frame[0].place.frame.length for frame in window))

    def _compressed(self, read: _Read) -> _New | None:
        """Compress what no numbers are at the higher level, where that makes it smaller."""
        held, encoded, raw = read
        if not _is_text(held):
            return None
        written = codec.encode_thoroughly(raw, self._level)
        is_whole = len(raw) == held[0].place.frame.raw_length
        return _New(written, held, len(held)) if written.length < len(encoded) or not is_whole else None

    def _as_delta(self, read: _Read) -> _New | None:
        held, encoded, raw = read
        one, frame = held[0], held[0].place.frame
        if not _may_be_delta(held):
            return None
        deepest = min(one.deepest, self._above(one.place.chunk) - 1)
        bases = [base for chunk in one.alike if (base := self._base(chunk, deepest - 1, one.place)) is not None]
        if not bases:
            return None
        written = _best_delta(raw, bases, [encoded[0]] if frame.encoding is Encoding.PLANES else _ITEMS)
        if written is None or written.length > frame.length - frame.length // SAVING_THAT_PAYS:
            return None
        self._trial.add(one.place.chunk, written)
        return _New(written, held, 1)

    def _above(self, chunk: ChunkId) -> int:
        return min(self._standing.above.get(chunk, DEEPEST + 1), self._trial.above.get(chunk, DEEPEST + 1))

    def _base(self, chunk: ChunkId, deepest: int, above: ChunkPlace) -> Base | None:
        """Return a chunk as a base of another, or for a deeper one what it stands on; None where that cannot be had."""
        try:
            frame = self._frame_of(chunk)
            while frame.depth > deepest and frame.base is not None:
                chunk = frame.base
                frame = self._frame_of(chunk)
            raw = self._chunk(chunk)
            if frame.depth > deepest or len(raw) != above.length or chunk == above.chunk:
                return None
            order = frame.context or frame.base if frame.encoding is Encoding.DELTA else None
            return Base(chunk, raw, frame.depth, None if order is None else (order, self._chunk(order)))
        except (Integrity, KeyError):
            return None

    def _frame_of(self, chunk: ChunkId) -> Written | Frame:
        written = self._trial.frames.get(chunk) or self._standing.frames.get(chunk)
        return written or self._index.find_chunks([chunk])[chunk].frame

    def _chunk(self, chunk: ChunkId) -> bytes:
        return b"".join(self._reader.read_chunks([chunk]))

    def _read(self, held: tuple[Held, ...]) -> tuple[bytes, bytes]:
        """Return a frame as it stands in its pack, and the bytes of those of its chunks that are read from it, proven."""
        place, frame = held[0].place, held[0].place.frame
        try:
            encoded = self._backend.read(pack_name(place.pack), frame.offset, frame.length)
            whole = self._decode(frame, encoded)
        except NotFound as error:
            raise damage(place, f"is not there: pack {place.pack.short} is missing") from error
        except Integrity as error:
            if "chunk" in error.details:
                raise
            raise damage(place, f"is damaged: {error}") from error
        pieces = [whole[one.place.start : one.place.start + one.place.length] for one in held]
        for one, piece in zip(held, pieces, strict=True):
            if chunk_id(piece) != one.place.chunk:
                raise damage(one.place, "is damaged: its bytes do not have its digest")
        return encoded, pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _decode(self, frame: Frame, encoded: bytes) -> bytes:
        if frame.base is None:
            return bytes(codec.decode(frame.encoding, encoded, frame.raw_length))
        base = self._chunk(frame.base)
        if frame.encoding is Encoding.PATCH:
            return codec.apply_patch(encoded, base, frame.raw_length)
        return bytes(codec.apply_deltas(base, [(encoded, base if frame.context is None else self._chunk(frame.context))]))


def _best_delta(raw: bytes, bases: Sequence[Base], items: Iterable[int]) -> Written | None:
    """Write a chunk as a delta against the most alike of some bases, or say that none pays."""
    from lastgood.store.deltas import guess_numbers, likeness  # noqa: PLC0415  # NumPy costs 65 ms
    from lastgood.store.numbers import Numbers  # noqa: PLC0415  # with it

    ranked = [(likeness(raw, base.raw, Numbers(item)), place, item) for item in items for place, base in enumerate(bases)]
    _, place, item = min(ranked)
    return codec.encode_delta(raw, bases[place], guess_numbers(raw, bases[place].raw, item))


def _rows(pack: PackContents) -> int:
    return len(pack.chunks) + len(pack.files) + sum(len(file.chunks) for file in pack.files.values())


def _copy(read: _Read) -> _New:
    held, encoded, _ = read
    frame = held[0].place.frame
    return _New(Written(frame.encoding, (encoded,), frame.base, frame.context, frame.depth), held)


def _windows(held: Sequence[Held]) -> Iterator[list[tuple[Held, ...]]]:
    """Put chunks together by their frames, and frames up to some MiB."""
    window: list[tuple[Held, ...]] = []
    total = 0
    for _, group in groupby(held, key=lambda one: one.place.frame.offset):
        frame = tuple(group)
        window.append(frame)
        total += frame[0].place.frame.raw_length
        if total >= _AT_ONCE:
            yield window
            window, total = [], 0
    if window:
        yield window


def _is_text(held: tuple[Held, ...]) -> bool:
    """Whether a frame holds no numbers, or only some of its chunks are still read from it: then it is made anew."""
    frame = held[0].place.frame
    is_whole = sum(one.place.length for one in held) == frame.raw_length
    is_worth_it = frame.encoding is Encoding.ZSTD or (frame.encoding is Encoding.RAW and frame.raw_length >= codec.SAMPLED_FROM)
    return not is_whole or (is_worth_it and held[0].label is None)


def _may_be_delta(held: tuple[Held, ...]) -> bool:
    one, encoding = held[0], held[0].place.frame.encoding
    return len(held) == 1 and bool(one.alike) and one.deepest > 0 and encoding in {Encoding.PLANES, Encoding.RAW}


def most_to_gain(held: Sequence[Held]) -> int:
    """Return how many bytes could become free at the most, from what the index says alone."""
    total = 0
    for _, group in groupby(held, key=lambda one: one.place.frame.offset):
        frame = tuple(group)
        length = frame[0].place.frame.length
        if _may_be_delta(frame):
            total += length
        elif _is_text(frame):
            # What a lower level compressed a higher one makes shorter by a seventh; by a quarter it never does.
            total += length // 4 if frame[0].place.frame.encoding is Encoding.ZSTD else length
    return total
