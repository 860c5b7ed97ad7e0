"""What an unprivileged user can do with catalogs he may not write, told as JSON: `python nobody.py FOLDER VERSION`.

The folder holds one folder a case, each with a catalog; the version of SQLite decides on the journal. When root starts it,
it becomes nobody first, after it has done everything once, since nobody may be unable to read the interpreter's own files.
"""

from __future__ import annotations

import ast
import json
import os
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from lastgood.catalog import creation
from lastgood.catalog.records import stored_events
from lastgood.catalog.sqlite import SQLiteDatabase
from lastgood.errors import LastgoodError
from lastgood.testing.history import History

NOBODY = 65_534


def read(path: Path) -> int:
    """Return how many events a catalog has."""
    database = SQLiteDatabase(path)
    try:
        creation.require_current_schema(database)
        return len(list(stored_events(database)))
    finally:
        database.close()


def write(path: Path) -> str:
    """Try to append to a catalog."""
    database = SQLiteDatabase(path)
    try:
        History(database, "nobody").commit("by nobody")
    finally:
        database.close()
    return "written"


def make(path: Path) -> str:
    """Try to make a catalog beside it."""
    creation.create_catalog(path.with_name("another.db"), lambda _: None)
    return "made"


def tell(attempt: Callable[[Path], object], path: Path) -> object:
    """Return what came of an attempt: its answer, or the kind of its error."""
    try:
        return attempt(path)
    except LastgoodError as error:
        return f"{error.kind}: {error}"


def become_nobody() -> None:
    """Do everything once, so that every module is loaded, and give up every right."""
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder) / "catalog.db")
        write(Path(folder) / "another.db")
        read(Path(folder) / "another.db")
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


if __name__ == "__main__":
    sqlite3.sqlite_version_info = ast.literal_eval(sys.argv[2])  # type: ignore[misc]  # as if another library were at hand
    if os.geteuid() == 0:
        become_nobody()
    cases = {one.name: one / "catalog.db" for one in Path(sys.argv[1]).iterdir()}
    sys.stdout.write(json.dumps({name: {one.__name__: tell(one, path) for one in (read, write, make)} for name, path in cases.items()}))
