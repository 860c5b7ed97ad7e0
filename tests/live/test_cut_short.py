"""Moves that are cut short: what was not begun has not moved, and what was is finished by the next command."""

from __future__ import annotations

import errno
import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lastgood.errors import (
    AlreadyExists,
    BadRelease,
    Busy,
    Integrity,
    LiveFolderBehind,
    NotAllowed,
    NotFound,
    StaleEnvironment,
    StorageFull,
)
from lastgood.ids import EnvironmentName
from lastgood.live.environments import LiveEnvironments
from lastgood.model.changes.releases import Verdict
from lastgood.registry.embedded import EmbeddedRegistry
from tests.live.bot import PROD, damage_pack, folder_at, leftovers, live, names, new_registry, number_on, prepared, say, text
from tests.live.interruption import Killed, interrupted, raise_killed


class TestNothingMovesBeforeTheFilesAreThere:
    def test_no_room(self, registry: EmbeddedRegistry, run: Path) -> None:
        say(registry, "small")
        say(registry, "large " * 20_000)
        environments = live(registry, run)
        environments.deploy("prod", "r1")

        with largest_file(50_000), pytest.raises(StorageFull):
            environments.deploy("prod", "r2")

        assert (number_on(registry), text(run), prepared(run, registry)) == (1, "small", {1})
        assert environments.deploy("prod", "r2").changed
        assert not leftovers(run)

    def test_damaged_bytes(self, three: EmbeddedRegistry, run: Path, tmp_path: Path) -> None:
        environments = live(three, run)
        environments.deploy("prod", "r1")
        damage_pack(tmp_path, 2)

        with pytest.raises(Integrity):
            environments.deploy("prod", "r2")

        assert (number_on(three), text(run), prepared(run, three)) == (1, "one", {1})

    def test_a_folder_in_use_for_something_else(self, three: EmbeddedRegistry, run: Path) -> None:
        run.mkdir(parents=True)
        (run / "index.html").write_text("mine")

        with pytest.raises(AlreadyExists):
            live(three, run).deploy("prod", "r1")

        with pytest.raises(NotFound):
            three.environments.get("prod")
        assert names(run) == {"index.html"}

    @pytest.mark.parametrize("inside", ["", "releases", ".lastgood-live/incoming", ".lastgood-live/lock"])
    def test_a_folder_that_cannot_be_written(self, unprivileged_folder: Path, inside: str) -> None:
        registry = new_registry(unprivileged_folder)
        say(registry, "one")
        say(registry, "two")
        run = unprivileged_folder / "run"
        environments = live(registry, run)
        environments.deploy("prod", "r1")
        before = (run / inside).stat().st_mode
        (run / inside).chmod(before & ~0o222)

        with pytest.raises(NotAllowed):
            environments.deploy("prod", "r2")

        assert (number_on(registry), text(run)) == (1, "one")
        assert not environments.settle("prod")
        (run / inside).chmod(before)
        environments.deploy("prod", "r2")
        assert text(run) == "two"
        registry.close()

    def test_somebody_at_work_on_the_folder(self, three: EmbeddedRegistry, run: Path) -> None:
        environments = LiveEnvironments(three.environments, three, {PROD: run}, os.urandom, wait=0.05)
        with folder_at(run).locked(), pytest.raises(Busy):
            environments.deploy("prod", "r1")

        with pytest.raises(NotFound):
            three.environments.get("prod")

    def test_somebody_who_moved_it_first(self, three: EmbeddedRegistry, run: Path) -> None:
        live(three, run).deploy("prod", "r1")
        environments = interrupted(three, run, before=lambda: three.environments.deploy("prod", "r3"))

        with pytest.raises(StaleEnvironment):
            environments.deploy("prod", "r2")

        assert (number_on(three), text(run)) == (3, "one")
        assert environments.settle("prod")
        assert text(run) == "three"

    def test_somebody_who_called_the_target_bad(self, three: EmbeddedRegistry, run: Path) -> None:
        live(three, run).deploy("prod", "r1")
        live(three, run).deploy("prod", "r2")
        environments = interrupted(three, run, before=lambda: three.releases.mark("r1", Verdict.BAD, "rude"))

        with pytest.raises(BadRelease):
            environments.rollback("prod")

        assert (number_on(three), text(run)) == (2, "two")


class TestCutShort:
    def test_killed_between_the_move_and_the_switch(self, three: EmbeddedRegistry, run: Path) -> None:
        live(three, run).deploy("prod", "r1")
        with pytest.raises(Killed):
            interrupted(three, run, after=raise_killed).deploy("prod", "r2")
        assert (number_on(three), text(run)) == (2, "one")

        environments = live(three, run)
        assert environments.settle("prod")
        assert text(run) == "two"
        assert not environments.settle("prod")

    def test_the_next_move_settles_as_well(self, three: EmbeddedRegistry, run: Path) -> None:
        live(three, run).deploy("prod", "r1")
        with pytest.raises(Killed):
            interrupted(three, run, after=raise_killed).deploy("prod", "r2")

        with pytest.raises(Killed):
            interrupted(three, run, before=raise_killed).rollback("prod")

        assert (number_on(three), text(run)) == (2, "two")

    def test_killed_while_the_files_were_written(self, three: EmbeddedRegistry, run: Path) -> None:
        live(three, run).deploy("prod", "r1")
        with pytest.raises(Killed):
            interrupted(three, run, before=raise_killed).deploy("prod", "r2")

        assert (number_on(three), text(run)) == (1, "one")
        assert not live(three, run).settle("prod")
        live(three, run).deploy("prod", "r2")
        assert text(run) == "two"

    def test_a_switch_that_fails_says_what_was_done_and_what_was_not(self, three: EmbeddedRegistry, run: Path) -> None:
        live(three, run).deploy("prod", "r1")

        def block() -> None:
            (run / "current").rename(run / "aside")
            (run / "current").mkdir()

        with pytest.raises(LiveFolderBehind) as behind:
            interrupted(three, run, after=block).deploy("prod", "r2")

        assert behind.value.message.startswith(f"prod was moved to r2 (revision 2), and that stands; but {run}/current was not switched")
        assert "nothing was changed" not in behind.value.message
        assert behind.value.details["cause"] == "already-exists"
        assert behind.value.exit_code == 8
        assert number_on(three) == 2
        problems = live(three, run).settle_all()
        assert [type(problem) for problem in problems] == [AlreadyExists]
        (run / "current").rmdir()
        (run / "aside").rename(run / "current")
        assert not live(three, run).settle_all()
        assert text(run) == "two"

    def test_a_disk_that_fails_after_the_move_does_not_hide_it(
        self, three: EmbeddedRegistry, run: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        live(three, run).deploy("prod", "r1")

        def fail() -> None:
            def is_dir(path: Path) -> bool:
                raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

            monkeypatch.setattr(Path, "is_dir", is_dir)

        with pytest.raises(LiveFolderBehind) as behind:
            interrupted(three, run, after=fail).deploy("prod", "r2")

        assert behind.value.details["cause"] == "unavailable"
        monkeypatch.undo()
        assert number_on(three) == 2
        assert not live(three, run).settle_all()
        assert text(run) == "two"

    def test_a_move_right_after_ours_wins(self, three: EmbeddedRegistry, run: Path) -> None:
        live(three, run).deploy("prod", "r1")

        ours = interrupted(three, run, after=lambda: three.environments.deploy("prod", "r3")).deploy("prod", "r2")

        assert (ours.after.number, number_on(three), text(run)) == (2, 3, "three")

    def test_a_move_right_after_ours_to_what_cannot_be_written(self, three: EmbeddedRegistry, run: Path, tmp_path: Path) -> None:
        live(three, run).deploy("prod", "r1")

        def elsewhere() -> None:
            damage_pack(tmp_path, 3)
            three.environments.deploy("prod", "r3")

        with pytest.raises(LiveFolderBehind):
            interrupted(three, run, after=elsewhere).deploy("prod", "r2")

        assert (number_on(three), text(run)) == (3, "one")


class TestSettle:
    def test_a_move_from_elsewhere_is_followed(self, three: EmbeddedRegistry, run: Path) -> None:
        environments = live(three, run)
        assert not environments.settle("prod")
        assert not run.exists()

        three.environments.deploy("prod", "r2")

        assert not environments.settle_all()
        assert text(run) == "two"

    def test_what_is_right_is_not_touched(self, three: EmbeddedRegistry, run: Path) -> None:
        environments = live(three, run)
        environments.deploy("prod", "r1")
        shutil.rmtree(run / ".lastgood-live")

        assert not environments.settle("prod")

        assert names(run) == {"current", "releases"}

    def test_one_folder_that_cannot_follow_keeps_no_other_from_it(self, three: EmbeddedRegistry, run: Path) -> None:
        staging = EnvironmentName("staging")
        folders = {PROD: run, staging: run.with_name("staging")}
        environments = LiveEnvironments(three.environments, three, folders, os.urandom)
        three.environments.deploy("prod", "r1")
        three.environments.deploy("staging", "r2")
        run.mkdir(parents=True)
        (run / "mine").touch()

        assert [problem.kind for problem in environments.settle_all()] == ["already-exists"]

        assert text(run.with_name("staging")) == "two"

    def test_a_top_that_cannot_be_written_keeps_nobody_from_going_back(self, three: EmbeddedRegistry, run: Path, tmp_path: Path) -> None:
        environments = live(three, run)
        environments.deploy("prod", "r1")
        three.environments.deploy("prod", "r2")
        damage_pack(tmp_path, 2)
        with pytest.raises(Integrity):
            environments.settle("prod")

        assert environments.rollback("prod").after.number == 1

        assert text(run) == "one"

    def test_a_registry_that_was_made_anew_does_not_take_the_folder(self, three: EmbeddedRegistry, run: Path, tmp_path: Path) -> None:
        live(three, run).deploy("prod", "r1")
        (tmp_path / "second").mkdir()
        second = new_registry(tmp_path / "second")
        say(second, "another")

        with pytest.raises(AlreadyExists, match=f"follows bot/prod of the registry {three.id}"):
            live(second, run).deploy("prod")

        assert text(run) == "one"
        second.close()


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size: what a full disk is to whoever writes one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
