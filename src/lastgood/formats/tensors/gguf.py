"""GGUF, versions 2 and 3 in little-endian order: counts, key-value pairs, descriptions of tensors, padding, then bytes.

Of the pairs only the alignment is looked at; the others, vocabularies among them, are passed over (`gguf_pairs` reads them).

Source: the format's description in the ggml project (`docs/gguf.md`).

    >>> import io
    >>> file = b"GGUF" + (3).to_bytes(4, "little") + bytes(16)
    >>> list(read_gguf(Reader(io.BytesIO(file), len(file))))
    []
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any

from lastgood.formats.tensors.ggml import KINDS
from lastgood.formats.tensors.layout import MOST_DIMENSIONS, MOST_TENSORS, NotUnderstood, Tensor, check_shape, make_tensor, shown
from lastgood.formats.tensors.source import Reader

MAGIC = b"GGUF"

LONGEST_HEADER = 100_000_000
"""How many bytes the header may have, vocabulary included; those of today have some ten million."""

MOST_VALUES = 2_000_000
"""How many pairs, and texts and lists within them, are passed over; a large vocabulary and its merges are a million."""

DEEPEST_LIST = 4
"""How deep lists may be nested in lists."""

_VERSIONS = (2, 3)
LONGEST_KEY = 65_535
_LONGEST_NAME_BYTES = 4_096
_PIECE = 256 << 10
U32 = struct.Struct("<I")
U64 = struct.Struct("<Q")
LIST = struct.Struct("<IQ")
TEXT_TYPE, LIST_TYPE, U32_TYPE = 8, 9, 4
# Bytes a value of each type of fixed size takes: u8 i8 u16 i16 u32 i32 f32 bool, then u64 i64 f64.
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_DEFAULT_ALIGNMENT = 32
_LARGEST_ALIGNMENT = 1 << 20


def read_gguf(reader: Reader) -> Iterator[Tensor]:
    """Give the tensors of a file, in the order of its header.

    Raises:
        NotUnderstood: the header breaks a rule of the format, or a bound.
    """
    header = Header(reader)
    tensor_count, pair_count = header.begin()
    alignment = _pass_pairs(header, pair_count)
    described = [_describe(header, alignment) for _ in range(tensor_count)]
    start = -(-header.at // alignment) * alignment
    for name, number, shape, offset in described:
        yield _tensor(name, number, shape, start + offset)


class Header:
    """A place in the header, which only moves on."""

    def __init__(self, reader: Reader) -> None:
        self.at = 0
        self._reader = reader
        self._values = MOST_VALUES

    def begin(self) -> tuple[int, int]:
        """Take what every file begins with; return how many tensors and how many key-value pairs it says that it has."""
        self.skip(len(MAGIC))
        version = self.number(U32)
        if version not in _VERSIONS:
            raise NotUnderstood(f"it is of GGUF version {version}, of which 2 and 3 in little-endian order are known")
        tensor_count, pair_count = self.number(U64), self.number(U64)
        if tensor_count > MOST_TENSORS:
            raise NotUnderstood(f"it has more than {MOST_TENSORS:,} tensors")
        return tensor_count, pair_count

    def skip(self, length: int) -> None:
        """Move on without reading."""
        self.at += length
        if self.at > min(LONGEST_HEADER, self._reader.size):
            what = (
                "is cut short within its header" if self.at > self._reader.size else f"has a header of more than {LONGEST_HEADER:,} bytes"
            )
            raise NotUnderstood(f"it {what}")

    def number(self, layout: struct.Struct) -> int:
        """Take a number."""
        (value,) = self.take(layout)
        return int(value)

    def take(self, layout: struct.Struct) -> tuple[Any, ...]:
        """Take some numbers."""
        data = self._reader.read(self.at, layout.size, ahead=_PIECE)
        self.skip(layout.size)
        return layout.unpack(data)

    def text(self, longest: int) -> bytes:
        """Take a text."""
        length = self.number(U64)
        if length > longest:
            raise NotUnderstood(f"a name in its header has more than {longest:,} bytes")
        data = self._reader.read(self.at, length, ahead=_PIECE)
        self.skip(length)
        return data

    def count(self, values: int) -> None:
        """Count values that are passed over one by one."""
        self._values -= values
        if self._values < 0:
            raise NotUnderstood(f"its header has more than {MOST_VALUES:,} values")


def _pass_pairs(header: Header, count: int) -> int:
    """Pass over the key-value pairs; return the alignment."""
    header.count(count)
    alignment = _DEFAULT_ALIGNMENT
    for _ in range(count):
        key = header.text(LONGEST_KEY)
        kind = header.number(U32)
        if key == b"general.alignment" and kind == U32_TYPE:
            alignment = header.number(U32)
            if not 0 < alignment <= _LARGEST_ALIGNMENT:
                raise NotUnderstood(f"its tensors would be aligned to {alignment:,} bytes")
        else:
            pass_values(header, kind, 1, DEEPEST_LIST)
    return alignment


def pass_values(header: Header, kind: int, count: int, depth: int) -> None:
    """Pass over some values of one kind.

    Raises:
        NotUnderstood: the kind is none, there are too many, or lists are nested too deeply.
    """
    if kind in SIZES:
        header.skip(SIZES[kind] * count)
        return
    header.count(count)
    if kind == TEXT_TYPE:
        for _ in range(count):
            header.skip(header.number(U64))
    elif kind == LIST_TYPE and depth:
        for _ in range(count):
            inner, length = header.take(LIST)
            pass_values(header, inner, length, depth - 1)
    else:
        raise NotUnderstood(f"a value in its header is of type {kind}, or of lists more than {DEEPEST_LIST} deep")


def _describe(header: Header, alignment: int) -> tuple[str, int, tuple[int, ...], int]:
    """Take the description of a tensor: its name, the number of its kind, its shape, its place in the data."""
    try:
        name = header.text(_LONGEST_NAME_BYTES).decode()
    except UnicodeDecodeError as error:
        raise NotUnderstood("the name of a tensor is not UTF-8") from error
    dimensions = header.number(U32)
    if dimensions > MOST_DIMENSIONS:
        raise NotUnderstood(f"the tensor {shown(name)} would have {dimensions:,} dimensions")
    # The file has the fastest dimension first.
    shape = check_shape(name, reversed(header.take(struct.Struct(f"<{dimensions}Q"))))
    kind, offset = header.number(U32), header.number(U64)
    if offset % alignment:
        raise NotUnderstood(f"the tensor {shown(name)} is not aligned to {alignment:,} bytes")
    return name, kind, shape, offset


def _tensor(name: str, number: int, shape: tuple[int, ...], offset: int) -> Tensor:
    kind = KINDS.get(number)
    if kind is None:
        raise NotUnderstood(f"the tensor {shown(name)} is of kind {number}, which this version does not know")
    items = math.prod(shape)
    if (shape[-1] if shape else 1) % kind.items:
        raise NotUnderstood(f"the rows of the tensor {shown(name)} do not fill blocks of {kind.items}")
    return make_tensor(name, kind.name, shape, offset=offset, length=items // kind.items * kind.bytes, item_bytes=kind.bytes)
