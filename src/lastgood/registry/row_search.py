r"""Finding a row of JSONL by its key without reading every line: only runs of bytes that were not looked through before.

Rules: files that share parts (`FileAccess.parts_of`) share what was found in them, so a thousand versions of a file cost
little more than one; a place that may be the row is only a hint, which whoever asked reads and checks. A key is found as
JSON writes it: plain, or with `\u` escapes.

    for line in LineSearch(files, "id", "t-17").lines_of(digest): ...
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from lastgood.ids import FileDigest
from lastgood.model.placement import FileAccess

LONGEST_KEY = 500
"""A longer key is not searched for in this way."""

_BLOCK = 4 << 20
_STEP = 1 << 12
_LONGEST_LINE = 16 << 20
_PLAIN = re.compile(r"(-?(0|[1-9][0-9]{0,17})|true|false)\Z")
_ASCII = 128


@dataclass(frozen=True, slots=True)
class _Part:
    """What a run of bytes holds: where the key may stand, each with the line ends before it, and all its line ends."""

    hits: tuple[tuple[int, int], ...]
    line_ends: int


class LineSearch:
    """Looks for the lines in which a column may have a value, in one file after another."""

    def __init__(self, files: FileAccess, column: str, value: str) -> None:
        self._files = files
        self._pattern = re.compile(_pattern(column, value))
        self._overlap = 12 * (len(column) + len(value)) + 64
        self._parts: dict[bytes, _Part] = {}
        self._seams: dict[tuple[bytes, bytes], tuple[int, ...]] = {}

    @staticmethod
    def can_find(column: str, value: str) -> bool:
        """Whether a value has one form in JSON, so that a search finds it wherever it is."""
        if max(len(column), len(value)) > LONGEST_KEY or not value:
            return False
        return not (value[0] in "[{" or (value[0] in "-0123456789" and not _PLAIN.match(value) and _is_number(value)))

    def lines_of(self, digest: FileDigest) -> Iterator[tuple[int, bytes]]:
        """Yield the lines that may be the row, each with its number from 1.

        Raises:
            NotFound: the file is not kept here.
            Integrity: it is damaged.
        """
        with self._files.open_file(digest) as file:
            last = -1
            for offset, before in sorted(self._places(digest, file)):
                if offset > last:
                    start, line = _line_around(file, offset)
                    last = start + len(line)
                    yield before + 1, line

    def _places(self, digest: FileDigest, file: BinaryIO) -> Iterator[tuple[int, int]]:
        """Yield where the key may stand, each with the number of line ends before it."""
        position = lines = 0
        before: tuple[bytes, int] | None = None
        for part in self._files.parts_of(digest):
            if before is not None:
                for offset in self._seam(file, position, before, (part.identity, part.length)):
                    yield position + offset, lines
            known = self._parts.get(part.identity)
            if known is None:
                known = self._parts[part.identity] = self._look(file, position, part.length)
            for offset, ends in known.hits:
                yield position + offset, lines + ends
            position += part.length
            lines += known.line_ends
            before = part.identity, part.length

    def _look(self, file: BinaryIO, position: int, length: int) -> _Part:
        """Look through a run of bytes, a block at a time."""
        hits: list[tuple[int, int]] = []
        done = ends = 0
        while done < length:
            file.seek(position + done)
            data = file.read(min(_BLOCK + self._overlap, length - done))
            if not data:
                break
            whole = min(_BLOCK, len(data))
            counted = 0
            for found in self._pattern.finditer(data):
                if found.start() >= whole:
                    break
                ends += data.count(b"\n", counted, found.start())
                counted = found.start()
                hits.append((done + counted, ends))
            ends += data.count(b"\n", counted, whole)
            done += whole
        return _Part(tuple(hits), ends)

    def _seam(self, file: BinaryIO, position: int, before: tuple[bytes, int], after: tuple[bytes, int]) -> tuple[int, ...]:
        """Return where the key may stand across the border of two parts, relative to it."""
        pair = before[0], after[0]
        known = self._seams.get(pair)
        if known is not None:
            return known
        start = max(0, position - self._overlap)
        file.seek(start)
        data = file.read(position - start + self._overlap)
        border = position - start
        found = tuple(one.start() - border for one in self._pattern.finditer(data) if one.start() < border < one.end())
        if min(before[1], after[1]) >= self._overlap:
            self._seams[pair] = found
        return found


def _line_around(file: BinaryIO, offset: int) -> tuple[int, bytes]:
    """Return where the line around a place begins, and the line."""
    start, head, reach = offset, b"", _STEP
    while start > 0 and len(head) < _LONGEST_LINE:
        step = min(reach, start)
        reach *= 2
        file.seek(start - step)
        data = file.read(step)
        end = data.rfind(b"\n")
        if end >= 0:
            head = data[end + 1 :] + head
            start -= step - end - 1
            break
        head = data + head
        start -= step
    file.seek(offset)
    return start, head + file.readline(_LONGEST_LINE)


def _pattern(column: str, value: str) -> bytes:
    text = b'"' + _written(value) + b'"'
    plain = re.escape(value).encode() + rb"(?![0-9.eE])" if _PLAIN.match(value) else None
    either = b"(?:" + text + b"|" + plain + b")" if plain is not None else text
    return b'"' + _written(column) + rb'"[ \t]{0,16}:[ \t]{0,16}' + either


def _written(text: str) -> bytes:
    """Return a pattern for a text as JSON may write it."""
    return b"".join(map(_character, text))


def _character(char: str) -> bytes:
    if char == "/":
        return rb"\\?/"
    escaped = json.dumps(char)[1:-1].encode()
    if ord(char) < _ASCII:
        return re.escape(escaped)
    return b"(?:" + re.escape(char.encode()) + b"|(?i:" + re.escape(escaped) + b"))"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
