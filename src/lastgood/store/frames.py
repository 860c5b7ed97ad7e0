"""Brings frames out of packs and decodes them: neighbours together, shared ones once, and those that others stand on first.

A frame that was written against a base needs the base's chunk, and that may need another: a chain, whose places
`resolve` finds, and whose deltas are added up without making a chunk of each.

A frame that holds several chunks is likely to be asked for again soon, so it stays in a small cache. The cache holds what
was decoded, not what was proven: whoever takes a chunk out of a frame checks its id, every time.

    >>> from lastgood.store.backend.memory import MemoryBackend
    >>> FrameLoader(MemoryBackend()).load([], {})
    {}
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

from lastgood.errors import Integrity, NotFound
from lastgood.ids import ChunkId, PackId
from lastgood.model.placement import ChunkPlace, Encoding, PlacementIndex
from lastgood.store import codec
from lastgood.store.backend import Piece, Source
from lastgood.store.footer import LONGEST_FRAME
from lastgood.store.pack import pack_name
from lastgood.store.workers import WORKERS

WINDOW_BYTES = 8 << 20
CACHE_BYTES = 32 << 20

FrameKey = tuple[PackId, int]
"""A frame's pack and its offset there."""

Frames = Mapping[FrameKey, Piece]
"""Decoded frames."""

T = TypeVar("T")


Places = Mapping[ChunkId, ChunkPlace]
"""Where chunks are."""


def resolve(index: PlacementIndex, chunks: Iterable[ChunkId]) -> dict[ChunkId, ChunkPlace]:
    """Return where chunks are, and all that they stand on; what is nowhere is left out.

    Raises:
        Integrity: a chunk stands on one that is no less deep: the index is wrong, and there might be no end.
    """
    found: dict[ChunkId, ChunkPlace] = {}
    asked = set(chunks)
    new = list(asked)
    while new:
        places = index.find_chunks(new)
        found.update(places)
        asked.update(new)
        new = list({one for place in places.values() for one in place.frame.needs if one not in asked})
    for place in found.values():
        if any(one in found and found[one].frame.depth >= place.frame.depth for one in place.frame.needs):
            raise damage(place, "stands on one that is no less deep; the index is wrong")
    return found


def key_of(place: ChunkPlace) -> FrameKey:
    """Return which frame a chunk lies in."""
    return place.pack, place.frame.offset


def windows(items: Iterable[T], places_of: Callable[[T], Sequence[ChunkPlace]]) -> Iterator[list[T]]:
    """Divide items, in order, so that each group's frames decode to about `WINDOW_BYTES` or, with one item, as need be."""
    window: list[T] = []
    frames: set[FrameKey] = set()
    total = 0
    for item in items:
        new = {key_of(place): place.frame.raw_length for place in places_of(item) if key_of(place) not in frames}
        if window and total + sum(new.values()) > WINDOW_BYTES:
            yield window
            window, total = [], 0
            frames.clear()
            new = {key_of(place): place.frame.raw_length for place in places_of(item)}
        window.append(item)
        frames.update(new)
        total += sum(new.values())
    if window:
        yield window


class FrameLoader:
    """Reads and decodes the frames that chunks lie in; threads may share it."""

    def __init__(self, backend: Source) -> None:
        self._backend = backend
        self._cache = _FrameCache()

    def load(self, places: Iterable[ChunkPlace], known: Places) -> dict[FrameKey, Piece]:
        """Return the decoded frames that these chunks lie in.

        Args:
            places: the chunks.
            known: where the chunks are that they stand on (`resolve`).

        Raises:
            Integrity: a frame is missing or does not decode; the error names its chunk and its pack.
        """
        wanted: dict[FrameKey, ChunkPlace] = {}
        for place in places:
            wanted.setdefault(key_of(place), place)
        loaded = {key: raw for key in wanted if (raw := self._cache.find(key)) is not None}
        missing = _with_bases((place for key, place in wanted.items() if key not in loaded), known)
        encoded: dict[FrameKey, Piece] = {}
        for run in _runs(sorted(missing.values(), key=key_of)):
            encoded.update(zip(map(key_of, run), self._read_run(run), strict=True))
        chains = _Chains(encoded, known, loaded)
        lacking = [(key, place) for key, place in wanted.items() if key not in loaded]
        # What stands on another of them would make that one once more at the same time: then they take turns.
        here = {place.chunk for _, place in lacking}
        take_turns = any(one in here for _, place in lacking for one in place.frame.needs)
        jobs = [partial(chains.decode, place) for _, place in lacking]
        for (key, place), raw in zip(lacking, [job() for job in jobs] if take_turns else WORKERS.run(jobs), strict=True):
            loaded[key] = raw
            if place.length < len(raw):
                self._cache.keep(key, raw)
        return {key: loaded[key] for key in wanted}

    def load_what_is_right(self, places: Iterable[ChunkPlace], known: Places) -> dict[FrameKey, Piece]:
        """Return those of the frames that can be had; whoever needs another asks for it alone and learns what is wrong."""
        try:
            return self.load(places, known)
        except Integrity:
            return {}

    def _read_run(self, run: Sequence[ChunkPlace]) -> list[Piece]:
        first, last = run[0], run[-1].frame
        start = first.frame.offset
        try:
            data = memoryview(self._backend.read(pack_name(first.pack), start, last.offset + last.length - start))
        except NotFound as error:
            raise damage(first, f"is not there: pack {first.pack.short} is missing") from error
        except Integrity as error:
            if len(run) == 1:
                raise damage(first, f"cannot be read: {error}") from error
            # The pack was cut short somewhere in this run: what lies before the cut can be had, and the first chunk
            # behind it is the one to name.
            return [raw for place in run for raw in self._read_run([place])]
        starts = [place.frame.offset - start for place in run]
        return [data[at : at + place.frame.length] for at, place in zip(starts, run, strict=True)]


class _Chains:
    """Decodes frames, those first that they stand on; what others stand on is made once."""

    def __init__(self, encoded: Mapping[FrameKey, Piece], known: Places, decoded: dict[FrameKey, Piece]) -> None:
        self._encoded = encoded
        self._known = known
        self._decoded = decoded

    def decode(self, place: ChunkPlace) -> Piece:
        """Return a frame's bytes, not proven yet."""
        frame = place.frame
        try:
            if frame.encoding is Encoding.DELTA:
                return self._add_up(place)
            if frame.encoding is Encoding.PATCH:
                return codec.apply_patch(self._encoded[key_of(place)], self._chunk(frame.base), frame.raw_length)
            return codec.decode(frame.encoding, self._encoded[key_of(place)], frame.raw_length)
        except Integrity as error:
            if "chunk" in error.details:
                raise
            raise damage(place, f"is damaged: {error}") from error

    def _add_up(self, place: ChunkPlace) -> Piece:
        deltas: list[tuple[Piece, Piece]] = []
        at = place
        while at.frame.encoding is Encoding.DELTA and key_of(at) not in self._decoded:
            deltas.append((self._encoded[key_of(at)], self._chunk(at.frame.context or at.frame.base)))
            at = self._place(at.frame.base)
        raw = codec.apply_deltas(self._chunk(at.chunk), deltas[::-1])
        if len(raw) != place.frame.raw_length:
            raise damage(place, "does not have the length of its base")
        return raw

    def _chunk(self, chunk: ChunkId | None) -> Piece:
        place = self._place(chunk)
        key = key_of(place)
        if key not in self._decoded:
            self._decoded[key] = self.decode(place)
        raw = self._decoded[key]
        # A context that is also the root of its chain must be one object, which the order of its numbers is known by.
        return raw if place.length == len(raw) else memoryview(raw)[place.start : place.start + place.length]

    def _place(self, chunk: ChunkId | None) -> ChunkPlace:
        assert chunk is not None  # noqa: S101  # a frame with a base has one; `_with_bases` has found it
        return self._known[chunk]


class _FrameCache:
    """The frames that were used last, up to `CACHE_BYTES`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._frames: OrderedDict[FrameKey, Piece] = OrderedDict()
        self._bytes = 0

    def find(self, key: FrameKey) -> Piece | None:
        with self._lock:
            raw = self._frames.get(key)
            if raw is not None:
                self._frames.move_to_end(key)
            return raw

    def keep(self, key: FrameKey, raw: Piece) -> None:
        with self._lock:
            self._bytes += len(raw) - len(self._frames.pop(key, b""))
            self._frames[key] = raw
            while self._bytes > CACHE_BYTES:
                self._bytes -= len(self._frames.popitem(last=False)[1])


def _with_bases(places: Iterable[ChunkPlace], known: Places) -> dict[FrameKey, ChunkPlace]:
    """Return the places of frames, and of all that they stand on.

    Raises:
        Integrity: one of these is in no pack.
    """
    frames: dict[FrameKey, ChunkPlace] = {}
    new = list(places)
    while new:
        place = new.pop()
        if key_of(place) in frames:
            continue
        frames[key_of(place)] = place
        for one in place.frame.needs:
            if one not in known:
                raise damage(place, f"stands on chunk {one.short}, which is in no pack that the index knows")
            new.append(known[one])
    return frames


def _runs(places: Iterable[ChunkPlace]) -> Iterator[list[ChunkPlace]]:
    """Put sorted places together whose frames lie side by side, up to `WINDOW_BYTES` in the pack."""
    run: list[ChunkPlace] = []
    for place in places:
        _check(place)
        if run and not (_follows(place, run[-1]) and place.frame.offset - run[0].frame.offset < WINDOW_BYTES):
            yield run
            run = []
        run.append(place)
    if run:
        yield run


def _follows(place: ChunkPlace, before: ChunkPlace) -> bool:
    return place.pack == before.pack and place.frame.offset == before.frame.offset + before.frame.length


def _check(place: ChunkPlace) -> None:
    frame = place.frame
    is_bounded = 0 < frame.length <= LONGEST_FRAME and 0 < frame.raw_length <= LONGEST_FRAME
    if not (is_bounded and place.start >= 0 and 0 < place.length <= frame.raw_length - place.start):
        raise damage(place, "has a place that no chunk can have; the index is wrong")


def damage(place: ChunkPlace, what: str) -> Integrity:
    """Return the error that says what is wrong with a chunk, and names it and its pack."""
    return Integrity(
        f"chunk {place.chunk.short} of pack {place.pack.short} {what}; nothing of it was given out",
        details={"chunk": str(place.chunk), "pack": str(place.pack)},
    )
