"""Disks that are full: every command that writes fails with the one error, leaves everything as it was, and works again."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import Desk, Ran, error_of, run
from tests.hostile.disks import fill_up, make_room, mounted
from tests.hostile.watching import Picture, picture

PAGE = 4_096


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes."""
    with mounted(tmp_path / "disk", size="4m") as place:
        yield place


@pytest.fixture
def small(deployed: Path, disk: Path) -> Desk:
    """A workspace with three releases on a disk of four megabytes, with something to commit."""
    desk = Desk(Path(shutil.copytree(deployed, disk / "bot")))
    desk.tell("status")
    desk.write("models/new.bin", os.urandom(50_000))
    return desk


def without_leftovers(before: Picture, after: Picture) -> Picture:
    """Return what is there but for packs that came since, and for a pending release: nothing refers to either."""
    pending = ".lastgood/workspace.json"
    return {name: before[name] if name == pending else what for name, what in after.items() if name in before or "store" not in name}


def is_full_and_intact(desk: Desk, error: dict[str, Any], before: Picture) -> None:
    """See that an error is the one of full disks, and that nothing changed but what a kill might leave, too."""
    assert error["kind"] == "storage-full", error
    assert error["hint"] == "free some space, then try again"
    base = json.loads((desk.registry / "workspace.json").read_text())["base"]
    assert base == desk.ask("show", "latest")["release"]
    assert without_leftovers(before, picture(desk.root)) == before


# From nothing at all to nearly enough: each place in a commit where the room ends.
SPARES = [0, 4, 8, 12, 13, 14, 15, 16, 17, 18, 20, 24]


@pytest.mark.parametrize("pages", SPARES)
def test_a_commit(small: Desk, disk: Path, pages: int) -> None:
    before = picture(small.root)
    fill_up(disk, spare=pages * PAGE)

    ran = small.run("commit", "--json")

    if ran.code == 0:
        assert pages > 8
    else:
        is_full_and_intact(small, error_of(ran), before)
        assert len(small.ask("log")["items"]) == 3
        assert small.ask("status")["latest_number"] == 3
    make_room(disk)
    assert small.ask("verify")["ok"] is True
    assert small.commit()["number"] == 4
    assert small.ask("verify")["ok"] is True


COMMANDS = {
    "deploy": ["deploy", "prod", "r1"],
    "rollback": ["rollback", "prod"],
    "tag": ["tag", "r1", "v1"],
    "mark": ["mark", "bad", "r1", "--why", "x"],
}


@pytest.mark.parametrize("pages", [0, 1, 2, 3])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_change_of_history(small: Desk, disk: Path, name: str, pages: int) -> None:
    before = picture(small.root)
    fill_up(disk, spare=pages * PAGE)

    ran = small.run(*COMMANDS[name], "--json")

    if ran.code:
        is_full_and_intact(small, error_of(ran), before)
        assert small.number_in("prod") == 3
    else:
        assert pages > 0
    make_room(disk)
    assert small.ask("verify")["ok"] is True
    assert small.run(*COMMANDS[name]).code == 0


@pytest.mark.parametrize("pages", [0, 2, 4, 8, 16, 24])
def test_a_move_with_a_live_folder(small: Desk, disk: Path, pages: int) -> None:
    small.tell("live", "prod", "run/prod")
    small.commit()
    current = small.root / "run/prod/current"
    was = current.resolve()
    fill_up(disk, spare=pages * PAGE)

    ran = small.run("deploy", "prod", "--json")

    if ran.code:
        error = error_of(ran)
        assert error["kind"] in {"storage-full", "live-folder-behind"}
        assert current.resolve() == was
        # The environment and the folder are one unless the error says otherwise.
        assert small.number_in("prod") == (4 if error["kind"] == "live-folder-behind" else 3)
    make_room(disk)
    small.tell("deploy", "prod")
    assert (current / "models/new.bin").read_bytes() == (small.root / "models/new.bin").read_bytes()
    assert small.ask("verify")["ok"] is True


@pytest.mark.parametrize("pages", [0, 1, 2, 5, 20, 40])
def test_init(disk: Path, pages: int) -> None:
    folder = disk / "bot"
    (folder / "prompts").mkdir(parents=True)
    (folder / "prompts/system.md").write_text("Cite the policy.")
    before = picture(disk)
    fill_up(disk, spare=pages * PAGE)

    ran = run("-C", str(folder), "init", "--json")

    make_room(disk)
    if ran.code:
        assert error_of(ran)["kind"] == "storage-full"
        assert picture(disk) == before
        assert run("-C", str(folder), "init").code == 0
    else:
        assert pages > 5
    assert Desk(folder).commit()["number"] == 1


@pytest.mark.parametrize("pages", [0, 1, 3, 5])
def test_a_checkout(deployed: Path, disk: Path, pages: int) -> None:
    desk = Desk(deployed)
    fill_up(disk, spare=pages * PAGE)
    before = picture(disk)

    ran = desk.run("checkout", "r1", str(disk / "new/out"), "--json")

    if ran.code:
        assert error_of(ran)["kind"] == "storage-full"
        assert picture(disk) == before
    else:
        assert pages == 5
    make_room(disk)
    if ran.code:
        desk.tell("checkout", "r1", str(disk / "new/out"))
    assert (disk / "new/out/models/router.bin").read_bytes() == (deployed / "models/router.bin").read_bytes()


LIMITED = """
import resource, sys
from lastgood.cli.main import main
size = int(sys.argv[1])
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
main(sys.argv[2:])
"""


def limited(desk: Desk, size: int, *arguments: str) -> Ran:
    """Run a command in a process whose files may only get so long: the same error where nothing can be mounted."""
    # Without -B Python would leave its own files cut at that length, as it does on a full disk.
    done = subprocess.run([sys.executable, "-B", "-c", LIMITED, str(size), *arguments], cwd=desk.root, capture_output=True, check=False)
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="this system limits no file's length")
@pytest.mark.parametrize("command", [["commit"], ["checkout", "r1", "out"]], ids=" ".join)
def test_a_file_that_may_not_get_longer(three: Desk, command: list[str]) -> None:
    three.write("models/new.bin", os.urandom(50_000))
    before = picture(three.root)

    ran = limited(three, 4_096, *command, "--json")

    is_full_and_intact(three, error_of(ran), before)
    assert three.ask("verify")["ok"] is True
    three.tell(*command)
