"""Ctrl-C, two at once, and readers that go away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.commands import Desk, fill
from tests.hostile.watching import picture

COMMAND = [sys.executable, "-m", "lastgood"]


def interrupted(desk: Desk, *arguments: str, after: Path) -> subprocess.CompletedProcess[str]:
    """Run a command and press Ctrl-C when something has appeared, which says that its work has begun."""
    with subprocess.Popen([*COMMAND, *arguments], cwd=desk.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 60
        while not any(after.parent.glob(after.name)) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def at_once(desk: Desk, count: int, *arguments: str) -> list[int]:
    """Run a command several times at once and return the exit codes."""
    line = [*COMMAND, *arguments]
    processes = [subprocess.Popen(line, cwd=desk.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(count)]
    for process in processes:
        process.communicate()
    return [process.returncode for process in processes]


@pytest.fixture
def heavy(desk: Desk) -> Desk:
    """A workspace in which committing takes a while: bytes that cannot be made smaller."""
    for number in range(6):
        desk.write(f"models/{number}.bin", os.urandom(40 << 20))
    return desk


def test_ctrl_c_during_a_commit_and_a_checkout(heavy: Desk) -> None:
    done = interrupted(heavy, "commit", after=heavy.registry / "store/incoming/*")

    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.strip() == "cancelled; nothing was changed that was not reported"
    assert len(heavy.ask("log")["items"]) == 1
    assert heavy.ask("verify")["ok"] is True
    assert heavy.commit()["number"] == 2

    done = interrupted(heavy, "checkout", "r2", "out", after=heavy.root / ".out.lastgood-*")
    assert done.returncode == 130
    assert not [path for path in heavy.root.iterdir() if "out" in path.name]


def test_two_inits_at_once_make_one_registry(tmp_path: Path) -> None:
    desk = fill(tmp_path / "bot")
    (desk.root / "lastgood.toml").unlink()

    assert sorted(at_once(desk, 3, "init", "--json")) == [0, 5, 5]
    assert (desk.root / "lastgood.toml").is_file()
    assert sorted(path.name for path in desk.root.iterdir()) == [".lastgood", "config", "lastgood.toml", "models", "prompts"]
    assert sorted(path.name for path in desk.registry.iterdir()) == ["catalog.db", "keys"]
    assert len(list((desk.registry / "keys").iterdir())) == 1
    assert desk.commit()["number"] == 1
    assert desk.ask("verify")["ok"] is True


def test_two_commits_of_one_workspace_at_once_lose_nothing(desk: Desk) -> None:
    desk.write("prompts/system.md", "Cite nothing.\n")

    codes = at_once(desk, 3, "commit", "--json")

    # All are of the same state: one makes the release, and the others are answered with it, or were too late to know it.
    assert codes.count(0) >= 1
    assert set(codes) <= {0, 5}
    assert [one["number"] for one in desk.ask("log")["items"]] == [2, 1]
    assert desk.commit()["created"] is False
    assert desk.ask("verify")["ok"] is True


@pytest.mark.parametrize("line", ["log", "show r1 --all", "diff r1 r3", "log --env prod", "env list", "verify", "status", "log --json"])
def test_a_reader_that_goes_away_sees_no_traceback(three: Desk, line: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -m lastgood {line} | true; echo "${{PIPESTATUS[0]}}"'],
        cwd=three.root,
        capture_output=True,
        text=True,
        check=True,
    )

    # It may have been done before its reader was gone.
    assert done.stdout.strip() in {"0", "141"}
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_what_a_kill_leaves_is_swept_by_the_next_commit(desk: Desk) -> None:
    desk.commit("Cite nothing.")
    incoming = desk.registry / "store/incoming"
    (incoming / "left-behind.tmp").write_bytes(b"half a pack")
    before = picture(desk.root).keys()

    desk.commit("Cite all.")

    assert not (incoming / "left-behind.tmp").exists()
    assert len(picture(desk.root).keys() - before) <= 2
    assert desk.ask("verify")["ok"] is True
