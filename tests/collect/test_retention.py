"""Retention through the registry: exactly what was planned goes, bytes become free, and what stays is as good as ever."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.cli.commands import Desk

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
path = "data/train.jsonl"
key = "id"

[retention]
keep_last = 2
keep_tagged = true
rollbacks = 1

[retention.optimizer]
keep_last = 1
"""
SIZE = 400_000


def noise(seed: object, size: int = SIZE) -> bytes:
    return b"".join(hashlib.sha256(f"{seed}/{block}".encode()).digest() for block in range(size // 32))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Six releases of weights, optimizer state and prompts; r2 is in prod, r3 has a tag."""
    desk = Desk(tmp_path / "bot")
    desk.write("lastgood.toml", TOML)
    desk.write("data/train.jsonl", "".join(json.dumps({"id": number}) + "\n" for number in range(50)))
    desk.write("prompts/system.md", "version 0\n")
    desk.tell("init")
    for number in range(1, 7):
        desk.write("models/model.bin", noise(f"w{number}"))
        desk.write("models/optimizer.pt", noise(f"o{number}"))
        desk.write("prompts/system.md", f"version {number}\n")
        desk.tell("commit", "-m", f"version {number}")
    desk.tell("deploy", "prod", "r2")
    desk.tell("tag", "r3", "v1")
    return desk


def stored(desk: Desk) -> int:
    return sum(path.stat().st_size for path in (desk.registry / "store").rglob("*") if path.is_file())


def going(desk: Desk) -> set[tuple[int, str]]:
    return {(one["number"], one["part"]) for one in desk.ask("retention", "plan")["decisions"] if not one["keeps"]}


def test_the_plan_says_what_would_go_and_why(desk: Desk) -> None:
    plan = desk.ask("retention", "plan")
    assert going(desk) == {(1, "files"), (1, "optimizer"), (4, "files"), (4, "optimizer"), (5, "optimizer")}
    assert plan["bytes_logical"] == 5 * SIZE
    assert abs(plan["bytes_freed"] - 5 * SIZE) < 0.01 * SIZE
    why = {(one["number"], one["part"], one["component"]): one["reasons"] for one in plan["decisions"]}
    assert why[2, "files", "router"][0] == "prod is on it"
    assert why[3, "files", "router"] == ["tagged v1"]
    assert why[4, "files", "router"] == ["not one of the last 2", "not tagged"]
    assert desk.tell("retention", "plan").out.count("\n") > 6


def test_exactly_what_was_planned_goes(desk: Desk) -> None:
    before, plan = stored(desk), desk.ask("retention", "plan")
    planned = {(one["number"], one["part"]) for one in plan["decisions"] if not one["keeps"]}
    done = desk.ask("retention", "apply", plan["plan"][:12])
    assert len(done["removed"]) == len(planned)
    assert stored(desk) == before
    desk.tell("gc", "--apply", "--grace", "0s")
    freed = before - stored(desk)
    assert abs(freed - plan["bytes_freed"]) <= SIZE  # within a pack's slack: what is half dead is not rewritten
    assert desk.ask("verify", "--replay")["ok"]
    for number in range(1, 7):
        ran = desk.run("checkout", f"r{number}", f"out{number}", "--json")
        whole = not {part for one, part in planned if one == number}
        assert (ran.code == 0) == whole, ran
        if not whole:
            assert ran.answer["error"]["kind"] == "gone"
            assert "let go by the retention policy" in ran.answer["error"]["message"]
    assert going(desk) == set()


def test_history_prompts_and_diffs_stay(desk: Desk) -> None:
    desk.tell("retention", "apply", desk.ask("retention", "plan")["plan"])
    desk.tell("gc", "--apply", "--grace", "0s")
    change = next(one for one in desk.ask("diff", "r1", "r6")["components"] if one["name"] == "prompts")
    assert "version" in change["summary"]
    desk.tell("checkout", "r1", "only-prompts", "--component", "prompts")
    assert (desk.root / "only-prompts/prompts/system.md").read_text() == "version 1\n"
    assert desk.ask("verify", "r1")["ok"]
    assert [one["part"] for one in desk.ask("show", "r1")["let_go"]] == ["files", "optimizer"]
    assert desk.fails("deploy", "prod", "r1")["kind"] == "gone"
    assert desk.fails("export", "r1", "r1.tar")["kind"] == "gone"
    assert desk.number_in("prod") == 2


def test_another_plan_than_the_one_that_was_seen_is_refused(desk: Desk) -> None:
    plan = desk.ask("retention", "plan")["plan"]
    desk.tell("hold", "r4")
    assert desk.fails("retention", "apply", plan)["kind"] == "conflict"
    assert (4, "files") not in going(desk)
    assert desk.fails("retention", "apply", "not a digest")["kind"] == "invalid"


def test_it_can_be_undone_until_the_collector_took_it(desk: Desk) -> None:
    plan = desk.ask("retention", "plan")["plan"]
    done = desk.ask("retention", "apply", plan)
    desk.tell("gc", "--apply")
    desk.tell("undo", done["operation"])
    desk.tell("gc", "--apply", "--grace", "0s")
    for number in range(1, 7):
        desk.tell("checkout", f"r{number}", f"out{number}")
    assert desk.ask("retention", "plan")["plan"] == plan
    again = desk.ask("retention", "apply", plan)
    desk.tell("gc", "--apply", "--grace", "0s")
    assert desk.fails("undo", again["operation"])["kind"] == "refused"
    assert desk.ask("verify", "--replay")["ok"]


def test_what_went_comes_back_with_a_commit_of_the_same_bytes(desk: Desk) -> None:
    desk.tell("retention", "apply", desk.ask("retention", "plan")["plan"])
    desk.tell("gc", "--apply", "--grace", "0s")
    desk.write("models/model.bin", noise("w1"))
    desk.write("models/optimizer.pt", noise("o1"))
    desk.tell("commit", "-m", "as it was in the beginning")
    desk.tell("gc", "--apply", "--grace", "0s")
    desk.tell("checkout", "r7", "out7")
    assert (desk.root / "out7/models/model.bin").read_bytes() == noise("w1")
    desk.tell("checkout", "r1", "out1", "--component", "router")


def test_another_policy_is_recorded_by_policy_apply(desk: Desk) -> None:
    assert desk.ask("retention", "show")["policy"]["keep_last"] == 2
    desk.write("lastgood.toml", TOML.replace("keep_last = 2", 'keep_last = 3\nkeep_deployed = { prod = "90d" }'))
    assert desk.ask("policy", "apply", "--dry-run")["retention"] is True
    assert desk.ask("retention", "show")["policy"]["keep_last"] == 2
    assert desk.ask("policy", "apply")["retention"] is True
    assert desk.ask("policy", "apply")["retention"] is False
    assert desk.ask("retention", "show")["policy"]["keep_deployed_seconds"] == {"prod": 7_776_000}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("keep_last = 0", "greater than or equal to 1"),
        ("keep_last = true", "integer"),
        ('keep_deployed = { "UPPER CASE" = "3d" }', "name"),
        ("keep_deployed = {}", "must name an environment"),
        ('min_age = "soon"', "duration"),
        ("keep_lastt = 3", "keep_last"),
        ("[retention.prompt]\nkeep_last = 1", "prompt"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(desk: Desk, line: str, says: str) -> None:
    before = (desk.root / "lastgood.toml").read_text()
    desk.write("lastgood.toml", before.partition("[retention]")[0] + "[retention]\n" + line + "\n")
    assert says in desk.fails("policy", "apply")["message"]


def let_go(desk: Desk) -> str:
    return str(desk.ask("retention", "apply", desk.ask("retention", "plan")["plan"])["operation"])


@pytest.mark.parametrize("line", [["deploy", "prod", "r4"], ["hold", "r4"], ["tag", "r4", "v2"], ["deploy", "prod", "r4", "--canary", "5"]])
def test_a_release_that_counts_again_is_kept_again(desk: Desk, line: list[str]) -> None:
    operation = let_go(desk)
    desk.tell("gc", "--apply")
    desk.tell(*line)
    desk.tell("gc", "--apply", "--grace", "0s")
    desk.tell("checkout", "r4", "out4")
    assert desk.ask("show", "r4")["let_go"] == []
    assert desk.fails("checkout", "r1", "out1")["kind"] == "gone"
    assert desk.fails("undo", operation)["kind"] == "conflict"
    assert desk.ask("verify", "--replay")["ok"]


def test_a_rollback_between_the_plan_and_its_application_makes_it_another(desk: Desk) -> None:
    desk.tell("deploy", "prod", "r4")
    desk.tell("deploy", "prod", "r6")
    for number in (2, 3):
        desk.write("prompts/system.md", f"again {number}\n")
        desk.tell("commit", "-m", "again")
    desk.tell("deploy", "prod", "latest")
    plan = desk.ask("retention", "plan")
    assert (4, "files") in going(desk)
    desk.tell("rollback", "prod", "--to", "r4")
    assert desk.fails("retention", "apply", plan["plan"])["kind"] == "conflict"
    assert (4, "files") not in going(desk)


def test_optimizer_state_that_is_gone_stops_no_move(desk: Desk) -> None:
    let_go(desk)
    desk.tell("gc", "--apply", "--grace", "0s")
    desk.tell("deploy", "prod", "r5")
    assert desk.number_in("prod") == 5
    desk.tell("rollback", "prod")
    assert [one["part"] for one in desk.ask("show", "r5")["let_go"]] == ["optimizer"]
    assert desk.fails("deploy", "prod", "r4", "--dry-run")["kind"] == "gone"


def test_every_other_verb_goes_on_with_what_is_left(desk: Desk, tmp_path: Path) -> None:
    let_go(desk)
    desk.tell("gc", "--apply", "--grace", "0s")
    desk.tell("optimize")
    repaired = desk.ask("repair")
    assert (repaired["ok"], repaired["hurt"]) == (True, [])
    verified = desk.ask("verify", "--full", "--replay")
    assert (verified["ok"], verified["problems"]) == (True, [])
    for number in (1, 4, 5):
        assert desk.ask("verify", f"r{number}")["ok"]
    for line in (["lineage", "r1"], ["lineage", "--file", "models/model.bin"], ["lineage", "train:7"], ["blame", "prompts"], ["status"]):
        desk.tell(*line)
    desk.tell("blame", "router")
    assert {one["name"]: one["change"] for one in desk.ask("diff", "r1", "r4")["components"]}["router"] == "changed"
    desk.tell("export", "r6", "../r6.bundle")
    assert desk.fails("eval", "run", "r1")["kind"] != "integrity"
    desk.tell("backup", "../whole.tar")
    (tmp_path / "elsewhere").mkdir()
    other = Desk(tmp_path / "elsewhere")
    other.tell("import", "backup", "../whole.tar")
    assert other.ask("verify", "--full", "--replay")["ok"]
    assert other.fails("checkout", "r1", "out")["kind"] == "gone"
    other.tell("import", "bundle", "../r6.bundle")


def test_a_bundle_brings_let_go_bytes_back(desk: Desk) -> None:
    desk.tell("export", "r1", "../r1.bundle")
    let_go(desk)
    desk.tell("gc", "--apply", "--grace", "0s")
    desk.tell("import", "bundle", "../r1.bundle")
    desk.tell("checkout", "r1", "out1")
    assert desk.ask("verify", "--full", "--replay")["ok"]
