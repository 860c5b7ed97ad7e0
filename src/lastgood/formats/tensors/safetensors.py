"""safetensors: a length, a JSON header that names kind, shape and place of every tensor, then the bytes.

The header is scanned piece by piece and never parsed as a whole: it may have 100 MB, of which only one tensor's entry is
ever a tree in memory. Its `__metadata__` is passed over, unless it is asked for (`read_texts`). Bytes that belong to no
tensor are no fault.

Source: the format's description in the safetensors project; its limits are kept (`LONGEST_HEADER`, no name twice, no
overlap), but for holes, which hurt nobody here.

    >>> import io
    >>> header = b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    >>> file = len(header).to_bytes(8, "little") + header + bytes(8)
    >>> [(one.name, one.offset, one.length) for one in read_safetensors(Reader(io.BytesIO(file), len(file)))]
    [('w', 62, 8)]
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from lastgood.formats.tensors.layout import NotUnderstood, Tensor, check_length, check_shape, make_tensor, shown
from lastgood.formats.tensors.source import Reader

LONGEST_HEADER = 100_000_000
"""How many bytes the header may have, as in the format's own reader."""

LONGEST_ENTRY = 64 << 10
"""How many bytes a name, or the description of one tensor, may have in the header."""

MOST_METADATA = 100_000
"""How many entries of metadata are passed over."""

LONGEST_TEXT = 64 << 10
"""How many bytes of a text of the metadata are kept, where it is asked for."""

MOST_KEPT = 4 << 20
"""How many bytes of the metadata are kept in all, where it is asked for."""

_PIECE = 1 << 20
_PREFIX = 8
_AFTER_BRACE = (b'"', b"}", b" ", b"\t", b"\n", b"\r")
_WS = rb"[ \t\n\r]*+"
_IN_STRING = rb'(?:[^"\\\x00-\x1f]++|\\[^\x00-\x1f])*+'
_OPEN = re.compile(_WS + rb"\{" + _WS)
_CLOSE = re.compile(rb"\}" + _WS)
_NAME = re.compile(rb'("' + _IN_STRING + rb'")' + _WS + rb":" + _WS)
# One object whose values are plain, or lists of plain values: nothing in it can nest.
_ENTRY = re.compile(rb'(\{(?:[^{}\[\]"]++|"' + _IN_STRING + rb'"|\[[^{}\[\]"]*+\])*+\})' + _WS)
_COMMA = re.compile(rb"," + _WS)
_SPACE = re.compile(_WS)
_QUOTE = re.compile(rb'"')
_TEXT = re.compile(_IN_STRING)
_COLON = re.compile(_WS + rb":" + _WS)
_KIND = re.compile(r"[A-Z0-9_]{1,32}", re.ASCII)


def begins_like_safetensors(head: bytes) -> bool:
    """Tell from a file's first bytes; a text has no such length, since none of its first bytes is zero."""
    return head[5:9] == b"\0\0\0{" and any(head[:5]) and head[9:10] in _AFTER_BRACE


def read_safetensors(reader: Reader) -> Iterator[Tensor]:
    """Give the tensors of a file, in the order of its header.

    Raises:
        NotUnderstood: the header breaks a rule of the format, or a bound.
    """
    start = _start_of_data(reader)
    for name, entry in _entries(_Header(reader, _PREFIX, start), {}):
        yield _tensor(name, entry, start)


def read_texts(reader: Reader) -> dict[str, str]:
    """Return the texts of `__metadata__`, those that are long cut short.

    Raises:
        NotUnderstood: the header breaks a rule of the format, or a bound.
    """
    texts: dict[str, str] = {}
    for _ in _entries(_Header(reader, _PREFIX, _start_of_data(reader)), texts):
        pass
    return texts


def _start_of_data(reader: Reader) -> int:
    length = int.from_bytes(reader.read(0, _PREFIX), "little")
    if length > LONGEST_HEADER:
        raise NotUnderstood(f"its header would have {length:,} bytes, more than {LONGEST_HEADER:,}")
    if length > reader.size - _PREFIX:
        raise NotUnderstood(f"it is cut short: its header would have {length:,} bytes, the file has {reader.size:,}")
    return _PREFIX + length


def _tensor(name: str, entry: dict[str, object], start: int) -> Tensor:
    kind, shape, place = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not isinstance(kind, str) or not _KIND.fullmatch(kind) or not isinstance(shape, list) or not isinstance(place, list):
        raise NotUnderstood(f"the tensor {shown(name)} lacks its kind, shape or place")
    dtype = kind.lower()
    dimensions = check_shape(name, shape)
    begin, end = check_shape(name, place) if len(place) == len(("begin", "end")) else (1, 0)
    if begin > end:
        raise NotUnderstood(f"the place of the tensor {shown(name)} is not a begin and an end")
    check_length(name, dtype, dimensions, end - begin)
    return make_tensor(name, dtype, dimensions, offset=start + begin, length=end - begin)


class _Header:
    """The text of the header, of which a piece is in memory; a token lies within `LONGEST_ENTRY` bytes."""

    def __init__(self, reader: Reader, start: int, end: int) -> None:
        self._reader = reader
        self._next = start
        self._end = end
        self._text = b""
        self._at = 0

    def accept(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """Take what the pattern matches here, or nothing."""
        if len(self._text) - self._at < LONGEST_ENTRY and self._next < self._end:
            more = self._reader.read(self._next, min(_PIECE, self._end - self._next))
            self._text, self._at = self._text[self._at :] + more, 0
            self._next += len(more)
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return match

    def take(self, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
        """Take what the pattern matches here.

        Raises:
            NotUnderstood: it matches nothing.
        """
        match = self.accept(pattern)
        if match is None:
            at = self._next - len(self._text) + self._at
            raise NotUnderstood(f"its header is not what the format asks for at byte {at:,}")
        return match

    def is_at_end(self) -> bool:
        """Tell whether all of it was taken."""
        return self._next == self._end and self._at == len(self._text)


def _entries(header: _Header, texts: dict[str, str]) -> Iterator[tuple[str, dict[str, object]]]:
    """Give each tensor's name and description, and put the metadata among the texts."""
    header.take(_OPEN)
    saw_metadata = False
    more = not header.accept(_CLOSE)
    while more:
        name = str(_parse(header.take(_NAME)[1]))
        if name == "__metadata__":
            if saw_metadata:
                raise NotUnderstood("its header has metadata twice")
            saw_metadata = True
            _take_metadata(header, texts)
        else:
            yield name, _object(header.take(_ENTRY)[1])
        more = bool(header.accept(_COMMA))
        if not more:
            header.take(_CLOSE)
    # The header is padded with spaces, so that the data begins at a round place.
    while not header.is_at_end():
        if not header.take(_SPACE)[0]:
            raise NotUnderstood("its header goes on after its end")


def _object(text: bytes) -> dict[str, object]:
    entry = _parse(text)
    # The pattern lets nothing else than an object through.
    return entry if isinstance(entry, dict) else {}


def _parse(text: bytes) -> object:
    try:
        parsed: object = _DECODER.decode(text.decode())
    except NotUnderstood:
        raise
    except ValueError as error:
        raise NotUnderstood("its header is not JSON") from error
    return parsed


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    whole = dict(pairs)
    if len(whole) < len(pairs):
        raise NotUnderstood("its header says something of a tensor twice")
    return whole


def _take_metadata(header: _Header, texts: dict[str, str]) -> None:
    header.take(_OPEN)
    if header.accept(_CLOSE):
        return
    kept = 0
    for _ in range(MOST_METADATA):
        key = _take_string(header)
        header.take(_COLON)
        value = _take_string(header)
        kept += len(key) + len(value)
        if kept <= MOST_KEPT:
            texts[_text(key)] = _text(value)
        header.take(_SPACE)
        if not header.accept(_COMMA):
            header.take(_CLOSE)
            return
    raise NotUnderstood(f"its header has more than {MOST_METADATA:,} entries of metadata")


def _take_string(header: _Header) -> bytes:
    """Take a string of any length, and return how it begins; each turn takes all that is in memory, or ends."""
    header.take(_QUOTE)
    begin = b""
    while not header.accept(_QUOTE):
        text: bytes = header.take(_TEXT)[0]
        if not text:
            raise NotUnderstood("a text in its header's metadata does not end")
        begin += text[: LONGEST_TEXT - len(begin)]
    return begin


def _text(raw: bytes) -> str:
    """Return the text that a string of the header stands for; one that was cut within an escape stays as it is written."""
    text = raw.decode("utf-8", "replace")
    try:
        value: object = json.loads(f'"{text}"')
    except ValueError:
        return text
    return str(value).encode("utf-8", "replace").decode()


_DECODER = json.JSONDecoder(object_pairs_hook=_without_repeats)
