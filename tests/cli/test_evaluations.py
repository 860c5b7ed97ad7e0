"""Evaluations on the command line: run, brought in, shown and compared; what goes wrong records nothing."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from tests.cli.commands import Desk

RUN = """\
import json, os, pathlib
words = pathlib.Path("prompts/system.md").read_text().split()
assert pathlib.Path("lastgood.toml").exists()
with open(os.environ["LASTGOOD_OUT"], "w") as out:
    for number in range(4):
        passed = len(words) > number * 2
        out.write(json.dumps({"case": f"c{number}", "score": len(words) / 10, "passed": passed}) + "\\n")
print("seen:", " ".join(sorted(os.environ)))
"""


@pytest.fixture
def suite(three: Desk) -> Desk:
    """A workspace whose r4 carries a suite."""
    text = f'\n[components.quality]\nkind = "eval"\npath = "evals/"\nrun = "{sys.executable} evals/run.py"\n'
    three.write("lastgood.toml", (three.root / "lastgood.toml").read_text() + text)
    three.write("evals/run.py", RUN)
    three.commit("Cite the policy, briefly.", "-m", "with a suite")
    return three


def recorded(desk: Desk, release: str = "r4") -> int:
    return len(desk.ask("eval", "show", release)["evaluations"])


class TestRun:
    def test_it_is_recorded_with_its_metrics(self, suite: Desk) -> None:
        done = suite.ask("eval", "run", "r4")

        assert done["metrics"] == {"quality.pass_rate": 0.5, "quality.score": 0.4}
        assert (done["cases"], done["suite"], done["number"]) == (4, "quality", 4)
        assert (done["runner"]["how"], done["runner"]["command"].split()[1]) == ("run", "evals/run.py")
        assert suite.ask("eval", "show", "r4")["evaluations"][0]["results"] == done["results"]
        assert suite.ask("show", "r4")["evaluations"][0]["metrics"] == done["metrics"]
        assert "quality.pass_rate 0.5" in suite.tell("show", "r4").out
        assert suite.ask("verify")["ok"]

    def test_it_sees_no_secret(self, suite: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
        monkeypatch.setenv("LASTGOOD_ACTOR", "bob")
        ran = suite.process("eval", "run", "r4")
        assert ran.code == 0, ran
        (seen,) = (line.split()[1:] for line in ran.err.splitlines() if line.startswith("seen:"))
        assert "LASTGOOD_OUT" in seen
        assert "PATH" in seen
        assert not {"OPENAI_API_KEY", "LASTGOOD_ACTOR"} & set(seen)
        assert "seen:" not in ran.out

        ran = suite.process("eval", "run", "r4", "--pass", "OPENAI_API_KEY", "--json")
        assert "OPENAI_API_KEY" in ran.err
        assert ran.answer["runner"]["variables"] == ["OPENAI_API_KEY"]
        assert "sk-secret" not in ran.out

    def test_a_variable_that_is_not_set_cannot_be_passed(self, suite: Desk) -> None:
        assert suite.fails("eval", "run", "r4", "--pass", "NOBODY")["kind"] == "not-found"

    def test_a_release_without_the_suite_is_judged_by_that_of_another(self, suite: Desk) -> None:
        assert suite.fails("eval", "run", "r2")["kind"] == "not-found"
        done = suite.ask("eval", "run", "r2", "--suite-from", "r4")

        assert done["number"] == 2
        assert done["metrics"]["quality.score"] == 0.4
        assert done["suite_content"] == suite.ask("eval", "run", "r4")["suite_content"]
        assert done["runner"]["suite_from"] == suite.ask("show", "r4")["release"]

    def test_the_data_comes_with_the_suite(self, suite: Desk) -> None:
        text = (
            suite.root / "lastgood.toml"
        ).read_text() + 'on = "cases"\n[components.cases]\nkind = "dataset"\npath = "data/cases.jsonl"\n'
        suite.write("lastgood.toml", text)
        script = 'import os, pathlib\npathlib.Path(os.environ["LASTGOOD_OUT"]).write_bytes(pathlib.Path("data/cases.jsonl").read_bytes())\n'
        suite.write("evals/run.py", script)
        suite.write("data/cases.jsonl", '{"case": "a", "score": 1}\n')
        suite.commit(None, "-m", "old cases")
        suite.write("data/cases.jsonl", '{"case": "a", "score": 1}\n{"case": "b", "score": 0}\n')
        suite.commit(None, "-m", "new cases")

        assert suite.ask("eval", "run", "r5")["cases"] == 1
        newer = suite.ask("eval", "run", "r5", "--suite-from", "r6")
        assert (newer["cases"], newer["on"]) == (2, suite.ask("eval", "run", "r6")["on"])

    @pytest.mark.parametrize(
        ("script", "told"),
        [
            ("raise SystemExit(3)", "failed with exit 3; nothing was recorded"),
            ("import os; os.kill(os.getpid(), 9)", "failed with signal 9"),
            ("pass", "wrote nothing to the file that LASTGOOD_OUT names"),
            ("import os; os.symlink('/etc/hostname', os.environ['LASTGOOD_OUT'])", "put a link in the place of its results"),
        ],
    )
    def test_a_command_that_fails_records_nothing(self, suite: Desk, script: str, told: str) -> None:
        suite.write("evals/run.py", script)
        suite.commit(None, "-m", "broken")

        error = suite.fails("eval", "run", "r5")

        assert (error["kind"], told in error["message"]) == ("command-failed", True), error
        assert recorded(suite, "r5") == 0

    @pytest.mark.parametrize(
        ("script", "told"),
        [
            ("import os; open(os.environ['LASTGOOD_OUT'], 'w').close()", "hold no case"),
            ("import os; open(os.environ['LASTGOOD_OUT'], 'w').write('x')", "line 1"),
            ("import os; os.mkfifo(os.environ['LASTGOOD_OUT'])", "is no plain file"),
            ("import os; os.mkdir(os.environ['LASTGOOD_OUT'])", "is a folder"),
        ],
    )
    def test_results_that_are_not_right_record_nothing(self, suite: Desk, script: str, told: str) -> None:
        suite.write("evals/run.py", script)
        suite.commit(None, "-m", "broken")

        error = suite.fails("eval", "run", "r5")

        assert (error["kind"], told in error["message"]) == ("invalid", True), error
        assert recorded(suite, "r5") == 0

    def test_a_command_that_hangs_is_ended_with_all_it_started(self, suite: Desk, tmp_path: Path) -> None:
        note = tmp_path / "child"
        script = f"import subprocess, time\np = subprocess.Popen(['sleep', '600'])\nopen({str(note)!r}, 'w').write(str(p.pid))\np.wait()"
        suite.write("evals/run.py", script)
        suite.commit(None, "-m", "hangs")

        error = suite.fails("eval", "run", "r5", "--timeout", "2")

        assert "took more than 2 seconds" in error["message"]
        child = Path(f"/proc/{note.read_text()}/stat")
        # It was killed, and the system takes a moment to end it.
        deadline = time.monotonic() + 10
        while child.exists() and child.read_text().rpartition(")")[2].split()[0] != "Z" and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not child.exists() or child.read_text().rpartition(")")[2].split()[0] == "Z"

    def test_the_command_is_not_given_to_a_shell(self, suite: Desk, tmp_path: Path) -> None:
        text = (suite.root / "lastgood.toml").read_text()
        suite.write("lastgood.toml", text.replace('evals/run.py"', f'evals/run.py; touch {tmp_path}/owned"'))
        suite.commit(None, "-m", "a shell would")
        suite.run("eval", "run", "r5")
        assert not (tmp_path / "owned").exists()

    @pytest.mark.parametrize(("command", "kind"), [("no-such-program-anywhere", "command-failed"), ("'", "invalid"), (" ", "invalid")])
    def test_a_command_that_cannot_be_started_is_told(self, suite: Desk, command: str, kind: str) -> None:
        text = (suite.root / "lastgood.toml").read_text()
        suite.write("lastgood.toml", text.replace(f"{sys.executable} evals/run.py", command))
        suite.commit(None, "-m", "cannot be started")
        assert suite.fails("eval", "run", "r5")["kind"] == kind

    @pytest.mark.parametrize(
        ("script", "network", "options"),
        [
            ('echo "$*" >> "$0.log"; while [ "$1" != "--" ]; do shift; done; shift; exec "$@"', False, []),
            ('echo "$*" >> "$0.log"; while [ "$1" != "--" ]; do shift; done; shift; exec "$@"', True, ["--network"]),
            ('echo "$*" >> "$0.log"; exit 1', True, []),
        ],
    )
    def test_bubblewrap_takes_the_network_away_where_it_works(
        self, suite: Desk, monkeypatch: pytest.MonkeyPatch, *, script: str, network: bool, options: list[str]
    ) -> None:
        tmp_path = suite.root.parent
        program = tmp_path / "bwrap"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

        done = suite.ask("eval", "run", "r4", *options)

        assert done["runner"]["network"] is network
        asked = (tmp_path / "bwrap.log").read_text().splitlines() if not options else []
        assert len(asked) == (0 if options else 1 if network else 2)
        assert all("--unshare-net" in line.split() for line in asked)

    def test_nothing_is_left_in_the_temporary_folder(self, suite: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        suite.tell("eval", "run", "r4")
        assert not [name for name in os.listdir(tmp_path) if name.startswith("lastgood-eval-")]


class TestImport:
    def lines(self, desk: Desk, text: str | bytes) -> None:
        desk.write("results.jsonl", text)

    def test_it_is_recorded_and_kept_whole(self, suite: Desk) -> None:
        text = b'{"case": "a", "score": 0.5, "output": "x"}\n{"case":"b","score":1}'
        self.lines(suite, text)
        done = suite.ask("eval", "import", "results.jsonl", "--release", "r4", "--suite", "quality")

        assert (done["metrics"], done["cases"], done["runner"]["how"]) == ({"quality.score": 0.75}, 2, "import")
        import lastgood

        with lastgood.open(suite.root) as registry:
            (evaluation,) = registry.evaluations.list("r4")
            assert registry.files.read_file(evaluation.results) == text
        assert suite.ask("eval", "show", "r4")["metrics"] == done["metrics"]

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("", "no case"),
            ('{"case": "a", "score": 1}\n{"case": "a", "score": 1}\n', "line 2: the case 'a' stands on line 1 already"),
            ('{"case": "a", "score": NaN}', "line 1: this is not valid JSON"),
            ('{"case": "a", "score": 1}\n{"case": "b", "passed": true}', "line 2: it gives pass_rate"),
            (b"\xff\xfe\x00", "line 1"),
            ("case,score\na,1\n", "line 1"),
        ],
    )
    def test_what_is_not_right_is_refused_with_its_line(self, suite: Desk, text: str | bytes, told: str) -> None:
        self.lines(suite, text)
        events = suite.ask("verify")
        error = suite.fails("eval", "import", "results.jsonl", "--release", "r4")

        assert (error["kind"], told in error["message"], "nothing was recorded" in error["message"]) == ("invalid", True, True), error
        assert suite.ask("verify") == events

    def test_what_is_no_plain_file_is_refused(self, suite: Desk) -> None:
        os.mkfifo(suite.root / "pipe")
        for name in ("pipe", "evals", "/dev/zero"):
            assert suite.fails("eval", "import", name, "--release", "r4")["kind"] == "invalid"
        assert suite.fails("eval", "import", "nobody", "--release", "r4")["kind"] == "not-found"

    def test_what_is_too_large_is_refused(self, suite: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("lastgood.registry.evaluations.LARGEST_RESULTS", 10)
        self.lines(suite, '{"case": "a", "score": 1}')
        assert "more than 10 bytes" in suite.fails("eval", "import", "results.jsonl", "--release", "r4")["message"]

    def test_the_suite_must_be_one(self, suite: Desk) -> None:
        self.lines(suite, '{"case": "a", "score": 1}')
        assert suite.fails("eval", "import", "results.jsonl", "--release", "r4", "--suite", "prompts")["kind"] == "not-found"
        assert suite.fails("eval", "import", "results.jsonl", "--release", "r1")["kind"] == "not-found"
        text = (suite.root / "lastgood.toml").read_text() + '[components.speed]\nkind = "eval"\npath = "speed.py"\n'
        suite.write("lastgood.toml", text)
        suite.write("speed.py", "")
        suite.commit(None, "-m", "two suites")
        assert "say which" in suite.fails("eval", "import", "results.jsonl", "--release", "r5")["message"]
        assert "declares no command" in suite.fails("eval", "run", "r5", "--suite", "speed")["message"]


class TestCompare:
    def bring(self, desk: Desk, release: str, *scores: tuple[float, bool]) -> None:
        lines = "".join(f'{{"case": "c{n}", "score": {one}, "passed": {str(ok).lower()}}}\n' for n, (one, ok) in enumerate(scores))
        desk.write("results.jsonl", lines)
        desk.tell("eval", "import", "results.jsonl", "--release", release, "--suite-from", "r4")

    def test_metrics_and_flipped_cases(self, suite: Desk) -> None:
        self.bring(suite, "r3", (1, True), (1, True), (0, False), (1, True))
        self.bring(suite, "r4", (1, True), (0.5, False), (1, True))

        answer = suite.ask("eval", "compare", "r3", "r4")

        score = next(one for one in answer["metrics"] if one["metric"] == "quality.score")
        assert (score["before"], score["after"], score["change"]) == (pytest.approx(2 / 3), pytest.approx(2.5 / 3), pytest.approx(0.5 / 3))
        assert score["low"] <= score["change"] <= score["high"]
        assert [(one["case"], one["before"], one["after"]) for one in answer["cases"]] == [("c1", 1, 0), ("c2", 0, 1)]
        assert (answer["suites"][0]["common_cases"], answer["suites"][0]["only_before"]) == (3, 1)
        out = suite.tell("eval", "compare", "r3", "r4").out
        assert "c1: pass_rate 1 → 0" in out
        assert "+0.166667" in out

    def test_identical_results_differ_by_nothing(self, suite: Desk) -> None:
        for release in ("r3", "r4"):
            self.bring(suite, release, (1, True), (0.3, False))
        answer = suite.ask("eval", "compare", "r3", "r4")
        assert {(one["change"], one["low"], one["high"]) for one in answer["metrics"]} == {(0, 0, 0)}
        assert answer["cases"] == []

    def test_what_was_not_judged_cannot_be_compared(self, suite: Desk) -> None:
        self.bring(suite, "r4", (1, True))
        assert suite.fails("eval", "compare", "r3", "r4")["kind"] == "not-found"
        assert suite.fails("eval", "compare", "r3", "r4", "--suite", "quality")["kind"] == "not-found"


def test_a_release_that_was_not_judged_says_so(three: Desk) -> None:
    assert three.ask("eval", "show", "r1")["evaluations"] == []
    assert "was not judged" in three.tell("eval", "show", "r1").out


def test_releases_that_behave_alike_share_evaluations(suite: Desk) -> None:
    suite.tell("eval", "run", "r4")
    suite.write("evals/more.py", "")
    suite.commit(None, "-m", "only the suite changed")
    assert recorded(suite, "r5") == 1
