"""`lastgood demo` as a whole: what it tells is what happened, and its folder is a place to go on from."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lastgood.cli.demonstration.docstrings import Row
from lastgood.cli.demonstration.setting import prepare_folder
from lastgood.cli.demonstration.shell import Shell
from lastgood.cli.demonstration.story import SMALLEST_DROP, Story
from lastgood.errors import LastgoodError


def lastgood(*arguments: str, folder: Path, exit_code: int = 0) -> dict[str, Any]:
    """Run a command with --json in a folder; return what it answers."""
    done = subprocess.run([sys.executable, "-m", "lastgood", *arguments, "--json"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == exit_code, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory, clean_environment: Mapping[str, str]) -> dict[str, Any]:
    """The answer of one whole demo, which all workers of a test run share."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    answer = shared / "demo.json"
    with (shared / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not answer.exists():
            answer.write_text(json.dumps(lastgood("demo", "--folder", str(shared / "demo"), folder=shared)))
    found: dict[str, Any] = json.loads(answer.read_text())
    return found


@pytest.fixture
def folder(told: dict[str, Any]) -> Path:
    """The folder that the demo left."""
    return Path(told["folder"])


def cases(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def judge(release: Path, out: Path) -> float:
    """Run the eval of a checkout; return the share of cases that pass."""
    judged = {**os.environ, "LASTGOOD_OUT": str(out)}
    subprocess.run([sys.executable, "evals/quality/run.py"], cwd=release, env=judged, stdout=subprocess.DEVNULL, check=True)
    passed = [bool(case["passed"]) for case in cases(out)]
    return sum(passed) / len(passed)


def test_quality_rises_then_falls_quietly_and_is_restored(told: dict[str, Any]) -> None:
    accuracy = told["accuracies"]

    assert accuracy["r1"] < accuracy["r2"]
    assert accuracy["r3"] <= accuracy["r2"] - SMALLEST_DROP
    assert accuracy["back"] == accuracy["r2"]


@pytest.mark.parametrize("name", ["r1", "r2", "r3", "back"])
def test_the_numbers_told_are_those_that_the_eval_wrote(told: dict[str, Any], folder: Path, name: str) -> None:
    written = cases(folder / "out" / f"{name}.jsonl")
    right = {row["id"]: row["shelf"] for row in cases(folder / "data/holdout.jsonl")}

    assert [case["case"] for case in written] == list(right)
    assert [case["passed"] for case in written] == [case["output"] == right[case["case"]] for case in written]
    assert told["accuracies"][name] == sum(case["score"] for case in written) / len(written)


def test_the_regression_comes_from_the_edit(told: dict[str, Any], folder: Path, tmp_path: Path) -> None:
    """With the two files of the release before, the weights of the bad release are as good as ever."""
    mended = tmp_path / "mended"
    shutil.copytree(folder / "out/r3", mended)
    assert judge(mended, tmp_path / "bad.jsonl") == told["accuracies"]["r3"]

    for edited in ("prompts/router.md", "config/routing.yaml"):
        shutil.copyfile(folder / "out/r2" / edited, mended / edited)

    assert judge(mended, tmp_path / "mended.jsonl") == told["accuracies"]["r2"]


def test_the_running_service_noticed_the_rollback(told: dict[str, Any]) -> None:
    question = told["question"]

    assert question["before"]["shelf"] != question["right"]
    assert question["after"]["shelf"] == question["right"]


def test_every_command_is_told_with_its_time(told: dict[str, Any]) -> None:
    commands = [step["command"] for step in told["steps"]]

    assert {step["exit"] for step in told["steps"]} == {0}
    assert all(0 < step["seconds"] < told["seconds"] for step in told["steps"])
    assert sum(step["seconds"] for step in told["steps"]) <= told["seconds"]
    assert [command.split()[1] for command in commands if command.startswith("lastgood ") and "checkout" not in command] == [
        *("init", "commit", "deploy", "commit", "deploy", "commit", "deploy", "diff", "rollback", "log", "verify"),
    ]


def test_the_time_in_the_question_what_changed_means_the_good_release(told: dict[str, Any], folder: Path) -> None:
    asked = next(step["command"] for step in told["steps"] if step["command"].startswith("lastgood diff "))

    assert lastgood("show", asked.split()[2], folder=folder)["number"] == 2


def test_the_difference_is_the_edit_and_nothing_else(folder: Path) -> None:
    difference = lastgood("diff", "r2", "r3", folder=folder)

    assert {one["name"] for one in difference["components"] if one["change"] != "unchanged"} == {"prompts", "routing"}


def test_production_reads_the_good_release(folder: Path) -> None:
    live = folder / "run/prod/current"

    for path in (path.relative_to(live) for path in live.rglob("*") if path.is_file()):
        assert (live / path).read_bytes() == (folder / "out/r2" / path).read_bytes()
    assert "friendly" not in (live / "prompts/router.md").read_text()


def test_history_has_every_move(folder: Path) -> None:
    moves = lastgood("log", "--env", "prod", folder=folder)["items"]

    assert [(move["kind"], move["to_number"]) for move in moves] == [("rollback", 2), ("deploy", 3), ("deploy", 2), ("deploy", 1)]


def test_the_folder_works_on_by_hand(folder: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(folder, mine, symlinks=True)
    prompt = mine / "prompts/router.md"
    prompt.write_text(prompt.read_text() + "Thank everybody who asks.\n")

    committed = lastgood("commit", "-m", "thanks", folder=mine)
    deployed = lastgood("deploy", "prod", folder=mine)

    assert (committed["number"], committed["created"]) == (4, True)
    assert (deployed["from_number"], deployed["to_number"]) == (2, 4)
    assert (mine / "run/prod/current/prompts/router.md").read_text() == prompt.read_text()
    assert lastgood("verify", folder=mine)["ok"]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")

    answer = lastgood("demo", "--folder", str(tmp_path), folder=tmp_path, exit_code=5)

    assert answer["error"]["kind"] == "already-exists"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_folder_below_nothing_is_not_found(tmp_path: Path) -> None:
    answer = lastgood("demo", "--folder", "no/where", folder=tmp_path, exit_code=3)

    assert answer["error"]["kind"] == "not-found"


def test_a_story_in_which_nothing_breaks_is_not_told(tmp_path: Path, rows: list[Row]) -> None:
    def thank(folder: Path) -> None:
        prompt = folder / "prompts/router.md"
        prompt.write_text(prompt.read_text() + "Thank everybody who asks.\n")

    prepare_folder(tmp_path)
    shell = Shell(tmp_path, quiet=True)

    with pytest.raises(LastgoodError, match="did no harm"):
        Story(shell, rows, thank).tell()

    assert shell.steps[-1].command.endswith("python evals/quality/run.py)")
