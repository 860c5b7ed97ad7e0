"""The catalog in one SQLite file: how it is opened, locked, waited for, and what its complaints mean.

Rules:
    * A change begins with BEGIN IMMEDIATE, which takes the write lock. Where the disk fails during COMMIT nobody knows what stands.
    * Journal: WAL + synchronous=FULL only on a SQLite whose WAL-reset bug is fixed (3.51.3, 3.50.7, 3.44.6), else the
      rollback journal + synchronous=EXTRA. Both survive a power cut after COMMIT returned; a process killed at any
      moment leaves a hot journal, which the next opener rolls back before it reads.

    database = SQLiteDatabase(folder / "catalog.db")
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from lastgood.catalog.database import OF_ANY_LENGTH, WAIT_SECONDS, Row, Session, TablesDamaged, outcome_unknown, require_storable
from lastgood.catalog.schema import statements_of_tables
from lastgood.errors import Busy, Integrity, InvalidName, LastgoodError, NotFound, ReadOnly, StorageFull, Unavailable, of_os_error
from lastgood.ids import DIGEST_BYTES

_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB :names"
_BETWEEN_TRIES = 0.02
_FIXED_SERIES = ((3, 44, 6), (3, 50, 7))
_FIXED_FROM = (3, 51, 3)


class SQLiteDatabase:
    """A catalog in one SQLite file; the file is not read before the first session.

    Args:
        path: the file.
        wait: for how many seconds a session waits for other processes before it is `Busy`.

    Raises:
        NotFound: there is no such file.
        NotAllowed: it may not be read.
    """

    def __init__(self, path: Path, *, wait: float = WAIT_SECONDS) -> None:
        """Open an existing catalog."""
        self._path = path
        self._wait = wait
        self._connect()
        self._is_durable = False
        # One connection is one transaction at a time: threads that share a catalog take turns.
        self._turn = threading.RLock()

    def _connect(self) -> None:
        self._frozen = _state_of(self._path) if _is_frozen(self._path) else None
        with translated(self._path):
            self._connection = connect(self._path, wait=self._wait, frozen=self._frozen is not None)
        self._session = _SQLiteSession(self._connection, self._path)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session that sees one consistent state."""
        with self._turn:
            if self._connection.in_transaction:
                yield self._session
                return
            self._thaw()
            with translated(self._path):
                self._connection.execute("BEGIN DEFERRED")
            try:
                with self._explaining():
                    yield self._session
            finally:
                self._connection.rollback()
                if self._frozen is not None and self._frozen != _state_of(self._path):
                    raise Busy("the registry was written while it was read; nothing was changed")

    def _thaw(self) -> None:
        if self._frozen is not None and self._frozen != _state_of(self._path):
            self._connection.close()
            self._connect()

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a session that alone may write."""
        with self._turn:
            with translated(self._path):
                if not self._is_durable:
                    make_durable(self._connection, wait=self._wait)
                    self._is_durable = True
                self._connection.execute("BEGIN IMMEDIATE")
            try:
                with self._explaining():
                    yield self._session
                self._commit()
            finally:
                self._connection.rollback()

    @contextmanager
    def scratch(self, prefix: str) -> Iterator[Session]:
        """Give a session on an empty database in memory."""
        with self.reading() as session:
            made = session.rows("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name GLOB :names", names=f"{prefix}*")
        connection = sqlite3.connect(":memory:", isolation_level=None)
        try:
            with translated(self._path):
                for (statement,) in made:
                    connection.execute(statement)
            yield _SQLiteSession(connection, self._path)
        finally:
            connection.close()

    def clear(self, session: Session, prefix: str) -> None:
        """Drop the tables and make them again: that mends their definitions as well."""
        made = statements_of_tables(prefix)
        try:
            for (name,) in session.rows(_TABLES, names=f"{prefix}*"):
                session.execute(f'DROP TABLE "{name}"')
        except LastgoodError as error:
            raise TablesDamaged from error
        for statement in made:
            session.execute(statement)

    def unlink(self, session: Session, prefix: str) -> None:
        """Take the tables out of the schema, as SQLite lets whoever knows what he does, and make them again."""
        made = statements_of_tables(prefix)
        session.execute("PRAGMA writable_schema = ON")
        session.execute("DELETE FROM sqlite_schema WHERE tbl_name GLOB :names", names=f"{prefix}*")
        session.execute("PRAGMA writable_schema = RESET")
        for statement in made:
            session.execute(statement)

    def damages(self) -> list[str]:
        """Say what SQLite finds wrong with the file."""
        with self.reading() as session:
            found = [str(row[0]) for row in session.rows("PRAGMA integrity_check")]
            return [*([] if found == ["ok"] else found), *_strange_cells(session)]

    def compact(self) -> None:
        """Write the file anew without what no table uses."""
        with self._turn, translated(self._path):
            self._connection.execute("VACUUM")

    def copy(self, to: Path) -> None:
        """Copy the file by SQLite's own backup (https://www.sqlite.org/backup.html).

        All of it is copied in one step, under the lock of a reader: a copy made in many steps begins anew whenever somebody
        writes, and might never end.
        """
        try:
            to.touch(mode=0o600, exist_ok=False)
        except OSError as error:
            raise of_os_error(error, f"{to} cannot be written") from error
        with translated(self._path), closing(connect(self._path)) as source, closing(sqlite3.connect(to, isolation_level=None)) as target:
            source.backup(target, pages=-1)
            make_one_file(target)
        with to.open("rb") as file:
            os.fsync(file.fileno())

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """Where a row was not of the types it has to be of, say so if the file is damaged; else it is a mistake of ours."""
        try:
            yield
        except UnicodeDecodeError as error:
            raise _damaged(self._path, "a text is no text") from error
        except (TypeError, ValueError, InvalidName) as error:
            with translated(self._path):
                (checked,) = self._session.rows("PRAGMA integrity_check(1)")[0]
                found = [str(checked)] if checked != "ok" else _strange_cells(self._session)
            if found:
                raise _damaged(self._path, found[0]) from error
            raise

    def _commit(self) -> None:
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if _primary_code(error) != sqlite3.SQLITE_IOERR:
                raise _translate(error, self._path) from error
            # What failed may have come after the change: others then see it, but it need not survive a power cut. Or
            # before, and it is undone.
            raise outcome_unknown(self._path, error) from error

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def _strange_cells(session: Session) -> list[str]:
    """Say which columns hold something of another type than they are declared with, which SQLite itself lets pass."""
    query = (
        "SELECT t.name, c.name, c.type FROM sqlite_schema t JOIN pragma_table_info(t.name) c"
        " WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' ORDER BY t.name, c.cid"
    )
    found: list[str] = []
    for table, column, declared in session.rows(query):
        kind = "blob" if declared == "BLOB" else "integer" if "INT" in declared else "text"
        is_strange = f"typeof({column}) NOT IN ('{kind}', 'null')"
        if kind == "blob" and column not in OF_ANY_LENGTH:
            is_strange += f" OR length({column}) <> {DIGEST_BYTES}"
        strange = session.row(f"SELECT typeof({column}), length({column}) FROM {table} WHERE {is_strange} LIMIT 1")  # noqa: S608 - our own names
        if strange is not None:
            found.append(f"{table}.{column} holds a {strange[0]} of the length {strange[1]}, which never stands there")
    return found


class _SQLiteSession:
    """Statements on one SQLite connection."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def rows(self, sql: str, **parameters: object) -> list[Row]:
        require_storable(parameters.values())
        with translated(self._path):
            return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, **parameters: object) -> Row | None:
        require_storable(parameters.values())
        with translated(self._path):
            found: Row | None = self._connection.execute(sql, parameters).fetchone()
            return found

    def columns(self, table: str) -> list[str]:
        return [str(name) for (name,) in self.rows("SELECT name FROM pragma_table_info(:table) ORDER BY cid", table=table)]

    def execute(self, sql: str, **parameters: object) -> int:
        require_storable(parameters.values())
        with translated(self._path):
            return self._connection.execute(sql, parameters).rowcount

    def execute_many(self, sql: str, rows: Sequence[Mapping[str, object]]) -> None:
        for row in rows:
            require_storable(row.values())
        with translated(self._path):
            self._connection.executemany(sql, rows)


def connect(path: Path, *, wait: float = WAIT_SECONDS, frozen: bool = False) -> sqlite3.Connection:
    """Open an existing SQLite file without starting transactions behind the caller's back.

    Args:
        path: the file.
        wait: for how many seconds a statement waits for other connections.
        frozen: read the file as it lies there, without locks, for whoever sees to it that nobody writes meanwhile.
    """
    uri = path.absolute().as_uri() + ("?mode=ro&immutable=1" if frozen else "?mode=rw")
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=wait, check_same_thread=False)
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    # On macOS an fsync leaves the bytes in the drive's cache; elsewhere these two mean nothing.
    connection.execute("PRAGMA fullfsync = ON")
    connection.execute("PRAGMA checkpoint_fullfsync = ON")
    return connection


def make_durable(connection: sqlite3.Connection, *, wait: float = WAIT_SECONDS) -> None:
    """Set the journal so that what COMMIT acknowledged survives a power cut (see the rule of this module)."""
    wanted = "wal" if wal_is_safe(sqlite3.sqlite_version_info) else "delete"
    deadline = time.monotonic() + wait
    while (mode := connection.execute("PRAGMA journal_mode").fetchone()[0]) != wanted:
        try:
            mode = connection.execute(f"PRAGMA journal_mode = {wanted}").fetchone()[0]
            break
        except sqlite3.OperationalError as error:
            # Changing the mode takes the file for itself and does not wait: of two who change it at once one is refused.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_BETWEEN_TRIES)
    # Where memory cannot be shared SQLite keeps the rollback journal without a word, and that needs EXTRA.
    connection.execute(f"PRAGMA synchronous = {'FULL' if mode == 'wal' else 'EXTRA'}")


def make_one_file(connection: sqlite3.Connection) -> None:
    """Set the journal so that the file alone is the catalog, without a log beside it."""
    if connection.execute("PRAGMA journal_mode = DELETE").fetchone() != ("delete",):
        raise Integrity("the copy of a catalog cannot be made one file; nothing was kept of it")


def wal_is_safe(version: tuple[int, ...]) -> bool:
    """Whether a SQLite version has the fix of the WAL-reset bug (https://www.sqlite.org/wal.html#walresetbug)."""
    if version >= _FIXED_FROM:
        return True
    return any(version[:2] == series[:2] and version >= series for series in _FIXED_SERIES)


def _is_frozen(path: Path) -> bool:
    """Whether a catalog with a write-ahead log is read from where none can be made, such as a read-only mount.

    SQLite would refuse. Without a log nobody has it open for writing and the file is all there is, so it is read
    as it lies there; whoever does so compares `_state_of` before and after.
    """
    if os.access(path.parent, os.W_OK) or _has_log(path):
        return False
    try:
        with path.open("rb") as file:
            return file.read(20)[18:] == b"\x02\x02"  # https://www.sqlite.org/fileformat2.html, offsets 18 and 19
    except OSError:
        return False


def _has_log(path: Path) -> bool:
    # `exists` raises where the folder may not be searched, and then opening the catalog says so in our words.
    try:
        path.with_name(f"{path.name}-wal").stat()
    except OSError:
        return False
    return True


def _state_of(path: Path) -> tuple[object, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, _has_log(path)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's exceptions into ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translate(error, path) from error


def _translate(error: sqlite3.Error, path: Path) -> LastgoodError:
    code = _primary_code(error)
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return Busy("another process holds the registry; nothing was changed")
    if code == sqlite3.SQLITE_FULL:
        return StorageFull("the disk is full; nothing was changed")
    if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
        return ReadOnly(f"{path.parent} cannot be written; nothing was changed")
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return _damaged(path, str(error))
    if code == sqlite3.SQLITE_CANTOPEN and (why := _why_not_opened(path)):
        return why
    if code in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}:
        return Unavailable(f"{path} cannot be read or written just now: {error}; nothing was changed")
    return Integrity(f"{path} answered in a way it never should: {error}", hint="lastgood verify")


def _damaged(path: Path, what: str) -> Integrity:
    return Integrity(f"{path} is damaged: {what}", hint="keep a copy of it, then lastgood verify")


def _primary_code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _why_not_opened(path: Path) -> LastgoodError | None:
    try:
        path.open("rb").close()
    except FileNotFoundError:
        return NotFound(f"there is no catalog at {path}")
    except OSError as error:
        return of_os_error(error, f"{path} cannot be opened")
    return None
