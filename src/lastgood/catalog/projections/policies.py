"""Facts of policies: what environments ask, who approved what, and what gates said of each move."""

from __future__ import annotations

from lastgood.canonical import canonical_json
from lastgood.catalog.database import Session
from lastgood.catalog.projections.projection import Projections
from lastgood.clock import format_instant
from lastgood.model.changes.environments import EnvironmentMoved
from lastgood.model.changes.policies import PolicyApplied, ReleaseApproved
from lastgood.model.event import Event

TABLES = ("fact_policies", "fact_approvals", "fact_judgements")


def set_judgement(session: Session, body: EnvironmentMoved) -> None:
    """Keep what gates said of a move, where there were any."""
    if body.gates is None:
        return
    session.execute(
        "INSERT INTO fact_judgements (pipeline, environment, revision, judgement) VALUES (:pipeline, :environment, :revision, :judgement)",
        pipeline=body.pipeline,
        environment=body.environment,
        revision=body.revision,
        judgement=canonical_json(dict(body.gates)).decode(),
    )


def _applied(session: Session, event: Event, body: PolicyApplied) -> None:
    session.execute(
        "INSERT INTO fact_policies (pipeline, environment, digest, policy, sequence, recorded_at, actor)"
        " VALUES (:pipeline, :environment, :digest, :policy, :sequence, :recorded_at, :actor)"
        " ON CONFLICT (pipeline, environment) DO UPDATE SET digest = excluded.digest, policy = excluded.policy,"
        " sequence = excluded.sequence, recorded_at = excluded.recorded_at, actor = excluded.actor",
        pipeline=body.pipeline,
        environment=body.environment,
        digest=body.digest,
        policy=canonical_json(dict(body.policy)).decode(),
        sequence=event.sequence,
        recorded_at=format_instant(event.recorded_at),
        actor=event.actor,
    )


def _approved(session: Session, event: Event, body: ReleaseApproved) -> None:
    session.execute(
        "INSERT INTO fact_approvals (release, environment, sequence, recorded_at, actor, reason)"
        " VALUES (:release, :environment, :sequence, :recorded_at, :actor, :reason)",
        release=body.release,
        environment=body.environment,
        sequence=event.sequence,
        recorded_at=format_instant(event.recorded_at),
        actor=event.actor,
        reason=body.reason,
    )


PROJECTIONS: Projections = {PolicyApplied: _applied, ReleaseApproved: _approved}
