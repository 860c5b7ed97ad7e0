"""A consistent copy of the catalog while others write, by SQLite's own backup (https://www.sqlite.org/backup.html).

    copy_catalog(folder / "catalog.db", temporary / "catalog.db")

The copy is one file, with a rollback journal and without a write-ahead log beside it, whatever the original has.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from lastgood.catalog.sqlite import connect, translated
from lastgood.errors import Integrity, of_os_error


def copy_catalog(path: Path, to: Path) -> None:
    """Copy a catalog as it is at one moment into a new file, durably.

    All of it is copied in one step, under the lock of a reader: a copy made in many steps begins anew whenever somebody
    writes, and might never end.

    Raises:
        Busy: a writer held the catalog for longer than the wait.
        Integrity: the catalog is damaged.
        StorageFull, NotAllowed, Unavailable: the copy cannot be written.
    """
    try:
        to.touch(mode=0o600, exist_ok=False)
    except OSError as error:
        raise of_os_error(error, f"{to} cannot be written") from error
    with translated(path), closing(connect(path)) as source, closing(sqlite3.connect(to, isolation_level=None)) as target:
        source.backup(target, pages=-1)
        if target.execute("PRAGMA journal_mode = DELETE").fetchone() != ("delete",):
            raise Integrity(f"the copy of {path} cannot be made one file; nothing was kept of it")
    with to.open("rb") as file:
        os.fsync(file.fileno())
