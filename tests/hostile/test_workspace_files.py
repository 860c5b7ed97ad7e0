"""What lastgood.toml and the small files beside it may be made to hold, and what is said and never printed then."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.cli.commands import WORKSPACE, Desk, error_of, run
from tests.hostile.watching import nothing_changes

DEEP = 100_000

TEXTS = {
    "nothing": b"",
    "garbage": os.urandom(4_096),
    "another language": b'{"pipeline": "support-bot"}',
    "no UTF-8": WORKSPACE.encode() + b"\n# \xff\xfe\n",
    "UTF-16": WORKSPACE.encode("utf-16"),
    "a NUL": b"pipeline = 'support-bot'\0",
    "arrays without an end": b"a = " + b"[" * DEEP,
    "tables in tables": b"a = " + b"{a=" * DEEP + b"1" + b"}" * DEEP,
    "a key of many parts": b".".join([b"a"] * DEEP) + b" = 1",
    "many tables of many parts": b"".join(b"[" + b".".join([b"a%d" % number] * 60) + b"]\n" for number in range(300)),
    "a huge one": WORKSPACE.encode() + b"# " + b"x" * 1_000_000,
    "a number without an end": b"pipeline = " + b"9" * 500_000,
    "a name without an end": b'pipeline = "' + b"x" * 500_000 + b'"',
    "many components": WORKSPACE.encode()
    + b"".join(b'[components.c%d]\nkind = "cod"\npath = "../%d"\n' % (number, number) for number in range(3_000)),
    "control characters": b'pipeline = "support\\u001b[31m-bot"\n["\\u009b2J"]\n',
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_a_file_that_is_not_right_is_refused_shortly_and_soon(desk: Desk, text: bytes) -> None:
    desk.write("lastgood.toml", text)

    started = time.process_time()
    with nothing_changes(desk):
        ran = desk.run("commit")
        for command in (["commit"], ["status"], ["deploy", "prod"], ["rollback", "prod"]):
            assert desk.fails(*command)["kind"] == "invalid-workspace"

    assert ran.code == 2
    assert len(ran.err) < 10_000
    assert all(letter.isprintable() or letter == "\n" for letter in ran.err)
    # In seconds of work for five commands: what is meant is that nothing takes quadratic time.
    assert time.process_time() - started < 30


@pytest.mark.parametrize("target", ["real.toml", "../outside.toml", "/etc/passwd", "nowhere", "."])
def test_a_file_that_is_a_link_is_refused(desk: Desk, target: str) -> None:
    (desk.root / "real.toml").write_text(WORKSPACE)
    (desk.root.parent / "outside.toml").write_text(WORKSPACE)
    (desk.root / "lastgood.toml").unlink()
    (desk.root / "lastgood.toml").symlink_to(target)

    with nothing_changes(desk):
        error = desk.fails("commit")

    assert error["kind"] == "invalid-workspace"
    assert "link" in error["message"]
    assert "root:" not in str(error)


def test_a_file_that_is_a_fifo_or_a_folder_is_refused_without_waiting(desk: Desk) -> None:
    file = desk.root / "lastgood.toml"
    file.unlink()
    os.mkfifo(file)
    assert "FIFO" in desk.fails("commit")["message"]
    assert "FIFO" in desk.fails("status")["message"]
    file.unlink()
    file.mkdir()
    assert "folder" in desk.fails("commit")["message"]


@pytest.mark.parametrize("target", ["../outside.toml", "nowhere"])
def test_init_does_not_write_through_a_link(tmp_path: Path, target: str) -> None:
    folder = tmp_path / "bot"
    folder.mkdir()
    (folder / "lastgood.toml").symlink_to(target)
    if target.startswith(".."):
        (tmp_path / "outside.toml").write_text(WORKSPACE)

    error = error_of(run("-C", str(folder), "init", "--json"))

    assert error["kind"] in {"invalid-workspace", "already-exists"}
    assert not (folder / "nowhere").exists()
    assert not (folder / ".lastgood/catalog.db").exists()


@pytest.mark.parametrize("make", ["file", "dangling", "fifo"])
def test_init_where_something_else_has_the_name_of_the_registry(tmp_path: Path, make: str) -> None:
    folder = tmp_path / "bot"
    (folder / "prompts").mkdir(parents=True)
    own = folder / ".lastgood"
    match make:
        case "file":
            own.write_text("mine")
        case "dangling":
            own.symlink_to("nowhere")
        case _:
            os.mkfifo(own)

    error = error_of(run("-C", str(folder), "init", "--json"))

    assert error["kind"] == "already-exists"
    # Nothing is left behind that was not there.
    assert sorted(path.name for path in folder.iterdir()) == [".lastgood", "prompts"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bot"]


@pytest.mark.parametrize("content", [b"", b"garbage", b"lastgood stat-cache 1 little\n" + b"\xff" * 5_000, os.urandom(100_000)], ids=len)
def test_a_stat_cache_that_is_garbage_costs_time_only(desk: Desk, content: bytes) -> None:
    desk.write(".lastgood/stat-cache", content)

    assert desk.ask("status")["changes"] == []
    assert desk.commit()["created"] is False
    assert desk.commit("Cite nothing.")["number"] == 2
    assert desk.ask("verify")["ok"] is True


def test_a_stat_cache_of_another_workspace_is_not_believed(desk: Desk, deployed: Path) -> None:
    # Everything it knows is about other files, however alike their names.
    desk.write("prompts/system.md", "Cite nothing at all.\n")
    desk.write(".lastgood/stat-cache", (deployed / ".lastgood/stat-cache").read_bytes())

    assert desk.commit()["changed"] == ["prompts"]
    desk.tell("checkout", "latest", "out")
    assert (desk.root / "out/prompts/system.md").read_text() == "Cite nothing at all.\n"


@pytest.mark.parametrize(
    "thing",
    ["stat-cache", "stat-cache.new", "workspace.json", "workspace.json.new", "live.json", "live.json.new", "live.lock", "store/incoming"],
)
@pytest.mark.parametrize("target", ["outside", "nowhere"])
def test_our_own_files_are_not_written_through_links(desk: Desk, thing: str, target: str) -> None:
    # A folder that somebody else packed may hold a `.lastgood` of their making.
    outside = desk.root.parent / "outside"
    outside.write_text("mine")
    own = desk.registry / thing
    if own.is_dir():
        own.rmdir()
    own.unlink(missing_ok=True)
    own.symlink_to(desk.root.parent / target)

    desk.write("prompts/system.md", "Cite nothing.")
    for command in (["commit"], ["live", "prod", "run/prod"], ["deploy", "prod"]):
        assert desk.run(*command).code in {0, 2, 4, 5, 7, 8}

    assert outside.read_text() == "mine"
    assert not (desk.root.parent / "nowhere").exists()
    own.unlink(missing_ok=True)
    assert desk.ask("verify")["ok"] is True


@pytest.mark.parametrize("thing", ["stat-cache", "stat-cache.new", "workspace.json", "workspace.json.new", "live.json", "live.lock"])
def test_a_fifo_among_our_own_files_is_waited_for_by_nobody(desk: Desk, thing: str) -> None:
    own = desk.registry / thing
    own.unlink(missing_ok=True)
    os.mkfifo(own)
    desk.write("prompts/system.md", "Cite nothing.")

    for command in (["status"], ["commit"], ["live", "prod", "run/prod"], ["deploy", "prod"]):
        assert desk.run(*command).code in {0, 2, 5, 8}

    own.unlink(missing_ok=True)
    assert desk.ask("verify")["ok"] is True


def test_a_live_file_that_is_garbage_is_named_with_the_way_out(desk: Desk) -> None:
    desk.tell("live", "prod", "run/prod")
    desk.write(".lastgood/live.json", "garbage")

    error = desk.fails("deploy", "prod")

    assert error["kind"] == "invalid-workspace"
    assert "live.json" in error["hint"]
    assert desk.ask("env", "list")["environments"] == []


def test_an_ignore_file_that_is_garbage_is_named(desk: Desk) -> None:
    desk.write(".lastgoodignore", os.urandom(10_000) + b"\xff\xfe\n")

    ran = desk.run("commit", "--json")

    assert ran.code == 0 or error_of(ran)["kind"] == "invalid-workspace"


def test_a_registry_that_is_a_link_is_followed_for_whoever_made_it(desk: Desk) -> None:
    # A registry on a larger disk: the owner of the workspace decides where it lies.
    desk.registry.rename(desk.root.parent / "store")
    desk.registry.symlink_to("../store")

    assert desk.commit("Cite nothing.")["number"] == 2
