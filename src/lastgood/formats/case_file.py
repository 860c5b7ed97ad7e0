r"""The file of a case (`lastgood case --input FILE`): TOML with the inputs of the payback page.

Rules: numbers are read as they are written, as decimals; unknown keys are refused, never ignored; all problems are told at once.

    >>> declared = read_case_file(b'incidents_per_year = 2\ntooling_per_year = {low = 0, likely = 0.10, high = 1}', "case.toml")
    >>> declared.given["tooling_per_year"].range.likely
    Decimal('0.1')
    >>> read_case_file(b'setup-hours = 3', "case.toml")
    Traceback (most recent call last):
    lastgood.errors.InvalidCase: case.toml: setup-hours: unknown key; did you mean setup_hours?
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal

from lastgood.errors import InvalidCase
from lastgood.model.case import CURRENCY, Declared, Given, Origin, PastIncident
from lastgood.model.changes.incidents import IncidentKind
from lastgood.model.estimates import INPUTS, parse_range

LARGEST = 100_000
MOST_INCIDENTS = 1_000
LONGEST_TITLE = 200
MOST_PROBLEMS_SHOWN = 20

_OTHERS = ("currency", "production", "incidents")
_OF_AN_INCIDENT = ("title", "kind", "cost", "on")
_DEEP_KEY = re.compile(r"(?:[\w\"'-]+\s*\.\s*){16}")
_SHOWN = 40


def read_case_file(data: bytes, name: str) -> Declared:
    """Read the bytes of a case's file.

    Args:
        data: the bytes.
        name: how the file is called in origins and messages.

    Raises:
        InvalidCase: it is not TOML, or something in it is not right; the message tells every problem with its key.
    """
    table = _parse(data, name)
    problems: list[str] = [_unknown(key, (*INPUTS, *_OTHERS)) for key in table if key not in INPUTS and key not in _OTHERS]
    given: dict[str, Given] = {}
    for key, what in INPUTS.items():
        if key in table:
            try:
                given[key] = Given(parse_range(table[key], what), Origin.FILE, name)
            except InvalidCase as error:
                problems.append(error.message)
    currency, production = table.get("currency", CURRENCY), table.get("production")
    if not isinstance(currency, str):
        problems.append("currency: must be a text, such as EUR")
    if not (production is None or isinstance(production, bool)):
        problems.append("production: must be true or false")
    incidents = tuple(_incidents(table.get("incidents", []), name, problems))
    if problems:
        raise _refusal(problems, name)
    assert isinstance(currency, str)  # noqa: S101 - or it would be a problem
    return Declared(given, currency, production if isinstance(production, bool) else None, incidents, name)


def _parse(data: bytes, name: str) -> Mapping[str, object]:
    import tomllib  # noqa: PLC0415  # 25 ms that only a file should cost

    if len(data) > LARGEST:
        raise InvalidCase(f"{name} is larger than {LARGEST:,} bytes, so it is no case")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidCase(f"{name} is not UTF-8") from error
    if _DEEP_KEY.search(text):
        # The parser takes quadratic time in the parts of one dotted key, so such keys never reach it.
        raise InvalidCase(f"{name} has a key, or a text, of more than 16 parts between dots")
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except RecursionError as error:
        raise InvalidCase(f"{name} is nested too deep") from error
    # A number with an exponent that no decimal has is an ArithmeticError.
    except (ValueError, ArithmeticError) as error:
        raise InvalidCase(f"{name} is not TOML: {str(error)[:200]}") from error


def _incidents(value: object, name: str, problems: list[str]) -> Iterator[PastIncident]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        problems.append("incidents: must be tables, each under [[incidents]]")
        return
    if len(value) > MOST_INCIDENTS:
        problems.append(f"incidents: more than {MOST_INCIDENTS:,} are listed")
        return
    for number, table in enumerate(value, start=1):
        before = len(problems)
        problems += [f"incidents.{number}.{told}" for told in _wrong_in(table)]
        if len(problems) == before:
            cost = table.get("cost")
            yield PastIncident(
                title=table["title"],
                kind=IncidentKind(table.get("kind", IncidentKind.INCIDENT.value)),
                cost=None if cost is None else parse_range(cost, INPUTS["cost_per_incident"]).likely,
                on=table.get("on"),
                where=f"{Origin.FILE.value} {name}",
            )


def _wrong_in(table: Mapping[str, object]) -> Iterator[str]:
    yield from (_unknown(key, _OF_AN_INCIDENT) for key in table if key not in _OF_AN_INCIDENT)
    title, on, kinds = table.get("title"), table.get("on"), [one.value for one in IncidentKind]
    if not isinstance(title, str) or not title.strip() or len(title) > LONGEST_TITLE:
        yield f"title: must be a text of 1 to {LONGEST_TITLE} letters"
    if table.get("kind", kinds[0]) not in kinds:
        yield f"kind: must be one of {', '.join(kinds)}"
    if on is not None and (not isinstance(on, date) or isinstance(on, datetime)):
        yield "on: must be a date, such as 2026-05-11"
    if "cost" in table:
        try:
            if not parse_range(table["cost"], INPUTS["cost_per_incident"]).is_point:
                yield "cost: must be one number"
        except InvalidCase as error:
            yield f"cost: {error.message.partition(': ')[2]}"


def _unknown(key: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(key[:_SHOWN], known, n=1)
    return f"{key[:_SHOWN]}: unknown key; " + (f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}")


def _refusal(problems: list[str], name: str) -> InvalidCase:
    shown = [f"{name}: {told}" for told in problems[:MOST_PROBLEMS_SHOWN]]
    if len(problems) > MOST_PROBLEMS_SHOWN:
        shown.append(f"and {len(problems) - MOST_PROBLEMS_SHOWN} more")
    return InvalidCase("\n".join(shown), details={"problems": problems[:MOST_PROBLEMS_SHOWN]})
