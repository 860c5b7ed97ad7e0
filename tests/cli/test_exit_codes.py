"""Each exit code of the table, reached as it is reached in a day's work; 1 and 4 by what goes wrong around us."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lastgood import errors
from tests.cli.commands import EXIT_CODES, Desk, error_of, run


def test_the_codes_of_this_table_are_those_of_the_error_tree() -> None:
    def classes(top: type[errors.LastgoodError]) -> list[type[errors.LastgoodError]]:
        return [top, *(one for below in top.__subclasses__() for one in classes(below))]

    shipped = {one.kind: one.exit_code for one in classes(errors.LastgoodError) if one.__module__.startswith("lastgood.")}
    assert shipped == EXIT_CODES


def test_0_done(desk: Desk) -> None:
    assert desk.run("deploy", "prod").code == 0


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (["log", "--nonsense"], "invalid"),
        (["log", "-n", "0"], "invalid"),
        (["log", "-n", "1" * 40], "invalid"),
        (["deploy", "prod", "--expect", "-1"], "invalid"),
        (["commit", "--onto", "r1"], "invalid"),
        (["log", "r1", "--env", "prod"], "invalid"),
        (["live", "prod"], "invalid"),
        (["--registry", "postgresql://host/db", "log"], "invalid"),
        (["show", "prod@yesterday"], "invalid-revision"),
        (["show", "prod@2026-13-01"], "invalid-revision"),
        (["show", "prod@99999999w"], "invalid-revision"),
        (["show", "prod~x"], "invalid-revision"),
        (["show", "../r1"], "invalid-revision"),
        (["show", ""], "invalid-revision"),
        (["deploy", "r1"], "invalid-name"),
        (["deploy", "latest"], "invalid-name"),
        (["deploy", "../prod"], "invalid-name"),
        (["deploy", ""], "invalid-name"),
        (["tag", "r1", "r7"], "invalid-name"),
        (["tag", "r1", "abcdef"], "invalid-name"),
        (["tag", "r1", "v 1"], "invalid-name"),
        (["mark", "bad", "r1", "--why", " "], "invalid"),
    ],
)
def test_2_usage_or_invalid_input(desk: Desk, line: list[str], kind: str) -> None:
    assert desk.fails(*line)["kind"] == kind


def test_2_a_workspace_file_that_is_not_right(desk: Desk) -> None:
    desk.write("lastgood.toml", 'pipelin = "support-bot"')

    error = desk.fails("commit")

    assert error["kind"] == "invalid-workspace"
    assert error["details"]["problems"][0]["line"] == 1
    assert "did you mean pipeline?" in error["message"]


@pytest.mark.parametrize(
    "line",
    [
        ["show", "r9"],
        ["show", "r0"],
        ["show", "r" + "9" * 18],
        ["show", "prod~999999999"],
        ["show", "abcdef123"],
        ["show", "v1"],
        ["show", "other/r1"],
        ["show", "prod@good"],
        ["show", "prod@canary"],
        ["show", "prod~99"],
        ["diff", "r1", "r9"],
        ["diff", "r1", "r1", "--component", "nope"],
        ["log", "--env", "nope"],
        ["log", "--component", "promts"],
        ["env", "show", "nope"],
        ["rollback", "nope"],
        ["rollback", "prod", "--to", "r9"],
        ["deploy", "prod", "r9"],
        ["verify", "r9"],
        ["mark", "bad", "r9", "--why", "x"],
        ["tag", "r9", "v1"],
        ["checkout", "r9", "out"],
        ["checkout", "r1", "out", "--component", "nope"],
        ["-C", "no-such-folder", "log"],
        ["--registry", "no-such-folder", "log"],
    ],
    ids=" ".join,
)
def test_3_not_found(desk: Desk, line: list[str]) -> None:
    desk.tell("deploy", "prod")

    assert desk.fails(*line)["kind"] == "not-found"
    assert not (desk.root / "out").exists()


def test_3_there_is_no_registry_and_no_workspace(tmp_path: Path) -> None:
    for command in (["log"], ["commit"], ["status"], ["deploy", "prod"]):
        error = error_of(run("-C", str(tmp_path), *command, "--json"))
        assert (error["kind"], error["hint"]) == ("not-found", "lastgood init")


def test_3_there_is_no_release_yet(empty: Desk) -> None:
    for command in (["deploy", "prod"], ["show", "latest"], ["rollback", "prod"], ["checkout", "r1", "out"]):
        assert empty.fails(*command)["kind"] == "not-found"


def test_5_conflict(three: Desk) -> None:
    assert three.fails("init")["kind"] == "already-exists"
    assert three.fails("checkout", "r1", "prompts")["kind"] == "already-exists"
    assert three.fails("checkout", "r1", "lastgood.toml")["kind"] == "already-exists"
    assert three.fails("deploy", "prod", "r1", "--expect", "2")["kind"] == "stale-environment"
    assert three.fails("rollback", "prod", "--expect", "2")["kind"] == "stale-environment"
    assert three.fails("deploy", "staging", "r1", "--expect", "2")["kind"] == "stale-environment"
    assert three.fails("deploy", "prod", "r1", "--expect", "9" * 40)["kind"] == "stale-environment"
    assert three.number_in("prod") == 3


def test_6_refused(desk: Desk) -> None:
    desk.tell("deploy", "prod")
    assert desk.fails("rollback", "prod")["kind"] == "nothing-good"
    desk.tell("mark", "bad", "r1", "--why", "it lies")
    assert desk.fails("deploy", "staging", "r1")["kind"] == "bad-release"


def test_7_integrity(desk: Desk) -> None:
    for pack in (desk.registry / "store").rglob("*.pack"):
        pack.unlink()

    assert desk.fails("checkout", "r1", "out")["kind"] == "integrity"
    verified = desk.run("verify", "--json")
    assert (verified.code, verified.answer["ok"]) == (7, False)


def test_8_the_disk_does_not_take_the_answer(desk: Desk) -> None:
    # What was done is done, and the error must not say otherwise.
    with Path("/dev/full").open("w") as full:
        done = desk.process("deploy", "prod", stdout=full)

    assert done.code == 8
    assert "what the command did stands" in done.err
    assert desk.number_in("prod") == 1


def test_8_another_process_holds_the_registry_longer_than_the_wait(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lastgood.catalog.sqlite.SQLiteDatabase.__init__.__kwdefaults__", {"wait": 0.05})
    with closing(sqlite3.connect(desk.registry / "catalog.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert desk.fails("deploy", "prod")["kind"] == "busy"
        other.execute("ROLLBACK")

    desk.tell("deploy", "prod")
