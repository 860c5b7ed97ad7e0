"""The stat cache: what it may be trusted with, and that it is only about speed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastgood.ids import ComponentName, FileDigest
from lastgood.workspace.statcache import FILE_NAME, StatCache
from lastgood.workspace.walk import FoundFiles
from tests.workspace.folders import fill, unprivileged, walk

NAME = ComponentName("c")
LISTING = FileDigest.of(b"a listing")
STEP = 0.03
"""Seconds after which a file of a file system with fine times is old enough to be trusted."""


def digests(found: FoundFiles) -> list[bytes]:
    return [FileDigest.of(path.encode()) for path in found.paths]


def remember(root: Path, found: FoundFiles, began: StatCache | None = None) -> None:
    """Remember files as a walk that began long enough after they were written would."""
    cache = began or StatCache.load(root)
    if began is None:
        time.sleep(STEP)
        cache.begin()
    cache.remember(NAME, found, digests(found), LISTING)
    cache.save()


def make(root: Path, files: dict[str, str]) -> FoundFiles:
    return walk(fill(root, files), "c")


def test_what_was_remembered_is_recalled(tmp_path: Path) -> None:
    found = make(tmp_path, {"c/a": "1", "c/b/é": "2"})

    remember(tmp_path, found)
    recalled = StatCache.load(tmp_path).recall(NAME, walk(tmp_path, "c"))

    assert list(recalled.digests) == digests(found)
    assert recalled.listing == LISTING


def test_another_component_recalls_the_files_too(tmp_path: Path) -> None:
    found = make(tmp_path, {"c/a": "1"})

    remember(tmp_path, found)
    recalled = StatCache.load(tmp_path).recall(ComponentName("renamed"), found)

    assert (list(recalled.digests), recalled.listing) == (digests(found), None)


def rewrite(path: Path) -> None:
    path.write_bytes(b"2")


def rewrite_and_set_time_back(path: Path) -> None:
    before = path.stat()
    path.write_bytes(b"2")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_with_same_times(path: Path) -> None:
    before = path.stat()
    other = path.with_name("other")
    other.write_bytes(b"2")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


def grow(path: Path) -> None:
    path.write_bytes(b"11")


def make_executable(path: Path) -> None:
    path.chmod(0o755)


@pytest.mark.parametrize("change", [rewrite, rewrite_and_set_time_back, replace_with_same_times, grow, make_executable])
def test_a_file_that_was_touched_is_read_again_and_no_other(tmp_path: Path, change: Callable[[Path], None]) -> None:
    found = make(tmp_path, {"c/a": "1", "c/b": "1"})
    remember(tmp_path, found)

    change(tmp_path / "c" / "a")
    recalled = StatCache.load(tmp_path).recall(NAME, walk(tmp_path, "c"))

    assert list(recalled.digests) == [None, digests(found)[1]]
    assert recalled.listing is None


def test_added_and_removed_files_leave_the_others_known(tmp_path: Path) -> None:
    found = make(tmp_path, {"c/a": "1", "c/b": "1", "c/d": "1"})
    remember(tmp_path, found)

    (tmp_path / "c" / "b").unlink()
    (tmp_path / "c" / "aa").touch()
    recalled = StatCache.load(tmp_path).recall(NAME, walk(tmp_path, "c"))

    assert list(recalled.digests) == [digests(found)[0], None, digests(found)[2]]


def test_a_file_touched_in_the_tick_in_which_the_walk_began_is_not_trusted(tmp_path: Path) -> None:
    make(tmp_path, {"c/old": "1"})
    time.sleep(STEP)
    cache = StatCache.load(tmp_path)
    (tmp_path / "c" / "young").write_bytes(b"1")
    cache.begin()
    found = walk(tmp_path, "c")

    remember(tmp_path, found, cache)
    recalled = StatCache.load(tmp_path).recall(NAME, found)

    assert list(recalled.digests) == [digests(found)[0], None]
    assert recalled.listing is None


def test_a_file_touched_after_the_walk_began_is_not_trusted(tmp_path: Path) -> None:
    found = make(tmp_path, {"c/a": "1"})
    cache = StatCache.load(tmp_path)
    cache.begin()
    time.sleep(2 * STEP)
    rewrite(tmp_path / "c" / "a")
    found = walk(tmp_path, "c")

    remember(tmp_path, found, cache)

    assert list(StatCache.load(tmp_path).recall(NAME, found).digests) == [None]


def test_a_file_with_a_time_in_the_future_is_not_trusted(tmp_path: Path) -> None:
    make(tmp_path, {"c/a": "1"})
    os.utime(tmp_path / "c" / "a", (2**33, 2**33))
    found = walk(tmp_path, "c")

    remember(tmp_path, found)

    assert list(StatCache.load(tmp_path).recall(NAME, found).digests) == [None]


def test_a_file_on_another_device_must_be_older(tmp_path: Path) -> None:
    found = make(tmp_path, {"c/a": "1"})
    found.devices.add(-1)

    remember(tmp_path, found)

    assert list(StatCache.load(tmp_path).recall(NAME, found).digests) == [None]


def test_nothing_is_kept_without_the_time_of_the_file_system(tmp_path: Path) -> None:
    found = make(tmp_path, {"c/a": "1"})
    cache = StatCache.load(tmp_path)
    cache.remember(NAME, found, digests(found), LISTING)
    cache.save()

    assert not (tmp_path / FILE_NAME).exists()


def test_the_same_is_not_written_again(tmp_path: Path) -> None:
    found = make(tmp_path, {"c/a": "1"})
    remember(tmp_path, found)
    inode = (tmp_path / FILE_NAME).stat().st_ino

    remember(tmp_path, found)
    assert (tmp_path / FILE_NAME).stat().st_ino == inode

    remember(tmp_path, make(tmp_path, {"c/b": "1"}))
    assert (tmp_path / FILE_NAME).stat().st_ino != inode
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", FILE_NAME]


def test_components_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    found = make(tmp_path, {"c/a": "1"})
    remember(tmp_path, found)
    cache = StatCache.load(tmp_path)
    cache.begin()
    cache.save()

    assert list(StatCache.load(tmp_path).recall(NAME, found).digests) == [None]


@settings(max_examples=80)
@given(st.data())
def test_a_damaged_cache_counts_as_empty(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    root = tmp_path_factory.getbasetemp() / "damaged"
    if not root.exists():
        root.mkdir()
        remember(root, make(root, {"c/a": "1", "c/b": "2"}))
        (root / "whole").write_bytes((root / FILE_NAME).read_bytes())
    whole = (root / "whole").read_bytes()
    kind = data.draw(st.sampled_from(["cut", "flip", "foreign"]))
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = {
        "cut": whole[:at],
        "flip": whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :],
        "foreign": data.draw(st.binary(max_size=100)),
    }[kind]
    (root / FILE_NAME).write_bytes(damaged)

    found = walk(root, "c")

    assert list(StatCache.load(root).recall(NAME, found).digests) == [None, None]
    (root / FILE_NAME).write_bytes(whole)
    assert None not in StatCache.load(root).recall(NAME, found).digests


def test_a_folder_that_may_not_be_written_does_no_harm(open_path: Path) -> None:
    found = make(open_path, {"c/a": "1"})
    remember(open_path, found)
    before = (open_path / FILE_NAME).read_bytes()
    time.sleep(STEP)

    with unprivileged():
        cache = StatCache.load(open_path)
        cache.begin()
        assert list(cache.recall(NAME, found).digests) == digests(found)
        cache.remember(ComponentName("d"), found, digests(found), LISTING)
        cache.save()

    assert (open_path / FILE_NAME).read_bytes() == before
