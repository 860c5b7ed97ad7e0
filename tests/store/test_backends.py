"""Every backend passes the conformance suite, and the local folder survives what happens to folders."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lastgood.errors import Integrity, LastgoodError, NotAllowed, NotFound, ReadOnly, StorageFull, Unavailable
from lastgood.store.backend import Backend
from lastgood.store.backend.local import LocalBackend
from lastgood.store.backend.memory import MemoryBackend
from lastgood.store.index import scan_packs
from lastgood.testing.faults import FaultyBackend
from lastgood.testing.store import StoreConformance
from tests.store.writers import a_writer_half_way, run_in_child

NAME = "packs/ab/one.pack"


class TestMemory(StoreConformance):
    """The backend in memory."""

    @pytest.fixture
    def backend(self) -> Backend:
        return MemoryBackend()


class TestLocal(StoreConformance):
    """The backend in a local folder."""

    @pytest.fixture
    def backend(self, tmp_path: Path) -> Backend:
        return LocalBackend(tmp_path / "store")

    @pytest.fixture
    def again(self, tmp_path: Path) -> Backend:
        return LocalBackend(tmp_path / "store")


class TestFaultyWithoutFaults(StoreConformance):
    """The wrapper that injects faults, with nothing to inject."""

    @pytest.fixture
    def backend(self) -> Backend:
        return FaultyBackend(MemoryBackend())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def local(root: Path) -> LocalBackend:
    return LocalBackend(root)


def everything_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


class TestFolder:
    """What the folder looks like, and what is done to it in which order."""

    def test_reading_makes_nothing(self, root: Path, local: LocalBackend) -> None:
        assert list(local.names("packs")) == []
        with pytest.raises(NotFound):
            local.size(NAME)
        local.delete(NAME)
        assert not root.exists()

    def test_a_name_is_a_path(self, root: Path, local: LocalBackend) -> None:
        local.put(NAME, [b"abc"])
        assert everything_in(root) == ["incoming", "packs", "packs/ab", "packs/ab/one.pack"]
        assert (root / NAME).read_bytes() == b"abc"
        assert (root / NAME).stat().st_mode & 0o222 == 0

    def test_bytes_are_durable_before_their_name_and_the_name_before_the_answer(
        self, root: Path, local: LocalBackend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done: list[str] = []
        really_fsync, really_rename = os.fsync, os.rename

        def fsync(file: int) -> None:
            really_fsync(file)
            path = Path(f"/proc/self/fd/{file}").resolve()
            done.append("fsync " + ("bytes" if path.suffix == ".tmp" else str(path.relative_to(root.parent))))

        def rename(source: str, target: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
            really_rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
            done.append("rename")

        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(os, "rename", rename)
        local.put(NAME, [b"abc"])
        assert done[-3:] == ["fsync bytes", "rename", "fsync store/packs/ab"]
        assert {"fsync .", "fsync store", "fsync store/packs"} <= set(done[:-3])

        done.clear()
        local.put("packs/ab/two.pack", [b"abc"])
        assert done == ["fsync bytes", "rename", "fsync store/packs/ab"]

        done.clear()
        LocalBackend(root).put("packs/ab/three.pack", [b"abc"])
        assert {"fsync .", "fsync store", "fsync store/packs"} <= set(done[:-3])

        done.clear()
        local.delete(NAME)
        assert done == ["fsync store/packs/ab"]

    def test_what_strangers_left_is_named_and_not_walked_for_ever(self, root: Path, local: LocalBackend) -> None:
        local.put(NAME, [b"abc"])
        strange = [".git/HEAD", "a b/c d.txt", "ümlaut.pack", os.fsdecode(b"not-utf8-\xff")]
        for name in strange:
            (root / "packs" / name).parent.mkdir(exist_ok=True)
            (root / "packs" / name).write_bytes(b"x")
        deep = "/".join(["d" * 200] * 4)
        (root / "packs" / deep).mkdir(parents=True)
        names = list(local.names("packs"))
        assert [name for name in names if "dddd" not in name] == sorted([NAME, *(f"packs/{name}" for name in strange)])
        assert [deep.startswith(name.removeprefix("packs/")) for name in names if "dddd" in name] == [True]
        assert len([found for found in scan_packs(local) if isinstance(found, Integrity)]) == 6

    def test_short_writes_are_gone_on_with(self, local: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
        really_write = os.write
        monkeypatch.setattr(os, "write", lambda file, data: really_write(file, memoryview(data)[:1_000]))
        local.put(NAME, [bytes(range(256)) * 10, b"", memoryview(b"the end")])
        assert local.read(NAME, 0, local.size(NAME)) == bytes(range(256)) * 10 + b"the end"

    def test_what_is_no_regular_file_is_not_read(self, root: Path, local: LocalBackend) -> None:
        local.put(NAME, [b"abc"])
        os.mkfifo(root / "packs/ab/fifo.pack")
        (root / "packs/ab/folder.pack").mkdir()
        for name in ("packs/ab/fifo.pack", "packs/ab/folder.pack"):
            with pytest.raises(Integrity, match="not a regular file"):
                local.read(name, 0, 0)


class TestLinks:
    """No link below the root is followed, so nothing outside is read, written or removed."""

    @pytest.mark.parametrize("link", ["incoming", "packs", "packs/ab", NAME])
    def test_nothing_outside_is_touched(self, root: Path, local: LocalBackend, tmp_path: Path, link: str) -> None:
        outside = tmp_path / "outside"
        (outside / "ab").mkdir(parents=True)
        for secret in (outside / "one.pack", outside / "ab/one.pack", outside / "123.tmp"):
            secret.write_bytes(b"secret")
        (root / link).parent.mkdir(parents=True)
        (root / link).symlink_to(outside / "one.pack" if link == NAME else outside)
        before = everything_in(outside)

        for action in (lambda: local.read(NAME, 0, 3), lambda: local.size(NAME), lambda: local.delete(NAME)):
            try:
                assert action() is None
            except LastgoodError as error:
                assert error.kind in {"integrity", "not-found"}  # noqa: PT017
        try:
            assert list(local.names("packs")) == []
        except Integrity as error:
            assert "link" in error.message  # noqa: PT017
        if link == NAME:
            local.put(NAME, [b"abc"])
            assert local.read(NAME, 0, 3) == b"abc"
        else:
            with pytest.raises(Integrity, match="link"):
                local.put(NAME, [b"abc"])
        assert everything_in(outside) == before
        assert {path.read_bytes() for path in outside.rglob("*") if path.is_file()} == {b"secret"}


class TestIncoming:
    """What is being written is never taken away; what a killed process left is."""

    def test_a_killed_writer_leaves_nothing_for_long(self, root: Path, local: LocalBackend) -> None:
        with a_writer_half_way(root) as writer:
            assert local_sees_a_temporary_file(root)
            LocalBackend(root).put("packs/ab/two.pack", [b"abc"])
            assert local_sees_a_temporary_file(root)
            writer.kill()
            writer.wait()
            assert local_sees_a_temporary_file(root)
        local.put("packs/ab/three.pack", [b"abc"])
        assert everything_in(root / "incoming") == []
        assert list(local.names("packs")) == ["packs/ab/three.pack", "packs/ab/two.pack"]

    def test_a_file_that_a_sweep_took_before_its_lock_is_made_again(
        self, root: Path, local: LocalBackend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The race of making and locking: a sweep locks and removes the file first, and goes away."""
        really_flock = fcntl.flock
        taken: list[str] = []

        def flock(file: int, operation: int) -> None:
            if operation == fcntl.LOCK_EX and len(taken) < 3:
                (temporary,) = (root / "incoming").glob("*.tmp")
                temporary.unlink()
                taken.append(temporary.name)
            really_flock(file, operation)

        monkeypatch.setattr(fcntl, "flock", flock)
        local.put(NAME, [b"abc"])
        assert len(set(taken)) == 3
        assert local.read(NAME, 0, 3) == b"abc"
        assert everything_in(root / "incoming") == []

    def test_a_number_in_use_is_passed_over(self, root: Path, local: LocalBackend) -> None:
        (root / "incoming").mkdir(parents=True)
        held = [(root / f"incoming/{os.getpid()}-{number}.tmp").open("wb") for number in range(3)]
        for file in held:
            fcntl.flock(file, fcntl.LOCK_EX)
        local.put(NAME, [b"abc"])
        assert local.read(NAME, 0, 3) == b"abc"
        assert len(everything_in(root / "incoming")) == 3
        for file in held:
            file.close()

    def test_without_locks_bytes_are_kept_all_the_same(self, root: Path, local: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
        def flock(file: int, operation: int) -> None:
            raise OSError(errno.ENOLCK, "no locks")

        monkeypatch.setattr(fcntl, "flock", flock)
        (root / "incoming").mkdir(parents=True)
        (root / "incoming/77-0.tmp").write_bytes(b"perhaps in use")
        local.put(NAME, [b"abc"])
        assert local.read(NAME, 0, 3) == b"abc"
        assert everything_in(root / "incoming") == ["77-0.tmp"]


class TestTrouble:
    """What the operating system refuses has a name, and nothing half-kept stays behind."""

    @pytest.mark.parametrize(
        ("number", "expected"),
        [
            (errno.ENOSPC, StorageFull),
            (errno.EDQUOT, StorageFull),
            (errno.EFBIG, StorageFull),
            (errno.EROFS, ReadOnly),
            (errno.EACCES, ReadOnly),
            (errno.EPERM, ReadOnly),
            (errno.EIO, Unavailable),
            (errno.EMFILE, Unavailable),
        ],
    )
    @pytest.mark.parametrize("call", ["open", "mkdir", "write", "fsync", "rename"])
    def test_writing(self, root: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, expected: type[LastgoodError]) -> None:
        def refuse(*_: object, **__: object) -> int:
            raise OSError(number, os.strerror(number))

        if call == "open":
            root.mkdir()
        monkeypatch.setattr(os, call, refuse)
        with pytest.raises(expected) as caught:
            LocalBackend(root).put(NAME, [b"abc"])
        monkeypatch.undo()
        assert type(caught.value) is expected
        assert NAME in caught.value.message
        assert not [path for path in root.rglob("*") if path.is_file()]
        LocalBackend(root).put(NAME, [b"abc"])

    @pytest.mark.parametrize(
        ("number", "expected"), [(errno.EIO, Unavailable), (errno.EACCES, NotAllowed), (errno.EPERM, NotAllowed), (errno.ELOOP, Integrity)]
    )
    @pytest.mark.parametrize("operation", [lambda it: it.read(NAME, 0, 3), lambda it: it.size(NAME), lambda it: list(it.names("packs"))])
    def test_reading(
        self,
        local: LocalBackend,
        monkeypatch: pytest.MonkeyPatch,
        operation: Callable[[LocalBackend], object],
        number: int,
        expected: type[LastgoodError],
    ) -> None:
        def refuse(*_: object, **__: object) -> int:
            raise OSError(number, os.strerror(number))

        local.put(NAME, [b"abc"])
        monkeypatch.setattr(os, "open", refuse)
        with pytest.raises(expected):
            operation(local)

    def test_a_limit_on_file_sizes(self, root: Path) -> None:
        done = run_in_child(
            """
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
            try:
                backend.put("packs/ab/large.pack", [bytes(1 << 16)] * 64)
            except StorageFull as error:
                print(error.kind)
            backend.put("packs/ab/small.pack", [b"abc"])
            """,
            root,
        )
        assert done == "storage-full\n"
        assert [name for name in everything_in(root) if name.endswith(("tmp", "pack"))] == ["packs/ab/small.pack"]

    def test_a_full_disk(self, tiny_disk: Path) -> None:
        local = LocalBackend(tiny_disk / "store")
        local.put("packs/ab/small.pack", [b"abc"])
        with pytest.raises(StorageFull, match="no room"):
            local.put("packs/ab/large.pack", [bytes(1 << 16)] * 64)
        assert list(local.names("packs")) == ["packs/ab/small.pack"]
        assert everything_in(tiny_disk / "store/incoming") == []
        local.put("packs/ab/other.pack", [b"abc"])

    def test_a_disk_that_takes_no_writes(self, tiny_disk: Path) -> None:
        local = LocalBackend(tiny_disk / "store")
        local.put(NAME, [b"abc"])
        subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
        for backend in (local, LocalBackend(tiny_disk / "store"), LocalBackend(tiny_disk / "other")):
            with pytest.raises(ReadOnly):
                backend.put("packs/ab/two.pack", [b"abc"])
        with pytest.raises(ReadOnly):
            local.delete(NAME)
        assert local.read(NAME, 0, 3) == b"abc"

    def test_somebody_elses_folder(self, root: Path, local: LocalBackend) -> None:
        local.put(NAME, [b"abc"])
        # Everything is done once before, since nobody may be unable to read the interpreter's own files.
        script = """
            if os.geteuid() == 0:
                backend.put("packs/ab/three.pack", [b"x"]); backend.delete("packs/ab/three.pack")
                os.setgroups([]); os.setgid(65534); os.setuid(65534)
            for action in (lambda: backend.put("packs/ab/two.pack", [b"x"]), lambda: backend.delete("packs/ab/one.pack"),
                           lambda: backend.read("packs/ab/one.pack", 0, 3)):
                try:
                    print(action())
                except LastgoodError as error:
                    print(error.kind)
            """
        for folder in (root, root / "packs", root / "packs/ab", root / "incoming"):
            folder.chmod(0o555)
        for folder in root.parents:
            if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
                folder.chmod(folder.stat().st_mode | 0o055)
        assert run_in_child(script, root).split() == ["read-only", "read-only", "b'abc'"]
        (root / NAME).chmod(0o000)
        assert run_in_child(script, root).split() == ["read-only", "read-only", "not-allowed"]
        for folder in (root, root / "packs", root / "packs/ab", root / "incoming"):
            folder.chmod(0o755)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("mounting is not permitted here; the injected errors and the limit on file sizes stand in for it")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def local_sees_a_temporary_file(root: Path) -> bool:
    return len(everything_in(root / "incoming")) == 1
