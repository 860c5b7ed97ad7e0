"""Environments of a real registry beside a simple memory of them: `memory.py`; what `test_environment_machine.py` drives.

What is driven is the real path: the verbs of the embedded registry on a SQLite catalog. The decisions alone are driven
much further by `test_environment.py`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from lastgood.catalog import environments
from lastgood.catalog.creation import create_catalog
from lastgood.catalog.database import Database
from lastgood.catalog.records import stored_events
from lastgood.catalog.sqlite import SQLiteDatabase
from lastgood.clock import FixedClock
from lastgood.errors import LastgoodError, NotFound
from lastgood.ids import EnvironmentName, FileDigest, OperationId
from lastgood.model.changes.registry import RegistryCreated
from lastgood.model.operation import new_operation_id
from lastgood.model.placement import Staged
from lastgood.model.revision import no_zone
from lastgood.registry.context import Context
from lastgood.registry.embedded import EmbeddedEnvironments, EmbeddedReleases
from lastgood.registry.judgements import EmbeddedHolds, EmbeddedOperations
from lastgood.registry.move import Moved
from lastgood.registry.publish import Draft
from lastgood.registry.undo import Undone
from lastgood.store.backend.memory import MemoryBackend
from lastgood.testing.history import ACTOR, BOT, REGISTRY, START, History, components_of, counted_entropy, facts_of, replay_facts
from tests.model.memory import PLACES, Done, Memory, Release, World


def begin_history(database: Database) -> None:
    """Let a registry come into being: without its first event nothing can be signed."""
    History(database, seed="begin").append(RegistryCreated(REGISTRY))


@cache
def empty_catalog() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        create_catalog(Path(folder) / "catalog.db", begin_history)
        return (Path(folder) / "catalog.db").read_bytes()


places = st.sampled_from([*PLACES, "prod", "prod"])
percents = st.sampled_from([1, 10, 50])
tags = st.sampled_from(["v1", "stable"])
picks = st.integers(0, 99)

MEMORY = "/dev/shm"  # noqa: S108 - where fsync is free, if there is such a place


def refused_alike(expected: LastgoodError, *attempts: Callable[[], object]) -> None:
    """See that each attempt ends in an error of the very class that memory expects."""
    for attempt in attempts:
        try:
            attempt()
        except LastgoodError as error:
            assert type(error) is type(expected), (error, expected)  # noqa: PT017 - which error it is depends on the step
        else:
            raise AssertionError(f"expected {expected!r}") from None


def told(answer: object) -> object:
    """Return what an answer says of a move; the tags of its releases may be others by now."""
    if isinstance(answer, Undone):
        return answer.undone, answer.operation, answer.words, told(answer.moved)
    if not isinstance(answer, Moved):
        return answer
    releases = (answer.before, answer.after, answer.ended, None if answer.canary is None else answer.canary.release)
    numbers = tuple(None if one is None else one.number for one in releases)
    percent = None if answer.canary is None else answer.canary.percent
    return answer.environment, answer.revision, answer.changed, answer.kind, answer.operation, answer.was_suspect, percent, numbers


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
        self.holds = EmbeddedHolds(context)
        self.log = EmbeddedOperations(context)
        self.world = World()
        self.operations: list[OperationId] = []
        self.last: tuple[Callable[[OperationId], object], OperationId, object] | None = None

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
            self.world.done.append(Done("commit"))
            self._note()
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
        suspect, running = set(place.suspect), place.canary
        operation = new_operation_id(self.entropy)
        try:
            moved = remembered(place)
        except LastgoodError as expected:
            refused_alike(expected, planned, lambda: real(operation))
            return
        plan = planned()
        answer = real(operation)
        if moved:
            place.note(suspect, self.clock.now())
            self.world.done.append(Done("move", name, len(place.moves)))
            self._note(operation)
            self.last = real, operation, answer
        asked_for = place.canary[0] if place.canary else place.stack[-1]
        assert (answer.changed, answer.revision, answer.after.number) == (moved, len(place.moves), place.stack[-1])
        assert (None if answer.before is None else answer.before.number) == before
        assert answer.was_suspect == (moved and self.world.prompt(asked_for) in suspect)
        assert (None if answer.canary is None else (answer.canary.release.number, answer.canary.percent)) == place.canary
        assert (None if answer.ended is None else answer.ended.number) == (running[0] if running and not place.canary else None)
        assert answer.operation == (operation if moved else None)
        assert plan == replace(answer, revision=answer.revision - moved, operation=None)

    def _note(self, operation: OperationId | None = None) -> None:
        """Note the id under which the last thing was done; the log begins with it."""
        newest = self.log.log(1)[0].id
        assert operation in {None, newest}
        self.operations.append(newest)
        assert len(self.operations) == len(self.world.done)

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

    @rule(name=places, number=picks, percent=percents)
    def start_canary(self, name: str, number: int, percent: int) -> None:
        chosen = self._pick(number)
        canaries = self.environments.canaries
        self._both(
            name,
            lambda place: self.world.start_canary(place, chosen, percent),
            lambda: canaries.plan_start(name, f"r{chosen}", percent),
            lambda operation: canaries.start(name, f"r{chosen}", percent, operation=operation),
        )

    @rule(name=places)
    def promote(self, name: str) -> None:
        canaries = self.environments.canaries
        self._both(
            name,
            self.world.promote,
            lambda: canaries.plan_promote(name),
            lambda operation: canaries.promote(name, operation=operation),
        )

    @rule(name=places)
    def abort(self, name: str) -> None:
        canaries = self.environments.canaries
        self._both(
            name,
            self.world.abort,
            lambda: canaries.plan_abort(name),
            lambda operation: canaries.abort(name, operation=operation),
        )

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
