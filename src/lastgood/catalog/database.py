"""The catalog's database: one place that knows how SQLite is opened, locked, waited for and complains.

Rules:
    * Statements are SQL text with named parameters (`:name`), in this folder only, understood by SQLite and PostgreSQL.
    * A change is one `writing` transaction; it takes the write lock first (BEGIN IMMEDIATE) and waits for it at most
      `WAIT_SECONDS`. What leaves the block by an exception is rolled back whole. Where the disk fails during COMMIT the
      error says that nobody knows; everything else that is raised says that nothing was changed.
    * Journal: WAL + synchronous=FULL only on a SQLite whose WAL-reset bug is fixed (3.51.3, 3.50.7, 3.44.6), else the
      rollback journal + synchronous=EXTRA. Both survive a power cut after COMMIT returned; a process killed at any
      moment leaves a hot journal, which the next opener rolls back before it reads.

    with database.writing() as session:
        session.execute("UPDATE fact_environments SET revision = :revision WHERE …", revision=2)
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from lastgood.errors import Busy, Integrity, InvalidName, LastgoodError, NotFound, ReadOnly, StorageFull, Unavailable, of_os_error
from lastgood.ids import DIGEST_BYTES

WAIT_SECONDS = 60.0
_BETWEEN_TRIES = 0.02
_OF_ANY_LENGTH = frozenset({"document", "note", "chunks"})
"""Columns of bytes that are no digests."""
_BATCH = 500  # SQLite may be built to take no more than 999 parameters
_FIXED_SERIES = ((3, 44, 6), (3, 50, 7))
_FIXED_FROM = (3, 51, 3)

Row = tuple[Any, ...]
"""One row as the driver gives it; each query names and types its columns at once."""


class Session(Protocol):
    """Runs statements inside one transaction, or one by one for short reads."""

    def rows(self, sql: str, **parameters: object) -> list[Row]:
        """Run a query and return all rows."""
        ...

    def row(self, sql: str, **parameters: object) -> Row | None:
        """Run a query and return its first row, or None."""
        ...

    def columns(self, table: str) -> list[str]:
        """Return the names of a table's columns, in their order."""
        ...

    def execute(self, sql: str, **parameters: object) -> int:
        """Run a statement and return how many rows it changed."""
        ...

    def execute_many(self, sql: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Run a statement once for each row of parameters."""
        ...


class Database(Protocol):
    """A catalog's database: sessions to read and to write."""

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session that sees one consistent state; keep it short, it may hold up a writer."""
        ...

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a session that alone may write; commits at the end, rolls back on an exception."""
        ...

    @contextmanager
    def scratch(self, prefix: str) -> Iterator[Session]:
        """Give a session on an empty database that has the tables whose names start so, and is gone afterwards."""
        ...

    def damages(self) -> list[str]:
        """Say what is wrong with how the database is built, as the database itself finds it."""
        ...

    def compact(self) -> None:
        """Write the database anew without what no table uses; all of it or nothing."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...


def rows_among(session: Session, query: str, keys: Sequence[bytes]) -> Iterator[Row]:
    """Yield the rows of a query that ends in `IN`, for any number of keys, a batch at a time and in no order."""
    return rows_with_keys(session, query + "{0}", keys, operator="")


def rows_with_keys(session: Session, query: str, keys: Sequence[bytes], *, operator: str = "IN ") -> Iterator[Row]:
    """Yield the rows of a query in which `{0}` stands for `IN (…)`, for any number of keys, a batch at a time."""
    for start in range(0, len(keys), _BATCH):
        batch = {f"k{position}": bytes(key) for position, key in enumerate(keys[start : start + _BATCH])}
        names = f"{operator}({', '.join(f':{name}' for name in batch)})"
        yield from session.rows(query.format(names), **batch)


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

    def damages(self) -> list[str]:
        """Say what SQLite finds wrong with the file."""
        with self.reading() as session:
            found = [str(row[0]) for row in session.rows("PRAGMA integrity_check")]
            return [*([] if found == ["ok"] else found), *_strange_cells(session)]

    def compact(self) -> None:
        """Write the file anew without what no table uses."""
        with self._turn, translated(self._path):
            self._connection.execute("VACUUM")

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
            raise Unavailable(
                f"{self._path} could not be made durable: {error}; whether the change stands is not known",
                hint="see whether it is there, for example with lastgood log, before you try again",
                details={"outcome": "unknown"},
            ) from error

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
        if kind == "blob" and column not in _OF_ANY_LENGTH:
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
        with translated(self._path):
            return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, **parameters: object) -> Row | None:
        with translated(self._path):
            found: Row | None = self._connection.execute(sql, parameters).fetchone()
            return found

    def columns(self, table: str) -> list[str]:
        return [str(name) for (name,) in self.rows("SELECT name FROM pragma_table_info(:table) ORDER BY cid", table=table)]

    def execute(self, sql: str, **parameters: object) -> int:
        with translated(self._path):
            return self._connection.execute(sql, parameters).rowcount

    def execute_many(self, sql: str, rows: Sequence[Mapping[str, object]]) -> None:
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
