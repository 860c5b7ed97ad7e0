"""Facts of the ledger itself: the complete subtrees over its events, and the keys that sign it."""

from __future__ import annotations

from lastgood.catalog.database import Session
from lastgood.catalog.projections.projection import Projections
from lastgood.ids import LeafHash
from lastgood.model.changes.ledger import KeySet
from lastgood.model.event import Event
from lastgood.model.merkle import completed_by

TABLES = ("fact_nodes", "fact_keys")


def add_leaf(session: Session, index: int, leaf: LeafHash, before: LeafHash | None) -> None:
    """Add a leaf to the tree: each subtree that it completes is kept, which is one on average and log₂ n at most.

    Args:
        session: where the nodes are; the leaves themselves stand with the events.
        index: which leaf it is, from 0.
        leaf: its hash.
        before: the hash of the leaf before it; None for the first.
    """

    def read(level: int, position: int) -> bytes:
        if level == 0:
            assert before is not None  # noqa: S101  # only a leaf with an odd index asks for the one before
            return before
        row = session.row("SELECT hash FROM fact_nodes WHERE level = :level AND position = :position", level=level, position=position)
        # A node that is missing makes its parents wrong, and no root that was signed before fits them: that is found.
        return b"" if row is None else bytes(row[0])

    for level, position, node in completed_by(index, leaf, read):
        session.execute(
            "INSERT INTO fact_nodes (level, position, hash) VALUES (:level, :position, :hash)", level=level, position=position, hash=node
        )


def _key_set(session: Session, event: Event, body: KeySet) -> None:
    session.execute(
        "INSERT INTO fact_keys (sequence, verifier_key) VALUES (:sequence, :key)",
        sequence=event.sequence,
        key=body.key,
    )


PROJECTIONS: Projections = {KeySet: _key_set}
