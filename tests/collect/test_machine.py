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
edits = st.dictionaries(st.sampled_from(sorted(KINDS)), st.tuples(st.integers(0, 1), st.integers(0, 4)), min_size=1)
recalls = st.sets(st.sampled_from(sorted(KINDS)))


class Collecting(RuleBasedStateMachine):
    """A registry beside what it must still give back."""

    writings: Bundle[Writing] = Bundle("writings")

    @initialize(versions=st.integers(2, 4))
    def begin(self, versions: int) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.desk = Desk(self.folder / "registry")
        self.chosen = dict.fromkeys(KINDS, (0, 0))
        for _ in range(versions):
            self.desk.commit(self._files())
            self.chosen = {path: (seed, version + 1) for path, (seed, version) in self.chosen.items()}

    def _files(self) -> dict[str, bytes]:
        return {path: make(path, *chosen) for path, chosen in self.chosen.items()}

    def _drop(self, every: int) -> None:
        """Drop one in so many of the releases that may be dropped."""
        latest = self.desk.latest()
        assert latest is not None
        self.desk.dropped.update([release for release in self.desk.releases if release != latest.release][::every])

    @rule(chosen=edits, recalled=recalls, every=st.integers(1, 4))
    def commit(self, chosen: dict[str, tuple[int, int]], recalled: set[str], every: int) -> None:
        self.chosen |= chosen
        self.desk.commit(self._files(), recalled)
        self._drop(every)

    @rule(target=writings, chosen=edits, recalled=recalls)
    def write(self, chosen: dict[str, tuple[int, int]], recalled: set[str]) -> Writing:
        self.chosen |= chosen
        return self.desk.begin(self._files(), recalled)

    @rule(writing=consumes(writings))
    def publish(self, writing: Writing) -> None:
        self.desk.publish(writing)

    # Each collection drops something first: a run that picks few of the rules has garbage all the same.

    @rule(grace=graces, hours=st.integers(0, 30), every=st.integers(1, 4))
    def collect(self, grace: timedelta, hours: int, every: int) -> None:
        self.desk.clock.advance(seconds=3_600 * hours)
        self._drop(every)
        self.desk.collect(grace)
        self.desk.assert_whole()

    @rule(grace=graces, writing=consumes(writings), after=st.integers(0, 12), every=st.integers(1, 4))
    def collect_while_somebody_publishes(self, grace: timedelta, writing: Writing, after: int, every: int) -> None:
        self._drop(every)
        self.desk.backend.act_after(after, lambda: self.desk.publish(writing))
        self.desk.collect(grace)
        self.desk.backend.calm_down()
        self.desk.assert_whole()

    @rule(grace=graces, chosen=edits, after=st.integers(0, 12), every=st.integers(1, 4))
    def collect_while_somebody_writes(self, grace: timedelta, chosen: dict[str, tuple[int, int]], after: int, every: int) -> None:
        self.chosen |= chosen
        written: list[Writing] = []
        self._drop(every)
        self.desk.backend.act_after(after, lambda: written.append(self.desk.begin(self._files(), set(KINDS))))
        self.desk.collect(grace)
        self.desk.backend.calm_down()
        for writing in written:
            self.desk.publish(writing)
        self.desk.assert_whole()

    @rule(grace=graces, other=graces, after=st.integers(0, 12), every=st.integers(1, 4))
    def collect_twice_at_once(self, grace: timedelta, other: timedelta, after: int, every: int) -> None:
        self._drop(every)
        self.desk.backend.act_after(after, lambda: self.desk.collect(other))
        self.desk.collect(grace)
        self.desk.backend.calm_down()
        self.desk.assert_whole()

    @rule(grace=graces, every=st.integers(1, 4))
    def tell(self, grace: timedelta, every: int) -> None:
        """A plan changes nothing, and is what then happens."""
        self._drop(every)
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
            self.desk.assert_verified()
            self.desk.assert_no_garbage()
            again = self.desk.collect()
            assert (again.chunks_swept, again.packs_deleted, again.packs_rewritten) == (0, 0, 0)
            self.desk.close()
            shutil.rmtree(self.folder)


Collecting.TestCase.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
TestCollecting = Collecting.TestCase
