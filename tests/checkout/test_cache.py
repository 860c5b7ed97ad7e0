"""The checkout cache: it gives what is right, takes in what it may, and is missed by nobody."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from pathlib import Path

import pytest

import lastgood
from lastgood.registry import file_copy
from lastgood.registry.checkout_cache import entry as entries
from lastgood.registry.checkout_cache import filling as fillings
from lastgood.registry.checkout_cache.room import CacheRoom
from tests.checkout.shelf import LARGE, LENGTH, Shelf, bytes_of, check
from tests.hostile.disks import fill_up, make_room, mounted, read_only


def test_a_second_checkout_comes_from_the_cache(shelf: Shelf) -> None:
    assert shelf.checkout().from_cache == 0
    assert shelf.names() == {shelf.entry(path).name for path in LARGE}
    assert shelf.checkout().from_cache == len(LARGE)


def test_files_that_come_from_there_are_the_checkouts_own(filled: Shelf, tmp_path: Path) -> None:
    filled.checkout(to=tmp_path / "out")
    for path in LARGE:
        given = tmp_path / "out" / path
        assert given.stat().st_nlink == 1
        assert given.stat().st_mode & stat.S_IWUSR
        given.write_bytes(b"mine")
    assert filled.checkout().from_cache == len(LARGE)


def test_nothing_is_hashed_that_nobody_wrote_to(filled: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries.Entry, "_has_its_digest", lambda _: pytest.fail("it was read"))
    assert filled.checkout().from_cache == len(LARGE)
    with pytest.raises(pytest.fail.Exception):
        filled.checkout(verify=True)


def test_one_file_under_two_names_is_kept_once(shelf: Shelf, tmp_path: Path) -> None:
    shutil.copy(shelf.root / "models/a.bin", shelf.root / "models/same.bin")
    with lastgood.open(shelf.root, actor="ana") as registry:
        registry.commit(shelf.root)
        # Its second name may find it in the cache already.
        assert registry.checkout("r4", tmp_path / "one").from_cache in {0, 1}
        assert registry.checkout("r4", tmp_path / "two").from_cache == len(LARGE) + 1
    for folder in ("one", "two"):
        assert (tmp_path / folder / "models/same.bin").read_bytes() == bytes_of(LARGE["models/a.bin"], 3)
    assert len(shelf.names()) == len(LARGE)


def test_progress_counts_every_file_and_byte_once(shelf: Shelf, tmp_path: Path) -> None:
    for folder in ("cold", "warm"):
        told = [0, 0]

        def count(files: int, length: int, told: list[int] = told) -> None:
            told[0] += files
            told[1] += length

        with lastgood.open(shelf.root, actor="ana") as registry:
            done = registry.checkout("r1", tmp_path / folder, progress=count)
        assert told == [done.files, done.bytes]


def test_what_was_used_longest_ago_goes_first(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASTGOOD_CACHE_SIZE", str(LENGTH * 2 * len(LARGE)))
    for revision in ("r1", "r2", "r1", "r3"):
        shelf.checkout(revision)
    assert shelf.names() == {shelf.entry(path, release).name for path in LARGE for release in (1, 3)}
    assert all(one.name.removesuffix(".seal") in shelf.names() for one in shelf.cache.iterdir())


def test_a_release_that_is_larger_than_the_cache_does_not_push_itself_out(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASTGOOD_CACHE_SIZE", str(LENGTH * 2))
    shelf.checkout()
    assert len(shelf.names()) == 2
    assert [shelf.checkout().from_cache for _ in range(2)] == [2, 2]


def test_a_file_that_is_larger_than_the_cache_pushes_nothing_out(filled: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASTGOOD_CACHE_SIZE", str(LENGTH - 1))
    filled.checkout("r2")
    assert filled.checkout().from_cache == len(LARGE)


def test_no_cache(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASTGOOD_CACHE_SIZE", "0")
    assert [shelf.checkout(link=link).from_cache for link in (False, True)] == [0, 0]
    assert not shelf.cache.exists()


def test_what_a_dead_process_left_is_taken_away_and_what_another_one_writes_is_not(filled: Shelf) -> None:
    (filled.cache / ".new-dead").write_bytes(b"part of a file")
    alive = filled.cache / ".new-alive"
    with alive.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        filled.checkout("r2")
        assert [one.name for one in filled.cache.glob(".new-*")] == [alive.name]
    filled.checkout("r3")
    assert not list(filled.cache.glob(".new-*"))


def test_a_write_in_the_tick_in_which_a_file_came_would_show(filled: Shelf) -> None:
    for path in LARGE:
        found = filled.entry(path).stat()
        assert found.st_ctime_ns - found.st_mtime_ns >= 1_900_000_000


def test_a_file_on_its_way_in_is_not_taken_for_what_a_dead_process_left(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    real = file_copy.copy_range

    def copy(*arguments: int) -> None:
        folder = os.open(shelf.cache, os.O_RDONLY)
        CacheRoom(folder, None).make(1, ())
        os.close(folder)
        real(*arguments)

    monkeypatch.setattr(fillings, "copy_range", copy)
    shelf.checkout()
    assert len(shelf.names()) == len(LARGE)


@pytest.mark.parametrize("moment", ["rename", "utime", "open", "flock", "copy_range"])
def test_a_cache_that_cannot_be_written_costs_nothing_else(shelf: Shelf, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "no space left on device")

    class _Without:
        def __getattr__(self, name: str) -> object:
            return full if name == moment else getattr(os, name)

    if moment == "flock":
        monkeypatch.setattr(fcntl, "flock", full)
    elif moment == "copy_range":
        monkeypatch.setattr(fillings, "copy_range", full)
    else:
        monkeypatch.setattr(fillings, "os", _Without())
    assert shelf.checkout().from_cache == 0
    assert shelf.names() == set()


def test_a_full_disk(built: Path, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", size="64m") as disk:
        shelf = Shelf(Path(shutil.copytree(built, disk / "bot")))
        fill_up(disk, spare=LENGTH)
        shelf.checkout(to=tmp_path / "one")
        assert not any(shelf.cache.iterdir())
        make_room(disk)
        shelf.checkout(to=tmp_path / "two")
        assert len(shelf.names()) == len(LARGE)
        # Where the disk is short of room, what is kept only for speed makes some.
        fill_up(disk)
        assert shelf.checkout(to=tmp_path / "three").from_cache == len(LARGE)
        shelf.checkout("r2", to=tmp_path / "four")
        assert not shelf.names() & {shelf.entry(path).name for path in LARGE}


def test_a_disk_that_cannot_be_written(built: Path, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", size="64m") as disk:
        shelf = Shelf(Path(shutil.copytree(built, disk / "bot")))
        with read_only(disk):
            assert shelf.checkout(to=tmp_path / "one").from_cache == 0
        shelf.checkout(to=tmp_path / "two")
        with read_only(disk):
            assert shelf.checkout(to=tmp_path / "three").from_cache == len(LARGE)


def test_a_live_folder_takes_copies_of_what_is_there_and_keeps_nothing_more(filled: Shelf, tmp_path: Path) -> None:
    with (filled.root / "lastgood.toml").open("a") as file:
        file.write('\n[environments.prod]\nlive = "run/prod"\n')
    kept = filled.names()
    opened = []
    real = entries.Entry.copy

    def copy(self: entries.Entry, *arguments: object) -> bool:
        opened.append(self._name)
        return real(self, *arguments)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patched, lastgood.open(filled.root, actor="ana") as registry:
        patched.setattr(entries.Entry, "copy", copy)
        registry.environments.deploy("prod", "r1")
        registry.environments.deploy("prod", "r2")
        registry.environments.deploy("prod", "r1")
    assert set(opened) == kept == filled.names()
    check(filled.root / "run/prod/current", 1)
    assert all((filled.root / "run/prod/current" / path).stat().st_nlink == 1 for path in LARGE)
