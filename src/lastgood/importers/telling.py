"""What the lines of one thread tell of an incident: each field with the lines that it comes from, and none that no line tells.

telling, cites = said_of(told, first, environments)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lastgood.importers.reading_fields import cost_in, environment_in, impact_in, minutes_in, started_in, version_in
from lastgood.importers.signals import Claim
from lastgood.importers.slack import Line
from lastgood.model.changes.incidents import IncidentKind
from lastgood.registry.incident_protocol import Telling

_LONGEST_TITLE = 120
Cites = dict[str, tuple[Line, ...]]
"""For each field that is known, the lines that it comes from."""


@dataclass(frozen=True, slots=True)
class Told:
    """A line with what it says for certain."""

    line: Line
    claims: tuple[Claim, ...]

    def has(self, *names: str) -> Claim | None:
        """Return the first claim of one of these names, or None."""
        return next((claim for claim in self.claims if claim.name in names), None)


def said_of(told: Sequence[Told], first: Told, environments: Sequence[str]) -> tuple[Telling, Cites]:
    """Return what is known of an incident, and the lines that tell each of it; the first line tells that there is one."""
    known = _Known(first.line)
    for one in told:
        if one.line.at >= first.line.at:
            known.add_times(one)
        known.add_place(one, environments)
        known.add_loss(one)
    minutes, lines = minutes_in([(claim.sentence, one.line) for one in told if (claim := one.has("effort"))], [one.line for one in told])
    known.add("minutes", minutes, *lines)
    return known.telling(), known.cites


def title_of(line: Line) -> str:
    """Return the first line of what somebody wrote, as a title."""
    first = next((part.strip() for part in line.text.split("\n") if part.strip()), line.text)
    return first if len(first) <= _LONGEST_TITLE else first[: _LONGEST_TITLE - 1].rstrip() + "…"


class _Known:
    """Gathers fields; the first line that tells of one counts."""

    def __init__(self, first: Line) -> None:
        self.cites: Cites = {}
        self._fields: dict[str, object] = {"kind": IncidentKind.INCIDENT}
        self.add("title", title_of(first), first)
        self.add("detected", first.at, first)

    def add(self, name: str, value: object, *lines: Line) -> None:
        if value is not None and name not in self.cites:
            self._fields[name], self.cites[name] = value, lines

    def add_times(self, one: Told) -> None:
        """Take in when it began, was over, and closed."""
        if since := one.has("since"):
            started = started_in(since.text, one.line)
            # Since when it is better is not since when it was bad.
            self.add("started", None if one.has("over", "rolled-back") else started, one.line)
        if (over := one.has("rolled-back") or one.has("over")) and not re.match(r"root cause|hotfix", over.text):
            self.add("mitigated", one.line.at, one.line)
        if one.has("closed"):
            self.add("closed", one.line.at, one.line)

    def add_place(self, one: Told, environments: Sequence[str]) -> None:
        """Take in where it was, which release is suspected, and whether it reached anybody."""
        if one.has("near-miss"):
            self.add("kind", IncidentKind.NEAR_MISS, one.line)
        if place := one.has("declared", "symptom", "rolled-back", "rolling-back"):
            self.add("environment", environment_in(place.sentence, environments), one.line)
        if suspected := one.has("suspected"):
            self.add("release", version_in(suspected.text), one.line)

    def add_loss(self, one: Told) -> None:
        """Take in whom it hurt, what it cost, and whether it could have been prevented."""
        if impact := one.has("impact"):
            self.add("impact", impact_in(impact, one.line), one.line)
        if cost := one.has("cost"):
            self.add("cost", cost_in(cost.text), one.line)
        if preventable := one.has("preventable"):
            denied = re.search(rf"\b(?:not|hardly) (?:\w+ )?{re.escape(preventable.text)}", preventable.sentence)
            self.add("preventable", denied is None, one.line)

    def telling(self) -> Telling:
        """Return what is known; of two times that contradict each other the one that hardly anybody means goes."""
        for earlier, later in (("started", "detected"), ("mitigated", "closed")):
            first, then = self._fields.get(earlier), self._fields.get(later)
            if isinstance(first, datetime) and isinstance(then, datetime) and first > then:
                gone = earlier if later == "detected" else later
                del self._fields[gone], self.cites[gone]
        return Telling(**self._fields)  # type: ignore[arg-type]  # each name has its own type
