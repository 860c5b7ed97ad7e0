"""A backup is the whole registry in one file; what comes back from it is the registry, bit for bit, or nothing."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import threading
from contextlib import closing
from pathlib import Path

import pytest

import lastgood
from lastgood.catalog.sqlite import SQLiteDatabase
from lastgood.errors import AlreadyExists
from lastgood.registry import import_backup as importing
from lastgood.registry.backup import TRIES
from tests.cli.commands import Desk
from tests.hostile.disks import fill_up, make_room, mounted
from tests.hostile.watching import picture
from tests.repair.damage import CHECKPOINTS, flip, index_of, packs_of, rows_of


def back_up(desk: Desk, name: str = "backup.tar") -> Path:
    desk.tell("backup", name)
    return desk.root / name


def brought_back(file: Path, folder: Path) -> Desk:
    folder.mkdir()
    desk = Desk(folder)
    desk.tell("import", "backup", str(file))
    return desk


CHANGED_BY_A_KEY = {"checkpoints", "events", "fact_keys", "fact_nodes", "fact_operations", "texts"}


def all_rows(desk: Desk) -> dict[str, list[object]]:
    tables = [row[0] for row in rows_of(desk, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    return {table: sorted(rows_of(desk, f"SELECT * FROM {table}"), key=repr) for table in tables}  # noqa: S608


def test_what_comes_back_is_the_registry(series: Desk, tmp_path: Path) -> None:
    series.tell("deploy", "prod", "r2")
    answer = series.ask("backup", "backup.tar")
    file = series.root / "backup.tar"

    assert (answer["file"], answer["bytes"]) == (str(file), file.stat().st_size)
    assert (answer["packs"], answer["events"]) == (len(packs_of(series)), len(rows_of(series, "SELECT 1 FROM events")))
    (tmp_path / "new").mkdir()
    desk = Desk(tmp_path / "new")
    told = desk.ask("import", "backup", str(file))

    assert {key: told[key] for key in ("bytes", "packs", "events")} == {key: answer[key] for key in ("bytes", "packs", "events")}
    assert told["file"] == str(file)
    # But for the key: a backup has none, so that the registry it makes signs with one of its own.
    assert {name for name, rows in all_rows(desk).items() if rows != all_rows(series)[name]} == CHANGED_BY_A_KEY
    events = "SELECT document FROM events ORDER BY sequence"
    assert rows_of(desk, events)[:-1] == rows_of(series, events)
    assert [one.read_bytes() for one in sorted(packs_of(desk))] == [one.read_bytes() for one in sorted(packs_of(series))]
    assert desk.ask("verify", "--full")["ok"] is True
    assert desk.number_in("prod") == 2
    desk.tell("checkout", "latest", "out")
    assert (desk.root / "out/models/router.safetensors").read_bytes() == (series.root / "models/router.safetensors").read_bytes()
    # Work goes on in either.
    shutil.copytree(desk.root / "out", desk.root, dirs_exist_ok=True)
    assert desk.commit("From the backup.")["number"] == CHECKPOINTS + 1


def test_nothing_is_left_beside_it(three: Desk, tmp_path: Path) -> None:
    before = set(os.listdir(three.root))
    back_up(three)
    assert set(os.listdir(three.root)) - before == {"backup.tar"}
    desk = brought_back(three.root / "backup.tar", tmp_path / "new")
    assert os.listdir(desk.root) == [".lastgood"]
    assert sorted(os.listdir(desk.registry)) == ["catalog.db", "keys", "store"]


def test_anybody_can_open_it(three: Desk, tmp_path: Path) -> None:
    file = back_up(three)
    folder = tmp_path / "by-hand/.lastgood"
    folder.mkdir(parents=True)

    subprocess.run(["tar", "-xf", file, "-C", folder], check=True)

    subprocess.run(["sha256sum", "--check", "--strict", "manifest.json.sha256"], cwd=folder, check=True, capture_output=True)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert manifest["schema"] == "lastgood.backup/1"
    for member in manifest["members"]:
        data = (folder / member["name"]).read_bytes()
        assert len(data) == member["size"]
        if "sha256" in member:
            assert hashlib.sha256(data).hexdigest() == member["sha256"]
    assert Desk(folder.parent).ask("verify", "--full")["ok"] is True


def test_what_belongs_to_the_host_stays_there(three: Desk) -> None:
    three.tell("live", "prod", "run/prod")
    with tarfile.open(back_up(three)) as archive:
        names = archive.getnames()
    assert names[:2] == ["manifest.json", "catalog.db"]
    assert names[-1] == "manifest.json.sha256"
    assert all(name.startswith("store/packs/") for name in names[2:-1])


def test_two_backups_of_one_state_are_the_same_bytes(three: Desk) -> None:
    assert back_up(three, "a.tar").read_bytes() == back_up(three, "b.tar").read_bytes()


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir, lambda path: path.symlink_to("nowhere")])
def test_a_file_that_is_there_is_left_alone(three: Desk, make: object) -> None:
    make(three.root / "backup.tar")  # type: ignore[operator]  # one of those above
    before = picture(three.root)
    assert three.fails("backup", "backup.tar")["kind"] == "already-exists"
    assert picture(three.root) == before


@pytest.mark.parametrize("there", ["a registry", "its packs", "an empty store"])
def test_a_registry_that_is_there_is_left_alone(three: Desk, there: str) -> None:
    file = back_up(three)
    if there != "a registry":
        (three.registry / "catalog.db").unlink()
    if there == "an empty store":
        shutil.rmtree(three.registry / "store")
        (three.registry / "store").mkdir()
    before = picture(three.root)
    assert three.fails("import", "backup", str(file))["kind"] == "already-exists"
    assert picture(three.root) == before


def test_a_workspace_gets_its_registry_back(three: Desk) -> None:
    file = back_up(three)
    (three.registry / "catalog.db").unlink()
    shutil.rmtree(three.registry / "store")

    three.tell("import", "backup", str(file))

    assert three.ask("verify")["ok"] is True
    assert three.ask("status")["changes"] == []
    assert three.commit("And on.")["number"] == 4


def test_somebody_who_is_quicker_keeps_theirs(three: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = back_up(three)
    check = importing._check

    def slowly(fresh: Path, *rest: object) -> object:
        shutil.copytree(three.registry, tmp_path / "new/.lastgood")
        return check(fresh, *rest)  # type: ignore[arg-type]  # whatever it takes

    monkeypatch.setattr(importing, "_check", slowly)
    (tmp_path / "new").mkdir()
    with pytest.raises(AlreadyExists):
        lastgood.api.import_backup(file, tmp_path / "new")
    assert os.listdir(tmp_path / "new") == [".lastgood"]


def test_a_damaged_pack_is_not_backed_up(three: Desk) -> None:
    flip(packs_of(three)[1], 20)
    before = picture(three.root)

    error = three.fails("backup", "backup.tar")

    assert (error["kind"], error["hint"]) == ("integrity", "lastgood repair")
    assert picture(three.root) == before


def test_a_pack_that_is_gone_is_named(three: Desk) -> None:
    packs_of(three)[1].unlink()
    error = three.fails("backup", "backup.tar")
    assert (error["kind"], error["hint"]) == ("integrity", "lastgood repair")
    assert "missing" in error["message"]
    assert not (three.root / "backup.tar").exists()


def test_a_registry_that_has_lost_something_can_be_backed_up_and_says_so(series: Desk, tmp_path: Path) -> None:
    packs_of(series)[1].unlink()
    hurt = series.run("repair", "--json").answer["hurt"]
    file = back_up(series)
    (tmp_path / "new").mkdir()

    told = Desk(tmp_path / "new").ask("import", "backup", str(file))

    assert {label for loss in told["losses"] for label in loss["releases"]} == {one["label"] for one in hurt}
    assert index_of(Desk(tmp_path / "new")) == index_of(series)


def collecting(registry: Path, monkeypatch: pytest.MonkeyPatch, times: int) -> list[int]:
    """Let a collector take the newest pack away after each of so many snapshots, as its last step does; count the tries."""
    tried: list[int] = []
    copy = SQLiteDatabase.copy

    def copy_then_collect(database: SQLiteDatabase, to: Path) -> None:
        copy(database, to)
        tried.append(1)
        if len(tried) <= times:
            with closing(sqlite3.connect(registry / "catalog.db", isolation_level=None)) as catalog:
                number, pack = catalog.execute("SELECT pack_number, pack FROM index_packs ORDER BY pack_number DESC LIMIT 1").fetchone()
                catalog.execute("DELETE FROM index_packs WHERE pack_number = ?", (number,))
            (registry / f"store/packs/{pack.hex()[:2]}/{pack.hex()}.pack").unlink()

    monkeypatch.setattr(SQLiteDatabase, "copy", copy_then_collect)
    return tried


def test_what_is_collected_meanwhile_is_not_missed(three: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = collecting(three.registry, monkeypatch, 2)
    answer = three.ask("backup", "backup.tar")
    assert (answer["packs"], len(tried)) == (1, 3)


def test_a_collector_that_never_stops_makes_it_say_so(series: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(TRIES):
        series.commit(f"More {number}.")
    tried = collecting(series.registry, monkeypatch, TRIES)
    assert series.fails("backup", "backup.tar")["kind"] == "busy"
    assert len(tried) == TRIES
    assert not (series.root / "backup.tar").exists()


def test_while_others_write(three: Desk, tmp_path: Path) -> None:
    """Backups that are made while somebody commits and deploys are each a state that was."""
    stop = threading.Event()
    written: list[int] = []

    def write() -> None:
        with lastgood.open(three.root, actor="writer") as registry:
            while not stop.is_set():
                three.write("prompts/system.md", f"Version {len(written)}.\n")
                written.append(registry.commit(three.root).release.number)
                registry.environments.deploy("prod")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        events = []
        for number in range(6):
            with lastgood.open(three.root) as registry:
                events.append(registry.upkeep.backup(tmp_path / f"{number}.tar").events)
    finally:
        stop.set()
        writer.join()
    assert events == sorted(events)
    assert events[-1] > events[0]
    for number in range(6):
        desk = brought_back(tmp_path / f"{number}.tar", tmp_path / f"new{number}")
        assert desk.ask("verify", "--full")["ok"] is True
        latest = desk.ask("show", "latest")["number"]
        desk.tell("checkout", "latest", "out")
        if latest > 3:
            assert (desk.root / "out/prompts/system.md").read_text() == f"Version {latest - 4}.\n"


SPARES = [0, 1, 4, 10, 20, 30, 40, 60, 80]


@pytest.mark.parametrize("pages", SPARES)
def test_on_a_full_disk(three: Desk, tmp_path: Path, pages: int) -> None:
    whole = back_up(three)
    with mounted(tmp_path / "disk", size="2m") as disk:
        fill_up(disk, spare=pages * 4_096)
        before = picture(disk)
        for command in (["backup", str(disk / "backup.tar")], ["-C", str(disk), "import", "backup", str(whole)]):
            ran = three.run(*command, "--json")
            if ran.code:
                assert ran.answer["error"]["kind"] == "storage-full", ran
                assert picture(disk) == before
            else:
                assert pages >= 30
                before = picture(disk)
        make_room(disk)


def test_programs_have_both(three: Desk, tmp_path: Path) -> None:
    with lastgood.open(three.root) as registry:
        done = registry.upkeep.backup(tmp_path / "backup.tar")
        registry_id = registry.id
    (tmp_path / "new").mkdir()
    with lastgood.api.import_backup(done.file, tmp_path / "new") as again:
        assert again.id == registry_id == done.registry
        assert len(again.releases.log()) == 3


def test_help_of_a_group_names_what_can_be_imported(three: Desk) -> None:
    assert "backup" in three.tell("import", "--help").out
