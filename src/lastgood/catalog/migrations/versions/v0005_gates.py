"""Facts of gates: policies, approvals, evaluations, and what gates said of each move.

New tables only. They follow from events that no older version wrote, so there is nothing to fill them with.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_DIGEST = sa.LargeBinary(32)
_COMPACT = {"sqlite_with_rowid": False}


def _text(longest: int | None = None) -> sa.Text | sa.String:
    # SQLite compares text by its bytes; PostgreSQL does so under the collation "C" only.
    kind = sa.Text if longest is None else sa.String
    return kind(longest).with_variant(kind(longest, collation="C"), "postgresql")


_INSTANT = _text(27)
_NAME = _text(63)


def upgrade() -> None:
    """Add what decides about moves."""
    _policies()
    _approvals()
    _evaluations()


def _policies() -> None:
    op.create_table(
        "fact_policies",
        sa.Column("pipeline", _NAME, primary_key=True),
        sa.Column("environment", _NAME, primary_key=True),
        sa.Column("digest", _DIGEST, nullable=False),
        sa.Column("policy", _text(), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", _INSTANT, nullable=False),
        sa.Column("actor", _DIGEST, nullable=False),
        **_COMPACT,
    )
    op.create_table(
        "fact_judgements",
        sa.Column("pipeline", _NAME, primary_key=True),
        sa.Column("environment", _NAME, primary_key=True),
        sa.Column("revision", sa.BigInteger, primary_key=True),
        sa.Column("judgement", _text(), nullable=False),
        **_COMPACT,
    )


def _approvals() -> None:
    op.create_table(
        "fact_approvals",
        sa.Column("release", _DIGEST, primary_key=True),
        sa.Column("environment", _NAME, primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("recorded_at", _INSTANT, nullable=False),
        sa.Column("actor", _DIGEST, nullable=False),
        sa.Column("reason", _DIGEST, nullable=True),
        **_COMPACT,
    )


def _evaluations() -> None:
    op.create_table(
        "fact_evaluations",
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("pipeline", _NAME, nullable=False),
        sa.Column("release", _DIGEST, nullable=False),
        sa.Column("behavior", _DIGEST, nullable=False),
        sa.Column("suite", _NAME, nullable=False),
        sa.Column("suite_content", _DIGEST, nullable=False),
        sa.Column("on_content", _DIGEST, nullable=True),
        sa.Column("results", _DIGEST, nullable=False),
        sa.Column("cases", sa.BigInteger, nullable=False),
        sa.Column("metrics", _text(), nullable=False),
        sa.Column("runner", _text(), nullable=False),
        sa.Column("recorded_at", _INSTANT, nullable=False),
        sa.Column("actor", _DIGEST, nullable=False),
    )
    op.create_index("fact_evaluations_by_behavior", "fact_evaluations", ["behavior", "suite"])
