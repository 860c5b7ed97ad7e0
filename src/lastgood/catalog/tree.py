"""The ledger as a tree: its roots, its proofs, the checkpoints that were signed for it, and the keys that sign.

An append keeps the subtrees it completes (`projections.ledger`), so a root or a proof reads O(log n) rows and no event.

    with database.reading() as session:
        proof = inclusion_proof(17, tree_size(session), read_nodes(session))
"""

from __future__ import annotations

from collections.abc import Iterator

from lastgood.catalog.database import Session
from lastgood.errors import Integrity
from lastgood.model.merkle import ReadNode, tree_root


def tree_size(session: Session) -> int:
    """Return how many events there are, by the number of the last one."""
    row = session.row("SELECT max(sequence) FROM events")
    return 0 if row is None or row[0] is None else int(row[0]) + 1


def read_nodes(session: Session) -> ReadNode:
    """Return what reads the complete subtrees of the tree.

    Raises:
        Integrity: the returned function finds that one is missing.
    """

    def read(level: int, index: int) -> bytes:
        if level == 0:
            row = session.row("SELECT leaf FROM events WHERE sequence = :sequence", sequence=index)
        else:
            row = session.row("SELECT hash FROM fact_nodes WHERE level = :level AND position = :position", level=level, position=index)
        if row is None:
            what = f"event {index}" if level == 0 else f"a node over {1 << level} events from event {index << level} on"
            raise Integrity(f"the ledger's tree lacks {what}", hint="lastgood verify")
        return bytes(row[0])

    return read


def root_at(session: Session, size: int) -> bytes:
    """Return the root over the first events.

    Raises:
        Integrity: a node is missing.
    """
    return tree_root(size, read_nodes(session))


def latest_checkpoint(session: Session) -> bytes | None:
    """Return the newest signed note about the history, or None."""
    row = session.row("SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1")
    return None if row is None else _note(row[0])


def checkpoint_notes(session: Session) -> Iterator[tuple[int, bytes]]:
    """Yield size and note of every checkpoint, the smallest first."""
    for size, note in session.rows("SELECT size, note FROM checkpoints ORDER BY size"):
        yield int(size), _note(note)


def signed_size(session: Session) -> int:
    """Return how many events the newest checkpoint is about; 0 where there is none."""
    row = session.row("SELECT max(size) FROM checkpoints")
    return 0 if row is None or row[0] is None else int(row[0])


def add_checkpoint(session: Session, size: int, note: bytes) -> None:
    """Keep a signed note, unless one about as many events or more is kept."""
    if size > signed_size(session):
        session.execute("INSERT INTO checkpoints (size, note) VALUES (:size, :note)", size=size, note=note)


def every_key(session: Session) -> list[tuple[int, str]]:
    """Return the sequence of the event that set it, and the verifier key, of every key in order."""
    return [(int(row[0]), str(row[1])) for row in session.rows("SELECT sequence, verifier_key FROM fact_keys ORDER BY sequence")]


def leaves(session: Session, after: int, most: int) -> list[tuple[int, bytes, bytes]]:
    """Return sequence, leaf hash and bytes of events from `after` on."""
    rows = session.rows(
        "SELECT sequence, leaf, document FROM events WHERE sequence >= :after ORDER BY sequence LIMIT :most", after=after, most=most
    )
    return [(int(row[0]), bytes(row[1]), bytes(row[2])) for row in rows]


def _note(kept: bytes | str) -> bytes:
    # SQLite keeps what it is given: a note that somebody wrote as text is read as one, and judged by what it says.
    return kept.encode(errors="replace") if isinstance(kept, str) else bytes(kept)
