"""The index of a store that keeps deltas and collects its garbage.

New tables of the *index* only: it is derived from the packs, so nothing that is there has to be rewritten.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_DIGEST = sa.LargeBinary(32)
_COMPACT = {"sqlite_with_rowid": False}
# ISO 8601 in UTC, as everywhere; PostgreSQL compares text by its bytes under the collation "C" only.
_INSTANT = sa.String(27).with_variant(sa.String(27, collation="C"), "postgresql")
_STEP = sa.String(16).with_variant(sa.String(16, collation="C"), "postgresql")


def upgrade() -> None:
    """Add what is known of bases, labels and condemned things."""
    _what_chunks_stand_on()
    _what_the_collector_knows()


def _what_chunks_stand_on() -> None:
    op.create_table(
        "index_deltas",
        sa.Column("chunk", _DIGEST, primary_key=True),
        sa.Column("base", _DIGEST, nullable=False),
        sa.Column("context", _DIGEST, nullable=True),
        sa.Column("depth", sa.Integer, nullable=False),
        **_COMPACT,
    )
    op.create_index("index_deltas_by_base", "index_deltas", ["base"])
    op.create_index("index_deltas_by_context", "index_deltas", ["context"])
    op.create_table(
        "index_labels",
        sa.Column("label", sa.BigInteger, primary_key=True),
        sa.Column("pack_number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("chunk", _DIGEST, primary_key=True),
        **_COMPACT,
    )
    op.create_index("index_labels_by_chunk", "index_labels", ["chunk"])


def _what_the_collector_knows() -> None:
    op.create_table(
        "index_condemned_chunks",
        sa.Column("chunk", _DIGEST, primary_key=True),
        sa.Column("condemned_at", _INSTANT, nullable=False),
        **_COMPACT,
    )
    op.create_table(
        "index_condemned_files",
        sa.Column("digest", _DIGEST, primary_key=True),
        sa.Column("condemned_at", _INSTANT, nullable=False),
        **_COMPACT,
    )
    op.create_table(
        "index_orphans",
        sa.Column("pack", _DIGEST, primary_key=True),
        sa.Column("seen_at", _INSTANT, nullable=False),
        **_COMPACT,
    )
    op.create_table(
        "index_collections",
        sa.Column("generation", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("recorded_at", _INSTANT, nullable=False),
        sa.Column("step", _STEP, nullable=False),
        **_COMPACT,
    )
