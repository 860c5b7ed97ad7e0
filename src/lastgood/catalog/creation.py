"""Making and migrating a catalog in a SQLite file; of one on a server see `postgres_creation`.

Crash argument: a new catalog is made in a temporary folder of its own and linked into place when it is
complete and durable, so a catalog that exists has its whole schema and its first events; nothing that a killed process
left behind is ever looked at again. A migration runs in one transaction.

    create_catalog(folder / "catalog.db", record_first_events)
    require_current_schema(SQLiteDatabase(folder / "catalog.db"))
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from lastgood.catalog.database import WAIT_SECONDS, Database
from lastgood.catalog.schema import of_an_empty_catalog, upgrading
from lastgood.catalog.sqlite import SQLiteDatabase, connect, make_durable, translated
from lastgood.errors import AlreadyExists, Integrity, NewerSchema, Unavailable, of_os_error

CURRENT = "0007"


def create_catalog(path: Path, begin: Callable[[Database], None]) -> None:
    """Make a catalog, complete and durable, or leave nothing behind.

    Args:
        path: where it shall be.
        begin: records the first events, before anybody can see the catalog.

    Raises:
        AlreadyExists: there is one.
        NotAllowed: the folder may not be written.
        ReadOnly: its file system cannot be written.
        StorageFull: there is no room.
        Unavailable: the disk does not answer.
    """
    # Imported here: only `init` needs it.
    from tempfile import TemporaryDirectory  # noqa: PLC0415

    try:
        with TemporaryDirectory(prefix=f"{path.name}.new-", dir=path.parent, ignore_cleanup_errors=True) as folder:
            temporary = Path(folder) / path.name
            _make_catalog(temporary, begin)
            # The link publishes a file whose bytes are on disk already (SQLite fsyncs at COMMIT), and unlike a rename
            # it never replaces the catalog of another process that was quicker.
            os.link(temporary, path)
        _sync_folder(path.parent)
    except FileExistsError as error:
        raise AlreadyExists(f"there is a registry at {path.parent} already; it was left as it is") from error
    except OSError as error:
        raise of_os_error(error, f"a registry cannot be made in {path.parent}") from error


def _make_catalog(path: Path, begin: Callable[[Database], None]) -> None:
    path.touch(mode=0o644, exist_ok=False)
    with translated(path):
        _run_migrations(path)
    database = SQLiteDatabase(path)
    try:
        begin(database)
    finally:
        database.close()
    # The last connection to close folds a write-ahead log into the file; where it could not, the file alone is not the
    # catalog and must not be published as one.
    if any(path.with_name(path.name + suffix).exists() for suffix in ("-wal", "-journal")):
        raise Unavailable("a new registry could not be written to its end; nothing was changed")


def migrate_catalog(path: Path, *, wait: float = WAIT_SECONDS) -> None:
    """Bring an existing catalog to the current schema, in one transaction.

    Raises:
        Busy: another process held it for longer than the wait, in seconds.
        ReadOnly: it cannot be written.
        StorageFull: there is no room.
    """
    with translated(path):
        _run_migrations(path, wait=wait)


def require_current_schema(database: Database) -> str | None:
    """Return the schema's version if it must be migrated, None if it is current.

    Raises:
        NewerSchema: a newer lastgood made it.
        Integrity: it has no schema at all.
    """
    with database.reading() as session:
        found = session.row("SELECT version_num FROM alembic_version")
    if found is None:
        raise Integrity("the catalog has no schema version; it was not made by lastgood, or was damaged")
    version = str(found[0])
    if version == CURRENT:
        return None
    if version > CURRENT:
        raise NewerSchema(f"the registry has the schema {version}; this version of lastgood knows {CURRENT}")
    return version


def require_own_schema(database: Database) -> None:
    """See that a catalog which came from elsewhere is built of our tables, and of nothing that acts, such as a trigger.

    Raises:
        Integrity: it is not.
    """
    query = "SELECT type, name, tbl_name FROM sqlite_schema WHERE name NOT GLOB 'sqlite_*' ORDER BY name"
    with database.reading() as session:
        if session.rows(query) != of_an_empty_catalog(query):
            raise Integrity("the catalog is not built as lastgood builds it")


def _run_migrations(path: Path, *, wait: float = WAIT_SECONDS) -> None:
    raw = connect(path, wait=wait)
    try:
        make_durable(raw)
        with upgrading("sqlite://", raw, ["BEGIN IMMEDIATE"]):
            pass
    finally:
        raw.close()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
