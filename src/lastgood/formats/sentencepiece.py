r"""The pieces of a SentencePiece model (`tokenizer.model`, `spiece.model`), read off its protobuf fields as data.

Rules: only the fields that make up the vocabulary are looked at, and all others are passed over by their lengths; what
does not hold together to its last byte is no model. The number of pieces is bounded.

Source: `sentencepiece_model.proto` of the SentencePiece project, and protobuf's encoding.

    >>> read_pieces(b"\x0a\x0c\x0a\x03<s>\x15\0\0\0\0\x18\x03\x0a\x08\x0a\x01a\x15\0\0\x80\xbf")
    [Piece(text='<s>', score=0.0, kind='control'), Piece(text='a', score=-1.0, kind='normal')]
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from lastgood.formats.tree import Malformed

MOST_PIECES = 1_000_000
"""How many pieces a model may have; the largest of today have some 256,000."""

_KINDS = {1: "normal", 2: "unknown", 3: "control", 4: "user-defined", 5: "byte", 6: "unused"}
_PIECES, _TEXT, _SCORE, _KIND = 1, 1, 2, 3
_VARINT, _WIDE, _BYTES, _NARROW = 0, 1, 2, 5
_LONGEST_VARINT = 10


class Piece(NamedTuple):
    """One piece of the vocabulary: its text, how likely it is, and what it is for."""

    text: str
    score: float
    kind: str


def read_pieces(data: bytes) -> list[Piece]:
    """Return the pieces of a model, in the order of their numbers.

    Raises:
        Malformed: it is no model, or has too many pieces.
    """
    pieces: list[Piece] = []
    for number, wire, start, end in _fields(data, 0, len(data)):
        if number == _PIECES and wire == _BYTES:
            if len(pieces) == MOST_PIECES:
                raise Malformed(f"it has more than {MOST_PIECES:,} pieces")
            pieces.append(_piece(data, start, end))
    if not pieces:
        raise Malformed("it has no pieces")
    return pieces


def _piece(data: bytes, start: int, end: int) -> Piece:
    text, score, kind = "", 0.0, 1
    for number, wire, begin, stop in _fields(data, start, end):
        if number == _TEXT and wire == _BYTES:
            try:
                text = data[begin:stop].decode()
            except UnicodeDecodeError as error:
                raise Malformed("a piece is not UTF-8") from error
        elif number == _SCORE and wire == _NARROW:
            score = float(struct.unpack_from("<f", data, begin)[0])
        elif number == _KIND and wire == _VARINT:
            kind, _ = _varint(data, begin, stop)
    return Piece(text, score, _KINDS.get(kind, str(kind)))


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield the number, the wire type and the place of each field."""
    while at < end:
        tag, at = _varint(data, at, end)
        start, wire = at, tag & 7
        if wire == _VARINT:
            _, at = _varint(data, at, end)
        elif wire == _BYTES:
            length, start = _varint(data, at, end)
            at = start + length
        elif wire in {_WIDE, _NARROW}:
            at += 8 if wire == _WIDE else 4
        else:
            raise Malformed(f"a field is of wire type {wire}")
        if at > end:
            raise Malformed("a field goes on after its end")
        yield tag >> 3, wire, start, at


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return a number of variable length, and where it ends."""
    value = 0
    for place in range(min(_LONGEST_VARINT, end - at)):
        byte = data[at + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:  # noqa: PLR2004 - its top bit says that more follows
            return value, at + place + 1
    raise Malformed("a number does not end")
