"""Environments of a real registry against a simple memory of them: `memory.py`, `moving.py`.

What is driven is the real path: the verbs of the embedded registry on a SQLite catalog. The decisions alone are driven
much further by `test_environment.py`, and `python -m tools.move_steps --steps 100000` drives this for as long as you like.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from lastgood.clock import format_instant
from lastgood.errors import LastgoodError, StaleEnvironment
from lastgood.model.changes.releases import Verdict
from lastgood.model.operation import new_operation_id
from lastgood.registry.move import Moved
from tests.model.moving import MovingMachine, picks, places, refused_alike, tags, told
from tests.model.values import effort


class JudgingMachine(MovingMachine):
    """Marks, tags, holds, and takes back what was done."""

    @rule(number=picks, verdict=st.sampled_from([Verdict.BAD, Verdict.GOOD]))
    def mark(self, number: int, verdict: Verdict) -> None:
        chosen = self._pick(number)
        self.releases.mark(f"r{chosen}", verdict, "somebody said so")
        self.world.mark(chosen, verdict)
        self._note()

    def _judge(self, remembered: Callable[[], bool], real: Callable[[], object]) -> None:
        try:
            changed = remembered()
        except LastgoodError as expected:
            refused_alike(expected, real)
            return
        real()
        if changed:
            self._note()

    @rule(number=picks, name=tags, move_it=st.booleans())
    def tag(self, number: int, name: str, move_it: bool) -> None:
        chosen = self._pick(number)
        self._judge(
            lambda: self.world.tag(name, chosen, move_it=move_it),
            lambda: self.releases.tag(f"r{chosen}", name, move_it=move_it),
        )

    @rule(number=picks)
    def hold(self, number: int) -> None:
        chosen = self._pick(number)
        self._judge(lambda: self.world.hold(chosen), lambda: self.holds.hold(f"r{chosen}", "to look at it"))

    @rule(number=picks)
    def lift(self, number: int) -> None:
        chosen = self._pick(number)
        self._judge(lambda: self.world.lift(chosen), lambda: self.holds.lift(f"r{chosen}"))

    @rule(back=st.integers(0, 5))
    def undo(self, back: int) -> None:
        """Undo one of the last operations, an undo among them."""
        index = max(0, len(self.operations) - 1 - back)
        undone, operation = self.operations[index], new_operation_id(self.entropy)
        try:
            self.world.undo(index, self.clock.now())
        except LastgoodError as expected:
            refused_alike(expected, lambda: self.log.plan_undo(undone), lambda: self.log.undo(undone, operation=operation))
            return
        plan = self.log.plan_undo(undone)
        answer = self.log.undo(undone, operation=operation)
        assert (plan.words, plan.undone, answer.operation) == (answer.words, undone, operation)
        self._note(operation)
        self.last = lambda again: self.log.undo(undone, operation=again), operation, answer


class EnvironmentMachine(JudgingMachine):
    """Looks at all there is to see after every step, and asks for what is done rarely."""

    @rule(name=places)
    def deploy_what_is_live(self, name: str) -> None:
        stack = self.world.places[name].stack
        if stack:
            self.deploy(name, stack[-1] - 1)

    @rule(name=places, number=picks)
    def rollback_to_what_ran_there(self, name: str, number: int) -> None:
        ran = self.world.places[name].ran
        if ran:
            self.rollback_to(name, ran[number % len(ran)] - 1)

    @rule(name=places, number=picks, off=st.sampled_from([-1, 1]))
    def move_what_somebody_else_moved_first(self, name: str, number: int, off: int) -> None:
        seen = len(self.world.places[name].moves) + off
        attempts: tuple[Callable[[], Moved], ...] = (
            lambda: self.environments.deploy(name, f"r{self._pick(number)}", expect=seen),
            lambda: self.environments.rollback(name, expect=seen),
            lambda: self.environments.plan_deploy(name, f"r{self._pick(number)}", expect=seen),
            lambda: self.environments.canaries.start(name, f"r{self._pick(number)}", 10, expect=seen),
            lambda: self.environments.canaries.promote(name, expect=seen),
            lambda: self.environments.canaries.plan_abort(name, expect=seen),
        )
        for attempt in attempts:
            try:
                attempt()
            except StaleEnvironment:
                continue
            raise AssertionError("a stale move went through")

    @precondition(lambda self: self.last is not None)
    @rule()
    def ask_again(self) -> None:
        """A retried request carries its operation id and gets its first answer."""
        assert self.last is not None
        real, operation, answer = self.last
        assert told(real(operation)) == told(answer)

    @rule(name=places, number=picks, tick=st.sampled_from([-1, 0, 1]))
    def look_back(self, name: str, number: int, tick: int) -> None:
        """`prod@T` is the newest deployment recorded at or before T."""
        place = self.world.places[name]
        if not place.since:
            return
        at = place.since[number % len(place.since)] + timedelta(microseconds=tick)
        tops = [then.stack[-1] for then in place.moves]
        ran = [one for one, since in zip(tops, place.since, strict=True) if since <= at]
        assert self._find(f"{name}@{format_instant(at)}") == (ran[-1] if ran else None)
        seconds = int((self.clock.now() - place.since[0]).total_seconds())
        ago = [one for one, since in zip(tops, place.since, strict=True) if since <= self.clock.now() - timedelta(seconds=seconds)]
        assert self._find(f"{name}@{seconds}s") == (ago[-1] if ago else None)
        assert self._find(f"{name}@0300-01-01T00:00Z") is None

    @invariant()
    def every_environment_is_as_memory_has_it(self) -> None:
        for name, place in self.world.places.items():
            if not place.moves:
                assert self._find(name) is self._find(f"{name}~0") is self._find(f"{name}@good") is None
                continue
            position = self.world.good(place)
            good = None if position is None else place.stack[position]
            details = self.environments.get(name)
            assert (details.release.number, details.revision) == (place.stack[-1], len(place.moves))
            assert self._find(f"{name}@canary") == (place.canary[0] if place.canary else None)
            assert (None if details.canary is None else (details.canary.release.number, details.canary.percent)) == place.canary
            assert (None if details.good is None else details.good.number) == self._find(f"{name}@good") == good
            assert details.marks.suspect == self.world.behaviors(place.suspect)
            assert details.marks.bad == self.world.behaviors(self.world.bad)
            assert [stay.deployment.number for stay in self.environments.history(name)] == [then.stack[-1] for then in place.moves[::-1]]
            assert self._find(name) == place.stack[-1] == place.ran[-1]
            assert self._stack(name) == place.stack[::-1]

    @invariant()
    def tags_and_holds_are_as_memory_has_them(self) -> None:
        assert {name: number for name in ("v1", "stable") if (number := self._find(name))} == {
            name: number for name, (number, _) in self.world.tags.items()
        }
        assert {release.number for release, _ in self.holds.list()} == set(self.world.holds)

    @invariant()
    def the_log_has_every_operation_once(self) -> None:
        # The first one of all made the registry.
        assert [one.id for one in self.log.log()][:-1] == self.operations[::-1]

    @invariant()
    def history_is_counted_back_from_now(self) -> None:
        for name, place in self.world.places.items():
            steps = {0, 1, len(place.ran) - 1, len(place.ran)} - {-1}
            for one in steps:
                assert self._find(f"{name}~{one}") == (place.ran[-1 - one] if one < len(place.ran) else None)


TestEnvironments = EnvironmentMachine.TestCase
TestEnvironments.settings = settings(max_examples=effort(30).max_examples, stateful_step_count=40)
