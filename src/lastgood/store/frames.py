"""Brings frames out of packs and decodes them: neighbours together, shared ones once.

A frame that holds several chunks is likely to be asked for again soon, so it stays in a small cache. The cache holds what
was decoded, not what was proven: whoever takes a chunk out of a frame checks its id, every time.

    >>> from lastgood.store.backend.memory import MemoryBackend
    >>> FrameLoader(MemoryBackend()).load([])
    {}
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from lastgood.errors import Integrity, NotFound
from lastgood.ids import PackId
from lastgood.model.placement import ChunkPlace
from lastgood.store import codec
from lastgood.store.backend import Source
from lastgood.store.footer import LONGEST_FRAME
from lastgood.store.pack import pack_name

WINDOW_BYTES = 8 << 20
CACHE_BYTES = 32 << 20

FrameKey = tuple[PackId, int]
"""A frame's pack and its offset there."""

Frames = Mapping[FrameKey, bytes]
"""Decoded frames."""

T = TypeVar("T")


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

    def load(self, places: Iterable[ChunkPlace]) -> dict[FrameKey, bytes]:
        """Return the decoded frames that these chunks lie in.

        Raises:
            Integrity: a frame is missing or does not decode; the error names its chunk and its pack.
        """
        wanted: dict[FrameKey, ChunkPlace] = {}
        for place in places:
            wanted.setdefault(key_of(place), place)
        loaded = {key: raw for key in wanted if (raw := self._cache.find(key)) is not None}
        missing = sorted((place for key, place in wanted.items() if key not in loaded), key=key_of)
        for run in _runs(missing):
            for place, raw in zip(run, self._read_run(run), strict=True):
                loaded[key_of(place)] = raw
                if place.length < len(raw):
                    self._cache.keep(key_of(place), raw)
        return loaded

    def load_what_is_right(self, places: Iterable[ChunkPlace]) -> dict[FrameKey, bytes]:
        """Return those of the frames that can be had; whoever needs another asks for it alone and learns what is wrong."""
        try:
            return self.load(places)
        except Integrity:
            return {}

    def _read_run(self, run: Sequence[ChunkPlace]) -> list[bytes]:
        first, last = run[0], run[-1].frame
        start = first.frame.offset
        try:
            data = self._backend.read(pack_name(first.pack), start, last.offset + last.length - start)
        except NotFound as error:
            raise damage(first, f"is not there: pack {first.pack.short} is missing") from error
        except Integrity as error:
            if len(run) == 1:
                raise damage(first, f"cannot be read: {error}") from error
            # The pack was cut short somewhere in this run: what lies before the cut can be had, and the first chunk
            # behind it is the one to name.
            return [raw for place in run for raw in self._read_run([place])]
        return [_decode(place, data[place.frame.offset - start :][: place.frame.length]) for place in run]


class _FrameCache:
    """The frames that were used last, up to `CACHE_BYTES`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._frames: OrderedDict[FrameKey, bytes] = OrderedDict()
        self._bytes = 0

    def find(self, key: FrameKey) -> bytes | None:
        with self._lock:
            raw = self._frames.get(key)
            if raw is not None:
                self._frames.move_to_end(key)
            return raw

    def keep(self, key: FrameKey, raw: bytes) -> None:
        with self._lock:
            self._bytes += len(raw) - len(self._frames.pop(key, b""))
            self._frames[key] = raw
            while self._bytes > CACHE_BYTES:
                self._bytes -= len(self._frames.popitem(last=False)[1])


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


def _decode(place: ChunkPlace, encoded: bytes) -> bytes:
    try:
        return codec.decode(place.frame.encoding, encoded, place.frame.raw_length)
    except Integrity as error:
        raise damage(place, f"is damaged: {error}") from error


def damage(place: ChunkPlace, what: str) -> Integrity:
    """Return the error that says what is wrong with a chunk, and names it and its pack."""
    return Integrity(
        f"chunk {place.chunk.short} of pack {place.pack.short} {what}; nothing of it was given out",
        details={"chunk": str(place.chunk), "pack": str(place.pack)},
    )
