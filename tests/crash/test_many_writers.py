"""Eight processes, each with a workspace of its own, committing and deploying to one registry at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import lastgood

WRITERS = 8
TURNS = 25
CONFLICT = 5

WRITER = """
import contextlib, io, json, pathlib, sys
from lastgood.cli import main

folder, registry, turns = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def lastgood(*arguments):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        try:
            main.main(["-C", str(folder), "--registry", registry, *arguments, "--json"])
        except SystemExit as done:
            code = done.code or 0
    return {"command": arguments[0], "onto": "--onto" in arguments, "code": code, **json.loads(said.getvalue())}

for turn in range(turns):
    (folder / "prompt.md").write_text(f"{folder.name} says {turn}")
    onto = () if turn % 5 == 4 else ("--onto", "latest")
    print(json.dumps(lastgood("commit", "-m", f"{folder.name} {turn}", *onto)))
    print(json.dumps(lastgood("deploy", "prod", "--reason", folder.name)))
"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    root = tmp_path_factory.mktemp("many")
    registry = root / "shared"
    registry.mkdir()
    (registry / "lastgood.toml").write_text('pipeline = "bot"\n[components.p]\nkind = "prompt"\npath = "prompt.md"\n')
    (registry / "prompt.md").write_text("first")
    with lastgood.init(registry, actor="first") as opened:
        opened.commit(registry, message="first")
    writers = [start(root / f"w{number}", registry) for number in range(WRITERS)]
    lines = []
    for writer in writers:
        out, err = writer.communicate(timeout=600)
        assert writer.returncode == 0, err[-2000:]
        lines += [json.loads(line) for line in out.splitlines()]
    return registry, lines


def start(folder: Path, registry: Path) -> subprocess.Popen[str]:
    folder.mkdir()
    (folder / "lastgood.toml").write_text((registry / "lastgood.toml").read_text())
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(registry), str(TURNS)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "LASTGOOD_ACTOR": folder.name},
    )


def test_every_operation_is_done_or_says_that_somebody_was_first(reports: tuple[Path, list[dict[str, Any]]]) -> None:
    _, lines = reports
    assert len(lines) == WRITERS * TURNS * 2
    assert {line["code"] for line in lines} <= {0, CONFLICT}
    kinds = {line["error"]["kind"] for line in lines if line["code"] == CONFLICT}
    assert kinds <= {"stale-base", "stale-environment"}
    # Onto the latest nobody loses, however many others commit meanwhile.
    assert all(line["code"] == 0 for line in lines if line["command"] == "commit" and line["onto"])
    assert [line for line in lines if line["command"] == "commit" and line["code"] == CONFLICT]


def test_no_release_is_lost_and_history_is_linear(reports: tuple[Path, list[dict[str, Any]]]) -> None:
    registry, lines = reports
    made = [line for line in lines if line["command"] == "commit" and line.get("created")]
    with lastgood.open(registry, actor="test") as opened:
        logged = opened.releases.log()[::-1]
        assert [one.release.number for one in logged] == list(range(1, len(logged) + 1))
        assert {line["release"] for line in made} == {str(one.release.release) for one in logged[1:]}
        assert len(made) == len(logged) - 1
        for earlier, later in pairwise(logged):
            assert opened.releases.manifest(later.release.release).parents == (earlier.release.release,)
        assert opened.verify().problems == ()


def test_no_deployment_is_lost(reports: tuple[Path, list[dict[str, Any]]]) -> None:
    registry, lines = reports
    won = [line for line in lines if line["command"] == "deploy" and line["code"] == 0 and line["changed"]]
    with lastgood.open(registry, actor="test") as opened:
        history = [stay.deployment for stay in opened.environments.history("prod")][::-1]
    assert [one.revision for one in history] == list(range(1, len(history) + 1))
    assert sorted(line["revision"] for line in won) == [one.revision for one in history]
    assert {line["revision"]: line["to"] for line in won} == {one.revision: str(one.release) for one in history}
    for earlier, later in pairwise(history):
        assert later.replaced == earlier.release
