"""Registries that earlier versions wrote, kept for ever: each is opened, read, proven, repaired and gone on with.

`registry-N.tar.xz` holds a workspace with its registry, `registry-N.json` what has to be found in it
(`tools/golden.py` makes both). The files of the workspace are those of the latest release.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tarfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import lastgood
from lastgood.errors import BadRelease
from tests.cli.commands import Desk
from tests.repair.damage import index_of
from tools.golden import GOLDEN, ROOT, facts_of

ARCHIVES = sorted(GOLDEN.glob("registry-*.tar.xz"))


@dataclass(frozen=True)
class Golden:
    """A copy of a golden registry, and what has to be found in it."""

    desk: Desk
    facts: dict[str, Any]

    @property
    def labels(self) -> list[str]:
        return [one["label"] for one in self.facts["releases"]]


@pytest.fixture(scope="session", params=ARCHIVES, ids=lambda path: path.name.removesuffix(".tar.xz"))
def unpacked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("golden")
    with tarfile.open(request.param) as archive:
        archive.extractall(folder, filter="data")
    return folder / ROOT, request.param.with_name(request.param.name.replace(".tar.xz", ".json"))


@pytest.fixture
def golden(unpacked: tuple[Path, Path], tmp_path: Path) -> Golden:
    root, facts = unpacked
    return Golden(Desk(Path(shutil.copytree(root, tmp_path / ROOT))), json.loads(facts.read_text()))


def tree_of(root: Path) -> dict[str, tuple[str, bool]]:
    """Return the digest of every file below a folder, and whether it may be run, but for what is the registry's."""
    files = (path for path in root.rglob("*") if path.is_file() and ".lastgood" not in path.relative_to(root).parts)
    return {
        str(path.relative_to(root)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            os.access(path, os.X_OK) and bool(path.stat().st_mode & 0o100),
        )
        for path in files
    }


def test_every_format_is_kept() -> None:
    assert [path.name for path in ARCHIVES][:2] == ["registry-1.tar.xz", "registry-2.tar.xz"]
    for path in ARCHIVES:
        assert path.stat().st_size < 700_000


def test_it_says_what_it_said(golden: Golden) -> None:
    with lastgood.open(golden.desk.root) as registry:
        assert facts_of(registry) == golden.facts


def test_the_first_one_is_the_one_that_version_1_made() -> None:
    facts = json.loads((GOLDEN / "registry-1.json").read_text())
    assert [one["release"][:12] for one in facts["releases"]] == ["5c3ed5b09621", "1ebc954be85b", "f52bccd837fc"]
    assert facts["environments"] == {"prod": ["deploy r1", "deploy r2", "rollback r1"], "staging": ["deploy r3"]}
    assert facts["releases"][0]["tags"] == ["v1.0"]


def test_it_is_proven(golden: Golden) -> None:
    for options in ([], ["--full"], *(([label, "--full"]) for label in golden.labels)):
        answer = golden.desk.ask("verify", *options)
        assert (answer["ok"], answer["problems"], answer["notes"]) == (True, [], [])


def test_it_is_checked_out_bit_for_bit(golden: Golden, tmp_path: Path) -> None:
    for one in golden.facts["releases"]:
        golden.desk.tell("checkout", one["label"], str(tmp_path / one["label"]))
        assert {path: digest for path, (digest, _) in tree_of(tmp_path / one["label"]).items()} == one["files"]
    assert tree_of(tmp_path / golden.labels[-1]) == tree_of(golden.desk.root)


def test_it_answers_questions(golden: Golden) -> None:
    desk = golden.desk
    assert [one["number"] for one in desk.ask("log")["items"]] == list(range(len(golden.labels), 0, -1))
    assert desk.ask("show", "v1.0")["number"] == 1
    assert [one["name"] for one in desk.ask("diff", "r1", "r2")["components"] if one["change"] == "changed"]
    assert desk.ask("status")["changes"] == []
    assert desk.ask("env", "show", "prod")["number"] == 1


def test_it_goes_on(golden: Golden) -> None:
    desk = golden.desk
    latest = len(golden.labels)
    assert desk.fails("deploy", "prod", "r2")["kind"] == BadRelease.kind
    assert desk.ask("deploy", "prod", "latest")["to_number"] == latest
    assert desk.ask("rollback", "prod")["to_number"] == 1
    assert desk.ask("commit")["created"] is False
    desk.write("prompts/system.md", "Be exact.\n")
    made = desk.ask("commit", "-m", "on")
    assert (made["number"], made["created"]) == (latest + 1, True)
    # What is kept already is not kept again, whatever version kept it.
    assert made["bytes_stored_new"] < 20_000
    desk.tell("checkout", "latest", "out")
    assert tree_of(desk.root / "out") == {path: one for path, one in tree_of(desk.root).items() if not path.startswith("out/")}
    assert desk.ask("verify", "--full")["ok"] is True


def test_its_index_is_made_again_as_it_was(golden: Golden, tmp_path: Path) -> None:
    with lastgood.open(golden.desk.root):
        pass  # brought to the newest schema
    before = index_of(golden.desk)

    for damage in ((), ("DELETE FROM index_chunks", "DROP TABLE index_files")):
        with closing(sqlite3.connect(golden.desk.registry / "catalog.db", isolation_level=None)) as catalog:
            for statement in damage:
                catalog.execute(statement)
        assert golden.desk.ask("repair")["hurt"] == []
        assert index_of(golden.desk) == before
    with lastgood.open(golden.desk.root) as registry:
        assert facts_of(registry) == golden.facts


def test_it_comes_back_from_a_backup(golden: Golden, tmp_path: Path) -> None:
    golden.desk.tell("backup", str(tmp_path / "backup.tar"))
    (tmp_path / "new").mkdir()
    with lastgood.api.import_backup(tmp_path / "backup.tar", tmp_path / "new") as registry:
        assert facts_of(registry) == golden.facts
        assert registry.verify(full=True).ok
