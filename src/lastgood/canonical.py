r"""Canonical JSON: the one form in which anything is hashed.

The hash rule, in words: write the value as RFC 8785 JSON (UTF-8, keys sorted by UTF-16 code units, no spaces, shortest
numbers), then take SHA-256 of those bytes. What cannot be written so (NaN, integers beyond 2^53 - 1, lone surrogates)
is refused, never rounded. Reading takes UTF-8 only and refuses duplicate keys, nesting beyond 64, numbers that are too
large for a float and lone surrogates, so two readers never see two values.

    >>> canonical_json({"b": 1, "a": [True, None, "é"]})
    b'{"a":[true,null,"\xc3\xa9"],"b":1}'
    >>> parse_json(b'{"a": 1}')
    {'a': 1}
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

import rfc8785

from lastgood.errors import Invalid

JsonScalar = None | bool | int | float | str
Json = JsonScalar | Sequence["Json"] | Mapping[str, "Json"]
JsonObject = dict[str, "Json"]

DEEPEST = 64
LARGEST_INTEGER = 2**53 - 1

json_string = json.encoder.encode_basestring
"""Write one string as JSON: for strings RFC 8785 asks for exactly what the standard library's C encoder does."""


def canonical_json(value: Json) -> bytes:
    """Write a value as RFC 8785 JSON.

    Raises:
        Invalid: the value has no canonical form (NaN, an integer beyond 2^53 - 1, a lone surrogate).
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise Invalid(f"this value has no canonical JSON form: {error}") from error


def parse_json(data: bytes | str) -> Json:
    """Read JSON from an untrusted source.

    Raises:
        Invalid: it is not JSON in UTF-8, has a duplicate key, a number that JSON does not know or a float cannot hold,
            a lone surrogate, or is nested too deeply.
    """
    try:
        # Given bytes, `json.loads` would guess at UTF-16 and UTF-32 too.
        text = data if isinstance(data, str) else data.decode()
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Invalid(f"this is not valid JSON: {error}") from error
    _check_depth(value)
    return value  # type: ignore[no-any-return]  # json.loads makes nothing but Json


def parse_json_object(data: bytes | str) -> JsonObject:
    """Read a JSON object from an untrusted source.

    Raises:
        Invalid: as `parse_json`, or the value is no object.
    """
    value = parse_json(data)
    if not isinstance(value, dict):
        raise Invalid("expected a JSON object")
    return value


def _unique(pairs: list[tuple[str, Json]]) -> JsonObject:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice[:80]!r} stands twice in one object")
    return value


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:80]} is too large a number")
    return number


def _check_depth(value: Json) -> None:
    level: list[Json] = [value]
    for _ in range(DEEPEST):
        level = [child for node in level if isinstance(node, dict | list) for child in (node.values() if isinstance(node, dict) else node)]
        if not level:
            return
    if any(isinstance(node, dict | list) for node in level):
        raise Invalid(f"this JSON is nested more than {DEEPEST} deep")
