"""Releases made by somebody who went beneath the command line: nothing is written outside, nothing that runs is moved."""

from __future__ import annotations

import tempfile
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import Desk
from tests.hostile.forging import forge, forge_manifest, line
from tests.hostile.watching import picture

OUTSIDE = Path(tempfile.gettempdir()) / "evil-of-lastgood"
LONG = "/".join(["d" * 200] * 19)

PATHS = [
    "../evil",
    "a/../../evil",
    "..",
    ".",
    "",
    str(OUTSIDE),
    "//evil",
    "a//evil",
    "a/./evil",
    "a/",
    "..\\evil",
    "C:\\evil",
    "two\nlines",
    "\x1b]0;owned\x07",
    "a\x00b",
    "del\x7f",
    "c1\x9b31m",
    unicodedata.normalize("NFD", "é"),
    ".lastgood/catalog.db",
    "a/.LASTGOOD/b",
    "a/\ud800",
    LONG + "/x" * 20,
    "x" * 256,
]


def is_harmless(desk: Desk, kinds: set[str]) -> None:
    """See that the forged r2 is refused by everything that would write or move, and that it harms nothing else."""
    desk.tell("deploy", "prod", "r1")
    desk.tell("live", "prod", "run/prod")
    around = desk.root.parent
    before = picture(around)

    for command in (["checkout", "r2", "new/out"], ["checkout", "r2", "out", "--component", "evil"], ["deploy", "prod", "r2"]):
        assert desk.fails(*command)["kind"] in kinds
    for command in (["show", "r2"], ["diff", "r1", "r2"]):
        ran = desk.run(*command)
        assert "\x1b" not in ran.out + ran.err
        assert ran.code in {0, 2, 7}
    verified = desk.run("verify", "--json")
    assert (verified.code, verified.answer["problems"][0]["releases"]) == (7, ["r2"])

    assert picture(around) == before
    assert not OUTSIDE.exists()
    assert desk.number_in("prod") == 1
    assert desk.ask("checkout", "r1", "fine")["files"] == 4
    assert desk.ask("verify", "r1")["ok"] is True


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ascii(path)[:30])
def test_a_path_that_must_not_be_is_never_written(desk: Desk, path: str) -> None:
    forge(desk, evil=line(path, b"evil"))

    is_harmless(desk, {"integrity", "invalid-path"})


LISTINGS = {
    "a mode that nobody knows": line("a", b"evil", mode="link"),
    "a size below nothing": line("a", b"evil", size=-1),
    "a size beyond numbers": line("a", b"evil", size=10**30),
    "one path twice": line("a", b"evil") * 2,
    "paths out of order": line("b", b"evil") + line("a", b"evil"),
    "a file that is a folder": line("a", b"evil") + line("a/b", b"evil"),
    "two names that are one elsewhere": line("README", b"evil") + line("readme", b"evil"),
    "a line that is cut short": line("a", b"evil")[:-1],
    "no JSON": b"evil\n",
    "JSON of another form": b"[]\n",
    "a path that is no text": line("a", b"evil").replace(b'"a"', b"7"),
    "spaces": line("a", b"evil").replace(b":", b": "),
    "one field too many": line("a", b"evil").replace(b"{", b'{"evil":1,'),
    "letters that are no UTF-8": line("a", b"evil").replace(b'"a"', b'"\xff"'),
    "nesting without an end": b"[" * 100_000 + b"\n",
}


@pytest.mark.parametrize("listing", LISTINGS.values(), ids=LISTINGS.keys())
def test_a_listing_that_is_not_right_is_never_followed(desk: Desk, listing: bytes) -> None:
    forge(desk, evil=listing)

    is_harmless(desk, {"integrity", "invalid-path", "invalid-manifest"})


def test_a_listing_that_names_bytes_nobody_kept(desk: Desk) -> None:
    forge(desk, kept=(), evil=line("a", b"never kept"))

    is_harmless(desk, {"integrity"})


@pytest.mark.parametrize("size", [0, 3, 5, 10**15])
def test_a_listing_that_lies_about_sizes(desk: Desk, size: int) -> None:
    forge(desk, evil=line("a", b"evil", size=size))

    is_harmless(desk, {"integrity"})


def test_two_components_that_want_one_path(desk: Desk) -> None:
    forge(desk, evil=line("a", b"evil"), more=line("a", b"evil"))

    assert desk.fails("checkout", "r2", "out")["kind"] in {"invalid-path", "integrity"}
    assert not (desk.root / "out").exists()


def test_a_component_with_files_where_another_has_a_file(desk: Desk) -> None:
    forge(desk, evil=line("a/b", b"evil"), more=line("a", b"evil"))

    assert desk.fails("checkout", "r2", "out")["kind"] in {"invalid-path", "integrity"}
    assert not (desk.root / "out").exists()


def test_a_component_that_brings_a_workspace_file_of_its_own_does_not_get_it_in(desk: Desk) -> None:
    forge(desk, evil=line("lastgood.toml", b"evil"))
    desk.run("checkout", "r2", "out")

    there = desk.root / "out/lastgood.toml"
    assert not there.exists() or there.read_bytes() == (desk.root / "lastgood.toml").read_bytes()


def newer(manifest: dict[str, Any]) -> None:
    manifest["schema"] = "lastgood.release/2"


def other(manifest: dict[str, Any]) -> None:
    manifest["schema"] = "sombody.elses/1"


def another_state(manifest: dict[str, Any]) -> None:
    manifest["state"] = "0" * 64


def another_behavior(manifest: dict[str, Any]) -> None:
    manifest["behavior"] = "0" * 64


def no_components(manifest: dict[str, Any]) -> None:
    del manifest["components"]


def hostile_name(manifest: dict[str, Any]) -> None:
    manifest["components"]["../evil"] = manifest["components"].pop("prompts")


def unknown_kind(manifest: dict[str, Any]) -> None:
    manifest["components"]["prompts"]["content"]["kind"] = "malware"


def no_time(manifest: dict[str, Any]) -> None:
    manifest["created"] = "yesterday"


@pytest.mark.parametrize("change", [newer, other, another_state, another_behavior, no_components, hostile_name, unknown_kind, no_time])
def test_a_manifest_that_is_not_right_is_refused(desk: Desk, change: Any) -> None:  # noqa: ANN401 - a change
    desk.tell("deploy", "prod")
    forge_manifest(desk, change)
    around = desk.root.parent
    before = picture(around)

    kind = "newer-schema" if change in {newer, unknown_kind} else "integrity"
    for command in (["show", "r2"], ["log"], ["status"], ["checkout", "r2", "out"], ["deploy", "prod", "r2"], ["diff", "r1", "r2"]):
        error = desk.fails(*command)
        assert error["kind"] == kind
        assert kind == "integrity" or error["hint"] == "upgrade lastgood"
    assert desk.run("verify").code == (7 if kind == "integrity" else 2)

    assert picture(around) == before
    # What others did does not keep anybody from what was there before.
    assert desk.number_in("prod") == 1
    assert desk.ask("show", "r1")["number"] == 1
    assert desk.ask("checkout", "r1", "out")["files"] == 4
    assert desk.ask("verify", "r1")["ok"] is True


def test_unknown_fields_survive(desk: Desk) -> None:
    def more(manifest: dict[str, Any]) -> None:
        manifest["later"] = {"colour": "blue"}

    forge_manifest(desk, more)

    assert desk.ask("show", "r2")["number"] == 2
    assert desk.ask("verify")["ok"] is True
    assert desk.ask("checkout", "r2", "out")["files"] == 4
