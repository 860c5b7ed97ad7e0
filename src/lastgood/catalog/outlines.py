"""Queries for walks through releases: many outlines at once, and the records of those that matter in the end.

page = newest_outlines(session, outliner, pipeline, 500, most=100)      # r500 to r401
"""

from __future__ import annotations

from lastgood.catalog.database import Session
from lastgood.errors import Integrity, Invalid, NewerSchema
from lastgood.ids import PipelineName, ReleaseId
from lastgood.model.outline import Outline, Outliner


def newest_outlines(session: Session, outliner: Outliner, pipeline: PipelineName, until: int, *, most: int) -> list[Outline]:
    """Return the outlines of a pipeline's releases from a number downward, each checked against its digest.

    Raises:
        Integrity: an event is missing or damaged, or its manifest is not that of the release.
        NewerSchema: a newer version of lastgood wrote one.
    """
    rows = session.rows(
        "SELECT r.number, r.release, e.document FROM fact_releases r LEFT JOIN events e ON e.sequence = r.sequence"
        " WHERE r.pipeline = :pipeline AND r.number <= :until ORDER BY r.number DESC LIMIT :most",
        pipeline=pipeline,
        until=until,
        most=most,
    )
    return [_outline(outliner, int(number), ReleaseId(bytes(release)), document) for number, release, document in rows]


def number_of(session: Session, pipeline: PipelineName, release: ReleaseId) -> int | None:
    """Return the number of a release in its pipeline, or None where it is not recorded there."""
    query = "SELECT number FROM fact_releases WHERE pipeline = :pipeline AND release = :release"
    row = session.row(query, pipeline=pipeline, release=release)
    return None if row is None else int(row[0])


def _outline(outliner: Outliner, number: int, release: ReleaseId, document: object) -> Outline:
    details = {"release": str(release)}
    if document is None:
        raise Integrity(f"the event of release {release.short} is missing", details=details)
    try:
        return outliner.outline(number, release, bytes(document))  # type: ignore[call-overload]  # the driver's bytes
    except NewerSchema:
        raise
    except Invalid as error:
        raise Integrity(error.message, details=details) from error
