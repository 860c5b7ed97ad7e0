"""Gives back what is kept, and proves every byte of it on the way out.

The rule, in words: a chunk is served only after its BLAKE3 was found to be its id, and the last piece of a file only
after the SHA-256 of the whole was found to be its digest; what is wrong is an `Integrity` error that names chunk and
pack, never wrong bytes. Where bytes are is asked for many files and chunks at a time, frames that lie side by side are
read at once, and small frames that hold several files are decoded once.

    >>> from lastgood.store.backend.memory import MemoryBackend
    >>> from lastgood.store.writer import StoreWriter
    >>> from lastgood.testing.index import MemoryIndex
    >>> backend, index = MemoryBackend(), MemoryIndex()
    >>> writer = StoreWriter(backend, index)
    >>> digest = writer.receive_bytes(b"be brief and warm").digest
    >>> index.absorb(writer.finish())
    >>> ObjectReader(backend, index).read_file(digest)
    b'be brief and warm'
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import BinaryIO, cast

from lastgood.errors import Integrity, Invalid, NotFound
from lastgood.ids import ChunkId, FileDigest
from lastgood.model.placement import ChunkPlace, Encoding, FileMap, FilePart, PlacementIndex
from lastgood.store.backend import Piece, Source
from lastgood.store.chunking import chunk_id
from lastgood.store.codec import Base
from lastgood.store.frames import FrameLoader, Frames, Places, damage, key_of, resolve, windows
from lastgood.store.opened import KeptFile

SMALL = 1 << 20
"""Files of up to this many bytes are looked up and fetched many at a time."""

_SMALL_SHARE = 8
_BATCH_FILES = 500
_BATCH_CHUNKS = 1_000

_File = tuple[FileDigest, FileMap]

ReadBase = Callable[[ChunkId], Base | None]
"""Gives a chunk as a base, or says that it cannot be had."""


class ObjectReader:
    """Reads files and chunks that an index knows; threads may share it.

    Args:
        backend: where the packs are.
        index: where in them the chunks are, and what files are made of.
    """

    def __init__(self, backend: Source, index: PlacementIndex) -> None:
        self._index = index
        self._loader = FrameLoader(backend)

    def read_file(self, digest: FileDigest, *, limit: int | None = None) -> bytes:
        """Return a whole file.

        Raises:
            NotFound: it is not kept here.
            Invalid: it is larger than the limit, in bytes.
            Integrity: what is kept is not what it should be.
        """
        file = self._find_files([digest])[digest]
        if limit is not None and file.size > limit:
            raise Invalid(f"file {digest.short} has {file.size} bytes, more than the {limit} that are read at once")
        return b"".join(_prove(digest, file, self._serve(file.chunks)))

    def stream_file(self, digest: FileDigest) -> Iterator[Piece]:
        """Return a file's bytes piece by piece; the last one comes only after the whole file was found right.

        Raises:
            NotFound: it is not kept here; raised at once.
            Integrity: what is kept is not what it should be; raised when that piece's turn comes.
        """
        file = self._find_files([digest])[digest]
        return _prove(digest, file, self._serve(file.chunks))

    def stream_files(self, digests: Iterable[FileDigest]) -> Iterator[tuple[FileDigest, Iterator[Piece]]]:
        """Yield many files, each once and in the order that reads packs forward, with its pieces as `stream_file` gives them.

        One that is damaged raises while its own pieces are taken; the others can still be had.

        Raises:
            NotFound: one of them is not kept here.
        """
        rest = iter(dict.fromkeys(digests))
        while batch := list(islice(rest, _BATCH_FILES)):
            files = self._find_files(batch)
            yield from self._stream_small([(digest, file) for digest, file in files.items() if file.size <= SMALL])
            for digest, file in files.items():
                if file.size > SMALL:
                    yield digest, _prove(digest, file, self._serve(file.chunks))

    def open_file(self, digest: FileDigest) -> BinaryIO:
        """Open a file to be read from any place; each chunk that is read is proven.

        Raises:
            NotFound: it is not kept here; raised at once.
            Integrity: a chunk is not what it should be; raised when it is read.
        """
        file = self._find_files([digest])[digest]
        places = self._index.find_chunks(list(set(file.chunks)))
        chunks = [(chunk, _place(chunk, places).length) for chunk in file.chunks]
        return cast("BinaryIO", io.BufferedReader(KeptFile(chunks, lambda chunk: next(self._serve([chunk])))))

    def parts_of(self, digest: FileDigest) -> list[FilePart]:
        """Return the chunks of a file, in order.

        Raises:
            NotFound: it is not kept here.
            Integrity: a chunk is nowhere.
        """
        file = self._find_files([digest])[digest]
        places = self._index.find_chunks(list(set(file.chunks)))
        return [FilePart(chunk, _place(chunk, places).length) for chunk in file.chunks]

    def read_chunks(self, chunks: Iterable[ChunkId]) -> Iterator[Piece]:
        """Yield the bytes of chunks, in their order.

        Raises:
            Integrity: one of them is nowhere, or not what it should be.
        """
        return self._serve(chunks)

    def bases(self, chunks: Sequence[ChunkId], deepest: int) -> ReadBase:
        """Return what gives chunks, proven, as bases that others may be written against; threads may share it.

        Args:
            chunks: the chunks that others resemble.
            deepest: a base has at most this depth, or twice that if its frame is small; for a deeper chunk one far down its
                chain is given.
        """
        try:
            return partial(self._read_base, resolve(self._index, chunks), deepest)
        except Integrity:
            return lambda _: None

    def _read_base(self, places: Places, deepest: int, chunk: ChunkId) -> Base | None:
        try:
            place = _at_most(deepest, chunk, places)
            context = _context_of(place)
            needed = [place] if context is None else [place, places[context]]
            frames = self._loader.load(needed, places)
        except (Integrity, KeyError):
            # What is damaged or gone is a matter of `verify`; a commit does without.
            return None
        raws = [_cut_out(one, frames[key_of(one)]) for one in needed]
        # A context that was wrong would have put the numbers of the base in a wrong order: the base proves it, too.
        if chunk_id(raws[0]) != place.chunk:
            return None
        return Base(place.chunk, raws[0], place.frame.depth, None if context is None else (context, raws[1]))

    def _find_files(self, digests: list[FileDigest]) -> Mapping[FileDigest, FileMap]:
        found = self._index.find_files(digests)
        for digest in digests:
            if digest not in found:
                raise NotFound(f"file {digest.short} is not kept here", details={"file": str(digest)})
        return found

    def _stream_small(self, files: list[_File]) -> Iterator[tuple[FileDigest, Iterator[Piece]]]:
        places = resolve(self._index, (chunk for _, file in files for chunk in file.chunks))
        files.sort(key=lambda item: _position(item[1], places))
        known = [(digest, file, [places[chunk] for chunk in file.chunks if chunk in places]) for digest, file in files]
        for window in windows(known, lambda item: item[2]):
            frames = self._loader.load_what_is_right([place for _, _, needed in window for place in needed], places)
            for digest, file, _ in window:
                yield digest, _prove(digest, file, self._serve_places(file.chunks, places, frames))

    def _serve(self, chunks: Iterable[ChunkId]) -> Iterator[Piece]:
        rest = iter(chunks)
        while batch := list(islice(rest, _BATCH_CHUNKS)):
            yield from self._serve_places(batch, resolve(self._index, batch), {})

    def _serve_places(self, chunks: Sequence[ChunkId], places: Places, frames: Frames) -> Iterator[Piece]:
        for window in windows([_place(chunk, places) for chunk in chunks], lambda place: [place]):
            loaded = self._loader.load([place for place in window if key_of(place) not in frames], places)
            for place in window:
                key = key_of(place)
                yield self._proven(place, loaded[key] if key in loaded else frames[key])

    def _proven(self, place: ChunkPlace, raw: Piece) -> Piece:
        piece = _cut_out(place, raw)
        if chunk_id(piece) == place.chunk:
            return piece
        # What is wrong may be a chunk that it stands on: that one is then named by its own reading.
        for _ in self._serve(place.frame.needs):
            pass
        raise damage(place, "is damaged: its bytes do not have its digest")


def _place(chunk: ChunkId, places: Places) -> ChunkPlace:
    try:
        return places[chunk]
    except KeyError:
        raise Integrity(f"chunk {chunk.short} is in no pack that the index knows", details={"chunk": str(chunk)}) from None


def _at_most(deepest: int, chunk: ChunkId, places: Places) -> ChunkPlace:
    place = places[chunk]
    is_small = place.frame.length * _SMALL_SHARE < place.frame.raw_length
    if place.frame.depth > (2 * deepest if is_small else deepest):
        while place.frame.depth > deepest // 2 and place.frame.base is not None:
            place = places[place.frame.base]
    return place


def _context_of(place: ChunkPlace) -> ChunkId | None:
    return place.frame.context or place.frame.base if place.frame.encoding is Encoding.DELTA else None


def _position(file: FileMap, places: Places) -> tuple[bytes, int, int]:
    first = places.get(file.chunks[0]) if file.chunks else None
    return (first.pack, first.frame.offset, first.start) if first else (b"", 0, 0)


def _cut_out(place: ChunkPlace, raw: Piece) -> Piece:
    return raw if place.length == len(raw) else memoryview(raw)[place.start : place.start + place.length]


def _prove(digest: FileDigest, file: FileMap, pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Pass a file's pieces on, the last one only after the whole was found to be what the digest says."""
    hasher = hashlib.sha256()
    size = 0
    held: Piece | None = None
    for piece in pieces:
        if held is not None:
            yield held
        hasher.update(piece)
        size += len(piece)
        held = piece
    if size != file.size or hasher.digest() != digest:
        raise Integrity(
            f"file {digest.short} is not what its chunks add up to; its last part was not given out", details={"file": str(digest)}
        )
    if held is not None:
        yield held
