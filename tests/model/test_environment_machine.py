"""Environments of a real registry against a simple memory of them: `memory.py`.

What is driven is the real path: the verbs of the embedded registry on a SQLite catalog. The decisions alone are driven
much further by `test_environment.py`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lastgood.catalog import environments
from lastgood.catalog.creation import create_catalog
from lastgood.catalog.database import Database
from lastgood.catalog.records import stored_events
from lastgood.catalog.sqlite import SQLiteDatabase
from lastgood.clock import FixedClock, format_instant
from lastgood.errors import LastgoodError, NotFound, StaleEnvironment
from lastgood.ids import EnvironmentName, FileDigest, OperationId
from lastgood.model.changes.releases import Verdict
from lastgood.model.operation import new_operation_id
from lastgood.model.placement import Staged
from lastgood.model.revision import no_zone
from lastgood.registry.context import Context
from lastgood.registry.embedded import EmbeddedEnvironments, EmbeddedReleases
from lastgood.registry.move import Moved
from lastgood.registry.publish import Draft
from lastgood.store.backend.memory import MemoryBackend
from lastgood.testing.history import ACTOR, BOT, START, components_of, counted_entropy, facts_of, replay_facts
from tests.model.memory import PLACES, Memory, Release, World
from tests.model.values import effort


@cache
def empty_catalog() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        create_catalog(Path(folder) / "catalog.db", lambda _: None)
        return (Path(folder) / "catalog.db").read_bytes()


places = st.sampled_from([*PLACES, "prod", "prod"])
picks = st.integers(0, 99)

MEMORY = "/dev/shm"  # noqa: S108 - where fsync is free, if there is such a place


class MovingMachine(RuleBasedStateMachine):
    """Does the same to the registry and to memory, and compares the answers."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY if os.access(MEMORY, os.W_OK) else None))
        self.database = self._open("catalog.db")
        self.clock = FixedClock(START)
        self.entropy = counted_entropy()
        context = Context(
            folder=self.folder,
            database=self.database,
            backend=MemoryBackend(),
            clock=self.clock,
            entropy=self.entropy,
            zone=no_zone,
            actor=lambda: ACTOR,
            accept_clock=False,
            pipeline=BOT,
        )
        self.releases = EmbeddedReleases(context)
        self.environments = EmbeddedEnvironments(context)
        self.world = World()
        self.last: tuple[Callable[[OperationId], Moved], OperationId, Moved] | None = None

    def _open(self, name: str) -> Database:
        (self.folder / name).write_bytes(empty_catalog())
        return SQLiteDatabase(self.folder / name)

    def teardown(self) -> None:
        try:
            self._replay()
        finally:
            self.database.close()
            shutil.rmtree(self.folder)

    def _replay(self) -> None:
        """Facts follow from events: an empty catalog that is told all events has the same rows in every table."""
        replayed = self._open("replayed.db")
        with replayed.writing() as again, self.database.reading() as session:
            replay_facts(again, (document for _, _, document in stored_events(self.database)))
            assert facts_of(again) == facts_of(session)
        replayed.close()

    @initialize(prompts=st.lists(st.sampled_from("abc"), min_size=2, max_size=5))
    def begin(self, prompts: list[str]) -> None:
        for prompt in prompts:
            self.commit(prompt, "")
            self.deploy("prod", len(self.world.releases) - 1)

    @rule(prompt=st.sampled_from("abc"), data=st.sampled_from("xy"))
    def commit(self, prompt: str, data: str) -> None:
        draft = Draft(BOT, components_of(prompt, data), FileDigest.of(b""))
        published = self.releases.publish(draft, Staged(()), announce=lambda _: None)
        latest = self.world.releases[-1] if self.world.releases else None
        assert published.created == (latest is None or (latest.prompt, latest.data) != (prompt, data))
        if published.created:
            self.world.releases.append(Release(prompt, data, published.release.behavior))
        assert published.release.number == len(self.world.releases)

    def _pick(self, number: int) -> int:
        return number % len(self.world.releases) + 1

    def _both(
        self,
        name: str,
        remembered: Callable[[Memory], bool],
        planned: Callable[[], Moved],
        real: Callable[[OperationId], Moved],
    ) -> None:
        """Do one thing to memory and to the registry: both move likewise, or both refuse for the same reason."""
        place = self.world.places[name]
        before = place.stack[-1] if place.stack else None
        suspect = frozenset(place.suspect)
        operation = new_operation_id(self.entropy)
        try:
            moved = remembered(place)
        except LastgoodError as expected:
            for attempt in (planned, lambda: real(operation)):
                try:
                    attempt()
                except LastgoodError as error:
                    assert type(error) is type(expected)  # noqa: PT017 - which error it is depends on the step
                else:
                    raise AssertionError(f"expected {expected!r}") from None
            return
        plan = planned()
        answer = real(operation)
        if moved:
            place.ran.append(place.stack[-1])
            place.since.append(self.clock.now())
            self.last = real, operation, answer
        assert (answer.changed, answer.revision, answer.after.number) == (moved, len(place.ran), place.stack[-1])
        assert (None if answer.before is None else answer.before.number) == before
        assert answer.was_suspect == (moved and self.world.prompt(place.stack[-1]) in suspect)
        assert (plan.changed, plan.after, plan.before, plan.was_suspect) == (
            answer.changed,
            answer.after,
            answer.before,
            answer.was_suspect,
        )
        assert plan.revision == answer.revision - moved

    @rule(name=places, number=picks)
    def deploy(self, name: str, number: int) -> None:
        chosen = self._pick(number)
        self._both(
            name,
            lambda place: self.world.deploy(place, chosen),
            lambda: self.environments.plan_deploy(name, f"r{chosen}"),
            lambda operation: self.environments.deploy(name, f"r{chosen}", reason="because", operation=operation),
        )

    @rule(name=places)
    def rollback(self, name: str) -> None:
        self._both(
            name,
            self.world.rollback,
            lambda: self.environments.plan_rollback(name),
            lambda operation: self.environments.rollback(name, operation=operation),
        )

    @rule(name=places, number=picks)
    def rollback_to(self, name: str, number: int) -> None:
        chosen = self._pick(number)
        self._both(
            name,
            lambda place: self.world.rollback_to(place, chosen),
            lambda: self.environments.plan_rollback(name, f"r{chosen}"),
            lambda operation: self.environments.rollback(name, f"r{chosen}", operation=operation),
        )

    @rule(number=picks, verdict=st.sampled_from(Verdict))
    def mark(self, number: int, verdict: Verdict) -> None:
        chosen = self._pick(number)
        self.releases.mark(f"r{chosen}", verdict, "somebody said so")
        self.world.mark(chosen, verdict)

    @rule(seconds=st.sampled_from([0, 1, 3_600]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds=seconds)

    def _find(self, revision: str) -> int | None:
        try:
            return self.releases.find(revision).release.number
        except NotFound:
            return None

    def _stack(self, name: str) -> list[int]:
        numbers = {self.releases.find(f"r{number}").release.release: number for number in range(1, len(self.world.releases) + 1)}
        with self.database.reading() as session:
            return [numbers[entry.release] for entry in environments.stack(session, BOT, EnvironmentName(name))]


class EnvironmentMachine(MovingMachine):
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
        seen = len(self.world.places[name].ran) + off
        attempts: tuple[Callable[[], Moved], ...] = (
            lambda: self.environments.deploy(name, f"r{self._pick(number)}", expect=seen),
            lambda: self.environments.rollback(name, expect=seen),
            lambda: self.environments.plan_deploy(name, f"r{self._pick(number)}", expect=seen),
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
        assert real(operation) == answer

    @rule(name=places, number=picks, tick=st.sampled_from([-1, 0, 1]))
    def look_back(self, name: str, number: int, tick: int) -> None:
        """`prod@T` is the newest deployment recorded at or before T."""
        place = self.world.places[name]
        if not place.since:
            return
        at = place.since[number % len(place.since)] + timedelta(microseconds=tick)
        ran = [one for one, since in zip(place.ran, place.since, strict=True) if since <= at]
        assert self._find(f"{name}@{format_instant(at)}") == (ran[-1] if ran else None)
        seconds = int((self.clock.now() - place.since[0]).total_seconds())
        ago = [one for one, since in zip(place.ran, place.since, strict=True) if since <= self.clock.now() - timedelta(seconds=seconds)]
        assert self._find(f"{name}@{seconds}s") == (ago[-1] if ago else None)
        assert self._find(f"{name}@0300-01-01T00:00Z") is None

    @invariant()
    def every_environment_is_as_memory_has_it(self) -> None:
        for name, place in self.world.places.items():
            if not place.ran:
                assert self._find(name) is self._find(f"{name}~0") is self._find(f"{name}@good") is None
                continue
            position = self.world.good(place)
            good = None if position is None else place.stack[position]
            details = self.environments.get(name)
            assert (details.release.number, details.revision) == (place.stack[-1], len(place.ran))
            assert (None if details.good is None else details.good.number) == self._find(f"{name}@good") == good
            assert details.marks.suspect == self.world.behaviors(place.suspect)
            assert details.marks.bad == self.world.behaviors(self.world.bad)
            assert [stay.deployment.number for stay in self.environments.history(name)] == place.ran[::-1]
            assert self._find(name) == place.ran[-1]
            assert self._stack(name) == place.stack[::-1]

    @invariant()
    def history_is_counted_back_from_now(self) -> None:
        for name, place in self.world.places.items():
            steps = {0, 1, len(place.ran) - 1, len(place.ran)} - {-1}
            for one in steps:
                assert self._find(f"{name}~{one}") == (place.ran[-1 - one] if one < len(place.ran) else None)


TestEnvironments = EnvironmentMachine.TestCase
TestEnvironments.settings = settings(max_examples=effort(30).max_examples, stateful_step_count=40)
