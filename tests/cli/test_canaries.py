"""Canaries, undo, holds and moving tags on the command line: what they do, and what they say when they may not."""

from __future__ import annotations

import pytest

from tests.cli.commands import Desk


@pytest.fixture
def running(three: Desk) -> Desk:
    """`prod` is on r3, and r1 runs beside it for 10% of the calls."""
    three.ask("deploy", "prod", "r1", "--canary", "10", "--reason", "to try it")
    return three


def operations(desk: Desk) -> list[str]:
    return [one["operation"] for one in desk.ask("log", "--operations")["items"]]


def test_a_canary_stands_beside_the_stable_release(running: Desk) -> None:
    shown = running.ask("env", "show", "prod")
    assert (shown["number"], shown["canary_number"], shown["percent"], shown["kind"]) == (3, 1, 10, "canary")
    numbers = {revision: running.ask("show", revision)["number"] for revision in ("prod", "prod~1", "prod@0s", "prod@good", "prod@canary")}
    assert numbers == {"prod": 3, "prod~1": 2, "prod@0s": 3, "prod@good": 3, "prod@canary": 1}
    assert running.ask("show", "r1")["canary_in"] == ["prod"]
    assert "r1 52" not in running.tell("env", "list").out
    assert "r3 (r1 10%)" in running.tell("env", "list").out


def test_without_a_canary_there_is_none(three: Desk) -> None:
    assert three.fails("show", "prod@canary")["kind"] == "not-found"
    assert three.fails("deploy", "prod", "--promote")["kind"] == "not-found"
    assert three.fails("deploy", "prod", "--abort")["kind"] == "not-found"
    assert three.fails("deploy", "new", "--abort")["kind"] == "not-found"


def test_promote_makes_it_the_top(running: Desk) -> None:
    answer = running.ask("deploy", "prod", "--promote")
    assert (answer["kind"], answer["from_number"], answer["to_number"], answer["canary"]) == ("promote", 3, 1, None)
    assert running.ask("show", "prod~1")["number"] == 3
    assert running.ask("rollback", "prod")["to_number"] == 3


def test_abort_leaves_no_suspicion(running: Desk) -> None:
    answer = running.ask("deploy", "prod", "--abort")
    assert (answer["kind"], answer["changed"], answer["from_number"], answer["to_number"], answer["ended_number"]) == (
        "abort",
        True,
        3,
        3,
        1,
    )
    assert running.ask("show", "r1")["suspect_in"] == []


def test_a_rollback_ends_it_and_doubts_it(running: Desk) -> None:
    ran = running.tell("rollback", "prod")
    assert "prod: stays on r3, the canary r1 ends" in ran.out
    assert "going from r1 back to r3" in ran.err
    assert running.ask("show", "r1")["suspect_in"] == ["prod"]
    assert running.number_in("prod") == 3
    assert running.ask("rollback", "prod")["to_number"] == 2, "the stack stayed, so the next one goes further back"


def test_a_rollback_to_another_release_ends_it_too(running: Desk) -> None:
    assert running.ask("rollback", "prod", "--to", "r2")["to_number"] == 2
    assert running.ask("show", "r1")["suspect_in"] == running.ask("show", "r3")["suspect_in"] == ["prod"]


def test_another_share_of_the_same_release(running: Desk) -> None:
    again = running.ask("deploy", "prod", "r1", "--canary", "10")
    more = running.ask("deploy", "prod", "prod@canary", "--canary", "50")
    assert (again["changed"], more["changed"], more["percent"]) == (False, True, 50)


@pytest.mark.parametrize(
    ("line", "kind", "hint"),
    [
        (["deploy", "prod", "r2"], "canary-running", "--promote, or --abort"),
        (["deploy", "prod", "r1"], "canary-running", "lastgood deploy prod --promote"),
        (["deploy", "prod", "r2", "--canary", "20"], "canary-running", "before you try r2"),
        (["deploy", "prod", "r3", "--canary", "20"], "conflict", "lastgood env show prod"),
        (["deploy", "new", "r3", "--canary", "20"], "not-found", "lastgood deploy new r3"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "",
)
def test_what_a_canary_refuses(running: Desk, line: list[str], kind: str, hint: str) -> None:
    error = running.fails(*line)
    assert error["kind"] == kind
    assert hint in error["hint"]
    assert running.fails(*line, "--dry-run")["kind"] == kind
    assert running.ask("env", "show", "prod")["canary_number"] == 1


def test_deploying_what_is_live_leaves_the_canary(running: Desk) -> None:
    assert running.ask("deploy", "prod", "r3")["changed"] is False
    assert running.ask("env", "show", "prod")["canary_number"] == 1


def test_a_bad_canary_is_refused_and_one_that_turns_bad_is_not_promoted(running: Desk) -> None:
    ran = running.tell("mark", "bad", "r1", "--why", "it lies")
    assert "prod runs it as a canary: lastgood rollback prod" in ran.err
    assert running.fails("deploy", "prod", "--promote")["kind"] == "bad-release"
    assert running.fails("deploy", "prod", "r1", "--canary", "50")["kind"] == "bad-release"
    running.tell("deploy", "prod", "--abort")
    assert running.fails("deploy", "prod", "r1", "--canary", "10")["kind"] == "bad-release"


def test_a_suspect_canary_warns_and_is_no_longer_suspect(running: Desk) -> None:
    running.tell("rollback", "prod")
    ran = running.tell("deploy", "prod", "r1", "--canary", "5")
    assert "a rollback had left r1 suspect in prod; this lifts it" in ran.err
    assert running.ask("show", "r1")["suspect_in"] == []


@pytest.mark.parametrize(
    "line",
    [
        ["--canary", "0"],
        ["--canary", "100"],
        ["--canary", "ten"],
        ["--promote", "--abort"],
        ["--promote", "--canary", "5"],
        ["r1", "--promote"],
        ["--operation", "one"],
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_usage(three: Desk, line: list[str]) -> None:
    assert three.run("deploy", "prod", *line).code == 2
    assert three.number_in("prod") == 3


def test_dry_runs_of_canaries_do_nothing(running: Desk) -> None:
    before = running.ask("log", "--env", "prod")["items"][0]["revision"]
    for line in (["r1", "--canary", "50"], ["--promote"], ["--abort"]):
        assert running.ask("deploy", "prod", *line, "--dry-run")["operation"] is None
    assert running.tell("deploy", "prod", "--promote", "--dry-run").out.startswith("prod: would go r3 → r1")
    assert running.ask("log", "--env", "prod")["items"][0]["revision"] == before


def test_a_retry_gets_its_first_answer_whatever_happened_since(running: Desk) -> None:
    operation = "6f1c1e0a-9a34-4c52-8a5f-1f2f6f2a9b10"
    first = running.ask("deploy", "prod", "--promote", "--operation", operation)
    running.tell("rollback", "prod")
    again = running.ask("deploy", "prod", "--promote", "--operation", operation)
    assert again == first
    assert running.fails("deploy", "prod", "--abort", "--operation", operation)["kind"] == "conflict"
    back = "7f1c1e0a-9a34-4c52-8a5f-1f2f6f2a9b10"
    first = running.ask("rollback", "prod", "--operation", back)
    assert {**running.ask("rollback", "prod", "--operation", back), "seconds": 0} == {**first, "seconds": 0, "misfits": []}


def test_a_dry_run_with_an_operation_id_moves_nothing_either(three: Desk) -> None:
    operation = "6f1c1e0a-9a34-4c52-8a5f-1f2f6f2a9b10"
    assert three.fails("deploy", "prod", "--promote", "--dry-run", "--operation", operation)["kind"] == "not-found"
    assert three.fails("rollback", "prod", "--to", "r9", "--dry-run", "--operation", operation)["kind"] == "not-found"
    assert three.ask("deploy", "prod", "r1", "--dry-run", "--operation", operation)["operation"] is None
    assert three.number_in("prod") == 3


def test_one_key_gets_one_answer(running: Desk) -> None:
    chosen = {key: running.ask("env", "choose", "prod", key) for key in (f"user-{number}" for number in range(40))}
    taken = {key for key, one in chosen.items() if one["canary"]}
    assert {one["number"] for key, one in chosen.items() if key in taken} <= {1}
    running.tell("deploy", "prod", "r1", "--canary", "60")
    more = {key for key in chosen if running.ask("env", "choose", "prod", key)["number"] == 1}
    assert taken < more
    running.tell("deploy", "prod", "--abort")
    assert {running.ask("env", "choose", "prod", key)["number"] for key in chosen} == {3}
    assert running.fails("env", "choose", "prod", "")["kind"] == "invalid"
    assert running.fails("env", "choose", "nowhere", "ada")["kind"] == "not-found"


class TestUndo:
    def test_a_deploy_is_undone_by_going_back(self, three: Desk) -> None:
        answer = three.ask("undo", operations(three)[0], "--reason", "a slip")
        assert (answer["moved"]["kind"], answer["moved"]["to_number"]) == ("undo", 2)
        assert three.ask("show", "r3")["suspect_in"] == [], "an undo is no judgement"
        newest = three.ask("log", "--env", "prod")["items"][0]
        assert (newest["kind"], newest["reason"], newest["to_number"]) == ("undo", "a slip", 2)

    def test_an_undo_is_undone(self, three: Desk) -> None:
        undone = three.ask("undo", operations(three)[0])
        assert three.ask("undo", undone["operation"][:8])["moved"]["to_number"] == 3

    def test_a_rollback_is_undone_suspicions_and_all(self, three: Desk) -> None:
        back = three.ask("rollback", "prod")
        assert three.ask("show", "r3")["suspect_in"] == ["prod"]
        assert three.ask("undo", back["operation"])["moved"]["to_number"] == 3
        assert three.ask("show", "r3")["suspect_in"] == []
        assert three.ask("rollback", "prod")["to_number"] == 2, "the stack is what it was"

    @pytest.mark.parametrize(("judged", "suspect"), [(False, ["prod"]), (True, [])], ids=["nobody said a word", "called good since"])
    def test_a_suspicion_comes_back_unless_it_was_called_good(self, three: Desk, judged: bool, suspect: list[str]) -> None:
        three.tell("rollback", "prod")
        deployed = three.ask("deploy", "prod", "r3")["operation"]
        if judged:
            three.tell("mark", "good", "r3", "--why", "it was the retriever")
        three.tell("undo", deployed)
        assert three.ask("show", "r3")["suspect_in"] == suspect
        assert three.number_in("prod") == 2

    def test_what_was_moved_since_is_a_conflict(self, three: Desk) -> None:
        operation = operations(three)[0]
        three.tell("deploy", "prod", "r1")
        error = three.fails("undo", operation)
        assert (error["kind"], error["details"]) == ("conflict", {"operation": operation})
        assert "prod was moved by ada@example.org, to revision 4" in error["message"]
        assert three.number_in("prod") == 1

    def test_what_has_no_inverse_is_refused(self, desk: Desk) -> None:
        desk.tell("deploy", "prod")
        deployed, committed, created = operations(desk)
        assert "never on nothing" in desk.fails("undo", deployed)["message"]
        for one in (committed, created):
            error = desk.fails("undo", one)
            assert error["kind"] == "refused"
            assert "has no inverse" in error["message"]

    def test_a_bad_release_is_not_brought_back(self, three: Desk) -> None:
        three.tell("mark", "bad", "r2", "--why", "it lies")
        deployed = next(one["operation"] for one in three.ask("log", "--operations")["items"] if "r2 → r3" in one["changes"][0])
        assert three.fails("undo", deployed)["kind"] == "bad-release"

    def test_an_operation_that_never_was(self, three: Desk) -> None:
        assert three.fails("undo", "00000000-0000-4000-8000-000000000000")["kind"] == "not-found"
        assert three.fails("undo", "abcdef")["kind"] == "not-found"
        assert three.fails("undo", "r3")["kind"] == "invalid-name"

    def test_marks_tags_and_holds_are_taken_back(self, three: Desk) -> None:
        three.tell("mark", "bad", "r1", "--why", "it lies")
        three.tell("undo", operations(three)[0])
        assert three.ask("show", "r1")["bad"] is False
        three.tell("undo", operations(three)[0])
        assert three.ask("show", "r1")["bad"] is True
        assert "it lies" in three.tell("show", "r1").err, "with the reason that it had"
        three.tell("tag", "r1", "v1")
        three.tell("tag", "r2", "v1", "--move")
        assert three.ask("undo", operations(three)[0])["changes"] == ["tag v1: r2 → r1"]
        three.tell("tag", "r1", "v2")
        three.tell("undo", operations(three)[0])
        assert three.fails("show", "v2")["kind"] == "not-found"
        three.tell("hold", "r1", "--reason", "the auditors")
        three.tell("undo", operations(three)[0])
        assert three.ask("show", "r1")["held"] is False
        three.tell("undo", operations(three)[0])
        assert "held      by ada@example.org" in three.tell("show", "r1").out
        assert "the auditors" in three.tell("show", "r1").out
        assert three.ask("verify")["ok"] is True

    def test_a_name_that_became_an_environment_is_no_tag_again(self, three: Desk) -> None:
        three.tell("tag", "r1", "golden")
        three.tell("undo", operations(three)[0])
        removed = operations(three)[0]
        three.tell("deploy", "golden", "r1")
        error = three.fails("undo", removed)
        assert error["kind"] == "conflict"
        assert "golden became an environment" in error["message"]

    def test_a_canary_comes_back_with_the_abort_undone(self, running: Desk) -> None:
        aborted = running.ask("deploy", "prod", "--abort")
        answer = running.ask("undo", aborted["operation"])
        assert (answer["moved"]["canary_number"], answer["moved"]["percent"]) == (1, 10)
        assert answer["changes"] == ["prod: undo stays on r3, canary r1 at 10%"]

    def test_a_dry_run_says_the_same_and_does_nothing(self, three: Desk) -> None:
        operation = operations(three)[0]
        told = three.ask("undo", operation, "--dry-run")
        assert operations(three)[0] == operation
        done = three.ask("undo", operation)
        assert told["changes"] == done["changes"] == ["prod: undo r3 → r2"]

    def test_a_retried_undo_gets_its_first_answer(self, three: Desk) -> None:
        mine = "6f1c1e0a-9a34-4c52-8a5f-1f2f6f2a9b10"
        undone = operations(three)[0]
        first = three.ask("undo", undone, "--operation", mine)
        three.tell("deploy", "prod", "r1")
        assert three.ask("undo", undone, "--operation", mine) == first
        assert three.fails("undo", mine, "--operation", mine)["kind"] == "conflict"


def test_a_held_release_says_so_until_it_is_lifted(three: Desk) -> None:
    assert three.ask("hold", "r2", "--reason", "the auditors")["held"] is True
    three.tell("hold", "r2", "--reason", "another one")
    assert "the auditors" in three.tell("show", "r2").out
    assert three.ask("hold", "r2", "--lift")["held"] is False
    assert three.ask("show", "r2")["held"] is False
    assert three.fails("hold", "r2", "--lift")["kind"] == "not-found"


def test_a_tag_moves_only_when_it_is_asked_to_and_history_keeps_where_it_was(three: Desk) -> None:
    three.tell("tag", "r1", "v1")
    error = three.fails("tag", "r2", "v1")
    assert (error["kind"], error["hint"]) == ("already-exists", "lastgood tag r2 v1 --move, which history keeps")
    assert three.ask("tag", "r2", "v1", "--move")["number"] == 2
    assert three.ask("show", "v1")["number"] == 2
    assert three.ask("log", "--operations")["items"][0]["changes"] == ["tag v1: r1 → r2"]
    assert three.fails("tag", "r1", "prod", "--move")["kind"] == "already-exists"


def test_the_operation_log_says_who_did_what(three: Desk) -> None:
    three.tell("commit", "--tag", "v3", "--allow-secrets")
    three.commit("Cite it all.", "--tag", "v4")
    items = three.ask("log", "--operations", "-n", "3")["items"]
    assert items[0]["changes"] == ["support-bot: r4 committed", "tag v4: r4"]
    assert items[0]["types"] == ["release.committed", "tag.set"]
    assert [one["actor"] for one in items] == ["ada@example.org"] * 3
    assert three.run("log", "--operations", "--env", "prod").code == 2
    told = three.tell("log", "--operations").out
    assert "prod: deploy r2 → r3" in told
    assert items[0]["operation"][:8] in told
