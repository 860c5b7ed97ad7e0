"""Every way to name a release, and what each of them answers when it means none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import Desk, fill


@pytest.fixture
def ready(three: Desk) -> Desk:
    """r1, r2 and r3 ran in prod; v2 is r2, and staging is on r1."""
    three.tell("tag", "r2", "v2.0-rc1")
    three.tell("deploy", "staging", "r1")
    return three


@pytest.mark.parametrize(
    ("revision", "number"),
    [
        ("r2", 2),
        ("R2", 2),
        ("r002", 2),
        ("v2.0-rc1", 2),
        ("latest", 3),
        ("prod", 3),
        ("staging", 1),
        ("prod~0", 3),
        ("prod~", 2),
        ("prod~1", 2),
        ("prod~2", 1),
        ("prod@good", 2),
        ("prod@0s", 3),
        ("prod@2100-01-01", 3),
        ("prod@2100-01-01T00:00:00.5+14:00", 3),
        ("support-bot/r2", 2),
        ("support-bot/prod~1", 2),
        ("support-bot/latest", 3),
    ],
)
def test_a_revision_means_one_release(ready: Desk, revision: str, number: int) -> None:
    assert ready.ask("show", revision)["number"] == number


@pytest.mark.parametrize("length", [6, 12, 63, 64])
def test_a_prefix_of_the_digest_is_enough(ready: Desk, length: int) -> None:
    digest = ready.ask("show", "r2")["release"]

    assert ready.ask("show", digest[:length])["number"] == 2
    assert ready.ask("show", digest[:length].upper())["number"] == 2


def test_five_digits_are_a_name(ready: Desk) -> None:
    digest = ready.ask("show", "r2")["release"]

    assert ready.fails("show", digest[:5])["kind"] in {"not-found", "invalid-revision"}


@pytest.mark.parametrize("revision", ["prod@1970-01-01", "prod@1000w", "prod@2000-01-01T00:00Z"])
def test_before_the_first_deployment_there_is_nothing(ready: Desk, revision: str) -> None:
    error = ready.fails("show", revision)

    assert (error["kind"], error["hint"]) == ("not-found", "lastgood log --env prod")


@pytest.mark.parametrize(
    "revision", ["", " ", "prod@", "prod@@good", "prod~-1", "prod~1~1", "a/b/c", "/r1", "r1/", "-", "prod@3 w", "\x1b[31m", "x" * 100_000]
)
def test_what_is_no_revision_is_refused_in_one_short_line(ready: Desk, revision: str) -> None:
    ran = ready.run("show", "--", revision)

    assert (ran.code, ran.out) == (2, "")
    assert len(ran.err) < 400
    assert "\x1b" not in ran.err


def test_history_counts_rollbacks_too(ready: Desk) -> None:
    ready.tell("rollback", "prod")

    assert ready.ask("show", "prod~1")["number"] == 3
    assert ready.ask("show", "prod@good")["number"] == 1
    assert ready.ask("diff", "prod~1", "prod")["to_number"] == 2


def test_diff_says_what_an_expression_meant(ready: Desk) -> None:
    said = ready.tell("diff", "prod@good", "prod").err

    assert "prod@good = r2" in said
    assert "prod = r3" in said


@pytest.fixture
def two_pipelines(three: Desk, tmp_path: Path) -> tuple[Desk, Desk]:
    """One registry for two pipelines, each with a workspace; both have a prod and an r1."""
    other = fill(tmp_path / "search")
    other.write("lastgood.toml", (other.root / "lastgood.toml").read_text().replace("support-bot", "search"))
    there = ("--registry", str(three.root))
    other.tell(*there, "commit", "-m", "search for something")
    other.tell(*there, "deploy", "prod")
    return three, other


def test_each_workspace_means_its_own_pipeline(two_pipelines: tuple[Desk, Desk]) -> None:
    bot, search = two_pipelines
    there = ("--registry", str(bot.root))

    assert bot.ask("show", "prod")["pipeline"] == "support-bot"
    assert search.ask(*there, "show", "prod")["pipeline"] == "search"
    assert len(search.ask(*there, "log")["items"]) == 1
    assert search.ask(*there, "env", "list")["environments"][0]["pipeline"] == "search"


def test_another_pipeline_is_named_before_a_slash(two_pipelines: tuple[Desk, Desk]) -> None:
    bot, search = two_pipelines

    assert bot.ask("show", "search/r1")["message"] == "search for something"
    assert bot.ask("env", "show", "search/prod")["number"] == 1
    assert bot.ask("log", "--env", "search/prod")["items"][0]["to_number"] == 1
    assert bot.ask("diff", "search/r1", "prod")["to_number"] == 3
    search.write("prompts/system.md", "Search for nothing.")
    search.tell("--registry", str(bot.root), "commit")
    assert bot.ask("deploy", "search/prod", "r2")["changed"] is True
    assert bot.ask("rollback", "search/prod")["to_number"] == 1
    assert bot.number_in("prod") == 3


def test_a_release_is_never_deployed_to_another_pipeline(two_pipelines: tuple[Desk, Desk]) -> None:
    bot, _ = two_pipelines
    digest = bot.ask("show", "search/r1")["release"]

    for revision in ("search/r1", digest, digest[:8]):
        assert bot.fails("deploy", "prod", revision)["kind"] == "not-found"
    assert bot.number_in("prod") == 3


def test_a_digest_behind_a_pipeline_is_one_of_that_pipeline(two_pipelines: tuple[Desk, Desk]) -> None:
    bot, _ = two_pipelines
    digest = bot.ask("show", "search/r1")["release"]

    assert bot.ask("show", f"search/{digest}")["number"] == 1
    assert bot.fails("show", f"support-bot/{digest}")["kind"] == "not-found"
    assert bot.fails("show", f"nonsense/{digest}")["kind"] == "not-found"


def test_without_a_workspace_the_pipeline_must_be_said(two_pipelines: tuple[Desk, Desk], tmp_path: Path) -> None:
    bot, _ = two_pipelines
    nowhere = Desk(tmp_path / "nowhere")
    nowhere.root.mkdir()
    there = ("--registry", str(bot.root))

    error = nowhere.fails(*there, "show", "prod")

    assert (error["kind"], error["hint"]) == ("invalid-revision", "for example search/latest")
    assert nowhere.ask(*there, "show", "support-bot/prod")["number"] == 3
    assert nowhere.ask(*there, "rollback", "support-bot/prod")["to_number"] == 2
    assert nowhere.fails(*there, "show", "nonsense/prod")["kind"] == "not-found"
