"""The Merkle tree over the events, the checkpoints that were signed for it, the keys that sign, and signed releases.

The tree is a *fact*: it follows from the events. So its nodes over the events that are there already are made here.
"""

from itertools import pairwise

import sqlalchemy as sa
from alembic import op

from lastgood.model.merkle import node_hash

revision = "0003"
down_revision = "0002"

_DIGEST = sa.LargeBinary(32)
_COMPACT = {"sqlite_with_rowid": False}
# A verifier key: PostgreSQL compares text by its bytes under the collation "C" only.
_KEY = sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql")


def upgrade() -> None:
    """Add the tree, checkpoints and keys."""
    op.create_table(
        "checkpoints",
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("note", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "fact_keys",
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("verifier_key", _KEY, nullable=False),
        **_COMPACT,
    )
    op.create_table(
        "fact_signatures",
        sa.Column("release", _DIGEST, primary_key=True),
        sa.Column("verifier_key", _KEY, primary_key=True),
        sa.Column("signature", _KEY, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        **_COMPACT,
    )
    nodes = op.create_table(
        "fact_nodes",
        sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("hash", _DIGEST, nullable=False),
        **_COMPACT,
    )
    if not op.get_context().as_sql:
        _make_nodes(nodes)


def _make_nodes(nodes: sa.Table) -> None:
    below = [bytes(row[0]) for row in op.get_bind().execute(sa.text("SELECT leaf FROM events ORDER BY sequence"))]
    level = 1
    while len(below) > 1:
        level_nodes = [node_hash(left, right) for number, (left, right) in enumerate(pairwise(below)) if number % 2 == 0]
        op.bulk_insert(nodes, [{"level": level, "position": position, "hash": one} for position, one in enumerate(level_nodes)])
        below, level = level_nodes, level + 1
