"""Records, facts and index of the spine: events and texts, releases, tags, environments, marks, packs.

Tables come in three kinds (docs/design.md): *records* are the truth, *facts* follow from records and nothing else, the
*index* follows from the packs.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_DIGEST = sa.LargeBinary(32)
_COMPACT = {"sqlite_with_rowid": False}


def _text(longest: int | None = None) -> sa.Text | sa.String:
    # SQLite compares text by its bytes; PostgreSQL does so under the collation "C" only.
    kind = sa.Text if longest is None else sa.String
    return kind(longest).with_variant(kind(longest, collation="C"), "postgresql")


_INSTANT = _text(27)
_NAME = _text(63)
_UUID = _text(36)


def upgrade() -> None:
    """Make the first schema."""
    _records()
    _facts_of_the_registry()
    _facts_of_releases()
    _facts_of_environments()
    _facts_of_behaviors()
    _index()


def _records() -> None:
    op.create_table(
        "events",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("leaf", _DIGEST, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "texts",
        sa.Column("digest", _DIGEST, primary_key=True),
        sa.Column("salt", _DIGEST, nullable=False),
        sa.Column("text", _text(), nullable=False),
        **_COMPACT,
    )


def _facts_of_the_registry() -> None:
    op.create_table(
        "fact_registry",
        sa.Column("registry", _UUID, primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "fact_operations",
        sa.Column("operation", _UUID, primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        **_COMPACT,
    )
    op.create_table(
        "fact_retention",
        sa.Column("pipeline", _NAME, primary_key=True),
        sa.Column("policy", _text(), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        **_COMPACT,
    )


def _facts_of_releases() -> None:
    op.create_table(
        "fact_releases",
        sa.Column("pipeline", _NAME, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("release", _DIGEST, nullable=False, unique=True),
        sa.Column("state", _DIGEST, nullable=False),
        sa.Column("behavior", _DIGEST, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", _INSTANT, nullable=False),
        sa.Column("author", _DIGEST, nullable=False),
        sa.Column("message", _DIGEST, nullable=True),
        **_COMPACT,
    )
    op.create_table(
        "fact_tags",
        sa.Column("pipeline", _NAME, primary_key=True),
        sa.Column("tag", _NAME, primary_key=True),
        sa.Column("release", _DIGEST, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        **_COMPACT,
    )
    op.create_index("fact_tags_by_release", "fact_tags", ["release"])


def _facts_of_environments() -> None:
    op.create_table(
        "fact_deployments",
        sa.Column("pipeline", _NAME, primary_key=True),
        sa.Column("environment", _NAME, primary_key=True),
        sa.Column("revision", sa.BigInteger, primary_key=True),
        sa.Column("kind", _text(16), nullable=False),
        sa.Column("replaced", _DIGEST, nullable=True),
        sa.Column("release", _DIGEST, nullable=False),
        sa.Column("behavior", _DIGEST, nullable=False),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.Column("below", sa.BigInteger, nullable=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", _INSTANT, nullable=False),
        sa.Column("actor", _DIGEST, nullable=False),
        sa.Column("reason", _DIGEST, nullable=True),
        **_COMPACT,
    )
    op.create_index("fact_deployments_by_release", "fact_deployments", ["release"])
    op.create_table(
        "fact_environments",
        sa.Column("pipeline", _NAME, primary_key=True),
        sa.Column("environment", _NAME, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        **_COMPACT,
    )


def _facts_of_behaviors() -> None:
    op.create_table(
        "fact_suspects",
        sa.Column("pipeline", _NAME, primary_key=True),
        sa.Column("environment", _NAME, primary_key=True),
        sa.Column("behavior", _DIGEST, primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        **_COMPACT,
    )
    op.create_table(
        "fact_bad",
        sa.Column("behavior", _DIGEST, primary_key=True),
        sa.Column("release", _DIGEST, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", _INSTANT, nullable=False),
        sa.Column("actor", _DIGEST, nullable=False),
        sa.Column("reason", _DIGEST, nullable=True),
        **_COMPACT,
    )


def _index() -> None:
    op.create_table(
        "index_packs",
        sa.Column("pack_number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("pack", _DIGEST, nullable=False, unique=True),
        sa.Column("size", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "index_frames",
        sa.Column("pack_number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("frame", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("frame_offset", sa.BigInteger, nullable=False),
        sa.Column("frame_length", sa.BigInteger, nullable=False),
        sa.Column("raw_length", sa.BigInteger, nullable=False),
        sa.Column("encoding", sa.Integer, nullable=False),
        **_COMPACT,
    )
    op.create_table(
        "index_chunks",
        sa.Column("chunk", _DIGEST, primary_key=True),
        sa.Column("pack_number", sa.Integer, nullable=False),
        sa.Column("frame", sa.Integer, nullable=False),
        sa.Column("chunk_start", sa.Integer, nullable=False),
        sa.Column("chunk_length", sa.Integer, nullable=False),
        **_COMPACT,
    )
    op.create_table(
        "index_files",
        sa.Column("digest", _DIGEST, primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("chunks", sa.LargeBinary, nullable=False),
        **_COMPACT,
    )
