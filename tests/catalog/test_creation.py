"""A catalog is there whole or not at all, whoever makes it at the same time and whenever its maker is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest

from lastgood.catalog.creation import CURRENT, create_catalog, migrate_catalog, require_current_schema
from lastgood.catalog.database import Database
from lastgood.catalog.records import stored_events
from lastgood.catalog.releases import registry_id
from lastgood.catalog.sqlite import SQLiteDatabase
from lastgood.errors import AlreadyExists, Busy, Integrity, NewerSchema, NotFound, StorageFull, Unavailable
from lastgood.ids import RegistryId
from lastgood.model.changes.registry import RegistryCreated
from lastgood.testing.history import History

MAKER = """
import os, pathlib, signal, sys, time, uuid
from lastgood.catalog.creation import create_catalog
from lastgood.errors import LastgoodError
from lastgood.ids import RegistryId
from lastgood.model.changes.registry import RegistryCreated
from lastgood.testing.history import History

path, name, others = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]

def begin(database):
    History(database).append(RegistryCreated(RegistryId(str(uuid.uuid5(uuid.NAMESPACE_DNS, name)))))
    pathlib.Path(f"{path}.ready-{name}").touch()
    while not all(pathlib.Path(f"{path}.ready-{other}").exists() for other in others):
        time.sleep(0.01)
    MOMENT

try:
    create_catalog(path, begin)
except LastgoodError as error:
    print(error.kind)
else:
    print("made")
"""


def id_of(name: str) -> RegistryId:
    """A registry id that a test can say by name."""
    return RegistryId(str(uuid.uuid5(uuid.NAMESPACE_DNS, name)))


def make(path: Path, name: str = "one", meet: threading.Barrier | None = None) -> None:
    def begin(database: Database) -> None:
        History(database).append(RegistryCreated(id_of(name)))
        if meet is not None:
            meet.wait(30)

    create_catalog(path, begin)


def start(path: Path, *names: str, moment: str = "pass") -> subprocess.Popen[str]:
    script = MAKER.replace("MOMENT", moment)
    return subprocess.Popen([sys.executable, "-c", script, str(path), *names], stdout=subprocess.PIPE, text=True)


def registry_of(path: Path) -> str:
    database = SQLiteDatabase(path)
    try:
        assert require_current_schema(database) is None
        assert len(list(stored_events(database))) == 1
        with database.reading() as session:
            return registry_id(session)
    finally:
        database.close()


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def test_a_catalog_is_made_whole_and_nothing_else(tmp_path: Path) -> None:
    make(tmp_path / "catalog.db", "6f1c")
    assert names(tmp_path) == ["catalog.db"]
    assert registry_of(tmp_path / "catalog.db") == id_of("6f1c")
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "catalog.db").stat().st_mode & 0o777 == 0o644 & ~umask


@pytest.mark.parametrize("name", ["a b", "50%", "q?x=1#y", "é", "x'y\"z", "%(here)s", "a:b"])
def test_the_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    make(tmp_path / name / "catalog.db")
    assert registry_of(tmp_path / name / "catalog.db") == id_of("one")


def test_a_catalog_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    make(path, "first")
    before = path.read_bytes()
    with pytest.raises(AlreadyExists, match="left as it is"):
        make(path, "second")
    assert path.read_bytes() == before
    assert names(tmp_path) == ["catalog.db"]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_a_beginning_that_fails_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    def begin(database: Database) -> None:
        History(database).append(RegistryCreated(id_of("one")))
        raise error

    with pytest.raises(error):
        create_catalog(tmp_path / "catalog.db", begin)
    assert names(tmp_path) == []


def test_where_there_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nothing was changed"):
        make(tmp_path / "missing" / "catalog.db")
    (tmp_path / "file").touch()
    with pytest.raises(NotFound):
        make(tmp_path / "file" / "catalog.db")


def test_of_threads_that_make_one_at_once_one_wins(tmp_path: Path) -> None:
    path, meet = tmp_path / "catalog.db", threading.Barrier(4)
    said: dict[str, str] = {}

    def run(name: str) -> None:
        try:
            make(path, name, meet)
        except AlreadyExists:
            said[name] = "was there"
        else:
            said[name] = "made"

    threads = [threading.Thread(target=run, args=(str(number),)) for number in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert sorted(said.values()) == ["made", "was there", "was there", "was there"]
    assert [id_of(name) for name, word in said.items() if word == "made"] == [registry_of(path)]
    assert names(tmp_path) == ["catalog.db"]


def test_of_processes_that_make_one_at_once_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    makers = {"one": start(path, "one", "two"), "two": start(path, "two", "one")}
    said = {name: maker.communicate(timeout=60)[0].strip() for name, maker in makers.items()}
    assert sorted(said.values()) == ["already-exists", "made"]
    assert [id_of(name) for name, word in said.items() if word == "made"] == [registry_of(path)]


def test_a_maker_that_is_killed_leaves_no_catalog_and_nobody_in_the_way(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    maker = start(path, "killed", moment="os.kill(os.getpid(), signal.SIGKILL)")
    maker.communicate(timeout=60)
    assert maker.returncode == -signal.SIGKILL
    assert not path.exists()
    make(path, "next")
    assert registry_of(path) == id_of("next")


def test_a_maker_that_is_killed_once_it_is_published_leaves_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    link = "link = os.link; os.link = lambda *names: (link(*names), os.kill(os.getpid(), signal.SIGKILL))"
    maker = start(path, "killed", moment=link)
    maker.communicate(timeout=60)
    assert maker.returncode == -signal.SIGKILL
    assert registry_of(path) == id_of("killed")
    database = SQLiteDatabase(path)
    History(database, "next").commit("hello")
    database.close()
    with pytest.raises(AlreadyExists):
        make(path, "next")


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    full = "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (50_000,) * 2); History(database, 'x').commit('', message='x' * 99_999)"
    maker = start(tmp_path / "catalog.db", "full", moment=full)
    said, _ = maker.communicate(timeout=60)
    assert said.strip() in {StorageFull.kind, Unavailable.kind}
    assert names(tmp_path) == ["catalog.db.ready-full"]


def set_version(path: Path, version: str | None) -> None:
    database = SQLiteDatabase(path)
    with database.writing() as session:
        session.execute("DELETE FROM alembic_version")
        if version is not None:
            session.execute("INSERT INTO alembic_version (version_num) VALUES (:version)", version=version)
    database.close()


def require(path: Path) -> str | None:
    database = SQLiteDatabase(path)
    try:
        return require_current_schema(database)
    finally:
        database.close()


def test_a_schema_of_a_newer_version_is_refused_with_a_hint(copied: Path) -> None:
    assert require(copied) is None
    set_version(copied, "9999")
    with pytest.raises(NewerSchema, match=f"has the schema 9999; this version of lastgood knows {CURRENT}") as caught:
        require(copied)
    assert caught.value.hint == "upgrade lastgood"


def test_a_schema_of_an_older_version_is_named(copied: Path) -> None:
    set_version(copied, "0000")
    assert require(copied) == "0000"


def test_a_catalog_without_a_version_is_damaged(copied: Path) -> None:
    set_version(copied, None)
    with pytest.raises(Integrity, match="no schema version"):
        require(copied)


def test_migrating_what_is_current_changes_nothing(copied: Path) -> None:
    before = copied.read_bytes()
    migrate_catalog(copied)
    assert copied.read_bytes() == before


def test_migrating_waits_for_writers(copied: Path) -> None:
    database = SQLiteDatabase(copied)
    with database.writing(), pytest.raises(Busy, match="nothing was changed"):
        migrate_catalog(copied, wait=0.05)
    database.close()


def test_migrating_what_is_no_catalog(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        migrate_catalog(tmp_path / "missing.db")
    (tmp_path / "text").write_text("hello " * 1_000)
    with pytest.raises(Integrity):
        migrate_catalog(tmp_path / "text")
