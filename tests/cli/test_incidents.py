"""Incidents on the command line: opened, said more of, answered by a rollback, closed, undone, and counted."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import lastgood
from lastgood.clock import FixedClock, parse_instant
from lastgood.errors import NotFound
from lastgood.ids import PipelineName
from lastgood.model.changes.incidents import IncidentKind
from lastgood.registry.incident_protocol import Telling
from tests.cli.commands import Desk

NOON = "2026-03-02T12:00:00.000000Z"


def moved(desk: Desk) -> Any:  # noqa: ANN401 - any JSON
    return desk.ask("rollback", "prod", "--incident", "1", "--reason", "it cites nothing")


def undo_last(desk: Desk) -> Any:  # noqa: ANN401 - any JSON
    return desk.ask("undo", desk.ask("log", "--operations", "-n", "1")["items"][0]["operation"])


class TestSaying:
    def test_an_incident_is_what_was_said_of_it(self, three: Desk) -> None:
        opened = three.ask(
            *(
                "incident",
                "open",
                "cites nothing",
                "--env",
                "prod",
                "--started",
                "2026-03-02T11:00Z",
                "--detected",
                "2026-03-02T12:30+01:00",
            ),
            *("--release", "r3", "--hours", "1h30m", "--cost", "1200.50 eur", "--preventable", "--impact", "wrong refunds"),
        )
        assert opened["schema"] == "lastgood.incident/1"
        assert (opened["incident"], opened["kind"], opened["environment"], opened["open"]) == ("I1", "incident", "prod", True)
        assert (opened["started"], opened["detected"]) == ("2026-03-02T11:00:00.000000Z", "2026-03-02T11:30:00.000000Z")
        assert (opened["seconds_to_detect"], opened["seconds_to_rollback"]) == (1800, None)
        assert (opened["release_number"], opened["engineer_hours"], opened["cost"], opened["currency"]) == (3, 1.5, 1200.5, "EUR")
        assert (opened["preventable"], opened["impact"], opened["actor"]) == (True, "wrong refunds", "ada@example.org")
        shown = three.tell("incident", "show", "i1").out
        for words in (
            "cites nothing",
            "suspected: r3",
            "impact: wrong refunds",
            "1.5 engineer-hours, 1,200.50 EUR, preventable",
            "30m later",
        ):
            assert words in shown, words

    def test_what_was_said_holds_until_something_else_is_said(self, three: Desk) -> None:
        three.tell("incident", "open", "slow", "--detected", NOON, "--hours", "2", "--cost", "5 USD")
        changed = three.ask("incident", "update", "I1", "--title", "slow answers", "--kind", "near-miss", "--not-preventable")
        assert (changed["title"], changed["kind"], changed["preventable"], changed["engineer_hours"]) == (
            "slow answers",
            "near-miss",
            False,
            2,
        )
        cleared = three.ask("incident", "update", "1", "--clear", "minutes", "--clear", "cost", "--clear", "preventable")
        assert (cleared["engineer_hours"], cleared["cost"], cleared["currency"], cleared["preventable"]) == (None, None, None, None)
        assert cleared["detected"] == NOON

    def test_closing_and_opening_again(self, three: Desk) -> None:
        three.tell("incident", "open", "slow", "--detected", NOON)
        closed = three.ask("incident", "close", "1", "--closed", "2026-03-02T15:00Z", "--mitigated", "2026-03-02T13:00Z")
        assert (closed["open"], closed["seconds_to_rollback"]) == (False, 3600)
        error = three.fails("incident", "close", "1")
        assert (error["kind"], error["hint"]) == ("conflict", "lastgood incident update I1 --clear closed opens it again")
        assert three.ask("incident", "update", "1", "--clear", "closed")["open"] is True

    @pytest.mark.parametrize(
        ("line", "kind", "said"),
        [
            (["open", " "], "invalid", "has a title"),
            (["open", "x", "--env", "pord"], "not-found", "support-bot has no environment pord; it has prod"),
            (["open", "x", "--env", "other/prod"], "not-found", "there is no pipeline other"),
            (["open", "x", "--release", "r9"], "not-found", "no release r9"),
            (["open", "x", "--detected", "2h", "--mitigated", "3h"], "invalid", "an incident is mitigated after it is detected"),
            (["open", "x", "--detected", "2h", "--closed", "3h"], "invalid", "an incident is closed after it is detected"),
            (["open", "x", "--started", "1h", "--detected", "2h"], "invalid", "an incident is detected after it is started"),
            (["open", "x", "--detected", "2999-01-01"], "invalid", "detected lies in the future"),
            (["open", "x", "--detected", "soon"], "invalid-revision", "'soon' is no time"),
            (["open", "x", "--hours", "many"], "invalid", "'many' is no number of hours"),
            (["open", "x", "--cost", "12"], "invalid", "'12' is no amount with its currency"),
            (["open", "x", "--cost", "-3 EUR"], "invalid", "'-3 EUR' is no amount"),
            (["update", "1"], "not-found", "there is no incident I1"),
            (["show", "a b"], "invalid-name", "is not an incident"),
            (["close", "OPS-17"], "not-found", "there is no incident OPS-17"),
            (["link", "1", "--note", "x"], "not-found", "there is no incident I1"),
        ],
        ids=" ".join,
    )
    def test_what_cannot_be_is_refused_and_nothing_is_recorded(self, three: Desk, line: list[str], kind: str, said: str) -> None:
        error = three.fails("incident", *line)
        assert error["kind"] == kind
        assert said in error["message"]
        assert three.ask("incident", "list")["incidents"] == []
        assert three.tell("verify", "--replay").code == 0

    def test_a_field_is_not_said_and_cleared_at_once(self, three: Desk) -> None:
        three.tell("incident", "open", "slow")
        assert "minutes is said and cleared" in three.fails("incident", "update", "1", "--hours", "1", "--clear", "minutes")["message"]

    def test_a_release_of_another_pipeline_is_none_of_this(self, three: Desk, tmp_path: Path) -> None:
        with lastgood.open(three.root) as registry:
            opened = registry.incidents.open(Telling(title="slow", pipeline="support-bot"))
            assert (opened.said.pipeline, opened.said.kind) == ("support-bot", IncidentKind.INCIDENT)


class TestRollback:
    def test_a_rollback_answers_to_it_and_says_when_it_was_over(self, three: Desk) -> None:
        three.tell("incident", "open", "cites nothing", "--env", "prod", "--release", "r3", "--detected", "now")
        answer = moved(three)
        assert answer["incident"] == "I1"
        assert 0 <= answer["seconds_since_detected"] < 60
        found = three.ask("incident", "show", "1")
        assert found["seconds_to_rollback"] == pytest.approx(answer["seconds_since_detected"])
        assert found["mitigated"] == found["moves"][0]["recorded_at"]
        assert [(move["kind"], move["number"], move["revision"]) for move in found["moves"]] == [("rollback", 2, 4)]
        assert found["seconds_to_detect"] >= 0, "from the deployment of r3"
        whole = re.sub(r"\W+", " ", three.tell("log", "--env", "prod").out)
        assert "incident I1" in whole

    def test_what_somebody_said_of_its_end_stays(self, three: Desk) -> None:
        three.tell("incident", "open", "cites nothing", "--detected", NOON, "--mitigated", NOON)
        moved(three)
        assert three.ask("incident", "show", "1")["mitigated"] == NOON

    def test_an_unknown_one_is_refused_before_anything_moves(self, three: Desk) -> None:
        error = three.fails("rollback", "prod", "--incident", "OPS-17")
        assert (error["kind"], error["message"]) == ("not-found", "there is no incident OPS-17; nothing was changed")
        assert three.fails("rollback", "prod", "--incident", "7", "--dry-run")["kind"] == "not-found"
        with lastgood.open(three.root, actor="ada") as registry, pytest.raises(NotFound):
            registry.environments.rollback("prod", incident="7")
        assert three.number_in("prod") == 3

    def test_one_undo_takes_both_back(self, three: Desk) -> None:
        before = three.ask("incident", "open", "cites nothing", "--env", "prod")
        done = moved(three)
        undone = three.ask("undo", done["operation"])
        assert [re.sub(r"r\d → r\d", "", line) for line in undone["changes"]] == ["I1 restored: incident in prod", "prod: undo "]
        after = three.ask("incident", "show", "1")
        assert (after["mitigated"], three.number_in("prod")) == (None, 3)
        assert {**after, "moves": []} == before

    def test_a_rollback_without_it_is_linked_later(self, three: Desk) -> None:
        three.tell("incident", "open", "cites nothing", "--detected", NOON)
        three.tell("rollback", "prod")
        found = three.ask("incident", "link", "1", "r3", "--env", "prod", "--revision", "4", "--note", "https://example.org/17")
        assert found["mitigated"] == found["moves"][0]["recorded_at"]
        assert ([one["number"] for one in found["releases"]], found["notes"][0]["text"]) == ([3], "https://example.org/17")
        assert three.fails("incident", "link", "1", "--env", "prod", "--revision", "9")["kind"] == "not-found"
        assert three.fails("incident", "link", "1", "--env", "prod")["kind"] == "invalid"
        assert three.fails("incident", "link", "1")["kind"] == "invalid"


class TestUndo:
    def test_each_step_is_taken_back_and_each_undo_too(self, three: Desk) -> None:
        steps = [
            three.ask("incident", "open", "slow", "--detected", NOON),
            three.ask("incident", "update", "1", "--hours", "3"),
            three.ask("incident", "close", "1", "--closed", "2026-03-02T15:00Z"),
        ]
        undo_last(three)
        assert three.ask("incident", "show", "1") == steps[1]
        undo_last(three)
        assert three.ask("incident", "show", "1") == steps[2], "an undo was undone"

    def test_one_that_was_opened_by_mistake_is_withdrawn(self, three: Desk) -> None:
        opened = three.ask("incident", "open", "slow")
        assert undo_last(three)["changes"] == ["I1 withdrawn"]
        assert three.fails("incident", "show", "1")["kind"] == "not-found"
        assert three.ask("incident", "open", "another")["incident"] == "I2", "a name is never given twice"
        operations = three.ask("log", "--operations")["items"]
        three.tell("undo", operations[1]["operation"])
        assert three.ask("incident", "show", "1") == opened
        undo_last(three)
        assert three.fails("incident", "show", "1")["kind"] == "not-found"

    def test_a_link_is_taken_away_and_comes_back(self, three: Desk) -> None:
        three.tell("incident", "open", "slow")
        linked = three.ask("incident", "link", "1", "r1", "--note", "see there")
        undo_last(three)
        assert three.ask("incident", "show", "1")["notes"] == []
        undo_last(three)
        back = three.ask("incident", "show", "1")
        assert (back["releases"], back["notes"][0]["text"]) == (linked["releases"], "see there")

    def test_what_was_said_since_is_not_taken_back(self, three: Desk) -> None:
        three.tell("incident", "open", "slow")
        first = three.ask("log", "--operations", "-n", "1")["items"][0]["operation"]
        three.tell("incident", "update", "1", "--hours", "1")
        error = three.fails("undo", first)
        assert (error["kind"], "I1 was changed" in error["message"]) == ("conflict", True)


class TestLists:
    @pytest.fixture
    def several(self, three: Desk) -> Desk:
        three.tell("deploy", "staging", "r1")
        three.tell("incident", "open", "old", "--env", "prod", "--detected", "90d", "--closed", "80d")
        three.tell("incident", "open", "caught", "--kind", "near-miss", "--env", "staging", "--detected", "2d")
        three.tell("incident", "open", "new", "--env", "prod", "--detected", "1h")
        return three

    @pytest.mark.parametrize(
        ("options", "names"),
        [
            ([], ["I3", "I2", "I1"]),
            (["--open"], ["I3", "I2"]),
            (["--env", "prod"], ["I3", "I1"]),
            (["--since", "30d"], ["I3", "I2"]),
            (["--open", "--env", "staging", "--since", "1d"], []),
            (["--env", "support-bot/prod", "--open"], ["I3"]),
        ],
        ids=str,
    )
    def test_they_are_newest_first_and_as_asked(self, several: Desk, options: list[str], names: list[str]) -> None:
        answer = several.ask("incident", "list", *options)
        assert answer["schema"] == "lastgood.incidents/1"
        assert [one["incident"] for one in answer["incidents"]] == names

    def test_a_table_reads_well(self, several: Desk) -> None:
        lines = several.tell("incident", "list").out.splitlines()
        assert lines[0].split() == ["kind", "state", "where", "detected", "unnoticed", "to", "rollback", "release", "what"]
        assert [line.split()[:4] for line in lines[2:]] == [
            ["I3", "incident", "open", "prod"],
            ["I2", "near-miss", "open", "staging"],
            ["I1", "incident", "closed", "prod"],
        ]
        several.tell("incident", "close", "3")
        several.tell("incident", "close", "2")
        assert several.tell("incident", "list", "--open").out == "no incident is open\n"

    def test_a_title_cannot_steer_the_terminal(self, desk: Desk) -> None:
        desk.tell("incident", "open", "\x1b[31mred\x1b[0m")
        assert "\x1b" not in desk.tell("incident", "list").out + desk.tell("incident", "show", "1").out


class TestRecords:
    def test_free_text_stands_apart_and_can_be_erased(self, three: Desk) -> None:
        three.tell("incident", "open", "Mrs Miller complained", "--impact", "Mr Smith too", "--hours", "1")
        three.tell("incident", "link", "1", "--note", "call Mr Jones")
        with closing(sqlite3.connect(three.registry / "catalog.db")) as catalog:
            documents = [bytes(row[0]) for row in catalog.execute("SELECT document FROM events")]
            assert not [one for one in documents if b"Miller" in one or b"Smith" in one or b"Jones" in one]
            catalog.execute("DELETE FROM texts WHERE text LIKE '%Mr%'")
            catalog.commit()
        found = three.ask("incident", "show", "1")
        assert (found["title"], found["impact"], found["notes"][0]["text"], found["engineer_hours"]) == (None, None, None, 1)
        assert three.tell("incident", "list").out.count("(erased)") == 1

    def test_a_backup_has_them(self, three: Desk, tmp_path: Path) -> None:
        three.tell("incident", "open", "slow", "--detected", NOON)
        three.tell("backup", "../whole.tar")
        (tmp_path / "other").mkdir()
        other = Desk(tmp_path / "other")
        other.tell("import", "backup", str(tmp_path / "whole.tar"))
        assert other.ask("incident", "list") == three.ask("incident", "list")

    def test_what_they_come_to(self, three: Desk) -> None:
        three.tell("incident", "open", "one", "--detected", "2026-03-31T23:00Z", "--mitigated", "2026-04-01T00:00Z", "--cost", "3 EUR")
        three.tell("incident", "open", "two", "--detected", NOON, "--mitigated", "2026-03-02T15:00Z", "--hours", "2", "--preventable")
        three.tell("incident", "open", "three", "--detected", "2026-04-01", "--kind", "repro-failure", "--cost", "4 EUR")
        with lastgood.open(three.root, clock=FixedClock(parse_instant("2026-12-31T00:00:00.000000Z"))) as registry:
            measured = registry.incidents.measured(PipelineName("support-bot"), until=parse_instant("2026-06-01T00:00:00.000000Z"))
            none = registry.incidents.measured(since=parse_instant("2026-06-01T00:00:00.000000Z"))
        assert list(measured.kinds.values()) == [2, 0, 1]
        assert {quarter: list(kinds.values()) for quarter, kinds in measured.quarters.items()} == {
            "2026-Q1": [2, 0, 0],
            "2026-Q2": [0, 0, 1],
        }
        assert (measured.time_to_rollback.count, measured.time_to_rollback.mean, measured.time_to_detect.count) == (2, 7200, 0)
        assert (measured.minutes, measured.with_minutes, measured.costs, measured.with_cost) == (120, 1, {"EUR": 700}, 2)
        assert (measured.preventable, measured.open) == ((1, 0, 1), ("I1", "I2"))
        assert (sum(none.kinds.values()), none.time_to_rollback.median, none.quarters) == (0, None, {})
