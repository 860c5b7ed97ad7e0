"""Registries and folders that cannot be written: everything that only reads works, everything that writes is refused by name."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import Desk, error_of, run
from tests.hostile.disks import mounted, read_only
from tests.hostile.watching import nothing_changes, picture, unprivileged

READING = [
    ["log"],
    ["log", "--env", "prod"],
    ["show", "prod"],
    ["diff", "r1", "prod"],
    ["status"],
    ["env", "list"],
    ["env", "show", "prod"],
    ["verify"],
    ["deploy", "prod", "r1", "--dry-run"],
    ["rollback", "prod", "--dry-run"],
]
WRITING = [
    ["commit"],
    ["deploy", "prod", "r1"],
    ["deploy", "new"],
    ["rollback", "prod"],
    ["tag", "r1", "v1"],
    ["mark", "bad", "r1", "--why", "x"],
    ["live", "prod", "run/prod"],
]


@pytest.fixture
def frozen(deployed: Path, tmp_path: Path) -> Iterator[Desk]:
    """A workspace with something to commit on a disk that cannot be written."""
    with mounted(tmp_path / "disk", size="8m") as disk:
        desk = Desk(Path(shutil.copytree(deployed, disk / "bot")))
        desk.write("prompts/system.md", "Cite all.\n")
        with read_only(disk):
            yield desk


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_reading_a_disk_that_cannot_be_written(frozen: Desk, command: list[str]) -> None:
    assert frozen.run(*command).code == 0


@pytest.mark.parametrize("command", WRITING, ids=" ".join)
def test_writing_a_disk_that_cannot_be_written(frozen: Desk, command: list[str]) -> None:
    before = picture(frozen.root)

    error = frozen.fails(*command)

    assert error["kind"] == "read-only"
    assert picture(frozen.root) == before


def test_a_checkout_from_there_to_elsewhere(frozen: Desk, tmp_path: Path) -> None:
    assert frozen.ask("checkout", "prod", str(tmp_path / "out"))["files"] == 4
    assert frozen.fails("checkout", "prod", "out")["kind"] == "read-only"


def test_init_on_a_disk_that_cannot_be_written(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", size="1m") as disk, read_only(disk):
        assert error_of(run("-C", str(disk), "init", "--json"))["kind"] == "read-only"


def test_a_live_folder_on_a_disk_that_cannot_be_written(three: Desk, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", size="8m") as disk:
        three.tell("live", "prod", str(disk / "prod"))
        three.tell("env", "list")
        was = (disk / "prod/current").resolve()
        with read_only(disk):
            error = three.fails("rollback", "prod")
            assert error["kind"] == "read-only"
            assert three.number_in("prod") == 3
        assert (disk / "prod/current").resolve() == was
        three.tell("rollback", "prod")
        assert (disk / "prod/current/prompts/system.md").read_text() == "Cite the policy, warmly.\n"


@pytest.mark.parametrize(
    "command", [["commit"], ["deploy", "prod"], ["tag", "r1", "v1"], ["mark", "bad", "r1", "--why", "x"]], ids=" ".join
)
def test_a_registry_that_belongs_to_somebody_else(theirs: Desk, command: list[str]) -> None:
    theirs.write("prompts/system.md", "Cite all.\n")
    for path in (theirs.registry, *theirs.registry.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)

    with nothing_changes(theirs), unprivileged():
        assert theirs.fails(*command)["kind"] in {"read-only", "not-allowed"}
        assert len(theirs.ask("log")["items"]) == 2
        assert theirs.ask("verify")["ok"] is True
        assert theirs.ask("status")["latest_number"] == 2


def test_a_folder_that_belongs_to_somebody_else(theirs: Desk) -> None:
    theirs.root.chmod(0o555)

    with unprivileged():
        assert theirs.fails("checkout", "r1", "out")["kind"] == "not-allowed"
        assert theirs.commit("Cite all.")["number"] == 3
