"""A whole pipeline around real weights: MiniLM, prompts, a config and 100,000 rows of data, committed and given back."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROWS = 100_000
SMALL_EDIT = 100_000

Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def run(lastgood_program: Path, tmp_path_factory: pytest.TempPathFactory, minilm: Path) -> Run:
    """Make the workspace and return what runs a command in it, as a whole process."""
    root = tmp_path_factory.mktemp("real") / "support-bot"
    shutil.copytree(minilm, root / "models/minilm")
    for folder in ("prompts", "config", "data"):
        (root / folder).mkdir()
    (root / "prompts/system.md").write_text("You are a support bot.\nCite the policy.\n")
    (root / "prompts/route.md").write_text("Send {ticket} to one of {queues}.\n")
    (root / "config/routing.yaml").write_text("sampling:\n  temperature: 0.2\nthreshold: 0.5\n")
    (root / "run.sh").write_text("#!/bin/sh\nexec serve models/minilm\n")
    (root / "run.sh").chmod(0o755)
    with (root / "data/train.jsonl").open("w") as rows:
        rows.writelines(json.dumps({"id": n, "text": f"ticket {n} about {n * 7919 % 1000}", "label": n % 3}) + "\n" for n in range(ROWS))

    def lastgood(*arguments: str) -> dict[str, Any]:
        done = subprocess.run([lastgood_program, *arguments, "--json"], cwd=root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer | {"root": root}

    lastgood("init", "--pipeline", "support-bot")
    return lastgood


@pytest.fixture(scope="module")
def first(run: Run) -> dict[str, Any]:
    return run("commit", "-m", "first")


def test_init_finds_the_parts_of_the_pipeline(run: Run, first: dict[str, Any]) -> None:
    shown = {one["name"]: one for one in run("show", "r1")["components"]}
    kinds = {name: one["kind"] for name, one in shown.items()}
    assert kinds == {"minilm": "artifact", "prompts": "prompt", "config": "config", "train": "dataset", "code": "code"}
    assert shown["train"]["content"]["key"] == "id"
    assert first["files"] == sum(len(one["files"]) for one in shown.values())
    assert first["bytes_logical"] > 97_000_000


def test_a_checkout_gives_back_every_byte_and_mode(run: Run, first: dict[str, Any], tmp_path: Path) -> None:
    run("checkout", str(first["release"]), str(tmp_path / "out"))
    root = first["root"]
    same = subprocess.run(["diff", "-r", "--exclude=.lastgood", root, tmp_path / "out"], capture_output=True, text=True, check=False)
    assert (same.returncode, same.stdout) == (0, "")
    assert modes_below(tmp_path / "out") == modes_below(root)
    assert modes_below(root)["run.sh"]


def modes_below(root: Path) -> dict[str, bool]:
    """Which files their owner may execute."""
    found = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != ".lastgood"]
        for name in names:
            path = Path(folder) / name
            found[str(path.relative_to(root))] = bool(path.stat().st_mode & stat.S_IXUSR)
    return found


def test_what_did_not_change_makes_no_release(run: Run, first: dict[str, Any]) -> None:
    again = run("commit", "-m", "again")
    assert (again["created"], again["release"], again["bytes_stored_new"]) == (False, first["release"], 0)


def test_an_edited_line_stores_a_line(run: Run, first: dict[str, Any]) -> None:
    root = first["root"]
    before = bytes_below(root / ".lastgood")
    (root / "prompts/system.md").write_text("You are a support bot.\nCite the policy if asked.\n")
    edited = run("commit", "-m", "edited")
    assert edited["created"]
    assert edited["changed"] == ["prompts"]
    assert 0 < edited["bytes_stored_new"] < SMALL_EDIT
    # The catalog and the caches count as well.
    assert bytes_below(root / ".lastgood") - before < SMALL_EDIT
    assert run("verify")["ok"]


def bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
