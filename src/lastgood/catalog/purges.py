"""Queries on purged files: what must not be kept, since when, and who said so.

if digest in purged_files(session): ...
for one in purged_among(session, digests):
    print(one.file, one.recorded_at, one.reason)
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from lastgood.catalog.database import Session, rows_among
from lastgood.clock import parse_instant
from lastgood.ids import FileDigest


@dataclass(frozen=True, slots=True)
class Purged:
    """A file that was purged; `actor` and `reason` are None where the text was erased or never given."""

    file: FileDigest
    sequence: int
    recorded_at: datetime
    actor: str | None
    reason: str | None

    @property
    def said(self) -> str:
        """When and by whom, and why, as the end of a sentence."""
        why = "" if self.reason is None else f" ({self.reason})"
        return f"purged on {self.recorded_at:%Y-%m-%d} by {self.actor or '(erased)'}{why}"


def purged_files(session: Session) -> frozenset[FileDigest]:
    """Return every file that must not be kept."""
    return frozenset(FileDigest(bytes(row[0])) for row in session.rows("SELECT file FROM fact_purged"))


def purged_among(session: Session, files: Collection[FileDigest]) -> list[Purged]:
    """Return those of the files that were purged, in the order of their digests."""
    if session.row("SELECT 1 FROM fact_purged LIMIT 1") is None:
        return []
    query = (
        "SELECT p.file, p.sequence, p.recorded_at, a.text, r.text FROM fact_purged p LEFT JOIN texts a ON a.digest = p.actor"
        " LEFT JOIN texts r ON r.digest = p.reason WHERE p.file IN "
    )
    rows = list(rows_among(session, query, sorted(set(files))))
    found = [Purged(FileDigest(bytes(row[0])), int(row[1]), parse_instant(row[2]), row[3], row[4]) for row in rows]
    return sorted(found, key=lambda one: one.file)
