"""Queries of `lastgood optimize`: what is read from a pack, what resembles it, and how deep it may become.

What the collector condemned is not worth an effort, and nothing new may stand on it.

    with database.reading() as session:
        for pack in packs_in_use(session):
            held = chunks_read_from(session, pack.number)
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from lastgood.catalog.database import Session, rows_with_keys
from lastgood.ids import ChunkId, PackId
from lastgood.model.placement import Label

_MOST_RELATIVES = 2
"""How many of the chunks that lie before one, or that were moved, are worth reading to find the one that is most alike."""

_MOST_OF_A_LABEL = 200


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
    """A chunk that is read from a pack, the number of its frame there, and its label; is it condemned?"""

    chunk: ChunkId
    frame: int
    label: Label | None
    is_condemned: bool


def packs_in_use(session: Session) -> list[PackInUse]:
    """Return the packs from which something is read, in the order in which they were recorded."""
    rows = session.rows(
        "SELECT pack_number, pack, size FROM index_packs WHERE pack_number IN (SELECT pack_number FROM index_chunks) ORDER BY pack_number"
    )
    return [PackInUse(row[0], PackId(bytes(row[1])), row[2]) for row in rows]


def number_of(session: Session, pack: PackId) -> int | None:
    """Return the number under which a pack is recorded, or None where it is not."""
    row = session.row("SELECT pack_number FROM index_packs WHERE pack = :pack", pack=pack)
    return None if row is None else int(row[0])


def chunks_read_from(session: Session, number: int) -> list[HeldChunk]:
    """Return the chunks that are read from a pack, in the order in which they lie there."""
    rows = session.rows(
        "SELECT c.chunk, c.frame, l.label, d.chunk FROM index_chunks c LEFT JOIN index_labels l ON l.chunk = c.chunk"
        " LEFT JOIN index_condemned_chunks d ON d.chunk = c.chunk WHERE c.pack_number = :number ORDER BY c.frame, c.chunk_start",
        number=number,
    )
    return [HeldChunk(ChunkId(bytes(row[0])), row[1], row[2], row[3] is not None) for row in rows]


def relatives(session: Session, number: int, held: HeldChunk, settled: AbstractSet[int]) -> tuple[ChunkId, ...]:
    """Return some chunks with the label of one of a pack, those first that are likely to be the most alike.

    Only what lies before it, or in a pack that is settled, is taken: so of the chunks with one label the first stays as
    it is, and the others follow in order, wherever they are moved to meanwhile.
    """
    rows = session.rows(
        "SELECT c.chunk, c.pack_number, c.frame FROM index_labels l JOIN index_chunks c ON c.chunk = l.chunk"
        " WHERE l.label = :label AND c.chunk <> :chunk AND c.chunk NOT IN (SELECT chunk FROM index_condemned_chunks)"
        " ORDER BY c.pack_number DESC, c.frame DESC LIMIT :most",
        label=held.label,
        chunk=held.chunk,
        most=_MOST_OF_A_LABEL,
    )
    before = [ChunkId(bytes(row[0])) for row in rows if (row[1], row[2]) < (number, held.frame)]
    moved = [ChunkId(bytes(row[0])) for row in rows if row[1] in settled]
    return tuple(dict.fromkeys([*before[:_MOST_RELATIVES], *moved[:_MOST_RELATIVES]]))


def shallowest_above(session: Session, chunks: Sequence[ChunkId]) -> dict[ChunkId, int]:
    """Return, of each chunk on which others stand, the depth of the shallowest of them: it must stay above the chunk's."""
    found: dict[ChunkId, int] = {}
    for column in ("base", "context"):
        query = f"SELECT {column}, min(depth) FROM index_deltas WHERE {column} {{0}} GROUP BY {column}"  # noqa: S608  # two names
        for row in rows_with_keys(session, query, chunks):
            chunk = ChunkId(bytes(row[0]))
            found[chunk] = min(row[1], found.get(chunk, row[1]))
    return found
