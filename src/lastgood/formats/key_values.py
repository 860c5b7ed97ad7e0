r"""Files of `KEY=VALUE` lines: `.env`, and `.ini` with its sections.

Rules: values are texts, always; a key that stands twice is refused, since readers disagree on which one counts. Quotes
around a value are dropped only where every reader agrees on what stands between them, that is without backslash, `$`
and backquote; otherwise the value is kept as it is written.

    >>> read_env("# keys\nexport MODEL='gpt-4.1'\nTEMPERATURE=0.2 # warm\n")
    {'MODEL': 'gpt-4.1', 'TEMPERATURE': '0.2'}
    >>> read_ini("[sampling]\ntemperature = 0.2\n")
    {'sampling': {'temperature': '0.2'}}
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lastgood.canonical import Json, JsonObject
from lastgood.formats.tree import MOST_VALUES, Malformed

_ENV_KEY = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*")
_INI_DIVIDER = re.compile(r"[=:]")
_COMMENT = re.compile(r"(?<=[ \t])#")
_TO_CLOSING_QUOTE = re.compile(r'(?:[^"\\]++|\\.)*+"')
_READ_DIFFERENTLY = re.compile(r"[\\$`]")


def read_env(text: str) -> Json:
    """Read a `.env` file: `KEY=VALUE`, `export KEY=VALUE`, comments, values in quotes over several lines.

    Raises:
        Malformed: a line has another form, a quote is not closed, or a key stands twice.
    """
    tree: JsonObject = {}
    lines = _lines(text)
    for number, line in lines:
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _ENV_KEY.match(stripped)
        if not match:
            raise Malformed("expected KEY=VALUE", number)
        value = _env_value(stripped[match.end() :], number, lines)
        _put(tree, match[1], value, number)
    return tree


def _env_value(rest: str, number: int, lines: Iterator[tuple[int, str]]) -> str:
    quote = rest[:1]
    if quote not in {'"', "'"}:
        return _COMMENT.split(rest, maxsplit=1)[0].rstrip() if not rest.startswith("#") else ""
    parts = [rest]
    end = _closing(rest, quote, 1)
    while end < 0:
        following = next(lines, None)
        if following is None:
            raise Malformed(f"the quote {quote} is not closed", number)
        parts.append(following[1])
        end = _closing(following[1], quote, 0)
    behind = parts[-1][end + 1 :].strip()
    if behind and not behind.startswith("#"):
        raise Malformed("there is more after the closing quote", number)
    parts[-1] = parts[-1][: end + 1]
    return _unquote("\n".join(parts))


def _closing(text: str, quote: str, start: int) -> int:
    """Find the quote that closes a value; in double quotes a backslash protects the next character."""
    if quote == "'":
        return text.find(quote, start)
    match = _TO_CLOSING_QUOTE.match(text, start)
    return match.end() - 1 if match else -1


def _unquote(value: str) -> str:
    inner = value[1:-1]
    return value if _READ_DIFFERENTLY.search(inner) else inner


def read_ini(text: str) -> Json:
    """Read an `.ini` file: `[section]`, `key = value` or `key: value`, `#` and `;` comments, indented continuation.

    Raises:
        Malformed: a line has another form, or a section or a key stands twice.
    """
    tree: JsonObject = {}
    here = tree
    for number, line in _joined(_lines(text)):
        if line[0] == "[":
            here = _section(tree, line, number)
        else:
            _put_pair(here, line, number)
    return tree


def _joined(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Join indented lines to the one before; leave out empty lines and comments."""
    parts: list[str] = []
    first = 0
    for number, line in lines:
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        if line[0] in " \t" and parts:
            parts.append(stripped)
            continue
        if parts:
            yield first, "\n".join(parts)
        parts, first = [stripped], number
    if parts:
        yield first, "\n".join(parts)


def _section(tree: JsonObject, line: str, number: int) -> JsonObject:
    if not line.endswith("]"):
        raise Malformed("expected [section]", number)
    section: JsonObject = {}
    _put(tree, line[1:-1].strip(), section, number)
    return section


def _put_pair(here: JsonObject, line: str, number: int) -> None:
    divider = _INI_DIVIDER.search(line)
    key = line[: divider.start()].rstrip() if divider else ""
    if not divider or not key:
        raise Malformed("expected key = value", number)
    _put(here, key, line[divider.end() :].strip(), number)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    if text.count("\n") > MOST_VALUES:
        raise Malformed(f"it has more than {MOST_VALUES:,} lines")
    return iter(enumerate(text.replace("\r\n", "\n").split("\n"), start=1))


def _put(tree: JsonObject, key: str, value: Json, number: int) -> None:
    if key in tree:
        raise Malformed(f"the key {key[:80]!r} stands twice", number)
    tree[key] = value
