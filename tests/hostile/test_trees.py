"""What a workspace may hold that must never be in a release: each is refused by name before anything is kept."""

from __future__ import annotations

import os
import shutil
import socket
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.commands import Desk
from tests.hostile.watching import nothing_changes, unprivileged


def refused(desk: Desk, *line: str) -> dict[str, str]:
    """Return the error of a commit, and of what only looks, that must change nothing."""
    with nothing_changes(desk):
        error = desk.fails("commit", *line)
        assert desk.fails("status")["kind"] == error["kind"]
    assert len(desk.ask("log")["items"]) == 1
    return error


def declared(desk: Desk, path: str, kind: str = "code") -> None:
    """Declare one more component."""
    more = f'\n[components.more]\nkind = "{kind}"\npath = "{path}"\n'
    desk.write("lastgood.toml", (desk.root / "lastgood.toml").read_text() + more)


@pytest.mark.parametrize(
    "path",
    [
        "../secrets",
        "prompts/../../secrets",
        "/etc/passwd",
        "/",
        "..",
        "./..",
        "a//b",
        "a/./b",
        "..\\\\secrets",
        "C:\\\\secrets",
        "~/secrets/..",
        "a\\u0000b",
        "a\\nb",
        ".lastgood",
        ".lastgood/catalog.db",
        "x/.LASTGOOD/catalog.db",
        ".git",
        "lastgood.toml",
        "",
        ".",
    ],
)
def test_a_path_that_leads_out_or_into_our_own_is_refused(desk: Desk, path: str) -> None:
    (desk.root.parent / "secrets").write_text("secret")
    declared(desk, path)

    error = refused(desk)

    assert error["kind"] == "invalid-workspace"
    assert "lastgood.toml:" in error["message"]


@pytest.mark.parametrize("target", ["../../outside", "/etc/passwd", "system.md", "nowhere", "."])
def test_a_link_is_refused_wherever_it_leads(desk: Desk, target: str) -> None:
    (desk.root.parent / "outside").write_text("secret")
    (desk.root / "prompts/link.md").symlink_to(target)

    error = refused(desk)

    assert error["kind"] == "invalid-path"
    assert "prompts/link.md" in error["message"]
    assert "link" in error["message"]


@pytest.mark.parametrize("target", ["../..", "/etc", "../models"])
def test_a_link_to_a_folder_is_refused(desk: Desk, target: str) -> None:
    (desk.root / "prompts/folder").symlink_to(target, target_is_directory=True)

    assert refused(desk)["kind"] == "invalid-path"


def test_a_declared_path_that_is_a_link_is_refused(desk: Desk) -> None:
    shutil.move(desk.root / "prompts", desk.root.parent / "elsewhere")
    (desk.root / "prompts").symlink_to("../elsewhere")

    assert refused(desk)["kind"] == "invalid-path"


def test_a_folder_on_the_way_that_is_a_link_is_refused(desk: Desk) -> None:
    shutil.move(desk.root / "config", desk.root.parent / "elsewhere")
    (desk.root / "config").symlink_to("../elsewhere")

    assert refused(desk)["kind"] == "invalid-path"


def test_a_workspace_reached_through_a_link_is_one(desk: Desk) -> None:
    # Where the workspace lies is its owner's business: nothing of the way to it is in a release.
    link = desk.root.with_name("link")
    link.symlink_to(desk.root.name)

    assert Desk(link).commit("Cite nothing.")["number"] == 2


def fifo(path: Path) -> None:
    os.mkfifo(path)


def listening(path: Path) -> None:
    here = Path.cwd()
    # The name of a socket has at most 107 bytes.
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def device(path: Path) -> None:
    try:
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes devices")


@pytest.mark.parametrize("make", [fifo, listening, device])
def test_what_is_no_file_is_refused_and_never_opened(desk: Desk, make: Callable[[Path], None]) -> None:
    make(desk.root / "prompts" / "thing")

    error = refused(desk)

    assert error["kind"] == "invalid-path"
    assert "prompts/thing" in error["message"]


@pytest.mark.parametrize("make", [fifo, device])
def test_a_declared_path_that_is_no_file_is_refused(desk: Desk, make: Callable[[Path], None]) -> None:
    make(desk.root / "thing")
    declared(desk, "thing")

    assert refused(desk)["kind"] == "invalid-path"


@pytest.mark.parametrize(
    "name",
    [
        b"two\nlines.md",
        b"bell\x07.md",
        b"\x1b]0;owned\x07.md",
        b"del\x7f.md",
        b"c1\xc2\x9b31m.md",
        b"not-utf-8-\xff.md",
        b"back\\slash.md",
        unicodedata.normalize("NFD", "é.md").encode(),
        b".LastGood",
        ".laſtgood".encode(),
    ],
    ids=repr,
)
def test_a_name_that_some_system_could_not_keep_is_refused(desk: Desk, name: bytes) -> None:
    desk.write(f"prompts/{os.fsdecode(name)}/x" if b"tgood" in name.lower() else f"prompts/{os.fsdecode(name)}", "x")

    ran = desk.run("commit")
    error = refused(desk)

    assert error["kind"] == "invalid-path"
    assert all(letter.isprintable() or letter == "\n" for letter in ran.err)


def test_a_registry_inside_a_component_is_passed_over(desk: Desk) -> None:
    desk.write("prompts/.lastgood/catalog.db", "x")

    assert desk.commit()["created"] is False


@pytest.mark.parametrize(
    ("one", "other"),
    [("Readme.md", "README.md"), ("straße.md", "STRASSE.md"), ("é.md", "É.md"), ("ﬁ.md", "fi.md")],
)
def test_two_names_that_are_one_elsewhere_are_refused(desk: Desk, one: str, other: str) -> None:
    desk.write(f"prompts/{one}", "x")
    desk.write(f"prompts/{other}", "y")

    error = refused(desk)

    assert error["kind"] == "invalid-path"
    assert "one file on some file systems" in error["message"]


def test_two_folders_that_are_one_elsewhere_are_refused(desk: Desk) -> None:
    desk.write("prompts/en/a.md", "x")
    desk.write("prompts/EN/b.md", "y")

    assert refused(desk)["kind"] == "invalid-path"


def test_two_components_that_are_one_folder_elsewhere_are_refused(desk: Desk) -> None:
    desk.write("Prompts/a.md", "x")
    declared(desk, "Prompts/")

    assert refused(desk)["kind"] == "invalid-workspace"


@pytest.mark.parametrize("hidden", ["prompts/secret.md", "prompts", "models", "lastgood.toml", ".lastgood/workspace.json"])
def test_what_may_not_be_read_is_named(theirs: Desk, hidden: str) -> None:
    theirs.write("prompts/secret.md", "x")
    (theirs.root / hidden).chmod(0)

    with nothing_changes(theirs), unprivileged():
        error = theirs.fails("commit")
        assert theirs.fails("status")["kind"] == "not-allowed"

    assert error["kind"] == "not-allowed"
    assert hidden in error["message"]


def test_an_empty_file_is_a_file_like_any_other(desk: Desk) -> None:
    desk.write("prompts/empty.md", "")
    desk.tell("commit")
    desk.tell("checkout", "latest", "out")

    assert (desk.root / "out/prompts/empty.md").read_bytes() == b""
    assert desk.ask("verify")["ok"] is True


def test_an_empty_folder_leaves_no_trace(desk: Desk) -> None:
    (desk.root / "prompts/later/deep").mkdir(parents=True)

    assert desk.commit()["created"] is False


@pytest.mark.parametrize("path", ["more/", "missing/", "more/*.py"])
def test_a_component_without_files_is_refused(desk: Desk, path: str) -> None:
    (desk.root / "more").mkdir()
    declared(desk, path)

    assert refused(desk)["kind"] == "invalid-workspace"


def test_a_component_all_of_whose_files_are_ignored_is_refused(desk: Desk) -> None:
    desk.write(".lastgoodignore", "*.md\n")

    error = refused(desk)

    assert error["kind"] == "invalid-workspace"
    assert ".lastgoodignore" in error["hint"]


def test_an_ignore_file_that_is_a_link_is_refused(desk: Desk) -> None:
    (desk.root / ".lastgoodignore").symlink_to("/etc/passwd")

    assert refused(desk)["kind"] == "invalid-path"


def deep_path(length: int) -> str:
    """Return a path of so many bytes, of parts as long as they may be."""
    path = "prompts"
    while len(path) < length:
        path += "/" + "d" * min(200, length - len(path) - 1)
    return path


def make_deep(desk: Desk, path: str) -> None:
    """Write a file at a path that is too long to be named in one piece."""
    *folders, name = path.split("/")
    here = os.open(desk.root, os.O_RDONLY)
    for folder in folders:
        if not os.access(folder, os.F_OK, dir_fd=here):
            os.mkdir(folder, dir_fd=here)
        below = os.open(folder, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open(name, os.O_WRONLY | os.O_CREAT, dir_fd=here))
    os.close(here)


def test_a_path_as_long_as_a_release_allows(desk: Desk) -> None:
    path = deep_path(3_800)
    make_deep(desk, path)

    assert desk.commit()["created"] is True
    desk.tell("checkout", "latest", "o")
    assert path in desk.tell("show", "latest", "--all").out
    assert desk.fails("checkout", "latest", "o")["kind"] == "already-exists"
    assert desk.ask("verify")["ok"] is True
    # Python's own cleaning of temporary folders would stumble over it.
    for tree in ("prompts", "o"):
        shutil.rmtree(desk.root / tree)


def test_a_path_that_is_longer_is_refused(desk: Desk) -> None:
    make_deep(desk, deep_path(3_801))

    error = desk.fails("commit")

    assert error["kind"] == "invalid-path"
    assert "longer than 3800 bytes" in error["message"]
    assert len(desk.ask("log")["items"]) == 1
    shutil.rmtree(desk.root / "prompts")
