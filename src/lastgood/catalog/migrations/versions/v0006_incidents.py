"""Facts of incidents, of what is linked to them, of moves that were told of afterwards, and of pilots.

New tables only. They follow from events that no older version wrote, so there is nothing to fill them with.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_DIGEST = sa.LargeBinary(32)
_COMPACT = {"sqlite_with_rowid": False}


def _text(longest: int) -> sa.String:
    # SQLite compares text by its bytes; PostgreSQL does so under the collation "C" only.
    return sa.String(longest).with_variant(sa.String(longest, collation="C"), "postgresql")


_INSTANT = _text(27)
_NAME = _text(63)


def upgrade() -> None:
    """Add what went wrong, and what of the past was told."""
    _incidents()
    _links()
    _backfills()
    _pilots()


def _incidents() -> None:
    op.create_table(
        "fact_incidents",
        sa.Column("incident", _NAME, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("step", _text(15), nullable=False),
        sa.Column("pipeline", _NAME, nullable=False),
        sa.Column("kind", _text(15), nullable=False),
        sa.Column("environment", _NAME, nullable=True),
        sa.Column("started", _INSTANT, nullable=True),
        sa.Column("detected", _INSTANT, nullable=False),
        sa.Column("mitigated", _INSTANT, nullable=True),
        sa.Column("closed", _INSTANT, nullable=True),
        sa.Column("release", _DIGEST, nullable=True),
        sa.Column("minutes", sa.BigInteger, nullable=True),
        sa.Column("cost", sa.BigInteger, nullable=True),
        sa.Column("currency", _text(3), nullable=True),
        sa.Column("preventable", sa.Integer, nullable=True),
        sa.Column("title", _DIGEST, nullable=False),
        sa.Column("impact", _DIGEST, nullable=True),
        sa.Column("source", _DIGEST, nullable=True),
        sa.Column("withdrawn", sa.Integer, nullable=False),
        sa.Column("opened_at", _INSTANT, nullable=False),
        sa.Column("opened_by", _DIGEST, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        **_COMPACT,
    )
    op.create_index("fact_incidents_by_pipeline", "fact_incidents", ["pipeline", "detected"])
    op.create_index("fact_incidents_by_source", "fact_incidents", ["source"])


def _links() -> None:
    op.create_table(
        "fact_incident_links",
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("incident", _NAME, nullable=False),
        sa.Column("release", _DIGEST, nullable=True),
        sa.Column("environment", _NAME, nullable=True),
        sa.Column("revision", sa.BigInteger, nullable=True),
        sa.Column("note", _DIGEST, nullable=True),
        sa.Column("recorded_at", _INSTANT, nullable=False),
        sa.Column("actor", _DIGEST, nullable=False),
    )
    op.create_index("fact_incident_links_by_incident", "fact_incident_links", ["incident"])
    op.create_index("fact_moves_by_incident", "fact_moves", ["incident"])


def _backfills() -> None:
    op.create_table(
        "fact_backfills",
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("pipeline", _NAME, nullable=False),
        sa.Column("environment", _NAME, nullable=True),
        sa.Column("kind", _text(15), nullable=False),
        sa.Column("occurred_at", _INSTANT, nullable=False),
        sa.Column("incident", _NAME, nullable=True),
        sa.Column("note", _DIGEST, nullable=False),
        sa.Column("source", _DIGEST, nullable=False),
        sa.Column("recorded_at", _INSTANT, nullable=False),
        sa.Column("actor", _DIGEST, nullable=False),
    )
    op.create_index("fact_backfills_by_source", "fact_backfills", ["source"])


def _pilots() -> None:
    op.create_table(
        "fact_pilots",
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("pipeline", _NAME, nullable=False),
        sa.Column("begins", _INSTANT, nullable=False),
        sa.Column("days", sa.BigInteger, nullable=False),
        sa.Column("baseline_from", _INSTANT, nullable=False),
        sa.Column("baseline_until", _INSTANT, nullable=False),
        sa.Column("deploy_seconds", sa.BigInteger, nullable=True),
        sa.Column("recorded_at", _INSTANT, nullable=False),
        sa.Column("actor", _DIGEST, nullable=False),
    )
