"""Gates on the command line: each one lets a release through, refuses it with exit 6 and the number that missed, or lacks evidence."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from lastgood.registry import gates as registry_gates
from tests.cli.commands import Desk

SUITE = """
[components.quality]
kind = "eval"
path = "evals/"
run = "python evals/run.py"
"""


@pytest.fixture
def judged(three: Desk) -> Desk:
    """A workspace whose r4 carries a suite, and is not deployed; prod is on r3."""
    three.write("lastgood.toml", (three.root / "lastgood.toml").read_text() + SUITE)
    three.write("evals/run.py", "")
    three.commit("Cite the policy, briefly.", "-m", "with a suite")
    return three


def apply(desk: Desk, *gates: str, more: str = "", environment: str = "prod") -> None:
    """Record a policy, as somebody who writes it in lastgood.toml does."""
    before = (desk.root / "lastgood.toml").read_text().partition("\n# policy\n")[0]
    text = f"{before}\n# policy\n[environments.{environment}]\ngates = [{', '.join(gates)}]\n{more}"
    desk.write("lastgood.toml", text)
    desk.tell("policy", "apply", environment)


def evaluate(desk: Desk, release: str, *scores: float) -> None:
    lines = "".join(f'{{"case": "c{place}", "scores": {{"accuracy": {score}}}}}\n' for place, score in enumerate(scores))
    desk.write("results.jsonl", lines)
    desk.tell("eval", "import", "results.jsonl", "--release", release, "--suite", "quality", "--suite-from", "r4")


def refused(desk: Desk, *more: str) -> dict[str, Any]:
    """Return what refuses to deploy r4, the same words and numbers as a dry run's."""
    before = desk.ask("env", "show", "prod")["revision"]
    would = desk.fails("deploy", "prod", "r4", "--dry-run", *more)
    error = desk.fails("deploy", "prod", "r4", *more)
    # The numbers that count time differ by what passes between the two.
    assert (error["message"], error["hint"]) == (would["message"], would["hint"])
    assert error["kind"] == "gate-refused"
    assert desk.ask("env", "show", "prod")["revision"] == before
    return error


def passes(desk: Desk) -> list[dict[str, Any]]:
    """Return what the gates say of r4, which they let through, the same as a dry run's."""
    would = desk.ask("deploy", "prod", "r4", "--dry-run")
    done = desk.ask("deploy", "prod", "r4")
    assert [gate["told"] for gate in would["gates"]] == [gate["told"] for gate in done["gates"]]
    assert {gate["outcome"] for gate in done["gates"]} == {"passed"}
    assert desk.number_in("prod") == 4
    found: list[dict[str, Any]] = done["gates"]
    return found


class TestMetric:
    GATE = '{ metric = "quality.accuracy", min = 0.9, max_drop = 0.1 }'

    def test_it_passes(self, judged: Desk) -> None:
        apply(judged, self.GATE)
        evaluate(judged, "r3", 1, 1, 1, 1)
        evaluate(judged, "r4", 1, 1, 1, 0.6)

        assert passes(judged)[0]["details"]["value"] == 0.9

    def test_it_refuses_under_the_minimum(self, judged: Desk) -> None:
        apply(judged, self.GATE)
        evaluate(judged, "r3", 0.5, 0.5)
        evaluate(judged, "r4", 1, 0.5)

        error = refused(judged)

        assert "metric quality.accuracy: 0.75 is 0.15 under the minimum of 0.9" in error["message"]
        assert error["details"]["gates"][0]["details"]["under_min_by"] == pytest.approx(0.15)

    def test_it_refuses_a_drop(self, judged: Desk) -> None:
        apply(judged, '{ metric = "quality.accuracy", max_drop = 0.1 }')
        evaluate(judged, "r3", 1, 1, 1, 1)
        evaluate(judged, "r4", 1, 0.2, 1, 1)

        assert "it drops by 0.2 against r3 over 4 common cases: that is 0.1 too much" in refused(judged)["message"]

    def test_it_refuses_what_is_not_sure_enough(self, judged: Desk) -> None:
        evaluate(judged, "r3", *[1] * 20)
        evaluate(judged, "r4", *[1] * 19, 0)
        apply(judged, '{ metric = "quality.accuracy", max_drop = 0.06, confidence = 0.95 }')

        assert "with 95% confidence at most 0.15: that is 0.09 too much" in refused(judged)["message"]
        apply(judged, '{ metric = "quality.accuracy", max_drop = 0.06 }')
        passes(judged)

    def test_an_evaluation_that_is_missing_refuses(self, judged: Desk) -> None:
        apply(judged, self.GATE)
        assert "no evidence: r4 was not judged by quality: lastgood eval run r4 --suite quality" in refused(judged)["message"]
        evaluate(judged, "r4", 1)
        assert (
            "no evidence: r3 was not judged by quality: lastgood eval run r3 --suite quality --suite-from r4" in refused(judged)["message"]
        )
        apply(judged, '{ metric = "quality.tone", min = 0.9 }')
        assert "has no quality.tone; it has quality.accuracy" in refused(judged)["message"]

    def test_another_suite_of_that_name_does_not_count(self, judged: Desk) -> None:
        """Neither an easier one for the release, nor another one for what is live."""
        apply(judged, self.GATE)
        evaluate(judged, "r4", 1)
        judged.write("evals/run.py", "# harder")
        judged.commit("Cite the policy, at length.", "-m", "a harder suite")

        error = judged.fails("deploy", "prod", "r5")
        assert "no evidence: r5 was not judged by quality" in error["message"]
        judged.tell("eval", "import", "results.jsonl", "--release", "r5", "--suite", "quality", "--suite-from", "r4")
        error = judged.fails("deploy", "prod", "r5")
        assert "r5 was judged by another version of quality, or on other data" in error["message"]

    def test_the_newest_evaluation_counts(self, judged: Desk) -> None:
        apply(judged, '{ metric = "quality.accuracy", min = 0.9 }')
        evaluate(judged, "r4", 1)
        evaluate(judged, "r4", 0.5)
        refused(judged)
        evaluate(judged, "r4", 1)
        passes(judged)


class TestApprovals:
    def test_it_passes(self, judged: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        apply(judged, "{ approvals = 1 }")
        monkeypatch.setenv("LASTGOOD_ACTOR", "bob@example.org")
        judged.tell("approve", "r4", "--env", "prod", "--reason", "read the diff")
        passes(judged)

    def test_it_refuses_and_counts_nobody_twice(self, judged: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        apply(judged, "{ approvals = 2 }")
        assert "0 of 2 approvals by somebody else than the author: 2 missing" in refused(judged)["message"]
        monkeypatch.setenv("LASTGOOD_ACTOR", "bob@example.org")
        assert judged.ask("approve", "r4", "--env", "prod")["created"]
        monkeypatch.setenv("LASTGOOD_ACTOR", "BOB@example.org ")
        assert not judged.ask("approve", "r4", "--env", "prod")["created"]
        assert "1 of 2 approvals by somebody else than the author: 1 missing" in refused(judged)["message"]

    def test_an_approval_for_another_release_or_environment_is_none(self, judged: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        apply(judged, "{ approvals = 1 }", environment="qa")
        apply(judged, "{ approvals = 1 }")
        monkeypatch.setenv("LASTGOOD_ACTOR", "bob@example.org")
        judged.tell("approve", "r3", "--env", "prod")
        judged.tell("approve", "r4", "--env", "qa")
        refused(judged)

    def test_authors_cannot_approve_their_own(self, judged: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        apply(judged, "{ approvals = 1 }")
        for name in ("ada@example.org", " ADA@Example.org"):
            monkeypatch.setenv("LASTGOOD_ACTOR", name)
            error = judged.fails("approve", "r4", "--env", "prod")
            assert (error["kind"], "nothing was recorded" in error["message"]) == ("own-approval", True)
        assert judged.ask("show", "r4")["approvals"] == []
        refused(judged)

    def test_an_environment_that_does_not_exist_is_a_slip(self, judged: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LASTGOOD_ACTOR", "bob@example.org")
        assert judged.fails("approve", "r4", "--env", "pord")["kind"] == "not-found"
        assert judged.fails("approve", "r9", "--env", "prod")["kind"] == "not-found"


class TestSoak:
    def test_it_passes(self, judged: Desk) -> None:
        apply(judged, '{ soak = "staging", hours = 0.0000001 }')
        judged.tell("deploy", "staging", "r4")
        passes(judged)

    def test_it_refuses(self, judged: Desk) -> None:
        apply(judged, '{ soak = "staging", hours = 24 }')
        judged.tell("deploy", "staging", "r3")
        assert "live in staging for 0.00 of 24 hours: 24.00 missing" in refused(judged)["message"].replace("less than 0.01", "0.00")
        judged.tell("deploy", "staging", "r4")
        message = judged.fails("deploy", "prod", "r4")["message"]
        assert "less than 0.01 of 24 hours: 24.00 missing" in message

    def test_an_environment_that_is_missing_refuses(self, judged: Desk) -> None:
        apply(judged, '{ soak = "staging", hours = 24 }')
        assert "no evidence: there is no environment staging" in refused(judged)["message"]


class TestSigned:
    @pytest.mark.parametrize(("signed", "said"), [(True, None), (False, "r4 is not signed"), (None, "no evidence: whether r4 is signed")])
    def test_it_decides(self, judged: Desk, monkeypatch: pytest.MonkeyPatch, signed: bool | None, said: str | None) -> None:
        apply(judged, "{ signed = true }")
        monkeypatch.setattr(registry_gates, "is_signed", lambda *_: signed)
        if said is None:
            passes(judged)
        else:
            assert said in refused(judged)["message"]

    def test_a_release_that_is_signed_passes_and_another_does_not(self, judged: Desk) -> None:
        apply(judged, "{ signed = true }")
        assert "r4 is not signed" in refused(judged)["message"]
        judged.tell("ledger", "sign", "r4")
        passes(judged)


class TestIncidents:
    def test_it_passes_where_none_is_open(self, judged: Desk) -> None:
        apply(judged, "{ no_open_incident = true }")
        assert passes(judged)[0]["told"] == "none is open"

    def test_it_refuses_what_is_open_until_it_is_closed(self, judged: Desk) -> None:
        apply(judged, "{ no_open_incident = true }")
        judged.tell("incident", "open", "it cites nothing", "--env", "prod")
        judged.tell("incident", "open", "somewhere")
        assert "no open incident: 2 open: I1, I2" in refused(judged)["message"]
        judged.tell("incident", "close", "I1")
        judged.tell("incident", "close", "I2")
        passes(judged)

    def test_what_reached_nobody_or_is_elsewhere_does_not_count(self, judged: Desk) -> None:
        judged.tell("deploy", "staging", "r1")
        apply(judged, "{ no_open_incident = true }")
        judged.tell("incident", "open", "caught", "--env", "prod", "--kind", "near-miss")
        judged.tell("incident", "open", "cannot be made again", "--env", "prod", "--kind", "repro-failure")
        judged.tell("incident", "open", "slow", "--env", "staging")
        passes(judged)

    def test_a_rollback_passes_by_and_a_new_deploy_waits(self, judged: Desk) -> None:
        apply(judged, "{ no_open_incident = true }")
        judged.tell("incident", "open", "it cites nothing", "--env", "prod")
        assert judged.ask("rollback", "prod", "--incident", "1")["to_number"] == 2
        assert "1 open: I1" in judged.fails("deploy", "prod", "r4")["message"]


class TestComponents:
    def test_it_passes(self, judged: Desk) -> None:
        apply(judged, '{ components = ["prompts", "quality"] }')
        passes(judged)

    def test_it_refuses(self, judged: Desk) -> None:
        apply(judged, '{ components = ["prompts", "llm", "runtime"] }')
        assert "components: r4 has 1 of 3: no llm, runtime" in refused(judged)["message"]


class TestBytes:
    @pytest.mark.parametrize("gate", ['{ bytes = "present" }', '{ bytes = "verified" }', '{ bytes = "verified", within_hours = 1 }'])
    def test_it_passes(self, judged: Desk, gate: str) -> None:
        apply(judged, gate)
        assert passes(judged)[0]["details"]["files"] > 3

    def test_a_pack_that_is_gone_refuses(self, judged: Desk) -> None:
        apply(judged, '{ bytes = "present" }')
        for pack in _packs(judged):
            pack.unlink()
        refused(judged)

    def test_a_byte_that_is_wrong_refuses_where_it_is_read(self, judged: Desk) -> None:
        judged.write("models/large.bin", random.Random(1).randbytes(3_000_000))
        judged.commit(None, "-m", "large")
        pack = max(_packs(judged), key=lambda path: path.stat().st_size)
        data = bytearray(pack.read_bytes())
        data[1_500_000] ^= 1
        pack.chmod(0o644)
        pack.write_bytes(data)

        apply(judged, '{ bytes = "present" }')
        judged.tell("deploy", "prod", "r5", "--dry-run")
        apply(judged, '{ bytes = "verified" }')
        error = judged.fails("deploy", "prod", "r5")

        assert error["kind"] == "gate-refused"
        assert "is damaged" in error["message"]
        assert judged.number_in("prod") == 3


def _packs(desk: Desk) -> list[Path]:
    return [path for path in (desk.registry / "store").rglob("*") if path.is_file()]


class TestFreeze:
    def test_it_passes(self, judged: Desk) -> None:
        apply(judged, more='freeze = [{ from = 2000-01-01, until = 2000-02-01, zone = "Europe/Berlin" }]')
        passes(judged)

    def test_it_refuses(self, judged: Desk) -> None:
        apply(judged, more='freeze = [{ from = 2000-01-01, until = 2900-02-01, zone = "Europe/Berlin", reason = "for good" }]')
        assert "freeze: frozen until Mon 2900-02-01 00:00 Europe/Berlin, for " in refused(judged)["message"]

    def test_a_zone_that_this_machine_lacks_refuses(self, judged: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        apply(judged, more='freeze = [{ from = 2000-01-01, until = 2000-02-01, zone = "Europe/Berlin" }]')
        monkeypatch.setattr(registry_gates, "find_zone", lambda _: None)
        assert "no evidence: the time zone Europe/Berlin is not known on this machine" in refused(judged)["message"]


class TestOverride:
    def test_it_needs_a_reason(self, judged: Desk) -> None:
        apply(judged, "{ approvals = 1 }")
        for line in (["--override"], ["--override", "--reason", " "]):
            assert judged.fails("deploy", "prod", "r4", *line)["kind"] == "invalid"
        assert judged.number_in("prod") == 3

    def test_it_stands_out_for_ever(self, judged: Desk) -> None:
        apply(judged, "{ approvals = 1 }", "{ bytes = 'present' }")
        done = judged.ask("deploy", "prod", "r4", "--override", "--reason", "the shop is down")
        judged.tell("deploy", "prod", "r3", "--override", "--reason", "again")
        judged.tell("verify")

        assert (done["overridden"], [gate["outcome"] for gate in done["gates"]]) == (True, ["refused", "passed"])
        item = judged.ask("log", "--env", "prod")["items"][1]
        assert (item["overridden"], item["reason"], item["judgement"]["verdicts"]) == (True, "the shop is down", done["gates"])
        assert "deploy OVERRIDDEN" in judged.tell("log", "--env", "prod").out
        assert "deployed in spite of approvals" in judged.tell("log", "--env", "prod").err
        assert "prod #4 was deployed in spite of approvals" in judged.tell("show", "r4").err
        assert [one["overridden"] for one in judged.ask("show", "r4")["deployments"]] == [True]
        shown = judged.tell("env", "show", "prod")
        assert "what it is on was deployed in spite of gates that refused it: approvals" in shown.err
        assert judged.ask("env", "show", "prod")["overridden"]

    def test_where_nothing_refuses_nothing_is_overridden(self, judged: Desk) -> None:
        apply(judged, "{ bytes = 'present' }")
        assert not judged.ask("deploy", "prod", "r4", "--override", "--reason", "to be sure")["overridden"]

    @pytest.mark.parametrize(("gate", "more"), [("{ approvals = 1, override = false }", ""), ("{ approvals = 1 }", "override = false")])
    def test_what_the_policy_holds_fast_is_refused(self, judged: Desk, gate: str, more: str) -> None:
        apply(judged, gate, more=more)
        error = refused(judged, "--override", "--reason", "the shop is down")
        assert "the policy lets nobody override approvals" in error["message"]


class TestRollback:
    def test_it_passes_by_and_says_which_would_have_refused(self, three: Desk) -> None:
        apply(three, "{ approvals = 1 }", '{ components = ["prompts"] }', '{ metric = "quality.score", min = 1 }', more="override = false")

        would = three.ask("rollback", "prod", "--dry-run")
        ran = three.tell("rollback", "prod", "--json")

        assert ran.answer["to_number"] == 2
        assert [gate["outcome"] for gate in ran.answer["gates"]] == ["refused", "passed", "missing-evidence"]
        assert would["gates"] == ran.answer["gates"]
        assert "gate passed by, would have refused: approvals" in ran.err
        judgement = three.ask("log", "--env", "prod")["items"][0]["judgement"]
        assert (judgement["skipped"], judgement["overridden"], len(judgement["verdicts"])) == (True, False, 3)

    def test_nothing_that_is_wrong_with_gates_keeps_anybody_from_going_back(self, three: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        apply(three, "{ approvals = 1 }")

        def fails(*_: object) -> None:
            raise OSError("the disk is gone")

        monkeypatch.setattr(registry_gates, "is_signed", fails)
        assert three.ask("rollback", "prod")["to_number"] == 2


def test_deploying_what_is_live_asks_no_gate(three: Desk) -> None:
    apply(three, "{ approvals = 1 }")
    assert (three.ask("deploy", "prod", "r3")["changed"], three.ask("deploy", "prod", "r3")["gates"]) == (False, [])


def test_every_gate_that_refuses_is_named(judged: Desk) -> None:
    apply(judged, "{ approvals = 1 }", "{ signed = true }", "{ bytes = 'present' }")
    error = refused(judged)
    assert "2 of 3 gates of prod refuse r4; prod stays on what it is" in error["message"]
    assert [gate["outcome"] for gate in error["details"]["gates"]] == ["refused", "refused", "passed"]


def test_a_live_folder_follows_only_what_gates_let_through(judged: Desk) -> None:
    apply(judged, "{ approvals = 1 }", more='live = "run/prod"\n')
    refused(judged)
    followed = judged.root / "run/prod/current/prompts/system.md"
    assert not followed.exists() or followed.read_text() != "Cite the policy, briefly.\n"
    judged.tell("deploy", "prod", "r4", "--override", "--reason", "now")
    assert followed.read_text() == "Cite the policy, briefly.\n"
