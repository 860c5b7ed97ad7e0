"""Facts that do not follow from the ledger, and files that are not built as they must be, are found by verifying."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import lastgood
from lastgood.catalog.facts import FACT_TABLES
from lastgood.clock import parse_instant
from lastgood.errors import Integrity, NewerSchema
from lastgood.ids import EnvironmentName, FileDigest, SourceDigest
from lastgood.model.changes.environments import MoveKind
from lastgood.model.changes.releases import Verdict
from lastgood.model.gates.policy import policy_document
from lastgood.model.retention import Policy, Rules
from lastgood.registry.incident_protocol import BroughtMove, Telling

CHANGES = {
    "fact_registry": "UPDATE fact_registry SET registry = 'another'",
    "fact_nodes": "UPDATE fact_nodes SET hash = zeroblob(32) WHERE level = 2 AND position = 1",
    "fact_keys": "UPDATE fact_keys SET verifier_key = upper(verifier_key)",
    "fact_signatures": "UPDATE fact_signatures SET signature = 'A'",
    "fact_operations": "DELETE FROM fact_operations WHERE sequence = 0",
    "fact_retention": "UPDATE fact_retention SET policy = '{}'",
    "fact_releases": "UPDATE fact_releases SET behavior = state WHERE number = 2",
    "fact_tags": "UPDATE fact_tags SET tag = 'v2'",
    "fact_deployments": "UPDATE fact_deployments SET below = NULL WHERE revision = 2",
    "fact_moves": "UPDATE fact_moves SET percent = 99 WHERE percent IS NOT NULL",
    "fact_holds": "UPDATE fact_holds SET reason = NULL",
    "fact_environments": "UPDATE fact_environments SET revision = revision + 1 WHERE environment = 'prod'",
    "fact_suspects": "DELETE FROM fact_suspects",
    "fact_bad": "UPDATE fact_bad SET reason = actor",
    "fact_policies": "UPDATE fact_policies SET policy = '{}'",
    "fact_approvals": "UPDATE fact_approvals SET environment = 'other'",
    "fact_judgements": "UPDATE fact_judgements SET judgement = '{}'",
    "fact_evaluations": "UPDATE fact_evaluations SET metrics = '{\"score\":1}'",
    "fact_incidents": "UPDATE fact_incidents SET closed = detected",
    "fact_incident_links": "UPDATE fact_incident_links SET note = NULL",
    "fact_pilots": "UPDATE fact_pilots SET days = 1",
    "fact_removals": "UPDATE fact_removals SET policy = '{}'",
    "fact_purged": "UPDATE fact_purged SET reason = actor",
    "fact_backfills": "UPDATE fact_backfills SET kind = 'rollback'",
}


NAMED = {
    "fact_registry": r"\(registry another, sequence 0\) does not follow from the ledger",
    "fact_nodes": r"\(level 2, position 1, hash \w{12}\) is not what .*: hash is 000000000000, the ledger says \w{12}",
    "fact_keys": r"\(sequence 1, verifier_key lastgood/.*\) is not what .*: verifier_key is LASTGOOD/.*, the ledger says lastgood/.*",
    "fact_operations": r"\(operation [\w-]{36}, sequence 0\) is missing: the ledger says that it is there",
    "fact_retention": r'\(pipeline bot, policy .*\) is not what the ledger says: policy is \{\}, the ledger says \{.*"keep_last":5.*',
    "fact_releases": r"\(pipeline bot, number 2, release \w{12}\) is not what .*: behavior is \w{12}, the ledger says \w{12}",
    "fact_tags": r"\(pipeline bot, tag v1, release \w{12}\) is not what the ledger says: tag is v2, the ledger says v1",
    "fact_suspects": r"\(pipeline bot, environment prod, behavior \w{12}\) is missing: the ledger says that it is there",
    "fact_bad": r"\(behavior \w{12}, release \w{12}, sequence \d+\) is not what .*: reason is \w{12}, the ledger says \w{12}",
}

ANY = r"\(.+\) is not what the ledger says: \w+ is .+, the ledger says .+"


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """A registry with a row in every table of facts."""
    (tmp_path / "lastgood.toml").write_text(
        'pipeline = "bot"\n[components.p]\nkind = "prompt"\npath = "p.md"\n[retention]\nkeep_last = 5\n'
        '[components.quality]\nkind = "eval"\npath = "run.py"\nrun = "true"\n'
        '[components.w]\nkind = "artifact"\npath = "w.bin"\n'
    )
    (tmp_path / "run.py").touch()
    (tmp_path / "w.bin").write_bytes(b"0")
    (tmp_path / "p.md").write_text("0")
    with lastgood.init(tmp_path, actor="ada") as opened:
        for turn in range(3):
            (tmp_path / "p.md").write_text(f"{turn}")
            opened.commit(tmp_path, message=f"turn {turn}")
            opened.environments.deploy("prod")
        opened.environments.rollback("prod")
        opened.environments.canaries.start("prod", "r1", 10)
        opened.releases.tag("r1", "v1")
        opened.ledger.sign(opened.releases.find("r1").release)
        opened.holds.hold("r2", "the auditors")
        opened.policies.apply("bot", {EnvironmentName("qa"): policy_document([{"components": ["p"]}])})
        opened.environments.deploy("qa", "r3")
        opened.evaluations.record(b'{"case": "a", "score": 0.5}', opened.evaluations.suite("r3"), {"how": "import"})
        opened.incidents.open(Telling(title="it lies", environment="prod"))
        opened.incidents.link("I1", note="see there")
        long_ago, line = parse_instant("2020-01-01T00:00:00.000000Z"), SourceDigest.of(b"a line")
        opened.incidents.bring_in((), [BroughtMove(MoveKind.DEPLOY, "prod", long_ago, "deployed", line)])
        opened.pilots.start("120d..30d", 90)
        opened.releases.mark("r1", Verdict.BAD, "it lies")
        for weights in (b"never deployed", b"the latest"):
            (tmp_path / "w.bin").write_bytes(weights)
            opened.commit(tmp_path, message="aside")
        opened.retention.record("bot", Policy(Rules(keep_last=1)))
        opened.retention.apply(str(opened.retention.plan("bot").digest), "bot")
        opened.retention.record("bot", Policy(Rules(keep_last=5)))
        opened.purges.apply(opened.purges.plan([FileDigest.of(b"never deployed")]), reason="a customer asked")
    with lastgood.open(tmp_path, actor="bob") as opened:
        opened.policies.approve("r3", "qa", "read it")
        assert opened.verify().problems == ()
    return tmp_path


def change(registry: Path, statement: str) -> None:
    with closing(sqlite3.connect(registry / ".lastgood/catalog.db")) as catalog:
        assert catalog.execute(statement).rowcount != 0
        catalog.commit()


def problems(registry: Path) -> list[str]:
    with lastgood.open(registry, actor="ada") as opened:
        return [problem.what for problem in opened.verify().problems]


def test_every_table_of_facts_is_compared() -> None:
    assert set(CHANGES) == set(FACT_TABLES)


@pytest.mark.parametrize("table", FACT_TABLES)
def test_a_fact_that_does_not_follow_is_found(registry: Path, table: str) -> None:
    change(registry, CHANGES[table])

    assert any(re.fullmatch(f"{table}: the row {NAMED.get(table, ANY)}", said) for said in problems(registry))


def test_facts_that_nothing_says_are_counted(registry: Path) -> None:
    change(registry, "INSERT INTO fact_environments VALUES ('bot', 'one', 1), ('bot', 'two', 2)")

    assert [what for what in problems(registry) if what.startswith("fact_environments")] == [
        "fact_environments: the row (pipeline bot, environment one, revision 1) does not follow from the ledger",
        "fact_environments: the row (pipeline bot, environment two, revision 2) does not follow from the ledger",
    ]


def test_of_many_rows_the_first_are_named_or_all(registry: Path) -> None:
    change(
        registry, "INSERT INTO fact_environments VALUES ('bot', 'a', 1), ('bot', 'b', 1), ('bot', 'c', 1), ('bot', 'd', 1), ('bot', 'e', 1)"
    )

    assert "fact_environments: 2 rows more are not what the ledger says" in problems(registry)
    with lastgood.open(registry, actor="ada") as opened:
        assert len([one for one in opened.verify(name_all=True).problems if one.what.startswith("fact_environments")]) == 5


def test_an_event_that_cannot_be_replayed_is_named(registry: Path) -> None:
    change(registry, "UPDATE events SET document = X'7b7d' WHERE sequence = 3")

    assert any(what.startswith("event 3 of the ledger cannot be replayed") for what in problems(registry))


def test_an_event_of_a_newer_version_is_nothing_to_judge(registry: Path) -> None:
    change(
        registry,
        "UPDATE events SET document = CAST(replace(CAST(document AS TEXT), 'lastgood.event/1', 'lastgood.event/2') AS BLOB)"
        " WHERE sequence = (SELECT max(sequence) FROM events)",
    )

    with pytest.raises(NewerSchema):
        problems(registry)


def test_an_index_that_leads_past_a_row_is_found(registry: Path) -> None:
    path = registry / ".lastgood/catalog.db"
    with closing(sqlite3.connect(path)) as catalog:
        (root,) = catalog.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'fact_tags_by_release'").fetchone()
        (size,) = catalog.execute("PRAGMA page_size").fetchone()
    data = bytearray(path.read_bytes())
    # The last bytes of the page are the index's first entry.
    data[root * size - 1] ^= 1
    path.write_bytes(data)

    assert any(what.startswith("the catalog is damaged: ") for what in problems(registry))


def test_a_value_that_cannot_be_is_damage_and_no_mistake_of_ours(registry: Path) -> None:
    with closing(sqlite3.connect(registry / ".lastgood/catalog.db")) as catalog:
        catalog.execute("PRAGMA writable_schema = ON")
        catalog.execute("UPDATE sqlite_schema SET sql = replace(sql, 'leaf BLOB NOT NULL', 'leaf BLOB') WHERE name = 'events'")
        catalog.commit()
    change(registry, "UPDATE events SET leaf = NULL WHERE sequence = 1")
    with closing(sqlite3.connect(registry / ".lastgood/catalog.db")) as catalog:
        catalog.execute("PRAGMA writable_schema = ON")
        catalog.execute("UPDATE sqlite_schema SET sql = replace(sql, 'leaf BLOB', 'leaf BLOB NOT NULL') WHERE name = 'events'")
        catalog.commit()

    with (
        lastgood.open(registry, actor="ada") as opened,
        pytest.raises(Integrity, match=r"catalog\.db is damaged: NULL value in events\.leaf"),
    ):
        opened.verify()
