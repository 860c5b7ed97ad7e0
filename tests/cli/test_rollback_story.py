"""The story that rollback is for: a bad prompt is live, one command goes back, and the record says all of it."""

from __future__ import annotations

import json
import re
import time

import pytest

from tests.cli.commands import Desk

BASE = "You answer questions of customers.\nCite the policy, and be {tone}.\n"
WORSE = "You answer questions of customers.\nNever cite anything.\n"


@pytest.fixture
def live(empty: Desk) -> Desk:
    """A good prompt was live in prod, and a bad one is since a while."""
    for words in (BASE, WORSE):
        empty.write("prompts/system.md", words)
        empty.ask("commit")
        empty.ask("deploy", "prod")
    empty.ask("incident", "open", "it cites nothing", "--env", "prod", "--release", "r2")
    return empty


def test_one_command_goes_back_and_says_which_line_it_was(live: Desk) -> None:
    began = time.monotonic()
    ran = live.process("rollback", "prod", "--reason", "it cites nothing", "--incident", "I1")
    took = time.monotonic() - began

    assert ran.code == 0
    assert ran.out.startswith("prod: r2 → r1 ")
    assert "prompts/system.md:2" in ran.err
    assert re.search(r"\[-.*Never cite anything.*-\]|\[-Never", ran.err), ran.err
    assert "{tone}" in ran.err
    # Half a second on a machine that does nothing else; this one may be at work on other tests.
    assert took < 5
    record = live.tell("log", "--env", "prod").out
    newest = next(line for line in record.splitlines() if "rollback" in line)
    assert re.search(r"r1 +from r2", newest)
    assert "ada@example.org" in newest
    whole = re.sub(r"\W+", " ", record)
    assert re.search("it cites .*I1 .*took", whole), record


def test_the_record_says_who_when_why_and_how_long(live: Desk) -> None:
    answer = live.ask("rollback", "prod", "--reason", "it cites nothing", "--incident", "I1")
    newest, before, _ = live.ask("log", "--env", "prod")["items"]

    assert (newest["kind"], newest["actor"], newest["reason"], newest["incident"]) == (
        "rollback",
        "ada@example.org",
        "it cites nothing",
        "I1",
    )
    assert 0 < newest["seconds"] <= answer["seconds"] + 0.001
    assert newest["seconds_stayed"] is None
    assert before["until"] == newest["recorded_at"]
    assert before["seconds_stayed"] > 0
    assert answer["incident"] == "I1"
    assert answer["seconds_since_detected"] > 0


def test_what_callers_rely_on_is_warned_about(live: Desk) -> None:
    back = live.tell("rollback", "prod", "--json")
    assert [(one["what"], one["name"], one["gone"]) for one in back.answer["misfits"]] == [("variable", "{tone}", False)]
    assert "warning: variable {tone} is asked for in prompts/system.md" in back.err
    forward = live.tell("rollback", "prod", "--to", "r2", "--dry-run", "--json")
    assert [(one["what"], one["name"], one["gone"]) for one in forward.answer["misfits"]] == [("variable", "{tone}", True)]
    assert "warning: variable {tone} is gone from prompts/system.md; whoever passes it passes it in vain" in forward.err


def test_when_the_bytes_were_last_verified_is_said(live: Desk) -> None:
    assert "last verified" not in live.tell("rollback", "prod", "--dry-run").err
    live.tell("verify")
    assert re.search(r"every byte there, with its size, last verified \d{4}-\d\d-\d\d", live.tell("rollback", "prod", "--dry-run").err)
    document = json.loads((live.registry / "verified.json").read_text())
    assert document["schema"] == "lastgood.verified/1"
    live.tell("verify", "r1")
    assert len(json.loads((live.registry / "verified.json").read_text())["releases"]) == 1


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"schema":"lastgood.verified/9","releases":{}}', '{"schema":"lastgood.verified/1","releases":3}']
)
def test_a_note_that_cannot_be_read_is_nothing_known(live: Desk, damage: str) -> None:
    (live.registry / "verified.json").write_text(damage)
    assert "last verified" not in live.tell("rollback", "prod", "--dry-run").err
    live.tell("verify")
    assert "last verified" in live.tell("rollback", "prod", "--dry-run").err


def test_a_release_that_came_after_the_last_verify_is_not_verified(live: Desk) -> None:
    live.tell("verify")
    live.commit("Something newer.")
    live.tell("deploy", "prod")
    live.tell("deploy", "prod", "r1")
    assert "last verified" not in live.tell("rollback", "prod", "--dry-run").err


def test_a_damaged_registry_is_not_noted_as_verified(live: Desk) -> None:
    pack = next((live.registry / "store").rglob("*.pack"))
    pack.write_bytes(pack.read_bytes()[:-1])
    assert live.run("verify").code == 7
    assert not (live.registry / "verified.json").exists()


def test_an_incident_has_a_name(live: Desk) -> None:
    assert live.fails("rollback", "prod", "--incident", "a b")["kind"] == "invalid-name"
    assert live.number_in("prod") == 2
