"""The key-value pairs of a GGUF file: architecture, context length, chat template, and how long the vocabulary is.

Rules: numbers, booleans and texts are given as they are; a list of up to `LONGEST_LIST` of them, too. Of a longer list
only its length and the SHA-256 of its bytes are given, of a longer text its first characters, its length and the same:
whoever compares two files sees that they differ. The values that are given have `MOST_KEPT` bytes at most together; from
there on every text and list is given as a long one.

Source: the format's description in the ggml project (`docs/gguf.md`).

    >>> import io
    >>> pair = (4).to_bytes(8, "little") + b"size" + (4).to_bytes(4, "little") + (7).to_bytes(4, "little")
    >>> file = b"GGUF" + (3).to_bytes(4, "little") + bytes(8) + (1).to_bytes(8, "little") + pair
    >>> read_pairs(Reader(io.BytesIO(file), len(file)))
    {'size': 7}
"""

from __future__ import annotations

import hashlib
import math
import struct

from lastgood.canonical import Json
from lastgood.formats.tensors.gguf import (
    DEEPEST_LIST,
    LIST,
    LIST_TYPE,
    LONGEST_KEY,
    SIZES,
    TEXT_TYPE,
    U32,
    U64,
    Header,
    pass_values,
)
from lastgood.formats.tensors.layout import NotUnderstood
from lastgood.formats.tensors.source import Reader

LONGEST_TEXT = 64 << 10
"""How many bytes of a text are given; a chat template has some thousands."""

LONGEST_LIST = 64
"""How many items a list may have that is given whole."""

MOST_PAIRS = 10_000
"""How many pairs are given; a file with more is not understood."""

MOST_KEPT = 4 << 20
"""How many bytes of keys, texts and lists are given in all."""

_SHOWN_OF_LONG = 80
_PIECE = 64 << 10
_FORMS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}


def read_pairs(reader: Reader) -> dict[str, Json]:
    """Return the pairs of a file, in the order of its header.

    Raises:
        NotUnderstood: the header breaks a rule of the format, or a bound.
    """
    header = Header(reader)
    _, count = header.begin()
    if count > MOST_PAIRS:
        raise NotUnderstood(f"its header has more than {MOST_PAIRS:,} pairs")
    pairs: dict[str, Json] = {}
    left = MOST_KEPT
    for _ in range(count):
        key = header.text(LONGEST_KEY)
        kind = header.number(U32)
        start = header.at
        pairs[key.decode("utf-8", "replace")] = _take(reader, header, kind, max(left, 0))
        left -= len(key) + min(header.at - start, LONGEST_TEXT)
    return pairs


def _take(reader: Reader, header: Header, kind: int, left: int) -> Json:
    if kind == TEXT_TYPE:
        return _take_text(reader, header, left)
    if kind == LIST_TYPE:
        return _take_list(reader, header, left)
    return _take_number(header, kind)


def _take_number(header: Header, kind: int) -> Json:
    form = _FORMS.get(kind)
    if form is None:
        raise NotUnderstood(f"a value in its header is of type {kind}")
    value: float | int = header.take(struct.Struct(form))[0]
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return str(value)
    # A number of 32 bits is written as people write it: 0.1 and not 0.10000000149011612.
    return float(f"{value:.8g}") if form == "<f" else value


def _take_text(reader: Reader, header: Header, left: int) -> Json:
    length = header.number(U64)
    start = header.at
    header.skip(length)
    if length <= min(LONGEST_TEXT, left):
        return reader.read(start, length).decode("utf-8", "replace")
    head = reader.read(start, min(length, _SHOWN_OF_LONG)).decode("utf-8", "replace")
    return f"{head}… ({length:,} bytes, sha256 {_digest(reader, start, length)})"


def _take_list(reader: Reader, header: Header, left: int) -> Json:
    kind, length = (int(one) for one in header.take(LIST))
    start = header.at
    if length <= LONGEST_LIST and length * _SHOWN_OF_LONG <= left and (kind in SIZES or kind == TEXT_TYPE):
        return [_take(reader, header, kind, _SHOWN_OF_LONG) for _ in range(length)]
    pass_values(header, kind, length, DEEPEST_LIST)
    return f"{length:,} items, sha256 {_digest(reader, start, header.at - start)}"


def _digest(reader: Reader, start: int, length: int) -> str:
    hasher = hashlib.sha256()
    for at in range(start, start + length, _PIECE):
        hasher.update(reader.read(at, min(_PIECE, start + length - at)))
    return hasher.hexdigest()[:16]
