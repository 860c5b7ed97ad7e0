"""Environments with live folders: what a deploy and a rollback do to the folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from lastgood.errors import NothingGood
from lastgood.ids import OperationId, PipelineName
from lastgood.live.environments import LiveEnvironments
from lastgood.model.changes.releases import Verdict
from lastgood.registry.embedded import EmbeddedRegistry
from tests.live.bot import BOT, PROD, PROMPT, live, number_on, prepared, publish, say, text
from tests.live.interruption import interrupted

OPERATION = OperationId.parse("5a3c1c1e-6a4f-4c8a-9b53-0c1f3a2b4d5e")


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
        assert (number_on(registry), prepared(run, registry)) == (3, {3, 4})
        environments.deploy("prod", "r5")
        assert prepared(run, registry) == {3, 5}
        environments.rollback("prod")
        environments.rollback("prod")
        assert (number_on(registry), prepared(run, registry)) == (2, {2, 3})

    def test_the_good_one_stays_though_another_was_live_since(self, three: EmbeddedRegistry, run: Path) -> None:
        environments = live(three, run)
        environments.deploy("prod", "r1")
        environments.deploy("prod", "r2")
        three.releases.mark("r2", Verdict.BAD, "rude")

        environments.deploy("prod", "r3")

        assert prepared(run, three) == {1, 2, 3}

    def test_a_retried_operation_gets_its_first_answer_and_the_folder_the_newest_release(self, three: EmbeddedRegistry, run: Path) -> None:
        environments = live(three, run)
        environments.deploy("prod", "r1")
        environments.deploy("prod", "r2")
        first = environments.rollback("prod", operation=OPERATION)
        environments.deploy("prod", "r3")

        assert environments.rollback("prod", operation=OPERATION) == first
        assert environments.rollback("prod", expect=2, operation=OPERATION) == first
        assert (number_on(three), text(run)) == (3, "three")

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
