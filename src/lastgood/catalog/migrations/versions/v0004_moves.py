"""Facts of canaries, of how moves went, and of releases that are held.

No older event says anything of these, so the new tables begin empty.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_DIGEST = sa.LargeBinary(32)
_COMPACT = {"sqlite_with_rowid": False}
# PostgreSQL compares text by its bytes under the collation "C" only.
_NAME = sa.String(63).with_variant(sa.String(63, collation="C"), "postgresql")
_INSTANT = sa.String(27).with_variant(sa.String(27, collation="C"), "postgresql")


def upgrade() -> None:
    """Add what moves say beyond where they went, and what is held."""
    op.create_table(
        "fact_moves",
        sa.Column("pipeline", _NAME, primary_key=True),
        sa.Column("environment", _NAME, primary_key=True),
        sa.Column("revision", sa.BigInteger, primary_key=True),
        sa.Column("canary", _DIGEST, nullable=True),
        sa.Column("percent", sa.Integer, nullable=True),
        sa.Column("ended", _DIGEST, nullable=True),
        sa.Column("milliseconds", sa.BigInteger, nullable=True),
        sa.Column("incident", _NAME, nullable=True),
        **_COMPACT,
    )
    op.create_index("fact_moves_by_canary", "fact_moves", ["canary"])
    op.create_table(
        "fact_holds",
        sa.Column("release", _DIGEST, primary_key=True),
        sa.Column("pipeline", _NAME, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", _INSTANT, nullable=False),
        sa.Column("actor", _DIGEST, nullable=False),
        sa.Column("reason", _DIGEST, nullable=True),
        **_COMPACT,
    )
