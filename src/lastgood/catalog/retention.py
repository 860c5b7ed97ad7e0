"""Queries on retention policies.

policy = recorded_retention(session, pipeline)       # None where the pipeline has none
"""

from __future__ import annotations

from lastgood.canonical import parse_json_object
from lastgood.catalog.database import Session
from lastgood.ids import PipelineName
from lastgood.model.retention import Policy
from lastgood.model.retention_policy import read_policy


def recorded_retention(session: Session, pipeline: PipelineName) -> Policy | None:
    """Return the retention policy of a pipeline, None where none was recorded."""
    row = session.row("SELECT policy FROM fact_retention WHERE pipeline = :pipeline", pipeline=pipeline)
    return None if row is None else read_policy(parse_json_object(row[0].encode()))
