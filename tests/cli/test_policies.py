"""Policies on the command line: recorded through the registry, shown, and told apart from what a file says."""

from __future__ import annotations

import pytest

from tests.cli.commands import Desk


def declare(desk: Desk, text: str) -> None:
    before = (desk.root / "lastgood.toml").read_text().partition("\n# policy\n")[0]
    desk.write("lastgood.toml", f"{before}\n# policy\n{text}")


PROD = "[environments.prod]\ngates = [{ approvals = 1 }]\n"


def test_a_policy_counts_once_it_is_applied_and_not_before(three: Desk) -> None:
    declare(three, PROD)
    ran = three.tell("deploy", "prod", "r1")
    assert "lastgood.toml declares another policy for prod than the recorded one, which counts" in ran.err

    three.tell("policy", "apply")
    assert three.fails("deploy", "prod", "r2")["kind"] == "gate-refused"
    declare(three, "")
    assert three.fails("deploy", "prod", "r2")["kind"] == "gate-refused"


def test_a_dry_run_records_nothing(three: Desk) -> None:
    declare(three, PROD)
    would = three.ask("policy", "apply", "--dry-run")
    assert (would["applied"], would["policies"][0]["changed"], would["policies"][0]["before"]) == (False, True, None)
    assert three.ask("policy", "show", "prod")["open"]

    done = three.ask("policy", "apply")
    assert (done["applied"], done["policies"][0]["digest"]) == (True, would["policies"][0]["digest"])
    shown = three.ask("policy", "show", "prod")
    assert (shown["open"], shown["digest"], shown["policy"]["gates"]) == (False, done["policies"][0]["digest"], [{"approvals": 1}])
    assert shown["actor"] == "ada@example.org"


def test_what_is_the_same_is_left_as_it_is(three: Desk) -> None:
    declare(three, PROD)
    three.tell("policy", "apply")
    first = three.ask("policy", "show", "prod")["recorded_at"]

    assert not three.ask("policy", "apply")["policies"][0]["changed"]
    assert three.ask("policy", "show", "prod")["recorded_at"] == first


def test_only_the_named_environments_are_applied(three: Desk) -> None:
    declare(three, PROD + "[environments.staging]\ngates = [{ signed = true }]\n")
    three.tell("policy", "apply", "staging")

    assert three.ask("policy", "show", "prod")["open"]
    assert not three.ask("policy", "show", "staging")["open"]
    assert three.fails("policy", "apply", "qa")["kind"] == "not-found"
    assert three.fails("policy", "show", "qa")["kind"] == "not-found"


def test_an_environment_comes_into_being_with_its_policy(three: Desk) -> None:
    declare(three, "[environments.staging]\ngates = [{ approvals = 1 }]\n")
    three.tell("policy", "apply")

    assert three.ask("env", "list")["without_deployment"] == ["staging"]
    assert "nothing yet" in three.tell("env", "list").out
    shown = three.ask("env", "show", "staging")
    assert (shown["release"], shown["open"]) == (None, False)
    assert "approvals 1" in three.tell("env", "show", "staging").out
    assert three.fails("tag", "r1", "staging")["kind"] == "already-exists"
    assert three.fails("deploy", "staging", "r1")["kind"] == "gate-refused"
    ran = three.tell("deploy", "staging", "r1", "--override", "--reason", "first")
    assert "is a new environment" not in ran.err


def test_a_tag_cannot_become_an_environment(three: Desk) -> None:
    three.tell("tag", "r1", "stable")
    declare(three, "[environments.stable]\ngates = [{ approvals = 1 }]\n")

    for line in (["policy", "apply"], ["policy", "apply", "--dry-run"]):
        assert three.fails(*line)["kind"] == "already-exists"


def test_an_environment_without_gates_is_open_and_says_so(three: Desk) -> None:
    ran = three.tell("deploy", "prod", "r1")
    assert "prod is open: it has no gates" in ran.err
    assert "gates: none, this environment is open" in three.tell("env", "show", "prod").out
    assert "it is open" in three.tell("policy", "show", "prod").out
    assert three.ask("env", "show", "prod")["open"]


def test_a_policy_can_be_emptied(three: Desk) -> None:
    declare(three, PROD)
    three.tell("policy", "apply")
    declare(three, "[environments.prod]\ngates = []\n")
    three.tell("policy", "apply", "prod")

    assert three.ask("policy", "show", "prod")["open"]
    assert "prod is open" in three.tell("deploy", "prod", "r1").err


def test_a_policy_that_the_file_lost_holds_on_and_is_told(three: Desk) -> None:
    declare(three, PROD)
    three.tell("policy", "apply")
    declare(three, "[environments.staging]\n")
    assert "prod has a policy that lastgood.toml does not mention; it holds on" in three.tell("policy", "apply").err
    assert not three.ask("policy", "show", "prod")["open"]


def test_shown_in_words(three: Desk) -> None:
    declare(
        three,
        '[environments.prod]\noverride = false\ngates = [{ metric = "q.a", min = 0.9, max_drop = 0.01 }, { components = ["a", "b"] }]\n'
        '[[environments.prod.freeze]]\nfrom = "Fri 16:00"\nuntil = "Mon 08:00"\nzone = "UTC"\nreason = "weekend"\n',
    )
    three.tell("policy", "apply")

    out = three.tell("policy", "show", "prod").out
    assert "  metric q.a, min 0.9, max_drop 0.01\n" in out
    assert "  components a, b\n" in out
    assert "  from Fri 16:00, until Mon 08:00, zone UTC, reason weekend\n" in out
    assert "  nobody may override them\n" in out


@pytest.mark.parametrize("line", [["policy", "apply"], ["policy", "apply", "prod"]])
def test_a_file_that_is_not_right_records_nothing(three: Desk, line: list[str]) -> None:
    declare(three, "[environments.prod]\ngates = [{ approvals = 0 }]\n")
    assert three.fails(*line)["kind"] == "invalid-workspace"
    assert three.ask("policy", "show", "prod")["open"]
