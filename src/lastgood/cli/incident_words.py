"""How incidents are shown: a row of a table, lines for one, and the fields of its JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from lastgood.cli.output import duration_text, first_line, time_text
from lastgood.clock import format_instant
from lastgood.model.incident import Incident


def incident_row(one: Incident) -> tuple[str, ...]:
    """Return an incident as a row: name, kind, state, where, detected, unnoticed, to rollback, release, what."""
    said = one.said
    return (
        one.name,
        said.kind.value,
        state_of(one),
        said.environment or "",
        time_text(said.detected),
        _length(one.time_to_detect),
        _length(one.time_to_rollback),
        "" if one.release_number is None else f"r{one.release_number}",
        first_line(one.title) if one.title is not None else "(erased)",
    )


def state_of(one: Incident) -> str:
    """Return how far an incident is."""
    if not one.is_open:
        return "closed"
    return "open" if one.said.mitigated is None and one.rolled_back is None else "mitigated"


def incident_lines(one: Incident) -> list[str]:
    """Return everything about an incident, a line each; the first one says what it is."""
    return [first_line(one.title) if one.title is not None else "(erased)", *_about(one), *_times(one), *_linked(one)]


def _about(one: Incident) -> Iterator[str]:
    said = one.said
    where = "" if said.environment is None else f" in {said.environment}"
    yield f"{said.kind} of {said.pipeline}{where}, {state_of(one)}; recorded {time_text(one.opened_at)} by {one.opened_by or '(erased)'}"
    if one.release_number is not None:
        yield f"suspected: r{one.release_number}"
    if said.impact is not None:
        yield f"impact: {one.impact if one.impact is not None else '(erased)'}"
    spent = [] if said.minutes is None else [f"{said.minutes / 60:g} engineer-hours"]
    spent += [] if one.cost is None else [str(one.cost)]
    spent += [] if said.preventable is None else ["preventable" if said.preventable else "not preventable"]
    if spent:
        yield ", ".join(spent)


def _times(one: Incident) -> Iterator[str]:
    said = one.said
    if said.started is not None:
        yield f"started   {time_text(said.started)}"
    elif one.deployed is not None:
        yield f"deployed  {time_text(one.deployed)}, the suspected release"
    unnoticed = one.time_to_detect
    yield f"detected  {time_text(said.detected)}" + ("" if unnoticed is None else f", {_length(unnoticed)} later")
    if said.mitigated is not None:
        yield f"mitigated {time_text(said.mitigated)}, {_length(said.mitigated - said.detected)} after it was noticed"
    if said.closed is not None:
        yield f"closed    {time_text(said.closed)}"


def _linked(one: Incident) -> Iterator[str]:
    for move in one.moves:
        which = f"revision {move.revision}{', undone' if move.undone else ''}"
        yield f"{move.kind} of {move.environment} to r{move.number}, {time_text(move.recorded_at)} ({which})"
    for _, number in one.releases:
        yield f"linked: r{number}"
    for note in one.notes:
        yield f"note: {note.text if note.text is not None else '(erased)'}"


def _length(time: timedelta | None) -> str:
    return "" if time is None else duration_text(max(0.0, time.total_seconds()))


def incident_json(one: Incident) -> dict[str, object]:
    """Return the fields of an incident for programs."""
    said = one.said
    return {
        "incident": one.name,
        "kind": said.kind.value,
        "pipeline": said.pipeline,
        "environment": said.environment,
        "open": one.is_open,
        "title": one.title,
        "impact": one.impact,
        "started": _instant(said.started),
        "detected": format_instant(said.detected),
        "mitigated": _instant(said.mitigated),
        "closed": _instant(said.closed),
        "release": None if said.release is None else str(said.release),
        "release_number": one.release_number,
        "engineer_hours": None if said.minutes is None else said.minutes / 60,
        "cost": None if said.cost is None else said.cost / 100,
        "currency": said.currency,
        "preventable": said.preventable,
        "seconds_to_detect": _seconds(one.time_to_detect),
        "seconds_to_rollback": _seconds(one.time_to_rollback),
        "moves": [
            {
                "environment": move.environment,
                "revision": move.revision,
                "kind": move.kind.value,
                "release": str(move.release),
                "number": move.number,
                "recorded_at": format_instant(move.recorded_at),
                "undone": move.undone,
            }
            for move in one.moves
        ],
        "releases": [{"release": str(release), "number": number} for release, number in one.releases],
        "notes": [{"text": note.text, "actor": note.actor, "recorded_at": format_instant(note.recorded_at)} for note in one.notes],
        "recorded_at": format_instant(one.opened_at),
        "actor": one.opened_by,
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)


def _seconds(time: timedelta | None) -> float | None:
    return None if time is None else time.total_seconds()
