"""What programs rely on: one JSON object on stdout with a schema and the promised keys, everything for the eye on stderr."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import lastgood
from lastgood.cli.main import COMMANDS
from lastgood.model.retention import Policy, Rules
from tests.cli.commands import Desk, error_of, fill, run

OPERATION = "6f1c1e0a-9a34-4c52-8a5f-1f2f6f2a9b10"
MOVED = {"environment", "revision", "changed", "kind", "from", "to", "from_number", "to_number", "gates", "operation", "hooks"}
MOVED |= {"canary", "canary_number", "percent"}
INCIDENT = {"incident", "kind", "environment", "open", "detected", "mitigated", "closed", "seconds_to_detect", "seconds_to_rollback"}
SCHEMAS = {f"incident-{verb}": "incident" for verb in ("open", "update", "link", "close", "show")} | {"incident-list": "incidents"}
"""Commands that answer with one and the same thing."""
KEYS = {
    "init": {"registry", "pipeline"},
    "commit": {"release", "number", "state", "created", "bytes_logical", "bytes_stored_new", "seconds"},
    "status": {"changes", "environments"},
    "log": {"items"},
    "show": {"release", "components"},
    "diff": {"components"},
    "blame": {"component", "release", "environments", "lines", "notes"},
    "lineage": {"kind", "direction", "release", "number", "roots", "nodes", "edges", "cut"},
    "drift": {"environment", "release", "number", "canary", "drift", "components", "others", "absent", "notes"},
    "checkout": {"files", "bytes", "seconds", "from_cache", "linked"},
    "deploy": MOVED,
    "rollback": MOVED | {"seconds", "seconds_since_detected", "incident", "misfits"},
    "env-list": {"environments"},
    "env-show": {"environment", "release", "canary", "percent"},
    "env-choose": {"environment", "release", "number", "canary"},
    "undo": {"undone", "operation", "changes", "moved", "hooks"},
    "hold": {"release", "number", "held"},
    "policy-apply": {"applied", "policies"},
    "policy-show": {"environment", "open", "policy", "digest"},
    "approve": {"release", "environment", "created", "approvals"},
    "eval-import": {"metrics", "cases"},
    "eval-run": {"metrics", "cases"},
    "eval-show": {"metrics", "cases", "evaluations"},
    "eval-compare": {"metrics", "cases"},
    "case": {"annual_cost", "avoided_loss", "payback_months", "simple_payback_months", "net_monthly_benefit", "verdict", "inputs"},
    "incident-open": INCIDENT,
    "incident-update": INCIDENT,
    "incident-link": INCIDENT,
    "incident-close": INCIDENT,
    "incident-show": INCIDENT,
    "incident-list": {"incidents"},
    "incident-import": {"applied", "opened", "known", "moves", "proposals", "problems"},
    "pilot-start": {"pipeline", "begins", "ends", "baseline_from", "baseline_until"},
    "pilot-report": {"verdict", "counts", "times", "deploy_tax", "baseline_known"},
    "live": {"environment", "folder"},
    "mark": {"release", "verdict"},
    "tag": {"tag", "release"},
    "optimize": {"bytes_before", "bytes_after", "chunks", "packs", "seconds"},
    "verify": {"ok", "problems"},
    "cost": {"bytes", "per_month", "prices", "folder", "total", "components", "releases", "months", "forecast", "release"},
    "retention-show": {"policy"},
    "retention-plan": {"pipeline", "plan", "policy", "policy_digest", "bytes_logical", "bytes_freed", "decisions"},
    "retention-apply": {"pipeline", "plan", "operation", "removed"},
    "purge": {"files", "applied", "lifted", "holders", "live", "sharing", "made", "results", "notes", "bytes_logical", "bytes_freed"},
    "gc": {"bytes_freed", "bytes_waiting", "applied", "grace_seconds"},
    "repair": {"ok", "dry_run", "packs", "chunks", "files", "quarantined", "hurt", "notes"},
    "backup": {"file", "bytes", "packs", "events"},
    "import-backup": {"file", "registry", "bytes", "packs", "events"},
    "import-bundle": {"release", "number", "pipeline", "created", "origin", "event", "keys", "signed_by"},
    "export": {"file", "release", "number", "files", "bytes", "signed"},
    "ledger-sign": {"release", "number", "key"},
    "ledger-show": {"registry", "events", "signed", "keys", "checkpoint", "signer", "witness"},
    "ledger-checkpoint": {"checkpoint", "file"},
    "ledger-prove": {"kind", "file", "proof"},
    "ledger-check": {"ok", "kind", "size", "event"},
    "ledger-key": {"id", "verifier_key"},
    "ledger-trust": {"id", "verifier_key"},
    "ledger-accept": {"registry", "events"},
    "ledger-witness": {"witness"},
}
SUITE = """
[components.quality]
kind = "eval"
path = "evals/"
run = "sh evals/run.sh"

[environments.prod]
gates = []
"""
LINES = {
    "init": ["init"],
    "commit": ["commit", "-m", "again"],
    "status": ["status"],
    "log": ["log"],
    "show": ["show", "r2"],
    "diff": ["diff", "r1", "r2"],
    "blame": ["blame", "prompts"],
    "lineage": ["lineage", "r2"],
    "drift": ["drift", "prod", "../running"],
    "checkout": ["checkout", "r1", "out"],
    "deploy": ["deploy", "prod", "r1"],
    "rollback": ["rollback", "prod"],
    "env-list": ["env", "list"],
    "env-show": ["env", "show", "prod"],
    "env-choose": ["env", "choose", "prod", "ada"],
    "undo": ["undo", OPERATION],
    "hold": ["hold", "r1"],
    "policy-apply": ["policy", "apply"],
    "policy-show": ["policy", "show", "prod"],
    "approve": ["approve", "r4", "--env", "prod"],
    "eval-import": ["eval", "import", "results.jsonl", "--release", "r4"],
    "eval-run": ["eval", "run", "r4"],
    "eval-show": ["eval", "show", "r4"],
    "eval-compare": ["eval", "compare", "r3", "r4"],
    "case": ["case", "--incidents-per-year", "2"],
    "incident-open": ["incident", "open", "it cites nothing", "--env", "prod"],
    "incident-update": ["incident", "update", "1", "--hours", "2"],
    "incident-link": ["incident", "link", "1", "r1"],
    "incident-close": ["incident", "close", "1"],
    "incident-show": ["incident", "show", "1"],
    "incident-list": ["incident", "list"],
    "incident-import": ["incident", "import", "incidents.csv"],
    "pilot-start": ["pilot", "start", "--baseline", "90d..1d", "--for", "90d"],
    "pilot-report": ["pilot", "report"],
    "live": ["live", "prod", "run"],
    "mark": ["mark", "bad", "r1", "--why", "it lies"],
    "tag": ["tag", "r1", "v1"],
    "optimize": ["optimize"],
    "verify": ["verify"],
    "cost": ["cost", "r1"],
    "retention-show": ["retention", "show"],
    "retention-plan": ["retention", "plan"],
    "retention-apply": ["retention", "apply", "PLAN"],
    "purge": ["purge", "prompts/system.md", "--release", "r1", "--apply"],
    "gc": ["gc", "--apply", "--grace", "0s"],
    "repair": ["repair"],
    "backup": ["backup", "monday.tar"],
    "import-backup": ["import", "backup", "../whole.tar"],
    "import-bundle": ["import", "bundle", "../r1.bundle"],
    "export": ["export", "r2", "../r2.bundle"],
    "ledger-sign": ["ledger", "sign", "r2"],
    "ledger-show": ["ledger", "show"],
    "ledger-checkpoint": ["ledger", "checkpoint"],
    "ledger-prove": ["ledger", "prove", "r1"],
    "ledger-check": ["ledger", "check", "../r1.proof"],
    "ledger-key": ["ledger", "key", "--new", "--reason", "once a year"],
    "ledger-trust": ["ledger", "trust", "KEY"],
    "ledger-accept": ["ledger", "accept"],
    "ledger-witness": ["ledger", "witness", "--none"],
}


def test_every_command_is_looked_at_here() -> None:
    # `demo` has tests of its own: it takes half a minute.
    assert {name.partition("-")[0] for name in LINES} == COMMANDS.keys() - {"demo"}
    assert LINES.keys() == KEYS.keys()


def line_of(desk: Desk, name: str) -> list[str]:
    given = {"KEY": lambda: desk.ask("ledger", "show")["keys"][0]["id"], "PLAN": lambda: desk.ask("retention", "plan")["plan"]}
    return [given[word]() if word in given else word for word in LINES[name]]


@pytest.fixture
def ready(three: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A workspace in which every line succeeds: r4 is somebody else's, and was judged by its suite as r3 was."""
    fill(tmp_path / "new")
    three.tell("backup", "../whole.tar")
    three.tell("ledger", "prove", "r1", "--output", "../r1.proof")
    three.tell("export", "r1", "../r1.bundle")
    three.tell("checkout", "r2", "../running")
    three.tell("incident", "open", "it is slow")
    three.tell("pilot", "start", "--baseline", "200d..120d", "--for", "90d", "--begins", "100d")
    three.write("incidents.csv", "title,detected\nslow,2026-03-02\n")
    three.tell("deploy", "prod", "r2", "--operation", OPERATION)
    three.write("lastgood.toml", (three.root / "lastgood.toml").read_text() + SUITE)
    three.write("evals/run.sh", 'cp evals/results.jsonl "$LASTGOOD_OUT"\n')
    results = '{"case": "a", "score": 1}\n'
    three.write("results.jsonl", results)
    three.write("evals/results.jsonl", results)
    with monkeypatch.context() as somebody:
        somebody.setenv("LASTGOOD_ACTOR", "bob@example.org")
        three.commit(None, "-m", "with a suite")
        for release in ("r3", "r4"):
            three.tell("eval", "import", "results.jsonl", "--release", release, "--suite-from", "r4")
    three.write("prompts/system.md", "Something else.")
    with lastgood.open(three.root, actor="bob@example.org") as registry:
        registry.retention.record("support-bot", Policy(Rules(keep_last=50)))
    return three


@pytest.mark.parametrize("name", LINES)
def test_json_is_one_object_with_its_schema_and_keys(ready: Desk, name: str) -> None:
    desk = Desk(ready.root.parent / "new") if name in {"init", "import-backup"} else ready

    ran = desk.tell(*line_of(desk, name), "--json")

    assert ran.answer["schema"] == f"lastgood.{SCHEMAS.get(name, name)}/1"
    assert {"schema"} | KEYS[name] <= ran.answer.keys()


@pytest.mark.parametrize("name", LINES)
def test_without_json_there_is_none(ready: Desk, name: str) -> None:
    desk = Desk(ready.root.parent / "new") if name in {"init", "import-backup"} else ready

    ran = desk.tell(*line_of(desk, name))

    assert ran.out.strip()
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(ran.out)


@pytest.mark.parametrize("line", [*LINES.values(), ["show", "r9"], ["nonsense"], ["log", "--nonsense"]], ids=" ".join)
def test_json_is_ascii_whatever_is_in_it(ready: Desk, line: list[str]) -> None:
    ready.tell("commit", "-m", "dé\u0301jà vu \x1b[31m \x9b2J \U0001f600")

    assert ready.run(*line, "--json").out.isascii()


def test_a_digest_is_64_hex_digits_and_a_time_is_utc(three: Desk) -> None:
    items = three.ask("log")["items"]

    assert [one["number"] for one in items] == [3, 2, 1]
    for one in items:
        assert re.fullmatch("[0-9a-f]{64}", one["release"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", one["recorded_at"])


def test_a_diff_names_each_component_once_with_its_change(three: Desk) -> None:
    three.write("config/routing.yaml", "temperature: 0.9\ntop_p: 0.9\n")
    three.write("lastgood.toml", three.root.joinpath("lastgood.toml").read_text() + '[components.llm]\nprovider = "p"\nmodel = "m"\n')
    three.tell("commit")

    components = three.ask("diff", "r1", "r4")["components"]

    assert all(set(one) >= {"name", "kind", "change", "summary", "details"} for one in components)
    assert {one["name"]: one["change"] for one in components} == {
        "prompts": "changed",
        "routing": "changed",
        "llm": "added",
        "router": "unchanged",
    }
    assert {one["name"]: one["change"] for one in three.ask("diff", "r4", "r1")["components"]}["llm"] == "removed"


def test_a_move_says_where_from_and_where_to(desk: Desk) -> None:
    first = desk.ask("deploy", "prod")
    again = desk.ask("deploy", "prod")
    desk.commit("Say something.")
    second = desk.ask("deploy", "prod")
    back = desk.ask("rollback", "prod")

    releases = {one["number"]: one["release"] for one in desk.ask("log")["items"]}
    assert (first["from"], first["from_number"], first["to"], first["to_number"]) == (None, None, releases[1], 1)
    assert (first["revision"], first["changed"]) == (1, True)
    assert (again["revision"], again["changed"], again["to"]) == (1, False, releases[1])
    assert (second["from"], second["to"], second["revision"]) == (releases[1], releases[2], 2)
    assert (back["from"], back["to"], back["revision"], back["changed"]) == (releases[2], releases[1], 3, True)
    assert (back["gates"], back["seconds_since_detected"]) == ([], None)


def test_commit_counts_the_bytes_it_was_given_and_kept(desk: Desk) -> None:
    again = desk.ask("commit")
    desk.write("models/big.bin", bytes(1_000_000))
    bigger = desk.ask("commit")

    assert again["created"] is False
    assert again["bytes_stored_new"] == 0
    assert again["bytes_logical"] > 10_000
    assert bigger["bytes_logical"] == again["bytes_logical"] + 1_000_000
    assert 0 < bigger["bytes_stored_new"] < 10_000


def test_checkout_counts_what_it_wrote(desk: Desk) -> None:
    answer = desk.ask("checkout", "r1", "out")

    written = [path for path in (desk.root / "out").rglob("*") if path.is_file()]
    assert answer["files"] == len(written) == 4
    assert answer["bytes"] == sum(path.stat().st_size for path in written)


def test_words_for_the_eye_are_on_stderr_beside_json(three: Desk) -> None:
    ran = three.tell("rollback", "prod", "--json")

    assert ran.answer["to_number"] == 2
    assert "going from r3 back to r2" in ran.err


@pytest.mark.parametrize("line", [["log", "--nonsense"], ["deploy"], ["nonsense"], ["mark", "ugly", "r1", "--why", "x"]], ids=" ".join)
def test_what_click_refuses_is_an_error_like_the_others(desk: Desk, line: list[str]) -> None:
    error = desk.fails(*line)

    assert error["kind"] == "invalid"
    assert error["hint"].startswith("lastgood")


def test_an_error_without_json_is_on_stderr_with_what_to_type_next(desk: Desk) -> None:
    ran = desk.run("show", "r9")

    assert (ran.code, ran.out) == (3, "")
    assert ran.err == "error: there is no release r9 of support-bot\nnext:  lastgood log\n"


def test_the_answer_to_nothing_is_help(tmp_path: Path) -> None:
    ran = run()

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Usage: lastgood")
    assert all(name in ran.err for name in COMMANDS)


def test_every_command_explains_itself() -> None:
    for name in COMMANDS:
        ran = run(name, "--help")
        assert (ran.code, ran.err) == (0, "")
        assert f"Usage: lastgood {name}" in ran.out


def test_a_misspelt_command_is_guessed(tmp_path: Path) -> None:
    assert "did you mean 'commit'?" in error_of(run("comit", "--json"))["message"]
