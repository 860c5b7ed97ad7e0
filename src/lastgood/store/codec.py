"""How a frame's bytes are written in a pack: `raw`, or `zstd` where that pays.

The rule of choice, in words: try zstd and keep it when it saves a sixteenth or more; of a large frame try a sample
first, so that bytes which do not shrink cost little time. The choice depends on the bytes alone. The rule of trust:
whatever was encoded is decoded again and compared before anything relies on it, and decoding never makes more bytes
than it was told to expect.

An encoding is one small object in `_CODECS`; another one is added there, with its number in `Encoding`.

    >>> encoding, encoded = encode(b"again and again " * 1000)
    >>> encoding.name, len(encoded) < 100
    ('ZSTD', True)
    >>> decode(encoding, encoded, 16_000) == b"again and again " * 1000
    True
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from lastgood.errors import Integrity
from lastgood.model.placement import Encoding

if TYPE_CHECKING:
    import zstandard

LEVEL = 3
SAMPLED_FROM = 128 << 10
SAMPLES = 8
SAMPLE_BYTES = 2 << 10
SAVING_THAT_PAYS = 16


class Codec(Protocol):
    """One way to write a frame's bytes; threads may share it."""

    def encode(self, raw: bytes) -> bytes:
        """Write the bytes in this way."""
        ...

    def decode(self, encoded: bytes, raw_length: int) -> bytes:
        """Read them back, making exactly `raw_length` bytes.

        Raises:
            ValueError: these bytes do not decode to that length.
        """
        ...


class RawCodec:
    """Bytes as they are."""

    def encode(self, raw: bytes) -> bytes:
        """Return the bytes."""
        return raw

    def decode(self, encoded: bytes, raw_length: int) -> bytes:
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
        self._compressor: zstandard.ZstdCompressor | None = None
        self._decompressor: zstandard.ZstdDecompressor | None = None

    def encode(self, raw: bytes) -> bytes:
        """Compress the bytes."""
        if self._compressor is None:
            import zstandard  # noqa: PLC0415  # as the class says

            self._compressor = zstandard.ZstdCompressor(level=LEVEL)
        return self._compressor.compress(raw)

    def decode(self, encoded: bytes, raw_length: int) -> bytes:
        """Decompress them, after checking that they claim the size that is expected."""
        import zstandard  # noqa: PLC0415  # as the class says

        if self._decompressor is None:
            self._decompressor = zstandard.ZstdDecompressor()
        try:
            # The library allocates what the frame claims, whatever limit it is given; so the claim is checked first.
            claimed = zstandard.frame_content_size(encoded)
            if claimed != raw_length:
                raise ValueError(f"it claims {claimed} bytes instead of {raw_length}")
            raw = self._decompressor.decompress(encoded, max_output_size=raw_length, allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from error
        if len(raw) != raw_length:
            raise ValueError(f"{len(raw)} bytes instead of {raw_length}")
        return raw


_RAW = RawCodec()
_ZSTD = ZstdCodec()
_CODECS: dict[Encoding, Codec] = {Encoding.RAW: _RAW, Encoding.ZSTD: _ZSTD}


def encode(raw: bytes) -> tuple[Encoding, bytes]:
    """Write a frame's bytes in the way that pays, and prove that they read back.

    Raises:
        Integrity: they do not; this machine's memory or a library is broken, and nothing may be acknowledged.
    """
    if len(raw) >= SAMPLED_FROM and not _pays(_sample(raw)):
        return Encoding.RAW, raw
    encoded = _ZSTD.encode(raw)
    if not _is_smaller(encoded, raw):
        return Encoding.RAW, raw
    if decode(Encoding.ZSTD, encoded, len(raw)) != raw:
        raise Integrity("bytes that were just encoded do not read back the same; nothing of them was kept")
    return Encoding.ZSTD, encoded


def decode(encoding: Encoding, encoded: bytes, raw_length: int) -> bytes:
    """Read a frame's bytes back.

    Raises:
        Integrity: they do not decode, or not to exactly `raw_length` bytes.
    """
    try:
        return _CODECS[encoding].decode(encoded, raw_length)
    except ValueError as error:
        raise Integrity(f"encoded bytes do not decode: {error}") from error


def _pays(raw: bytes) -> bool:
    return _is_smaller(_ZSTD.encode(raw), raw)


def _is_smaller(encoded: bytes, raw: bytes) -> bool:
    return len(encoded) <= len(raw) - len(raw) // SAVING_THAT_PAYS - 1


def _sample(raw: bytes) -> bytes:
    step = (len(raw) - SAMPLE_BYTES) // (SAMPLES - 1)
    return b"".join(raw[start : start + SAMPLE_BYTES] for start in range(0, SAMPLES * step, step))
