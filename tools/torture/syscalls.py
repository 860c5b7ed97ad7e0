"""Faults in system calls: every call of a command that touches the project is killed, or answered with an error, once.

How: the command's process is forked warm and waits; strace is attached to it and told which call of which number to
tamper with (`strace -f -e inject=CALL:error=EIO:when=N`); then it goes. A run without a fault, before, tells which calls
touch the project at all. After each fault the project is looked at, the same command is repeated without one, and the
project is looked at again.

The faults: `KILL` ends the process before the call; `EIO` and `ENOSPC` are the call's answer; `ENOSPC+` is the answer of
that call and of all of its kind that follow, as on a disk that stays full.
"""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

from lastgood.errors import LastgoodError
from tools.torture.commands import Tortured, collect, known_commands
from tools.torture.following import traced
from tools.torture.oracle import state, wrongs
from tools.torture.project import FEW_WEIGHTS, MANY_WEIGHTS, BrokenPromiseError, Project, Ran, warm_up
from tools.torture.tally import Tally

READING = "open openat read pread64 preadv newfstatat fstat stat lstat statx access faccessat2 getdents64 readlink readlinkat lseek mmap"
WRITING = (
    "openat write pwrite64 writev pwritev fsync fdatasync syncfs ftruncate fallocate rename renameat renameat2 link linkat symlink"
    " symlinkat mkdir mkdirat copy_file_range sendfile"
)
OTHER = "unlink unlinkat rmdir flock fcntl ioctl close chmod fchmod fchmodat utimensat chdir"

CALLS = tuple(dict.fromkeys(f"{READING} {WRITING} {OTHER}".split()))
# What is opened to be read needs no room, so that only single calls of `openat` find none.
FAULTS = {"KILL": CALLS, "EIO": CALLS, "ENOSPC": tuple(WRITING.split()), "ENOSPC+": tuple(WRITING.split()[1:])}

CASES_OF_A_PROJECT = {FEW_WEIGHTS: 40, MANY_WEIGHTS: 12}
"""After how many cases a project is made anew: each is verified whole after every case, so it must not grow."""
_NAMED_ERRORS = frozenset({2, 3, 4, 5, 6, 7, 8})
_KILLED = -9
_CALL = re.compile(r"^(\d+) +(\w+)\(")


@dataclass(frozen=True, slots=True)
class Target:
    """A call of a command: which, and the how-manieth of its kind in its thread, from 1."""

    call: str
    number: int


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault in a call."""

    target: Target
    fault: str

    @property
    def option(self) -> str:
        """How it is said to strace."""
        how = "signal=KILL" if self.fault == "KILL" else f"error={self.fault.removesuffix('+')}"
        return f"inject={self.target.call}:{how}:when={self.target.number}{'+' if self.fault.endswith('+') else ''}"


def torture_system_calls(folder: Path, *, faults: int, seed: int, shard: int, shards: int) -> Tally:
    """Inject a shard's share of so many faults.

    Args:
        folder: an empty folder to work in.
        faults: how many faults all shards inject together; each target gets its turn before any gets a second.
        seed: draws the order.
        shard: the number of this shard.
        shards: how many there are.
    """
    strace = shutil.which("strace")
    if strace is None:
        raise BrokenPromiseError("strace is not installed")
    warm_up()
    torturer = _Torturer(folder, strace, seed, shard, shards)
    wanted = faults // shards + (shard < faults % shards)
    while torturer.tally.counts["faults injected"] < wanted:
        before = torturer.tally.counts["faults injected"]
        torturer.go_round(wanted)
        if torturer.tally.failures or torturer.tally.counts["faults injected"] == before:
            break
    return torturer.tally


class _Torturer:
    """Tries the commands in turn, each on a project of its own that is made anew now and then."""

    def __init__(self, folder: Path, strace: str, seed: int, shard: int, shards: int) -> None:
        self.tally = Tally()
        self._folder = folder
        self._strace = strace
        self._seed = seed
        self._shard = shard
        self._shards = shards
        self._round = 0

    def go_round(self, wanted: int) -> None:
        """Give every command's calls their turn, the commands sharing what is left to do."""
        commands = known_commands()
        for position, command in enumerate(commands):
            left = wanted - self.tally.counts["faults injected"]
            self._torture(command, left // (len(commands) - position) if self._round == 0 else left)
            if self.tally.failures:
                return
        self._round += 1

    def _torture(self, command: Tortured, most: int) -> None:
        until = self.tally.counts["faults injected"] + most
        cases: Iterator[Injection] | None = None
        while self.tally.counts["faults injected"] < until and not self.tally.failures:
            project = self._project(command)
            if cases is None:
                cases = iter(self._cases(command, project))
            done, most_here = 0, CASES_OF_A_PROJECT[project.weights]
            for done, case in enumerate(cases, start=1):
                self._try(command, project, case)
                if done == most_here or self.tally.failures or self.tally.counts["faults injected"] >= until:
                    break
            self._finish(project)
            if done < most_here:
                return

    def _project(self, command: Tortured) -> Project:
        number = self.tally.counts["projects"]
        self.tally.count("projects")
        root = self._folder / f"{command.name}-{self._shard}-{number}"
        chance = random.Random(f"{self._seed} {self._shard} {number}")
        project = Project(root / "project", root / "beside", chance, MANY_WEIGHTS if (number + self._shard) % 2 else FEW_WEIGHTS)
        project.prepare()
        return project

    def _cases(self, command: Tortured, project: Project) -> list[Injection]:
        """Return what this shard injects into a command, in an order that is drawn."""
        command.prepare(project)
        ran, trace = traced(self._strace, project, command.arguments(project), calls=CALLS)
        if ran.code:
            raise BrokenPromiseError(f"{command.name} failed under strace without a fault: {ran}")
        after = state(project)
        list(command.judge(project, ran, after, after))
        if command.name == "commit":
            project.remember(after[0][-1])
        command.recover(project)
        targets = targets_of(trace, project.folder)
        self.tally.count(f"calls of {command.name}", len(targets) if self._shard == 0 and self._round == 0 else 0)
        every = [Injection(one, fault) for one in targets for fault, calls in FAULTS.items() if one.call in calls]
        random.Random(f"{self._seed} {self._round} {command.name}").shuffle(every)
        # In turn, so that however few are tried, each kind of fault is among them.
        kinds = [[one for one in every[self._shard :: self._shards] if one.fault == fault] for fault in FAULTS]
        return [one for turn in zip_longest(*kinds) for one in turn if one is not None]

    def _try(self, command: Tortured, project: Project, case: Injection) -> None:
        what = f"{command.name} with {case.option} (seed {self._seed}, shard {self._shard}, in {project.folder.parent.name})"
        try:
            command.prepare(project)
            before = state(project)
            ran, trace = traced(self._strace, project, command.arguments(project), "-e", case.option, calls=CALLS)
            hits = [line for line in trace.splitlines() if "(INJECTED)" in line]
            self._note(case, ran, hits, project)
            # Where the answer itself could not be written, the exit code has to do.
            is_mute = any(str(project.beside) in line for line in hits)
            wrong = list(_unspeakable(ran, case, is_mute=is_mute))
            after = state(project)
            # Of an answer that nobody could read it does not matter what it would have said.
            wrong += command.judge(project, replace(ran, code=_KILLED) if is_mute else ran, before, after)
            wrong += wrongs(project, only=after[0][-1:])
            if not wrong:
                command.recover(project)
                wrong += wrongs(project, only=(project.chance.choice(list(project.releases)),))
        except (BrokenPromiseError, LastgoodError, OSError) as error:
            wrong = [str(error) or repr(error)]
        for one in wrong:
            self.tally.fail(f"{what}: {one}")

    def _note(self, case: Injection, ran: Ran, hits: list[str], project: Project) -> None:
        is_hit = ran.code == _KILLED if case.fault == "KILL" else bool(hits)
        if not is_hit:
            self.tally.count("faults that met no call")
            return
        self.tally.count("faults injected")
        self.tally.count(f"{case.fault} injected")
        if case.fault != "KILL" and not any(str(project.folder) in line for line in hits):
            self.tally.count("of them beside the project")
        how = "killed" if ran.code == _KILLED else ran.kind or f"exit {ran.code}"
        self.tally.count(f"{case.fault} of {case.target.call}: {how}")

    def _finish(self, project: Project) -> None:
        try:
            project.edit()
            project.commit()
            collect(project)
            wrong = list(wrongs(project))
        except (BrokenPromiseError, LastgoodError) as error:
            wrong = [str(error)]
        for one in wrong:
            self.tally.fail(f"at the end of {project.folder.parent.name}: {one}")
        self.tally.count("releases acknowledged", len(project.releases))
        if not self.tally.failures:
            shutil.rmtree(project.folder.parent)


def targets_of(trace: str, folder: Path) -> list[Target]:
    """Return the calls in a trace that touch a folder, each once.

    Args:
        trace: what `strace -f -y` wrote.
        folder: the folder.
    """
    counted: dict[tuple[str, str], int] = {}
    found: dict[Target, None] = {}
    for line in trace.splitlines():
        match = _CALL.match(line)
        if match is None:
            continue
        thread, call = match.groups()
        counted[thread, call] = counted.get((thread, call), 0) + 1
        if str(folder) in line:
            found[Target(call, counted[thread, call])] = None
    return list(found)


def _unspeakable(ran: Ran, case: Injection, *, is_mute: bool) -> Iterator[str]:
    """Say what no command may do: end in a way that is not documented, or show its insides."""
    if "Traceback" in ran.err or "Exception ignored" in ran.err:
        yield f"it showed its insides: {ran.err[-1500:]}"
    if ran.code != 0 and ran.code not in _NAMED_ERRORS and not (ran.code == _KILLED and case.fault == "KILL"):
        yield f"it ended with {ran.code}: {(ran.err or ran.out)[-500:]}"
    if ran.code > 0 and not (ran.kind or "problems" in ran.answer or is_mute):
        yield f"it failed ({ran.code}) without saying how: {(ran.err or ran.out)[-500:]}"
