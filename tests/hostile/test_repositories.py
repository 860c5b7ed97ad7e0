"""Git repositories that somebody else packed: a commit of ours looks at them and runs nothing of theirs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.commands import Desk
from tests.parts import need


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=mallory", "-c", "user.email=mallory@example.org")
    try:
        subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)
    except FileNotFoundError:
        need(condition=False, what="git")


@pytest.fixture
def repository(desk: Desk) -> Desk:
    """A workspace in a git repository, in which a file has changed since git looked."""
    git(desk.root, "init", "-q")
    desk.write(".gitattributes", "*.md filter=evil diff=evil\n")
    git(desk.root, "add", "--all")
    git(desk.root, "commit", "-q", "-m", "all")
    prompt = desk.write("prompts/system.md", "Cite nothing.\n")
    os.utime(prompt, (1, 1))
    return desk


def observed(desk: Desk) -> object:
    """Return what the latest release says of git."""
    return desk.ask("show", "latest")["components"][0]["provenance"]["observed"]["git"]


SETTINGS = [
    "filter.evil.clean",
    "filter.evil.process",
    "core.fsmonitor",
    "core.hooksPath",
    "diff.evil.command",
    "diff.evil.textconv",
    "core.sshCommand",
    "core.pager",
]


@pytest.mark.parametrize("setting", SETTINGS)
def test_nothing_that_a_repository_names_is_run(repository: Desk, setting: str, tmp_path: Path) -> None:
    program = tmp_path / "evil" / "post-index-change"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\ncat\n")
    program.chmod(0o755)
    git(repository.root, "config", setting, str(program.parent if setting == "core.hooksPath" else program))

    assert repository.commit()["number"] == 2
    repository.tell("status")

    assert not (tmp_path / "ran").exists()


def test_a_filter_that_is_included_from_elsewhere_is_not_run(repository: Desk, tmp_path: Path) -> None:
    (tmp_path / "included").write_text(f'[filter "evil"]\n\tclean = touch {tmp_path}/ran; cat\n')
    git(repository.root, "config", "include.path", str(tmp_path / "included"))

    repository.commit()

    assert not (tmp_path / "ran").exists()


def test_the_commit_is_noted_and_whether_it_tells_all(repository: Desk) -> None:
    repository.commit()

    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repository.root, capture_output=True, text=True, check=True).stdout.strip()
    assert observed(repository) == {"commit": head, "dirty": True}
    git(repository.root, "config", "filter.evil.clean", "cat")
    repository.commit("Cite all.")
    assert observed(repository) == {"commit": head, "dirty": None}
