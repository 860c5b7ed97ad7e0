"""A copy of a catalog that is in no file: its rows, as one session sees them, in a new SQLite file with the same schema.

copy_rows(session, {"events": ["sequence", "leaf", "document"]}, temporary / "catalog.db")
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from lastgood.catalog.creation import create_catalog
from lastgood.catalog.database import Database, Row, Session
from lastgood.catalog.sqlite import connect, make_one_file, translated

_PAGE = 5_000


def copy_rows(session: Session, tables: Mapping[str, Sequence[str]], to: Path) -> None:
    """Copy the columns of tables into a new catalog, durably; a session of PostgreSQL, which has cursors, sees one state of them.

    Raises:
        StorageFull, NotAllowed, Unavailable: it cannot be written.
    """

    def fill(copy: Database) -> None:
        with copy.writing() as target:
            for table, columns in tables.items():
                names = [f'"{column}"' for column in columns]
                insert = f'INSERT INTO "{table}" ({", ".join(names)}) VALUES ({", ".join(f":{column}" for column in columns)})'  # noqa: S608
                for page in _pages(session, f'SELECT {", ".join(names)} FROM "{table}"'):  # noqa: S608 - names of ours
                    target.execute_many(insert, [dict(zip(columns, row, strict=True)) for row in page])

    create_catalog(to, fill)
    with translated(to), closing(connect(to)) as connection:
        make_one_file(connection)
    with to.open("rb") as file:
        os.fsync(file.fileno())


def _pages(session: Session, query: str) -> Iterator[list[Row]]:
    session.execute(f"DECLARE copying CURSOR FOR {query}")
    while page := session.rows(f"FETCH {_PAGE} FROM copying"):
        yield page
    session.execute("CLOSE copying")
