"""What one line says of times, places, versions, costs and hours; None where it does not say it.

>>> environment_in("rolled back production"), environment_in("rolled back staging"), version_in("back to r41")
('prod', None, 'r41')
>>> str(cost_in("cost us €1.2k"))
'1,200.00 EUR'
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from lastgood.importers.signals import Claim
from lastgood.importers.slack import Line
from lastgood.model.changes.incidents import Currency
from lastgood.model.incident import Cost

_CLOCK = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?\s?([ap]m)?\b")
_ZONE = re.compile(r"\s*(utc|gmt|z|pt|et|ct|[pemc][sd]t|ce?s?t|cest|bst|we?s?t|ee?s?t|msk|ist|jst|kst|sgt|hkt|ae[sd]t)\b")
_PRODUCTION = re.compile(r"\b(?:prod|production)\b(?![- ](?:engineer|team|support|line|data|readiness|ready|database|db|like|grade))")
_VERSION = re.compile(r"\b(?:r\d{1,6}|v?\d+\.\d+(?:\.\d+)?(?:-[a-z]+[\w.]*)?|v\d+)\b")
_TARGET = re.compile(rf"\b(?:to|on)\s+(?:\w+\s+)?({_VERSION.pattern})")
_AMOUNT = re.compile(r"([€£]?)\s?([\d,.]*\d)(k?)\s?(eur|usd|gbp|chf)?")
_LEADING = re.compile(r"\b(eur|usd|gbp|chf)\s?([\d,.]*\d)(k?)")
_SIGNS = {"€": "EUR", "£": "GBP"}
_LASTED = re.compile(r"\btook (?:us|me|the team) ([\d.]+) ?(h|m)")
_TOGETHER = re.compile(r"\b([\d.]+) (?:engineer|person)[ -]hours\b")
_PEOPLE = re.compile(r"\b(\d{1,2}|two|three|four|five|six) (?:engineers|people|of us|devs|developers)\b")
_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_NOON, _HOURS, _MINUTES = 12, 24, 60
_LONGEST = 10**12


def started_in(words: str, line: Line) -> datetime | None:
    """Return the time of day that `since 14:05` means, in the zone of who wrote it, before the line was written."""
    found = _CLOCK.search(words)
    if found is None:
        return None
    place = line.text.lower().find(found[0])
    named = _ZONE.match(line.text.lower()[place + len(found[0]) :]) if place >= 0 else None
    zone = UTC if named is not None and named[1] in {"utc", "gmt", "z"} else None if named is not None else line.speaker.zone
    hour, minute = int(found[1]), int(found[2] or 0)
    if found[3]:
        hour = hour % _NOON + (_NOON if found[3] == "pm" else 0)
    if zone is None or hour >= _HOURS or minute >= _MINUTES:
        return None
    local = line.at.astimezone(zone)
    at = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    # Written after midnight, of the evening before.
    return (at if at <= local else at - timedelta(days=1)).astimezone(UTC)


def environment_in(text: str, environments: Sequence[str] = ()) -> str | None:
    """Return the environment that a line names: `prod` for whatever means production, or one that is known."""
    lowered = text.lower()
    if _PRODUCTION.search(lowered):
        return next((name for name in ("prod", "production") if name in environments), "prod")
    return next((name for name in environments if re.search(rf"\b{re.escape(name.lower())}\b", lowered)), None)


def version_in(text: str, is_target: bool = False) -> str | None:  # noqa: FBT001, FBT002 - one word of the same question
    """Return the release that a line names, as it was written; of a rollback the one that it went to."""
    if is_target and (target := _TARGET.search(text)):
        return target[1]
    found = None if is_target and " from " in text else _VERSION.search(text)
    return None if found is None else found[0]


def impact_in(claim: Claim, line: Line) -> str | None:
    """Return the sentence that says how many it hurt, as it was written."""
    place = line.text.lower().find(claim.text)
    if place < 0:
        return None
    start = max(line.text.rfind(end, 0, place) for end in (". ", "! ", "\n"))
    ends = [end for mark in (". ", "! ", "\n") if (end := line.text.find(mark, place)) >= 0]
    return line.text[start + 1 : min(ends, default=len(line.text))].strip()


def cost_in(words: str) -> Cost | None:
    """Return an amount; `$` alone is many currencies' sign, so it is none."""
    leading = _LEADING.search(words)
    found = None if leading else next((one for one in _AMOUNT.finditer(words) if one[1] or one[4]), None)
    if leading:
        currency, digits, thousands = leading[1].upper(), leading[2], leading[3]
    elif found:
        currency, digits, thousands = _SIGNS.get(found[1]) or found[4].upper(), found[2], found[3]
    else:
        return None
    plain = digits.replace(",", "")
    if not re.fullmatch(r"\d{1,12}(?:\.\d{1,2})?", plain):
        return None
    hundredths = round(Decimal(plain) * 100 * (1_000 if thousands else 1))
    return Cost(hundredths, Currency(currency)) if hundredths < _LONGEST else None


def minutes_in(efforts: Sequence[tuple[str, Line]], lines: Sequence[Line]) -> tuple[int | None, tuple[Line, ...]]:
    """Return how many minutes people spent: as somebody says it, or how long it took times how many they were, both told."""
    for sentence, line in efforts:
        if together := _TOGETHER.search(sentence):
            return round(Decimal(together[1].strip(".")) * 60), (line,)
    for sentence, line in efforts:
        lasted = _LASTED.search(sentence)
        for other in (line, *lines):
            people = _PEOPLE.search(other.text.lower())
            if lasted and people:
                count = _NUMBERS.get(people[1]) or int(people[1])
                minutes = round(Decimal(lasted[1].strip(".")) * (60 if lasted[2] == "h" else 1)) * count
                return minutes, (line,) if other is line else (line, other)
    return None, ()
