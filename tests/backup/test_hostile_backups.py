"""Backups that were damaged, or made by somebody who means harm: exit 7, and nothing is made."""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from tests.cli.commands import Desk
from tests.hostile.watching import picture

Made = list[tuple[tarfile.TarInfo, bytes]]


@pytest.fixture
def whole(three: Desk) -> bytes:
    """A backup of three releases."""
    three.tell("backup", "backup.tar")
    return (three.root / "backup.tar").read_bytes()


def is_refused(tmp_path: Path, data: bytes, *kinds: str) -> None:
    place = tmp_path / "place"
    place.mkdir(exist_ok=True)
    (tmp_path / "hostile.tar").write_bytes(data)
    before = picture(tmp_path)
    error = Desk(place).fails("import", "backup", "../hostile.tar")
    assert error["kind"] in (kinds or ("integrity",)), error
    assert picture(tmp_path) == before


def test_every_part_of_it_counts(whole: bytes, tmp_path: Path) -> None:
    """Every byte of the headers, the manifest and the end, and some of everything else."""
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        members = archive.getmembers()
    headers = [place for member in members for place in range(member.offset, member.offset_data, 37)]
    first, last = members[0], members[-1]
    manifest = range(first.offset_data, first.offset_data + first.size, 41)
    end = range(last.offset_data, len(whole), 29)
    for place in sorted({*headers, *manifest, *end, *range(0, len(whole), len(whole) // 60)}):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << (place % 8)
        is_refused(tmp_path, bytes(damaged))


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\0", lambda data: data[: len(data) // 2], lambda _: b""])
def test_its_length_counts(whole: bytes, tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    is_refused(tmp_path, change(whole))


@pytest.mark.parametrize(
    "data", [b"garbage", bytes(10_240), b"\xff" * 4_096, b"SQLite format 3\0" + bytes(8_000)], ids=["text", "zeros", "ones", "sqlite"]
)
def test_what_is_no_backup(tmp_path: Path, data: bytes) -> None:
    is_refused(tmp_path, data)


def test_what_is_no_file(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    (tmp_path / "folder").mkdir()
    place = Desk(tmp_path / "place")
    assert place.fails("import", "backup", "../absent.tar")["kind"] == "not-found"
    assert place.fails("import", "backup", "../folder")["kind"] in {"unavailable", "invalid"}
    assert not list(place.root.iterdir())


def parts_of(whole: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        files = {member.name: opened.read() for member in archive if (opened := archive.extractfile(member)) is not None}
    return json.loads(files["manifest.json"]), files


def write(manifest: dict[str, Any], files: dict[str, bytes], *, change: Callable[[tarfile.TarInfo], None] = lambda _: None) -> bytes:
    """Write an archive as lastgood would, with a right proof around whatever the manifest says."""
    document = json.dumps(manifest, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
    proof = f"{hashlib.sha256(document).hexdigest()}  manifest.json\n".encode()
    out = io.BytesIO()
    listed = [one["name"] for one in manifest["members"] if isinstance(one, dict)]
    for name, data in [("manifest.json", document), *((name, files.get(name, b"")) for name in listed), ("manifest.json.sha256", proof)]:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        if not name.startswith("manifest.json"):
            change(info)
        out.write(info.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512))
    return out.getvalue() + bytes(1_024)


def test_the_forger_can_forge(whole: bytes) -> None:
    assert write(*parts_of(whole)) == whole


def named(name: str) -> Callable[[dict[str, Any], dict[str, bytes]], None]:
    def change(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
        one = manifest["members"][1]
        files[name] = files.pop(one["name"])
        one["name"] = name

    return change


def with_member(name: str, data: bytes) -> Callable[[dict[str, Any], dict[str, bytes]], None]:
    def change(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
        files[name] = data
        manifest["members"].append({"name": name, "size": len(data), "blake3": blake3(data).hexdigest()})

    return change


def set_to(key: str, value: object) -> Callable[[dict[str, Any], dict[str, bytes]], None]:
    return lambda manifest, _: manifest.__setitem__(key, value)


def in_catalog(*statements: str) -> Callable[[dict[str, Any], dict[str, bytes]], None]:
    def change(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as catalog:
            catalog.deserialize(files["catalog.db"])
            for statement in statements:
                catalog.execute(statement)
            files["catalog.db"] = data = catalog.serialize()
        manifest["members"][0] |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    return change


def another_catalog(data: bytes) -> Callable[[dict[str, Any], dict[str, bytes]], None]:
    def change(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
        files["catalog.db"] = data
        manifest["members"][0] |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    return change


FORGED = {
    "a path outside": named("../../evil.pack"),
    "an absolute path": named("/tmp/evil.pack"),  # noqa: S108  # it is refused
    "a path into the workspace": named("store/packs/../../../lastgood.toml"),
    "a file of the host": with_member("live.json", b"{}"),
    "a second catalog": with_member("catalog.db", b"x"),
    "a member twice": lambda manifest, _: manifest["members"].append(manifest["members"][1]),
    "the catalog last": lambda manifest, _: manifest["members"].append(manifest["members"].pop(0)),
    "no members": set_to("members", []),
    "members that are none": set_to("members", "all of them"),
    "a member that is none": set_to("members", [7]),
    "a pack that the catalog does not know": with_member(
        f"store/packs/{blake3(b'x').hexdigest()[:2]}/{blake3(b'x').hexdigest()}.pack", b"x"
    ),
    "a pack that is missing": lambda manifest, _: manifest["members"].pop(),
    "another registry": set_to("registry", "00000000-0000-4000-8000-000000000000"),
    "a registry that is no name": set_to("registry", "../evil"),
    "another length of history": set_to("events", 3),
    "no length of history": set_to("events", None),
    "more than is known": set_to("comment", "hello"),
    "another kind": set_to("schema", "lastgood.bundle/1"),
    "a catalog that is none": another_catalog(b"garbage" * 1_000),
    "a catalog of nothing": another_catalog(b""),
    "a rewritten event": in_catalog("UPDATE events SET leaf = zeroblob(32) WHERE sequence = 1"),
    "a fact that does not follow": in_catalog("UPDATE fact_environments SET revision = 1"),
    "a text that is another": in_catalog("UPDATE texts SET text = 'I never said that' WHERE text = 'first'"),
    "a trigger": in_catalog("CREATE TRIGGER evil AFTER INSERT ON events BEGIN DELETE FROM texts; END"),
    "a view": in_catalog("ALTER TABLE index_labels RENAME TO hidden", "CREATE VIEW index_labels AS SELECT * FROM hidden"),
}


@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED.keys())
def test_forged(whole: bytes, tmp_path: Path, change: Callable[[dict[str, Any], dict[str, bytes]], None]) -> None:
    manifest, files = parts_of(whole)
    change(manifest, files)
    is_refused(tmp_path, write(manifest, files))


@pytest.mark.parametrize("change", [set_to("schema", "lastgood.backup/2"), in_catalog("UPDATE alembic_version SET version_num = '9999'")])
def test_of_a_newer_version(whole: bytes, tmp_path: Path, change: Callable[[dict[str, Any], dict[str, bytes]], None]) -> None:
    manifest, files = parts_of(whole)
    change(manifest, files)
    is_refused(tmp_path, write(manifest, files), "newer-schema")


def link(info: tarfile.TarInfo) -> None:
    info.type = tarfile.SYMTYPE
    info.linkname = "/etc/passwd"


@pytest.mark.parametrize(
    "change",
    [
        link,
        lambda info: setattr(info, "type", tarfile.LNKTYPE),
        lambda info: setattr(info, "type", tarfile.FIFOTYPE),
        lambda info: setattr(info, "type", tarfile.CHRTYPE),
        lambda info: setattr(info, "mode", 0o4777),
        lambda info: setattr(info, "uname", "root"),
        lambda info: setattr(info, "mtime", 1),
    ],
)
def test_headers_that_say_more(whole: bytes, tmp_path: Path, change: Callable[[tarfile.TarInfo], None]) -> None:
    is_refused(tmp_path, write(*parts_of(whole), change=change))


@pytest.mark.parametrize("size", [-1, 0, 1 << 62, 2**53 - 1, "7", 1.5, True, None])
def test_sizes_that_are_none(whole: bytes, tmp_path: Path, size: object) -> None:
    manifest, files = parts_of(whole)
    manifest["members"][1]["size"] = size
    is_refused(tmp_path, write(manifest, files))
