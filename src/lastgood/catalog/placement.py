"""The index of where bytes are: disposable, since every pack describes itself.

A pack's rows are added in the transaction of the release that needs them, after the pack is durable. Of several copies of
a chunk the shallowest is the one that is read, and of these the first recorded. So while anything stands on a chunk its
depth may fall and never rise; and since a chunk is recorded only where what it stands on is less deep, no two writers can
ever make a circle.

What the collector condemned is still read, but new data does not refer to it; a transaction that needs it all the same
revives it (`revive`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeVar

from lastgood.catalog.database import Database, Row, Session, rows_among, rows_with_keys
from lastgood.errors import CollectedMeanwhile, Integrity
from lastgood.ids import DIGEST_BYTES, ChunkId, FileDigest, PackId
from lastgood.model.placement import MOST_DEPTH, ChunkInPack, ChunkPlace, Encoding, FileMap, Frame, Label, PackContents

MOST_OF_A_LABEL = 8
"""How many chunks of one label are worth looking at."""

REPAIR = "lastgood repair"
_Key = TypeVar("_Key", ChunkId, FileDigest)


class CatalogIndex:
    """Answers the store's questions from the catalog (`model.placement.PlacementIndex`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known_chunks(self, chunks: Sequence[ChunkId]) -> AbstractSet[ChunkId]:
        """Return those of the chunks that new data may refer to."""
        query = "SELECT chunk FROM index_chunks WHERE chunk NOT IN (SELECT chunk FROM index_condemned_chunks) AND chunk IN "
        with self._database.reading() as session:
            return {ChunkId(bytes(row[0])) for row in rows_among(session, query, chunks)}

    def known_files(self, digests: Sequence[FileDigest]) -> AbstractSet[FileDigest]:
        """Return those of the files whose maps are kept."""
        query = "SELECT digest FROM index_files WHERE digest NOT IN (SELECT digest FROM index_condemned_files) AND digest IN "
        with self._database.reading() as session:
            return {FileDigest(bytes(row[0])) for row in rows_among(session, query, digests)}

    def generation(self) -> int:
        """Return how often the collector has condemned or swept something."""
        with self._database.reading() as session:
            return current_generation(session)

    def has_losses(self) -> bool:
        """Whether the last repair left releases that had lost something, so that what they point at is not all kept."""
        query = "SELECT step FROM index_collections WHERE step IN ('repair', 'loss') ORDER BY generation DESC LIMIT 1"
        with self._database.reading() as session:
            return session.row(query) == ("loss",)

    def find_labelled(self, labels: Sequence[Label]) -> Mapping[Label, Sequence[ChunkId]]:
        """Return, of each label, the newest chunks that new data may refer to."""
        query = (
            "SELECT chunk FROM index_labels WHERE label = :label AND chunk NOT IN (SELECT chunk FROM index_condemned_chunks)"
            " ORDER BY pack_number DESC LIMIT :most"
        )
        with self._database.reading() as session:
            found = {label: session.rows(query, label=label, most=MOST_OF_A_LABEL) for label in dict.fromkeys(labels)}
        return {label: [ChunkId(bytes(row[0])) for row in rows] for label, rows in found.items() if rows}

    def find_chunks(self, chunks: Sequence[ChunkId]) -> Mapping[ChunkId, ChunkPlace]:
        """Return where chunks are; one that is nowhere is left out."""
        query = (
            "SELECT c.chunk, p.pack, f.frame_offset, f.frame_length, f.raw_length, f.encoding, c.chunk_start,"
            " c.chunk_length, d.base, d.context, d.depth FROM index_chunks c"
            " JOIN index_frames f ON f.pack_number = c.pack_number AND f.frame = c.frame"
            " JOIN index_packs p ON p.pack_number = c.pack_number"
            " LEFT JOIN index_deltas d ON d.chunk = c.chunk WHERE c.chunk IN "
        )
        with self._database.reading() as session:
            places = {place.chunk: place for place in map(_place_of, rows_among(session, query, chunks))}
        _require_asked(places, chunks)
        return places

    def find_files(self, digests: Sequence[FileDigest]) -> Mapping[FileDigest, FileMap]:
        """Return the maps of files; one that is not kept is left out."""
        found: dict[FileDigest, FileMap] = {}
        with self._database.reading() as session:
            for row in rows_among(session, "SELECT digest, size, chunks FROM index_files WHERE digest IN ", digests):
                found[FileDigest(bytes(row[0]))] = FileMap(int(row[1]), _split(bytes(row[2])))
        _require_asked(found, digests)
        return found


def _require_asked(found: Mapping[_Key, object], asked: Sequence[_Key]) -> None:
    """Refuse what nobody asked for: a damaged tree of keys can lead to another row than the one it was searched for."""
    if strange := found.keys() - set(asked):
        raise Integrity(f"the index is damaged: asked for others, it answers about {min(strange).short}", hint=REPAIR)


def add_packs(session: Session, packs: Sequence[PackContents]) -> None:
    """Record durable packs; their chunks and files are found from the commit of this transaction on.

    Raises:
        CollectedMeanwhile: a chunk of them stands on one that is not kept any more, or not as shallow as it must be.
    """
    number = next_pack_number(session)
    for pack in packs:
        if session.execute(
            "INSERT INTO index_packs (pack_number, pack, size) VALUES (:number, :pack, :size) ON CONFLICT (pack) DO NOTHING",
            number=number,
            pack=pack.pack,
            size=pack.size,
        ):
            add_frames(session, number, pack.frames)
            _add_chunks(session, number, pack)
            add_files(session, pack.files)
            number += 1
        revive(session, [one.chunk for one in pack.chunks], list(pack.files))


def revive(session: Session, chunks: Sequence[ChunkId], files: Sequence[FileDigest]) -> None:
    """Take chunks, all that they stand on, and files back from the condemned; it is no harm if they are not."""
    if not current_generation(session):
        return
    _forget(session, "DELETE FROM index_condemned_files WHERE digest = :key", files)
    new = list(chunks)
    while new:
        _forget(session, "DELETE FROM index_condemned_chunks WHERE chunk = :key", new)
        # Whoever condemned a base condemned, or had condemned, all that stands on it: so only what is condemned leads on.
        query = (
            "SELECT b.chunk FROM index_condemned_chunks b"
            " WHERE b.chunk IN (SELECT base FROM index_deltas WHERE chunk {0})"
            " OR b.chunk IN (SELECT context FROM index_deltas WHERE chunk {0})"
        )
        new = [ChunkId(bytes(row[0])) for row in rows_with_keys(session, query, new)]


def current_generation(session: Session) -> int:
    """Return how often the collector has condemned or swept something."""
    row = session.row("SELECT max(generation) FROM index_collections")
    return 0 if row is None or row[0] is None else int(row[0])


def next_pack_number(session: Session) -> int:
    """Return the number that the next pack gets."""
    row = session.row("SELECT max(pack_number) FROM index_packs")
    return 0 if row is None or row[0] is None else int(row[0]) + 1


def add_frames(session: Session, number: int, frames: Sequence[Frame]) -> None:
    """Record the frames of a pack."""
    session.execute_many(
        "INSERT INTO index_frames (pack_number, frame, frame_offset, frame_length, raw_length, encoding)"
        " VALUES (:number, :frame, :offset, :length, :raw, :encoding)",
        [
            {
                "number": number,
                "frame": position,
                "offset": frame.offset,
                "length": frame.length,
                "raw": frame.raw_length,
                "encoding": int(frame.encoding),
            }
            for position, frame in enumerate(frames)
        ],
    )


def _forget(session: Session, sql: str, keys: Sequence[bytes]) -> None:
    session.execute_many(sql, [{"key": bytes(key)} for key in keys])


def _add_chunks(session: Session, number: int, pack: PackContents) -> None:
    """Record where a pack's chunks are, unless a copy that is as shallow is recorded already."""
    query = "SELECT c.chunk, d.depth FROM index_chunks c LEFT JOIN index_deltas d ON d.chunk = c.chunk WHERE c.chunk IN "
    depths = {bytes(row[0]): row[1] or 0 for row in rows_among(session, query, [one.chunk for one in pack.chunks])}
    # In the order of the key, so that the pages of a large first commit are filled instead of split.
    added = sorted(
        (one for one in pack.chunks if pack.frames[one.frame].depth < depths.get(one.chunk, MOST_DEPTH + 1)), key=lambda one: one.chunk
    )
    forget_places(session, [one.chunk for one in added if one.chunk in depths])
    place_chunks(session, number, pack, added)
    require_shallower(session, {one.chunk: pack.frames[one.frame] for one in added})


def forget_places(session: Session, chunks: Sequence[ChunkId]) -> None:
    """Take away where chunks are, what they stand on and what they are labelled with."""
    for table in ("index_chunks", "index_deltas", "index_labels"):
        _forget(session, f"DELETE FROM {table} WHERE chunk = :key", chunks)  # noqa: S608  # one of three names


def place_chunks(session: Session, number: int, pack: PackContents, chunks: Sequence[ChunkInPack]) -> None:
    """Record where some chunks of a pack are, of which nothing is recorded; best in the order of their ids."""
    session.execute_many(
        "INSERT INTO index_chunks (chunk, pack_number, frame, chunk_start, chunk_length) VALUES (:chunk, :number, :frame, :start, :length)",
        [{"chunk": bytes(one.chunk), "number": number, "frame": one.frame, "start": one.start, "length": one.length} for one in chunks],
    )
    session.execute_many(
        "INSERT INTO index_labels (label, pack_number, chunk) VALUES (:label, :number, :chunk)",
        [{"label": pack.labels[one.chunk], "number": number, "chunk": bytes(one.chunk)} for one in chunks if one.chunk in pack.labels],
    )
    frames = {one.chunk: pack.frames[one.frame] for one in chunks}
    session.execute_many(
        "INSERT INTO index_deltas (chunk, base, context, depth) VALUES (:chunk, :base, :context, :depth)",
        [
            {"chunk": bytes(chunk), "base": frame.base, "context": frame.context, "depth": frame.depth}
            for chunk, frame in frames.items()
            if frame.base is not None
        ],
    )


def require_shallower(session: Session, frames: Mapping[ChunkId, Frame]) -> None:
    """Check that what the frames of chunks stand on is kept, and less deep.

    Raises:
        CollectedMeanwhile: a chunk stands on one that is not kept any more, or not as shallow as it must be.
    """
    query = "SELECT c.chunk, d.depth FROM index_chunks c LEFT JOIN index_deltas d ON d.chunk = c.chunk WHERE c.chunk IN "
    needed = list({one for frame in frames.values() for one in frame.needs})
    depths = {ChunkId(bytes(row[0])): row[1] or 0 for row in rows_among(session, query, needed)}
    for chunk, frame in frames.items():
        if any(depths.get(one, MOST_DEPTH) >= frame.depth for one in frame.needs):
            raise CollectedMeanwhile(f"chunk {chunk.short} stands on one that is not kept any more; nothing was changed")


def add_files(session: Session, files: Mapping[FileDigest, FileMap]) -> None:
    """Record of what chunks files are made, unless that is recorded already."""
    session.execute_many(
        "INSERT INTO index_files (digest, size, chunks) VALUES (:digest, :size, :chunks) ON CONFLICT (digest) DO NOTHING",
        [{"digest": bytes(digest), "size": files[digest].size, "chunks": b"".join(files[digest].chunks)} for digest in sorted(files)],
    )


def recorded_packs(session: Session) -> list[tuple[PackId, int]]:
    """Return the packs the index knows, with their sizes in bytes."""
    rows = session.rows("SELECT pack, size FROM index_packs ORDER BY pack_number")
    return [(PackId(bytes(row[0])), int(row[1])) for row in rows]


def is_recorded(session: Session, pack: PackId) -> bool:
    """Whether the index knows a pack."""
    return session.row("SELECT 1 FROM index_packs WHERE pack = :pack", pack=pack) is not None


def _place_of(row: Row) -> ChunkPlace:
    chunk = ChunkId(bytes(row[0]))
    base, context = (None if one is None else ChunkId(bytes(one)) for one in row[8:10])
    encoding = _encoding(row[5])
    if encoding.has_base is (base is None):
        raise Integrity(f"the index does not know what chunk {chunk.short} stands on; it can be made anew from the packs", hint=REPAIR)
    numbers = [*row[2:5], *row[6:8], row[10] or 0]
    if not all(isinstance(one, int) for one in numbers):
        raise Integrity(f"the index does not know where chunk {chunk.short} is; it can be made anew from the packs", hint=REPAIR)
    offset, length, raw_length, start, chunk_length, depth = numbers
    return ChunkPlace(chunk, PackId(bytes(row[1])), Frame(offset, length, raw_length, encoding, base, context, depth), start, chunk_length)


def _encoding(number: int) -> Encoding:
    try:
        return Encoding(number)
    except ValueError:
        raise Integrity(
            f"the index knows an encoding {number}, which there is not; it can be made anew from the packs", hint=REPAIR
        ) from None


def _split(chunks: bytes) -> tuple[ChunkId, ...]:
    return tuple(ChunkId(chunks[start : start + DIGEST_BYTES]) for start in range(0, len(chunks), DIGEST_BYTES))
