"""Making the index anew: its tables are thrown away and filled from packs, in the caller's one transaction.

Of several copies of a chunk the shallowest is recorded, and of these the first that is offered; a chunk that was written
against another is recorded only when that one is, less deep. The marks of the collector are not kept. That loses nothing:
what was condemned counts as kept until it is condemned again, with a new grace. To keep them would be wrong, since a chunk
may be found in another copy than before, which may stand on a condemned one. The count of collections goes on, so that
whoever is in the midst of a commit looks again at what it counted on.

    with database.writing() as session:
        old = remembered(session)
        database.clear(session, TABLES)
        number = record_pack(session, contents)
        fitting = chunks_that_fit(session, contents, depth=0)
        record_chunks(session, number, contents, fitting.depths)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from lastgood.catalog.database import Session, rows_among
from lastgood.catalog.placement import (
    add_frames,
    current_generation,
    forget_places,
    next_pack_number,
    place_chunks,
    recorded_packs,
)
from lastgood.clock import format_instant
from lastgood.errors import LastgoodError
from lastgood.ids import DIGEST_BYTES, ChunkId, FileDigest, PackId
from lastgood.model.placement import MOST_DEPTH, ChunkInPack, Encoding, FileMap, Frame, PackContents

TABLES = "index_"
"""How the names of all tables of the index start."""

_NOT_READABLE = (LastgoodError, TypeError, ValueError)
"""What reading rows raises that somebody changed, or that a disk did."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the old index says, as far as it can be read: the packs in the order in which they came, and the collections."""

    packs: tuple[PackId, ...]
    generation: int | None


@dataclass(frozen=True, slots=True)
class Fitting:
    """Frames of a pack that may be recorded now.

    Attributes:
        depths: of each, how deep it stands, by its number.
        chunks: those of their chunks that are not recorded yet.
        is_left: whether there are others, which stand on chunks that are not recorded so far.
    """

    depths: Mapping[int, int]
    chunks: tuple[ChunkInPack, ...]
    is_left: bool


def remembered(session: Session) -> Remembered:
    """Return what can be read of the old index."""
    try:
        packs = tuple(pack for pack, _ in recorded_packs(session))
    except _NOT_READABLE:
        packs = ()
    try:
        return Remembered(packs, current_generation(session))
    except _NOT_READABLE:
        return Remembered(packs, None)


def remembered_contents(session: Session, pack: PackId, size: int) -> PackContents | None:
    """Return what the old index says of a pack that cannot say it itself; none of it is proven."""
    query = (
        "SELECT c.chunk, c.frame, c.chunk_start, c.chunk_length, f.frame_offset, f.frame_length, f.raw_length, f.encoding,"
        " d.base, d.context, d.depth, l.label FROM index_packs p"
        " JOIN index_frames f ON f.pack_number = p.pack_number"
        " JOIN index_chunks c ON c.pack_number = p.pack_number AND c.frame = f.frame"
        " LEFT JOIN index_deltas d ON d.chunk = c.chunk"
        " LEFT JOIN index_labels l ON l.chunk = c.chunk AND l.pack_number = p.pack_number"
        " WHERE p.pack = :pack ORDER BY c.frame, c.chunk_start"
    )
    frames: dict[int, tuple[int, Frame]] = {}
    chunks: list[ChunkInPack] = []
    labels: dict[ChunkId, int] = {}
    try:
        for row in session.rows(query, pack=pack):
            chunk = ChunkId(bytes(row[0]))
            base, context = (None if one is None else ChunkId(bytes(one)) for one in row[8:10])
            frame = Frame(int(row[4]), int(row[5]), int(row[6]), Encoding(row[7]), base, context, int(row[10] or 0))
            number, _ = frames.setdefault(int(row[1]), (len(frames), frame))
            chunks.append(ChunkInPack(chunk, number, int(row[2]), int(row[3])))
            if row[11] is not None:
                labels[chunk] = int(row[11])
        files = _remembered_files(session, {one.chunk for one in chunks})
    except _NOT_READABLE:
        return None
    return PackContents(pack, size, tuple(frame for _, frame in frames.values()), tuple(chunks), files, labels)


def _remembered_files(session: Session, chunks: set[ChunkId]) -> dict[FileDigest, FileMap]:
    found: dict[FileDigest, FileMap] = {}
    after = b""
    while rows := session.rows(
        "SELECT digest, size, chunks FROM index_files WHERE digest > :after ORDER BY digest LIMIT 1000", after=after
    ):
        for row in rows:
            packed = bytes(row[2])
            ids = tuple(ChunkId(packed[at : at + DIGEST_BYTES]) for at in range(0, len(packed), DIGEST_BYTES))
            if not chunks.isdisjoint(ids):
                found[FileDigest(bytes(row[0]))] = FileMap(int(row[1]), ids)
        after = bytes(rows[-1][0])
    return found


def record_pack(session: Session, pack: PackContents) -> int:
    """Record that a pack is there, with its frames, and return its number."""
    number = next_pack_number(session)
    session.execute(
        "INSERT INTO index_packs (pack_number, pack, size) VALUES (:number, :pack, :size)", number=number, pack=pack.pack, size=pack.size
    )
    add_frames(session, number, pack.frames)
    return number


def forget_pack(session: Session, number: int, chunks: Sequence[ChunkId]) -> None:
    """Take away that a pack is there, and that these chunks lie in it."""
    forget_places(session, chunks)
    session.execute("DELETE FROM index_frames WHERE pack_number = :number", number=number)
    session.execute("DELETE FROM index_packs WHERE pack_number = :number", number=number)


def frames_that_fit(session: Session, pack: PackContents, depth: int | None) -> Fitting:
    """Return which frames of a pack may be recorded: what they stand on is, and is less deep.

    Args:
        session: the writing transaction.
        pack: what the pack holds.
        depth: only frames that were written at this depth and can stand there; None for whatever is left, which may have to stand
            deeper than it was written, where the shallow copy of what it stands on was lost.
    """
    frames = {number: frame for number, frame in enumerate(pack.frames) if depth is None or frame.depth == depth}
    chunks = [one for one in pack.chunks if one.frame in frames]
    known = _depths(session, [one.chunk for one in chunks] + [one for frame in frames.values() for one in frame.needs])
    new = [one for one in chunks if one.chunk not in known]
    depths: dict[int, int] = {}
    is_left = False
    for number in {one.frame for one in new}:
        frame = frames[number]
        below = [known.get(one, MOST_DEPTH) for one in frame.needs]
        stands = max(frame.depth, 1 + max(below)) if below else 0
        if stands <= (MOST_DEPTH if depth is None else depth):
            depths[number] = stands
        else:
            is_left = True
    return Fitting(depths, tuple(one for one in new if one.frame in depths), is_left)


def record_chunks(session: Session, number: int, pack: PackContents, chunks: Sequence[ChunkInPack], depths: Mapping[int, int]) -> None:
    """Record where chunks of a pack are, of which nothing is recorded, with their frames standing at these depths."""
    frames = tuple(replace(frame, depth=depths.get(place, frame.depth)) for place, frame in enumerate(pack.frames))
    place_chunks(session, number, replace(pack, frames=frames), sorted(chunks, key=lambda one: one.chunk))


def files_that_fit(session: Session, files: Mapping[FileDigest, FileMap]) -> dict[FileDigest, FileMap]:
    """Return the maps that are not recorded yet, and all of whose chunks are."""
    known = {FileDigest(bytes(row[0])) for row in rows_among(session, "SELECT digest FROM index_files WHERE digest IN ", list(files))}
    new = {digest: file for digest, file in files.items() if digest not in known}
    chunks = list({chunk for file in new.values() for chunk in file.chunks})
    rows = rows_among(session, "SELECT chunk, chunk_length FROM index_chunks WHERE chunk IN ", chunks)
    lengths = {ChunkId(bytes(row[0])): int(row[1]) for row in rows}
    return {
        digest: file
        for digest, file in new.items()
        if all(chunk in lengths for chunk in file.chunks) and sum(lengths[chunk] for chunk in file.chunks) == file.size
    }


def count_index(session: Session) -> tuple[int, int, int]:
    """Return how many packs, chunks and files are recorded."""
    packs, chunks, files = (
        session.rows(f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608  # one of three names
        for table in ("index_packs", "index_chunks", "index_files")
    )
    return int(packs), int(chunks), int(files)


def note_rebuilding(session: Session, old: Remembered, now: datetime, *, step: str) -> None:
    """Count the rebuilding as a collection: chunks may be gone that a commit which is under way counts on.

    The step is `repair`, or `loss` where releases have lost something (`placement.CatalogIndex.has_losses`).

    Where nobody knows how many there were, the seconds since 1970 are more than there can have been.
    """
    session.execute(
        "INSERT INTO index_collections (generation, recorded_at, step) VALUES (:generation, :at, :step)",
        generation=int(now.timestamp()) if old.generation is None else old.generation + 1,
        at=format_instant(now),
        step=step,
    )


def _depths(session: Session, chunks: Sequence[ChunkId]) -> dict[ChunkId, int]:
    query = "SELECT c.chunk, d.depth FROM index_chunks c LEFT JOIN index_deltas d ON d.chunk = c.chunk WHERE c.chunk IN "
    return {ChunkId(bytes(row[0])): int(row[1] or 0) for row in rows_among(session, query, list(dict.fromkeys(chunks)))}
