"""The catalog in a schema of a PostgreSQL server.

Rules:
    * A reader sees one snapshot (REPEATABLE READ, READ ONLY) and holds up nobody. A change begins by locking the table
      `alembic_version` against all who would write; the lock goes with the transaction, or with the connection if its process dies.
    * The snapshot of a change is taken after its lock, so it sees all that was committed before it.
    * A COMMIT that the connection did not survive may have come to pass: the error says that nobody knows. Every other failure
      of COMMIT is a rollback, and so is the COMMIT of a transaction in which a statement failed: that is never taken for success.

    database = PostgresDatabase(Place("postgresql://lastgood@db.example.org/lastgood", "support"))
    with database.writing() as session:
        session.execute("UPDATE fact_environments SET revision = :revision WHERE …", revision=2)
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lastgood.catalog.database import OF_ANY_LENGTH, WAIT_SECONDS, Row, Session, TablesDamaged, outcome_unknown, require_storable
from lastgood.catalog.postgres_connections import Connections, Place, has_ended, quoted, translated
from lastgood.errors import Integrity, InvalidName, LastgoodError
from lastgood.ids import DIGEST_BYTES

if TYPE_CHECKING:
    import psycopg

    from lastgood.catalog.postgres_connections import Connection

BEGIN_WRITING = ("BEGIN ISOLATION LEVEL REPEATABLE READ", "LOCK TABLE alembic_version IN EXCLUSIVE MODE")
"""A transaction, and then the lock, before anything is read. Readers go on, and so does pg_dump."""

_WRITE = "; ".join(BEGIN_WRITING).encode()
_READ = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND starts_with(tablename, :prefix) ORDER BY tablename"
_COLUMNS = (
    "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = :name"
    " ORDER BY ordinal_position"
)
_BYTES = (
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() AND data_type = 'bytea'"
    " ORDER BY table_name, ordinal_position"
)
_INDEXES = (
    "SELECT c.relname, i.indisvalid, c.oid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
    " WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) ORDER BY c.relname"
)
_CAN_CHECK_TREES = (
    "SELECT n.nspname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.proname = 'bt_index_check'"
    " AND p.pronargs = 2 AND has_function_privilege(p.oid, 'EXECUTE')"
)


class PostgresDatabase:
    """A catalog in one schema; the server is not asked before the first session.

    Threads that share it have a connection each while they have a session, up to `MOST_CONNECTIONS`. A process that was
    forked opens its own.

    Args:
        place: the server and the schema.
        wait: for how many seconds a session waits for others before it is `Busy`.
    """

    def __init__(self, place: Place, *, wait: float = WAIT_SECONDS) -> None:
        self._place = place
        self._connections = Connections(place, wait=wait)
        self._here = threading.local()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session that sees one snapshot, or what this thread is about to write."""
        if (session := self._session_here()) is not None:
            yield session
            return
        with self._session(_READ) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a session that alone may write."""
        if self._session_here() is not None:
            raise Integrity("a change was begun inside a session; nothing was changed")
        with self._session(_WRITE) as session:
            yield session
            session.commit()

    @contextmanager
    def scratch(self, prefix: str) -> Iterator[Session]:
        """Give a session on temporary tables, which go with its connection."""
        with self._connections.apart() as connection, translated(self._place):
            session = PostgresSession(connection, self._place)
            connection.execute("BEGIN")
            for name in _tables(session, prefix):
                session.execute(f"CREATE TEMPORARY TABLE {quoted(name)} (LIKE {self._place.identifier}.{quoted(name)} INCLUDING ALL)")
            connection.execute("SET LOCAL search_path = pg_temp")
            yield session

    def clear(self, session: Session, prefix: str) -> None:
        """Empty the tables: whoever reads meanwhile sees the old rows."""
        try:
            for name in _tables(session, prefix):
                session.execute(f"DELETE FROM {quoted(name)}")  # noqa: S608 - a table of ours
        except LastgoodError as error:
            raise TablesDamaged from error

    def unlink(self, session: Session, prefix: str) -> None:
        """Give the tables new files, empty; whoever reads meanwhile is waited for."""
        if names := _tables(session, prefix):
            session.execute(f"TRUNCATE {', '.join(map(quoted, names))}")

    def damages(self) -> list[str]:
        """Read every row there is, and say which tables and indexes the server finds damaged.

        Where the extension amcheck is there and we may use it, indexes are held against their tables, too.
        """
        found: list[str] = []
        with self.reading() as session:
            for name in _tables(session, ""):
                # A row that is made text has every page and every value of it read.
                found += _complaints(session, name, f"SELECT count(one::text) FROM {quoted(name)} AS one")  # noqa: S608
            if not found:
                found += _strange_digests(session)
            checker = session.row(_CAN_CHECK_TREES)
            for name, is_valid, number in session.rows(_INDEXES):
                if not is_valid:
                    found.append(f"{name}: the index is not valid")
                if checker is not None:
                    found += _complaints(session, name, f"SELECT {quoted(checker[0])}.bt_index_check({int(number)}::regclass, true)")
        return found

    def compact(self) -> None:
        """Write each table anew without what nobody uses; whoever reads one meanwhile is waited for."""
        with self._connections.apart() as connection, translated(self._place):
            session = PostgresSession(connection, self._place)
            for name in _tables(session, ""):
                session.execute(f"VACUUM (FULL, ANALYZE) {quoted(name)}")

    def copy(self, to: Path) -> None:
        """Copy every row, from one snapshot of the server's."""
        # Imported here: only a backup needs it, and with it all that makes a catalog in a file.
        from lastgood.catalog.snapshot import copy_rows  # noqa: PLC0415

        with self.reading() as session:
            columns = {name: session.columns(name) for name in _tables(session, "")}
            copy_rows(session, {name: found for name, found in columns.items() if name != "alembic_version"}, to)

    def close(self) -> None:
        """Let go of the server."""
        self._connections.close()

    def _session_here(self) -> PostgresSession | None:
        """Return the session that this thread is in."""
        found: PostgresSession | None = getattr(self._here, "session", None)
        return found

    @contextmanager
    def _session(self, begin: bytes) -> Iterator[PostgresSession]:
        with self._connections.lent(begin) as connection:
            session = self._here.session = PostgresSession(connection, self._place)
            try:
                yield session
            except (TypeError, ValueError, InvalidName) as error:
                # A row was not what it has to be: either the catalog is damaged, or it is a mistake of ours.
                if found := _strange_digests(session):
                    raise Integrity(f"{self._place} is damaged: {found[0]}") from error
                raise
            finally:
                self._here.session = None


class PostgresSession:
    """Statements on one connection, inside a transaction that somebody else began."""

    def __init__(self, connection: Connection, place: Place) -> None:
        self._connection = connection
        self._place = place

    def rows(self, sql: str, **parameters: object) -> list[Row]:
        """Run a query and return all rows."""
        with translated(self._place):
            return self._run(sql, parameters).fetchall()

    def row(self, sql: str, **parameters: object) -> Row | None:
        """Run a query and return its first row, or None."""
        with translated(self._place):
            return self._run(sql, parameters).fetchone()

    def columns(self, table: str) -> list[str]:
        """Return the names of a table's columns, in their order."""
        return [str(row[0]) for row in self.rows(_COLUMNS, name=table)]

    def execute(self, sql: str, **parameters: object) -> int:
        """Run a statement and return how many rows it changed."""
        with translated(self._place):
            return self._run(sql, parameters).rowcount

    def execute_many(self, sql: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Run a statement once for each row of parameters."""
        for row in rows:
            require_storable(row.values())
        with translated(self._place), self._connection.cursor() as cursor:
            cursor.executemany(for_psycopg(sql), rows)

    def commit(self) -> None:
        """Make the change durable, and visible to others.

        Raises:
            Unavailable: the connection did not survive it, so that nobody knows what stands.
            Integrity: a statement had failed, so that the server undid the change.
        """
        import psycopg  # noqa: PLC0415 - as in `postgres_connections`

        with translated(self._place):
            try:
                said = self._connection.execute(b"COMMIT", prepare=False).statusmessage
            except psycopg.Error as error:
                if not has_ended(self._connection, error):
                    raise
                raise outcome_unknown(self._place, " ".join(str(error).split())) from error
        if said != "COMMIT":
            raise Integrity("a statement of the change had failed, and the change went on; nothing was changed")

    def _run(self, sql: str, parameters: Mapping[str, object]) -> psycopg.Cursor[Row]:
        require_storable(parameters.values())
        # In binary, since that is what digests are; as text they would be sent as hex digits.
        return self._connection.execute(for_psycopg(sql), parameters, binary=True)


_TOKEN = re.compile(
    r"""
      (?P<kept> '(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | :: )
    | :(?P<name> [A-Za-z_]\w* )
    | (?P<percent> % )
    """,
    re.VERBOSE | re.DOTALL,
)


@lru_cache(maxsize=1024)
def for_psycopg(sql: str) -> bytes:
    """Return a statement as psycopg takes it: `:name` as `%(name)s`, unless it stands in a literal, a name or a comment.

    >>> for_psycopg("SELECT ':a', b::text FROM c WHERE d = :d AND e LIKE '%'")
    b"SELECT ':a', b::text FROM c WHERE d = %(d)s AND e LIKE '%%'"
    """
    return _TOKEN.sub(_token_for_psycopg, sql).encode()


def _token_for_psycopg(found: re.Match[str]) -> str:
    if name := found["name"]:
        return f"%({name})s"
    return found[0].replace("%", "%%")


def _tables(session: Session, prefix: str) -> list[str]:
    return [str(row[0]) for row in session.rows(_TABLES, prefix=prefix)]


def _strange_digests(session: Session) -> list[str]:
    """Say which columns hold bytes that are no digests; of everything else the server knows the type."""
    found: list[str] = []
    for table, column in session.rows(_BYTES):
        query = f"SELECT length({quoted(column)}) FROM {quoted(table)} WHERE length({quoted(column)}) <> {DIGEST_BYTES} LIMIT 1"  # noqa: S608
        if column not in OF_ANY_LENGTH and (strange := session.row(query)) is not None:
            found.append(f"{table}.{column} holds bytes of the length {strange[0]}, which never stand there")
    return found


def _complaints(session: Session, name: Any, check: str) -> list[str]:  # noqa: ANN401 - a name out of a row
    """Run a check, and return what the server says of damage; the session can go on."""
    session.execute("SAVEPOINT checking")
    try:
        session.rows(check)
    except Integrity as error:
        session.execute("ROLLBACK TO SAVEPOINT checking")
        return [f"{name}: {error.message}"]
    session.execute("RELEASE SAVEPOINT checking")
    return []
