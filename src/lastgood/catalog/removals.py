"""Queries on tombstones: the parts of releases whose bytes a policy let go.

removed = removed_parts(session)               # what the collector need not keep
for one in removals_of(session, release):      # under which policy, when and by whom
    print(one.component, one.recorded_at)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lastgood.canonical import parse_json_object
from lastgood.catalog.database import Session
from lastgood.clock import parse_instant
from lastgood.ids import ComponentName, ReleaseId
from lastgood.model.parts import Part, RemovedPart
from lastgood.model.retention import Policy
from lastgood.model.retention_policy import read_policy


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What stays of removed bytes; `actor` is None where the name was erased."""

    release: ReleaseId
    component: ComponentName
    part: Part
    policy: Policy
    sequence: int
    recorded_at: datetime
    actor: str | None


def removed_parts(session: Session) -> dict[ReleaseId, frozenset[RemovedPart]]:
    """Return every part that was let go, by release."""
    found: dict[ReleaseId, set[RemovedPart]] = {}
    for release, component, part in session.rows("SELECT release, component, part FROM fact_removals"):
        found.setdefault(ReleaseId(bytes(release)), set()).add((ComponentName(component), Part(part)))
    return {release: frozenset(parts) for release, parts in found.items()}


def removals_of(session: Session, release: ReleaseId) -> list[Tombstone]:
    """Return the tombstones of one release, by component."""
    rows = session.rows(
        "SELECT r.component, r.part, r.policy, r.sequence, r.recorded_at, t.text FROM fact_removals r"
        " LEFT JOIN texts t ON t.digest = r.actor WHERE r.release = :release ORDER BY r.component, r.part",
        release=release,
    )
    return [
        Tombstone(
            release,
            ComponentName(row[0]),
            Part(row[1]),
            read_policy(parse_json_object(row[2].encode())),
            int(row[3]),
            parse_instant(row[4]),
            row[5],
        )
        for row in rows
    ]
