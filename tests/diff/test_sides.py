"""`diff` against the workspace, and how its answer is cut to a screen: the sentences always stand, the rest is said to be more."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lastgood.cli.rendering import SCREEN
from tests.cli.commands import Desk, fill

MANY = 60


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A workspace with one release of three components."""
    desk = fill(tmp_path / "bot")
    desk.tell("init")
    desk.tell("commit", "-m", "first")
    return desk


def lines_of(text: str) -> list[str]:
    return re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()


def test_without_b_it_is_what_a_commit_would_change(desk: Desk) -> None:
    desk.write("prompts/system.md", "Cite nothing.\n")
    desk.write("config/more.yaml", "not: declared\n")
    answer = desk.ask("diff", "latest")
    assert next((one["name"], one["change"]) for one in answer["components"]) == ("prompts", "changed")
    assert (answer["from_number"], answer["to_number"], answer["to_folder"]) == (1, None, "the working folder")
    assert answer["behavior_changed"]
    desk.tell("commit", "-m", "second")
    again = desk.ask("diff", "r1", "r2")
    assert again["components"] == answer["components"]
    assert not desk.ask("diff", "r2")["behavior_changed"]
    assert lines_of(desk.tell("diff", "r2").out) == ["nothing changed"]


def test_one_component_is_looked_at_alone(desk: Desk) -> None:
    desk.write("prompts/system.md", "Cite nothing.\n")
    desk.write("config/routing.yaml", "threshold: 0.9\n")
    assert [one["name"] for one in desk.ask("diff", "r1", "--component", "routing")["components"]] == ["routing"]
    assert "nope" in desk.fails("diff", "r1", "--component", "nope")["message"]


def test_the_sentences_come_alone_where_asked(desk: Desk) -> None:
    desk.write("prompts/system.md", "Cite nothing.\n")
    desk.write("config/routing.yaml", "threshold: 0.9\n")
    lines = lines_of(desk.tell("diff", "r1", "--stat").out)
    assert [line.partition(" (")[0] for line in lines] == ["prompts", "routing", "unchanged: router"]
    assert "Cite nothing." in lines[0]


def test_a_long_answer_fits_a_screen_and_keeps_every_sentence(desk: Desk) -> None:
    desk.write("prompts/system.md", "".join(f"line {number} says {number * 7}\n" for number in range(MANY)))
    desk.write("config/routing.yaml", "".join(f"key{number}: 1\n" for number in range(MANY)))
    desk.commit()
    desk.write("prompts/system.md", "".join(f"line {number} says {number * 9 + 1}\n\n" for number in range(MANY)))
    desk.write("config/routing.yaml", "".join(f"key{number}: 2\n" for number in range(MANY)))
    cut = lines_of(desk.tell("diff", "latest").out)
    assert len(cut) <= SCREEN + 4
    assert [line.partition(" (")[0] for line in cut if not line.startswith(" ")] == ["prompts", "routing", "unchanged: router"]
    assert sum("--all shows them" in line for line in cut) >= 2
    whole = lines_of(desk.tell("diff", "latest", "--all").out)
    assert len(whole) > 2 * MANY
    assert not any("--all" in line for line in whole)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("r1", "r1", "--against", "."), "takes? one of them|take one of them"),
        (("r1", "--stat", "--all"), "take one of them"),
        (("r1", "--component", "UPPER CASE"), "component"),
    ],
)
def test_what_contradicts_itself_is_said(desk: Desk, arguments: tuple[str, ...], says: str) -> None:
    assert re.search(says, desk.fails("diff", *arguments)["message"])
