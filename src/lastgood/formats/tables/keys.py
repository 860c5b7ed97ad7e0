"""What a row is known by: the cells of its key, as one text.

Rules: a key names a column; where there is no such column, it may name several, separated by commas. The text of a cell is
the cell itself if it is a text, and its JSON otherwise, so that a row keeps its key in whatever format its table is. A row
without a cell of its key, or with null there, has no key.

    >>> key_columns("user, day", ["day", "text", "user"])
    ('user', 'day')
    >>> key_of({"user": "ann", "day": 7}, ("user", "day")), key_of({"user": None}, ("user",))
    ('ann, 7', None)
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from lastgood.canonical import Json


def key_columns(key: str, columns: Collection[str]) -> tuple[str, ...] | None:
    """Return the columns that a key names, or None where a table does not have them."""
    if key in columns:
        return (key,)
    parts = tuple(part.strip() for part in key.split(","))
    return parts if len(parts) > 1 and all(part in columns for part in parts) else None


def key_of(cells: Mapping[str, Json], columns: tuple[str, ...]) -> str | None:
    """Return what a row is known by, or None where it has no key."""
    texts = [_text(cells.get(column)) for column in columns]
    return None if None in texts else ", ".join(text for text in texts if text is not None)


def _text(value: Json) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
