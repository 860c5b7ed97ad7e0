"""Environments with live folders: what a move does to the folder, in its order, and after every way it can be cut short."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
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
    NothingGood,
    StaleEnvironment,
    StorageFull,
)
from lastgood.ids import EnvironmentName, OperationId, PipelineName
from lastgood.live.environments import LiveEnvironments
from lastgood.model.event import Verdict
from lastgood.registry.embedded import EmbeddedEnvironments, EmbeddedRegistry
from lastgood.registry.move import Moved
from tests.live.bot import BOT, PROD, PROMPT, SETTINGS, live, new_registry, publish, say
from tests.live.test_folder import folder_at, names

OPERATION = OperationId.parse("5a3c1c1e-6a4f-4c8a-9b53-0c1f3a2b4d5e")


class Killed(BaseException):
    """Ends a command where it stands, as a signal would."""


class Interrupted(EmbeddedEnvironments):
    """The registry's environments, with something else going on just before or after a move."""

    def __init__(
        self,
        registry: EmbeddedRegistry,
        *,
        before: Callable[[], object] = lambda: None,
        after: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__(registry.context)
        self._before = before
        self._after = after

    def deploy(self, environment: str, revision: str = "latest", **options: object) -> Moved:
        self._before()
        moved = super().deploy(environment, revision, **options)  # type: ignore[arg-type]
        self._after()
        return moved

    def rollback(self, environment: str, to: str | None = None, **options: object) -> Moved:
        self._before()
        moved = super().rollback(environment, to, **options)  # type: ignore[arg-type]
        self._after()
        return moved


def interrupted(
    registry: EmbeddedRegistry,
    run: Path,
    *,
    before: Callable[[], object] = lambda: None,
    after: Callable[[], object] = lambda: None,
) -> LiveEnvironments:
    inner = Interrupted(registry, before=before, after=after)
    return LiveEnvironments(inner, registry, {PROD: run}, os.urandom, wait=10)


def raise_killed() -> None:
    raise Killed


def text(run: Path) -> str:
    return (run / "current" / PROMPT).read_text()


def on(registry: EmbeddedRegistry) -> int:
    """The number of the release that prod is on."""
    return registry.environments.get("prod").release.number


def prepared(run: Path, registry: EmbeddedRegistry) -> set[int]:
    """The numbers of the releases whose folders are there."""
    return {one.release.number for one in registry.releases.log() if (run / "releases" / str(one.release.release)).is_dir()}


@pytest.fixture
def three(registry: EmbeddedRegistry) -> EmbeddedRegistry:
    for words in ("one", "two", "three"):
        say(registry, words)
    return registry


class TestMoves:
    def test_the_service_reads_what_is_deployed(self, three: EmbeddedRegistry, run: Path) -> None:
        environments = live(three, run)

        first = environments.deploy("prod", "r1", reason="launch")
        assert (first.changed, first.before, first.after.number, text(run)) == (True, None, 1, "one")
        environments.deploy("prod")
        assert text(run) == "three"
        back = environments.rollback("prod")
        assert (back.after.number, text(run)) == (1, "one")
        environments.rollback("prod", "r3")
        assert text(run) == "three"
        assert [stay.deployment.reason for stay in environments.history("prod")] == [None, None, None, "launch"]

    def test_an_environment_without_a_folder_is_only_moved(self, three: EmbeddedRegistry, run: Path) -> None:
        environments = live(three, run)

        environments.deploy("staging", "r1")

        assert three.environments.get("staging").release.number == 1
        assert not run.exists()

    def test_of_another_pipeline_nothing_is_written(self, three: EmbeddedRegistry, run: Path) -> None:
        other = PipelineName("other")
        publish(three, {PROMPT: b"other"}, pipeline=other)
        environments = LiveEnvironments(three.environments, three, {PROD: run}, os.urandom, pipeline=BOT)

        environments.deploy("other/prod")
        assert not environments.settle("other/prod")
        assert not run.exists()
        environments.deploy("bot/prod", "bot/r1")
        assert text(run) == "one"
        environments.deploy("other/prod")
        assert not environments.settle_all()
        assert text(run) == "one"

    def test_the_only_pipeline_may_be_another_than_the_folders_one(self, three: EmbeddedRegistry, run: Path) -> None:
        environments = LiveEnvironments(three.environments, three, {PROD: run}, os.urandom, pipeline=PipelineName("new"))

        environments.deploy("prod", "r1")

        assert not run.exists()
        assert not environments.settle_all()

    def test_deploying_what_is_live_puts_the_folder_right(self, three: EmbeddedRegistry, run: Path) -> None:
        environments = live(three, run)
        environments.deploy("prod", "r1")
        environments.deploy("prod", "r2")
        (run / "current" / PROMPT).write_text("patched in a hurry")

        same = environments.deploy("prod", "r2")
        assert (same.changed, text(run)) == (False, "two")

        (run / "current").unlink()
        (run / "current").symlink_to(f"releases/{three.releases.find('r1').release.release}")
        assert not environments.deploy("prod", "r2").changed
        assert text(run) == "two"

        shutil.rmtree(run)
        assert not environments.deploy("prod", "r2").changed
        assert text(run) == "two"

    def test_going_back_restores_what_somebody_patched(self, three: EmbeddedRegistry, run: Path) -> None:
        environments = live(three, run)
        environments.deploy("prod", "r1")
        (run / "current" / PROMPT).write_text("uno")
        environments.deploy("prod", "r2")

        environments.rollback("prod")

        assert text(run) == "one"

    def test_the_top_the_good_one_and_the_one_before_stay(self, registry: EmbeddedRegistry, run: Path) -> None:
        for number in range(1, 6):
            say(registry, f"text {number}")
        environments = live(registry, run)
        for number in range(1, 5):
            environments.deploy("prod", f"r{number}")
        assert prepared(run, registry) == {3, 4}

        environments.rollback("prod")
        assert (on(registry), prepared(run, registry)) == (3, {3, 4})
        environments.deploy("prod", "r5")
        assert prepared(run, registry) == {3, 5}
        environments.rollback("prod")
        environments.rollback("prod")
        assert (on(registry), prepared(run, registry)) == (2, {2, 3})

    def test_a_retried_operation_gets_its_first_answer_and_the_folder_the_newest_release(self, three: EmbeddedRegistry, run: Path) -> None:
        environments = live(three, run)
        environments.deploy("prod", "r1")
        environments.deploy("prod", "r2")
        first = environments.rollback("prod", operation=OPERATION)
        environments.deploy("prod", "r3")

        assert environments.rollback("prod", operation=OPERATION) == first
        assert environments.rollback("prod", expect=2, operation=OPERATION) == first
        assert (on(three), text(run)) == (3, "three")

    def test_a_retried_rollback_with_nowhere_left_to_go_gets_its_first_answer(self, three: EmbeddedRegistry, run: Path) -> None:
        environments = live(three, run)
        environments.deploy("prod", "r1")
        environments.deploy("prod", "r2")
        first = environments.rollback("prod", operation=OPERATION)

        with pytest.raises(NothingGood):
            environments.rollback("prod")
        assert environments.rollback("prod", operation=OPERATION) == first

    def test_what_latest_meant_is_what_goes_live(self, three: EmbeddedRegistry, run: Path) -> None:
        environments = interrupted(three, run, before=lambda: say(three, "four"))

        assert environments.deploy("prod", "latest").after.number == 3
        assert text(run) == "three"


class TestNothingMovesBeforeTheFilesAreThere:
    def test_no_room(self, registry: EmbeddedRegistry, run: Path) -> None:
        say(registry, "small")
        say(registry, "large " * 20_000)
        environments = live(registry, run)
        environments.deploy("prod", "r1")

        with largest_file(50_000), pytest.raises(StorageFull):
            environments.deploy("prod", "r2")

        assert (on(registry), text(run), prepared(run, registry)) == (1, "small", {1})
        assert environments.deploy("prod", "r2").changed
        assert not names(run / ".lastgood-live" / "incoming")

    def test_damaged_bytes(self, three: EmbeddedRegistry, run: Path, tmp_path: Path) -> None:
        environments = live(three, run)
        environments.deploy("prod", "r1")
        damage_pack_of(three, "two", tmp_path)

        with pytest.raises(Integrity):
            environments.deploy("prod", "r2")

        assert (on(three), text(run), prepared(run, three)) == (1, "one", {1})

    def test_a_folder_in_use_for_something_else(self, three: EmbeddedRegistry, run: Path) -> None:
        run.mkdir(parents=True)
        (run / "index.html").write_text("mine")

        with pytest.raises(AlreadyExists):
            live(three, run).deploy("prod", "r1")

        with pytest.raises(NotFound):
            three.environments.get("prod")
        assert names(run) == {"index.html"}

    @pytest.mark.parametrize("inside", ["", "releases", ".lastgood-live", ".lastgood-live/incoming"])
    def test_a_folder_that_cannot_be_written(self, unprivileged_folder: Path, inside: str) -> None:
        registry = new_registry(unprivileged_folder)
        say(registry, "one")
        say(registry, "two")
        run = unprivileged_folder / "run"
        environments = live(registry, run)
        environments.deploy("prod", "r1")
        (run / ".lastgood-live" / "lock").chmod(0o444)
        (run / inside).chmod(0o555)

        with pytest.raises(NotAllowed):
            environments.deploy("prod", "r2")

        assert (on(registry), text(run)) == (1, "one")
        assert not environments.settle("prod")
        (run / inside).chmod(0o755)
        (run / ".lastgood-live" / "lock").chmod(0o644)
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

        assert (on(three), text(run)) == (3, "one")
        assert environments.settle("prod")
        assert text(run) == "three"

    def test_somebody_who_called_the_target_bad(self, three: EmbeddedRegistry, run: Path) -> None:
        live(three, run).deploy("prod", "r1")
        live(three, run).deploy("prod", "r2")
        environments = interrupted(three, run, before=lambda: three.releases.mark("r1", Verdict.BAD, "rude"))

        with pytest.raises(BadRelease):
            environments.rollback("prod")

        assert (on(three), text(run)) == (2, "two")


class TestCutShort:
    def test_killed_between_the_move_and_the_switch(self, three: EmbeddedRegistry, run: Path) -> None:
        live(three, run).deploy("prod", "r1")
        with pytest.raises(Killed):
            interrupted(three, run, after=raise_killed).deploy("prod", "r2")
        assert (on(three), text(run)) == (2, "one")

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

        assert (on(three), text(run)) == (2, "two")

    def test_killed_while_the_files_were_written(self, three: EmbeddedRegistry, run: Path) -> None:
        live(three, run).deploy("prod", "r1")
        with pytest.raises(Killed):
            interrupted(three, run, before=raise_killed).deploy("prod", "r2")

        assert (on(three), text(run)) == (1, "one")
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
        assert on(three) == 2
        problems = live(three, run).settle_all()
        assert [type(problem) for problem in problems] == [AlreadyExists]
        (run / "current").rmdir()
        (run / "aside").rename(run / "current")
        assert not live(three, run).settle_all()
        assert text(run) == "two"

    def test_a_move_right_after_ours_wins(self, three: EmbeddedRegistry, run: Path) -> None:
        live(three, run).deploy("prod", "r1")

        ours = interrupted(three, run, after=lambda: three.environments.deploy("prod", "r3")).deploy("prod", "r2")

        assert (ours.after.number, on(three), text(run)) == (2, 3, "three")

    def test_a_move_right_after_ours_to_what_cannot_be_written(self, three: EmbeddedRegistry, run: Path, tmp_path: Path) -> None:
        live(three, run).deploy("prod", "r1")

        def elsewhere() -> None:
            damage_pack_of(three, "three", tmp_path)
            three.environments.deploy("prod", "r3")

        with pytest.raises(LiveFolderBehind):
            interrupted(three, run, after=elsewhere).deploy("prod", "r2")

        assert (on(three), text(run)) == (3, "one")


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
        damage_pack_of(three, "two", tmp_path)
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


def damage_pack_of(registry: EmbeddedRegistry, words: str, tmp_path: Path) -> None:
    """Flip bits in the newest pack that holds a text; each release of these tests has a pack of its own."""
    number = {"one": 1, "two": 2, "three": 3}[words]
    assert registry.releases.find(f"r{number}").release.number == number
    packs = sorted((tmp_path / ".lastgood").rglob("*.pack"), key=lambda pack: pack.stat().st_mtime_ns)
    pack = packs[number - 1]
    pack.chmod(0o644)
    data = bytearray(pack.read_bytes())
    for at in range(8, len(data), 8):
        data[at] ^= 0xFF
    pack.write_bytes(data)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size: what a full disk is to whoever writes one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
