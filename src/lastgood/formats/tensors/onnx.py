r"""Initialisers of an ONNX graph that lie in the model's file as raw bytes, found by walking its protobuf fields.

ONNX has no magic. A file is called one only if its outermost message holds together whole: the fields of a model and no
others, each of its own wire type, a version, the operator sets and exactly one graph, up to the last byte. What is damaged
out there is therefore not told from another file; only inside the graph is it a problem. Data that is kept in fields other
than `raw_data`, or in another file, is not laid out.

Source: `onnx.proto` of the ONNX project, and protobuf's encoding.

    >>> import io
    >>> file = b"\x08\x08:\x00B\x02\x10\x15"
    >>> read_onnx(Reader(io.BytesIO(file), len(file)), file)
    TensorFile(format='onnx', tensors=(), problem=None)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lastgood.formats.tensors.layout import (
    LONGEST_NAME,
    MOST_DIMENSIONS,
    NotUnderstood,
    Tensor,
    TensorFile,
    check_length,
    check_shape,
    make_tensor,
    settle,
)
from lastgood.formats.tensors.source import Reader

MOST_FIELDS = 300_000
"""How many protobuf fields of a graph are walked: its nodes, one each, and what its initialisers are made of."""

MOST_OUTER_FIELDS = 20_000
"""How many fields the outermost message may have: operator sets, metadata, functions."""

_AHEAD = 1 << 10
_LONGEST_VARINT = 10
_VARINT, _BYTES = 0, 2
_FIXED = {1: 8, 5: 4}
_MASK = (1 << 64) - 1
_MODEL = {1: _VARINT, 5: _VARINT} | dict.fromkeys((2, 3, 4, 6, 7, 8, 14, 20, 25, 26), _BYTES)
"""The fields of a model and their wire types."""

_REPEATED = {8, 14, 20, 25, 26}
_VERSION, _GRAPH, _OPERATOR_SETS, _INITIALIZER = 1, 7, 8, 5
_DIMENSIONS, _KIND, _NAME, _RAW = 1, 2, 8, 9
_NEWEST_VERSION = 0x40
_FIRST_VERSION_WITH_OPERATOR_SETS = 3
_SECOND_TAGS = {number << 3 | wire for number, wire in _MODEL.items() if _VERSION < number <= _OPERATOR_SETS}
"""Writers follow the order of numbers, and none leaves out both graph and operator sets."""

_KINDS = dict(
    enumerate(
        "u8 i8 u16 i16 i32 i64 text bool f16 f64 u32 u64 c64 c128 bf16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz u4 i4 f4 f8_e8m0 u2 i2 "
        "f6_e2m3 f6_e3m2".split(),
        start=2,
    )
) | {1: "f32"}


def read_onnx(reader: Reader, head: bytes) -> TensorFile | None:
    """Read a model; None if the file does not hold together as one.

    Args:
        reader: the file.
        head: its first bytes, three or more.

    Raises:
        OSError: the file cannot be read.
    """
    if head[0] != _VERSION << 3 or not 0 < head[1] <= _NEWEST_VERSION or head[2] not in _SECOND_TAGS:
        return None
    try:
        graph = _find_graph(_Walk(reader, MOST_OUTER_FIELDS))
    except NotUnderstood:
        return None
    if graph is None:
        return None
    try:
        return TensorFile("onnx", settle(_initializers(_Walk(reader, MOST_FIELDS), graph), reader.size))
    except NotUnderstood as error:
        return TensorFile("onnx", (), str(error))


class _Field(NamedTuple):
    """One field: a varint has its value, anything else the place of its bytes."""

    number: int
    wire: int
    value: int
    start: int
    end: int


class _Walk:
    """Walks the fields of messages, counting them all."""

    def __init__(self, reader: Reader, most: int) -> None:
        self.reader = reader
        self._most = most
        self._left = most

    def fields(self, start: int, end: int) -> Iterator[_Field]:
        """Give the fields of the message between two places.

        Raises:
            NotUnderstood: they do not fill it, or there are too many.
        """
        at = start
        while at < end:
            self._left -= 1
            if self._left < 0:
                raise NotUnderstood(f"its graph has more than {self._most:,} fields")
            tag, at = self.varint(at, end)
            number, wire = tag >> 3, tag & 7
            value, begin = 0, at
            if wire == _VARINT:
                value, at = self.varint(at, end)
            elif wire == _BYTES:
                length, begin = self.varint(at, end)
                at = begin + length
            elif wire in _FIXED:
                at += _FIXED[wire]
            else:
                raise NotUnderstood(f"a field of its graph has wire type {wire}")
            if at > end or not number:
                raise NotUnderstood("a field of its graph does not end where the graph does")
            yield _Field(number, wire, value, begin, at)

    def varint(self, at: int, end: int) -> tuple[int, int]:
        """Return a number of variable length, and where it ends."""
        value = 0
        data = self.reader.read(at, max(min(_LONGEST_VARINT, end - at), 0), ahead=min(_AHEAD, end - at))
        for place, byte in enumerate(data):
            value |= (byte & 0x7F) << 7 * place
            if byte < 0x80:  # noqa: PLR2004 - its top bit says that more follows
                return value & _MASK, at + place + 1
        raise NotUnderstood("a number in its graph does not end")


def _find_graph(walk: _Walk) -> _Field | None:
    """Return the graph of a model that holds together, or None."""
    found: dict[int, _Field] = {}
    for one in walk.fields(0, walk.reader.size):
        if _MODEL.get(one.number) != one.wire or (one.number in found and one.number not in _REPEATED):
            return None
        found[one.number] = one
    graph, version = found.get(_GRAPH), found[_VERSION].value
    has_operator_sets = _OPERATOR_SETS in found or version < _FIRST_VERSION_WITH_OPERATOR_SETS
    return graph if has_operator_sets else None


def _initializers(walk: _Walk, graph: _Field) -> Iterator[Tensor]:
    for one in walk.fields(graph.start, graph.end):
        if one.number == _INITIALIZER and one.wire == _BYTES:
            tensor = _initializer(walk, one)
            if tensor is not None:
                yield tensor


def _initializer(walk: _Walk, message: _Field) -> Tensor | None:
    """Return an initialiser, or None if it has no raw bytes."""
    dimensions: list[int] = []
    kind, name, raw = 0, "", None
    for one in walk.fields(message.start, message.end):
        if one.number == _DIMENSIONS:
            dimensions += [one.value] if one.wire == _VARINT else _packed(walk, one)
        elif one.number == _KIND:
            kind = one.value
        elif one.number == _NAME:
            name = _text(walk, one)
        elif one.number == _RAW and one.wire == _BYTES:
            raw = one
        if len(dimensions) > MOST_DIMENSIONS:
            break
    shape = check_shape(name, dimensions)
    if raw is None:
        return None
    dtype = _KINDS.get(kind, f"onnx_{kind}")
    check_length(name, dtype, shape, raw.end - raw.start)
    return make_tensor(name, dtype, shape, offset=raw.start, length=raw.end - raw.start)


def _packed(walk: _Walk, one: _Field) -> list[int]:
    values: list[int] = []
    at = one.start
    while at < one.end and len(values) <= MOST_DIMENSIONS:
        value, at = walk.varint(at, one.end)
        values.append(value)
    return values


def _text(walk: _Walk, one: _Field) -> str:
    # A character takes at most four bytes.
    if one.end - one.start > 4 * LONGEST_NAME:
        raise NotUnderstood(f"the name of a tensor has more than {LONGEST_NAME:,} characters")
    try:
        return walk.reader.read(one.start, one.end - one.start).decode()
    except UnicodeDecodeError as error:
        raise NotUnderstood("the name of a tensor is not UTF-8") from error
