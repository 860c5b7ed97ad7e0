"""Recording what another system tells of the past: incidents, and moves that it saw.

Rules: one operation, all or nothing, so that one undo takes all of it back. A line is taken once: its source is part of what
is recorded. A move of the past moves nothing, and counts only for times before the first recorded one of its environment.
"""

from __future__ import annotations

from collections.abc import Sequence

from lastgood.catalog import environments, incidents
from lastgood.catalog.database import Session
from lastgood.catalog.records import Appender
from lastgood.ids import EnvironmentName, IncidentName, PipelineName, SourceDigest
from lastgood.model.changes.incidents import DeploymentBackfilled, IncidentLinked
from lastgood.registry.incident_protocol import BroughtIn, BroughtIncident, BroughtMove, Telling
from lastgood.registry.incidents import opened


def bring_in(
    session: Session,
    ledger: Appender,
    pipeline: PipelineName,
    *,
    said: Sequence[tuple[BroughtIncident, Telling]],
    moves: Sequence[BroughtMove],
) -> BroughtIn:
    """Record incidents and moves; the telling beside each incident has its times and its release resolved."""
    new: dict[SourceDigest, IncidentName] = {}
    known: dict[SourceDigest, IncidentName] = {}
    for one, telling in said:
        before = incidents.incident_from(session, one.source)
        if before is not None:
            (known if one.source not in new else {})[one.source] = before
            continue
        new[one.source] = _open(session, ledger, pipeline, one=one, telling=telling)
    counted = {"recorded": 0, "known": 0, "superseded": 0}
    for move in moves:
        counted[_record(session, ledger, pipeline, move, {**known, **new})] += 1
    return BroughtIn(tuple(new.values()), tuple(known.values()), counted["recorded"], counted["known"], counted["superseded"])


def _open(session: Session, ledger: Appender, pipeline: PipelineName, *, one: BroughtIncident, telling: Telling) -> IncidentName:
    name = opened(session, ledger, pipeline, telling, one.source)
    for note in one.notes:
        ledger.append(IncidentLinked(name, None, None, None, ledger.text(note)))
    return name


def _record(
    session: Session, ledger: Appender, pipeline: PipelineName, move: BroughtMove, answered: dict[SourceDigest, IncidentName]
) -> str:
    if incidents.backfilled_from(session, move.source):
        return "known"
    environment = None if move.environment is None else EnvironmentName.parse(move.environment)
    names = environments.environment_names(session, pipeline) if environment is None else [environment]
    firsts = [environments.deployment_of_revision(session, pipeline, name, 1) for name in names]
    if any(first is not None and first.recorded_at <= move.occurred_at for first in firsts):
        return "superseded"
    note = ledger.text(move.note)
    assert note is not None  # noqa: S101  # a text has a digest
    answers = None if move.answers is None else answered.get(move.answers)
    ledger.append(DeploymentBackfilled(pipeline, environment, move.kind, move.occurred_at, answers, note, move.source))
    return "recorded"
