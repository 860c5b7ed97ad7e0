"""Connections to a PostgreSQL server: how they are opened, kept and lent, and what the server's complaints mean.

Rules:
    * psycopg is imported when the first connection is opened: who keeps a catalog in a file need not have it.
    * A connection has one schema, which is looked into first and last: nobody's temporary table stands in for one of ours.
    * A connection that died while nobody used it is replaced without a word: nothing had been asked of it. One that dies
      while it is used ends the session, and the server has undone its change.
    * What COMMIT acknowledges is durable: a server that is set to answer earlier is asked not to, for our transactions.

    with connections.lent(b"BEGIN ISOLATION LEVEL REPEATABLE READ") as connection:
        ...
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lastgood.errors import Busy, Integrity, Invalid, LastgoodError, NotAllowed, NotFound, ReadOnly, StorageFull, Unavailable

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

MOST_CONNECTIONS = 8
"""How many sessions of one catalog may be open at a time in one process; a server has a hundred for all."""

_SCHEMA = re.compile(r"(?!pg_)[a-z][a-z0-9_-]{0,62}")
_LEAST_PATIENCE = 2  # libpq takes no shorter wait for a connection, in seconds


@dataclass(frozen=True, slots=True)
class Place:
    """A schema on a server: where one catalog is, or shall be.

    Attributes:
        server: a connection string of libpq, `postgresql://…` or `host=… dbname=…`; it may hold a password, so it is never shown.
        schema: the schema's name; one a registry, so that several can share a database.

    Raises:
        Invalid: the schema cannot have that name.
    """

    server: str
    schema: str

    def __post_init__(self) -> None:
        if not _SCHEMA.fullmatch(self.schema):
            raise Invalid(
                f"{self.schema!r} cannot be the name of a catalog's schema: a letter, then up to 62 small letters, digits, _ and -,"
                " not beginning pg_"
            )

    def __repr__(self) -> str:
        return f"Place({str(self)!r})"

    def __str__(self) -> str:
        return f"the catalog {self.schema} on PostgreSQL"

    @property
    def identifier(self) -> str:
        """The schema's name as SQL takes it."""
        return quoted(self.schema)


def quoted(name: str) -> str:
    """Return a name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def connect(place: Place, *, wait: float) -> Connection:
    """Open a connection that looks into one schema, whether that is there or not, and begins no transaction by itself.

    Args:
        place: the schema.
        wait: for how many seconds to wait for the server.

    Raises:
        Invalid: the connection string is none, or psycopg is not installed.
        Unavailable: the server does not let us in just now.
    """
    try:
        import psycopg  # noqa: PLC0415 - see the module's docstring
    except ImportError as error:
        raise Invalid("a catalog on PostgreSQL needs psycopg", hint="pip install 'lastgood[postgres]'") from error
    try:
        connection = psycopg.connect(
            place.server,
            autocommit=True,
            client_encoding="utf8",
            fallback_application_name="lastgood",
            connect_timeout=max(_LEAST_PATIENCE, math.ceil(wait)),
        )
    except psycopg.ProgrammingError:
        # What libpq says of a string that it cannot read may quote it, and with it a password.
        raise Invalid(f"the address of {place} is no connection string of PostgreSQL", hint="postgresql://USER@HOST/DATABASE") from None
    except psycopg.Error as error:
        raise Unavailable(f"{place} cannot be reached: {_words(error)}; nothing was changed") from error
    try:
        _set_up(connection, place, wait)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: Connection, place: Place, wait: float) -> None:
    with translated(place):
        connection.execute(_SETTINGS, {"path": f"{place.identifier}, pg_temp", "patience": f"{max(1, round(wait * 1000))}ms"})


_SETTINGS = """
    SELECT set_config('search_path', %(path)s, false), set_config('lock_timeout', %(patience)s, false),
        set_config('synchronous_commit', coalesce(nullif(current_setting('synchronous_commit'), 'off'), 'on'), false),
        set_config('tcp_keepalives_idle', '30', false), set_config('tcp_keepalives_interval', '10', false),
        set_config('tcp_keepalives_count', '3', false)
"""
"""Locks are waited for as long as the session's wait is; a host that vanished lets go of them after a minute, not after two hours."""


class Connections:
    """The connections of one catalog, lent to one session at a time each.

    Args:
        place: where the catalog is.
        wait: for how many seconds a session waits for a connection before it is `Busy`.
    """

    def __init__(self, place: Place, *, wait: float) -> None:
        self._place = place
        self._wait = wait
        self._free = threading.Semaphore(MOST_CONNECTIONS)
        self._idle: list[Connection] = []
        self._is_closed = False

    @contextmanager
    def lent(self, begin: bytes) -> Iterator[Connection]:
        """Give a connection on which a transaction was begun; what is not committed is undone at the end.

        Raises:
            NotFound: there is no catalog.
            Busy: a connection, or the lock that the transaction begins with, was not free in time.
            Unavailable: the server cannot be reached.
        """
        if not self._free.acquire(timeout=self._wait):
            raise Busy(f"{MOST_CONNECTIONS} sessions of the registry are open in this process; nothing was changed")
        try:
            connection = self._begun(begin)
            try:
                yield connection
            finally:
                self._take_back(connection)
        finally:
            self._free.release()

    @contextmanager
    def apart(self) -> Iterator[Connection]:
        """Give a connection that nobody else waits for, and close it at the end."""
        connection = self._opened()
        try:
            yield connection
        finally:
            connection.close()

    def close(self) -> None:
        """Close what is idle, and what is lent when it comes back."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().close()

    def _begun(self, begin: bytes) -> Connection:
        while (connection := self._idle_one()) is not None:
            if self._is_begun(connection, begin):
                return connection
        connection = self._opened()
        if self._is_begun(connection, begin):
            return connection
        raise Unavailable(f"{self._place} let us in and went away; nothing was changed")

    def _is_begun(self, connection: Connection, begin: bytes) -> bool:
        """Begin a transaction; false if the connection turns out to be dead."""
        import psycopg  # noqa: PLC0415 - see the module's docstring

        try:
            with translated(self._place):
                connection.execute(begin, prepare=False)
        except LastgoodError as error:
            if isinstance(error.__cause__, psycopg.Error) and has_ended(connection, error.__cause__):
                connection.close()
                return False
            self._take_back(connection)
            raise
        except BaseException:
            self._take_back(connection)
            raise
        return True

    def _idle_one(self) -> Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _opened(self) -> Connection:
        connection = connect(self._place, wait=self._wait)
        try:
            self._require_catalog(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _require_catalog(self, connection: Connection) -> None:
        with translated(self._place):
            found = connection.execute("SELECT to_regclass(%s)::text", [f"{self._place.identifier}.alembic_version"]).fetchone()
        if found == (None,):
            raise NotFound(f"{self._place} is not there")

    def _take_back(self, connection: Connection) -> None:
        # A connection that will not end its transaction is closed, and the server ends it.
        with suppress(Exception):
            connection.rollback()
        if self._is_closed or connection.closed or connection.info.transaction_status:
            connection.close()
        else:
            self._idle.append(connection)


def has_ended(connection: Connection, error: psycopg.Error) -> bool:
    """Whether an error is the end of its connection, so that nobody hears what became of the transaction."""
    return connection.broken or error.sqlstate is None or error.diag.severity_nonlocalized in {"FATAL", "PANIC"}


@contextmanager
def translated(place: Place) -> Iterator[None]:
    """Turn psycopg's exceptions into ours."""
    import psycopg  # noqa: PLC0415 - see the module's docstring

    try:
        yield
    except psycopg.Error as error:
        raise _translate(error, place) from error


_KINDS: dict[str, tuple[type[LastgoodError], str]] = {
    "55P03": (Busy, "another process holds the registry; nothing was changed"),
    "40001": (Busy, "another change of the registry came in between; nothing was changed"),
    "40P01": (Busy, "another change of the registry stood in the way; nothing was changed"),
    "53100": (StorageFull, "the server's disk is full; nothing was changed"),
    "25006": (ReadOnly, "the server takes no changes just now; nothing was changed"),
    "42501": (NotAllowed, "the server's user has no right to do this; nothing was changed"),
}
"""What a caller does differently about; https://www.postgresql.org/docs/current/errcodes-appendix.html."""

_NOT_THERE_NOW = frozenset({"08", "53", "57", "58"})
_DAMAGED = "XX"


def _translate(error: psycopg.Error, place: Place) -> LastgoodError:
    import psycopg  # noqa: PLC0415 - see the module's docstring

    state = error.sqlstate or ""
    if state in _KINDS:
        kind, what = _KINDS[state]
        return kind(f"{what} ({_words(error)})" if kind is NotAllowed else what)
    if state[:2] == _DAMAGED:
        return Integrity(f"{place} is damaged: {_words(error)}", hint="keep a copy of the database, then lastgood verify")
    if state[:2] in _NOT_THERE_NOW or (not state and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)):
        return Unavailable(f"{place} does not answer just now: {_words(error)}; nothing was changed")
    return Integrity(f"{place} answered in a way it never should: {_words(error)}", hint="lastgood verify")


def _words(error: psycopg.Error) -> str:
    return error.diag.message_primary or " ".join(str(error).split())
