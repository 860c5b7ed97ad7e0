"""Schedules: writers, readers and the collector at once, each stopped and let go again at moments that are drawn.

Three workspaces share a registry. In each turn two of them commit (one of them the very bytes that a commit which died has
left in a pack that is nobody's, so that the collector is about to take away what the writer is about to refer to), somebody
checks out, and the collector runs with no grace at all. SIGSTOP and SIGCONT make a schedule of it: half of the time all are
stopped and let go at random, half of the time one is stopped in its middle until the others are done.

Afterwards every commit was made, whole, and nothing that a release needs is gone.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lastgood.cli.main import COMMANDS
from lastgood.errors import LastgoodError
from tools.torture.commands import OUT, collect, die_in_commit
from tools.torture.oracle import state, wrongs
from tools.torture.project import BrokenPromiseError, Project, Ran, tree_of, warm_up
from tools.torture.tally import Tally

TURNS_OF_A_PROJECT = 25
LONGEST_HOLD = 1.0
LONGEST_TURN = 30.0
_STEP = 0.008


def torture_schedules(folder: Path, *, schedules: int, seed: int, shard: int) -> Tally:
    """Try so many schedules.

    Args:
        folder: an empty folder to work in.
        schedules: how many.
        seed: draws them.
        shard: the number of this shard, which seeds what it draws.
    """
    warm_up()
    tally = Tally()
    while tally.counts["schedules"] < schedules and not tally.failures:
        number = tally.counts["shared registries"]
        tally.count("shared registries")
        crowd = _Crowd(folder / f"schedules-{shard}-{number}", random.Random(f"{seed} {shard} {number}"), tally)
        crowd.gather()
        for _ in range(min(TURNS_OF_A_PROJECT, schedules - tally.counts["schedules"])):
            if not tally.failures:
                crowd.take_turn()
        crowd.part()
    return tally


@dataclass
class _Running:
    """A command that runs, or stands still."""

    project: Project
    arguments: list[str]
    process: int
    ran: Ran | None = None
    is_stopped: bool = False

    def stop(self) -> None:
        if self.ran is None and not self.is_stopped:
            os.kill(self.process, signal.SIGSTOP)
            self.is_stopped = True

    def go_on(self) -> None:
        if self.ran is None and self.is_stopped:
            os.kill(self.process, signal.SIGCONT)
            self.is_stopped = False

    def is_done(self) -> bool:
        """Whether it has ended; its process is waited for here, and its number is nobody else's before that."""
        if self.ran is None and os.waitid(os.P_PID, self.process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            self.ran = self.project.wait(self.process)
        return self.ran is not None


class _Crowd:
    """The workspaces that share a registry."""

    def __init__(self, folder: Path, chance: random.Random, tally: Tally) -> None:
        self._folder = folder
        self._chance = chance
        self._tally = tally
        self._owner = Project(folder / "owner", folder / "beside-owner", chance)
        own = self._owner.folder / ".lastgood"
        self._writers = [
            Project(folder / f"writer{number}", folder / f"beside-{number}", chance, registry=own, releases=self._owner.releases)
            for number in range(2)
        ]
        self._bystanders = [
            Project(self._owner.folder, folder / f"beside-{name}", chance, releases=self._owner.releases) for name in ("gc", "reader")
        ]

    def gather(self) -> None:
        """Make the registry, and the workspaces of those who share it."""
        self._owner.prepare()
        for number, writer in enumerate(self._writers, start=1):
            writer.fill()
            writer.turn = number * 1_000_000
        for bystander in self._bystanders:
            bystander.beside.mkdir()

    def take_turn(self) -> None:
        """Run everybody at once under one schedule, and look at what came of it."""
        before = state(self._owner)[0]
        for writer in self._writers:
            writer.edit()
        die_in_commit(self._chance.choice(self._writers))
        running = list(self._start())
        schedule = self._chance.choice((self._shake, self._hold_one))
        began = time.monotonic()
        schedule(running)
        for one in running:
            one.go_on()
        while not all(one.is_done() for one in running) and time.monotonic() - began < LONGEST_TURN:
            time.sleep(_STEP)
        self._tally.count("schedules")
        for wrong in self._wrongs(before, running):
            self._tally.fail(f"{self._folder.name}, schedule {self._tally.counts['schedules']} ({schedule.__name__}): {wrong}")

    def part(self) -> None:
        """Let the collector run alone, and look once more."""
        try:
            self._owner.remember(str(self._owner.must("commit", "--onto", "latest", "--json").answer["release"]))
            collect(self._owner)
            wrong = list(wrongs(self._owner))
        except (BrokenPromiseError, LastgoodError) as error:
            wrong = [str(error)]
        for one in wrong:
            self._tally.fail(f"at the end of {self._folder.name}: {one}")
        self._tally.count("releases acknowledged", len(self._owner.releases))
        if not self._tally.failures:
            shutil.rmtree(self._folder)

    def _start(self) -> Iterator[_Running]:
        commands = [(writer, ["commit", "--onto", "latest", "-m", "at once", "--json"]) for writer in self._writers]
        collector, reader = self._bystanders
        if "gc" in COMMANDS:
            commands.append((collector, ["gc", "--apply", "--grace", "0s", "--json"]))
        shutil.rmtree(self._folder / OUT, ignore_errors=True)
        commands.append((reader, ["checkout", self._chance.choice(list(self._owner.releases)), str(self._folder / OUT), "--json"]))
        self._chance.shuffle(commands)
        for project, arguments in commands:
            yield _Running(project, arguments, project.fork(*arguments))

    def _shake(self, running: list[_Running]) -> None:
        """Stop and let go at random; somebody always runs."""
        until = time.monotonic() + self._chance.uniform(0.05, LONGEST_HOLD)
        while time.monotonic() < until and (awake := [one for one in running if not one.is_done()]):
            free = self._chance.choice(awake)
            for one in awake:
                if one is free or self._chance.random() < 0.3:  # noqa: PLR2004 - about a third run beside it
                    one.go_on()
                else:
                    one.stop()
            time.sleep(self._chance.expovariate(1 / _STEP))

    def _hold_one(self, running: list[_Running]) -> None:
        """Stop one somewhere in its middle until the others are done, or cannot go on without it."""
        held = self._chance.choice(running)
        time.sleep(self._chance.uniform(0, 0.1))
        if held.is_done():
            return
        held.stop()
        until = time.monotonic() + LONGEST_HOLD
        while time.monotonic() < until and not all(one.is_done() for one in running if one is not held):
            time.sleep(_STEP)
        self._tally.count("held until the others were done", int(time.monotonic() < until))

    def _wrongs(self, before: tuple[str, ...], running: list[_Running]) -> Iterator[str]:
        for one in running:
            if one.ran is None:
                os.kill(one.process, signal.SIGKILL)
                yield f"{one.arguments[0]} did not come to an end"
                one.project.wait(one.process)
            elif one.ran.code:
                yield f"{' '.join(one.arguments)} ended with {one.ran.code}: {(one.ran.out + one.ran.err)[-800:]}"
            else:
                self._tally.count(f"done: {one.arguments[0]}")
                yield from self._acknowledged(one, one.ran)
        try:
            after = state(self._owner)[0]
            made = {one.ran.answer["release"] for one in running if one.ran and one.ran.code == 0 and one.arguments[0] == "commit"}
            if after[: len(before)] != before or set(after[len(before) :]) != made:
                yield f"{len(made)} commits were acknowledged, and {len(after) - len(before)} releases are new"
            yield from wrongs(self._owner, only=tuple(made))
        except (LastgoodError, OSError) as error:
            yield f"{type(error).__name__}: {error}"

    def _acknowledged(self, one: _Running, ran: Ran) -> Iterator[str]:
        if one.arguments[0] == "commit":
            one.project.remember(ran.answer["release"])
        if one.arguments[0] == "checkout" and tree_of(self._folder / OUT) != self._owner.releases[one.arguments[1]]:
            yield f"a checkout gave other bytes than those of {one.arguments[1][:12]}"
