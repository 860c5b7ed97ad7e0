"""One series through all peers, version by version, each peer in turn: a machine that slows down slows all of them.

A round lays a version into every workspace, then lets every peer commit it; who goes first changes from round to round.
Then each commits several times with nothing changed, and restores the last version: first with the repository's files
dropped from the system's memory (the programs stay warm) and its own cache of whole files gone, then again at once. Every
restore is compared with the version byte for byte.
"""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.bench import tree
from tools.bench.clock import Step, timed
from tools.bench.peers.base import WORKSPACE, Peer, Series
from tools.bench.results import OURS, Outcome

UNCHANGED_COMMITS = 3
RESTORES = 3
# Who took longer than this for a measure so far is not asked to repeat it.
PATIENCE_SECONDS = 60.0
# A person does not commit within a moment of writing; a program that looks at times may need one to trust them.
SETTLE_SECONDS = 1.0

Say = Callable[[str], None]


@dataclass(slots=True)
class Lane:
    """A peer, the place it has to itself, and what it took so far."""

    peer: Peer
    place: Path
    commits: list[Step] = field(default_factory=list)
    unchanged: list[Step] = field(default_factory=list)
    cold: list[Step] = field(default_factory=list)
    again: list[Step] = field(default_factory=list)
    stored: tree.Bytes | None = None

    def run(self, commands: Sequence[Sequence[str | Path]]) -> Step:
        """Time commands in the place."""
        return timed(commands, cwd=self.place, env=self.peer.environment(self.place))

    def weigh(self) -> None:
        """Add up the repository as it is now: after the last version."""
        self.stored = self.peer.stored(self.place)

    def outcome(self, series: Series) -> Outcome:
        """Sum up."""
        stored = self.stored or tree.Bytes(0, 0)
        steps = [*self.commits, *self.unchanged, *self.cold, *self.again]
        return Outcome(
            series=series.name,
            peer=self.peer.name,
            logical=sum(tree.bytes_of(version).length for version in series.versions),
            stored=stored.length,
            allocated=stored.allocated,
            commits=tuple(step.seconds for step in self.commits),
            unchanged=_median(self.unchanged),
            restore=_median(self.cold),
            restore_again=_median(self.again),
            peak_bytes=max(step.peak_bytes for step in steps),
        )


def race(series: Series, peers: Sequence[Peer], scratch: Path, say: Say) -> Iterator[Outcome]:
    """Run a series through the peers it suits; their places are made in `scratch`, and gone in the end.

    A peer that fails is left out from there on, and said to have failed; if lastgood fails, nothing else is worth knowing.
    """
    lanes = [Lane(peer, scratch / peer.name.replace(" ", "-")) for peer in peers if peer.suits(series)]
    running = _Race(series, lanes, say)
    running.each(running.prepare)
    for number, version in enumerate(series.versions, 1):
        for lane in lanes:
            tree.lay(version, lane.place / WORKSPACE)
        time.sleep(SETTLE_SECONDS)
        running.each(_committing(number), first=number)
        say(f"{series.name} v{number:02}  " + "  ".join(f"{lane.peer.name} {lane.commits[-1].seconds:.2f}" for lane in lanes))
    running.each(Lane.weigh)
    for again in range(UNCHANGED_COMMITS):
        running.each(_committing_again(len(series.versions) + 1 + again), first=again)
    for again in range(RESTORES):
        running.each(running.restore, first=again)
    say(f"{series.name} restored  " + "  ".join(f"{lane.peer.name} {_median(lane.cold):.2f}" for lane in lanes))
    for lane in lanes:
        yield lane.outcome(series)
        shutil.rmtree(lane.place)


@dataclass(frozen=True, slots=True)
class _Race:
    series: Series
    # The peers that have not failed.
    lanes: list[Lane]
    say: Say

    def each(self, act: Callable[[Lane], None], *, first: int = 0) -> None:
        """Let every peer act in turn; another one begins each time."""
        begin = first % max(1, len(self.lanes))
        for lane in [*self.lanes[begin:], *self.lanes[:begin]]:
            try:
                act(lane)
            except RuntimeError as error:
                if lane.peer.name == OURS:
                    raise
                self.say(f"{self.series.name}: {lane.peer.name} is left out: {error}")
                self.lanes.remove(lane)

    def prepare(self, lane: Lane) -> None:
        """Make its place and its repository."""
        (lane.place / WORKSPACE).mkdir(parents=True)
        lane.peer.prepare(lane.place, self.series)

    def restore(self, lane: Lane) -> None:
        """Restore the last version cold, then again."""
        if _spent(lane.cold) + _spent(lane.again) < PATIENCE_SECONDS:
            _restore(lane, len(self.series.versions), self.series.versions[-1])


def _committing(number: int) -> Callable[[Lane], None]:
    return lambda lane: lane.commits.append(lane.run(lane.peer.commit(lane.place, number)))


def _committing_again(number: int) -> Callable[[Lane], None]:
    def commit(lane: Lane) -> None:
        if _spent(lane.unchanged) < PATIENCE_SECONDS:
            lane.unchanged.append(lane.run(lane.peer.commit(lane.place, number)))

    return commit


def _restore(lane: Lane, number: int, version: Path) -> None:
    for kept, cold in ((lane.cold, True), (lane.again, False)):
        if cold:
            lane.peer.before_restore(lane.place)
            tree.forget(lane.place)
        else:
            shutil.rmtree(lane.peer.restored(lane.place))
            shutil.rmtree(lane.place / "out", ignore_errors=True)
        kept.append(lane.run(lane.peer.restore(lane.place, number)))
        tree.check_alike(version, lane.peer.restored(lane.place), lane.peer.name)


def _spent(steps: Sequence[Step]) -> float:
    return sum(step.seconds for step in steps)


def _median(steps: Sequence[Step]) -> float:
    return statistics.median(step.seconds for step in steps)
