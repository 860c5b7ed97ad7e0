"""Queries of `lastgood optimize`: what is read from a pack, what resembles it, and how deep it may become.

What the collector condemned is left out everywhere: it is not worth an effort, and nothing new may stand on it.

    with database.reading() as session:
        for pack in packs_in_use(session):
            held = chunks_read_from(session, pack.number)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lastgood.catalog.database import Session, rows_with_keys
from lastgood.ids import ChunkId, PackId
from lastgood.model.placement import Label

MOST_RELATIVES = 3
"""How many of the chunks that bear one label are worth reading to find the one that is most alike."""


@dataclass(frozen=True, slots=True)
class PackInUse:
    """A pack from which something is read.

    Attributes:
        number: the number under which it was recorded; a later one has a higher number.
        size: its bytes.
    """

    number: int
    pack: PackId
    size: int


@dataclass(frozen=True, slots=True)
class HeldChunk:
    """A chunk that is read from a pack, the number of its frame there, and its label."""

    chunk: ChunkId
    frame: int
    label: Label | None


def packs_in_use(session: Session) -> list[PackInUse]:
    """Return the packs from which something is read, in the order in which they were recorded."""
    rows = session.rows(
        "SELECT pack_number, pack, size FROM index_packs WHERE pack_number IN (SELECT pack_number FROM index_chunks) ORDER BY pack_number"
    )
    return [PackInUse(row[0], PackId(bytes(row[1])), row[2]) for row in rows]


def chunks_read_from(session: Session, number: int) -> list[HeldChunk]:
    """Return the chunks that are read from a pack, in the order in which they lie there."""
    rows = session.rows(
        "SELECT c.chunk, c.frame, l.label FROM index_chunks c LEFT JOIN index_labels l ON l.chunk = c.chunk"
        " WHERE c.pack_number = :number AND c.chunk NOT IN (SELECT chunk FROM index_condemned_chunks)"
        " ORDER BY c.frame, c.chunk_start",
        number=number,
    )
    return [HeldChunk(ChunkId(bytes(row[0])), row[1], row[2]) for row in rows]


def relatives(session: Session, number: int, held: HeldChunk) -> tuple[ChunkId, ...]:
    """Return the chunks with the label of one of a pack that were recorded before it, the nearest first.

    Only these are looked at: of the chunks with one label the first then stays as it is, and the others follow in order.
    """
    rows = session.rows(
        "SELECT c.chunk FROM index_labels l JOIN index_chunks c ON c.chunk = l.chunk"
        " WHERE l.label = :label AND (c.pack_number < :number OR (c.pack_number = :number AND c.frame < :frame))"
        " AND c.chunk NOT IN (SELECT chunk FROM index_condemned_chunks)"
        " ORDER BY c.pack_number DESC, c.frame DESC LIMIT :most",
        label=held.label,
        number=number,
        frame=held.frame,
        most=MOST_RELATIVES,
    )
    return tuple(ChunkId(bytes(row[0])) for row in rows)


def shallowest_above(session: Session, chunks: Sequence[ChunkId]) -> dict[ChunkId, int]:
    """Return, of each chunk on which others stand, the depth of the shallowest of them: it must stay above the chunk's."""
    found: dict[ChunkId, int] = {}
    for column in ("base", "context"):
        query = f"SELECT {column}, min(depth) FROM index_deltas WHERE {column} {{0}} GROUP BY {column}"  # noqa: S608  # two names
        for row in rows_with_keys(session, query, chunks):
            chunk = ChunkId(bytes(row[0]))
            found[chunk] = min(row[1], found.get(chunk, row[1]))
    return found
