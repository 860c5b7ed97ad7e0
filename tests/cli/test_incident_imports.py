"""Importing incidents on the command line: shown first, recorded when asked to, never twice, and each by somebody's word."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import Desk
from tests.importers.talk import BEGIN, DEPLOYS, INCIDENTS, ROLLBACKS, channels, message, users, write_export, write_files

TABLE = """\
id,title,detected,environment,closed,hours,cost,currency,preventable
OPS-1,wrong sums,2026-01-03 10:00,prod,2026-01-03 12:00,3,1200,EUR,yes
OPS-2,late,2026-13-03,prod,,,,,
OPS-3,nobody knows,2026-01-05,pord,,,,,
OPS-4,slow,2026-01-06,,,,,,
"""


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("slack") / "export.zip"
    write_export(path, 3_000)
    return path


@pytest.fixture
def small(desk: Desk) -> str:
    """An export of one thread, beside a workspace that has no environment yet."""
    says = [
        (0, "SEV1: wrong answers in prod, caused by r1"),
        (5, "rolling back to r1"),
        (9, "rolled back to r1 in prod"),
        (20, "all clear"),
    ]
    lines = [message(0, BEGIN.replace(minute=minute), text, thread=BEGIN) for minute, text in says]
    files = {"channels.json": channels(), "users.json": users(), "general/2026-01-05.json": lines}
    write_files(desk.root / "small.zip", files)
    return "small.zip"


class TestTables:
    def test_it_is_shown_and_nothing_is_recorded(self, three: Desk) -> None:
        three.write("incidents.csv", TABLE)
        ran = three.tell("incident", "import", "incidents.csv")
        assert "wrong sums" in ran.out
        assert "2 incidents would be opened; --apply records" in ran.out
        assert "incidents.csv:3: '2026-13-03' is no time" in ran.err
        assert "incidents.csv:4: support-bot has no environment pord" in ran.err
        assert three.ask("incident", "list")["incidents"] == []

    def test_bad_rows_keep_the_others_from_being_recorded_unless_they_are_skipped(self, three: Desk) -> None:
        three.write("incidents.csv", TABLE)
        error = three.fails("incident", "import", "incidents.csv", "--apply")
        assert (error["kind"], [row["line"] for row in error["details"]["rows"]]) == ("invalid", [3, 4])
        assert three.ask("incident", "list")["incidents"] == []
        done = three.ask("incident", "import", "incidents.csv", "--apply", "--skip-bad")
        assert (done["opened"], done["known"], [one["line"] for one in done["problems"]]) == (["I1", "I2"], [], [3, 4])
        first = three.ask("incident", "show", "1")
        assert (first["title"], first["engineer_hours"], first["cost"], first["preventable"], first["open"]) == (
            "wrong sums",
            3,
            1200,
            True,
            False,
        )
        assert first["notes"][0]["text"] == "imported as OPS-1"

    def test_a_second_time_records_nothing(self, three: Desk) -> None:
        three.write("incidents.csv", TABLE)
        three.tell("incident", "import", "incidents.csv", "--apply", "--skip-bad")
        before = three.ask("incident", "list")
        again = three.ask("incident", "import", "incidents.csv", "--apply", "--skip-bad")
        assert (again["opened"], again["known"]) == ([], ["I1", "I2"])
        assert three.ask("incident", "list") == before

    def test_one_undo_takes_all_of_it_back(self, three: Desk) -> None:
        three.write("incidents.csv", TABLE)
        three.tell("incident", "import", "incidents.csv", "--apply", "--skip-bad")
        three.tell("undo", three.ask("log", "--operations", "-n", "1")["items"][0]["operation"])
        assert three.ask("incident", "list")["incidents"] == []
        assert three.ask("incident", "import", "incidents.csv", "--apply", "--skip-bad")["opened"] == ["I3", "I4"]
        assert three.tell("verify", "--replay").code == 0

    @pytest.mark.parametrize(
        ("line", "kind"),
        [
            (["nowhere.csv"], "not-found"),
            (["incidents.csv", "--accept", "1"], "invalid"),
            (["incidents.csv", "--confidence", "0.5"], "invalid"),
            (["empty.csv"], "invalid"),
            (["prompts"], "not-found"),
        ],
        ids=str,
    )
    def test_what_makes_no_sense_is_refused(self, desk: Desk, line: list[str], kind: str) -> None:
        desk.write("incidents.csv", TABLE)
        desk.write("empty.csv", "")
        assert desk.fails("incident", "import", *line)["kind"] == kind


class TestSlack:
    def test_proposals_are_shown_with_their_lines(self, three: Desk, export: Path) -> None:
        ran = three.tell("incident", "import", str(export))
        assert "3,000 messages in 40 channels: 20 proposals" in ran.err
        lines = [line.strip() for line in ran.out.splitlines()]
        assert "2  incident, confidence 0.92: SEV2: wrong answers about refunds in prod since 14:05" in lines
        assert "release     r43 [2]" in lines
        assert "[2] #incidents Chen Wei 2026-01-14 13:21 UTC: caused by r43, the policy section is gone" in lines
        assert lines[-1].endswith("--apply records")
        assert three.ask("incident", "list")["incidents"] == []

    def test_what_is_accepted_is_recorded_once(self, three: Desk, export: Path) -> None:
        would = three.ask("incident", "import", str(export))
        assert (would["applied"], len(would["opened"]), would["moves"]) == (False, len(INCIDENTS), len(DEPLOYS) + len(ROLLBACKS))
        numbers = {
            what: [one["number"] for one in would["proposals"] if one["what"] == what] for what in ("incident", "deploy", "rollback")
        }
        accept = ",".join(str(numbers[what][0]) for what in numbers)
        done = three.ask("incident", "import", str(export), "--apply", "--accept", accept)
        assert (done["opened"], done["moves"]) == (["I1"], 2)
        again = three.ask("incident", "import", str(export), "--apply", "--accept", accept)
        assert (again["opened"], again["known"], again["moves"], again["moves_known"]) == ([], ["I1"], 0, 2)
        found = three.ask("incident", "show", "1")
        assert (found["environment"], found["engineer_hours"], found["preventable"], found["open"]) == ("prod", 6, True, False)
        assert (found["seconds_to_detect"], found["seconds_to_rollback"]) == (420, 1020)
        assert found["release"] is None, "there is no r43 here"
        quotes = [note["text"] for note in found["notes"]]
        assert quotes[1] == "#incidents Chen Wei 2026-01-14 13:21 UTC: caused by r43, the policy section is gone"
        assert three.number_in("prod") == 3, "what is told of the past moves nothing"
        assert three.tell("verify", "--replay").code == 0

    def test_every_proposed_field_cites_lines_that_are_there(self, three: Desk, export: Path) -> None:
        for one in three.ask("incident", "import", str(export), "--confidence", "0")["proposals"]:
            assert one["lines"]
            assert all(0 <= place < len(one["lines"]) for places in one["cites"].values() for place in places)

    def test_where_and_what_is_not_known_here_stays_open(self, desk: Desk, small: str) -> None:
        ran = desk.tell("incident", "import", small, "--apply", "--accept", "1,2", "--json")
        assert "there is no environment prod here, so where it was stays open" in ran.err
        found = desk.ask("incident", "show", "1")
        assert (found["environment"], found["release_number"]) == (None, 1)

    def test_a_move_of_a_time_that_the_registry_knows_is_left_out(self, desk: Desk, small: str) -> None:
        """Faked by an export of the future: the registry began before it."""
        desk.tell("deploy", "prod")
        late = BEGIN.replace(year=2999)
        lines = [message(0, late, "rolled back prod to r1")]
        write_files(desk.root / "late.zip", {"channels.json": channels(), "users.json": users(), "general/2999-01-05.json": lines})
        done = desk.ask("incident", "import", "late.zip", "--apply", "--accept", "1")
        assert (done["moves"], done["moves_superseded"]) == (0, 1)

    @pytest.mark.parametrize("accept", ["0", "3", "x", "1,,2", "-1"])
    def test_a_number_that_is_none_is_refused(self, desk: Desk, small: str, accept: str) -> None:
        assert "--accept names" in desk.fails("incident", "import", small, "--apply", f"--accept={accept}")["message"]

    def test_nothing_is_recorded_without_somebody_saying_so(self, desk: Desk, small: str) -> None:
        error = desk.fails("incident", "import", small, "--apply")
        assert (error["kind"], error["message"]) == ("invalid", "a person says which proposals are right; nothing was recorded")
        assert desk.process("incident", "import", small, "--apply").code == 2
        assert desk.ask("incident", "list")["incidents"] == []

    def test_at_a_terminal_each_is_asked_about(self, desk: Desk, small: str) -> None:
        ours, theirs = pty.openpty()
        os.write(ours, b"y\nn\n")
        command = [sys.executable, "-m", "lastgood", "incident", "import", small, "--apply"]
        done = subprocess.run(command, cwd=desk.root, stdin=theirs, capture_output=True, check=False, timeout=60)
        os.close(ours)
        os.close(theirs)
        assert done.returncode == 0, done
        assert b"record 1 (incident)?" in done.stderr
        assert done.stdout.decode().endswith("1 incident opened\n")

    @pytest.mark.parametrize(
        ("name", "content", "reason"),
        [("../evil.json", [], "unsafe-name"), ("x.zip", [], "nested"), ("general/2026-01-06.json", b"[", "broken-json")],
    )
    def test_a_bad_export_is_refused(self, desk: Desk, name: str, content: object, reason: str) -> None:
        write_files(desk.root / "bad.zip", {"channels.json": channels(), "users.json": users(), name: content})
        error = desk.fails("incident", "import", "bad.zip")
        assert (error["kind"], error["details"]["reason"]) == ("invalid-archive", reason)
