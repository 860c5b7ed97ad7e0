"""Schedules: writers, readers and the collector at once, each stopped and let go again at moments that are drawn.

Three workspaces share a registry. In each turn two of them commit, somebody checks out, the collector runs with no grace at
all, and every other time chunks are encoded anew. What the writers refer to is what the collector is about to take away: one
commits the very bytes that a commit which died has left in a pack that is nobody's; and in every other turn one commits the
files of an old release again whose bytes the collector is told to drop. SIGSTOP and SIGCONT make a schedule of it: half of
the time all are stopped and let go at random, half of the time one is stopped in its middle until the others are done.

Afterwards every commit that was acknowledged is whole, and nothing that a release needs is gone. A command that lost its
bytes to a collector without grace may say so, and have done nothing.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import lastgood
from lastgood.cli.main import COMMANDS
from lastgood.errors import LastgoodError
from lastgood.ids import ReleaseId
from tools.torture.commands import OUT, collect, die_in_commit
from tools.torture.oracle import state, wrongs
from tools.torture.project import ACTOR, BrokenPromiseError, Project, Ran, tree_of, warm_up
from tools.torture.tally import Tally

TURNS_OF_A_PROJECT = 25
_FIRST = 3
"""How many releases the owner made, one of which is live: these are never dropped."""

_MAY_BE = ("collected-meanwhile",)
LONGEST_HOLD = 1.0
LONGEST_TURN = 120.0
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


def _where_it_is(process: int) -> str:
    """Say what a process waits for: its state, the system call it is in, and the locks that it holds or wants."""
    folder = Path(f"/proc/{process}")
    status = next(line for line in (folder / "status").read_text().splitlines() if line.startswith("State"))
    locks = [line for line in Path("/proc/locks").read_text().splitlines() if f" {process} " in line]
    call = (folder / "syscall").read_text().split(" ")[0]
    return f"{status}, in {(folder / 'wchan').read_text()} (call {call}), locks {locks}"


def _nothing() -> None:
    pass


class _Crowd:
    """The workspaces that share a registry."""

    def __init__(self, folder: Path, chance: random.Random, tally: Tally) -> None:
        self._folder = folder
        self._chance = chance
        self._tally = tally
        self._owner = Project(folder / "owner", folder / "beside-owner", chance)
        own = self._owner.folder / ".lastgood"
        self._writers = [
            replace(self._owner, folder=folder / f"writer{number}", beside=folder / f"beside-{number}", registry=own) for number in range(2)
        ]
        # They share what the owner knows of releases, since the dictionary is one.
        self._bystanders = [replace(self._owner, beside=folder / f"beside-{name}") for name in ("gc", "optimize", "reader")]

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
        old = [release for release in before[_FIRST:-1] if release in self._owner.releases and release not in self._owner.dropped]
        if old and "gc" in COMMANDS and self._chance.random() < 0.5:  # noqa: PLR2004 - every other turn
            self._drop_and_repeat(self._chance.choice(old))
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

    def _drop_and_repeat(self, release: str) -> None:
        """Let the collector take an old release's bytes, and a writer commit the same files again."""
        out = self._folder / "old"
        shutil.rmtree(out, ignore_errors=True)
        self._owner.must("checkout", release, str(out))
        writer = self._chance.choice(self._writers)
        for path in self._owner.releases[release]:
            shutil.copyfile(out / path, writer.folder / path)
        self._owner.dropped.add(release)
        self._tally.count("releases dropped and committed again")

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
        collector, optimizer, reader = self._bystanders
        if "gc" in COMMANDS:
            commands.append((collector, ["gc"]))
        if "optimize" in COMMANDS and self._chance.random() < 0.5:  # noqa: PLR2004 - every other turn
            commands.append((optimizer, ["optimize", "--json"]))
        shutil.rmtree(self._folder / OUT, ignore_errors=True)
        kept = [release for release in self._owner.releases if release not in self._owner.dropped]
        commands.append((reader, ["checkout", self._chance.choice(kept), str(self._folder / OUT), "--json"]))
        self._chance.shuffle(commands)
        for project, arguments in commands:
            first = self._collect if project is collector else _nothing
            yield _Running(project, arguments, project.fork(*arguments, first=first))

    def _collect(self) -> None:
        """Collect as the command does, but with releases dropped; in a process that ends with it."""
        try:
            with lastgood.open(self._owner.folder, actor=ACTOR) as registry:
                registry.upkeep.collect(timedelta(0), frozenset(ReleaseId.parse(one) for one in self._owner.dropped))
        except LastgoodError as error:
            print(json.dumps({"error": {"kind": error.kind, "message": error.message}}))
            sys.exit(error.exit_code)
        sys.exit(0)

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
                yield f"{one.arguments[0]} did not come to an end: {_where_it_is(one.process)}"
            elif one.ran.kind in _MAY_BE:
                self._tally.count(f"{one.arguments[0]} had to begin again: {one.ran.kind}")
            elif one.ran.code:
                yield f"{' '.join(one.arguments)} ended with {one.ran.code}: {(one.ran.out + one.ran.err)[-800:]}"
            else:
                self._tally.count(f"done: {one.arguments[0]}")
                yield from self._acknowledged(one, one.ran)
        for one in running:
            if one.ran is None:
                os.kill(one.process, signal.SIGKILL)
                one.project.wait(one.process)
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
