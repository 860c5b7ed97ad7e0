"""Judging moves through the Python API: at known times, by what is recorded at the moment of the move, whoever comes in between."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

import lastgood
from lastgood.api import OpenRegistry
from lastgood.canonical import Json
from lastgood.clock import FixedClock
from lastgood.errors import GateRefused, Invalid, OwnApproval
from lastgood.ids import EnvironmentName, OperationId
from lastgood.model.gates.policy import policy_document
from lastgood.model.gates.verdict import Outcome
from lastgood.registry.gates import Gatekeeper

PROD = EnvironmentName("prod")
HOUR = 3600.0
APPROVALS: Mapping[str, Json] = {"approvals": 1}


class Shop:
    """One registry, in which ada commits and bob approves, at times of our choosing."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = FixedClock(datetime(2026, 11, 2, 12, tzinfo=UTC))
        (root / "lastgood.toml").write_text('pipeline = "bot"\n[components.p]\nkind = "prompt"\npath = "p.md"\n')
        (root / "p.md").write_text("0")
        lastgood.init(root, actor="ada", clock=self.clock).close()

    def opened(self, actor: str = "ada") -> OpenRegistry:
        return lastgood.open(self.root, actor=actor, clock=self.clock)

    def commit(self, words: str) -> None:
        (self.root / "p.md").write_text(words)
        with self.opened() as registry:
            registry.commit(self.root)

    def apply(self, *gates: Mapping[str, Json]) -> None:
        with self.opened() as registry:
            registry.policies.apply("bot", {PROD: policy_document(gates)})

    def approve(self, release: str, actor: str = "bob") -> None:
        with self.opened(actor) as registry:
            registry.policies.approve(release, "prod")

    def forget(self, name: str) -> None:
        """Erase a name, as the law may ask for."""
        with closing(sqlite3.connect(self.root / ".lastgood/catalog.db")) as catalog:
            assert catalog.execute("DELETE FROM texts WHERE text = ?", [name]).rowcount
            catalog.commit()


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    shop.commit("one")
    shop.commit("two")
    return shop


def test_soak_counts_the_hours_of_all_stays(shop: Shop) -> None:
    shop.apply({"soak": "staging", "hours": 24})
    with shop.opened() as registry:
        registry.environments.deploy("staging", "r2")
        shop.clock.advance(seconds=20 * HOUR)
        registry.environments.deploy("staging", "r1")
        shop.clock.advance(seconds=100 * HOUR)
        registry.environments.deploy("staging", "r2")
        shop.clock.advance(seconds=3.5 * HOUR)
        with pytest.raises(GateRefused, match=r"23\.50 of 24 hours: 0\.50 missing"):
            registry.environments.deploy("prod", "r2")
        shop.clock.advance(seconds=0.5 * HOUR)
        assert registry.environments.deploy("prod", "r2").gates.verdicts[0].details["lived_hours"] == 24


def test_a_freeze_ends_when_it_says(shop: Shop) -> None:
    window: Mapping[str, Json] = {"from": "Fri 16:00", "until": "Mon 08:00", "zone": "Europe/Berlin"}
    with shop.opened() as registry:
        registry.policies.apply("bot", {PROD: policy_document(freeze=[window])})
        shop.clock.advance(seconds=4 * 24 * HOUR + 3 * HOUR)  # Friday 15:00 UTC, 16:00 in Berlin
        with pytest.raises(GateRefused, match="frozen until Mon 2026-11-09 08:00 Europe/Berlin, for 2d 16h more"):
            registry.environments.deploy("prod", "r2")
        shop.clock.advance(seconds=64 * HOUR)
        assert registry.environments.deploy("prod", "r2").changed


class TestErasedNames:
    def test_an_author_whose_name_was_erased_cannot_be_told_from_others(self, shop: Shop) -> None:
        shop.apply(APPROVALS)
        shop.approve("r2")
        shop.forget("ada")

        with shop.opened("cy") as registry:
            with pytest.raises(GateRefused) as refused:
                registry.environments.deploy("prod", "r2")
            with pytest.raises(OwnApproval, match="erased"):
                registry.policies.approve("r2", "prod")
        assert "no evidence: the name of who made r2 was erased" in refused.value.message

    def test_an_approver_whose_name_was_erased_does_not_count(self, shop: Shop) -> None:
        shop.apply(APPROVALS)
        shop.approve("r2")
        shop.forget("bob")

        with shop.opened() as registry:
            assert [one.actor for one in registry.policies.approvals("r2")] == [None]
            with pytest.raises(GateRefused, match="0 of 1 approvals"):
                registry.environments.deploy("prod", "r2")
        shop.approve("r2", "cy")
        with shop.opened() as registry:
            assert registry.environments.deploy("prod", "r2").changed


class TestWhoComesInBetween:
    def after_preparing(self, monkeypatch: pytest.MonkeyPatch, do: object) -> None:
        """Let something happen after everything heavy was read, and before the transaction of the move."""
        prepare = Gatekeeper.prepare
        left = [do]

        def prepared(self: Gatekeeper, *arguments: object) -> None:
            prepare(self, *arguments)  # type: ignore[arg-type]
            while left:
                left.pop()()  # type: ignore[operator]

        monkeypatch.setattr(Gatekeeper, "prepare", prepared)

    def test_a_policy_that_is_applied_meanwhile_counts(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        with shop.opened() as registry:
            self.after_preparing(monkeypatch, lambda: shop.apply(APPROVALS))
            with pytest.raises(GateRefused):
                registry.environments.deploy("prod", "r2")

    def test_so_does_an_approval(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        shop.apply(APPROVALS)
        with shop.opened() as registry:
            self.after_preparing(monkeypatch, lambda: shop.approve("r2"))
            assert registry.environments.deploy("prod", "r2").gates.verdicts[0].passed


def test_a_retry_gets_its_first_answer_whatever_gates_say_by_now(shop: Shop) -> None:
    shop.apply({"components": ["p"]}, {"bytes": "verified"}, {"bytes": "present"})
    operation = OperationId.parse("6f1c1e0a-9a34-4c52-8a5f-1f2f6f2a9b10")
    with shop.opened() as registry:
        first = registry.environments.deploy("prod", "r2", operation=operation)
        assert [one.outcome for one in first.gates.verdicts] == [Outcome.PASSED] * 3
        shop.apply(APPROVALS)
        assert registry.environments.deploy("prod", "r2", operation=operation) == first


def test_bytes_that_were_repaired_are_looked_at_again(shop: Shop) -> None:
    shop.apply({"bytes": "present"})
    packs = [path for path in (shop.root / ".lastgood/store").rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in packs}
    with shop.opened() as registry:
        for path in packs:
            path.chmod(0o644)
            path.write_bytes(before[path][:-1])
        with pytest.raises(GateRefused, match="bytes present"):
            registry.environments.deploy("prod", "r2")
        for path in packs:
            path.write_bytes(before[path])
        assert registry.environments.deploy("prod", "r2").changed


def test_a_program_that_overrides_says_why(shop: Shop) -> None:
    shop.apply(APPROVALS)
    with shop.opened() as registry:
        for reason in (None, " "):
            with pytest.raises(Invalid, match="says why"):
                registry.environments.deploy("prod", "r2", override=True, reason=reason)
        assert registry.environments.plan_deploy("prod", "r2", override=True).gates.overridden
        assert registry.environments.deploy("prod", "r2", override=True, reason="now").gates.overridden


def test_what_is_no_gate_is_not_recorded(shop: Shop) -> None:
    with shop.opened() as registry:
        wrong: list[Mapping[str, Json]] = [{"approvals": 0}, {"soak": "staging", "hours": -1}, {"astrology": True}]
        for gate in wrong:
            with pytest.raises(Invalid, match="something that is no gate"):
                registry.policies.apply("bot", {PROD: policy_document([gate])})
        assert registry.policies.list("bot") == []
