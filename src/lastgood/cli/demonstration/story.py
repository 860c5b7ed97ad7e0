"""The story: a desk goes into production, gets better, gets friendlier and, quietly, worse; and how that is undone.

What is done stands here. What comes of it does not: every number and name that is told is read from what the commands
wrote, and a story in which nothing breaks, or in which nothing is mended, ends with an error.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from lastgood.cli.demonstration.desk import COMMAND, Answer, Desk
from lastgood.cli.demonstration.docstrings import SHELVES, Row
from lastgood.cli.demonstration.evaluation import Evaluation, read_evaluation
from lastgood.cli.demonstration.setting import CHECKS, TRAIN, to_learn_from, write_pipeline, write_rows
from lastgood.cli.demonstration.shell import Shell
from lastgood.errors import LastgoodError

SMALLEST_DROP = 0.02
"""A smaller loss of accuracy than this is no story."""

NOBODY = "person"
"""Whom the desk hands over to, as config/routing.yaml has it."""

_LONGEST_QUESTION = 90


@dataclass(frozen=True, slots=True)
class Question:
    """A case of the holdout that the warmer release broke, as it was asked of the running service."""

    case: str
    text: str
    right: str
    before: Answer
    after: Answer


@dataclass(frozen=True, slots=True)
class Told:
    """What came of the story."""

    accuracies: dict[str, float]
    question: Question
    rollback_seconds: float


class Story:
    """One run of the demo, act by act.

    Args:
        shell: where it happens.
        rows: the real text.
        edit: what somebody does to the folder with the best intentions.
    """

    def __init__(self, shell: Shell, rows: Sequence[Row], edit: Callable[[Path], None]) -> None:
        self._shell = shell
        self._edit = edit
        self._rows = {row.id: row for row in rows}
        self._learnable = to_learn_from(rows)
        self._evaluations: dict[str, Evaluation] = {}

    def tell(self) -> Told:
        """Do everything, in order.

        Raises:
            LastgoodError: a command failed, or what was to be shown did not happen.
        """
        self._launch()
        good = self._improve()
        with Desk(self._shell.folder, self._shell.environment) as desk:
            self._introduce(desk)
            self._make_friendlier(good)
            row, before = self._notice(desk)
            self._explain(good)
            seconds, after = self._go_back(desk, row)
            self._prove()
        accuracies = {name: evaluation.accuracy for name, evaluation in self._evaluations.items()}
        return Told(accuracies, Question(row.id, row.text, row.shelf, before, after), seconds)

    def _launch(self) -> None:
        shell = self._shell
        shell.title("1. A pipeline goes into production")
        write_pipeline(shell.folder, list(self._rows.values()))
        shell.say(
            f"A reference desk sends a line of documentation to one of {len(SHELVES)} shelves of the standard library: weights, a prompt, "
            f"a config, code, data and an eval, all real files in {shell.folder}"
        )
        shell.python("-m", "desk.train")
        shell.lastgood("init", first=2)
        shell.lastgood("commit", "-m", "the desk opens")
        shell.lastgood("deploy", "prod", "--reason", "launch")
        self._evaluate("r1")

    def _improve(self) -> datetime:
        shell = self._shell
        shell.title("2. It gets better")
        before = len((shell.folder / TRAIN).read_bytes().splitlines())
        write_rows(shell.folder / TRAIN, self._learnable)
        shell.say(f"More data has come in, {len(self._learnable):,} rows instead of {before:,}. Train again, ship it, start the service.")
        shell.python("-m", "desk.train")
        shell.lastgood("commit", "-m", "retrained on more rows")
        shell.lastgood("deploy", "prod")
        good = _second_after(datetime.now(UTC))
        gained = self._evaluate("r2").accuracy - self._evaluations["r1"].accuracy
        if gained <= 0:
            raise self._failure(f"more data did not help: {100 * gained:+.1f} points")
        return good

    def _introduce(self, desk: Desk) -> None:
        self._shell.show(click.style("$ ", dim=True) + click.style(f"python {shlex.join(COMMAND)} &", bold=True))
        # With its first answer it holds the good release; what it answers later shows that it noticed the moves.
        first = next(iter(self._evaluations["r2"].cases))
        desk.ask(first, self._rows[first].text)

    def _make_friendlier(self, good: datetime) -> None:
        shell = self._shell
        shell.title("3. It gets friendlier")
        shell.say("Somebody edits prompts/router.md to sound warmer, and one number in config/routing.yaml. Nobody runs the eval.")
        self._edit(shell.folder)
        shell.lastgood("commit", "-m", "warmer tone")
        _wait_until(good + timedelta(milliseconds=1))
        shell.lastgood("deploy", "prod", "--reason", "nicer to talk to")

    def _notice(self, desk: Desk) -> tuple[Row, Answer]:
        shell = self._shell
        shell.title("4. Later, people complain. Is it worse?")
        now, good = self._evaluate("r3"), self._evaluations["r2"]
        drop = good.accuracy - now.accuracy
        if drop < SMALLEST_DROP:
            raise self._failure(f"the warmer tone did no harm: {good.accuracy:.1%} before, {now.accuracy:.1%} after")
        broken = [self._rows[name] for name in good.broken_in(now)]
        worst = max(SHELVES, key=lambda shelf: sum(row.shelf == shelf for row in broken))
        shell.say(
            f"{_red(f'{now.accuracy:.1%} instead of {good.accuracy:.1%}')}: {len(broken)} answers that were right are wrong now, "
            f"{sum(row.shelf == worst for row in broken)} of them about {worst}, and {now.answered(NOBODY)} questions are handed over to "
            f"a person instead of {good.answered(NOBODY)}. No command failed, and the service never stopped."
        )
        row = min((row for row in broken if row.shelf == worst), key=lambda row: (abs(len(row.text) - _LONGEST_QUESTION // 2), row.id))
        answer = self._ask(desk, row)
        if answer.shelf == row.shelf:
            raise self._failure(f"the eval says that {row.id} is answered wrongly now, and the service answers it rightly")
        return row, answer

    def _explain(self, good: datetime) -> None:
        shell = self._shell
        shell.title("5. What changed since it was good?")
        shell.say(
            "An environment can be asked what it was on at any time. Good was seconds ago here; three weeks later it would be prod@3w."
        )
        shell.lastgood("diff", f"prod@{_instant(good)}", "prod")

    def _go_back(self, desk: Desk, row: Row) -> tuple[float, Answer]:
        shell = self._shell
        shell.title("6. Back to the last good release")
        step = shell.lastgood("rollback", "prod", "--reason", "answers got worse", first=1, last=2)
        answer = self._ask(desk, row)
        if answer.shelf != row.shelf:
            raise self._failure(f"the service still answers {answer.shelf} after the rollback")
        return step.seconds, answer

    def _prove(self) -> None:
        shell = self._shell
        restored, good = self._evaluate("prod", "back"), self._evaluations["r2"]
        if restored != good:
            raise self._failure(f"the rollback did not restore what was good: {restored.accuracy:.1%} instead of {good.accuracy:.1%}")
        shell.say(f"{_green(f'{restored.accuracy:.1%} again')}, every one of the {len(good.cases)} answers as it was.")
        shell.lastgood("log", "--env", "prod")
        shell.lastgood("verify")

    def _evaluate(self, revision: str, name: str | None = None) -> Evaluation:
        """Run the eval as it is meant to be run: in a checkout of the release that it judges."""
        name = name or revision
        self._shell.lastgood("checkout", revision, f"{CHECKS}/{name}")
        self._shell.python("evals/quality/run.py", folder=f"{CHECKS}/{name}", LASTGOOD_OUT=f"../{name}.jsonl")
        evaluation = read_evaluation(self._shell.folder / CHECKS / f"{name}.jsonl")
        self._evaluations[name] = evaluation
        return evaluation

    def _ask(self, desk: Desk, row: Row) -> Answer:
        answer = desk.ask(row.id, row.text)
        text = row.text if len(row.text) <= _LONGEST_QUESTION else f"{row.text[:_LONGEST_QUESTION]}…"
        colour = _green if answer.shelf == row.shelf else _red
        self._shell.say(f"The service (process {desk.process_id}, never restarted) is asked: “{text}” It answers: {colour(answer.shelf)}.")
        return answer

    def _failure(self, what: str) -> LastgoodError:
        return LastgoodError(f"the demo did not show what it is for: {what}", hint=f"look into {self._shell.folder}")


def _wait_until(at: datetime) -> None:
    """Let the next deployment come after an instant that is to name what was before it."""
    time.sleep(max((at - datetime.now(UTC)).total_seconds(), 0.0))


def _second_after(at: datetime) -> datetime:
    """Return the next whole second, which is easier to type."""
    return at.replace(microsecond=0) + timedelta(seconds=1)


def _instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _red(text: str) -> str:
    return click.style(text, fg="red", bold=True)


def _green(text: str) -> str:
    return click.style(text, fg="green", bold=True)
