"""Every byte of a registry's folder is counted once, and what a release alone needs is what becomes free without it."""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import lastgood
from lastgood.api import OpenRegistry
from lastgood.clock import FixedClock
from lastgood.ids import ComponentName
from lastgood.registry.collect import collect
from lastgood.registry.context import Context
from lastgood.registry.cost_index import Ids, divide
from lastgood.store.quarantine import set_aside
from lastgood.testing.history import START
from lastgood.workspace.file import read_workspace
from tests.cost.registry import noise, walked

TOML = """\
pipeline = "bot"

[components.prompts]
kind = "prompt"
path = "prompts/"

[components.router]
kind = "artifact"
path = "models/"

[components.train]
kind = "dataset"
path = "data/"

[retention]
keep_last = 2
rollbacks = 1

[retention.optimizer]
keep_last = 1
"""
SIZE = 90_000
NOW = timedelta(0)


class Registry:
    """A registry with a clock of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ".lastgood"
        self.clock = FixedClock(START)
        self.write("lastgood.toml", TOML.encode())
        self.write("prompts/system.md", b"cite")
        self.write("models/model.bin", noise("first", SIZE))
        self.write("data/rows.txt", noise("rows", 40_000))
        self.open: OpenRegistry = lastgood.init(root, actor="ada@example.org", clock=self.clock)

    def write(self, path: str, data: bytes) -> None:
        there = self.root / path
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_bytes(data)

    def commit(self, **files: bytes) -> None:
        names = {"model": "models/model.bin", "optimizer": "models/optimizer.pt", "rows": "data/rows.txt", "prompt": "prompts/system.md"}
        for name, data in files.items():
            self.write(names[name], data)
        self.clock.advance(seconds=86_400)
        self.open.commit(self.root)

    @property
    def context(self) -> Context:
        return self.open._embedded.context

    def check(self) -> None:
        report = self.open.costs.report()
        found, needs = report.folder, report.needs
        assert found.total == walked(self.folder)
        assert found.damage == 0
        assert min(found.sorts().values()) >= 0
        assert needs.lost == 0
        total = needs.total
        assert sum(one.brought for one in needs.of_releases) == found.needed == total.stored
        for parts in (needs.of_components.values(), needs.of_pipelines.values()):
            assert sum(one.brought for one in parts) == total.stored
        for one in (*needs.of_releases, *needs.of_components.values()):
            assert 0 <= one.unique <= one.stored <= total.stored
            assert one.brought <= one.stored
        assert sum(one.logical for one in needs.of_components.values()) == total.logical == sum(one.logical for one in needs.of_releases)
        assert sum(one.stored for one in report.encodings) == total.stored
        assert report.months[-1].kept == total.stored if report.months else True

    def record_policy(self) -> None:
        policy = read_workspace(self.root).retention
        assert policy is not None
        self.open.retention.record("bot", policy)

    def stored(self) -> int:
        return walked(self.folder / "store" / "packs")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "bot")


class Counting(RuleBasedStateMachine):
    """Commits that share and stand on one another, retention, the collector, optimizing, and packs out of place."""

    @initialize()
    def begin(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.registry = Registry(self.root / "bot")
        self.registry.commit()

    @rule(seed=st.integers(0, 3), shift=st.integers(0, 3))
    def commit_weights(self, seed: int, shift: int) -> None:
        data = noise(seed, SIZE)
        self.registry.commit(
            model=data[: shift * 20_000] + bytes([shift] * 8) + data[shift * 20_000 :], optimizer=noise(f"o{shift}", 30_000)
        )

    @rule(lines=st.integers(1, 30))
    def commit_rows(self, lines: int) -> None:
        self.registry.commit(rows=noise("rows", 40_000 + 100 * lines), prompt=b"%d" % lines)

    @rule()
    def let_go(self) -> None:
        retention = self.registry.open.retention
        if retention.policy() is None:
            self.registry.record_policy()
        retention.apply(str(retention.plan().digest))

    @rule(grace=st.sampled_from([NOW, timedelta(days=1)]))
    def collect(self, grace: timedelta) -> None:
        self.registry.clock.advance(seconds=60)
        self.registry.open.upkeep.collect(grace)

    @rule()
    def optimize(self) -> None:
        self.registry.open.upkeep.optimize()

    @rule(seed=st.integers(0, 2))
    def leave_an_orphan(self, seed: int) -> None:
        name = noise(f"pack {seed}", 32).hex()
        there = self.registry.folder / "store" / "packs" / name[:2] / f"{name}.pack"
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_bytes(noise(seed, 1_000))
        self.registry.check()
        set_aside(self.registry.context.backend, f"packs/{name[:2]}/{name}.pack")

    @invariant()
    @precondition(lambda self: hasattr(self, "registry"))
    def everything_adds_up(self) -> None:
        self.registry.check()

    def teardown(self) -> None:
        if hasattr(self, "registry"):
            self.registry.open.close()
            shutil.rmtree(self.root)


TestCounting = Counting.TestCase
TestCounting.settings = settings(
    max_examples=12, stateful_step_count=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def test_what_a_release_alone_needs_becomes_free_without_it(registry: Registry) -> None:
    shared = noise("shared", 300_000)
    for number in range(4):
        registry.commit(model=noise(number, 700_000) + shared)
    needs = registry.open.costs.report("r2").needs
    unique = needs.of_releases[1].unique
    assert 650_000 < unique < 900_000
    before = registry.stored()
    done = collect(registry.context, NOW, frozenset({needs.recorded[1].release}))
    assert before - registry.stored() == done.bytes_freed
    assert abs(done.bytes_freed - unique) < 0.02 * unique
    after = registry.open.costs.report().needs
    assert abs(needs.total.stored - after.total.stored - unique) < 0.01 * unique
    assert after.lost > 0


def test_what_others_stand_on_is_not_unique(registry: Registry) -> None:
    data = bytearray(noise("base", 400_000))
    registry.commit(model=bytes(data))
    data[100_000:100_050] = bytes(50)
    registry.commit(model=bytes(data))
    report = registry.open.costs.report()
    old, new = report.needs.of_releases
    assert {one.encoding for one in report.encodings} & {"patch", "delta"}
    assert new.brought < 20_000
    assert old.unique < 20_000
    assert new.stored > 400_000
    assert old.shared > 350_000


def test_the_parts_that_a_policy_let_go_are_waiting_and_then_gone(registry: Registry) -> None:
    for number in range(4):
        registry.commit(model=noise(number, 200_000), optimizer=noise(f"o{number}", 100_000))
    retention = registry.open.retention
    registry.record_policy()
    before = registry.open.costs.report()
    plan = retention.plan()
    retention.apply(str(plan.digest))
    registry.check()
    let_go = registry.open.costs.report()
    assert let_go.folder.waiting == pytest.approx(plan.bytes_freed, abs=10)
    assert let_go.folder.needed == before.folder.needed - let_go.folder.waiting
    registry.open.upkeep.collect(NOW)
    registry.check()
    assert registry.open.costs.report().folder.waiting == 0


def test_thousands_of_small_files_are_counted_too(registry: Registry) -> None:
    for number in range(2_500):
        registry.write(f"data/{number}.txt", b"row %d" % number)
    registry.commit()
    registry.write("data/7.txt", b"another row")
    registry.record_policy()
    registry.commit()
    registry.clock.advance(seconds=40 * 86_400)
    registry.check()
    report = registry.open.costs.report("r2")
    assert report.forecast
    assert report.needs.of_chosen[ComponentName("train")].logical == 40_000 + sum(len(f"row {n}") for n in range(2_500)) + 11 - 5
    assert report.folder.packs == registry.stored()


def test_the_shares_of_a_frame_add_up_to_it() -> None:
    length, raw = np.array([10, 7, 5]), np.array([30, 10, 4])
    frame, start, size = np.array([0, 0, 0, 1, 2]), np.array([0, 10, 20, 0, 0]), np.array([10, 10, 10, 4, 4])
    share, dead = divide(length, raw, frame, start, size)
    # Ten bytes among three alike: the first one gets what is left over. Of the second frame 6 of 10 belong to nobody.
    assert share.tolist() == [4, 3, 3, 3, 5]
    assert dead.tolist() == [0, 4, 0]
    assert (share.sum() + dead.sum()) == length.sum()


@pytest.mark.parametrize("seed", range(5))
def test_ids_are_found_even_where_they_begin_alike(seed: int) -> None:
    beginnings = [bytes(8), noise(seed, 8)]
    known = sorted(beginnings[number % 2] + noise((seed, number), 24) for number in range(50))
    ids = Ids(b"".join(known))
    strangers = [beginnings[0] + noise("no", 24), noise("other", 32), b"\xff" * 32]
    assert ids.find(b"".join([*known, *strangers])).tolist() == [*range(50), -1, -1, -1]
    assert Ids(b"").find(known[0]).tolist() == [-1]
