"""Files that somebody writes while they are committed: a release never holds a file that was never there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.commands import Desk
from tests.hostile.watching import picture

SIZE = 48 << 20

# Each writes without a pause until it is stopped, and says when it has begun.
GROW = """
with open(path, "ab") as file:
    while True:
        file.write(b"more"); file.flush(); begun()
"""
SHRINK = """
while True:
    os.truncate(path, SIZE // 2); begun(); os.truncate(path, SIZE)
"""
REPLACE = """
number = 0
while True:
    number = (number + 1) % 250
    with open(path + ".new", "wb") as file:
        file.write(bytes([number]) * (4 << 20))
    os.replace(path + ".new", path); begun()
"""
OVERWRITE = """
number = 0
with open(path, "r+b", buffering=0) as file:
    while True:
        number = (number + 1) % 250
        file.seek(0); file.write(bytes([number]) * 4096); file.seek(-4096, 2); file.write(bytes([number]) * 4096); begun()
"""
REMOVE = """
while True:
    os.unlink(path)
    with open(path, "wb") as file:
        file.truncate(SIZE)
    begun()
"""
LINK = """
while True:
    os.unlink(path); os.symlink("/etc/passwd", path); os.unlink(path)
    with open(path, "wb") as file:
        file.truncate(SIZE)
    begun()
"""


@contextmanager
def written(path: Path, how: str) -> Iterator[None]:
    """Have a process write to a file all the time, in its own way, for a `with` statement."""
    script = (
        "import os, sys\n"
        f"path, SIZE = sys.argv[1], {SIZE}\n"
        "said = False\n"
        "def begun():\n"
        " global said\n"
        " if not said: print('begun', flush=True)\n"
        " said = True\n" + how
    )
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE) as writer:
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"begun\n"
            yield
        finally:
            writer.kill()


@pytest.fixture
def large(desk: Desk) -> Path:
    path = desk.root / "models/large.bin"
    with path.open("wb") as file:
        file.truncate(SIZE)
    return path


@pytest.mark.parametrize("how", [GROW, OVERWRITE, SHRINK], ids=["grow", "overwrite", "shrink"])
def test_a_file_that_is_written_is_refused_and_kept_when_it_is_left_alone(desk: Desk, large: Path, how: str) -> None:
    before = picture(desk.registry / "store")
    with written(large, how):
        error = desk.fails("commit")

    assert (error["kind"], error["hint"]) == (
        "changed-while-reading",
        "wait until nothing writes to it, then lastgood commit again",
    )
    assert "models/large.bin" in error["message"]
    assert len(desk.ask("log")["items"]) == 1
    assert picture(desk.registry / "store").keys() >= before.keys()
    assert desk.ask("verify")["ok"] is True

    assert desk.commit()["number"] == 2
    desk.tell("checkout", "latest", "out")
    assert (desk.root / "out/models/large.bin").read_bytes() == large.read_bytes()


@pytest.mark.parametrize("how", [REPLACE, REMOVE, LINK], ids=["replace", "remove", "link"])
def test_a_file_that_is_replaced_is_refused_or_is_one_of_those_that_were_there(desk: Desk, large: Path, how: str) -> None:
    with written(large, how):
        for _ in range(5):
            ran = desk.run("commit", "--json")
            assert ran.code in {0, 2, 5}, ran
            if ran.code == 2:
                assert ran.answer["error"]["kind"] in {"invalid-path", "invalid-workspace"}

    assert desk.ask("verify")["ok"] is True
    for one in desk.ask("log")["items"]:
        for component in desk.ask("show", one["release"])["components"]:
            for file in component["files"]:
                if file["path"] == "models/large.bin":
                    folder = f"out-{one['number']}"
                    desk.tell("checkout", one["release"], folder, "--component", "router")
                    content = (desk.root / folder / "models/large.bin").read_bytes()
                    assert len(set(content)) <= 1
                    assert len(content) in {0, 4 << 20, SIZE}
