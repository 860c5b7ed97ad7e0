r"""JSONL: one JSON object a line; empty lines are passed over.

Of a key that stands twice in one object the last counts, as with most readers.

    >>> import io
    >>> [row.cells for row in read_json_lines(io.BytesIO(b'{"a": [1]}\n\n{"b": null}'))]
    [{'a': [1]}, {'b': None}]
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO

from lastgood.canonical import JsonObject
from lastgood.formats.tables.lines import read_lines
from lastgood.formats.tables.rows import MOST_COLUMNS, Row
from lastgood.formats.tree import Malformed


def read_json_lines(file: BinaryIO) -> Iterator[Row]:
    """Yield the rows.

    Raises:
        Malformed: a line is no JSON object.
    """
    number = 0
    for line, text in read_lines(file):
        if text.isspace():
            continue
        number += 1
        yield Row(number, line, _read_object(text, line))


def _read_object(text: str, line: int) -> JsonObject:
    try:
        value = json.loads(text)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise Malformed(error.msg, line) from error
    except UnicodeEncodeError as error:
        raise Malformed("it holds half of a surrogate pair", line) from error
    except (ValueError, RecursionError) as error:
        # A number of thousands of digits, or thousands of brackets.
        raise Malformed("it is nested too deeply, or holds a number that is too long", line) from error
    if not isinstance(value, dict):
        raise Malformed("it is no object", line)
    if len(value) > MOST_COLUMNS:
        raise Malformed(f"it has more than {MOST_COLUMNS:,} columns", line)
    return value
