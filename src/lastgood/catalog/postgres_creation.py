"""Making and migrating a catalog in a schema of a PostgreSQL server.

Crash argument: a catalog is made in one transaction, from its schema to its first events, so it is there with all of them or
not at all; of two who make the same one the second waits for the first and is then told that it is there. A migration is one
transaction as well, and waits for whoever writes.

    create_postgres_catalog(Place("postgresql://lastgood@db.example.org/lastgood", "support"), record_first_events)
    require_current_schema(PostgresDatabase(place))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from lastgood.catalog.database import WAIT_SECONDS, Database, Session
from lastgood.catalog.postgres import BEGIN_WRITING, PostgresDatabase, PostgresSession
from lastgood.catalog.postgres_connections import Connections, Place, connect, translated
from lastgood.catalog.schema import upgrading
from lastgood.errors import AlreadyExists, Invalid

if TYPE_CHECKING:
    from lastgood.catalog.postgres_connections import Connection

_DIALECT = "postgresql+psycopg://"
_SCHEMA_IS_THERE = "42P06"


def create_postgres_catalog(place: Place, begin: Callable[[Database], None], *, wait: float = WAIT_SECONDS) -> None:
    """Make a catalog, complete and durable, or leave nothing behind.

    Args:
        place: the server, and the schema that shall be made.
        begin: records the first events, before anybody can see the catalog.
        wait: for how many seconds to wait for the server, and for whoever makes the same catalog.

    Raises:
        AlreadyExists: there is such a schema.
        Invalid: the database does not keep text as UTF-8, or the server's address is none.
        NotAllowed: the user may make no schema.
        Unavailable: the server cannot be reached, or nobody knows whether the catalog was made.
    """
    with closing(connect(place, wait=wait)) as connection, translated(place):
        _require_utf_8(connection, place)
        with _naming(place), upgrading(_DIALECT, connection, ["BEGIN", f"CREATE SCHEMA {place.identifier}"]):
            session = PostgresSession(connection, place)
            begin(_Unfinished(place, session))
            session.commit()


def migrate_postgres_catalog(place: Place, *, wait: float = WAIT_SECONDS) -> None:
    """Bring an existing catalog to the current schema, in one transaction.

    Raises:
        NotFound: there is no catalog.
        Busy: others wrote for longer than the wait, in seconds.
        ReadOnly, StorageFull, NotAllowed, Unavailable: as their words say.
    """
    with Connections(place, wait=wait).apart() as connection, translated(place), upgrading(_DIALECT, connection, BEGIN_WRITING):
        PostgresSession(connection, place).commit()


@contextmanager
def _naming(place: Place) -> Iterator[None]:
    import psycopg  # noqa: PLC0415 - as in `postgres_connections`

    try:
        yield
    except psycopg.Error as error:
        if error.sqlstate == _SCHEMA_IS_THERE or error.diag.table_name == "pg_namespace":
            raise AlreadyExists(f"there is a schema {place.schema} already; it was left as it was") from error
        raise


class _Unfinished(PostgresDatabase):
    """A catalog that nobody else can see yet: what is read and written is part of the transaction that makes it."""

    def __init__(self, place: Place, session: PostgresSession) -> None:
        super().__init__(place)
        self._session_of_all = session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        yield self._session_of_all

    @contextmanager
    def writing(self) -> Iterator[Session]:
        yield self._session_of_all


def _require_utf_8(connection: Connection, place: Place) -> None:
    found = connection.execute("SHOW server_encoding").fetchone()
    if found != ("UTF8",):
        raise Invalid(f"the database of {place} does not keep text as UTF-8; nothing was changed", hint="createdb --encoding=UTF8 NAME")
