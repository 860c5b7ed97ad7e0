"""Hostile zips are refused by name before anything of them is used, within bounded memory, and nothing is written."""

from __future__ import annotations

import io
import json
import stat
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.errors import InvalidArchive, NotFound
from lastgood.importers.archive import Limits, open_archive
from lastgood.importers.slack import read_export
from tests.importers.talk import BEGIN, channels, message, users, write_files
from tests.model.values import effort

GOOD: dict[str, object] = {"channels.json": channels(), "users.json": users(), "general/2026-01-05.json": [message(0, BEGIN, "hello")]}


def read(path: Path, limits: Limits | None = None) -> int:
    with open_archive(path, limits or Limits()) as archive:
        return read_export(archive).messages


def refused(path: Path, limits: Limits | None = None) -> str:
    """Return why an export is refused."""
    with pytest.raises(InvalidArchive) as refusal:
        read(path, limits)
    assert "nothing was recorded" in refusal.value.message or "may be read" in refusal.value.message
    return str(refusal.value.details["reason"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "export.zip"


def test_a_good_one_is_read(path: Path) -> None:
    write_files(path, GOOD)
    assert read(path) == 1


def add(path: Path, name: str, data: bytes = b"[]", **more: Any) -> None:  # noqa: ANN401 - fields of an entry
    write_files(path, GOOD)
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        entry = zipfile.ZipInfo(name)
        for field, value in more.items():
            setattr(entry, field, value)
        archive.writestr(entry, data)


@pytest.mark.parametrize(
    "name",
    [
        "../evil.json",
        "general/../../evil.json",
        "/etc/passwd",
        "C:/evil.json",
        "a\\..\\evil.json",
        "general/\x1b[31m.json",
        "general/..",
        "..",
    ],
)
def test_a_name_that_leads_elsewhere(path: Path, name: str) -> None:
    add(path, name)
    assert refused(path) == "unsafe-name"
    assert sorted(one.name for one in path.parent.iterdir()) == ["export.zip"]


@pytest.mark.parametrize("name", ["users.json", "USERS.json"])
def test_a_name_that_stands_twice(path: Path, name: str) -> None:
    add(path, name)
    assert refused(path) == "duplicate"


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_a_link_or_a_device(path: Path, kind: int) -> None:
    add(path, "general/link.json", b"/etc/passwd", external_attr=(kind | 0o777) << 16)
    assert refused(path) == "link"


@pytest.mark.parametrize("name", ["more.zip", "general/x.tar", "x.GZ"])
def test_an_archive_within_the_archive(path: Path, name: str) -> None:
    add(path, name)
    assert refused(path) == "nested"


def patch(path: Path, change: Callable[[bytearray, int, int], None], name: bytes = b"users.json") -> None:
    """Change the local header and the entry in the table of contents of one file."""
    write_files(path, GOOD)
    data = bytearray(path.read_bytes())
    change(data, data.index(b"PK\x03\x04", data.index(name) - 30), data.rindex(name) - 46)
    path.write_bytes(data)


def test_an_encrypted_entry(path: Path) -> None:
    def encrypt(data: bytearray, local: int, central: int) -> None:
        data[local + 6] |= 1
        data[central + 8] |= 1

    patch(path, encrypt)
    assert refused(path) == "encrypted"


def test_another_compression(path: Path) -> None:
    def compress(data: bytearray, _: int, central: int) -> None:
        data[central + 10 : central + 12] = struct.pack("<H", 12)

    patch(path, compress)
    assert refused(path) == "unknown-compression"


def test_a_bomb_says_its_size(path: Path) -> None:
    add(path, "general/2026-01-06.json", b"[" + b" " * (20 << 20) + b"]", compress_type=zipfile.ZIP_DEFLATED)
    assert refused(path) == "bomb"


def test_a_bomb_that_lies_about_its_size(path: Path) -> None:
    """What is unpacked is counted: no more is read than the entry says of itself, and that must then be all of it."""
    write_files(path, GOOD)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(b" " * (64 << 20)) + packer.flush()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**GOOD, "general/2026-01-06.json": "x" * 9}.items():
            archive.writestr(name, json.dumps(content))
    data = bytearray(out.getvalue())
    central = data.rindex(b"general/2026-01-06.json") - 46
    local = data.index(b"general/2026-01-06.json") - 30
    # The bomb stands in the place of the entry's bytes, as the last one before the table of contents.
    begin = local + 30 + len(b"general/2026-01-06.json")
    table = data.index(b"PK\x01\x02")
    tail = data[table:]
    data[begin:] = packed + tail
    shift = begin + len(packed) - table
    central += shift
    data[central + 20 : central + 24] = struct.pack("<I", len(packed))
    end = data.rindex(b"PK\x05\x06")
    data[end + 16 : end + 20] = struct.pack("<I", begin + len(packed))
    path.write_bytes(data)
    assert refused(path) in {"damaged", "bomb"}


def test_more_than_may_be_read(path: Path) -> None:
    write_files(path, GOOD)
    assert refused(path, Limits(archive=100)) == "too-large"
    assert refused(path, Limits(entries=2)) == "too-many"
    assert refused(path, Limits(directory=50)) == "too-many"
    assert refused(path, Limits(entry=1_000)) == "too-large"
    assert refused(path, Limits(total=4_000)) == "too-large"


@pytest.mark.parametrize("wide", [False, True])
def test_a_table_of_contents_that_claims_too_much_is_not_read(path: Path, wide: bool) -> None:
    write_files(path, GOOD)
    data = bytearray(path.read_bytes())
    end = data.rindex(b"PK\x05\x06")
    if wide:
        record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 10**9, 10**9, 10**12, 0)
        locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1)
        data[end:end] = record + locator
    else:
        data[end + 10 : end + 12] = b"\xff\xff"
    path.write_bytes(data)
    assert refused(path) == ("too-many" if wide else "damaged")


@pytest.mark.parametrize("missing", ["users.json", "channels.json"])
def test_a_part_that_is_missing(path: Path, missing: str) -> None:
    write_files(path, {name: content for name, content in GOOD.items() if name != missing})
    assert refused(path) == "missing"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[{", "broken-json"),
        (b"\xff\xfe[\x00]\x00", "broken-json"),
        (b"[" * 100_000, "broken-json"),
        (b"", "broken-json"),
        (b"{}", "no-export"),
        (b'"text"', "no-export"),
    ],
    ids=["cut", "utf-16", "deep", "empty", "object", "text"],
)
@pytest.mark.parametrize("name", ["users.json", "channels.json", "general/2026-01-05.json"])
def test_json_that_is_none_or_another(path: Path, name: str, content: bytes, reason: str) -> None:
    write_files(path, {**GOOD, name: content})
    assert refused(path) == reason


@pytest.mark.parametrize("data", [b"", b"no zip at all", b"PK\x05\x06" + bytes(17), b"PK\x03\x04" + bytes(40)])
def test_what_is_no_zip(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    assert refused(path) == "no-zip"


def test_a_file_that_is_not_there(path: Path) -> None:
    with pytest.raises(NotFound):
        read(path)


def test_what_is_no_message_is_passed_over(path: Path) -> None:
    odd: list[object] = [
        *(None, 7, "text", [], {}, {"ts": 5}, {"ts": "x", "text": ""}, {"ts": "1.5", "text": None}, {"ts": "9" * 30 + ".1"}),
        *(
            {"ts": "1767600000.000100", "user": {"a": 1}},
            {"ts": "1767600000.000200", "user": "U000", "thread_ts": [], "reactions": {"a": 1}},
        ),
    ]
    write_files(
        path, {**GOOD, "general/2026-01-05.json": odd, "users.json": [None, {"id": 5}, *users()], "channels.json": [None, *channels()]}
    )
    with open_archive(path) as archive:
        export = read_export(archive)
    assert (export.messages, export.passed_over, len(export.threads)) == (11, 9, 1)


@effort(60)
@given(st.integers(0, 3_000), st.binary(min_size=1, max_size=8))
def test_any_byte_may_be_wrong(tmp_path_factory: pytest.TempPathFactory, place: int, wrong: bytes) -> None:
    """It is read, or refused by an error of ours."""
    path = tmp_path_factory.mktemp("zip") / "export.zip"
    write_files(path, GOOD)
    data = bytearray(path.read_bytes())
    place %= len(data)
    data[place : place + len(wrong)] = wrong
    path.write_bytes(data)
    with suppress(InvalidArchive):
        read(path)
