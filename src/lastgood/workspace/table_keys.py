"""Guesses the field by which the rows of a table are told apart, from its first rows.

>>> guess_in_rows([{"id": 1, "text": "a"}, {"id": 2, "text": "a"}])
'id'
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from lastgood.canonical import parse_json
from lastgood.errors import Invalid

_PROBE = 1 << 18
_ENOUGH_ROWS = 200
_LIKELY = ("id", "key", "uuid", "guid", "row_id", "example_id", "case", "case_id")


def guess_key(path: Path) -> str | None:
    """Return the likely key of a JSONL, CSV or TSV file, or None."""
    extension = path.suffix.lower()
    try:
        with path.open("rb") as source:
            text = source.read(_PROBE).decode("utf-8-sig", "replace")
    except OSError:
        return None
    # The last line may have been cut off by the end of the probe.
    lines = text.split("\n")[: _ENOUGH_ROWS + 1]
    if len(text.encode("utf-8", "replace")) >= _PROBE:
        lines = lines[:-1]
    if extension in {".jsonl", ".ndjson"}:
        return guess_in_rows(_json_rows(lines))
    if extension in {".csv", ".tsv"}:
        return guess_in_rows(_csv_rows(lines, "\t" if extension == ".tsv" else ","))
    return None


def guess_in_rows(rows: Sequence[Mapping[str, object]]) -> str | None:
    """Return a field with a likely name, and another value in each row."""
    if not rows:
        return None
    names = [name for name in rows[0] if name.lower() in _LIKELY or name.lower().endswith("_id")]
    names.sort(key=lambda name: _LIKELY.index(name.lower()) if name.lower() in _LIKELY else len(_LIKELY))
    for name in names:
        values = [row.get(name) for row in rows]
        if all(isinstance(value, str | int) and value != "" for value in values) and len(set(values)) == len(values):
            return name
    return None


def _json_rows(lines: Sequence[str]) -> list[Mapping[str, object]]:
    rows: list[Mapping[str, object]] = []
    for line in lines:
        if not line.strip():
            continue
        try:
            row = parse_json(line)
        except Invalid:
            return []
        if not isinstance(row, dict):
            return []
        rows.append(row)
    return rows


def _csv_rows(lines: Sequence[str], delimiter: str) -> list[Mapping[str, object]]:
    try:
        return [row for row in csv.DictReader(lines, delimiter=delimiter) if None not in row]
    except csv.Error:
        return []
