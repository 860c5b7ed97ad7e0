r"""Files of cases of an evaluation suite, read within bounds: JSON lines, JSON, YAML and CSV that list objects.

Rules: a case is an object; a file of cases is a list of them, or an object that holds exactly one such list under a usual
name (`cases`, `tests`, `examples` …). Cases are told apart by the first of the usual keys (`id`, `case` …) that each has once,
as a text or a number; without one they are told apart by what they are. What is no such list is None, what is broken is
refused.

    >>> cases = read_cases("cases.jsonl", b'{"id": "c1", "expected": "yes"}\n{"id": "c2", "expected": "no"}\n')
    >>> cases.key, list(cases.by_name)
    ('id', ['c1', 'c2'])
    >>> read_cases("scorer.json", b'{"threshold": 0.5}') is None
    True
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lastgood.canonical import Json, JsonObject, parse_json
from lastgood.errors import Invalid
from lastgood.formats.configs import LARGEST_CONFIG, ConfigFormat, config_format, read_config

KEYS = ("id", "case", "case_id", "uid", "key", "name", "question_id", "test_id")
"""What a case may be known by, the likeliest first."""

LISTS = ("cases", "tests", "examples", "samples", "questions", "items", "data", "rows")
MOST_CASES = 200_000
_LINES = frozenset({"jsonl", "ndjson"})
_TABLES = {"csv": ",", "tsv": "\t"}


@dataclass(frozen=True, slots=True)
class Cases:
    """The cases of a file, in its order.

    Attributes:
        key: what they are known by; None where there is no such key, and the name of a case is made of its contents.
        by_name: each case.
    """

    key: str | None
    by_name: Mapping[str, Mapping[str, Json]]


def read_cases(path: str, data: bytes, keys: Sequence[str] = KEYS) -> Cases | None:
    """Read a file of cases, or None where it is none.

    Args:
        path: its name, which says the format.
        data: its bytes.
        keys: what the cases may be known by; none at all, to tell them apart by what they are.

    Raises:
        Invalid: its name says that it holds cases or a config, and it cannot be read.
    """
    listed = _listed(path, data)
    if listed is None or not listed:
        return None
    if len(listed) > MOST_CASES:
        raise Invalid(f"{path} holds more than {MOST_CASES:,} cases")
    for one in keys:
        names = [_name(case.get(one)) for case in listed]
        known = {name: case for name, case in zip(names, listed, strict=True) if name is not None}
        if len(known) == len(listed):
            return Cases(one, known)
    return Cases(None, {_digest(case): case for case in listed})


def _listed(path: str, data: bytes) -> Sequence[Mapping[str, Json]] | None:
    suffix = path.rpartition(".")[2].lower()
    if suffix in _LINES:
        return _lines(path, data)
    if suffix in _TABLES:
        return _table(path, data, _TABLES[suffix])
    if config_format(path) in {ConfigFormat.JSON, ConfigFormat.YAML}:
        return _objects(read_config(path, data))
    return None


def _lines(path: str, data: bytes) -> list[JsonObject]:
    found: list[JsonObject] = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            value = parse_json(line)
        except Invalid as error:
            raise Invalid(f"{path} is not valid JSON lines, line {number}: {error.message}") from error
        if not isinstance(value, dict):
            raise Invalid(f"{path} is not valid JSON lines, line {number}: it is no object")
        found.append(value)
    return found


def _table(path: str, data: bytes, delimiter: str) -> list[JsonObject]:
    if len(data) > LARGEST_CONFIG:
        raise Invalid(f"{path} is larger than {LARGEST_CONFIG:,} bytes")
    try:
        rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter, strict=True)
        header = next(rows, [])
        found: list[JsonObject] = []
        for row in rows:
            if len(row) != len(header) and row:
                raise Invalid(f"{path} is not a valid table, line {rows.line_num}: {len(row)} cells, and {len(header)} columns")
            if row:
                found.append(dict(zip(header, row, strict=True)))
    except (csv.Error, UnicodeDecodeError) as error:
        raise Invalid(f"{path} is not a valid table: {error}") from error
    if len(set(header)) != len(header):
        raise Invalid(f"{path} is not a valid table: two columns have one name")
    return found


def _objects(tree: Json) -> Sequence[Mapping[str, Json]] | None:
    if isinstance(tree, Mapping):
        lists = [tree[name] for name in LISTS if isinstance(tree.get(name), list)]
        tree = lists[0] if len(lists) == 1 else None
    if not isinstance(tree, list):
        return None
    found = [one for one in tree if isinstance(one, Mapping)]
    return found if len(found) == len(tree) else None


def _name(value: Json) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value) or None


def _digest(case: Mapping[str, Json]) -> str:
    """Name a case by what it is; its repr is the same for equal cases, whatever numbers they hold."""
    return hashlib.sha256(repr(sorted(case.items())).encode(errors="backslashreplace")).hexdigest()[:12]
