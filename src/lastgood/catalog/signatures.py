"""Queries on the signatures of releases."""

from __future__ import annotations

from lastgood.catalog.database import Session
from lastgood.ids import ReleaseId


def signatures_of(session: Session, release: ReleaseId) -> list[tuple[str, str]]:
    """Return verifier key and signature, in base64, of each signature of a release, the newest last."""
    rows = session.rows(
        "SELECT verifier_key, signature FROM fact_signatures WHERE release = :release ORDER BY sequence",
        release=release,
    )
    return [(str(row[0]), str(row[1])) for row in rows]
