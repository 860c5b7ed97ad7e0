"""`checkout --link`: the cache's own files, for those who only read."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

import lastgood
from tests.checkout.shelf import LARGE, Shelf, bytes_of, flip
from tests.hostile.disks import mounted


@pytest.fixture
def linked(shelf: Shelf, tmp_path: Path) -> Path:
    """A checkout of links, made when the cache was empty."""
    assert shelf.checkout(link=True, to=tmp_path / "first").from_cache == 0
    return tmp_path / "first"


def test_links_are_the_caches_files_from_the_first_checkout_on(shelf: Shelf, linked: Path, tmp_path: Path) -> None:
    done = shelf.checkout(link=True, to=tmp_path / "second")
    assert (done.from_cache, done.linked) == (len(LARGE), len(LARGE))
    for path in LARGE:
        inodes = {(root / path).stat().st_ino for root in (linked, tmp_path / "second")}
        assert inodes == {shelf.entry(path).stat().st_ino}


def test_no_file_of_a_checkout_of_links_is_writable(linked: Path) -> None:
    files = [path for path in linked.rglob("*") if path.is_file()]
    assert len(files) == len(LARGE) + 2
    assert not any(path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) for path in files)


def test_a_write_through_a_link_reaches_no_other_checkout(shelf: Shelf, linked: Path) -> None:
    flip(linked / "models/a.bin")
    assert shelf.checkout().from_cache == len(LARGE) - 1
    # The cache let that file go, and has one of its own again.
    assert shelf.entry("models/a.bin").stat().st_ino != (linked / "models/a.bin").stat().st_ino
    assert shelf.checkout(link=True).linked == len(LARGE)


def test_links_that_were_taken_away_leave_the_cache_right(shelf: Shelf, linked: Path) -> None:
    shutil.rmtree(linked)
    assert shelf.checkout(link=True).linked == len(LARGE)
    assert shelf.checkout().from_cache == len(LARGE)


def test_a_checkout_of_copies_beside_links_is_writable(shelf: Shelf, linked: Path, tmp_path: Path) -> None:
    shelf.checkout(to=tmp_path / "copies")
    (tmp_path / "copies/models/a.bin").write_bytes(b"mine")
    assert (linked / "models/a.bin").read_bytes() == bytes_of(1, 1)
    assert shelf.checkout().from_cache == len(LARGE)


def test_where_no_link_can_be_a_copy_is(shelf: Shelf, linked: Path, tmp_path: Path) -> None:
    assert linked.exists()
    with mounted(tmp_path / "disk", size="32m") as disk:
        done = shelf.checkout(link=True, to=disk / "out")
        assert (done.from_cache, done.linked) == (len(LARGE), 0)
        assert not (disk / "out/models/a.bin").stat().st_mode & stat.S_IWUSR


def test_a_cache_on_another_disk_is_filled_by_copies(built: Path, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", size="64m") as disk:
        shelf = Shelf(Path(shutil.copytree(built, disk / "bot")))
        shelf.checkout(link=True, to=tmp_path / "out")
        assert len(shelf.names()) == len(LARGE)
        assert (tmp_path / "out/models/a.bin").stat().st_nlink == 1


def test_one_file_under_two_names(shelf: Shelf, tmp_path: Path) -> None:
    shutil.copy(shelf.root / "models/a.bin", shelf.root / "models/same.bin")
    with lastgood.open(shelf.root, actor="ana") as registry:
        registry.commit(shelf.root)
        done = registry.checkout("r4", tmp_path / "out", link=True)
    assert (done.from_cache, done.linked) == (1, 1)
    assert (tmp_path / "out/models/a.bin").samefile(tmp_path / "out/models/same.bin")
