"""Power cuts on a disk that forgets all it may: whole commands, SQLite among what they do, at every one of their steps.

How: a command is followed by strace, which writes down what it writes; `tracing` reads that as steps, and the power is cut
after each of them, on the disk of `lastgood.testing.disk`, which forgets every write, and every entry of a folder, that no
fsync covers. What is left is a project like any other: it is before the command or after it, after it if the command was
acknowledged, and it goes on.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from lastgood.errors import LastgoodError
from lastgood.testing.disk import Step, Tree, after_power_cut, write_tree
from tools.torture.commands import Tortured, known_commands, see_live
from tools.torture.following import traced
from tools.torture.oracle import State, state, wrongs
from tools.torture.project import BrokenPromiseError, Project, tree_of, warm_up
from tools.torture.tally import Tally
from tools.torture.tracing import CALLS, Traced

_DURABLE = frozenset({"commit", "deploy", "rollback", "gc", "optimize", "repair"})
_LUCK = (0.0, 0.5, 0.9)
_MOST_WRITTEN = str(64 << 20)


def torture_disks(folder: Path, *, cuts: int, seed: int, shard: int, is_quiet: bool = False) -> Tally:
    """Cut the power so many times.

    Args:
        folder: an empty folder to work in.
        cuts: how many times; the commands share them, and each of their steps gets its turn before any gets a second.
        seed: draws what survives.
        shard: the number of this shard, which seeds what it draws.
        is_quiet: whether failures are counted only, since they have to come.
    """
    strace = shutil.which("strace")
    if strace is None:
        raise BrokenPromiseError("strace is not installed")
    warm_up()
    root = folder / f"disks-{shard}"
    commands = [one for one in known_commands() if one.name in _DURABLE]
    victim = _Victim(root, strace, random.Random(f"{seed} {shard}"), Tally(is_quiet=is_quiet))
    victim.project.prepare()
    while victim.tally.counts["simulated power cuts"] < cuts and not victim.tally.failures:
        for command in commands:
            if not victim.tally.failures:
                victim.torture(command, -(-cuts // len(commands)))
    if not victim.tally.failures:
        shutil.rmtree(root)
    return victim.tally


class _Victim:
    """A project whose commands are followed, and replayed up to a power cut."""

    def __init__(self, root: Path, strace: str, chance: random.Random, tally: Tally) -> None:
        self.tally = tally
        self.project = Project(root / "project", root / "beside", chance)
        self._strace = strace
        self._chance = chance
        self._left = root / "left"
        self._layouts = 0

    def torture(self, command: Tortured, most: int) -> None:
        """Run a command once, and cut the power so often in its replay."""
        project = self.project
        command.prepare(project)
        before = state(project)
        steps = Traced(project.folder)
        begun = len(steps.steps)
        options = ("-x", "-s", _MOST_WRITTEN)
        ran, trace = traced(self._strace, project, command.arguments(project), *options, calls=CALLS)
        if ran.code:
            raise BrokenPromiseError(f"{command.name} failed under strace without a fault: {ran}")
        steps.read(trace)
        after = state(project)
        list(command.judge(project, ran, before, after))
        self._require_whole(command, steps.steps)
        # The moment of the acknowledgement is the one that counts most.
        moments = [*range(begun, len(steps.steps)), *[len(steps.steps)] * max(1, (len(steps.steps) - begun) // 4)]
        chosen = self._chance.sample(moments, len(moments))
        for number in range(most):
            moment = chosen[number % len(chosen)]
            allowed = (after,) if moment == len(steps.steps) else (before, after)
            self._cut(f"{command.name}, after step {moment - begun} of {len(steps.steps) - begun}", steps.steps[:moment], allowed)
            if self.tally.failures:
                return
        command.recover(project)

    def _require_whole(self, command: Tortured, steps: Sequence[Step]) -> None:
        """Where nothing is lost, what the trace adds up to is what is there; else the trace was not understood."""
        self._lay_out(after_power_cut(steps, self._chance, kept=1))
        if tree_of(self._left) != tree_of(self.project.folder):
            raise BrokenPromiseError(f"the trace of {command.name} does not add up to what it did")

    def _lay_out(self, tree: Tree) -> None:
        shutil.rmtree(self._left, ignore_errors=True)
        # Another place each time: at one place a machine remembers which history it saw, and here are many that never met.
        self._layouts += 1
        self._left = self._left.with_name(f"left-{self._layouts}")
        self._left.mkdir()
        write_tree(tree, self._left)

    def _cut(self, what: str, steps: Sequence[Step], allowed: tuple[State, ...]) -> None:
        kept = self._chance.choice(_LUCK)
        self._lay_out(after_power_cut(steps, self._chance, kept=kept))
        self.tally.count("simulated power cuts")
        for wrong in self._wrongs(allowed):
            self.tally.fail(f"{what} ({kept:.0%} of what no fsync covers survived): {wrong}")

    def _wrongs(self, allowed: tuple[State, ...]) -> Iterator[str]:
        left = replace(self.project, folder=self._left)
        try:
            found = state(left)
            if found not in allowed:
                yield f"it is {found}, and should be {' or '.join(map(str, allowed))}"
                return
            left.releases = {release: left.releases[release] for release in found[0]}
            yield from wrongs(left, only=found[0][-1:])
            see_live(left)
            left.edit()
            left.commit()
            yield from wrongs(left, only=tuple(left.releases)[-1:])
        except (BrokenPromiseError, LastgoodError, OSError) as error:
            yield f"{type(error).__name__}: {error}"
