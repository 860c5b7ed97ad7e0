r"""How a change is put into words: short, on one line, and harmless to a terminal.

Rules: nothing that came from a file is shown as it is: what a terminal would obey or hide (control characters, escape
sequences, direction marks, zero-width and tag characters) becomes a visible escape; what is long is cut before it is
looked at, so that wording a 5 MB line costs no more than wording a short one.

    >>> printable("red\x1b[31m\u202e")
    'red\\x1b[31m\\u202e'
    >>> quote("Cite the policy."), show_value({"max": 3, "on": True}), count(2, "file"), size(90_300_000)
    ('"Cite the policy."', '{"max": 3, "on": true}', '2 files', '90.3 MB')
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence

from lastgood.canonical import Json
from lastgood.formats.tree import Unquoted

ELLIPSIS = "…"
VALUE_WIDTH = 60
"""How many characters of a value or a line stand in a summary."""

_LARGEST_SAFE_INTEGER = 2**53 - 1
_CONTEXT = 24
_THOUSAND = 1000


def printable(text: str) -> str:
    """Return a text in which every character that cannot be seen is an escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def shorten(text: str, width: int = VALUE_WIDTH) -> str:
    """Return a printable text of about `width` characters, cut at its end if it is longer."""
    return printable(text) if len(text) <= width else printable(text[: width - 1]) + ELLIPSIS


def quote(text: str, width: int = VALUE_WIDTH) -> str:
    """Return a text in double quotes, printable and cut."""
    return f'"{shorten(text, width)}"'


def crop(text: str, at: int, width: int = VALUE_WIDTH) -> str:
    """Quote the part of a text that begins shortly before the place `at`, at the start of a word if one is near."""
    if len(text) <= width:
        return quote(text, width)
    start = max(0, at - _CONTEXT)
    if start:
        space = text.find(" ", start, at)
        start = space + 1 if space >= 0 else start
    end = start + width - 1
    return f'"{ELLIPSIS if start else ""}{printable(text[start:end])}{ELLIPSIS if end < len(text) else ""}"'


def count(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where there is not one."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size(number: int) -> str:
    """Return a number of bytes in decimal units with three digits."""
    value, units = float(number), ["kB", "MB", "GB", "TB", "PB"]
    if number < _THOUSAND:
        return count(number, "byte")
    unit = ""
    while value >= _THOUSAND - 0.5 and units:
        value, unit = value / _THOUSAND, units.pop(0)
    digits = sum(value < limit for limit in (9.995, 99.95))
    return f"{value:.{digits}f} {unit}"


def show_value(value: Json, width: int = VALUE_WIDTH) -> str:
    """Return a value of a config as JSON on one line, cut where it gets longer than `width`."""
    if isinstance(value, Unquoted):
        return shorten(value, width)
    parts: list[str] = []
    length = 0
    for part in _json_parts(value, width):
        parts.append(part)
        length += len(part)
        if length > width:
            break
    return shorten("".join(parts), width)


def _json_parts(value: Json, width: int) -> Iterator[str]:
    if isinstance(value, dict):
        yield "{"
        for place, (key, item) in enumerate(value.items()):
            yield f"{', ' if place else ''}{quote(key, width)}: "
            yield from _json_parts(item, width)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for place, item in enumerate(value):
            yield ", " if place else ""
            yield from _json_parts(item, width)
        yield "]"
    elif isinstance(value, Unquoted):
        yield value[: width + 1]
    elif isinstance(value, str):
        # One character more than fits, so that the cut shows.
        yield json.dumps(value[: width + 1], ensure_ascii=False)
    else:
        yield json.dumps(value)


def type_word(value: Json) -> str:
    """Name the type of a value of a config."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, Unquoted):
        return "unquoted"
    if isinstance(value, str):
        return "text"
    if value is None:
        return "null"
    return "list" if isinstance(value, Sequence) else "object"


def as_json(value: Json) -> Json:
    """Return a value that canonical JSON can hold: what JSON has no number for becomes its text."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if isinstance(value, Unquoted):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _LARGEST_SAFE_INTEGER:
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
