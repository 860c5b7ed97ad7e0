"""The catalog's database, whichever it is: what sessions do, and what they promise.

Rules:
    * Statements are SQL text with named parameters (`:name`), in this folder only, understood by SQLite and PostgreSQL. What only
      one of them has stands in its own module: `sqlite`, `postgres`.
    * A change is one `writing` transaction; it takes the write lock first and waits for it at most `WAIT_SECONDS`. What leaves
      the block by an exception is rolled back whole. Where COMMIT fails in a way that leaves it open, the error says that nobody
      knows; everything else that is raised says that nothing was changed.
    * One thread has one session at a time: what it reads while it writes is part of what it writes.

    with database.writing() as session:
        session.execute("UPDATE fact_environments SET revision = :revision WHERE …", revision=2)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from lastgood.errors import Invalid, Unavailable

WAIT_SECONDS = 60.0
OF_ANY_LENGTH = frozenset({"document", "note", "chunks"})
"""Columns of bytes that are no digests."""
_BATCH = 500  # SQLite may be built to take no more than 999 parameters

Row = tuple[Any, ...]
"""One row as the driver gives it; each query names and types its columns at once."""


class TablesDamaged(Exception):  # caught by whoever tries another way; never shown
    """The pages of tables are damaged, so that the database cannot even throw them away."""


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

    def clear(self, session: Session, prefix: str) -> None:
        """Make the tables whose names start so anew, empty, inside a writing session.

        Raises:
            TablesDamaged: their pages are damaged; `unlink` needs none of these.
        """
        ...

    def unlink(self, session: Session, prefix: str) -> None:
        """Make the tables whose names start so anew, empty, without looking at the pages of the old ones.

        These pages may belong to nobody then, until the database is written anew (`compact`).
        """
        ...

    def damages(self) -> list[str]:
        """Say what is wrong with how the database is built, as the database itself finds it."""
        ...

    def compact(self) -> None:
        """Write the database anew without what no table uses; all of it or nothing."""
        ...

    def copy(self, to: Path) -> None:
        """Copy the catalog, as it is at one moment, into a new SQLite file of a folder that nobody else knows, durably.

        The copy is one file, with a rollback journal and without a write-ahead log beside it.

        Raises:
            Busy: a writer held the catalog for longer than the wait.
            Integrity: the catalog is damaged.
            StorageFull, NotAllowed, Unavailable: the copy cannot be written.
        """
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


def require_storable(parameters: Iterable[object]) -> None:
    """Refuse texts that not every database keeps, alike on all of them.

    Raises:
        Invalid: one holds a NUL character, or is not UTF-8.
    """
    for value in parameters:
        if isinstance(value, str):
            if "\0" in value:
                raise Invalid("a text for the catalog holds a NUL character; nothing was changed")
            if not value.isascii():
                _require_utf_8(value)


def _require_utf_8(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Invalid("a text for the catalog is not UTF-8; nothing was changed") from error


def outcome_unknown(name: object, why: object) -> Unavailable:
    """Return the error of a COMMIT of which nobody knows whether it came before or after what failed."""
    return Unavailable(
        f"{name} could not be made durable: {why}; whether the change stands is not known",
        hint="see whether it is there, for example with lastgood log, before you try again",
        details={"outcome": "unknown"},
    )
