"""The log of releases: picked by component, path, time and author, with what follows what."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lastgood.clock import FixedClock
from tests.cli.commands import Desk
from tests.cli.histories import History, two_months


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> History:
    """Seven releases, one a week from 1 October on; to be looked at only."""
    return two_months(tmp_path_factory.mktemp("story") / "bot")


@pytest.fixture
def begun(story: History, tmp_path: Path) -> History:
    """The same, to be changed."""
    return History(Desk(Path(shutil.copytree(story.desk.root, tmp_path / "bot"))), FixedClock(story.clock.now()))


def numbers(desk: Desk, *arguments: str) -> list[int]:
    return [one["number"] for one in desk.ask("log", *arguments)["items"]]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], [7, 6, 5, 4, 3, 2, 1]),
        (["-n", "2"], [7, 6]),
        (["r3"], [3, 2, 1]),
        (["--component", "routing"], [3, 1]),
        (["--component", "prompts"], [6, 5, 4, 2, 1]),
        (["--path", "config/routing.yaml"], [3, 1]),
        (["--path", "config"], [3, 1]),
        (["--path", "config/"], [3, 1]),
        (["--path", "./config/routing.yaml"], [3, 1]),
        (["--path", "prompts"], [5, 4, 2, 1]),
        (["--path", "prompts/helpdesk.md"], [5, 4, 2, 1]),
        (["--path", "prompts/support.md", "r4"], [4, 2, 1]),
        (["--path", "prompts/support.md"], [5, 4, 2, 1]),
        (["--path", "prompts/system.md"], [4, 2, 1]),
        (["--path", "prompts/helpdesk.md", "-n", "2"], [5, 4]),
        (["--path", "prompts/helpdesk.md", "--author", "ben"], [4, 2]),
        (["--path", "prompts/helpdesk.md", "--component", "instructions"], []),
        (["--author", "ANN"], [7, 6, 3, 1]),
        (["--author", "nobody"], []),
        (["--author", "anna", "--component", "train", "-n", "1"], [7]),
        (["--since", "2026-10-29T12:00Z"], [7, 6]),
        (["--since", "2026-10-29T11:00Z"], [7, 6, 5]),
        (["--since", "2026-10-29T12:00:00+02:00", "--until", "2026-11-10"], [6, 5]),
        (["--until", "2026-10-08"], [1]),
        (["--until", "2026-10-09"], [2, 1]),
        (["--since", "2026-11-20"], []),
    ],
)
def test_releases_that_are_asked_for(story: History, arguments: list[str], expected: list[int]) -> None:
    assert numbers(story.desk, *arguments) == expected


def test_how_long_ago_is_counted_from_now(story: History, faketime: Path) -> None:
    for now, ago, expected in (
        ("2026-11-12 13:00:00", "1w", [7]),
        ("2026-11-12 13:00:00", "15d", [7, 6, 5]),
        ("2027-01-01 00:00:00", "3w", []),
    ):
        ran = story.desk.process("log", "--since", ago, "--json", before=[faketime, now])
        assert [one["number"] for one in ran.answer["items"]] == expected, now


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (["--component", "nothing"], "not-found", "no release of support-bot has a component nothing"),
        (["--path", "nothing.md"], "not-found", "no release of support-bot has a file or folder nothing.md"),
        (["--path", "prompts/sys"], "not-found", "no release of support-bot has a file or folder prompts/sys"),
        (["--since", "yesterday"], "invalid-revision", "'yesterday' is no time"),
        (["--until", "99999999999w"], "invalid-revision", "is no time"),
        (["--since", "999999999w"], "invalid-revision", "longer ago than time goes back"),
        (["--since", "500000w"], "invalid-revision", "before time began"),
        (["--env", "prod", "--since", "3w"], "invalid", "--env lists deployments"),
        (["--env", "prod", "--graph"], "invalid", "--env lists deployments"),
        (["--operations", "--author", "anna"], "invalid", "--operations lists what was done"),
        (["--operations", "--env", "prod"], "invalid", "--operations lists what was done"),
    ],
)
def test_what_cannot_be_asked(story: History, arguments: list[str], kind: str, message: str) -> None:
    error = story.desk.fails("log", *arguments)
    assert error["kind"] == kind
    assert message in error["message"]


def test_an_erased_author_is_nobody(begun: History) -> None:
    with closing(sqlite3.connect(begun.desk.registry / "catalog.db")) as catalog, catalog:
        catalog.execute("DELETE FROM texts WHERE text = 'ben'")

    assert numbers(begun.desk, "--author", "ben") == []
    assert numbers(begun.desk, "--author", "erased") == []
    assert numbers(begun.desk) == [7, 6, 5, 4, 3, 2, 1]


def test_a_path_that_went_and_came_back(begun: History) -> None:
    was = (begun.desk.root / "prompts/helpdesk.md").read_text()
    begun.commit("ben", "none", {"prompts/helpdesk.md": None, "prompts/other.md": "Wholly different words stand here.\n"})
    begun.commit("ben", "again", {"prompts/helpdesk.md": was})

    assert numbers(begun.desk, "--path", "prompts/helpdesk.md") == [9, 8, 5, 4, 2, 1]


def test_parents_are_always_in_the_json(story: History) -> None:
    items = story.desk.ask("log")["items"]

    assert [one["parents"] for one in items] == [[one["release"]] for one in items[1:]] + [[]]
    assert story.desk.ask("log", "--component", "routing")["items"][0]["parents"] == [items[5]["release"]]


@pytest.fixture
def forked(story: History, tmp_path: Path) -> Desk:
    """Another registry, which has r5 of the story as its r1, made releases of its own, and then was sent r6 and r7."""
    desk, sent = Desk(Path(shutil.copytree(story.desk.root, tmp_path / "other"))), tmp_path / "sent.bundle"
    shutil.rmtree(desk.registry)
    desk.tell("init")

    def send(revision: str) -> None:
        story.desk.tell("export", revision, str(sent))
        desk.tell("import", "bundle", str(sent))
        sent.unlink()

    send("r5")
    for words in ("Be silent.", "Be loud."):
        desk.write("prompts/helpdesk.md", f"{words}\n")
        desk.tell("commit", "--onto", "latest")
    send("r6")
    send("r7")
    return desk


def graph(desk: Desk, *arguments: str) -> list[str]:
    return [
        line[: line.find("r") if " r" in line else None].rstrip() for line in desk.tell("log", "--graph", *arguments).out.splitlines()[2:]
    ]


def test_a_line_of_releases(story: History) -> None:
    assert graph(story.desk) == ["*"] * 7


def test_releases_that_come_from_elsewhere_fork(forked: Desk) -> None:
    items = forked.ask("log")["items"]
    assert [one["number"] for one in items] == [5, 4, 3, 2, 1]
    assert items[4]["release"] in items[1]["parents"]

    assert graph(forked) == ["*", "*", "| *", "| *", "|/", "*"]
    # What is not shown is passed by: r5 comes from r1, over r4.
    assert graph(forked, "--path", "data/train.jsonl") == ["*", "| *", "|/", "*"]


def test_what_changed_is_told_against_the_parent_and_not_the_neighbour(forked: Desk) -> None:
    changed = {one["number"]: one["changed"] for one in forked.ask("log")["items"]}

    assert changed[4] == ["instructions", "prompts"]
    assert changed[5] == ["router", "train"]
    assert changed[1] == ["llm", "prompts", "router", "routing", "train"]  # what it follows stayed where it came from


def test_blame_goes_by_parents_as_well(forked: Desk) -> None:
    assert [one["number"] for one in forked.ask("blame", "instructions")["lines"]] == [1, 1, 1, 1]
    assert [one["number"] for one in forked.ask("blame", "instructions", "--rev", "r3")["lines"]] == [3]
    forked.tell("deploy", "prod", "r3")
    assert [one["reached"] for one in forked.ask("blame", "routing", "--rev", "r5")["lines"]] != [{}, {}]
    assert [one["reached"] for one in forked.ask("blame", "train", "--row", "t-1", "--rev", "r5")["lines"]][2] == {}
