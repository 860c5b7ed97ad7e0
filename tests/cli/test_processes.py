"""Whole processes: what they import, and that nothing about how they were started keeps them from their work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import Desk

HEAVY = ("alembic", "duckdb", "numpy", "psycopg", "pydantic", "rich", "sqlalchemy", "yaml")
SCHEMA = ("alembic", "numpy", "sqlalchemy")


def imported(desk: Desk, *arguments: str) -> set[str]:
    """Run a command in a process of its own and return the names of all modules it imported."""
    script = (
        "import sys\n"
        "from lastgood.cli.main import main\n"
        "try:\n main(sys.argv[1:])\n"
        "except SystemExit as end:\n assert not end.code, end.code\n"
        "print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], cwd=desk.root, capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_the_version_needs_nothing_heavy(desk: Desk) -> None:
    assert imported(desk, "--version").isdisjoint(HEAVY)


def test_going_back_needs_no_schema_and_no_arrays(three: Desk) -> None:
    assert imported(three, "rollback", "prod").isdisjoint(SCHEMA)


def test_a_commit_needs_no_schema_and_no_arrays(desk: Desk) -> None:
    assert imported(desk, "commit").isdisjoint(SCHEMA)
    desk.write("prompts/system.md", "Cite nothing.")
    assert imported(desk, "commit").isdisjoint(SCHEMA)


def test_the_installed_program_is_the_same(lastgood_program: Path, desk: Desk) -> None:
    said = subprocess.run([lastgood_program, "-C", desk.root, "log"], capture_output=True, text=True, check=True).stdout

    assert said == desk.process("log").out


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_process_that_was_started_without_streams_does_its_work(desk: Desk, closed: str) -> None:
    line = f'"{sys.executable}" -m lastgood'
    script = f"{line} deploy prod {closed} && {line} env list {closed} && {line} verify {closed} && {line} show r9 {closed}"

    done = subprocess.run(["bash", "-c", script], cwd=desk.root, check=False)

    assert done.returncode == 3
    assert desk.number_in("prod") == 1
    assert desk.ask("verify")["ok"] is True


def test_nobody_reading_the_words_on_stderr_stops_no_rollback(three: Desk) -> None:
    # `lastgood rollback prod 2>&1 | head -1`: what it changes is printed before it is done.
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = three.process("rollback", "prod", stderr=writing)
    finally:
        os.close(writing)

    assert done.code == 0
    assert three.number_in("prod") == 2


def test_nobody_reading_the_answer_is_told_like_by_other_programs(three: Desk) -> None:
    for line in (["rollback", "prod"], ["log"], ["show", "r1"], ["show", "r1", "--json"], ["diff", "r1", "r2"]):
        reading, writing = os.pipe()
        os.close(reading)
        try:
            done = three.process(*line, stdout=writing)
        finally:
            os.close(writing)
        assert done.code == 141
        assert "Traceback" not in done.err
    assert three.number_in("prod") == 2


def test_a_stderr_that_is_full_stops_nothing(three: Desk) -> None:
    with Path("/dev/full").open("w") as full:
        assert three.process("rollback", "prod", stderr=full).code == 0
        assert three.process("show", "r9", stderr=full).code == 3
    assert three.number_in("prod") == 2


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_a_terminal_that_lacks_letters_gets_others(three: Desk, encoding: str) -> None:
    done = three.process("deploy", "prod", "r1", "--reason", "Umbrüche → 🎉", more={"PYTHONIOENCODING": encoding})

    assert done.code == 0
    assert "\\u2192" in done.out
    assert three.ask("log", "--env", "prod")["items"][0]["reason"] == "Umbrüche → 🎉"


def test_words_that_are_no_utf_8_are_refused_before_anything_happens(desk: Desk) -> None:
    desk.write("prompts/system.md", "Cite nothing.")
    for line in (["commit", "-m", "\udcff"], ["deploy", "prod", "--reason", "\udcff"], ["tag", "r1", "\udcff"], ["show", "\udcff"]):
        done = desk.process(*line)
        assert (done.code, "Traceback" in done.err) == (2, False)
    assert desk.process("deploy", "prod", more={"LASTGOOD_ACTOR": "\udcff"}).code == 2
    assert len(desk.ask("log")["items"]) == 1
    assert desk.ask("env", "list")["environments"] == []


def test_a_workspace_in_a_folder_whose_name_is_no_utf_8(desk: Desk) -> None:
    strange = Desk(desk.root.rename(desk.root.with_name("b\udcffot")))

    assert strange.commit("Cite nothing.")["number"] == 2
    assert strange.process("deploy", "prod").code == 0
    assert strange.process("checkout", "r1", "out", "--json").code == 0
    assert strange.process("init").code == 5
    assert strange.ask("verify")["ok"] is True
