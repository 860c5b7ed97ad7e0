"""The local folder keeps its promise when the power goes, and the suite that says so notices each fsync that is missing."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from lastgood.store.backend import Piece, local
from lastgood.store.backend.local import LocalBackend
from lastgood.testing.disk import ROOT, Kind, Linked, Made, Removed, Renamed, Step, Synced, Truncated, Wrote, after_power_cut
from lastgood.testing.durability import DurabilityConformance, OpenBackend, broken_at_power_cuts
from lastgood.testing.recording import recording


class TestLocal(DurabilityConformance):
    """The backend in a local folder."""

    @pytest.fixture
    def open_backend(self) -> OpenBackend:
        return LocalBackend


def without_fsync_of(monkeypatch: pytest.MonkeyPatch, function: str, which: Callable[[Path], bool]) -> None:
    """Leave out some of the backend's fsyncs."""
    really = getattr(local, function)

    def sync(file: int) -> None:
        if not which(Path(os.readlink(f"/proc/self/fd/{file}"))):
            really(file)

    monkeypatch.setattr(local, function, sync)


LEFT_OUT: dict[str, tuple[str, Callable[[Path], bool], str]] = {
    "of every file": ("_fsync", lambda _: True, "torn"),
    "of small files": ("_fsync", lambda path: path.stat().st_size < 10, "torn"),
    "of every folder": ("_fsync_folder", lambda _: True, "absent"),
    "of the folder a name is in": ("_fsync_folder", lambda path: path.name in {"ab", "cd"}, "absent"),
    "of the folder above": ("_fsync_folder", lambda path: path.name == "packs", "absent"),
    "of the folder around the store": ("_fsync_folder", lambda path: path.name == "recorded", "absent"),
}


@pytest.mark.parametrize("what", LEFT_OUT)
def test_a_missing_fsync_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    function, which, harm = LEFT_OUT[what]
    without_fsync_of(monkeypatch, function, which)

    broken = broken_at_power_cuts(LocalBackend, tmp_path, cuts=60, chance=random.Random(1))

    assert broken
    assert any(harm in line for line in broken)


def test_a_backend_that_writes_in_place_is_noticed(tmp_path: Path) -> None:
    class InPlace(LocalBackend):
        def __init__(self, root: Path) -> None:
            super().__init__(root)
            self.root = root

        def put(self, name: str, pieces: Sequence[Piece]) -> None:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            for folder in (self.root / name).relative_to(self.root.parent).parents:
                with_opened(self.root.parent / folder, os.O_RDONLY, os.fsync)
            with_opened(self.root / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, lambda file: os.write(file, b"".join(pieces)))
            with_opened(self.root / name, os.O_RDONLY, os.fsync)
            with_opened((self.root / name).parent, os.O_RDONLY, os.fsync)

    broken = broken_at_power_cuts(InPlace, tmp_path, cuts=60, chance=random.Random(1))

    assert any("torn" in line for line in broken)


def with_opened(path: Path, flags: int, action: Callable[[int], object]) -> None:
    file = os.open(path, flags)
    try:
        action(file)
    finally:
        os.close(file)


A: Step = Made(1, ROOT, "a", Kind.FILE)
FOLDER: list[Step] = [Made(2, ROOT, "d", Kind.FOLDER), Synced(ROOT)]
SEEDS = range(300)


def survivors(*steps: Step, kept: float = 0.5) -> list[dict[str, bytes | str | None]]:
    """Return, each once, what may be there after a power cut."""
    found = [dict(after_power_cut(steps, random.Random(seed), kept=kept)) for seed in SEEDS]
    return [one for number, one in enumerate(found) if one not in found[:number]]


class TestDisk:
    """What the simulated disk may forget, and what it may not."""

    def test_what_is_synced_is_kept(self) -> None:
        assert survivors(A, Wrote(1, 0, b"abc"), Synced(1), Synced(ROOT)) == [{"a": b"abc"}]
        assert survivors(*FOLDER, Made(3, 2, "l", Kind.LINK, "../x"), Synced(2)) == [{"d": None, "d/l": "../x"}]

    def test_a_name_is_not_synced_with_its_file(self) -> None:
        assert {} in survivors(A, Wrote(1, 0, b"abc"), Synced(1))
        assert survivors(A, Wrote(1, 0, b"abc"), Synced(1), kept=0) == [{}]

    def test_what_is_written_may_be_torn_lost_or_kept_in_any_order(self) -> None:
        found = survivors(A, Synced(ROOT), Wrote(1, 0, b"ab"), Wrote(1, 2, b"cd"))
        assert {"a": b""} in found
        assert {"a": b"abcd"} in found
        assert {"a": b"\0\0cd"} in found
        assert {"a": b"a"} in found

    def test_a_length_is_written_as_bytes_are(self) -> None:
        assert survivors(A, Synced(ROOT), Wrote(1, 0, b"abc"), Synced(1), Truncated(1, 1)) == [{"a": b"abc"}, {"a": b"a"}]
        assert survivors(A, Synced(ROOT), Truncated(1, 2), Synced(1)) == [{"a": b"\0\0"}]

    def test_a_rename_loses_no_file(self) -> None:
        found = survivors(*FOLDER, A, Synced(ROOT), Renamed(ROOT, "a", 2, "b"))
        assert {frozenset(one) for one in found} == {frozenset({"d", "a"}), frozenset({"d", "a", "d/b"}), frozenset({"d", "d/b"})}
        assert survivors(*FOLDER, A, Synced(ROOT), Renamed(ROOT, "a", 2, "b"), Synced(ROOT)) == [{"d": None, "d/b": b""}]
        old_may_stay = survivors(*FOLDER, A, Synced(ROOT), Renamed(ROOT, "a", 2, "b"), Synced(2))
        assert [sorted(one) for one in old_may_stay] in ([["a", "d", "d/b"], ["d", "d/b"]], [["d", "d/b"], ["a", "d", "d/b"]])

    def test_what_took_over_a_name_is_not_undone_by_what_came_before(self) -> None:
        steps = [A, Wrote(1, 0, b"old"), Synced(1), Made(2, ROOT, "n", Kind.FILE), Wrote(2, 0, b"new"), Synced(2), Synced(ROOT)]
        assert survivors(*steps, Removed(ROOT, "a"), Renamed(ROOT, "n", ROOT, "a"), Synced(ROOT)) == [{"a": b"new"}]
        found = survivors(*steps, Renamed(ROOT, "n", ROOT, "a"))
        assert {one["a"] for one in found} == {b"old", b"new"}

    def test_one_file_may_have_two_names(self) -> None:
        assert survivors(A, Linked(1, ROOT, "b"), Synced(ROOT), Wrote(1, 0, b"x"), Synced(1)) == [{"a": b"x", "b": b"x"}]


class TestRecording:
    """Each call that changes something is a step, and what they add up to is what is there."""

    def test_what_was_done_is_what_is_there(self, tmp_path: Path) -> None:
        (tmp_path / "before").mkdir()
        (tmp_path / "before/file").write_bytes(b"before")
        (tmp_path / "before/link").symlink_to("file")
        outside = tmp_path.parent / f"{tmp_path.name}-outside"
        with recording(tmp_path) as steps:
            everything(tmp_path, outside)
        there = {
            str(path.relative_to(tmp_path)): os.readlink(path) if path.is_symlink() else None if path.is_dir() else path.read_bytes()
            for path in sorted(tmp_path.rglob("*"))
        }
        assert dict(after_power_cut(steps, random.Random(1), kept=1)) == there
        assert after_power_cut(steps, random.Random(1), kept=0) == {"before": None, "before/file": b"before", "before/link": "file"}

    def test_calls_are_let_go_of(self, tmp_path: Path) -> None:
        before = os.open, os.write, os.rename
        with suppress(ZeroDivisionError), recording(tmp_path):
            assert os.open is not before[0]
            raise ZeroDivisionError
        assert (os.open, os.write, os.rename) == before


def everything(root: Path, outside: Path) -> None:
    """Change files in every way there is."""
    opened = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    os.mkdir("made", dir_fd=opened)
    file = os.open("made/file", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=opened)
    os.write(file, b"0123456789")
    os.write(file, memoryview(b"abcd").cast("I"))
    os.pwrite(file, b"PP", 3)
    os.ftruncate(file, 12)
    os.close(file)
    file = os.open(root / "made/file", os.O_WRONLY | os.O_APPEND)
    os.write(file, b"appended")
    os.close(file)
    os.close(os.open(root / "before/file", os.O_WRONLY | os.O_TRUNC))
    (root / "deep/er").mkdir(parents=True)
    os.rename("made/file", "moved", src_dir_fd=opened, dst_dir_fd=opened)
    os.link("moved", "linked", src_dir_fd=opened, dst_dir_fd=opened)
    os.symlink("moved", root / "pointer")
    os.replace(root / "pointer", root / "deep/pointer")
    os.unlink("before/link", dir_fd=opened)
    (root / "deep/er").rmdir()
    os.close(os.open(outside, os.O_WRONLY | os.O_CREAT))
    os.rename(outside, f"{outside}-renamed")
    os.remove(f"{outside}-renamed")
    os.close(opened)
