"""What a commit is: the same contents make no release, others' work is never taken back by accident, a kill harms nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import Desk, fill


def sharing(desk: Desk, folder: Path) -> Desk:
    """Return another workspace of the same pipeline, based on the latest release of the desk's registry."""
    other = fill(folder)
    other.write("prompts/system.md", (desk.root / "prompts/system.md").read_bytes())
    other.tell("--registry", str(desk.root), "commit")
    return other


def test_an_unchanged_workspace_is_answered_with_its_release(desk: Desk) -> None:
    again = desk.ask("commit", "-m", "nothing new")

    assert (again["created"], again["number"]) == (False, 1)
    assert again["release"] == desk.ask("show", "latest")["release"]
    assert len(desk.ask("log")["items"]) == 1


def test_there_and_back_makes_three(desk: Desk) -> None:
    before = (desk.root / "prompts/system.md").read_bytes()
    desk.commit("Cite nothing.")
    desk.write("prompts/system.md", before)
    back = desk.ask("commit")

    first, _, third = reversed(desk.ask("log")["items"])
    assert (back["created"], back["number"]) == (True, 3)
    assert first["state"] == third["state"]
    assert first["release"] != third["release"]


def test_touching_a_file_changes_nothing(desk: Desk) -> None:
    (desk.root / "prompts/system.md").touch()

    assert desk.commit()["created"] is False


def test_the_bit_that_makes_a_file_executable_counts(desk: Desk) -> None:
    (desk.root / "models/router.bin").chmod(0o755)

    assert desk.commit()["changed"] == ["router"]


def test_a_comment_in_the_workspace_file_makes_no_release(desk: Desk) -> None:
    desk.write("lastgood.toml", (desk.root / "lastgood.toml").read_text() + "# a comment\n")

    assert desk.commit()["created"] is False


def test_declared_lineage_makes_a_release(desk: Desk) -> None:
    desk.write("lastgood.toml", (desk.root / "lastgood.toml").read_text() + 'made_by = { run = "python train.py" }\n')

    made = desk.commit()

    assert (made["created"], made["changed"]) == (True, [])
    assert "made by: python train.py" in desk.tell("show", "latest").out


def test_a_tag_is_given_with_the_commit_and_also_without_a_new_release(desk: Desk) -> None:
    assert desk.ask("commit", "--tag", "v1")["tags"] == ["v1"]
    assert desk.commit("Cite nothing.", "--tag", "v2")["tags"] == ["v2"]
    assert [one["tags"] for one in desk.ask("log")["items"]] == [["v2"], ["v1"]]


def test_a_tag_that_is_taken_stops_the_commit(desk: Desk) -> None:
    desk.tell("tag", "r1", "v1")
    desk.write("prompts/system.md", "Cite nothing.")

    assert desk.fails("commit", "--tag", "v1")["kind"] == "already-exists"

    assert len(desk.ask("log")["items"]) == 1
    assert desk.commit()["number"] == 2


def test_a_tag_of_a_wrong_form_stops_the_commit_before_anything_is_read(desk: Desk) -> None:
    desk.write("prompts/system.md", "Cite nothing.")

    assert desk.fails("commit", "--tag", "latest")["kind"] == "invalid-name"
    assert len(desk.ask("log")["items"]) == 1


def test_others_work_is_not_taken_back_by_accident(desk: Desk, tmp_path: Path) -> None:
    other = sharing(desk, tmp_path / "other")
    desk.write("config/routing.yaml", "temperature: 0.9\n")
    desk.tell("commit", "-m", "hotter")
    other.write("prompts/system.md", "Cite nothing.")

    error = error_in(other, desk, "commit", "-m", "shorter")

    assert error["kind"] == "stale-base"
    assert error["details"]["changed"] == ["routing"]
    assert "hotter" in error["message"]
    assert "lastgood commit --onto latest" in error["hint"]
    assert len(desk.ask("log")["items"]) == 2


def test_onto_latest_stands_and_says_what_it_takes_back(desk: Desk, tmp_path: Path) -> None:
    other = sharing(desk, tmp_path / "other")
    desk.write("config/routing.yaml", "temperature: 0.9\n")
    desk.tell("commit", "-m", "hotter")
    other.write("prompts/system.md", "Cite nothing.")

    ran = other.tell("--registry", str(desk.root), "commit", "--onto", "latest", "--json")

    assert (ran.answer["number"], ran.answer["reverted"]) == (3, ["routing"])
    assert "takes back what others changed in: routing" in ran.err
    assert {one["name"]: one["change"] for one in desk.ask("diff", "r1", "r3")["components"]} == {
        "prompts": "changed",
        "routing": "unchanged",
        "router": "unchanged",
    }
    assert desk.ask("show", "r3")["parents"] == [desk.ask("show", "r2")["release"]]
    # And now it is that workspace's base: its next commit is no surprise to anybody.
    other.write("prompts/system.md", "Cite something.")
    assert other.ask("--registry", str(desk.root), "commit")["reverted"] == []


def test_onto_latest_takes_nothing_back_where_both_changed_the_same(desk: Desk, tmp_path: Path) -> None:
    other = sharing(desk, tmp_path / "other")
    desk.commit("Cite nothing.")
    other.write("prompts/system.md", "Cite nothing.\n")

    made = other.ask("--registry", str(desk.root), "commit", "--onto", "latest")

    assert (made["created"], made["number"], made["reverted"]) == (False, 2, [])


def test_a_workspace_without_a_base_takes_the_latest(desk: Desk) -> None:
    desk.commit("Cite nothing.")
    (desk.registry / "workspace.json").unlink()
    desk.write("prompts/system.md", "Cite something.")

    assert desk.ask("status")["base"] is None
    assert desk.commit()["number"] == 3


def test_a_pending_release_that_the_registry_knows_is_the_base(desk: Desk) -> None:
    # What a kill leaves between the transaction and the last write to workspace.json.
    desk.commit("Cite nothing.")
    state = json.loads((desk.registry / "workspace.json").read_text())
    first = desk.ask("show", "r1")["release"]
    desk.write(".lastgood/workspace.json", json.dumps(state | {"base": first, "pending": state["base"]}))

    assert desk.ask("status")["stale"] is False
    assert desk.commit("Cite something.")["number"] == 3


def test_a_pending_release_that_nobody_knows_is_ignored(desk: Desk) -> None:
    # What a kill leaves before the transaction.
    state = json.loads((desk.registry / "workspace.json").read_text())
    desk.write(".lastgood/workspace.json", json.dumps(state | {"pending": "f" * 64}))

    assert desk.ask("status")["base_number"] == 1
    assert desk.commit("Cite something.")["number"] == 2


def test_a_base_that_is_not_in_this_registry_is_named(desk: Desk, tmp_path: Path) -> None:
    stranger = fill(tmp_path / "stranger")
    stranger.tell("init")
    stranger.tell("commit", "-m", "of another registry")
    stranger.write("prompts/system.md", "Cite nothing.")

    error = error_in(stranger, desk, "commit")

    assert error["kind"] == "not-found"
    assert "workspace.json" in error["hint"]


@pytest.mark.parametrize("message", ["", "one line", "two\n\nparagraphs", "émoji 🎉 \u202e", "x" * 1_000_000], ids=len)
def test_a_message_comes_back_as_it_was_typed(desk: Desk, message: str) -> None:
    made = desk.commit("Cite nothing.", "-m", message)

    assert desk.ask("show", str(made["release"]))["message"] == message


def error_in(other: Desk, desk: Desk, *line: str) -> dict[str, Any]:
    """Return the error of a command in one workspace with the registry of another."""
    return other.fails("--registry", str(desk.root), *line)


def test_status_tells_what_a_commit_would_do(three: Desk) -> None:
    clean = three.ask("status")
    three.write("config/routing.yaml", "temperature: 0.9\ntop_p: 0.9\n")
    dirty = three.ask("status")

    assert (clean["changes"], clean["stale"], clean["latest_number"]) == ([], False, 3)
    assert clean["environments"][0]["same_state"] is True
    assert [one["name"] for one in dirty["changes"]] == ["routing"]
    assert dirty["environments"][0]["same_behavior"] is False
    assert three.ask("diff", "r3", str(three.commit()["release"]))["components"][0]["name"] == "routing"


def test_status_knows_what_behaves_alike(desk: Desk) -> None:
    desk.tell("deploy", "prod")
    desk.write("data/test.jsonl", '{"id": 1}\n')
    declared = '\n[components.held-out]\nkind = "dataset"\npath = "data/"\n'
    desk.write("lastgood.toml", (desk.root / "lastgood.toml").read_text() + declared)

    environment = desk.ask("status")["environments"][0]

    assert (environment["same_state"], environment["same_behavior"]) == (False, True)
    assert "behaves like what is on disk" in desk.tell("status").out
