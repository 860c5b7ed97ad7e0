"""Facts of evaluations: what suites said of behaviors."""

from __future__ import annotations

from lastgood.canonical import canonical_json
from lastgood.catalog.database import Session
from lastgood.catalog.projections.projection import Projections
from lastgood.clock import format_instant
from lastgood.model.changes.evaluations import EvaluationRecorded
from lastgood.model.event import Event

TABLES = ("fact_evaluations",)


def _recorded(session: Session, event: Event, body: EvaluationRecorded) -> None:
    session.execute(
        "INSERT INTO fact_evaluations (sequence, pipeline, release, behavior, suite, suite_content, on_content, results,"
        " cases, metrics, runner, recorded_at, actor) VALUES (:sequence, :pipeline, :release, :behavior, :suite,"
        " :suite_content, :on_content, :results, :cases, :metrics, :runner, :recorded_at, :actor)",
        sequence=event.sequence,
        pipeline=body.pipeline,
        release=body.release,
        behavior=body.behavior,
        suite=body.suite,
        suite_content=body.suite_content,
        on_content=body.on,
        results=body.results,
        cases=body.cases,
        metrics=canonical_json(dict(body.metrics)).decode(),
        runner=canonical_json(dict(body.runner)).decode(),
        recorded_at=format_instant(event.recorded_at),
        actor=event.actor,
    )


PROJECTIONS: Projections = {EvaluationRecorded: _recorded}
