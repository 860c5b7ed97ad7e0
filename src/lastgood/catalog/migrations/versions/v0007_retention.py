"""Facts of retention: tombstones of bytes that a policy let go, and of files that were purged.

New tables only. They follow from events that no older version wrote, so there is nothing to fill them with.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_DIGEST = sa.LargeBinary(32)
# PostgreSQL compares text by its bytes under the collation "C" only.
_NAME = sa.String(63).with_variant(sa.String(63, collation="C"), "postgresql")
_INSTANT = sa.String(27).with_variant(sa.String(27, collation="C"), "postgresql")
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the tombstones and the purged files."""
    op.create_table(
        "fact_removals",
        sa.Column("release", _DIGEST, primary_key=True),
        sa.Column("component", _NAME, primary_key=True),
        sa.Column("part", _NAME, primary_key=True),
        sa.Column("pipeline", _NAME, nullable=False),
        sa.Column("policy", _TEXT, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", _INSTANT, nullable=False),
        sa.Column("actor", _DIGEST, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "fact_purged",
        sa.Column("file", _DIGEST, primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", _INSTANT, nullable=False),
        sa.Column("actor", _DIGEST, nullable=False),
        sa.Column("reason", _DIGEST),
        sqlite_with_rowid=False,
    )
