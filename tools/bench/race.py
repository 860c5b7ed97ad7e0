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
from tools.bench.results import Outcome

UNCHANGED_COMMITS = 3
RESTORES = 3
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

    def run(self, commands: Sequence[Sequence[str | Path]]) -> Step:
        """Time commands in the place."""
        return timed(commands, cwd=self.place, env=self.peer.environment(self.place))

    def outcome(self, series: Series, stored: tree.Bytes) -> Outcome:
        """Sum up."""
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
    """Run a series through the peers it suits; their places are made in `scratch`, and gone in the end."""
    lanes = [Lane(peer, scratch / peer.name.replace(" ", "-")) for peer in peers if peer.suits(series)]
    for lane in lanes:
        (lane.place / WORKSPACE).mkdir(parents=True)
        lane.peer.prepare(lane.place, series)
    for number, version in enumerate(series.versions, 1):
        for lane in lanes:
            tree.lay(version, lane.place / WORKSPACE)
        time.sleep(SETTLE_SECONDS)
        for lane in _turns(lanes, number):
            lane.commits.append(lane.run(lane.peer.commit(lane.place, number)))
        say(f"{series.name} v{number:02}  " + "  ".join(f"{lane.peer.name} {lane.commits[-1].seconds:.2f}" for lane in lanes))
    last = len(series.versions)
    stored = {lane.peer.name: lane.peer.stored(lane.place) for lane in lanes}
    for again in range(UNCHANGED_COMMITS):
        for lane in _turns(lanes, again):
            lane.unchanged.append(lane.run(lane.peer.commit(lane.place, last + 1 + again)))
    for again in range(RESTORES):
        for lane in _turns(lanes, again):
            _restore(lane, last, series.versions[-1])
    for lane in lanes:
        yield lane.outcome(series, stored[lane.peer.name])
        shutil.rmtree(lane.place)


def _turns(lanes: Sequence[Lane], number: int) -> list[Lane]:
    """Let another one begin each time."""
    first = number % len(lanes)
    return [*lanes[first:], *lanes[:first]]


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


def _median(steps: Sequence[Step]) -> float:
    return statistics.median(step.seconds for step in steps)
