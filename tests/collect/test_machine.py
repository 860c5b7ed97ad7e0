"""Commits, killed and late ones, dropped releases and collections, in any order: what is kept is whole, and garbage goes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, rule

from tests.collect.desk import NOW, Desk, Writing
from tests.collect.series import noise, text, weights

KINDS: dict[str, Callable[[int, int], bytes]] = {
    "noise.bin": lambda seed, version: noise(seed * 100 + version),
    "small.txt": lambda seed, version: f"{seed} in version {version}".encode() * 9,
    "long.txt": text,
    "weights.npy": weights,
}
make = cache(lambda path, seed, version: KINDS[path](seed, version))
graces = st.sampled_from([NOW, NOW, timedelta(hours=2), timedelta(hours=24)])
versions = st.integers(0, 4)


class Collecting(RuleBasedStateMachine):
    """A registry beside what it must still give back."""

    writings: Bundle[Writing] = Bundle("writings")

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.desk = Desk(self.folder / "registry")
        self.chosen = {path: (0, 0) for path in KINDS}
        self.desk.commit(self.files())

    def files(self) -> dict[str, bytes]:
        return {path: make(path, *chosen) for path, chosen in self.chosen.items()}

    @rule(path=st.sampled_from(sorted(KINDS)), seed=st.integers(0, 1), version=versions)
    def edit(self, path: str, seed: int, version: int) -> None:
        self.chosen[path] = (seed, version)

    @rule()
    def drift(self) -> None:
        self.chosen = {path: (seed, version + 1) for path, (seed, version) in self.chosen.items()}

    @rule(recalled=st.sets(st.sampled_from(sorted(KINDS))))
    def commit(self, recalled: set[str]) -> None:
        self.desk.commit(self.files(), recalled)

    @rule(target=writings, recalled=st.sets(st.sampled_from(sorted(KINDS))))
    def write(self, recalled: set[str]) -> Writing:
        return self.desk.begin(self.files(), recalled)

    @rule(writing=consumes(writings))
    def publish(self, writing: Writing) -> None:
        self.desk.publish(writing)

    @rule(writing=consumes(writings))
    def kill(self, writing: Writing) -> None:
        """What it wrote is nobody's now."""

    @rule(choice=st.integers(0, 50))
    def drop(self, choice: int) -> None:
        latest = self.desk.latest()
        droppable = sorted(release for release in self.desk.kept() if latest is None or release != latest.release)
        if droppable:
            self.desk.dropped.add(droppable[choice % len(droppable)])

    @rule(hours=st.integers(1, 30))
    def wait(self, hours: int) -> None:
        self.desk.clock.advance(seconds=3_600 * hours)

    @rule(grace=graces)
    def collect(self, grace: timedelta) -> None:
        self.desk.collect(grace)
        self.desk.assert_whole()

    @rule(grace=graces, writing=consumes(writings), after=st.integers(0, 12))
    def collect_while_somebody_publishes(self, grace: timedelta, writing: Writing, after: int) -> None:
        self.desk.backend.act_after(after, lambda: self.desk.publish(writing))
        self.desk.collect(grace)
        self.desk.backend.calm_down()
        self.desk.assert_whole()

    @rule(grace=graces, other=graces, after=st.integers(0, 12))
    def collect_twice_at_once(self, grace: timedelta, other: timedelta, after: int) -> None:
        self.desk.backend.act_after(after, lambda: self.desk.collect(other))
        self.desk.collect(grace)
        self.desk.backend.calm_down()
        self.desk.assert_whole()

    @rule(grace=graces)
    def tell(self, grace: timedelta) -> None:
        """A plan changes nothing, and is what then happens."""
        before = self.desk.packs(), self.desk.keys("index_chunks", "chunk"), self.desk.keys("index_condemned_chunks", "chunk")
        told = self.desk.plan(grace)
        assert before == (self.desk.packs(), self.desk.keys("index_chunks", "chunk"), self.desk.keys("index_condemned_chunks", "chunk"))
        done = self.desk.collect(grace)
        assert (told.chunks_condemned, told.chunks_swept, told.files_swept) == (done.chunks_condemned, done.chunks_swept, done.files_swept)
        assert (told.packs_deleted, told.bytes_deleted) == (done.packs_deleted, done.bytes_deleted)
        self.desk.assert_whole()

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            self.desk.collect()
            self.desk.assert_whole()
            self.desk.assert_no_garbage()
            again = self.desk.collect()
            assert (again.chunks_swept, again.packs_deleted, again.packs_rewritten) == (0, 0, 0)
            self.desk.close()
            shutil.rmtree(self.folder)


Collecting.TestCase.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
TestCollecting = Collecting.TestCase
