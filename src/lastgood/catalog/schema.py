"""The catalog's schema, as Alembic's migrations state it for SQLite and PostgreSQL alike.

Alembic and SQLAlchemy take half a second to import, so they are imported only when there is something to do
(docs/adr/0002). All migrations run in one transaction, which whoever asks for them begins.

    with upgrading("sqlite://", connection, ["BEGIN IMMEDIATE"]):
        ...                      # the schema is the current one, and not committed yet
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lastgood.catalog.database import Row

if TYPE_CHECKING:
    from sqlalchemy import Connection

_alembic = threading.Lock()
"""Alembic keeps the migration that runs in variables of its modules, so two threads would run each other's."""


@contextmanager
def upgrading(url: str, raw: Any, begin: Sequence[str]) -> Iterator[None]:  # noqa: ANN401 - a connection of either driver
    """Bring a database to the current schema, in a transaction that is committed when the block ends.

    Args:
        url: which of SQLAlchemy's dialects speaks to it; the connection is the given one.
        raw: a connection that begins no transaction by itself.
        begin: the statements that begin the transaction and take its lock; its commit is the only one.

    Raises:
        as the driver does.
    """
    # Imported here, not above: see the module's docstring.
    from sqlalchemy import create_engine, event  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415
    from sqlalchemy.pool import StaticPool  # noqa: PLC0415

    def begin_it(connection: Connection) -> None:
        for statement in begin:
            connection.exec_driver_sql(statement)

    failed: BaseException | None = None
    try:
        engine = create_engine(url, creator=lambda: raw, poolclass=StaticPool)
        event.listen(engine, "begin", begin_it)
        with engine.begin() as connection:
            _migrate(connection)
            try:
                yield
            except BaseException as error:
                failed = error
                raise
    except DBAPIError as error:
        # Where the connection broke, the rollback fails as well, and that says nothing of what came before.
        if failed is not None:
            raise failed from failed.__cause__
        # SQLAlchemy's wrapper hides what the driver said.
        raise error.orig or error from error


def _migrate(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - as above
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    with _alembic:
        command.upgrade(config, "head")


def statements_of_tables(prefix: str) -> list[str]:
    """Return what makes the tables whose names start so, and their indexes, in SQLite, as the newest migration leaves them."""
    rows = of_an_empty_catalog(
        f"SELECT sql FROM sqlite_schema WHERE tbl_name GLOB '{prefix}*' AND sql IS NOT NULL ORDER BY type DESC, rootpage"  # noqa: S608
    )
    return [str(row[0]) for row in rows]


def of_an_empty_catalog(query: str) -> list[Row]:
    """Ask a SQLite catalog that has its whole schema and nothing else."""
    raw = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    try:
        with upgrading("sqlite://", raw, ["BEGIN IMMEDIATE"]):
            pass
        return raw.execute(query).fetchall()
    finally:
        raw.close()
