"""What only SQLite does: journals, damaged files, folders that cannot be written, and writers that are killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lastgood.catalog.creation import create_catalog, require_current_schema
from lastgood.catalog.database import Database
from lastgood.catalog.records import stored_events
from lastgood.catalog.sqlite import SQLiteDatabase, make_durable, wal_is_safe
from lastgood.errors import Busy, Integrity, NotFound, StorageFull, Unavailable
from lastgood.model.changes.registry import RegistryCreated
from lastgood.testing.catalog import TransactionsConformance
from lastgood.testing.catalog_suite import OpenCatalog
from lastgood.testing.history import REGISTRY, History

FIXED, BROKEN = (3, 51, 3), (3, 51, 2)
FULL, EXTRA = 2, 3


class TestWithWriteAheadLog(TransactionsConformance):
    """Where SQLite's bug is fixed the other journal is used, so what concerns journals is tested with both."""

    @pytest.fixture
    def open_catalog(self, copied: Path, monkeypatch: pytest.MonkeyPatch) -> OpenCatalog:
        monkeypatch.setattr(sqlite3, "sqlite_version_info", FIXED)
        return lambda wait: SQLiteDatabase(copied, wait=wait)


@pytest.mark.parametrize(
    ("version", "is_safe"),
    [
        ((3, 6, 23), False),
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 44, 7), True),
        ((3, 45, 0), False),
        ((3, 46, 1), False),
        ((3, 49, 2), False),
        ((3, 50, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 50, 99), True),
        ((3, 51, 0), False),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 52, 0), True),
        ((4, 0, 0), True),
    ],
)
def test_where_the_write_ahead_log_is_safe(version: tuple[int, int, int], is_safe: bool) -> None:
    assert wal_is_safe(version) == is_safe


def journal(database: SQLiteDatabase) -> tuple[str, int]:
    connection = database._connection
    return connection.execute("PRAGMA journal_mode").fetchone()[0], connection.execute("PRAGMA synchronous").fetchone()[0]


def write(path: Path, seed: str) -> tuple[str, int]:
    database = SQLiteDatabase(path)
    History(database, seed).commit(seed)
    try:
        return journal(database)
    finally:
        database.close()


def count(path: Path) -> int:
    database = SQLiteDatabase(path)
    try:
        require_current_schema(database)
        return len(list(stored_events(database)))
    finally:
        database.close()


def test_the_journal_of_the_library_at_hand(copied: Path) -> None:
    safe = wal_is_safe(sqlite3.sqlite_version_info)
    assert write(copied, "one") == (("wal", FULL) if safe else ("delete", EXTRA))


def test_the_journal_follows_the_library_and_loses_nothing(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, (version, expected) in enumerate(
        [(BROKEN, ("delete", EXTRA)), (FIXED, ("wal", FULL)), (BROKEN, ("delete", EXTRA))], start=1
    ):
        monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
        assert write(copied, str(number)) == expected
        assert count(copied) == number


def test_a_catalog_is_one_file_also_with_a_write_ahead_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def begin(database: Database) -> None:
        History(database).append(RegistryCreated(REGISTRY))

    monkeypatch.setattr(sqlite3, "sqlite_version_info", FIXED)
    create_catalog(tmp_path / "catalog.db", begin)
    assert [one.name for one in tmp_path.iterdir()] == ["catalog.db"]
    assert count(tmp_path / "catalog.db") == 1


def test_where_memory_cannot_be_shared_the_rollback_journal_is_synced_fully(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", FIXED)
    connection = sqlite3.connect(f"{copied.as_uri()}?vfs=unix-dotfile", uri=True, isolation_level=None)
    make_durable(connection)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (EXTRA,)
    connection.close()


def test_there_is_no_catalog(tmp_path: Path) -> None:
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    for name in ("missing.db", "broken", "no/folder"):
        with pytest.raises(NotFound, match="there is no catalog at"):
            SQLiteDatabase(tmp_path / name)
    assert not (tmp_path / "missing.db").exists()
    with pytest.raises(Unavailable):
        SQLiteDatabase(tmp_path)


def damage(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    if how == "no database":
        data = bytearray(b"hello, I am a text file\n" * 500)
    elif how == "empty":
        data = bytearray()
    elif how == "another header":
        data[0:4] = b"SQLX"
    elif how == "cut in the middle":
        data = data[: len(data) // 2]
    elif how == "cut in the header":
        data = data[:50]
    elif how == "zeros":
        data[4_096:] = bytes(len(data) - 4_096)
    elif how == "noise":
        data[4_096:] = b"\xa7" * (len(data) - 4_096)
    path.write_bytes(data)


@pytest.mark.parametrize("how", ["no database", "empty", "another header", "cut in the middle", "cut in the header", "zeros", "noise"])
def test_a_damaged_file_is_a_matter_of_integrity(copied: Path, how: str) -> None:
    write(copied, "one")
    damage(copied, how)
    before = copied.read_bytes()
    with pytest.raises(Integrity) as caught:
        count(copied)
    assert caught.value.exit_code == 7
    assert caught.value.hint
    with pytest.raises(Integrity):
        write(copied, "two")
    assert copied.read_bytes() == before, "what is damaged is left for whoever repairs it"


def test_another_programs_database_is_no_catalog(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE notes (text)")
    other.close()
    with pytest.raises(Integrity):
        count(tmp_path / "other.db")


def test_a_full_disk_leaves_the_catalog_as_it_was(copied: Path) -> None:
    database = SQLiteDatabase(copied)
    history = History(database)
    history.commit("one")
    pages = database._connection.execute("PRAGMA page_count").fetchone()[0]
    database._connection.execute(f"PRAGMA max_page_count = {pages + 4}")
    with pytest.raises(StorageFull, match="nothing was changed"):
        history.commit("two", message="x" * 100_000)
    assert len(list(stored_events(database))) == 1
    database._connection.execute(f"PRAGMA max_page_count = {pages + 400}")
    history.commit("two", message="x" * 100_000)
    database.close()
    assert count(copied) == 2


KILLED = """
import os, pathlib, signal, sqlite3, sys
from lastgood.catalog.sqlite import SQLiteDatabase
from lastgood.testing.history import History, REGISTRY

if sys.argv[2] == "wal":
    sqlite3.sqlite_version_info = (3, 51, 3)
database = SQLiteDatabase(pathlib.Path(sys.argv[1]))
history = History(database, "killed")
history.commit("acknowledged")
print("acknowledged", flush=True)
# So little memory that pages of the open change are written into the file before it is committed.
database._connection.execute("PRAGMA cache_size = 2")
with history.change() as (session, ledger):
    session.execute("DELETE FROM texts")
    for number in range(200):
        ledger.text("x" * 10_000)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_writer_that_is_killed_leaves_the_last_acknowledged_state(copied: Path, mode: str) -> None:
    write(copied, "before")
    size = copied.stat().st_size
    killed = subprocess.run([sys.executable, "-c", KILLED, str(copied), mode], stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    assert (killed.returncode, killed.stdout) == (-signal.SIGKILL, "acknowledged\n")
    leftover = copied.with_name(copied.name + ("-journal" if mode == "delete" else "-wal"))
    assert leftover.stat().st_size > 0, "it was killed too early to show anything"
    assert mode == "wal" or copied.stat().st_size > size + 1_000_000
    database = SQLiteDatabase(copied)
    assert len(list(stored_events(database))) == 2
    with database.reading() as session:
        assert session.row("SELECT count(*) FROM texts") == (2,)
        assert session.rows("PRAGMA integrity_check") == [("ok",)]
    History(database, "next").commit("next")
    database.close()
    assert count(copied) == 3


@pytest.fixture(params=[BROKEN, FIXED], ids=["rollback journal", "write-ahead log"])
def for_nobody(empty_catalog: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a folder a case; others may look into it, which they may not where pytest keeps its own."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", request.param)
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    for case, folder_mode, file_mode in (
        ("all read-only", 0o555, 0o444),
        ("folder read-only", 0o555, 0o666),
        ("file read-only", 0o777, 0o444),
        ("file not readable", 0o777, 0o000),
        ("folder not searchable", 0o600, 0o666),
        ("nothing forbidden", 0o777, 0o666),
    ):
        (folder / case).mkdir()
        path = folder / case / "catalog.db"
        shutil.copyfile(empty_catalog, path)
        write(path, case)
        path.chmod(file_mode)
        (folder / case).chmod(folder_mode)
    yield folder
    for each in folder.iterdir():
        each.chmod(0o755)
    shutil.rmtree(folder)


def test_where_somebody_may_read_but_not_write(for_nobody: Path) -> None:
    script = Path(__file__).with_name("nobody.py")
    version = str(sqlite3.sqlite_version_info)
    told = json.loads(subprocess.run([sys.executable, script, for_nobody, version], stdout=subprocess.PIPE, timeout=60, check=True).stdout)
    kinds = {case: {attempt: str(said).partition(":")[0] for attempt, said in one.items()} for case, one in told.items()}
    assert kinds == {
        "all read-only": {"read": "1", "write": "read-only", "make": "not-allowed"},
        "folder read-only": {"read": "1", "write": "read-only", "make": "not-allowed"},
        "file read-only": {"read": "1", "write": "read-only", "make": "made"},
        "file not readable": {"read": "not-allowed", "write": "not-allowed", "make": "made"},
        "folder not searchable": {"read": "not-allowed", "write": "not-allowed", "make": "not-allowed"},
        "nothing forbidden": {"read": "1", "write": "written", "make": "made"},
    }
    assert all("nothing was changed" in str(said) for one in told.values() for said in one.values() if "-" in str(said))
    assert os.listdir(for_nobody / "all read-only") == ["catalog.db"]
    assert count(for_nobody / "folder read-only" / "catalog.db") == 1


def test_what_is_read_without_locks_is_never_a_mixture(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", FIXED)
    write(copied, "one")
    writer = sqlite3.connect(copied, isolation_level=None)
    monkeypatch.setattr(os, "access", lambda *_: False)
    reader = SQLiteDatabase(copied)
    assert len(list(stored_events(reader))) == 1
    with pytest.raises(Busy, match="was written while it was read"), reader.reading():
        writer.execute("DELETE FROM texts")
    with reader.reading() as session:
        assert session.row("SELECT count(*) FROM texts") == (0,), "by now there is a log, so it is read with locks"
    writer.close()
    with reader.reading() as session:
        assert session.row("SELECT count(*) FROM texts") == (0,)
    reader.close()


@pytest.mark.parametrize(("column", "cell"), [("document", "'a text'"), ("leaf", "'a text'"), ("leaf", "X'00'"), ("leaf", "7")])
def test_a_cell_of_another_type_is_damage_and_no_mistake_of_ours(copied: Path, column: str, cell: str) -> None:
    database = SQLiteDatabase(copied)
    History(database).append(RegistryCreated(REGISTRY))
    with closing(sqlite3.connect(copied)) as other:
        other.execute(f"UPDATE events SET {column} = {cell}")  # noqa: S608
        other.commit()

    assert [one for one in database.damages() if f"events.{column} holds a" in one]
    with pytest.raises(Integrity, match=f"events.{column} holds a"):
        list(stored_events(database))
    database.close()
