"""What `lastgood optimize` says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import Desk
from tests.collect.series import noise, weights


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Make a workspace with checkpoints that were committed together."""
    (tmp_path / "models").mkdir()
    (tmp_path / "lastgood.toml").write_text('pipeline = "bot"\n[components.weights]\nkind = "artifact"\npath = "models/"\n')
    for version in range(3):
        (tmp_path / f"models/{version}.npy").write_bytes(weights(1, version))
    desk = Desk(tmp_path)
    desk.tell("init")
    desk.tell("commit", "-m", "first")
    return desk


def test_it_says_what_it_saves_and_who_frees_it(desk: Desk) -> None:
    would = desk.tell("optimize", "--dry-run")
    assert "would be encoded better" in would.out
    assert "replaced" not in would.err
    did = desk.tell("optimize")
    assert did.out == would.out.replace("would be", "are")
    assert "1 pack replaced: `lastgood gc --apply` drops" in did.err
    assert "nothing to gain" in desk.tell("optimize").out


def test_its_json_adds_up(desk: Desk) -> None:
    would = desk.ask("optimize", "--dry-run")
    did = desk.ask("optimize", "--level", "15")
    assert would | {"dry_run": False, "seconds": 0} == did | {"seconds": 0}
    assert did["bytes_after"] < did["bytes_before"] * 0.9
    assert (did["packs"], did["left_alone"]) == (1, [])
    again = desk.ask("optimize")
    assert (again["bytes_before"], again["bytes_after"], again["chunks"]) == (did["bytes_after"], did["bytes_after"], 0)
    assert desk.ask("verify")["ok"]


def test_damage_is_said_and_left_alone(desk: Desk) -> None:
    (pack,) = (desk.root / ".lastgood/store").rglob("*.pack")
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.chmod(0o644)
    pack.write_bytes(data)
    ran = desk.tell("optimize")
    assert "warning: left alone: chunk" in ran.err
    assert "nothing to gain" in ran.out
    assert pack.read_bytes() == data


@pytest.mark.parametrize("level", ["0", "23", "best"])
def test_levels_that_there_are_not(desk: Desk, level: str) -> None:
    assert desk.fails("optimize", "--level", level)["kind"] == "invalid"


def test_nothing_to_gain_from_noise(tmp_path: Path) -> None:
    (tmp_path / "lastgood.toml").write_text('pipeline = "bot"\n[components.weights]\nkind = "artifact"\npath = "w.bin"\n')
    (tmp_path / "w.bin").write_bytes(noise(1, 2_000_000))
    desk = Desk(tmp_path)
    desk.tell("init")
    desk.tell("commit", "-m", "first")
    assert desk.ask("optimize")["packs"] == 0
