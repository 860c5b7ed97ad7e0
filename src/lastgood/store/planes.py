"""Byte planes: the bytes of equal items, regrouped by their place in the item, each plane compressed or left as it is.

In floating-point weights the exponents are alike and the low bytes of the mantissas are noise; regrouped, the first
compress well and the second cost nothing to try. As a frame (`Encoding.PLANES`), all numbers little-endian:

    item     u8    bytes of an item, 1 to 255
    planes         one section, below, of `item` planes
    tail           what is left over when the frame's bytes are divided by `item`

A section of P planes of n bytes each, which whoever reads it knows:

    of each plane  u8 coding (0 raw, 1 Zstandard) and u32 its length
    planes         one after the other, the lowest byte's first

    >>> raw = b"".join(number.to_bytes(4, "little") for number in range(100_000))
    >>> encoded = b"".join(encode_planes(raw, 4))
    >>> len(encoded) < len(raw) // 2, decode_planes(encoded, len(raw)) == raw
    (True, True)
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import zstandard

from lastgood.store.codec import decompress

if TYPE_CHECKING:
    from lastgood.store.backend import Piece

    Bytes = np.ndarray[Any, np.dtype[np.uint8]]

SLICE = 1 << 16
"""Items that are worked on at once: few enough to stay in the processor's cache."""

_RAW, _ZSTD = 0, 1
_PLANE = struct.Struct("<BI")
_SAMPLED_FROM = 64 << 10
_SAMPLES = 4
_SAMPLE_BYTES = 4 << 10
_SAVING_THAT_PAYS = 100


class _Compressors(threading.local):
    """What must not be used by two threads at once, so each thread has its own.

    `entropy` hardly looks for repeats, of which noisy planes have none that are worth naming: it is three times as fast
    on them as `repeats`, and comes closer to their entropy (measured on fp32 and bf16 weights).
    """

    def __init__(self) -> None:
        rarely = zstandard.ZstdCompressionParameters.from_level(1, min_match=7, hash_log=6)
        self.entropy = zstandard.ZstdCompressor(compression_params=rarely)
        self.repeats = zstandard.ZstdCompressor(level=1)
        self.decompressor = zstandard.ZstdDecompressor()


_LOCAL = _Compressors()


def number_type(item: int) -> np.dtype[Any]:
    """Return the unsigned number that an item is read as: of its size where there is one, else single bytes."""
    return np.dtype(f"<u{item}" if item in {1, 2, 4, 8} else "u1")


def split(numbers: np.ndarray[Any, Any], item: int) -> Bytes:
    """Return the byte planes of numbers whose bytes make up whole items, shape (item, items), lowest byte first."""
    if numbers.dtype.itemsize != item:
        return np.ascontiguousarray(numbers.view(np.uint8).reshape(-1, item).T)
    planes = np.empty((item, numbers.size), np.uint8)
    work = np.empty(min(SLICE, numbers.size), numbers.dtype)
    for part in slices(numbers.size):
        rest = work[: part.stop - part.start]
        np.copyto(rest, numbers[part])
        np.copyto(planes[0, part], rest, casting="unsafe")
        for place in range(1, item):
            np.right_shift(rest, 8, out=rest)
            np.copyto(planes[place, part], rest, casting="unsafe")
    return planes


def merge(planes: Sequence[Bytes], part: slice, out: np.ndarray[Any, Any]) -> None:
    """Write the numbers that a part of the planes stands for; `out` has as many numbers as the part has items."""
    rest = [plane[part] for plane in planes]
    # The high planes of small differences hold nothing, which is seen faster than they are put in their place.
    while len(rest) > 1 and not rest[-1].any():
        rest.pop()
    np.copyto(out, rest.pop())
    for plane in reversed(rest):
        np.left_shift(out, 8, out=out)
        np.bitwise_or(out, plane, out=out)


def slices(count: int) -> Iterator[slice]:
    """Divide so many items into slices that fit the processor's cache."""
    return (slice(start, min(start + SLICE, count)) for start in range(0, count, SLICE))


def write_section(planes: Bytes) -> list[Piece]:
    """Write planes of shape (planes, bytes) as a section, in pieces."""
    written = [_write_plane(plane) for plane in planes]
    return [b"".join(_PLANE.pack(coding, len(data)) for coding, data in written), *(data for _, data in written)]


def read_section(data: memoryview, count: int, length: int) -> tuple[list[Bytes], memoryview]:
    """Read a section of so many planes of so many bytes; return them and what follows.

    Raises:
        ValueError: it is not such a section.
    """
    if len(data) < count * _PLANE.size:
        raise ValueError("its planes are cut short")
    heads = [_PLANE.unpack_from(data, place * _PLANE.size) for place in range(count)]
    rest = data[count * _PLANE.size :]
    planes = []
    for coding, size in heads:
        planes.append(_read_plane(coding, rest[:size], size, length))
        rest = rest[size:]
    return planes, rest


def encode_planes(raw: Piece, item: int) -> list[Piece]:
    """Write a frame's bytes as planes of items of so many bytes, in pieces."""
    body = len(raw) - len(raw) % item
    numbers = np.frombuffer(raw, number_type(item), count=body // number_type(item).itemsize)
    return [bytes([item]), *write_section(split(numbers, item)), bytes(memoryview(raw)[body:])]


def decode_planes(encoded: Piece, raw_length: int) -> bytearray:
    """Read a frame of planes back.

    Raises:
        ValueError: these bytes do not decode to `raw_length` bytes.
    """
    data = memoryview(encoded)
    if not data or not data[0]:
        raise ValueError("it has no items")
    item = data[0]
    body = raw_length - raw_length % item
    planes, tail = read_section(data[1:], item, body // item)
    if len(tail) != raw_length - body:
        raise ValueError(f"it ends in {len(tail)} bytes instead of {raw_length - body}")
    raw = bytearray(raw_length)
    if number_type(item).itemsize == item:
        numbers = np.frombuffer(raw, number_type(item), count=body // item)
        for part in slices(numbers.size):
            merge(planes, part, numbers[part])
    else:
        items = np.frombuffer(raw, np.uint8, count=body).reshape(-1, item)
        for place, plane in enumerate(planes):
            items[:, place] = plane
    raw[body:] = tail
    return raw


def compress(data: Piece) -> bytes:
    """Compress bytes as planes of numbers are, in this thread."""
    return _LOCAL.entropy.compress(data)


def _write_plane(plane: Bytes) -> tuple[int, Piece]:
    compressor = _LOCAL.entropy
    if plane.size >= _SAMPLED_FROM:
        sample = _sample(plane)
        entropy, repeats = (len(one.compress(sample)) for one in (_LOCAL.entropy, _LOCAL.repeats))
        if min(entropy, repeats) >= len(sample) - len(sample) // _SAVING_THAT_PAYS:
            return _RAW, plane.data
        compressor = _LOCAL.repeats if repeats < entropy else _LOCAL.entropy
    compressed = compressor.compress(plane.data)
    return (_ZSTD, compressed) if len(compressed) < plane.size else (_RAW, plane.data)


def _sample(plane: Bytes) -> bytes:
    step = (plane.size - _SAMPLE_BYTES) // (_SAMPLES - 1)
    return b"".join(plane[start : start + _SAMPLE_BYTES].tobytes() for start in range(0, _SAMPLES * step, step))


def _read_plane(coding: int, data: memoryview, size: int, length: int) -> Bytes:
    if len(data) != size:
        raise ValueError("a plane is cut short")
    if coding == _ZSTD:
        plane = np.frombuffer(decompress(_LOCAL.decompressor, data, length), np.uint8)
    elif coding == _RAW:
        plane = np.frombuffer(data, np.uint8) if size else np.empty(0, np.uint8)
    else:
        raise ValueError(f"a plane has the coding {coding}, which there is not")
    if plane.size != length:
        raise ValueError(f"a plane has {plane.size} bytes instead of {length}")
    return plane
