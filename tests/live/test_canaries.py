"""Canaries with live folders: `canary` stands beside `current` while one runs, through crashes too."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lastgood.errors import AlreadyExists, CanaryRunning, LiveFolderBehind
from lastgood.ids import OperationId
from lastgood.live.environments import LiveEnvironments
from lastgood.live.folder import LiveFolder
from lastgood.live.operations import LiveOperations
from lastgood.registry.embedded import EmbeddedRegistry
from tests.live.bot import PROMPT, live, prepared, text
from tests.live.interruption import Killed, raise_killed

OPERATION = OperationId.parse("5a3c1c1e-6a4f-4c8a-9b53-0c1f3a2b4d5e")


def canary_text(run: Path) -> str | None:
    """What a call that the canary answers is answered by."""
    return (run / "canary" / PROMPT).read_text() if (run / "canary").is_symlink() else None


@pytest.fixture
def running(three: EmbeddedRegistry, run: Path) -> LiveEnvironments:
    """`prod` is on r2, with r3 beside it."""
    environments = live(three, run)
    environments.deploy("prod", "r1")
    environments.deploy("prod", "r2")
    environments.canaries.start("prod", "latest", 10)
    return environments


def test_it_stands_beside_current(running: LiveEnvironments, run: Path) -> None:
    assert (text(run), canary_text(run)) == ("two", "three")
    running.canaries.start("prod", "r3", 50)
    assert (text(run), canary_text(run)) == ("two", "three")


@pytest.mark.parametrize(
    ("end", "left"),
    [
        (lambda environments: environments.canaries.promote("prod"), "three"),
        (lambda environments: environments.canaries.abort("prod"), "two"),
        (lambda environments: environments.rollback("prod"), "two"),
        (lambda environments: environments.rollback("prod", "r1"), "one"),
    ],
    ids=["promote", "abort", "rollback", "rollback to"],
)
def test_it_is_gone_when_the_canary_ends(
    running: LiveEnvironments, run: Path, end: Callable[[LiveEnvironments], object], left: str
) -> None:
    end(running)
    assert (text(run), canary_text(run)) == (left, None)
    assert not running.settle("prod")


def test_a_reader_of_the_canary_keeps_its_files_until_the_next_switch(
    running: LiveEnvironments, run: Path, three: EmbeddedRegistry
) -> None:
    there = (run / "canary").resolve()
    running.canaries.abort("prod")
    assert (there / PROMPT).read_text() == "three"
    running.deploy("prod", "r1")
    assert prepared(run, three) == {1, 2}


def test_its_files_stay_as_long_as_it_runs(running: LiveEnvironments, run: Path, three: EmbeddedRegistry) -> None:
    assert prepared(run, three) == {1, 2, 3}, "and those of where a rollback would go without it"
    running.canaries.start("prod", "r3", 90)
    assert prepared(run, three) == {1, 2, 3}
    running.rollback("prod", "r1")
    assert prepared(run, three) == {1, 2, 3}, "what was switched away from stays until the next switch"
    running.deploy("prod", "r2")
    assert prepared(run, three) == {1, 2}


def test_what_is_refused_writes_nothing(running: LiveEnvironments, run: Path) -> None:
    with pytest.raises(CanaryRunning):
        running.deploy("prod", "r1")
    with pytest.raises(CanaryRunning):
        running.canaries.start("prod", "r1", 20)
    assert (text(run), canary_text(run)) == ("two", "three")


def test_a_retry_gets_its_first_answer(running: LiveEnvironments, run: Path) -> None:
    first = running.canaries.promote("prod", operation=OPERATION)
    assert running.canaries.promote("prod", operation=OPERATION) == first
    running.rollback("prod")
    assert running.canaries.promote("prod", operation=OPERATION) == first
    assert (text(run), canary_text(run)) == ("two", None)


@pytest.mark.parametrize("step", ["switch", "switch_canary", "prune"])
@pytest.mark.parametrize("move", ["start", "promote", "abort", "rollback"])
def test_a_crash_is_repaired_by_the_next_command(
    three: EmbeddedRegistry, run: Path, monkeypatch: pytest.MonkeyPatch, step: str, move: str
) -> None:
    environments = live(three, run)
    environments.deploy("prod", "r2")
    moves: dict[str, Callable[[], object]] = {
        "start": lambda: environments.canaries.start("prod", "r3", 10),
        "promote": lambda: environments.canaries.promote("prod"),
        "abort": lambda: environments.canaries.abort("prod"),
        "rollback": lambda: environments.rollback("prod"),
    }
    if move != "start":
        moves["start"]()
    with monkeypatch.context() as patched:
        patched.setattr(LiveFolder, step, lambda *_: raise_killed())
        try:
            moves[move]()
        except Killed:
            pass
        else:
            assert (step, move) in {("switch", "start"), ("switch", "abort"), ("switch", "rollback")}, "nothing of that step was to do"
    assert live(three, run).settle_all() == []
    details = three.environments.get("prod")
    words = {1: "one", 2: "two", 3: "three"}
    assert text(run) == words[details.release.number]
    assert canary_text(run) == (None if details.canary is None else words[details.canary.release.number])


def test_a_move_from_elsewhere_is_caught_up_with(three: EmbeddedRegistry, run: Path) -> None:
    environments = live(three, run)
    environments.deploy("prod", "r1")
    three.environments.canaries.start("prod", "r2", 10)
    assert environments.settle("prod")
    assert canary_text(run) == "two"
    three.environments.canaries.abort("prod")
    assert environments.settle("prod")
    assert canary_text(run) is None


def test_something_else_in_its_place_is_left_alone(three: EmbeddedRegistry, run: Path) -> None:
    environments = live(three, run)
    environments.deploy("prod", "r1")
    (run / "canary").mkdir()
    with pytest.raises(AlreadyExists, match="canary is not a link"):
        environments.canaries.start("prod", "r2", 10)
    assert three.environments.get("prod").canary is None


class TestUndo:
    def test_the_folder_follows(self, three: EmbeddedRegistry, run: Path, running: LiveEnvironments) -> None:
        operations = LiveOperations(three.operations, lambda: running)
        promoted = running.canaries.promote("prod")
        assert promoted.operation is not None
        operations.undo(promoted.operation)
        assert (text(run), canary_text(run)) == ("two", "three")

    def test_a_retried_undo_gets_its_first_answer_and_settles(self, three: EmbeddedRegistry, run: Path, running: LiveEnvironments) -> None:
        operations = LiveOperations(three.operations, lambda: running)
        aborted = running.canaries.abort("prod").operation
        assert aborted is not None
        first = operations.undo(aborted, operation=OPERATION)
        running.canaries.promote("prod")
        assert operations.undo(aborted, operation=OPERATION) == first
        assert (text(run), canary_text(run)) == ("three", None)

    def test_a_folder_that_cannot_follow_keeps_the_undo_from_being_made(
        self, three: EmbeddedRegistry, run: Path, running: LiveEnvironments
    ) -> None:
        operations = LiveOperations(three.operations, lambda: running)
        aborted = running.canaries.abort("prod").operation
        assert aborted is not None
        os.unlink(run / "current")
        (run / "current").mkdir()
        with pytest.raises((AlreadyExists, LiveFolderBehind)):
            operations.undo(aborted)
        assert three.environments.get("prod").canary is None
