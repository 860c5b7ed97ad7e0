"""Moving environments: deploy, rollback and marks do what the transition table says, and say so."""

from __future__ import annotations

from tests.cli.commands import Desk


def test_a_deploy_takes_every_way_of_naming_a_release(three: Desk) -> None:
    three.tell("tag", "r2", "v2")
    digest = three.ask("show", "r1")["release"]
    for revision, number in (
        ("r1", 1),
        ("v2", 2),
        (digest[:8], 1),
        (digest, 1),
        ("prod", 3),
        ("prod~1", 2),
        ("support-bot/r1", 1),
        ("latest", 3),
    ):
        assert three.ask("deploy", "staging", revision)["to_number"] == number
    assert three.ask("deploy", "qa")["to_number"] == 3


def test_deploying_what_is_live_changes_nothing(desk: Desk) -> None:
    desk.tell("deploy", "prod")
    again = desk.ask("deploy", "prod", "r1")

    assert (again["changed"], again["revision"]) == (False, 1)
    assert len(desk.ask("log", "--env", "prod")["items"]) == 1


def test_a_dry_run_does_nothing(three: Desk) -> None:
    before = three.ask("log", "--env", "prod")["items"]

    deployed, rolled = three.ask("deploy", "prod", "r1", "--dry-run"), three.ask("rollback", "prod", "--dry-run")

    assert (deployed["to_number"], deployed["revision"], deployed["changed"]) == (1, 3, True)
    assert (rolled["to_number"], rolled["revision"], rolled["changed"]) == (2, 3, True)
    assert [one["revision"] for one in three.ask("log", "--env", "prod")["items"]] == [one["revision"] for one in before]
    assert three.number_in("prod") == 3
    three.ask("deploy", "new", "r1", "--dry-run")
    assert [one["environment"] for one in three.ask("env", "list")["environments"]] == ["prod"]


def test_a_dry_run_is_refused_as_the_move_would_be(three: Desk) -> None:
    three.tell("mark", "bad", "r1", "--why", "it lies")

    assert three.fails("deploy", "prod", "r1", "--dry-run")["kind"] == "bad-release"
    assert three.fails("rollback", "prod", "--to", "r9", "--dry-run")["kind"] == "not-found"


def test_expect_lets_one_of_two_win(three: Desk) -> None:
    seen = three.ask("env", "show", "prod")["revision"]
    three.tell("deploy", "prod", "r1", "--expect", str(seen))

    error = three.fails("deploy", "prod", "r2", "--expect", str(seen))

    assert (error["kind"], error["details"]["actor"]) == ("stale-environment", "ada@example.org")
    assert three.number_in("prod") == 1


def test_expect_0_means_that_the_environment_is_new(desk: Desk) -> None:
    assert desk.ask("deploy", "prod", "--expect", "0")["revision"] == 1
    assert desk.fails("deploy", "prod", "--expect", "0")["kind"] == "stale-environment"


def test_a_second_rollback_goes_further_back_never_forward(three: Desk) -> None:
    assert three.ask("rollback", "prod")["to_number"] == 2
    assert three.ask("rollback", "prod")["to_number"] == 1
    assert three.fails("rollback", "prod")["kind"] == "nothing-good"
    assert three.number_in("prod") == 1
    assert three.ask("env", "show", "prod")["held_against"] == {"r3": "suspect", "r2": "suspect"}


def test_with_nothing_good_left_the_candidates_are_listed(three: Desk) -> None:
    releases = {one["number"]: one["release"] for one in three.ask("log")["items"]}
    three.tell("rollback", "prod")
    three.tell("rollback", "prod")

    error = three.fails("rollback", "prod")

    assert error["details"]["candidates"] == [releases[2], releases[3]]
    assert "r2 (suspect), r3 (suspect)" in error["message"]
    assert error["hint"].startswith("lastgood rollback prod --to r2")
    # The hint is a command that works.
    assert three.ask("rollback", "prod", "--to", "r2")["to_number"] == 2


def test_what_is_bad_is_no_candidate(three: Desk) -> None:
    three.tell("rollback", "prod")
    three.tell("rollback", "prod")
    three.tell("mark", "bad", "r2", "--why", "it lies")

    assert three.fails("rollback", "prod")["details"]["candidates"] == [three.ask("show", "r3")["release"]]


def test_where_nothing_else_ever_ran_a_deploy_is_the_way(desk: Desk) -> None:
    desk.tell("deploy", "prod")

    error = desk.fails("rollback", "prod")

    assert "candidates" not in error["details"]
    assert error["hint"] == "lastgood log, then lastgood deploy prod REV"


def test_a_rollback_passes_over_what_behaves_like_the_top(desk: Desk) -> None:
    desk.tell("deploy", "prod")
    desk.commit("Cite nothing.")
    desk.tell("deploy", "prod")
    declared = '\n[components.held-out]\nkind = "dataset"\npath = "data/"\n'
    desk.write("data/test.jsonl", '{"id": 1}\n')
    desk.write("lastgood.toml", (desk.root / "lastgood.toml").read_text() + declared)
    desk.tell("commit")
    desk.tell("deploy", "prod")

    assert desk.ask("rollback", "prod")["to_number"] == 1


def test_to_takes_what_is_on_the_stack_and_what_was(three: Desk) -> None:
    assert three.ask("rollback", "prod", "--to", "r1")["to_number"] == 1
    # r3 is off the stack now: it replaces the top.
    assert three.ask("rollback", "prod", "--to", "r3")["to_number"] == 3
    assert three.fails("rollback", "prod")["kind"] == "nothing-good"


def test_to_takes_only_what_ran_there(three: Desk) -> None:
    three.tell("deploy", "staging", "r1")
    three.commit("Cite something.")

    error = three.fails("rollback", "staging", "--to", "r4")

    assert (error["kind"], error["hint"]) == ("not-found", "lastgood deploy staging r4")


def test_what_a_rollback_leaves_is_suspect_there_and_a_deploy_lifts_it(three: Desk) -> None:
    three.tell("rollback", "prod")
    assert three.ask("show", "r3")["suspect_in"] == ["prod"]

    assert "warning" not in three.tell("deploy", "staging", "r3").err
    ran = three.tell("deploy", "prod", "r3")

    assert "a rollback had left r3 suspect in prod; this lifts it" in ran.err
    assert three.ask("show", "r3")["suspect_in"] == []
    # Lifted, so that the next rollback may go there again.
    three.tell("deploy", "prod", "r1")
    assert three.ask("rollback", "prod")["to_number"] == 3


def test_bad_is_refused_everywhere_until_it_is_good_again(three: Desk) -> None:
    three.tell("mark", "bad", "r2", "--why", "it lies")

    assert three.fails("deploy", "prod", "r2")["kind"] == "bad-release"
    assert three.fails("deploy", "staging", "r2")["kind"] == "bad-release"
    assert three.fails("rollback", "prod", "--to", "r2")["kind"] == "bad-release"
    assert three.ask("rollback", "prod", "--dry-run")["to_number"] == 1
    assert three.number_in("prod") == 3

    three.tell("mark", "good", "r2", "--why", "it was the retriever")
    assert three.ask("rollback", "prod")["to_number"] == 2


def test_bad_is_the_behavior_not_the_release(desk: Desk) -> None:
    before = (desk.root / "prompts/system.md").read_bytes()
    desk.commit("Cite nothing.")
    desk.write("prompts/system.md", before)
    desk.tell("commit")
    desk.tell("mark", "bad", "r1", "--why", "it lies")

    assert desk.fails("deploy", "prod", "r3")["kind"] == "bad-release"
    assert "lastgood show r3 says why" in desk.fails("deploy", "prod", "r3")["hint"]
    assert "it lies" in desk.tell("show", "r3").err


def test_marking_what_is_live_says_what_to_type(three: Desk) -> None:
    ran = three.tell("mark", "bad", "r3", "--why", "it cites nothing", "--json")

    assert ran.answer["live_in"] == ["prod"]
    assert "prod is on it now: lastgood rollback prod" in ran.err


def test_good_lifts_suspicion_too(three: Desk) -> None:
    three.tell("rollback", "prod")
    three.tell("mark", "good", "r3", "--why", "it was the retriever")

    assert three.ask("show", "r3")["suspect_in"] == []
    assert "warning" not in three.tell("deploy", "prod", "r3").err


def test_one_name_is_never_a_tag_and_an_environment(three: Desk) -> None:
    three.tell("tag", "r1", "golden")

    assert three.fails("tag", "r1", "prod")["kind"] == "already-exists"
    assert three.fails("deploy", "golden")["kind"] == "already-exists"
    assert three.fails("deploy", "golden", "--dry-run")["kind"] == "already-exists"
    assert three.fails("commit", "--tag", "prod")["kind"] == "already-exists"
    assert three.ask("show", "golden")["number"] == 1


def test_a_tag_never_moves(three: Desk) -> None:
    three.tell("tag", "r1", "v1")

    assert three.fails("tag", "r2", "v1")["kind"] == "already-exists"
    assert three.ask("tag", "v1", "v1")["number"] == 1


def test_history_says_who_why_and_how_long(three: Desk) -> None:
    three.tell("rollback", "prod", "--reason", "complaints")

    newest, before = three.ask("log", "--env", "prod", "-n", "2")["items"]

    assert (newest["kind"], newest["from_number"], newest["to_number"]) == ("rollback", 3, 2)
    assert (newest["reason"], newest["actor"], newest["until"]) == ("complaints", "ada@example.org", None)
    assert before["until"] == newest["recorded_at"]


def test_a_gate_of_a_wrong_form_stops_the_deploy_before_anything_moves(three: Desk) -> None:
    three.write("lastgood.toml", (three.root / "lastgood.toml").read_text() + "[environments.prod]\ngates = [{ aprovals = 1 }]\n")

    assert three.fails("deploy", "prod", "r1")["kind"] == "invalid-workspace"
    (three.root / "lastgood.toml").unlink()
    assert three.number_in("prod") == 3


def test_what_is_missing_is_noticed_before_anything_moves(three: Desk) -> None:
    for pack in (three.registry / "store").rglob("*.pack"):
        pack.write_bytes(b"")

    assert three.fails("rollback", "prod")["kind"] == "integrity"
    assert three.fails("deploy", "prod", "r1")["kind"] == "integrity"
    assert three.number_in("prod") == 3


def test_rollback_verify_reads_every_byte_first(three: Desk) -> None:
    # The length stays, so that only reading notices.
    packs = sorted((three.registry / "store").rglob("*.pack"), key=lambda path: path.stat().st_mtime_ns)
    damaged = bytearray(packs[1].read_bytes())
    damaged[damaged.index(b"(\xb5/\xfd") + 8 if b"(\xb5/\xfd" in damaged else 40] ^= 1
    packs[1].write_bytes(damaged)

    assert three.fails("rollback", "prod", "--verify")["kind"] == "integrity"
    assert three.number_in("prod") == 3
