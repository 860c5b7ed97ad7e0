"""Queries on environments: their deployments, their stack and what is held against behaviors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from lastgood.catalog.database import Row, Session
from lastgood.clock import format_instant, parse_instant
from lastgood.ids import BehaviorDigest, EnvironmentName, IncidentName, PipelineName, ReleaseId
from lastgood.model.changes.environments import MoveKind
from lastgood.model.environment import Entry, Marks
from lastgood.model.history import BadMark, Deployment

_COLUMNS = (
    "SELECT d.environment, d.revision, d.kind, d.replaced, o.number, d.release, n.number, d.behavior, d.recorded_at,"
    " a.text, t.text, d.entry, m.canary, c.number, m.percent, m.ended, e.number, m.milliseconds, m.incident"
    " FROM fact_deployments d"
    " JOIN fact_releases n ON n.release = d.release"
    " LEFT JOIN fact_moves m ON m.pipeline = d.pipeline AND m.environment = d.environment AND m.revision = d.revision"
    " LEFT JOIN fact_releases o ON o.release = d.replaced"
    " LEFT JOIN fact_releases c ON c.release = m.canary"
    " LEFT JOIN fact_releases e ON e.release = m.ended"
    " LEFT JOIN texts a ON a.digest = d.actor LEFT JOIN texts t ON t.digest = d.reason"
    " WHERE d.pipeline = :pipeline "
)
_OF_ENVIRONMENT = _COLUMNS + "AND d.environment = :environment "
# Where only a canary changed, what the environment is on for everybody else did not.
_IS_ANOTHER = "(d.replaced IS NULL OR d.replaced <> d.release) "


def environment_names(session: Session, pipeline: PipelineName) -> list[EnvironmentName]:
    """Return the environments of a pipeline, by name."""
    rows = session.rows("SELECT environment FROM fact_environments WHERE pipeline = :pipeline ORDER BY environment", pipeline=pipeline)
    return [EnvironmentName(row[0]) for row in rows]


def current_deployment(session: Session, pipeline: PipelineName, environment: EnvironmentName) -> Deployment | None:
    """Return the newest move of an environment, which says what it is on and what runs beside it."""
    row = session.row(_OF_ENVIRONMENT + "ORDER BY d.revision DESC LIMIT 1", pipeline=pipeline, environment=environment)
    return None if row is None else _deployment(row)


def deployment_before(session: Session, pipeline: PipelineName, environment: EnvironmentName, steps: int) -> Deployment | None:
    """Return the deployment so many steps back in history; moves that changed a canary only are no steps."""
    row = session.row(
        _OF_ENVIRONMENT + "AND " + _IS_ANOTHER + "ORDER BY d.revision DESC LIMIT 1 OFFSET :steps",
        pipeline=pipeline,
        environment=environment,
        steps=steps,
    )
    return None if row is None else _deployment(row)


def deployment_of_revision(session: Session, pipeline: PipelineName, environment: EnvironmentName, revision: int) -> Deployment | None:
    """Return the move that gave an environment a revision."""
    row = session.row(_OF_ENVIRONMENT + "AND d.revision = :revision", pipeline=pipeline, environment=environment, revision=revision)
    return None if row is None else _deployment(row)


def deployment_at(session: Session, pipeline: PipelineName, environment: EnvironmentName, at: datetime) -> Deployment | None:
    """Return the newest deployment, in sequence, that was recorded at or before an instant."""
    row = session.row(
        _OF_ENVIRONMENT + "AND d.recorded_at <= :at ORDER BY d.revision DESC LIMIT 1",
        pipeline=pipeline,
        environment=environment,
        at=format_instant(at),
    )
    return None if row is None else _deployment(row)


def deployments(session: Session, pipeline: PipelineName, environment: EnvironmentName, *, most: int | None = None) -> list[Deployment]:
    """Return the deployments of an environment, newest first."""
    rows = session.rows(
        _OF_ENVIRONMENT + "ORDER BY d.revision DESC LIMIT :most",
        pipeline=pipeline,
        environment=environment,
        most=2**62 if most is None else most,
    )
    return [_deployment(row) for row in rows]


def deployments_of(session: Session, pipeline: PipelineName, release: ReleaseId) -> list[Deployment]:
    """Return the moves that brought a release to any environment, as its release or as its canary, newest first."""
    query = _COLUMNS + "AND ((d.release = :release AND " + _IS_ANOTHER + ") OR m.canary = :release) ORDER BY d.sequence DESC"
    return [_deployment(row) for row in session.rows(query, pipeline=pipeline, release=release)]


def was_deployed(session: Session, pipeline: PipelineName, environment: EnvironmentName, release: ReleaseId) -> bool:
    """Whether a release has ever been live in an environment."""
    row = session.row(
        "SELECT 1 FROM fact_deployments WHERE pipeline = :pipeline AND environment = :environment AND release = :release LIMIT 1",
        pipeline=pipeline,
        environment=environment,
        release=release,
    )
    return row is not None


def stack(session: Session, pipeline: PipelineName, environment: EnvironmentName) -> Iterator[Entry]:
    """Yield the stack of an environment from the top down, reading only as far as it is asked."""
    current = session.row(
        "SELECT d.entry FROM fact_environments e JOIN fact_deployments d"
        " ON d.pipeline = e.pipeline AND d.environment = e.environment AND d.revision = e.revision"
        " WHERE e.pipeline = :pipeline AND e.environment = :environment",
        pipeline=pipeline,
        environment=environment,
    )
    revision = None if current is None else current[0]
    while revision is not None:
        row = session.row(
            "SELECT release, behavior, below FROM fact_deployments"
            " WHERE pipeline = :pipeline AND environment = :environment AND revision = :revision",
            pipeline=pipeline,
            environment=environment,
            revision=revision,
        )
        if row is None:
            return
        yield Entry(int(revision), ReleaseId(bytes(row[0])), BehaviorDigest(bytes(row[1])))
        revision = row[2]


def marks(session: Session, pipeline: PipelineName, environment: EnvironmentName) -> Marks:
    """Return what is held against behaviors in an environment."""
    bad = session.rows("SELECT behavior FROM fact_bad")
    suspect = session.rows(
        "SELECT behavior FROM fact_suspects WHERE pipeline = :pipeline AND environment = :environment",
        pipeline=pipeline,
        environment=environment,
    )
    return Marks(
        bad=frozenset(BehaviorDigest(bytes(row[0])) for row in bad),
        suspect=frozenset(BehaviorDigest(bytes(row[0])) for row in suspect),
    )


def bad_mark(session: Session, behavior: BehaviorDigest) -> BadMark | None:
    """Return why a behavior is called bad, or None where it is not."""
    row = session.row(
        "SELECT b.release, b.recorded_at, a.text, t.text FROM fact_bad b"
        " LEFT JOIN texts a ON a.digest = b.actor LEFT JOIN texts t ON t.digest = b.reason"
        " WHERE b.behavior = :behavior",
        behavior=behavior,
    )
    return None if row is None else BadMark(ReleaseId(bytes(row[0])), parse_instant(row[1]), row[2], row[3])


def suspect_in(session: Session, pipeline: PipelineName, behavior: BehaviorDigest) -> list[EnvironmentName]:
    """Return the environments of a pipeline in which a behavior is suspect."""
    rows = session.rows(
        "SELECT environment FROM fact_suspects WHERE pipeline = :pipeline AND behavior = :behavior ORDER BY environment",
        pipeline=pipeline,
        behavior=behavior,
    )
    return [EnvironmentName(row[0]) for row in rows]


def suspects_since(session: Session, pipeline: PipelineName, environment: EnvironmentName, sequence: int) -> list[BehaviorDigest]:
    """Return the behaviors that one event made suspect in an environment, and that still are."""
    rows = session.rows(
        "SELECT behavior FROM fact_suspects"
        " WHERE pipeline = :pipeline AND environment = :environment AND sequence = :sequence ORDER BY behavior",
        pipeline=pipeline,
        environment=environment,
        sequence=sequence,
    )
    return [BehaviorDigest(bytes(row[0])) for row in rows]


def bad_since(session: Session, behavior: BehaviorDigest) -> int | None:
    """Return the sequence of the event that called a behavior bad, or None where it is not."""
    row = session.row("SELECT sequence FROM fact_bad WHERE behavior = :behavior", behavior=behavior)
    return None if row is None else int(row[0])


@dataclass(frozen=True, slots=True)
class MovesOfKind:
    """How many moves of one kind there were, in all pipelines, and when the first one was."""

    kind: MoveKind
    number: int
    first: datetime


def moves_by_kind(session: Session, *, since: datetime | None = None) -> list[MovesOfKind]:
    """Return how many moves of each kind there were, from an instant on if one is given."""
    rows = session.rows(
        "SELECT kind, count(*), min(recorded_at) FROM fact_deployments WHERE recorded_at >= :since GROUP BY kind ORDER BY kind",
        since="" if since is None else format_instant(since),
    )
    return [MovesOfKind(MoveKind(row[0]), int(row[1]), parse_instant(row[2])) for row in rows]


def rollback_milliseconds(session: Session) -> list[int]:
    """Return how long rollbacks took, those of which it was recorded."""
    rows = session.rows(
        "SELECT m.milliseconds FROM fact_moves m JOIN fact_deployments d"
        " ON d.pipeline = m.pipeline AND d.environment = m.environment AND d.revision = m.revision"
        " WHERE d.kind = :kind AND m.milliseconds IS NOT NULL ORDER BY m.milliseconds",
        kind=MoveKind.ROLLBACK.value,
    )
    return [int(row[0]) for row in rows]


def _deployment(row: Row) -> Deployment:
    return Deployment(
        environment=EnvironmentName(row[0]),
        revision=int(row[1]),
        kind=MoveKind(row[2]),
        replaced=None if row[3] is None else ReleaseId(bytes(row[3])),
        replaced_number=row[4],
        release=ReleaseId(bytes(row[5])),
        number=int(row[6]),
        behavior=BehaviorDigest(bytes(row[7])),
        recorded_at=parse_instant(row[8]),
        actor=row[9],
        reason=row[10],
        entry=int(row[11]),
        canary=None if row[12] is None else ReleaseId(bytes(row[12])),
        canary_number=row[13],
        percent=row[14],
        ended=None if row[15] is None else ReleaseId(bytes(row[15])),
        ended_number=row[16],
        milliseconds=row[17],
        incident=None if row[18] is None else IncidentName(row[18]),
    )
