"""Moving chunks into packs that were written anew: the one transaction in which a rewriting takes effect.

Who rewrites (the collector, `lastgood optimize`) puts the new packs first, and checks in the transaction that they are
still there (`registry.publish.require_packs`). Then the rows of the chunks are replaced. The rule, in words: after the
transaction everything that a chunk stands on is less deep than it, and everything that stands on it is deeper. So while
something stands on a chunk its depth may fall, and rises only as far as those above it allow; and however many writers
race, there is never a circle.

A chunk that is not kept any more, or that somebody else moved already, is left as it is. What was condemned stays
condemned, but not what a kept chunk stands on now.

    with database.writing() as session:
        require_packs(context, packs)
        moved = move_chunks(session, packs, away_from=[pack.pack for pack in old])
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet

from lastgood.catalog.database import Session, rows_among, rows_with_keys
from lastgood.catalog.placement import add_frames, forget_places, next_pack_number, place_chunks, require_shallower, revive
from lastgood.errors import Conflict
from lastgood.ids import ChunkId, PackId
from lastgood.model.placement import ChunkInPack, Frame, PackContents


def move_chunks(session: Session, packs: Sequence[PackContents], away_from: Collection[PackId] | None = None) -> AbstractSet[ChunkId]:
    """Record durable packs, make them the places of those of their chunks that are kept, and return these chunks.

    Args:
        session: the writing transaction.
        packs: packs that hold copies of chunks; their file maps and labels are copies as well.
        away_from: only what lies in these packs until now is moved; by default all of it.

    Raises:
        CollectedMeanwhile: a chunk stands on one that is not kept any more, or not as shallow as it must be.
        Conflict: a chunk became so deep that something which stands on it would not be deeper.
    """
    movable = _movable(session, [one.chunk for pack in packs for one in pack.chunks], away_from)
    placed: dict[ChunkId, Frame] = {}
    for pack in packs:
        number = _record(session, pack)
        chunks = [one for one in pack.chunks if one.chunk in movable and one.chunk not in placed]
        _place(session, number, pack, chunks)
        placed.update((one.chunk, pack.frames[one.frame]) for one in chunks)
    # Only now, since in a rewriting a chunk may stand on one in a later pack.
    require_shallower(session, placed)
    _require_deeper(session, placed)
    _revive_bases(session, placed)
    return placed.keys()


def _movable(session: Session, chunks: Sequence[ChunkId], away_from: Collection[PackId] | None) -> set[ChunkId]:
    query = "SELECT c.chunk, p.pack FROM index_chunks c JOIN index_packs p ON p.pack_number = c.pack_number WHERE c.chunk IN "
    rows = list(rows_among(session, query, list(dict.fromkeys(chunks))))
    return {ChunkId(bytes(row[0])) for row in rows if away_from is None or PackId(bytes(row[1])) in away_from}


def _record(session: Session, pack: PackContents) -> int:
    """Return the number of a pack, which is recorded if it is not yet."""
    found = session.row("SELECT pack_number FROM index_packs WHERE pack = :pack", pack=pack.pack)
    if found is not None:
        return int(found[0])
    number = next_pack_number(session)
    session.execute(
        "INSERT INTO index_packs (pack_number, pack, size) VALUES (:number, :pack, :size)", number=number, pack=pack.pack, size=pack.size
    )
    add_frames(session, number, pack.frames)
    return number


def _place(session: Session, number: int, pack: PackContents, chunks: Sequence[ChunkInPack]) -> None:
    forget_places(session, [one.chunk for one in chunks])
    place_chunks(session, number, pack, sorted(chunks, key=lambda one: one.chunk))


def _require_deeper(session: Session, placed: dict[ChunkId, Frame]) -> None:
    """Check that what stands on chunks is deeper than they are."""
    query = (
        "SELECT base, depth, chunk FROM index_deltas WHERE base {0}"
        " UNION ALL SELECT context, depth, chunk FROM index_deltas WHERE context {0}"
    )
    for needed, depth, above in rows_with_keys(session, query, list(placed)):
        chunk = ChunkId(bytes(needed))
        if depth <= placed[chunk].depth:
            raise Conflict(
                f"chunk {ChunkId(bytes(above)).short} was made to stand on chunk {chunk.short} meanwhile; nothing was changed",
                hint="try again",
            )


def _revive_bases(session: Session, placed: dict[ChunkId, Frame]) -> None:
    based = [chunk for chunk, frame in placed.items() if frame.base is not None]
    condemned = {ChunkId(bytes(row[0])) for row in rows_among(session, "SELECT chunk FROM index_condemned_chunks WHERE chunk IN ", based)}
    revive(session, [chunk for chunk in based if chunk not in condemned], ())
