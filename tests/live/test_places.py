"""Where this host's live folders are: what lastgood.toml says, and what `lastgood live` wrote down for this host."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lastgood.errors import AlreadyExists, InvalidWorkspace, NewerSchema, NotAllowed
from lastgood.ids import EnvironmentName
from lastgood.live.places import live_folders, set_live_folder
from lastgood.workspace.declaration import Workspace
from lastgood.workspace.file import parse_workspace
from tests.live.bot import PROD, live, new_registry, say

STAGING = EnvironmentName("staging")
COMPONENTS = 'pipeline = "bot"\n[components.prompts]\nkind = "prompt"\npath = "prompts"\n'


def workspace_at(root: Path, **folders: str) -> Workspace:
    tables = "".join(f"[environments.{name}]\nlive = {json.dumps(folder)}\n" for name, folder in folders.items())
    return parse_workspace((COMPONENTS + tables).encode(), root)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


class TestDeclared:
    def test_a_folder_of_the_workspace(self, root: Path) -> None:
        assert live_folders(workspace_at(root, prod="run/prod")) == {PROD: root / "run" / "prod"}
        assert live_folders(workspace_at(root)) == {}

    def test_a_link_to_another_folder_of_the_workspace(self, root: Path) -> None:
        (root / "disk").mkdir()
        (root / "run").symlink_to("disk")

        assert live_folders(workspace_at(root, prod="run/prod")) == {PROD: root / "run" / "prod"}

    def test_a_link_out_of_the_workspace_is_refused(self, root: Path, tmp_path: Path) -> None:
        (root / "run").symlink_to(tmp_path)

        with pytest.raises(InvalidWorkspace, match=r"environments\.prod\.live: run/prod leads out of the workspace"):
            live_folders(workspace_at(root, prod="run/prod"))

    def test_links_in_a_circle_are_refused(self, root: Path) -> None:
        (root / "run").symlink_to("run")

        with pytest.raises(InvalidWorkspace):
            live_folders(workspace_at(root, prod="run/prod"))

    def test_folders_inside_each_other_are_refused(self, root: Path) -> None:
        with pytest.raises(InvalidWorkspace, match="one holds the other"):
            live_folders(workspace_at(root, prod="run/prod", staging="run/prod/staging"))

    @pytest.mark.parametrize("folder", [".lastgood/live", ".lastgood"])
    def test_the_registrys_own_folder_is_refused(self, root: Path, folder: str) -> None:
        (root / "link").symlink_to(".lastgood")
        with pytest.raises(InvalidWorkspace):
            live_folders(workspace_at(root, prod=folder))
        with pytest.raises(InvalidWorkspace):
            live_folders(workspace_at(root, prod="link/live"))

    def test_a_workspace_file_that_was_deployed_makes_no_folder_inside_the_folder(self, root: Path) -> None:
        registry = new_registry(root)
        say(registry, "one")
        live(registry, root / "run").deploy("prod")
        registry.close()

        with pytest.raises(InvalidWorkspace, match="inside the live folder"):
            live_folders(workspace_at((root / "run" / "current"), prod="run/prod"))


class TestChosen:
    def test_it_is_remembered_and_counts_more_than_the_file(self, root: Path, tmp_path: Path) -> None:
        workspace = workspace_at(root, prod="run/prod", staging="run/staging")

        set_live_folder(workspace, PROD, tmp_path / "srv")

        assert live_folders(workspace) == {PROD: tmp_path / "srv", STAGING: root / "run" / "staging"}
        assert {one.name for one in (root / ".lastgood").iterdir()} == {"live.json", "live.lock"}

    def test_it_is_forgotten(self, root: Path, tmp_path: Path) -> None:
        workspace = workspace_at(root, prod="run/prod")
        set_live_folder(workspace, PROD, tmp_path / "srv")

        set_live_folder(workspace, PROD, None)
        set_live_folder(workspace, STAGING, None)

        assert live_folders(workspace) == {PROD: root / "run" / "prod"}

    def test_it_stands_in_for_one_in_the_file_that_is_refused(self, root: Path, tmp_path: Path) -> None:
        (root / "run").symlink_to(tmp_path)
        workspace = workspace_at(root, prod="run/prod")

        set_live_folder(workspace, PROD, root / "run" / "prod")

        assert live_folders(workspace) == {PROD: root / "run" / "prod"}

    def test_dots_are_taken_out_and_links_kept(self, root: Path, tmp_path: Path) -> None:
        (tmp_path / "disk").mkdir()
        (tmp_path / "srv").symlink_to("disk")

        set_live_folder(workspace_at(root), PROD, root / ".." / "srv" / "bot")

        assert live_folders(workspace_at(root)) == {PROD: tmp_path / "srv" / "bot"}

    def test_a_folder_that_was_one_before_is_taken_again(self, root: Path) -> None:
        registry = new_registry(root)
        say(registry, "one")
        live(registry, root / "run").deploy("prod")
        registry.close()

        set_live_folder(workspace_at(root), PROD, root / "run")

        assert live_folders(workspace_at(root)) == {PROD: root / "run"}

    @pytest.mark.parametrize("folder", ["", "..", "prompts", "prompts/live", ".lastgood/live", "../work/prompts"])
    def test_a_folder_that_meets_the_workspace_is_refused(self, root: Path, folder: str) -> None:
        (root / "prompts").mkdir()

        with pytest.raises(InvalidWorkspace):
            set_live_folder(workspace_at(root), PROD, root / folder)

        assert live_folders(workspace_at(root)) == {}

    def test_a_folder_that_holds_another_environments_is_refused(self, root: Path, tmp_path: Path) -> None:
        set_live_folder(workspace_at(root), PROD, tmp_path / "srv" / "bot")

        for folder in (tmp_path / "srv", tmp_path / "srv" / "bot", tmp_path / "srv" / "bot" / "staging"):
            with pytest.raises(InvalidWorkspace, match="one holds the other"):
                set_live_folder(workspace_at(root), STAGING, folder)

        assert live_folders(workspace_at(root)) == {PROD: tmp_path / "srv" / "bot"}

    @pytest.mark.parametrize("make", [lambda there: there.write_text("mine"), lambda there: (there / "site").mkdir(parents=True)])
    def test_a_folder_in_use_is_refused(self, root: Path, tmp_path: Path, make: Callable[[Path], object]) -> None:
        make(tmp_path / "srv")

        with pytest.raises(AlreadyExists):
            set_live_folder(workspace_at(root), PROD, tmp_path / "srv")

        assert live_folders(workspace_at(root)) == {}

    def test_a_name_that_is_not_utf_8_is_refused(self, root: Path, tmp_path: Path) -> None:
        with pytest.raises(InvalidWorkspace, match="not UTF-8"):
            set_live_folder(workspace_at(root), PROD, tmp_path / "srv\udcff")

    def test_where_nothing_can_be_written_it_stays_as_it_was(self, unprivileged_folder: Path) -> None:
        workspace = workspace_at(unprivileged_folder)
        set_live_folder(workspace, PROD, unprivileged_folder / "srv")
        (unprivileged_folder / ".lastgood").chmod(0o555)

        with pytest.raises(NotAllowed):
            set_live_folder(workspace, PROD, None)

        assert live_folders(workspace) == {PROD: unprivileged_folder / "srv"}
        (unprivileged_folder / ".lastgood").chmod(0o755)


WRONG = [
    b"",
    b"\xff\xfe",
    b"[]",
    b"{}",
    b'{"schema": "lastgood.live/1", "folders": "/srv"}',
    b'{"schema": "lastgood.place/1", "folders": {}}',
    b'{"schema": "lastgood.live/1", "folders": {"prod": "relative"}}',
    b'{"schema": "lastgood.live/1", "folders": {"prod": 7}}',
    b'{"schema": "lastgood.live/1", "folders": {"prod": "/a\\u0000b"}}',
    b'{"schema": "lastgood.live/1", "folders": {"prod": "/a\\ud800"}}',
    b'{"schema": "lastgood.live/1", "folders": {"r42": "/srv"}}',
    b'{"schema": "lastgood.live/1", "folders": {"prod": "/a", "prod": "/b"}}',
    b"[" * 100_000,
    b" " * 2_000_000,
]


@pytest.mark.parametrize("data", WRONG, ids=range(len(WRONG)))
def test_a_file_that_is_not_right_is_named_and_left_alone(root: Path, data: bytes) -> None:
    path = root / ".lastgood" / "live.json"
    path.parent.mkdir()
    path.write_bytes(data)

    for attempt in (lambda: live_folders(workspace_at(root)), lambda: set_live_folder(workspace_at(root), PROD, root / "run")):
        with pytest.raises(InvalidWorkspace, match=r"live\.json is not right") as refused:
            attempt()
        assert refused.value.hint is not None
        assert f"remove {path}" in refused.value.hint

    assert path.read_bytes() == data


def test_a_file_of_a_newer_version_says_so(root: Path) -> None:
    (root / ".lastgood").mkdir()
    (root / ".lastgood" / "live.json").write_text('{"schema": "lastgood.live/2", "folders": {}}')

    with pytest.raises(NewerSchema):
        live_folders(workspace_at(root))
