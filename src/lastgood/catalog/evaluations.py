"""Queries on evaluations."""

from __future__ import annotations

from lastgood.canonical import parse_json_object
from lastgood.catalog.database import Row, Session
from lastgood.clock import parse_instant
from lastgood.errors import Integrity, Invalid
from lastgood.ids import BehaviorDigest, ComponentName, ContentDigest, FileDigest, PipelineName, ReleaseId
from lastgood.model.evaluation import Evaluation
from lastgood.model.fields import Fields, number_in

_COLUMNS = (
    "SELECT e.sequence, e.release, r.number, e.behavior, e.suite, e.suite_content, e.on_content, e.results, e.cases,"
    " e.metrics, e.runner, e.recorded_at, a.text FROM fact_evaluations e"
    " JOIN fact_releases r ON r.release = e.release LEFT JOIN texts a ON a.digest = e.actor "
)


def evaluations_of(
    session: Session, pipeline: PipelineName, behavior: BehaviorDigest, suite: ComponentName | None = None
) -> list[Evaluation]:
    """Return the evaluations of a behavior, by one suite or by all, newest first."""
    rows = session.rows(
        _COLUMNS + "WHERE e.pipeline = :pipeline AND e.behavior = :behavior ORDER BY e.sequence DESC",
        pipeline=pipeline,
        behavior=behavior,
    )
    return [one for one in map(_evaluation, rows) if suite in {None, one.suite}]


def evaluated_contents(session: Session, pipeline: PipelineName) -> list[tuple[int, ComponentName, ContentDigest | None]]:
    """Return of each evaluation of a pipeline the release it judged, its suite and the content that ran on, oldest first."""
    rows = session.rows(
        "SELECT r.number, e.suite, e.on_content FROM fact_evaluations e JOIN fact_releases r ON r.release = e.release"
        " WHERE e.pipeline = :pipeline ORDER BY e.sequence",
        pipeline=pipeline,
    )
    return [(int(row[0]), ComponentName(row[1]), None if row[2] is None else ContentDigest(bytes(row[2]))) for row in rows]


def evaluation_at(session: Session, sequence: int) -> Evaluation:
    """Return the evaluation that an event recorded.

    Raises:
        Integrity: there is none.
    """
    row = session.row(_COLUMNS + "WHERE e.sequence = :sequence", sequence=sequence)
    if row is None:
        raise Integrity(f"the evaluation of event {sequence} is not recorded")
    return _evaluation(row)


def result_files(session: Session) -> dict[ReleaseId, list[FileDigest]]:
    """Return the files with the results of evaluations, by the release that was judged."""
    found: dict[ReleaseId, list[FileDigest]] = {}
    for release, results in session.rows("SELECT release, results FROM fact_evaluations ORDER BY sequence"):
        found.setdefault(ReleaseId(bytes(release)), []).append(FileDigest(bytes(results)))
    return found


def _evaluation(row: Row) -> Evaluation:
    try:
        known = Fields(parse_json_object(row[9]), "the metrics of an evaluation")
        metrics = {name: number_in(known, name) for name in sorted(known)}
        runner = parse_json_object(row[10])
    except Invalid as error:
        raise Integrity(f"the evaluation of event {row[0]} cannot be read: {error}") from error
    return Evaluation(
        sequence=int(row[0]),
        release=ReleaseId(bytes(row[1])),
        number=int(row[2]),
        behavior=BehaviorDigest(bytes(row[3])),
        suite=ComponentName(row[4]),
        suite_content=ContentDigest(bytes(row[5])),
        on=None if row[6] is None else ContentDigest(bytes(row[6])),
        results=FileDigest(bytes(row[7])),
        cases=int(row[8]),
        metrics=metrics,
        runner=runner,
        recorded_at=parse_instant(row[11]),
        actor=row[12],
    )
