"""Commits, collections and optimizing, killed ones and several at once, in any order: what is kept is whole, garbage goes."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import consumes, rule

from lastgood.registry.optimize import optimize
from tests.collect.desk import Writing
from tests.collect.test_machine import Collecting, graces

levels = st.sampled_from([3, 6, 9])
moments = st.integers(0, 14)


class Killed(BaseException):
    """The process ends here."""


class Optimizing(Collecting):
    """Adds optimizing to what may happen to a registry."""

    @rule(level=levels)
    def optimize(self, level: int) -> None:
        done = optimize(self.desk.context, level=level)
        assert done.bytes_saved >= 0
        assert done.left_alone == ()
        self.desk.assert_whole()
        again = optimize(self.desk.context, level=level)
        assert (again.chunks, again.packs) == (0, 0)

    @rule(level=levels)
    def tell_what_optimizing_would_do(self, level: int) -> None:
        before = self.desk.packs(), self.desk.keys("index_packs", "pack")
        optimize(self.desk.context, level=level, dry_run=True)
        assert before == (self.desk.packs(), self.desk.keys("index_packs", "pack"))

    @rule(level=levels, after=moments)
    def kill_while_optimizing(self, level: int, after: int) -> None:
        def kill() -> None:
            raise Killed

        self.desk.backend.act_after(after, kill)
        with suppress(Killed):
            optimize(self.desk.context, level=level)
        self.desk.backend.calm_down()
        self.desk.assert_whole()

    @rule(level=levels, writing=consumes(Collecting.writings), after=moments)
    def optimize_while_somebody_publishes(self, level: int, writing: Writing, after: int) -> None:
        self.desk.backend.act_after(after, lambda: self.desk.publish(writing))
        self.optimize_beside(level)

    @rule(level=levels, grace=graces, after=moments)
    def optimize_while_somebody_collects(self, level: int, grace: timedelta, after: int) -> None:
        self.desk.backend.act_after(after, lambda: self.desk.collect(grace))
        self.optimize_beside(level)

    @rule(level=levels, other=levels, after=moments)
    def optimize_twice_at_once(self, level: int, other: int, after: int) -> None:
        self.desk.backend.act_after(after, lambda: optimize(self.desk.context, level=other))
        self.optimize_beside(level)

    def optimize_beside(self, level: int) -> None:
        optimize(self.desk.context, level=level)
        self.desk.backend.calm_down()
        self.desk.assert_whole()


Optimizing.TestCase.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
TestOptimizing = Optimizing.TestCase
