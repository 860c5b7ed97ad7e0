"""Incidents in a CSV file, as a spreadsheet or another tool writes one: forgiving of headers, exact about values.

Commas, semicolons or tabs; UTF-8; the first row names the columns, in any order, capitals and spaces as one likes. Needed are
a title and when it was detected. A row that is not right is told with its line and why, and the others still stand. A row is known by its
`id`, where there is one, else by the file and its place in it, so that importing twice records nothing twice.

    table = read_incidents(data)
    table.rows[0].telling.title, table.problems
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from lastgood.canonical import canonical_json
from lastgood.errors import Invalid, LastgoodError
from lastgood.ids import FileDigest, SourceDigest
from lastgood.model.changes.incidents import IncidentKind
from lastgood.model.incident import Cost, parse_cost, parse_minutes
from lastgood.registry.incident_protocol import BroughtIncident, Telling

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "title": ("title", "summary", "name", "incident", "what", "description"),
    "detected": ("detected", "detected_at", "noticed", "opened", "opened_at", "created", "created_at", "date", "reported"),
    "kind": ("kind", "type", "category"),
    "environment": ("environment", "env", "where"),
    "started": ("started", "started_at", "start", "began", "start_time"),
    "mitigated": ("mitigated", "mitigated_at", "restored", "restored_at", "recovered"),
    "closed": ("closed", "closed_at", "resolved", "resolved_at", "end", "ended"),
    "release": ("release", "suspected_release", "revision", "version"),
    "hours": ("engineer_hours", "hours", "effort", "effort_hours", "person_hours"),
    "cost": ("cost", "amount", "loss"),
    "currency": ("currency",),
    "preventable": ("preventable", "avoidable"),
    "impact": ("impact", "customer_impact", "customers"),
    "id": ("id", "key", "number", "ticket", "external_id"),
}
"""Each field with the headers that mean it, the first one the documented one."""

MOST_ROWS = 100_000
_YES, _NO = frozenset({"yes", "y", "true", "1", "x"}), frozenset({"no", "n", "false", "0"})
_KINDS = {"nearmiss": IncidentKind.NEAR_MISS, "reprofailure": IncidentKind.REPRO_FAILURE, "reproductionfailure": IncidentKind.REPRO_FAILURE}
_LONGEST_FIELD = 100_000


@dataclass(frozen=True, slots=True)
class Row:
    """A row that is right as far as the file goes: where it ends in it, and what it says; times are as they were written."""

    line: int
    brought: BroughtIncident


@dataclass(frozen=True, slots=True)
class Problem:
    """A row that is not right: where it ends in the file, and why."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Table:
    """What a file holds: rows, problems, and the headers that mean nothing here."""

    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]
    ignored: tuple[str, ...]


def read_incidents(data: bytes, name: str = "the file") -> Table:
    """Read a CSV file.

    Args:
        data: its bytes.
        name: what it is called in messages.

    Raises:
        Invalid: it is no CSV in UTF-8, or lacks a column that is needed.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"{name} is not UTF-8; nothing was recorded", hint="save it as CSV UTF-8") from error
    if "\0" in text:
        raise Invalid(f"{name} is no CSV: it holds a NUL character; nothing was recorded")
    reader = csv.reader(io.StringIO(text), delimiter=_delimiter(text), strict=True)
    headers = _headers(reader, name)
    fields = _fields(headers, name)
    file = FileDigest.of(data)
    rows: list[Row] = []
    problems: list[Problem] = []
    place = 0
    for cells in _cells(reader, problems, lambda: reader.line_num):
        if not any(cell.strip() for cell in cells):
            continue
        place += 1
        if place > MOST_ROWS:
            raise Invalid(f"{name} has more than {MOST_ROWS:,} rows; nothing was recorded")
        try:
            rows.append(Row(reader.line_num, _row(cells, fields, unnamed={"file": str(file), "row": place})))
        except LastgoodError as error:
            problems.append(Problem(reader.line_num, error.message.removesuffix("; nothing was changed")))
    used = {headers[index] for index in fields.values()}
    return Table(tuple(rows), tuple(problems), tuple(one for one in headers if one and one not in used))


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return max((",", ";", "\t"), key=first.count)


def _headers(reader: Iterator[list[str]], name: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(reader)]
    except StopIteration:
        raise Invalid(f"{name} is empty; nothing was recorded") from None
    except csv.Error as error:
        raise Invalid(f"{name} is no CSV: {error}; nothing was recorded") from error


def _cells(reader: Iterator[list[str]], problems: list[Problem], line: Callable[[], int]) -> Iterator[list[str]]:
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # What comes after a quote that is never closed cannot be told apart from what is in it.
            problems.append(Problem(line(), f"is no CSV: {error}"))
            return
        yield cells


def _fields(headers: list[str], name: str) -> dict[str, int]:
    """Return where each field stands; of several headers that mean the same the better known one counts."""
    plain = [re.sub(r"[^a-z0-9]+", "_", one.lower()).strip("_") for one in headers]
    found = {field: plain.index(known[0]) for field, names in COLUMNS.items() if (known := [one for one in names if one in plain])}
    if missing := [field for field in ("title", "detected") if field not in found]:
        raise Invalid(
            f"{name} has no column for {' and '.join(missing)}; nothing was recorded",
            hint=f"name one of its columns {', '.join(COLUMNS[missing[0]])}",
        )
    return found


def _row(cells: list[str], fields: dict[str, int], *, unnamed: dict[str, str | int]) -> BroughtIncident:
    said = {name: cells[index].strip() for name, index in fields.items() if index < len(cells) and cells[index].strip()}
    if len(cells) > max(fields.values()) + 1 and any(len(cell) > _LONGEST_FIELD for cell in cells):
        raise Invalid("a cell is longer than anybody writes")
    if missing := [name for name in ("title", "detected") if name not in said]:
        raise Invalid(f"it has no {missing[0]}")
    telling = Telling(
        title=said["title"],
        started=said.get("started"),
        detected=said["detected"],
        mitigated=said.get("mitigated"),
        closed=said.get("closed"),
        kind=_kind(said.get("kind")),
        environment=said.get("environment"),
        release=said.get("release"),
        minutes=parse_minutes(said["hours"]) if "hours" in said else None,
        cost=_cost(said.get("cost"), said.get("currency")),
        preventable=_flag(said.get("preventable")),
        impact=said.get("impact"),
    )
    identity = {"csv": said["id"]} if "id" in said else unnamed
    note = (f"imported as {said['id']}",) if "id" in said else ()
    return BroughtIncident(telling, SourceDigest.of(canonical_json(identity)), note)


def _kind(said: str | None) -> IncidentKind | None:
    if said is None:
        return None
    plain = re.sub(r"[^a-z]", "", said.lower())
    if plain in {"incident", "outage"}:
        return IncidentKind.INCIDENT
    if plain not in _KINDS:
        raise Invalid(f"its kind is {said[:40]!r}, which is none of incident, near-miss and repro-failure")
    return _KINDS[plain]


def _cost(said: str | None, currency: str | None) -> Cost | None:
    if said is None:
        return None
    return parse_cost(f"{said} {currency}" if currency is not None and not re.search(r"[A-Za-z]{3}\s*$", said) else said)


def _flag(said: str | None) -> bool | None:
    if said is None or said.lower() in {"?", "unknown", "n/a", "-"}:
        return None
    if said.lower() not in _YES | _NO:
        raise Invalid(f"preventable is {said[:40]!r}, which is neither yes nor no")
    return said.lower() in _YES
