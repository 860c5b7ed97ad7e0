"""The index of where bytes are: disposable, since every pack describes itself.

A pack's rows are added in the transaction of the release that needs them, after the pack is durable; of two packs that
hold one chunk, the first recorded keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from lastgood.catalog.database import Database, Session, rows_among
from lastgood.errors import Integrity
from lastgood.ids import DIGEST_BYTES, ChunkId, FileDigest, PackId
from lastgood.model.placement import ChunkPlace, Encoding, FileMap, Frame, PackContents, Staged


class CatalogIndex:
    """Answers the store's questions from the catalog (`model.placement.PlacementIndex`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known_chunks(self, chunks: Sequence[ChunkId]) -> AbstractSet[ChunkId]:
        """Return those of the chunks that new data may refer to."""
        with self._database.reading() as session:
            return {ChunkId(bytes(row[0])) for row in rows_among(session, "SELECT chunk FROM index_chunks WHERE chunk IN ", chunks)}

    def known_files(self, digests: Sequence[FileDigest]) -> AbstractSet[FileDigest]:
        """Return those of the files whose maps are kept."""
        with self._database.reading() as session:
            return {FileDigest(row[0]) for row in rows_among(session, "SELECT digest FROM index_files WHERE digest IN ", digests)}

    def find_chunks(self, chunks: Sequence[ChunkId]) -> Mapping[ChunkId, ChunkPlace]:
        """Return where chunks are; one that is nowhere is left out."""
        query = (
            "SELECT c.chunk, p.pack, f.frame_offset, f.frame_length, f.raw_length, f.encoding, c.chunk_start,"
            " c.chunk_length FROM index_chunks c"
            " JOIN index_frames f ON f.pack_number = c.pack_number AND f.frame = c.frame"
            " JOIN index_packs p ON p.pack_number = c.pack_number WHERE c.chunk IN "
        )
        found: dict[ChunkId, ChunkPlace] = {}
        with self._database.reading() as session:
            for row in rows_among(session, query, chunks):
                chunk = ChunkId(bytes(row[0]))
                frame = Frame(row[2], row[3], row[4], _encoding(row[5]))
                found[chunk] = ChunkPlace(chunk, PackId(bytes(row[1])), frame, row[6], row[7])
        return found

    def find_files(self, digests: Sequence[FileDigest]) -> Mapping[FileDigest, FileMap]:
        """Return the maps of files; one that is not kept is left out."""
        found: dict[FileDigest, FileMap] = {}
        with self._database.reading() as session:
            for row in rows_among(session, "SELECT digest, size, chunks FROM index_files WHERE digest IN ", digests):
                found[FileDigest(bytes(row[0]))] = FileMap(int(row[1]), _split(bytes(row[2])))
        return found


def add_packs(session: Session, staged: Staged) -> None:
    """Record durable packs; their chunks and files are found from the commit of this transaction on."""
    row = session.row("SELECT max(pack_number) FROM index_packs")
    number = 0 if row is None or row[0] is None else int(row[0]) + 1
    for pack in staged.packs:
        if session.execute(
            "INSERT INTO index_packs (pack_number, pack, size) VALUES (:number, :pack, :size) ON CONFLICT (pack) DO NOTHING",
            number=number,
            pack=pack.pack,
            size=pack.size,
        ):
            _add_contents(session, number, pack)
            number += 1


def _add_contents(session: Session, number: int, pack: PackContents) -> None:
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
            for position, frame in enumerate(pack.frames)
        ],
    )
    # In the order of the key, so that the pages of a large first commit are filled instead of split.
    session.execute_many(
        "INSERT INTO index_chunks (chunk, pack_number, frame, chunk_start, chunk_length)"
        " VALUES (:chunk, :number, :frame, :start, :length) ON CONFLICT (chunk) DO NOTHING",
        [
            {"chunk": bytes(one.chunk), "number": number, "frame": one.frame, "start": one.start, "length": one.length}
            for one in sorted(pack.chunks, key=lambda one: one.chunk)
        ],
    )
    session.execute_many(
        "INSERT INTO index_files (digest, size, chunks) VALUES (:digest, :size, :chunks) ON CONFLICT (digest) DO NOTHING",
        [
            {"digest": bytes(digest), "size": pack.files[digest].size, "chunks": b"".join(pack.files[digest].chunks)}
            for digest in sorted(pack.files)
        ],
    )


def recorded_packs(session: Session) -> list[tuple[PackId, int]]:
    """Return the packs the index knows, with their sizes in bytes."""
    rows = session.rows("SELECT pack, size FROM index_packs ORDER BY pack_number")
    return [(PackId(bytes(row[0])), int(row[1])) for row in rows]


def _encoding(number: int) -> Encoding:
    try:
        return Encoding(number)
    except ValueError:
        raise Integrity(f"the index knows an encoding {number}, which there is not; it can be made anew from the packs") from None


def _split(chunks: bytes) -> tuple[ChunkId, ...]:
    return tuple(ChunkId(chunks[start : start + DIGEST_BYTES]) for start in range(0, len(chunks), DIGEST_BYTES))
