"""The tree that every config format is read into: objects, lists, texts, numbers, booleans and null.

Rules: a tree is bounded (depth, values, digits of a number), so whoever walks it needs no guard of their own; what the
readers of a format disagree on is never interpreted, but kept as it is written and marked `Unquoted`, so that no change
hides behind one reader's rules.

    >>> Unquoted("yes") == "yes", type(Unquoted("yes")) is str
    (True, False)
    >>> settle({"a": [1, 2.5, None]})
    {'a': [1, 2.5, None]}
"""

from __future__ import annotations

from lastgood.canonical import DEEPEST, Json

MOST_VALUES = 1_000_000
"""How many values a tree may hold, those that aliases repeat counted each time."""

LONGEST_NUMBER_BITS = 4_096
"""An integer may have this many bits: far beyond any seed, far below what takes long to print."""


class Unquoted(str):
    """A bare word that readers of its format take differently, or that has no JSON type: `yes`, `012`, `2026-11-02`.

    It equals the text it is written as; whoever must tell the two apart asks for the type.
    """

    __slots__ = ()


class Malformed(ValueError):
    """A config is not what its format asks for.

    Args:
        reason: what is wrong with it.
        line: where, counted from 1, if that is known.
    """

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


def settle(value: object, depth: int = DEEPEST) -> Json:
    """Turn what a parser of JSON or TOML made into a tree within its bounds.

    Raises:
        Malformed: it is nested too deeply, or holds a number that is too long.
    """
    if isinstance(value, dict | list):
        if depth == 0:
            raise Malformed(f"it is nested more than {DEEPEST} deep")
        if isinstance(value, list):
            return [settle(item, depth - 1) for item in value]
        return {key: settle(item, depth - 1) for key, item in value.items()}
    if isinstance(value, int):
        return check_integer(value)
    # What is left has no JSON type: a date, a time or both.
    return value if value is None or isinstance(value, str | float) else Unquoted(str(value))


def check_integer(value: int) -> int:
    """Return an integer that is short enough to be written down again.

    Raises:
        Malformed: it is not.
    """
    if value.bit_length() > LONGEST_NUMBER_BITS:
        raise Malformed(f"a number has more than {LONGEST_NUMBER_BITS:,} bits")
    return value


def check_count(count: int) -> None:
    """Refuse a tree with too many values.

    Raises:
        Malformed: it has more than `MOST_VALUES`.
    """
    if count > MOST_VALUES:
        raise Malformed(f"it holds more than {MOST_VALUES:,} values")
