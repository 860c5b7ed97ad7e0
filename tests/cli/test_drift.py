"""Drift of folders on the command line: in words, strictly, while a canary runs; and writing what a service can answer with."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.cli.commands import Desk
from tests.cli.drifting import PROMPT, described, drifted, summaries


@pytest.fixture
def place(three: Desk, tmp_path: Path) -> Path:
    """A checkout of what prod is on."""
    three.tell("checkout", "prod", str(tmp_path / "running"))
    return tmp_path / "running"


class TestFolders:
    def test_what_should_run_does(self, three: Desk, place: Path) -> None:
        ran = three.tell("drift", "prod", str(place))
        assert ran.out.startswith("prod runs r3 ")
        assert ran.out.endswith(": no drift\n")
        answer = three.ask("drift", "prod", str(place))
        assert (answer["drift"], answer["number"], answer["canary"], answer["environment"]) == (False, 3, False, "prod")

    def test_a_line_that_was_edited_there_is_said_in_words(self, three: Desk, place: Path) -> None:
        (place / PROMPT).write_text("Cite everything.\n")
        ran = three.run("drift", "prod", str(place))
        assert ran.code == 7
        assert ran.out.startswith("prod should run r3 ")
        assert "[-nothing-]{+everything+}" in ran.out
        assert summaries(drifted(three.run("drift", "prod", str(place), "--json"))) == {
            "prompts": 'system.md: line 1: "Cite nothing." → "Cite everything."'
        }

    def test_another_release_is_drift(self, three: Desk, tmp_path: Path) -> None:
        three.tell("checkout", "r2", str(tmp_path / "old"))
        assert set(summaries(drifted(three.run("drift", "prod", str(tmp_path / "old"), "--json")))) == {"prompts"}

    def test_one_component_can_be_asked_for(self, three: Desk, place: Path) -> None:
        (place / PROMPT).write_text("Cite everything.\n")
        assert three.ask("drift", "prod", str(place), "--component", "routing")["drift"] is False
        assert [
            one["name"] for one in drifted(three.run("drift", "prod", str(place), "--component", "prompts", "--json"))["components"]
        ] == ["prompts"]
        assert three.fails("drift", "prod", str(place), "--component", "none")["kind"] == "not-found"

    def test_files_beside_it_are_drift_where_somebody_is_strict(self, three: Desk, place: Path) -> None:
        (place / "notes").mkdir()
        (place / "notes/todo.txt").write_text("x")
        assert three.ask("drift", "prod", str(place))["others"] == []
        assert drifted(three.run("drift", "prod", str(place), "--strict", "--json"))["others"] == ["notes/todo.txt"]
        assert "notes/todo.txt belongs to no component" in three.run("drift", "prod", str(place), "--strict").out

    def test_a_live_folder_is_looked_at_where_it_is_current(self, three: Desk, tmp_path: Path) -> None:
        three.tell("live", "prod", str(tmp_path / "live"))
        current = tmp_path / "live/current"
        assert three.ask("drift", "prod", str(current), "--strict")["drift"] is False
        (current / PROMPT).unlink()
        (current / PROMPT).write_text("Cite everything.\n")
        assert set(summaries(drifted(three.run("drift", "prod", str(current), "--json")))) == {"prompts"}

    def test_a_live_folder_that_is_behind_is_seen_as_it_is(self, three: Desk, tmp_path: Path) -> None:
        three.tell("live", "prod", str(tmp_path / "live"))
        before = os.readlink(tmp_path / "live/current")
        three.tell("deploy", "prod", "r2")
        (tmp_path / "live/current").unlink()
        (tmp_path / "live/current").symlink_to(before)
        assert set(summaries(drifted(three.run("drift", "prod", str(tmp_path / "live/current"), "--json")))) == {"prompts"}
        assert os.readlink(tmp_path / "live/current") == before

    def test_a_canary_is_as_it_should_be_as_well(self, three: Desk, place: Path, tmp_path: Path) -> None:
        three.commit("Cite the law.", "-m", "law")
        three.tell("deploy", "prod", "--canary", "10")
        three.tell("checkout", "prod@canary", str(tmp_path / "canary"))
        stable, canary = (three.ask("drift", "prod", str(where)) for where in (place, tmp_path / "canary"))
        assert (stable["number"], stable["canary"]) == (3, False)
        assert (canary["number"], canary["canary"]) == (4, True)
        assert three.tell("drift", "prod", str(tmp_path / "canary")).out.startswith("prod runs the canary r4 ")
        (tmp_path / "canary/config/routing.yaml").write_text("temperature: 1\n")
        answer = drifted(three.run("drift", "prod", str(tmp_path / "canary"), "--json"))
        assert (answer["number"], answer["canary"], set(summaries(answer))) == (4, True, {"routing"})

    def test_a_link_that_leads_out_is_refused(self, three: Desk, place: Path, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("secret words")
        (place / PROMPT).unlink()
        (place / PROMPT).symlink_to(tmp_path / "secret")
        error = three.fails("drift", "prod", str(place))
        assert error["kind"] == "invalid-path"
        assert "secret words" not in json.dumps(error)

    def test_a_pipe_is_refused_and_not_waited_for(self, three: Desk, place: Path) -> None:
        (place / PROMPT).unlink()
        os.mkfifo(place / PROMPT)
        assert three.fails("drift", "prod", str(place))["kind"] == "invalid-path"

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_a_file_that_may_not_be_read_is_named(self, three: Desk, place: Path) -> None:
        (place / PROMPT).chmod(0)
        assert three.fails("drift", "prod", str(place))["kind"] == "not-allowed"

    @pytest.mark.parametrize(
        ("arguments", "kind"),
        [
            (("nowhere", "."), "not-found"),
            (("prod", "no-such-folder"), "not-found"),
            (("prod",), "invalid"),
            ((), "invalid"),
            (("prod", "file:///etc/passwd"), "invalid"),
            (("prod", "ftp://localhost/x"), "invalid"),
            (("prod", "--describe", "."), "invalid"),
        ],
    )
    def test_what_cannot_be_asked(self, three: Desk, arguments: tuple[str, ...], kind: str) -> None:
        assert three.fails("drift", *arguments)["kind"] == kind

    def test_nothing_is_written(self, three: Desk, place: Path) -> None:
        (place / PROMPT).write_text("Cite everything.\n")
        before = three.ask("ledger", "show")["events"]
        three.run("drift", "prod", str(place))
        assert three.ask("ledger", "show")["events"] == before


class TestDescribe:
    def test_it_names_every_file(self, three: Desk, place: Path) -> None:
        (place / "models/router.bin").chmod(0o755)
        document = described(three, place)
        assert document["schema"] == "lastgood.running/1"
        assert [one["path"] for one in document["files"]] == ["config/routing.yaml", "lastgood.toml", "models/router.bin", PROMPT]
        assert document["files"][2]["mode"] == "exec"
        assert document["release"] is None

    def test_a_live_folder_says_its_release(self, three: Desk, tmp_path: Path) -> None:
        three.tell("live", "prod", str(tmp_path / "live"))
        assert described(three, tmp_path / "live/current")["release"] == three.ask("show", "prod")["release"]

    def test_it_needs_no_registry(self, place: Path, three: Desk) -> None:
        shutil.rmtree(three.registry)
        assert described(three, place)["files"]

    def test_what_cannot_be_in_a_release_is_left_out_and_said(self, three: Desk, place: Path) -> None:
        (place / "prompts/a\\b").write_text("x")
        (place / "prompts/out").symlink_to("/etc/passwd")
        ran = three.tell("drift", "--describe", str(place))
        assert "a\\\\b" not in ran.out
        assert "leads out of the folder: left out" in ran.err
        assert "backslash" in ran.err
