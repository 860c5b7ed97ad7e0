"""The pack: one immutable object in a backend that holds encoded chunks and describes itself.

A pack is named `packs/ab/<64 hex digits>.pack` after its `PackId`, BLAKE3-256 of all of its bytes (`ab` are the first two
digits). All numbers are little-endian. Version 2:

    header                 8    "LGPACK" and the version, u16
    frames                 …    one after the other, without gaps
    footer                 …    columns, below; encoded as the trailer says
    trailer               60
        footer offset      u64  where the footer starts, so also where the frames end
        footer length      u32  its length in the pack
        footer raw length  u32  its decoded length, at most 64 MiB
        footer encoding    u8   its `Encoding` number
        zero               3
        digest             32   BLAKE3-256 of header, footer (as it stands in the pack) and the 20 bytes above
        magic              8    "LGPKEND" and LF

    footer, decoded
        counts             7 u32   F frames, C chunks, E chunks elsewhere, N files, R references, B frames with a base,
                                   L labels
        of each frame      F u32   length in the pack; frames follow each other, so this gives their offsets
                           F u32   decoded length, 1 byte to 16 MiB
                           F u32   how many chunks it holds; they follow each other and fill it
                           F u8    `Encoding` number
        of each chunk      C × 32  BLAKE3-256 of its decoded bytes; no chunk stands twice
                           C u32   its length, at least 1
        chunks elsewhere   E × 32  ids of chunks that files here are made of and that lie in other packs
        of each file       N × 32  SHA-256 of its bytes; no file stands twice
                           N u64   its size
                           N u32   of how many chunks it is made
        references         R u32   the files' chunks, file after file: a number below C is a chunk of this pack,
                                   C + i is number i of the chunks elsewhere
        of each frame      B × 32  the chunk that it was made against, wherever that lies
          with a base      B × 32  the chunk that its delta is ordered by; zeros where that is the base
                           B u8    its depth, 1 to 200: more than those of these chunks
        labels             L u32   the number of a chunk of this pack that is a part of a tensor
                           L u64   its label (`lastgood.store.layout`), below 2 to the 63

Version 1 has neither the last two counts nor what they count. It is read for ever and no longer written.

The footers alone give the whole index back (`lastgood.store.index`). The digest in the trailer proves the footer; a
chunk's id proves the chunk whenever it is read; the pack's name proves all of it at once (`verify_pack`). A pack is put only
after every pack that holds a chunk its files name, so that what a killed process leaves never maps a file to bytes that
were not written. Packs come from anywhere, so nothing in one is believed before it is checked.

    >>> from lastgood.store.backend.memory import MemoryBackend
    >>> from lastgood.store.chunking import chunk_id
    >>> builder = PackBuilder()
    >>> builder.add_frame(Written(Encoding.RAW, (b"hello",)), 5, [(chunk_id(b"hello"), 5)])
    >>> builder.add_file(FileDigest.of(b"hello"), FileMap(5, (chunk_id(b"hello"),)))
    >>> contents, pieces = builder.seal()
    >>> backend = MemoryBackend()
    >>> backend.put(pack_name(contents.pack), pieces)
    >>> read_footer(backend, contents.pack) == contents
    True
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from blake3 import blake3

from lastgood.errors import Integrity, LastgoodError, NewerSchema, NotFound
from lastgood.ids import ChunkId, FileDigest, PackId
from lastgood.model.placement import ChunkInPack, Encoding, FileMap, Frame, Label, PackContents
from lastgood.store import codec
from lastgood.store.backend import Piece, Source
from lastgood.store.codec import Written
from lastgood.store.footer import HEADER_BYTES, LONGEST_FOOTER, VERSION, BadFooter, parse_footer, write_footer

FOLDER = "packs"
QUARANTINE = "quarantine"
"""Where damaged packs are kept out of the way, until somebody deletes them."""

_MAGIC = b"LGPACK"
_HEADER = struct.Struct("<6sH")
_TRAILER_NUMBERS = struct.Struct("<QIIB3x")
_END_MAGIC = b"LGPKEND\n"
_DIGEST_BYTES = 32
_TRAILER_BYTES = _TRAILER_NUMBERS.size + _DIGEST_BYTES + len(_END_MAGIC)
_READ_AT_ONCE = 64 << 10
_VERIFIED_AT_ONCE = 4 << 20

Progress = Callable[[int], None]
"""Told, now and then, how many bytes more were read."""


def pack_name(pack: PackId) -> str:
    """Return the name that a pack has in a backend."""
    return f"{FOLDER}/{pack.hex()[:2]}/{pack.hex()}.pack"


class PackBuilder:
    """Gathers frames and file maps in memory and seals them into one pack; it does no I/O."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = [_HEADER.pack(_MAGIC, VERSION)]
        self._frames: list[Frame] = []
        self._chunks: list[ChunkInPack] = []
        self._files: dict[FileDigest, FileMap] = {}
        self._labels: dict[ChunkId, Label] = {}
        self._references = 0
        self._end = HEADER_BYTES

    @property
    def body_bytes(self) -> int:
        """The bytes of the frames that were added."""
        return self._end - HEADER_BYTES

    @property
    def rows(self) -> int:
        """How many rows its footer has: what a limit on the footer's size goes by."""
        return len(self._chunks) + len(self._files) + self._references

    def add_frame(self, written: Written, raw_length: int, chunks: Sequence[tuple[ChunkId, int]]) -> None:
        """Add a frame and the chunks that fill it, each with its length in bytes."""
        number, start = len(self._frames), 0
        length = sum(map(len, written.pieces))
        self._frames.append(Frame(self._end, length, raw_length, written.encoding, written.base, written.context, written.depth))
        for chunk, chunk_length in chunks:
            self._chunks.append(ChunkInPack(chunk, number, start, chunk_length))
            start += chunk_length
        self._pieces += written.pieces
        self._end += length

    def add_label(self, chunk: ChunkId, label: Label) -> None:
        """Label a chunk that was added."""
        self._labels[chunk] = label

    def add_file(self, digest: FileDigest, file: FileMap) -> None:
        """Add a file's map, whose chunks are here or in packs that are durable already."""
        self._files[digest] = file
        self._references += len(file.chunks)

    def seal(self) -> tuple[PackContents, list[Piece]]:
        """Return what the pack holds, and its bytes in pieces."""
        footer = write_footer(self._frames, self._chunks, self._files, self._labels)
        written = codec.encode(footer)
        encoding, encoded = written.encoding, b"".join(written.pieces)
        numbers = _TRAILER_NUMBERS.pack(self._end, len(encoded), len(footer), encoding)
        digest = blake3(self._pieces[0]).update(encoded).update(numbers).digest()
        pieces = [*self._pieces, encoded, numbers + digest + _END_MAGIC]
        hasher = blake3()
        for piece in pieces:
            hasher.update(piece)
        return (
            PackContents(
                pack=PackId(hasher.digest()),
                size=sum(len(piece) for piece in pieces),
                frames=tuple(self._frames),
                chunks=tuple(self._chunks),
                files=self._files,
                labels=self._labels,
            ),
            pieces,
        )


def read_footer(backend: Source, pack: PackId) -> PackContents:
    """Read what a pack holds, from its own footer.

    Raises:
        Integrity: the pack is not there, or is not as it was written; `details["pack"]` names it.
        NewerSchema: a newer version wrote it.
    """
    name = pack_name(pack)
    try:
        size = backend.size(name)
        trailer, tail = _read_trailer(backend, name, size)
        version, footer = _read_encoded_footer(backend, name, trailer, tail)
        parsed = parse_footer(footer, body_length=trailer.footer_offset - HEADER_BYTES, version=version)
    except NotFound as error:
        raise Integrity(f"pack {pack.short} is missing", details={"pack": str(pack)}) from error
    except NewerSchema as error:
        raise NewerSchema(f"pack {pack.short} cannot be read: {error}", details={"pack": str(pack)}) from error
    except (BadFooter, Integrity) as error:
        raise Integrity(f"pack {pack.short} is damaged: {error}; nothing of it was used", details={"pack": str(pack)}) from error
    return PackContents(pack, size, parsed.frames, parsed.chunks, parsed.files, parsed.labels)


def verify_pack(backend: Source, pack: PackId, progress: Progress | None = None) -> PackContents:
    """Read every byte of a pack, check that they are those that were written, and return what it holds.

    The writer proved that every frame reads back before it named the pack after its bytes, so the name proves the frames.

    Args:
        backend: where it is.
        pack: its name.
        progress: told how many bytes more were read.

    Raises:
        Integrity: the pack is not there, or a byte of it is wrong; `details["pack"]` names it.
        NewerSchema: a newer version wrote it.
    """
    contents = read_footer(backend, pack)
    hasher = blake3()
    for piece in read_whole(backend, pack, contents.size):
        hasher.update(piece)
        if progress is not None:
            progress(len(piece))
    if hasher.digest() != pack:
        raise Integrity(f"pack {pack.short} is damaged: its bytes do not have its name's digest", details={"pack": str(pack)})
    return contents


def read_whole(backend: Source, pack: PackId, size: int) -> Iterator[bytes]:
    """Yield every byte of a pack as it lies there, which proves nothing yet."""
    for offset in range(0, size, _VERIFIED_AT_ONCE):
        yield backend.read(pack_name(pack), offset, min(_VERIFIED_AT_ONCE, size - offset))


def digest_of(backend: Source, name: str) -> bytes | None:
    """Return the BLAKE3-256 of whatever is kept under a name; None if it cannot be read."""
    hasher = blake3()
    try:
        size = backend.size(name)
        for offset in range(0, size, _VERIFIED_AT_ONCE):
            hasher.update(backend.read(name, offset, min(_VERIFIED_AT_ONCE, size - offset)))
    except LastgoodError:
        return None
    return bytes(hasher.digest())


@dataclass(frozen=True, slots=True)
class _Trailer:
    footer_offset: int
    footer_length: int
    footer_raw_length: int
    footer_encoding: int
    numbers: bytes
    digest: bytes


def _read_trailer(backend: Source, name: str, size: int) -> tuple[_Trailer, bytes]:
    if size < HEADER_BYTES + _TRAILER_BYTES:
        raise BadFooter(f"it has {size} bytes, fewer than any pack")
    length = min(size, _READ_AT_ONCE)
    tail = backend.read(name, size - length, length)
    raw = tail[-_TRAILER_BYTES:]
    if not raw.endswith(_END_MAGIC):
        raise BadFooter("it does not end like a pack: it was cut short, or is something else")
    numbers = raw[: _TRAILER_NUMBERS.size]
    digest = raw[_TRAILER_NUMBERS.size : _TRAILER_NUMBERS.size + _DIGEST_BYTES]
    offset, footer_length, footer_raw_length, encoding = _TRAILER_NUMBERS.unpack(numbers)
    if offset < HEADER_BYTES or offset + footer_length + _TRAILER_BYTES != size:
        raise BadFooter("its footer does not lie between its frames and its trailer")
    return _Trailer(offset, footer_length, footer_raw_length, encoding, numbers, digest), tail


def _read_encoded_footer(backend: Source, name: str, trailer: _Trailer, tail: bytes) -> tuple[int, bytes]:
    length = trailer.footer_length
    if max(length, trailer.footer_raw_length) > LONGEST_FOOTER:
        raise BadFooter(f"its footer claims {trailer.footer_raw_length} bytes in {length}")
    if length + _TRAILER_BYTES <= len(tail):
        encoded = tail[len(tail) - _TRAILER_BYTES - length : len(tail) - _TRAILER_BYTES]
    else:
        encoded = backend.read(name, trailer.footer_offset, length)
    header = backend.read(name, 0, HEADER_BYTES)
    if blake3(header).update(encoded).update(trailer.numbers).digest() != trailer.digest:
        raise BadFooter("its footer does not have the digest that its trailer states")
    return _check_header(header), bytes(codec.decode(_footer_encoding(trailer), encoded, trailer.footer_raw_length))


def _check_header(header: bytes) -> int:
    # The digest was right, so these bytes are what a writer meant: another version is a newer one, not damage.
    magic, version = _HEADER.unpack(header)
    if magic != _MAGIC:
        raise BadFooter("it does not begin like a pack")
    if not 1 <= version <= VERSION:
        raise NewerSchema(f"it has format version {version}, and this version reads 1 to {VERSION}")
    return int(version)


def _footer_encoding(trailer: _Trailer) -> Encoding:
    number = trailer.footer_encoding
    if number in {Encoding.RAW, Encoding.ZSTD}:
        return Encoding(number)
    if number in Encoding._value2member_map_:
        raise BadFooter(f"its footer has encoding number {number}, which no footer has")
    raise NewerSchema(f"its footer has encoding number {number}, which this version does not know")
