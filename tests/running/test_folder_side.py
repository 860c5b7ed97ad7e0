"""A folder against a release: what is there, what is missing, what came; links and special files; nothing beside it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import lastgood
from lastgood.api import OpenRegistry
from lastgood.compare.change import Change, ComponentChange
from lastgood.errors import ChangedWhileReading, InvalidPath, NotFound
from lastgood.registry.compare import compare_sides
from lastgood.registry.folder_side import FolderSide, side_of_folder
from lastgood.workspace.running import RunningFolder

FILE = """\
pipeline = "bot"

[components.prompts]
kind = "prompt"
path = "prompts/"

[components.routing]
kind = "config"
path = ["config/routing.yaml", "config/tools"]

[components.train]
kind = "dataset"
path = "data/train.jsonl"

[components.llm]
kind = "hosted"
provider = "openai"
model = "gpt-4.1"
"""
FILES = {
    "prompts/system.md": "Cite the policy.\n",
    "prompts/deep/er/tone.md": "Be warm.\n",
    "config/routing.yaml": "temperature: 0.2\n",
    "config/tools/search.json": '{"name": "search"}',
    "data/train.jsonl": '{"id": 1}\n',
}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[OpenRegistry]:
    root = tmp_path / "bot"
    for path, text in {**FILES, "lastgood.toml": FILE}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    with lastgood.init(root, actor="ada@example.org") as opened:
        opened.commit(root, message="first")
        yield opened


@pytest.fixture
def running(registry: OpenRegistry, tmp_path: Path) -> Path:
    """A checkout of the release, as a service would run from it."""
    registry.checkout("r1", tmp_path / "running")
    return tmp_path / "running"


def look(registry: OpenRegistry, folder: Path) -> FolderSide:
    return side_of_folder(registry.releases.manifest(registry.releases.find("r1").release.release), folder, registry.files)


def compared(registry: OpenRegistry, folder: Path) -> dict[str, ComponentChange]:
    there = look(registry, folder)
    return {str(one.name): one for one in compare_sides(there.expected, there.side, there.files).changed}


def test_a_checkout_is_what_it_should_be(registry: OpenRegistry, running: Path) -> None:
    assert compared(registry, running) == {}
    assert look(registry, running).running.absent == ()


def test_words_are_told_as_in_a_diff(registry: OpenRegistry, running: Path) -> None:
    (running / "prompts/system.md").write_text("Cite nothing.\n")
    (running / "config/routing.yaml").write_text("temperature: 0.9\n")
    found = compared(registry, running)
    assert found["prompts"].summary == 'system.md: line 1: "Cite the policy." → "Cite nothing."'
    assert found["routing"].summary == "routing.yaml: temperature: 0.2 → 0.9"


def replace_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def leave_a_cache(folder: Path) -> None:
    folder.mkdir()
    (folder / "a.pyc").write_text("x")


EDITS: dict[str, tuple[Callable[[Path], object], dict[str, str]]] = {
    "missing": (lambda root: (root / "prompts/system.md").unlink(), {"prompts": "system.md removed (17 bytes)"}),
    "added": (lambda root: (root / "prompts/new.md").write_text("x"), {"prompts": "new.md added (1 byte)"}),
    "added deep": (lambda root: (root / "config/tools/x.json").write_text("1"), {"routing": "x.json added (1 byte)"}),
    "renamed": (
        lambda root: (root / "prompts/system.md").rename(root / "prompts/deep/system.md"),
        {"prompts": "system.md renamed to deep/system.md"},
    ),
    "executable": (lambda root: (root / "prompts/system.md").chmod(0o755), {"prompts": "system.md is now executable"}),
    "gone": (lambda root: shutil.rmtree(root / "prompts"), {"prompts": "removed: 2 files, 26 bytes"}),
    "a folder in its place": (
        lambda root: replace_by_a_folder(root / "prompts/system.md"),
        {"prompts": "system.md removed (17 bytes)"},
    ),
    "beside what is declared": (lambda root: (root / "config/other.yaml").write_text("a: 1"), {}),
    "caches": (lambda root: leave_a_cache(root / "prompts/__pycache__"), {}),
    "data that was not brought along": (lambda root: (root / "data/train.jsonl").unlink(), {}),
}


@pytest.mark.parametrize("name", EDITS)
def test_what_was_done_is_what_is_said(registry: OpenRegistry, running: Path, name: str) -> None:
    edit, said = EDITS[name]
    edit(running)
    assert {name: one.summary for name, one in compared(registry, running).items()} == said


def test_data_that_was_not_brought_along_is_named(registry: OpenRegistry, running: Path) -> None:
    (running / "data/train.jsonl").unlink()
    assert look(registry, running).running.absent == ("train",)
    (running / "data/train.jsonl").write_text('{"id": 2}\n')
    assert compared(registry, running)["train"].change is Change.CHANGED


class TestLinks:
    def test_links_inside_are_followed(self, registry: OpenRegistry, running: Path) -> None:
        """A mounted ConfigMap: versions under two dots, and links to them."""
        (running / "prompts/..2026").mkdir()
        (running / "prompts/system.md").rename(running / "prompts/..2026/system.md")
        (running / "prompts/..data").symlink_to("..2026")
        (running / "prompts/system.md").symlink_to("..data/system.md")
        (running / "weights").mkdir()
        (running / "prompts/deep").rename(running / "weights/deep")
        (running / "prompts/deep").symlink_to("../weights/deep")
        assert compared(registry, running) == {}
        (running / "prompts/..2026/system.md").write_text("Cite nothing.\n")
        assert "Cite nothing" in compared(registry, running)["prompts"].summary

    @pytest.mark.parametrize("path", ["prompts/system.md", "prompts/deep"])
    def test_links_that_lead_out_are_refused(self, registry: OpenRegistry, running: Path, tmp_path: Path, path: str) -> None:
        (running / path).rename(tmp_path / "outside")
        (running / path).symlink_to(tmp_path / "outside")
        with pytest.raises(InvalidPath, match="leads out of"):
            look(registry, running)

    def test_one_that_came_is_named_and_not_read(self, registry: OpenRegistry, running: Path) -> None:
        (running / "prompts/passwords").symlink_to("/etc/passwd")
        (running / "prompts/nowhere").symlink_to("nothing")
        os.mkfifo(running / "prompts/pipe")
        assert compared(registry, running) == {}
        assert [(note.path, note.text) for note in look(registry, running).running.notes] == [
            ("prompts/nowhere", "a link that leads nowhere: not compared"),
            ("prompts/passwords", "a link that leads out of the folder: not compared"),
            ("prompts/pipe", "no plain file: not compared"),
        ]

    def test_a_link_to_the_folder_is_followed_once(self, registry: OpenRegistry, running: Path, tmp_path: Path) -> None:
        (tmp_path / "current").symlink_to("running")
        folder = RunningFolder(tmp_path / "current")
        (tmp_path / "current").unlink()
        manifest = registry.releases.manifest(registry.releases.find("r1").release.release)
        there = side_of_folder(manifest, folder, registry.files)
        assert not compare_sides(there.expected, there.side, there.files).changed

    def test_a_circle_is_walked_once(self, registry: OpenRegistry, running: Path) -> None:
        (running / "prompts/deep/again").symlink_to("../../prompts")
        assert compared(registry, running) == {}


def test_a_fifo_in_the_place_of_a_file_is_refused(registry: OpenRegistry, running: Path) -> None:
    (running / "prompts/system.md").unlink()
    os.mkfifo(running / "prompts/system.md")
    with pytest.raises(InvalidPath, match="it is a FIFO"):
        look(registry, running)


def test_names_that_fold_together_are_named(registry: OpenRegistry, running: Path) -> None:
    (running / "prompts/SYSTEM.md").write_text("x")
    (running / "prompts/back\\slash.md").write_text("x")
    assert compared(registry, running) == {}
    said = {note.path: note.text for note in look(registry, running).running.notes}
    assert "one file on some file systems" in said["prompts/SYSTEM.md"]
    assert "backslash" in said["prompts/back\\slash.md"]


def test_a_file_that_is_written_after_it_was_hashed_is_named(registry: OpenRegistry, running: Path) -> None:
    (running / "prompts/system.md").write_text("Cite nothing.\n")
    there = look(registry, running)
    (running / "prompts/system.md").write_text("Cite all.\n")
    with pytest.raises(ChangedWhileReading):
        compare_sides(there.expected, there.side, there.files)


def test_no_folder_is_not_found(registry: OpenRegistry, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in ("nothing", "file"):
        with pytest.raises(NotFound):
            look(registry, tmp_path / path)


def test_what_is_left_out_of_a_commit_is_no_addition(registry: OpenRegistry, running: Path) -> None:
    (running / ".lastgoodignore").write_text("*.tmp\n")
    (running / "prompts/a.tmp").write_text("x")
    assert compared(registry, running) == {}
