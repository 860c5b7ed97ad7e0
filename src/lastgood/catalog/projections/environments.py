"""Facts of environments: what they are and were on, and what is suspect there."""

from __future__ import annotations

from lastgood.catalog.database import Session
from lastgood.catalog.projections.policies import set_judgement
from lastgood.catalog.projections.projection import Projections
from lastgood.clock import format_instant
from lastgood.model.changes.environments import EnvironmentMoved, HookRan
from lastgood.model.event import Event

TABLES = ("fact_deployments", "fact_moves", "fact_environments", "fact_suspects")


def _moved(session: Session, event: Event, body: EnvironmentMoved) -> None:
    session.execute(
        "INSERT INTO fact_deployments (pipeline, environment, revision, kind, replaced, release, behavior, entry,"
        " below, sequence, recorded_at, actor, reason) VALUES (:pipeline, :environment, :revision, :kind, :replaced,"
        " :release, :behavior, :entry, :below, :sequence, :recorded_at, :actor, :reason)",
        pipeline=body.pipeline,
        environment=body.environment,
        revision=body.revision,
        kind=body.kind.value,
        replaced=body.replaced,
        release=body.release,
        behavior=body.behavior,
        entry=body.entry,
        below=body.below,
        sequence=event.sequence,
        recorded_at=format_instant(event.recorded_at),
        actor=event.actor,
        reason=body.reason,
    )
    session.execute(
        "INSERT INTO fact_environments (pipeline, environment, revision) VALUES (:pipeline, :environment, :revision)"
        " ON CONFLICT (pipeline, environment) DO UPDATE SET revision = excluded.revision",
        pipeline=body.pipeline,
        environment=body.environment,
        revision=body.revision,
    )
    _more(session, body)
    _suspicions(session, event, body)
    set_judgement(session, body)


def _more(session: Session, body: EnvironmentMoved) -> None:
    more = {
        "canary": body.canary,
        "percent": body.percent,
        "ended": body.ended,
        "milliseconds": body.milliseconds,
        "incident": body.incident,
    }
    if any(value is not None for value in more.values()):
        session.execute(
            "INSERT INTO fact_moves (pipeline, environment, revision, canary, percent, ended, milliseconds, incident)"
            " VALUES (:pipeline, :environment, :revision, :canary, :percent, :ended, :milliseconds, :incident)",
            pipeline=body.pipeline,
            environment=body.environment,
            revision=body.revision,
            **more,
        )


def _suspicions(session: Session, event: Event, body: EnvironmentMoved) -> None:
    for behavior in body.suspects:
        session.execute(
            "INSERT INTO fact_suspects (pipeline, environment, behavior, sequence)"
            " VALUES (:pipeline, :environment, :behavior, :sequence)"
            " ON CONFLICT (pipeline, environment, behavior) DO NOTHING",
            pipeline=body.pipeline,
            environment=body.environment,
            behavior=behavior,
            sequence=event.sequence,
        )
    for behavior in (*body.lifted, *([] if body.cleared is None else [body.cleared])):
        session.execute(
            "DELETE FROM fact_suspects WHERE pipeline = :pipeline AND environment = :environment AND behavior = :behavior",
            pipeline=body.pipeline,
            environment=body.environment,
            behavior=behavior,
        )


def _told(_session: Session, _event: Event, _body: HookRan) -> None:
    """Nothing follows from it: that somebody was told is read from the ledger itself."""


PROJECTIONS: Projections = {EnvironmentMoved: _moved, HookRan: _told}
