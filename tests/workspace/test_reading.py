"""Reading: the bytes of a file, or the name of what happened to it meanwhile."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from lastgood.errors import ChangedWhileReading, InvalidPath, NotAllowed, StorageFull
from lastgood.ids import FileDigest
from lastgood.model.intake import Received
from lastgood.workspace.opening import open_root
from lastgood.workspace.prepare import HashingIntake
from lastgood.workspace.reading import SMALL, ReadFile, read_file, read_small
from tests.parts import need
from tests.workspace.folders import KeepingIntake, unprivileged


class MeddlingIntake(HashingIntake):
    """An intake during whose reading something happens to the file."""

    def __init__(self, meddle: Callable[[], None]) -> None:
        self._meddle = meddle

    def receive(self, source: BinaryIO, size: int, name: str | None = None) -> Received:
        start = source.read(1_000)
        self._meddle()
        rest = super().receive(source, size, name)
        return Received(rest.digest, rest.size + len(start))

    def receive_bytes(self, data: bytes, name: str | None = None) -> Received:
        self._meddle()
        return super().receive_bytes(data, name)


def read(root: Path, path: str, intake: HashingIntake | KeepingIntake) -> ReadFile:
    with open_root(root) as folder:
        return read_file(folder, path, intake, lambda _: None)


@pytest.mark.parametrize("size", [0, 1, 1_000, SMALL - 1, SMALL, SMALL + 1, 3 * SMALL + 7])
def test_a_file_is_read_whole_and_its_progress_told(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "a").write_bytes(data)
    intake = KeepingIntake()
    told: list[int] = []

    with open_root(tmp_path) as folder:
        done = read_file(folder, "a", intake, told.append)

    assert (done.digest, done.found.st_size, sum(told)) == (FileDigest.of(data), size, size)
    assert intake.kept == {FileDigest.of(data): data}


SIZES = pytest.mark.parametrize("size", [10, 2 * SMALL])


@SIZES
def test_a_file_that_grows_is_named(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(size))

    with pytest.raises(ChangedWhileReading, match="'a' was written while it was being read"):
        read(tmp_path, "a", MeddlingIntake(lambda: os.truncate(path, size + 1)))


@SIZES
def test_a_file_that_shrinks_is_named(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(size))

    with pytest.raises(ChangedWhileReading):
        read(tmp_path, "a", MeddlingIntake(lambda: os.truncate(path, 5)))


@SIZES
def test_a_file_that_is_overwritten_is_named_even_when_its_time_is_set_back(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(size))
    before = path.stat()

    def overwrite() -> None:
        with path.open("r+b") as file:
            file.write(b"x")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    with pytest.raises(ChangedWhileReading):
        read(tmp_path, "a", MeddlingIntake(overwrite))


def test_a_file_that_never_stops_growing_comes_to_an_end(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(2 * SMALL))

    class Endless(HashingIntake):
        def receive(self, source: BinaryIO, size: int, name: str | None = None) -> Received:
            while source.read(SMALL):
                with path.open("ab") as file:
                    file.write(bytes(SMALL))
            return Received(FileDigest.of(b""), size)

    with pytest.raises(ChangedWhileReading):
        read(tmp_path, "a", Endless())


@SIZES
def test_a_file_that_is_replaced_is_named(tmp_path: Path, size: int) -> None:
    (tmp_path / "a").write_bytes(bytes(size))
    (tmp_path / "b").write_bytes(b"x" * size)

    def replace() -> None:
        (tmp_path / "b").replace(tmp_path / "a")

    with pytest.raises(ChangedWhileReading):
        # Replacing takes a name away from the file that is open, and so touches its change time.
        read(tmp_path, "a", MeddlingIntake(replace))


def test_a_file_that_vanished_or_became_a_link_is_named(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")

    for name in ("gone", "link", "link/x"):
        with pytest.raises(ChangedWhileReading, match="vanished or was replaced"):
            read(tmp_path, name, KeepingIntake())


def test_a_file_that_became_a_fifo_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")

    with pytest.raises(InvalidPath, match="it is a FIFO"):
        read(tmp_path, "a", KeepingIntake())


def test_a_file_that_may_not_be_read_is_named(open_path: Path) -> None:
    (open_path / "a").write_bytes(b"x")
    (open_path / "a").chmod(0)

    with unprivileged(), pytest.raises(NotAllowed, match="'a' may not be read") as caught:
        read(open_path, "a", KeepingIntake())

    assert ".lastgoodignore" in str(caught.value.hint)


def test_a_file_that_has_more_bytes_than_it_says_is_refused() -> None:
    need(Path("/proc/self/status").exists(), "the files of /proc, whose size is always 0")

    with pytest.raises(ChangedWhileReading):
        read(Path("/proc/self"), "status", KeepingIntake())


def test_what_the_intake_says_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")

    class Full(HashingIntake):
        def receive_bytes(self, data: bytes, name: str | None = None) -> Received:
            raise StorageFull("no room")

    with pytest.raises(StorageFull):
        read(tmp_path, "a", Full())


def test_a_large_file_takes_little_memory(tmp_path: Path) -> None:
    size = 200 << 20
    with (tmp_path / "a").open("wb") as file:
        file.truncate(size)

    tracemalloc.start()
    done = read(tmp_path, "a", HashingIntake())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert done.found.st_size == size
    assert peak < 8 << 20


def test_the_start_of_a_file_is_read_with_one_byte_more(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")

    with open_root(tmp_path) as folder:
        assert [read_small(folder, "a", limit=limit) for limit in (3, 5, 6)] == [b"1234", b"12345", b"12345"]
