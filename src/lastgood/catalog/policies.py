"""Queries on policies, approvals, and what gates said of moves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lastgood.canonical import parse_json_object
from lastgood.catalog.database import Row, Session
from lastgood.clock import parse_instant
from lastgood.errors import Integrity, Invalid
from lastgood.ids import BehaviorDigest, EnvironmentName, PipelineName, ReleaseId
from lastgood.model.gates.evidence import Presence
from lastgood.model.gates.judgement import Judgement, judgement_from_json
from lastgood.model.gates.policy import read_policy
from lastgood.model.history import Approval, RecordedPolicy

_POLICIES = (
    "SELECT p.environment, p.policy, p.recorded_at, a.text FROM fact_policies p"
    " LEFT JOIN texts a ON a.digest = p.actor WHERE p.pipeline = :pipeline "
)


def recorded_policy(session: Session, pipeline: PipelineName, environment: EnvironmentName) -> RecordedPolicy | None:
    """Return the policy that holds for an environment, or None."""
    row = session.row(_POLICIES + "AND p.environment = :environment", pipeline=pipeline, environment=environment)
    return None if row is None else _policy(row)


def recorded_policies(session: Session, pipeline: PipelineName) -> list[RecordedPolicy]:
    """Return the policies of a pipeline's environments, by name."""
    return [_policy(row) for row in session.rows(_POLICIES + "ORDER BY p.environment", pipeline=pipeline)]


def approvals_of(session: Session, release: ReleaseId, environment: EnvironmentName | None = None) -> list[Approval]:
    """Return who approved a release, for one environment or for any, oldest first."""
    rows = session.rows(
        "SELECT p.environment, p.recorded_at, a.text, t.text FROM fact_approvals p"
        " LEFT JOIN texts a ON a.digest = p.actor LEFT JOIN texts t ON t.digest = p.reason"
        " WHERE p.release = :release ORDER BY p.sequence",
        release=release,
    )
    found = [Approval(EnvironmentName(row[0]), parse_instant(row[1]), row[2], row[3]) for row in rows]
    return [one for one in found if environment in {None, one.environment}]


def judgements(session: Session, pipeline: PipelineName, environment: EnvironmentName) -> dict[int, Judgement]:
    """Return what gates said of the moves of an environment, by revision; moves without a policy are left out."""
    rows = session.rows(
        "SELECT revision, judgement FROM fact_judgements WHERE pipeline = :pipeline AND environment = :environment",
        pipeline=pipeline,
        environment=environment,
    )
    return {int(row[0]): _judgement(row[1]) for row in rows}


def presences(session: Session, pipeline: PipelineName, wanted: Sequence[EnvironmentName]) -> dict[EnvironmentName, tuple[Presence, ...]]:
    """Return what environments were on and when, oldest first; one that does not exist is left out."""
    found = {}
    for environment in wanted:
        rows = session.rows(
            "SELECT behavior, recorded_at FROM fact_deployments"
            " WHERE pipeline = :pipeline AND environment = :environment ORDER BY revision",
            pipeline=pipeline,
            environment=environment,
        )
        moves = [(BehaviorDigest(bytes(row[0])), parse_instant(row[1])) for row in rows]
        if moves or recorded_policy(session, pipeline, environment) is not None:
            found[environment] = tuple(_presences(moves))
    return found


def _presences(moves: Sequence[tuple[BehaviorDigest, datetime]]) -> list[Presence]:
    ends = [*(at for _, at in moves[1:]), None]
    return [Presence(behavior, since, until) for (behavior, since), until in zip(moves, ends, strict=bool(moves))]


def _policy(row: Row) -> RecordedPolicy:
    try:
        document = parse_json_object(row[1])
    except Invalid as error:
        raise Integrity(f"the recorded policy of {row[0]} cannot be read: {error}") from error
    return RecordedPolicy(EnvironmentName(row[0]), read_policy(document), parse_instant(row[2]), row[3])


def _judgement(text: str) -> Judgement:
    try:
        return judgement_from_json(parse_json_object(text))
    except (Invalid, ValueError) as error:
        raise Integrity(f"what gates said of a move cannot be read: {error}") from error
