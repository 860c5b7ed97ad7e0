"""How a frame's bytes are written in a pack: `raw`, `zstd`, `planes`, or against another chunk as `delta` or `patch`.

The rules of choice, in words. Bytes of no known structure: try zstd and keep it when it saves a sixteenth or more; of a
large frame try a sample first, so that bytes which do not shrink cost little time. Numbers: byte planes, if they are
smaller than the bytes. Against a base, where there is one: a delta of numbers, or a patch, which is one Zstandard frame
that may copy out of the base; either only if it is smaller than without. The choice depends on the bytes alone.

The rule of trust: whatever was encoded is decoded again and compared before anything relies on it, and decoding never
makes more bytes than it was told to expect.

    >>> written = encode(b"again and again " * 1000)
    >>> written.encoding.name, written.length < 100
    ('ZSTD', True)
    >>> decode(written.encoding, b"".join(written.pieces), 16_000) == b"again and again " * 1000
    True
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from lastgood.errors import Integrity
from lastgood.ids import ChunkId
from lastgood.model.placement import Encoding

if TYPE_CHECKING:
    import zstandard

    from lastgood.store.backend import Piece
    from lastgood.store.numbers import Numbers

LEVEL = 3
SAMPLED_FROM = 128 << 10
SAMPLES = 8
SAMPLE_BYTES = 2 << 10
SAVING_THAT_PAYS = 16
PATCH_COSTS = 150
"""What a frame of its own, with a base, takes in footer and index, in bytes."""


@dataclass(frozen=True, slots=True)
class Written:
    """A frame's bytes as they will stand in a pack, in pieces, and what is needed to read them (`model.placement.Frame`)."""

    encoding: Encoding
    pieces: tuple[Piece, ...]
    base: ChunkId | None = None
    context: ChunkId | None = None
    depth: int = 0

    @property
    def length(self) -> int:
        """How many bytes it takes in the pack."""
        return sum(map(len, self.pieces))


@dataclass(frozen=True, slots=True)
class Base:
    """A chunk that another one may be written against.

    Attributes:
        chunk: its id.
        raw: its bytes.
        depth: that of its frame.
        context: the chunk that its own delta is ordered by, with its bytes; None where it is itself at the root.
    """

    chunk: ChunkId
    raw: Piece
    depth: int = 0
    context: tuple[ChunkId, Piece] | None = None


class Codec(Protocol):
    """One way to write a frame's bytes; threads may share it."""

    def decode(self, encoded: Piece, raw_length: int) -> Piece:
        """Read them back, making exactly `raw_length` bytes.

        Raises:
            ValueError: these bytes do not decode to that length.
        """
        ...


class RawCodec:
    """Bytes as they are."""

    def decode(self, encoded: Piece, raw_length: int) -> Piece:
        """Return the bytes, if they are as many as expected."""
        if len(encoded) != raw_length:
            raise ValueError(f"{len(encoded)} bytes instead of {raw_length}")
        return encoded


class ZstdCodec(threading.local):
    """One Zstandard frame (RFC 8878) that states its content's size and has no dictionary.

    A compressor must not be used by two threads at once, so each thread has its own. The library is imported when it is
    first needed: a process that meets no such frame does without it.
    """

    def __init__(self) -> None:
        self._compressors: dict[int, zstandard.ZstdCompressor] = {}
        self._decompressor: zstandard.ZstdDecompressor | None = None

    def encode(self, raw: Piece, level: int = LEVEL) -> bytes:
        """Compress the bytes."""
        if level not in self._compressors:
            import zstandard  # noqa: PLC0415  # as the class says

            self._compressors[level] = zstandard.ZstdCompressor(level=level)
        return self._compressors[level].compress(raw)

    def decode(self, encoded: Piece, raw_length: int) -> Piece:
        """Decompress them, after checking that they claim the size that is expected."""
        import zstandard  # noqa: PLC0415  # as the class says

        if self._decompressor is None:
            self._decompressor = zstandard.ZstdDecompressor()
        return decompress(self._decompressor, encoded, raw_length)


class PlanesCodec:
    """Byte planes of equal items (`lastgood.store.planes`); NumPy is imported with the first of them."""

    def decode(self, encoded: Piece, raw_length: int) -> Piece:
        """Regroup the bytes."""
        from lastgood.store.planes import decode_planes  # noqa: PLC0415  # as the class says

        return memoryview(decode_planes(encoded, raw_length))


_ZSTD = ZstdCodec()
_CODECS: dict[Encoding, Codec] = {Encoding.RAW: RawCodec(), Encoding.ZSTD: _ZSTD, Encoding.PLANES: PlanesCodec()}


def encode(raw: Piece) -> Written:
    """Write a frame's bytes in the way that pays, and prove that they read back.

    Raises:
        Integrity: they do not; this machine's memory or a library is broken, and nothing may be acknowledged.
    """
    if len(raw) >= SAMPLED_FROM and not _pays(_sample(raw)):
        return Written(Encoding.RAW, (bytes(raw),))
    encoded = _ZSTD.encode(raw)
    if not _is_smaller(encoded, raw):
        return Written(Encoding.RAW, (bytes(raw),))
    return _proven(Written(Encoding.ZSTD, (encoded,)), raw, decode(Encoding.ZSTD, encoded, len(raw)))


def encode_thoroughly(raw: Piece, level: int) -> Written:
    """Write a frame's bytes as `encode` does, but without trusting a sample, and compressed at a higher level.

    Raises:
        Integrity: as `encode`.
    """
    if not _is_smaller(_ZSTD.encode(raw), raw):
        return Written(Encoding.RAW, (bytes(raw),))
    encoded = _ZSTD.encode(raw, level)
    return _proven(Written(Encoding.ZSTD, (encoded,)), raw, decode(Encoding.ZSTD, encoded, len(raw)))


def encode_numbers(raw: Piece, numbers: Numbers) -> Written:
    """Write a frame of numbers in the way that pays, and prove that they read back.

    Raises:
        Integrity: as `encode`.
    """
    from lastgood.store.planes import decode_planes, encode_planes  # noqa: PLC0415  # NumPy costs 65 ms

    written = Written(Encoding.PLANES, tuple(encode_planes(raw, numbers.item)))
    if written.length >= len(raw):
        return Written(Encoding.RAW, (bytes(raw),))
    joined = b"".join(written.pieces)
    return _proven(replace(written, pieces=(joined,)), raw, memoryview(decode_planes(joined, len(raw))))


def encode_delta(raw: Piece, base: Base, numbers: Numbers) -> Written | None:
    """Write a chunk as its delta against a base of the same length, proven, or say that it does not pay.

    Raises:
        Integrity: as `encode`.
    """
    from lastgood.store import deltas  # noqa: PLC0415  # NumPy costs 65 ms

    if not deltas.is_alike(raw, base.raw, numbers):
        return None
    context, ordered_by = (None, base.raw) if base.context is None else base.context
    try:
        encoded = deltas.encode_delta(raw, base.raw, ordered_by, numbers)
    except ValueError as error:
        raise Integrity(f"a delta that was just encoded is not right: {error}; nothing of it was kept") from error
    return Written(Encoding.DELTA, (encoded,), base.chunk, context, base.depth + 1)


def encode_patch(raw: Piece, base: Base) -> Written | None:
    """Write a chunk as a patch of a base, proven, or say that it does not pay.

    Raises:
        Integrity: as `encode`.
    """
    import zstandard  # noqa: PLC0415  # as `ZstdCodec` says

    words = zstandard.ZstdCompressionDict(bytes(base.raw), dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    encoded = zstandard.ZstdCompressor(level=LEVEL, dict_data=words).compress(raw)
    # Alone in its frame it costs a row of its own, so it has to be clearly smaller than without.
    if len(encoded) + PATCH_COSTS > len(_ZSTD.encode(raw)) * 3 // 4:
        return None
    return _proven(Written(Encoding.PATCH, (encoded,), base.chunk, None, base.depth + 1), raw, apply_patch(encoded, base.raw, len(raw)))


def decode(encoding: Encoding, encoded: Piece, raw_length: int) -> Piece:
    """Read a frame's bytes back, where they stand for themselves.

    Raises:
        Integrity: they do not decode, or not to exactly `raw_length` bytes, or they stand on another chunk.
    """
    if encoding.has_base:
        raise Integrity(f"encoded bytes do not decode: a {encoding.name.lower()} was made against a chunk that is not given")
    try:
        return _CODECS[encoding].decode(encoded, raw_length)
    except ValueError as error:
        raise Integrity(f"encoded bytes do not decode: {error}") from error


def apply_deltas(base: Piece, encoded: Sequence[tuple[Piece, Piece]]) -> Piece:
    """Read the chunk at the end of a chain of deltas back: from its base, each delta with its context.

    Raises:
        Integrity: they do not decode.
    """
    from lastgood.store import deltas  # noqa: PLC0415  # NumPy costs 65 ms

    try:
        return deltas.apply_deltas(base, encoded)
    except ValueError as error:
        raise Integrity(f"encoded bytes do not decode: {error}") from error


def apply_patch(encoded: Piece, base: Piece, raw_length: int) -> bytes:
    """Read a patched chunk back.

    Raises:
        Integrity: it does not decode, or not to exactly `raw_length` bytes.
    """
    import zstandard  # noqa: PLC0415  # as `ZstdCodec` says

    words = zstandard.ZstdCompressionDict(bytes(base), dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    try:
        return decompress(zstandard.ZstdDecompressor(dict_data=words), encoded, raw_length)
    except ValueError as error:
        raise Integrity(f"encoded bytes do not decode: {error}") from error


def decompress(decompressor: zstandard.ZstdDecompressor, encoded: Piece, raw_length: int) -> bytes:
    """Decompress one Zstandard frame, after checking that it claims the size that is expected.

    Raises:
        ValueError: it does not decompress to exactly `raw_length` bytes.
    """
    import zstandard  # noqa: PLC0415  # as `ZstdCodec` says

    try:
        # The library allocates what the frame claims, whatever limit it is given; so the claim is checked first.
        claimed = zstandard.frame_content_size(encoded)
        if claimed != raw_length:
            raise ValueError(f"it claims {claimed} bytes instead of {raw_length}")
        raw = decompressor.decompress(encoded, max_output_size=raw_length, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error
    if len(raw) != raw_length:
        raise ValueError(f"{len(raw)} bytes instead of {raw_length}")
    return raw


def _proven(written: Written, raw: Piece, decoded: Piece | bytearray) -> Written:
    # A memory view would be compared number by number; bytes are compared at the speed of memory.
    if bytes(decoded) != bytes(raw):
        raise Integrity("bytes that were just encoded do not read back the same; nothing of them was kept")
    return written


def _pays(raw: bytes) -> bool:
    return _is_smaller(_ZSTD.encode(raw), raw)


def _is_smaller(encoded: bytes, raw: Piece) -> bool:
    return len(encoded) <= len(raw) - len(raw) // SAVING_THAT_PAYS - 1


def _sample(raw: Piece) -> bytes:
    step = (len(raw) - SAMPLE_BYTES) // (SAMPLES - 1)
    return b"".join(raw[start : start + SAMPLE_BYTES] for start in range(0, SAMPLES * step, step))
