"""Queries on releases and tags."""

from __future__ import annotations

from collections.abc import Sequence

from lastgood.canonical import canonical_json
from lastgood.catalog.database import Row, Session, rows_among
from lastgood.catalog.records import recorded_event
from lastgood.clock import parse_instant
from lastgood.errors import Integrity, Invalid, NewerSchema
from lastgood.ids import BehaviorDigest, PipelineName, RegistryId, ReleaseId, StateDigest, TagName
from lastgood.model.changes.releases import Making
from lastgood.model.history import ReleaseRecord
from lastgood.model.release import Manifest, read_manifest

_COLUMNS = (
    "SELECT r.pipeline, r.number, r.release, r.state, r.behavior, r.sequence, r.recorded_at, a.text, m.text"
    " FROM fact_releases r LEFT JOIN texts a ON a.digest = r.author LEFT JOIN texts m ON m.digest = r.message "
)


def registry_id(session: Session) -> RegistryId:
    """Return the random id of the registry.

    Raises:
        Integrity: the ledger does not begin with its creation.
    """
    row = session.row("SELECT registry FROM fact_registry")
    if row is None:
        raise Integrity("the registry has no id: its first event is missing")
    return RegistryId(row[0])


def pipelines(session: Session) -> list[PipelineName]:
    """Return the names of all pipelines that have a release or a recorded policy of any kind."""
    rows = session.rows(
        "SELECT pipeline FROM fact_releases UNION SELECT pipeline FROM fact_retention UNION SELECT pipeline FROM fact_policies ORDER BY 1"
    )
    return [PipelineName(row[0]) for row in rows]


def latest_release(session: Session, pipeline: PipelineName) -> ReleaseRecord | None:
    """Return the newest release of a pipeline."""
    row = session.row(_COLUMNS + "WHERE r.pipeline = :pipeline ORDER BY r.number DESC LIMIT 1", pipeline=pipeline)
    return _record(session, row)


def release_by_number(session: Session, pipeline: PipelineName, number: int) -> ReleaseRecord | None:
    """Return a release of a pipeline by its number."""
    row = session.row(_COLUMNS + "WHERE r.pipeline = :pipeline AND r.number = :number", pipeline=pipeline, number=number)
    return _record(session, row)


def release_by_id(session: Session, release: ReleaseId) -> ReleaseRecord | None:
    """Return a release by its whole digest."""
    return _record(session, session.row(_COLUMNS + "WHERE r.release = :release", release=release))


def require_release(session: Session, release: ReleaseId) -> ReleaseRecord:
    """Return a release that the history names, so that it must be there.

    Raises:
        Integrity: it is not.
    """
    found = release_by_id(session, release)
    if found is None:
        raise Integrity(f"history names the release {release.short}, which is not recorded")
    return found


def releases_by_prefix(session: Session, prefix: str, most: int = 5) -> list[ReleaseRecord]:
    """Return the releases whose digests begin with some hex digits, a few at the most."""
    rows = session.rows(
        _COLUMNS + "WHERE r.release BETWEEN :low AND :high ORDER BY r.release LIMIT :most",
        low=bytes.fromhex(prefix.ljust(64, "0")),
        high=bytes.fromhex(prefix.ljust(64, "f")),
        most=most,
    )
    return _records(session, rows)


def release_by_tag(session: Session, pipeline: PipelineName, tag: str) -> ReleaseRecord | None:
    """Return the release that carries a tag."""
    row = session.row(
        _COLUMNS + "JOIN fact_tags t ON t.release = r.release WHERE t.pipeline = :pipeline AND t.tag = :tag",
        pipeline=pipeline,
        tag=tag,
    )
    return _record(session, row)


def tagged_since(session: Session, pipeline: PipelineName, tag: str) -> int | None:
    """Return the sequence of the event that gave a tag to the release that carries it, or None where none does."""
    row = session.row("SELECT sequence FROM fact_tags WHERE pipeline = :pipeline AND tag = :tag", pipeline=pipeline, tag=tag)
    return None if row is None else int(row[0])


def list_releases(
    session: Session, pipeline: PipelineName, *, until: int | None = None, after: int = 0, most: int | None = None
) -> list[ReleaseRecord]:
    """Return releases of a pipeline, newest first, numbered from above `after` to `until`."""
    rows = session.rows(
        _COLUMNS + "WHERE r.pipeline = :pipeline AND r.number > :after AND r.number <= :until ORDER BY r.number DESC LIMIT :most",
        pipeline=pipeline,
        after=after,
        until=2**62 if until is None else until,
        most=2**62 if most is None else most,
    )
    return _records(session, rows)


def releases_among(session: Session, wanted: Sequence[ReleaseId]) -> dict[ReleaseId, ReleaseRecord]:
    """Return some releases by their digests, those that are recorded."""
    found = _records(session, list(rows_among(session, _COLUMNS + "WHERE r.release IN ", wanted)))
    return {one.release: one for one in found}


def every_release(session: Session) -> list[ReleaseId]:
    """Return the digests of all releases, in the order in which they were recorded."""
    return [ReleaseId(bytes(row[0])) for row in session.rows("SELECT release FROM fact_releases ORDER BY sequence")]


def release_manifest(session: Session, release: ReleaseId) -> Manifest:
    """Return the manifest of a release, read from its event and checked against its digest.

    Raises:
        Integrity: the event is missing, or its manifest is not that of this release, or is none.
        NewerSchema: a newer version of lastgood wrote it.
    """
    row = session.row(
        "SELECT e.document FROM fact_releases r JOIN events e ON e.sequence = r.sequence WHERE r.release = :release",
        release=release,
    )
    body = recorded_event(bytes(row[0])).body if row is not None else None
    if not isinstance(body, Making):
        raise Integrity(f"the event of release {release.short} is missing", details={"release": str(release)})
    document = _canonical_manifest(body)
    if ReleaseId.of(document) != release:
        raise Integrity(f"the manifest of release {release.short} is not what was committed", details={"release": str(release)})
    try:
        return read_manifest(document)
    except NewerSchema:
        raise
    except Invalid as error:
        raise Integrity(f"the manifest of release {release.short} is not right: {error}", details={"release": str(release)}) from error


def _canonical_manifest(body: Making) -> bytes:
    try:
        return canonical_json(dict(body.manifest))
    except Invalid as error:
        raise Integrity(f"the manifest of release {body.release.short} cannot be read: {error}") from error


def tags_of(session: Session, releases: Sequence[ReleaseId]) -> dict[ReleaseId, tuple[TagName, ...]]:
    """Return the tags of some releases, those of each by name."""
    found: dict[ReleaseId, tuple[TagName, ...]] = {}
    for tag, raw in sorted(rows_among(session, "SELECT tag, release FROM fact_tags WHERE release IN ", releases)):
        release = ReleaseId(bytes(raw))
        found[release] = (*found.get(release, ()), TagName(tag))
    return found


def _record(session: Session, row: Row | None) -> ReleaseRecord | None:
    return None if row is None else _records(session, [row])[0]


def _records(session: Session, rows: Sequence[Row]) -> list[ReleaseRecord]:
    tags = tags_of(session, [ReleaseId(bytes(row[2])) for row in rows])
    return [
        ReleaseRecord(
            pipeline=PipelineName(row[0]),
            number=int(row[1]),
            release=ReleaseId(bytes(row[2])),
            state=StateDigest(bytes(row[3])),
            behavior=BehaviorDigest(bytes(row[4])),
            sequence=int(row[5]),
            recorded_at=parse_instant(row[6]),
            author=row[7],
            message=row[8],
            tags=tags.get(ReleaseId(bytes(row[2])), ()),
        )
        for row in rows
    ]
