"""Queries of the collector: what is recorded, what stands on what, and the changes that condemning and sweeping make.

Whoever decides reads in short sessions, so that writers are not held up, and compares `index_state` in the transaction
that acts on it: what it read still holds while that is the same.

    with database.writing() as session:
        if index_state(session) == judged.state:
            condemn(session, Condemnable.CHUNKS, judged.condemned, now)
            record_step(session, "condemn", now)
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from lastgood.catalog.database import Database, Session, rows_among, rows_with_keys
from lastgood.catalog.placement import current_generation, forget_places
from lastgood.catalog.records import recorded_event
from lastgood.clock import format_instant, parse_instant
from lastgood.ids import DIGEST_BYTES, ChunkId, LeafHash, PackId, PipelineName, ReleaseId
from lastgood.model.collection import PackUse

_PAGE = 20_000


class Condemnable(Enum):
    """What can be condemned: the table of what is recorded, that of what is condemned, and their key."""

    CHUNKS = ("index_chunks", "index_condemned_chunks", "chunk")
    FILES = ("index_files", "index_condemned_files", "digest")


@dataclass(frozen=True, slots=True)
class IndexState:
    """Changes whenever history or the index does.

    Attributes:
        events: how many events the ledger has.
        leaf: the leaf hash of the last one.
        generation: how often something was condemned or swept.
        newest_pack: the pack that was recorded last.
    """

    events: int
    leaf: LeafHash | None
    generation: int
    newest_pack: PackId | None


def index_state(session: Session) -> IndexState:
    """Return the state of the index."""
    last = session.row("SELECT sequence, leaf FROM events ORDER BY sequence DESC LIMIT 1")
    pack = session.row("SELECT pack FROM index_packs ORDER BY pack_number DESC LIMIT 1")
    return IndexState(
        events=0 if last is None else int(last[0]) + 1,
        leaf=None if last is None else LeafHash(bytes(last[1])),
        generation=current_generation(session),
        newest_pack=None if pack is None else PackId(bytes(pack[0])),
    )


def leaf_at(session: Session, sequence: int) -> LeafHash | None:
    """Return the leaf hash of an event, or None where there is no such event."""
    row = session.row("SELECT leaf FROM events WHERE sequence = :sequence", sequence=sequence)
    return None if row is None else LeafHash(bytes(row[0]))


def newest_instant(session: Session) -> datetime | None:
    """Return the latest time that the last event or an earlier collection recorded."""
    event = session.row("SELECT document FROM events ORDER BY sequence DESC LIMIT 1")
    instants = [] if event is None else [recorded_event(bytes(event[0])).recorded_at]
    for table, column in _INSTANTS:
        row = session.row(f"SELECT max({column}) FROM {table}")  # noqa: S608  # names from below
        instants += [] if row is None or row[0] is None else [parse_instant(row[0])]
    return max(instants, default=None)


_INSTANTS = (
    ("index_collections", "recorded_at"),
    ("index_condemned_chunks", "condemned_at"),
    ("index_condemned_files", "condemned_at"),
    ("index_orphans", "seen_at"),
)


def forget_the_future(session: Session, now: datetime) -> None:
    """Set times that a clock which was ahead left behind to now: what waits for its grace begins to wait now."""
    for table, column in _INSTANTS:
        session.execute(f"UPDATE {table} SET {column} = :now WHERE {column} > :now", now=format_instant(now))  # noqa: S608  # as above


def newest_releases(session: Session) -> dict[ReleaseId, PipelineName]:
    """Return the newest release of each pipeline."""
    query = (
        "SELECT release, pipeline FROM fact_releases r WHERE number = (SELECT max(number) FROM fact_releases WHERE pipeline = r.pipeline)"
    )
    return {ReleaseId(bytes(row[0])): PipelineName(row[1]) for row in session.rows(query)}


def recorded_keys(database: Database, kind: Condemnable) -> Iterator[bytes]:
    """Yield the ids of all chunks, or of all files, that are recorded, a page at a time."""
    table, _, key = kind.value
    after = b""
    while True:
        with database.reading() as session:
            page = session.rows(
                f"SELECT {key} FROM {table} WHERE {key} > :after ORDER BY {key} LIMIT :page",  # noqa: S608  # names from above
                after=after,
                page=_PAGE,
            )
        yield from (bytes(row[0]) for row in page)
        if len(page) < _PAGE:
            return
        after = bytes(page[-1][0])


def recorded_among(session: Session, kind: Condemnable, keys: Collection[bytes]) -> set[bytes]:
    """Return those of the chunks, or of the files, that are recorded, condemned ones too."""
    table, _, key = kind.value
    return {bytes(row[0]) for row in rows_among(session, f"SELECT {key} FROM {table} WHERE {key} IN ", list(keys))}  # noqa: S608  # as above


def condemned(session: Session, kind: Condemnable) -> dict[bytes, datetime]:
    """Return what is condemned, and since when."""
    _, table, key = kind.value
    rows = session.rows(f"SELECT {key}, condemned_at FROM {table}")  # noqa: S608  # names from above
    return {bytes(row[0]): parse_instant(row[1]) for row in rows}


def chunks_of_files(session: Session, files: Collection[bytes]) -> set[bytes]:
    """Return the chunks that files are made of, not what those stand on."""
    chunks: set[bytes] = set()
    for row in rows_among(session, "SELECT chunks FROM index_files WHERE digest IN ", list(files)):
        joined = bytes(row[0])
        chunks.update(joined[start : start + DIGEST_BYTES] for start in range(0, len(joined), DIGEST_BYTES))
    return chunks


def with_bases(session: Session, chunks: Collection[bytes]) -> set[bytes]:
    """Return chunks and all that they stand on: bases and contexts, and theirs."""
    found = set(chunks)
    new = list(found)
    while new:
        below: set[bytes] = set()
        for base, context in rows_among(session, "SELECT base, context FROM index_deltas WHERE chunk IN ", new):
            below.update(bytes(one) for one in (base, context) if one is not None)
        new = list(below - found)
        found.update(new)
    return found


def condemn(session: Session, kind: Condemnable, keys: AbstractSet[bytes], now: datetime) -> None:
    """Note that nothing kept needs some chunks or files."""
    _, table, key = kind.value
    statement = f"INSERT INTO {table} ({key}, condemned_at) VALUES (:key, :now) ON CONFLICT ({key}) DO NOTHING"  # noqa: S608  # as above
    session.execute_many(statement, [{"key": one, "now": format_instant(now)} for one in sorted(keys)])


def pardon(session: Session, kind: Condemnable, keys: AbstractSet[bytes]) -> None:
    """Take chunks or files back from the condemned."""
    _, table, key = kind.value
    session.execute_many(f"DELETE FROM {table} WHERE {key} = :key", [{"key": one} for one in sorted(keys)])  # noqa: S608  # as above


def sweep(session: Session, chunks: AbstractSet[bytes], files: AbstractSet[bytes]) -> None:
    """Forget chunks, with what they stand on and what they are labelled with, and files."""
    forget_places(session, [ChunkId(one) for one in sorted(chunks)])
    session.execute_many("DELETE FROM index_files WHERE digest = :key", [{"key": one} for one in sorted(files)])
    pardon(session, Condemnable.CHUNKS, chunks)
    pardon(session, Condemnable.FILES, files)


def record_step(session: Session, step: str, now: datetime) -> None:
    """Begin a new generation, so that a commit which asked the index before notices."""
    session.execute(
        "INSERT INTO index_collections (generation, recorded_at, step) VALUES (:generation, :now, :step)",
        generation=current_generation(session) + 1,
        now=format_instant(now),
        step=step,
    )


PURGE, PURGED = "purge", "purged"
"""The steps with which a purge begins and ends."""


def is_purge_unfinished(session: Session) -> bool:
    """Whether a purge began and did not end, so that some bytes that must go may still be there."""
    query = "SELECT step FROM index_collections WHERE step IN ('purge', 'purged') ORDER BY generation DESC LIMIT 1"
    return session.row(query) == (PURGE,)


_FRAMES = "JOIN index_frames f ON f.pack_number = c.pack_number AND f.frame = c.frame"
_USED = "CAST(f.frame_length AS DOUBLE PRECISION) * c.chunk_length / f.raw_length"


def pack_uses(session: Session, without: Collection[bytes] = ()) -> list[PackUse]:
    """Return how much of each pack is in use.

    Args:
        session: reads the index.
        without: chunks that count as not recorded.
    """
    used: dict[int, tuple[float, int]] = {
        row[0]: (row[1], row[2])
        for row in session.rows(f"SELECT c.pack_number, sum({_USED}), count(*) FROM index_chunks c {_FRAMES} GROUP BY c.pack_number")  # noqa: S608
    }
    query = f"SELECT c.pack_number, {_USED} FROM index_chunks c {_FRAMES} WHERE c.chunk IN "  # noqa: S608  # no word of it is a caller's
    for number, length in rows_among(session, query, list(without)):
        used[number] = (used[number][0] - length, used[number][1] - 1)
    packs = session.rows(
        "SELECT p.pack_number, p.pack, p.size, coalesce(sum(f.frame_length), 0) FROM index_packs p"
        " LEFT JOIN index_frames f ON f.pack_number = p.pack_number GROUP BY p.pack_number, p.pack, p.size ORDER BY p.pack_number"
    )
    return [PackUse(row[0], PackId(bytes(row[1])), row[2], int(row[3]), *used.get(row[0], (0.0, 0))) for row in packs]


def chunks_read_from(session: Session, pack: PackId, chunks: Collection[ChunkId]) -> set[ChunkId]:
    """Return those of the chunks that are read from a pack."""
    query = "SELECT c.chunk, p.pack FROM index_chunks c JOIN index_packs p ON p.pack_number = c.pack_number WHERE c.chunk IN "
    return {ChunkId(bytes(row[0])) for row in rows_among(session, query, list(chunks)) if bytes(row[1]) == pack}


def encoded_bytes(session: Session, chunks: Collection[bytes]) -> int:
    """Return how many bytes chunks take in their packs; of a frame that they share with others, their share."""
    query = f"SELECT {_USED} FROM index_chunks c {_FRAMES} WHERE c.chunk IN "  # noqa: S608  # no word of it is a caller's
    return round(sum(float(row[0]) for row in rows_among(session, query, list(chunks))))


def drop_packs(session: Session, packs: Collection[PackId], seen_at: datetime) -> set[PackId]:
    """Forget those of the packs that no chunk is read from; from then on they are orphans, since `seen_at`."""
    query = "SELECT pack_number, pack FROM index_packs WHERE pack IN "
    numbers = {PackId(bytes(row[1])): int(row[0]) for row in rows_among(session, query, list(packs))}
    used = {int(row[0]) for row in session.rows("SELECT DISTINCT pack_number FROM index_chunks")} if numbers else set()
    free = {pack: number for pack, number in numbers.items() if number not in used}
    for table in ("index_frames", "index_packs"):
        session.execute_many(f"DELETE FROM {table} WHERE pack_number = :number", [{"number": one} for one in free.values()])  # noqa: S608
    forget_orphans(session, free)
    note_orphans(session, free, seen_at)
    return set(free)


def orphans(session: Session) -> dict[PackId, datetime]:
    """Return the packs that were seen in the store while no catalog knew them, and since when."""
    return {PackId(bytes(row[0])): parse_instant(row[1]) for row in session.rows("SELECT pack, seen_at FROM index_orphans")}


def recorded_among_packs(session: Session, packs: Collection[PackId]) -> set[PackId]:
    """Return those of the packs that the index knows."""
    return {PackId(bytes(row[0])) for row in rows_with_keys(session, "SELECT pack FROM index_packs WHERE pack {0}", list(packs))}


def note_orphans(session: Session, packs: Collection[PackId], seen_at: datetime) -> None:
    """Note when packs that no catalog knows were first seen."""
    statement = "INSERT INTO index_orphans (pack, seen_at) VALUES (:pack, :at) ON CONFLICT (pack) DO NOTHING"
    session.execute_many(statement, [{"pack": bytes(one), "at": format_instant(seen_at)} for one in packs])


def forget_orphans(session: Session, packs: Collection[PackId]) -> None:
    """Note nothing of packs any more: the index knows them again, or they are gone."""
    session.execute_many("DELETE FROM index_orphans WHERE pack = :pack", [{"pack": bytes(one)} for one in packs])


def rows_condemned_before(session: Session, deadline: datetime) -> bool:
    """Whether something was condemned then or earlier."""
    at = format_instant(deadline)
    return any(
        session.row(f"SELECT 1 FROM {kind.value[1]} WHERE condemned_at <= :at LIMIT 1", at=at) is not None  # noqa: S608  # as above
        for kind in Condemnable
    )
