"""Queries on releases that are held.

held = held_releases(session)                  # what retention must not drop, and the collector keeps
"""

from __future__ import annotations

from lastgood.catalog.database import Session
from lastgood.clock import parse_instant
from lastgood.ids import ReleaseId
from lastgood.model.history import Hold


def held_releases(session: Session) -> frozenset[ReleaseId]:
    """Return the releases whose bytes stay whatever a retention policy says."""
    return frozenset(ReleaseId(bytes(row[0])) for row in session.rows("SELECT release FROM fact_holds"))


def hold_of(session: Session, release: ReleaseId) -> Hold | None:
    """Return why a release is held, or None where it is not."""
    row = session.row(
        "SELECT h.sequence, h.recorded_at, a.text, t.text FROM fact_holds h"
        " LEFT JOIN texts a ON a.digest = h.actor LEFT JOIN texts t ON t.digest = h.reason"
        " WHERE h.release = :release",
        release=release,
    )
    return None if row is None else Hold(release, int(row[0]), parse_instant(row[1]), row[2], row[3])
