"""Commits, moves, tags, holds, policies, plans, collections and undos in any order: nobody loses what they count on.

What must stay is told here once more, from what the registry answers about environments, tags and holds, and not from the
code that plans.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lastgood.catalog.collection import pack_uses
from lastgood.errors import Conflict, Gone, LastgoodError, NotFound, Refused
from lastgood.ids import ComponentName, FileDigest, ReleaseId
from lastgood.model.component import Component, FilesContent, Kind, Provenance, make_component
from lastgood.model.listing import FileEntry, Mode, write_listing
from lastgood.model.parts import Part, part_of
from lastgood.model.retention import Policy, Rules
from lastgood.registry.compare import compare_sides, side_of
from lastgood.registry.embedded import EmbeddedRegistry
from lastgood.registry.intake import DeferredIntake
from lastgood.registry.publish import Draft, publish
from lastgood.registry.retention import Retention
from lastgood.registry.retention_plan import Applied, Plan
from lastgood.registry.verify import verify
from tests.collect.desk import NOW, WORKSPACE_FILE, Releases
from tests.collect.series import noise, text, weights

ROUTER, PROMPTS, CONFIG, TRAIN = (ComponentName(name) for name in ("router", "prompts", "config", "train"))
KINDS = {ROUTER: Kind.ARTIFACT, PROMPTS: Kind.PROMPT, CONFIG: Kind.CONFIG, TRAIN: Kind.ARTIFACT}
BIG = 40_000

MAKERS: dict[str, Callable[[int], bytes]] = {
    "models/weights.npy": lambda version: weights(1, version),
    "models/optimizer.pt": lambda version: noise(1_000 + version, BIG),
    "models/adapter.bin": lambda version: noise(2_000 + version // 3, BIG),
    "data/rows.txt": lambda version: text(2, version),
    "prompts/system.md": lambda version: f"be kind, in version {version}\n".encode(),
    "config/routing.json": lambda version: b'{"temperature": 0.%d}' % version,
}
FOLDERS = {"models": ROUTER, "data": TRAIN, "prompts": PROMPTS, "config": CONFIG}
make = cache(lambda path, version: MAKERS[path](version))
Files = Mapping[str, bytes]

rules_of_policies = st.builds(
    Rules,
    keep_last=st.none() | st.integers(1, 3),
    keep_deployed=st.none() | st.just({"*": timedelta(hours=5)}),
    keep_tagged=st.none() | st.just(value=True),
    keep_daily=st.none() | st.integers(1, 2),
    keep_every=st.none() | st.integers(1, 3),
    min_age=st.none() | st.just(timedelta(hours=2)),
)
policies = st.builds(
    Policy,
    rules=rules_of_policies,
    kinds=st.just({}) | st.builds(lambda rules: {Kind.ARTIFACT: rules}, rules_of_policies),
    optimizer=st.none() | rules_of_policies,
    rollbacks=st.integers(1, 3),
)
versions = st.dictionaries(st.sampled_from(sorted(MAKERS)), st.integers(0, 5), min_size=1)
environments = st.sampled_from(["prod", "staging"])
choices = st.integers(0, 30)


class Bench:
    """A registry in memory, with everything that was ever committed beside it."""

    def __init__(self, folder: Path) -> None:
        self.base = Releases(folder / "registry")
        self.context = self.base.context
        self.registry = EmbeddedRegistry(self.context)
        self.retention = Retention(self.context)
        self.files: dict[ReleaseId, Files] = {}
        self.removed: set[tuple[ReleaseId, ComponentName, Part]] = set()
        self.collected: set[FileDigest] = set()

    @property
    def order(self) -> list[ReleaseId]:
        return list(self.files)

    def commit(self, files: Files) -> ReleaseId:
        with DeferredIntake(self.context, self.base.latest()) as intake:
            components = [self._component(intake, name, files) for name in KINDS]
            own = intake.receive_bytes(WORKSPACE_FILE).digest
            draft = Draft(self.base.pipeline, tuple(components), own, onto_latest=True)
            staged = intake.finish()
            done = publish(self.context, draft, staged, operation=self.context.operation(None), announce=lambda _: None)
        self.files.setdefault(done.release.release, files)
        return done.release.release

    def _component(self, intake: DeferredIntake, name: ComponentName, files: Files) -> Component:
        entries = []
        for path, data in sorted(files.items()):
            if FOLDERS[path.partition("/")[0]] == name:
                entries.append(FileEntry(path, Mode.FILE, intake.receive_bytes(data, path).digest, len(data)))
        listing = intake.receive_bytes(write_listing(entries)).digest
        return make_component(name, FilesContent(KINDS[name], listing), Provenance())

    def find(self, revision: str) -> ReleaseId | None:
        try:
            return self.registry.releases.find(revision).release.release
        except LastgoodError:
            return None

    def counted_on(self, rollbacks: int, *, tags: bool) -> set[ReleaseId]:
        """Return the releases that nobody may take: the latest, live, held, tagged, and where a rollback would go."""
        found = {self.order[-1], *(release.release for release, _ in self.registry.holds.list())}
        for details in self.registry.environments.list("bot"):
            name = str(details.name)
            found.update(one for end in ("", "@canary", "@good") if (one := self.find(name + end)) is not None)
            stays = self.registry.environments.history(name)
            found.update(stay.deployment.release for stay in stays[:rollbacks])
        if tags:
            found.update(one.release.release for one in self.registry.releases.log(pipeline="bot") if one.release.tags)
        return found

    def lost(self, release: ReleaseId) -> set[str]:
        """Return the paths of a release that may be gone."""
        return {path for path in self.files[release] if (release, FOLDERS[path.partition("/")[0]], part_of(path)) in self.removed}

    def needed(self) -> set[FileDigest]:
        return {
            FileDigest.of(data) for release, files in self.files.items() for path, data in files.items() if path not in self.lost(release)
        }

    def assert_whole(self) -> None:
        """What was not let go is given back bit for bit; what was let go is given back, or is gone by name."""
        needed = self.needed()
        for files in self.files.values():
            for data in files.values():
                digest = FileDigest.of(data)
                if digest in needed:
                    assert self.registry.files.read_file(digest) == data
                elif digest in self.collected:
                    with pytest.raises(Gone):
                        self.registry.files.read_file(digest)

    def stored(self) -> tuple[int, float, float]:
        """Return the bytes of all packs, and those of their frames that are in use and that are not."""
        with self.context.database.reading() as session:
            uses = pack_uses(session)
        size = sum(self.base.backend.size(name) for name in self.base.backend.names("packs"))
        used = sum(use.used for use in uses)
        return size, used, sum(use.body for use in uses) - used

    def said_of(self, old: ReleaseId, new: ReleaseId) -> dict[ComponentName, str]:
        sides = [side_of(self.registry.releases.manifest(one).components, self.registry.files) for one in (old, new)]
        compared = compare_sides(sides[0], sides[1], self.registry.files)
        return {one.name: one.summary for one in compared.components if one.name in {PROMPTS, CONFIG}}


class Moving(RuleBasedStateMachine):
    """A pipeline whose releases are made, moved, tagged and held."""

    @initialize(count=st.integers(3, 6), policy=policies)
    def begin(self, count: int, policy: Policy) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.bench = Bench(self.folder)
        self.chosen = dict.fromkeys(MAKERS, 0)
        self.policy = policy
        self.last: Applied | None = None
        self.said: dict[tuple[ReleaseId, ReleaseId], dict[ComponentName, str]] = {}
        for number in range(count):
            self.chosen = dict.fromkeys(MAKERS, number)
            self._commit()
        self.bench.retention.record("bot", policy)

    def _commit(self) -> None:
        before = self.bench.order[-1] if self.bench.files else None
        release = self.bench.commit({path: make(path, version) for path, version in self.chosen.items()})
        # Content that comes anew is there again, for whoever shares it.
        self.bench.collected -= {FileDigest.of(data) for data in self.bench.files[release].values()}
        if before is not None and before != release:
            self.said[before, release] = self.bench.said_of(before, release)
        self.bench.base.clock.advance(seconds=1_800)

    @rule(chosen=versions)
    def commit(self, chosen: dict[str, int]) -> None:
        self.chosen |= chosen
        self._commit()

    def _pick(self, choice: int) -> ReleaseId:
        return self.bench.order[choice % len(self.bench.order)]

    def _keep_again(self, release: ReleaseId) -> None:
        """What of a release is still there, is kept again."""
        for component, part in {(FOLDERS[path.partition("/")[0]], part_of(path)) for path in self.bench.files[release]}:
            files = self.bench.files[release]
            mine = [data for path, data in files.items() if (FOLDERS[path.partition("/")[0]], part_of(path)) == (component, part)]
            if all(FileDigest.of(data) not in self.bench.collected for data in mine):
                self.bench.removed.discard((release, component, part))

    def _moved(self, act: Callable[[], object], environment: str) -> None:
        before = self.bench.find(environment), self.bench.find(f"{environment}@canary")
        try:
            act()
        except Gone:
            assert (self.bench.find(environment), self.bench.find(f"{environment}@canary")) == before
        except (NotFound, Refused, Conflict):
            return
        for revision in (environment, f"{environment}@canary"):
            release = self.bench.find(revision)
            if release is not None:
                self._keep_again(release)
                assert not {path for path in self.bench.lost(release) if part_of(path) is Part.FILES}

    @rule(environment=environments, choice=choices)
    def deploy(self, environment: str, choice: int) -> None:
        release = str(self._pick(choice))
        self._moved(lambda: self.bench.registry.environments.deploy(environment, release), environment)

    @rule(environment=environments)
    def rollback(self, environment: str) -> None:
        self._moved(lambda: self.bench.registry.environments.rollback(environment), environment)

    @rule(environment=environments, choice=choices)
    def rollback_to(self, environment: str, choice: int) -> None:
        release = str(self._pick(choice))
        self._moved(lambda: self.bench.registry.environments.rollback(environment, release), environment)

    @rule(environment=environments, choice=choices)
    def canary(self, environment: str, choice: int) -> None:
        release = str(self._pick(choice))
        self._moved(lambda: self.bench.registry.environments.canaries.start(environment, release, 10), environment)

    @rule(environment=environments, is_promoted=st.booleans())
    def end_canary(self, environment: str, *, is_promoted: bool) -> None:
        canaries = self.bench.registry.environments.canaries
        self._moved(lambda: (canaries.promote if is_promoted else canaries.abort)(environment), environment)

    @rule(choice=choices, tag=st.sampled_from(["v1", "v2"]))
    def tag(self, choice: int, tag: str) -> None:
        self.bench.registry.releases.tag(str(self._pick(choice)), tag, move_it=True)
        self._keep_again(self._pick(choice))

    @rule(choice=choices, is_held=st.booleans())
    def hold(self, choice: int, *, is_held: bool) -> None:
        release = self._pick(choice)
        if is_held:
            held = release in {one.release for one, _ in self.bench.registry.holds.list()}
            self.bench.registry.holds.hold(str(release))
            if not held:
                self._keep_again(release)
        else:
            with suppress(NotFound):
                self.bench.registry.holds.lift(str(release))

    @rule(hours=st.integers(1, 40))
    def wait(self, hours: int) -> None:
        self.bench.base.clock.advance(seconds=3_600 * hours)


class Retaining(Moving):
    """Plans, collections and undos beside it, and what must hold."""

    @rule(policy=policies)
    def change_policy(self, policy: Policy) -> None:
        self.policy = policy
        self.bench.retention.record("bot", policy)

    def _plan(self) -> Plan:
        """Nothing that anybody counts on is planned to go, and what is planned is there."""
        plan = self.bench.retention.plan("bot")
        every = [self.policy.rules_of(kind, part) for kind in (Kind.ARTIFACT,) for part in Part]
        counted_on = self.bench.counted_on(self.policy.rollbacks, tags=all(one.keep_tagged for one in every))
        assert not {one.release for one in plan.going} & counted_on
        assert {one.item.component for one in plan.going} <= {ROUTER, TRAIN}
        assert not {(one.release, one.item.component, one.item.part) for one in plan.decisions} & self.bench.removed
        assert all(one.reasons for one in plan.decisions)
        return plan

    def _collect(self) -> None:
        self.bench.base.collect(NOW)
        everything = {FileDigest.of(data) for files in self.bench.files.values() for data in files.values()}
        self.bench.collected |= everything - self.bench.needed()

    @rule()
    def plan_and_apply(self) -> None:
        plan = self._plan()
        if not plan.going:
            return
        self.last = self.bench.retention.apply(str(plan.digest), "bot")
        applied = {(one.release, one.component, one.part) for one in self.last.removed}
        assert applied == {(one.release, one.item.component, one.item.part) for one in plan.going}
        self.bench.removed |= applied
        assert self.bench.retention.plan("bot").going == []

    @rule()
    def apply_and_collect(self) -> None:
        """The bytes that become free are those that the plan spoke of, but for what lies dead in packs."""
        self._collect()
        plan = self._plan()
        if not plan.going:
            return
        size, used, dead = self.bench.stored()
        self.plan_and_apply()
        self._collect()
        size_after, used_after, dead_after = self.bench.stored()
        assert abs((used - used_after) - plan.bytes_freed) <= 0.02 * plan.bytes_freed + 2_000
        slack = dead_after - dead
        assert abs((size - size_after) - (plan.bytes_freed - slack)) <= 0.05 * plan.bytes_freed + 20_000

    @rule(choice=choices, how=st.sampled_from(["deploy", "canary", "hold", "tag", "undo"]))
    def count_on_it_again(self, choice: int, how: str) -> None:
        """What was let go and is still there is kept again as soon as somebody counts on it, and then not collected."""
        self.plan_and_apply()
        there = sorted({release for release, _, _ in self.bench.removed if not self._is_collected(release)})
        if not there:
            return
        at = self.bench.order.index(there[choice % len(there)])
        acts: dict[str, Callable[[], None]] = {
            "deploy": lambda: self.deploy("prod", at),
            "canary": lambda: self.canary("staging", at),
            "hold": lambda: self.hold(at, is_held=True),
            "tag": lambda: self.tag(at, "v3"),
            "undo": self.undo,
        }
        if how != "undo" or self.last is not None:
            acts[how]()
        self._collect()
        self.bench.assert_whole()

    def _is_collected(self, release: ReleaseId) -> bool:
        return any(FileDigest.of(data) in self.bench.collected for data in self.bench.files[release].values())

    @rule()
    def collect(self) -> None:
        self._collect()

    @precondition(lambda self: self.last is not None)
    @rule()
    def undo(self) -> None:
        assert self.last is not None
        released = {(one.release, one.component, one.part) for one in self.last.removed}
        try:
            self.bench.registry.operations.undo(self.last.operation)
        except (Refused, Conflict):
            return
        self.bench.removed -= released
        self.last = None

    @rule(choice=choices)
    def race(self, choice: int) -> None:
        """A move between the plan and its application: the plan is another one now, or what moved is not in it."""
        plan = self._plan()
        going = [one.release for one in plan.going]
        if not going:
            return
        chosen = going[choice % len(going)]
        self._moved(lambda: self.bench.registry.environments.deploy("prod", str(chosen)), "prod")
        if self.bench.find("prod") == chosen:
            with pytest.raises(Conflict):
                self.bench.retention.apply(str(plan.digest), "bot")
            self._plan()

    @invariant()
    def whole(self) -> None:
        if hasattr(self, "bench"):
            self.bench.assert_whole()

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.plan_and_apply()
            self._collect()
            self.bench.assert_whole()
            found = verify(self.bench.context)
            assert [one.what for one in found.problems] == []
            for (old, new), said in self.said.items():
                assert self.bench.said_of(old, new) == said
            self.bench.base.close()
            shutil.rmtree(self.folder)


Retaining.TestCase.settings = settings(max_examples=10, stateful_step_count=16, deadline=None)
TestRetaining = Retaining.TestCase
