"""`status` says when somebody laid hands on what a service reads, without reading a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import Desk, fill


@pytest.fixture
def served(tmp_path: Path) -> Desk:
    """A workspace whose only release is served from a live folder."""
    desk = fill(tmp_path / "bot")
    desk.tell("init")
    desk.tell("live", "prod", "run/prod")
    desk.tell("commit", "-m", "first")
    desk.tell("deploy", "prod")
    return desk


def test_what_nobody_touched_is_said_to_be_as_it_was_written(served: Desk) -> None:
    (one,) = served.ask("status")["environments"]
    assert one["touched"] == []
    assert one["served"].endswith("run/prod/current")
    assert "changed by hand" not in served.tell("status").err


def test_an_edit_by_hand_and_a_missing_file_are_named(served: Desk) -> None:
    current = served.root / "run/prod/current"
    (current / "prompts/system.md").write_text("Never cite anything.\n")
    (current / "config/routing.yaml").unlink()
    (one,) = served.ask("status")["environments"]
    assert one["touched"] == ["config/routing.yaml", "prompts/system.md"]
    assert "2 files may have been changed by hand: config/routing.yaml, prompts/system.md; lastgood drift prod" in served.tell("status").err


def test_without_a_seal_or_a_folder_nothing_is_claimed(served: Desk) -> None:
    for seal in (served.root / "run/prod/.lastgood-live/seals").iterdir():
        seal.unlink()
    assert served.ask("status")["environments"][0]["touched"] is None
    served.tell("live", "prod", "--off")
    assert served.ask("status")["environments"][0]["served"] is None
