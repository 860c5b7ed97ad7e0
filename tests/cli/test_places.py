"""Where things are: the registry elsewhere, live folders that follow, and what works beside a lastgood.toml that is broken."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.commands import Desk, error_of, fill, run


@pytest.fixture
def away(tmp_path: Path, desk: Desk) -> Desk:
    """Another workspace, without a registry of its own."""
    return fill(tmp_path / "away")


def test_a_registry_elsewhere_is_named_by_option_or_variable(away: Desk, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert away.fails("log")["kind"] == "not-found"
    assert away.ask("--registry", str(desk.root), "log")["items"][0]["number"] == 1
    assert away.ask("--registry", str(desk.registry), "log")["items"][0]["number"] == 1
    assert away.ask("--registry", "../bot", "log")["items"][0]["number"] == 1
    monkeypatch.setenv("LASTGOOD_REGISTRY", "../bot")
    assert away.ask("log")["items"][0]["number"] == 1
    assert away.ask("--registry", str(desk.root), "log")["items"][0]["number"] == 1
    # An option counts more than a variable, and a variable more than what lies near.
    assert away.fails("--registry", "nowhere", "log")["kind"] == "not-found"


def test_an_empty_variable_is_none(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASTGOOD_REGISTRY", "")

    assert desk.ask("log")["items"][0]["number"] == 1


def test_a_workspace_remembers_its_base_without_a_registry_of_its_own(away: Desk, desk: Desk) -> None:
    there = ("--registry", str(desk.root))
    assert away.ask(*there, "commit")["created"] is False
    assert (away.registry / "workspace.json").is_file()

    # Its `.lastgood` has no catalog, so it is no registry, and the one above it is found.
    assert away.fails("log")["kind"] == "not-found"
    inside = fill(desk.root / "workspaces" / "ada")
    (inside.root / ".lastgood").mkdir()
    assert inside.ask("log")["items"][0]["number"] == 1


def test_the_nearest_registry_is_found_from_below(desk: Desk) -> None:
    below = Desk(desk.root / "prompts")

    assert below.ask("log")["items"][0]["number"] == 1
    assert below.ask("status")["changes"] == []
    assert below.commit()["created"] is False


def test_who_acts_is_said_by_the_environment_or_by_git(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASTGOOD_ACTOR", "  grace@example.org ")
    desk.commit("Cite nothing.")
    monkeypatch.delenv("LASTGOOD_ACTOR")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.email")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "joan@example.org")
    desk.commit("Cite something.")
    monkeypatch.delenv("GIT_CONFIG_COUNT")
    monkeypatch.setenv("PATH", "/nonexistent")
    desk.commit("Cite all.")

    authors = [one["author"] for one in desk.ask("log")["items"]]
    assert authors[1:3] == ["joan@example.org", "grace@example.org"]
    assert "@" in authors[0]
    assert authors[0] not in authors[1:]


def system_prompt(folder: Path) -> str:
    return (folder / "current/prompts/system.md").read_text()


@pytest.mark.parametrize("how", ["declared", "told"])
def test_a_live_folder_follows(desk: Desk, how: str) -> None:
    run_folder = desk.root / "run/prod"
    if how == "declared":
        declared = '\n[environments.prod]\nlive = "run/prod"\n'
        desk.write("lastgood.toml", (desk.root / "lastgood.toml").read_text() + declared)
    else:
        desk.tell("live", "prod", "run/prod")
    desk.tell("deploy", "prod")
    assert system_prompt(run_folder).endswith("Cite the policy.\n")

    desk.commit("Cite nothing.")
    desk.tell("deploy", "prod")
    assert system_prompt(run_folder) == "Cite nothing.\n"
    desk.tell("rollback", "prod")
    assert system_prompt(run_folder).endswith("Cite the policy.\n")

    # It is no part of the pipeline.
    assert desk.ask("status")["changes"] == []
    assert desk.ask("verify")["ok"] is True


def test_a_live_folder_catches_up_with_moves_from_elsewhere(desk: Desk, away: Desk) -> None:
    desk.tell("live", "prod", "run/prod")
    desk.tell("deploy", "prod")
    desk.commit("Cite nothing.")

    away.tell("--registry", str(desk.root), "deploy", "prod")
    assert system_prompt(desk.root / "run/prod").endswith("Cite the policy.\n")
    desk.tell("env", "list")
    assert system_prompt(desk.root / "run/prod") == "Cite nothing.\n"


def test_a_live_folder_is_for_its_environment_only(desk: Desk) -> None:
    desk.tell("live", "prod", "run/prod")
    desk.tell("deploy", "staging")

    assert not (desk.root / "run/prod/current").exists()
    desk.tell("live", "prod", "--off")
    desk.tell("deploy", "prod")
    assert not (desk.root / "run/prod/current").exists()


BROKEN = ["garbage = [", "pipelin = 1", "pipeline = 'x'\n[components.a]\npath = '../up'\nkind = 'code'\n", "\xff" * 10, ""]


@pytest.mark.parametrize("text", BROKEN)
def test_history_stays_readable_beside_a_broken_file(three: Desk, text: str) -> None:
    three.write("lastgood.toml", text.encode("latin-1"))

    assert len(three.ask("log")["items"]) == 3
    assert three.ask("show", "prod")["number"] == 3
    assert three.ask("diff", "prod~1", "prod")["to_number"] == 3
    assert three.ask("verify")["ok"] is True
    assert three.ask("checkout", "prod", "out")["files"] == 4
    assert three.ask("env", "show", "prod")["number"] == 3
    assert three.ask("env", "list")["environments"][0]["number"] == 3
    assert len(three.ask("log", "--env", "prod")["items"]) == 3
    assert "live folders were not looked at" in three.tell("env", "list").err
    for line in (["commit"], ["status"]):
        assert three.fails(*line)["kind"] == "invalid-workspace"


def test_beside_a_broken_file_a_rollback_says_the_way_around_it(three: Desk) -> None:
    three.write("lastgood.toml", "garbage = [")

    error = three.fails("rollback", "prod")
    assert error["kind"] == "invalid-workspace"
    assert three.number_in("prod") == 3

    around = error["hint"].partition("switching live folders: lastgood ")[2].split()[:-1]
    moved = run(*around, "rollback", "prod", "--json")
    assert (moved.code, moved.answer["to_number"]) == (0, 2)


def test_without_a_workspace_file_everything_but_committing_works(three: Desk) -> None:
    (three.root / "lastgood.toml").unlink()

    assert three.ask("rollback", "prod")["to_number"] == 2
    assert three.fails("commit")["kind"] == "not-found"


@pytest.mark.parametrize(
    "text", ["", "garbage", "[]", '{"schema": "lastgood.workspace/1"}', '{"schema": "nonsense/1"}', "[" * 100_000, "x" * 2_000_000]
)
def test_a_workspace_state_that_is_not_right_is_named_with_the_way_out(desk: Desk, text: str) -> None:
    state = desk.write(".lastgood/workspace.json", text)

    error = desk.fails("commit")

    assert error["kind"] == "invalid-workspace"
    assert error["hint"].startswith(f"rm {state}")
    state.unlink()
    assert desk.commit()["created"] is False


@pytest.mark.parametrize("schema", ["lastgood.workspace/2", "lastgood.workspace/1000"])
def test_a_workspace_state_of_a_newer_version_asks_for_an_upgrade(desk: Desk, schema: str) -> None:
    state = json.loads((desk.registry / "workspace.json").read_text())
    desk.write(".lastgood/workspace.json", json.dumps(state | {"schema": schema}))

    error = desk.fails("commit")

    assert (error["kind"], error["hint"]) == ("newer-schema", "upgrade lastgood")


def test_init_keeps_what_is_there(tmp_path: Path) -> None:
    desk = fill(tmp_path / "bot")
    before = (desk.root / "lastgood.toml").read_bytes()

    assert desk.ask("init")["kept"] is True
    assert (desk.root / "lastgood.toml").read_bytes() == before


def test_init_makes_a_pipeline_of_what_it_finds_that_can_be_committed_at_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "My Bot!")
    desk.write("prompts/system.md", "Cite the policy.\n")
    desk.write("config/routing.yaml", "temperature: 0.2\n")

    made = desk.ask("init")

    assert (made["pipeline"], made["kept"]) == ("My-Bot", False)
    assert {one["name"]: one["kind"] for one in made["components"]} == {"prompts": "prompt", "config": "config"}
    assert desk.commit()["number"] == 1


def test_init_in_an_empty_folder_says_what_to_write(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    assert desk.ask("init", "--pipeline", "bot")["components"] == []
    assert "[components.prompts]" in (tmp_path / "lastgood.toml").read_text()


def test_init_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert error_of(run("-C", str(tmp_path / "no"), "init", "--json"))["kind"] == "not-found"


def test_the_size_of_the_checkout_cache(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write("models/router.bin", bytes(range(256)) * 8_000)
    desk.ask("commit")
    for size, kept in (("0", 0), ("2 MB", 0), ("3MB", 1), ("2MiB", 1), ("4000000", 1), ("1TB", 1), ("  ", 1)):
        monkeypatch.setenv("LASTGOOD_CACHE_SIZE", size)
        name = f"out-{size.strip()}"
        assert desk.ask("checkout", "r2", name)["from_cache"] == 0
        assert len(list((desk.registry / "cache").glob("*.file"))) == kept, size
        shutil.rmtree(desk.registry / "cache", ignore_errors=True)
    for size in ("-1", "many", "1.5GB", "10 XB", "1" * 40):
        monkeypatch.setenv("LASTGOOD_CACHE_SIZE", size)
        error = desk.fails("checkout", "r2", "out")
        assert error["kind"] == "invalid"
        assert "LASTGOOD_CACHE_SIZE" in error["message"]
