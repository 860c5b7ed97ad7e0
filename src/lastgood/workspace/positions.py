r"""Where the keys of a TOML document stand, so that an error can name its line.

Rules: the text has been read by `tomllib`, so it is valid and this reader checks nothing; a key is known by its full
path, with an index for each element of an array; the first line on which a path stands counts.

    >>> positions = key_lines('a = 1\n[b]\nc = [\n  { d = 2 },\n]\n')
    >>> positions["a",], positions["b", "c"], positions["b", "c", 0, "d"]
    (1, 3, 4)
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

KeyPath = tuple[str | int, ...]

_TOKEN = re.compile(
    r"""
    (?P<comment>\#[^\n]*)
  | (?P<text>\"{3}(?:\\.|[^\\])*?\"{3}\"{0,2} | '{3}.*?'{3}'{0,2} | "(?:\\.|[^"\\\n])*" | '[^'\n]*')
  | (?P<mark>[\[\]{},=\n])
  | (?P<space>[ \t\r]+)
  | (?P<bare>[^\s\[\]{},=\#"']+)
    """,
    re.VERBOSE | re.DOTALL,
)


def key_lines(text: str) -> Mapping[KeyPath, int]:
    """Return the line, from 1, of every table, key and array element of a valid TOML document."""
    return _Reader(text).lines


class _Reader:
    """Walks the tokens of a document and notes the line of each path."""

    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        tokens = _TOKEN.finditer(text)
        self._tokens = [token.group() for token in tokens if token.lastgroup not in {"comment", "space"}]
        self._line = 1
        self._next = 0
        self._elements: dict[KeyPath, int] = {}
        self._read_document()

    def _read_document(self) -> None:
        table: KeyPath = ()
        while (mark := self._peek()) is not None:
            if mark == "\n":
                self._take()
            elif mark == "[":
                table = self._read_header()
            else:
                self._read_pair(table)

    def _read_header(self) -> KeyPath:
        line = self._line
        self._take()
        is_element = self._peek() == "["
        if is_element:
            self._take()
        path = self._resolve(self._read_key(), line)
        if is_element:
            index = self._elements.get(path, -1) + 1
            self._elements[path] = index
            path = (*path, index)
        while self._peek() == "]":
            self._take()
        self._note(path, line)
        return path

    def _resolve(self, key: list[str], line: int) -> KeyPath:
        path: KeyPath = ()
        for number, part in enumerate(key, start=1):
            path = (*path, part)
            self._note(path, line)
            if number < len(key) and path in self._elements:
                path = (*path, self._elements[path])
        return path

    def _read_pair(self, table: KeyPath) -> None:
        line = self._line
        path = (*table, *self._read_key())
        for end in range(len(table) + 1, len(path) + 1):
            self._note(path[:end], line)
        self._take()
        self._read_value(path)

    def _read_key(self) -> list[str]:
        parts: list[str] = []
        while (mark := self._peek()) not in {"=", "]", None}:
            self._take()
            parts += _key_parts(str(mark))
        return parts

    def _read_value(self, path: KeyPath) -> None:
        opening = self._peek()
        if opening == "[":
            self._read_array(path)
        elif opening == "{":
            self._read_inline_table(path)
        else:
            while self._peek() not in {",", "]", "}", "\n", None}:
                self._take()

    def _read_array(self, path: KeyPath) -> None:
        self._take()
        index = 0
        while (mark := self._peek()) not in {"]", None}:
            if mark in {",", "\n"}:
                self._take()
            else:
                self._note((*path, index), self._line)
                self._read_value((*path, index))
                index += 1
        self._take()

    def _read_inline_table(self, path: KeyPath) -> None:
        self._take()
        while (mark := self._peek()) not in {"}", None}:
            if mark in {",", "\n"}:
                self._take()
            else:
                self._read_pair(path)
        self._take()

    def _note(self, path: KeyPath, line: int) -> None:
        self.lines.setdefault(path, line)

    def _peek(self) -> str | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _take(self) -> None:
        if self._next < len(self._tokens):
            self._line += self._tokens[self._next].count("\n")
            self._next += 1


def _key_parts(token: str) -> list[str]:
    if token[0] in "\"'":
        return list(tomllib.loads(f"{token} = 0"))
    return [part for part in token.split(".") if part]
