"""The listing of a component: which files it has, one canonical JSON line each.

The rule, in words: `{"mode","path","sha256","size"}` in RFC 8785 and a line feed, paths from the workspace root,
sorted by the bytes of the path, no path twice. A listing is itself kept as a file, so a million-file dataset dedupes
and diffs like one; its SHA-256 is what a component's content names.

    >>> entry = FileEntry("a.txt", Mode.FILE, FileDigest.of(b"hi"), 2)
    >>> write_listing([entry]).decode()[:40]
    '{"mode":"file","path":"a.txt","sha256":"'
    >>> read_listing(write_listing([entry])) == [entry]
    True
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from lastgood.canonical import LARGEST_INTEGER, json_string
from lastgood.errors import InvalidManifest, InvalidName
from lastgood.ids import FileDigest
from lastgood.model.paths import check_path, check_together


class Mode(StrEnum):
    """What of a file's permissions is kept: whether its owner may execute it."""

    FILE = "file"
    EXEC = "exec"

    @property
    def permissions(self) -> int:
        """The permission bits that a checkout asks for; the process's umask takes away from them."""
        return 0o777 if self is Mode.EXEC else 0o666


_MODES = {mode.value.encode(): mode for mode in Mode}


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a component: its path from the workspace root, mode, digest and size in bytes."""

    path: str
    mode: Mode
    digest: FileDigest
    size: int


def write_listing(entries: Iterable[FileEntry]) -> bytes:
    """Write entries as a listing, in the order of their paths' bytes."""
    return "".join(
        f'{{"mode":"{entry.mode.value}","path":{json_string(entry.path)},"sha256":"{entry.digest.hex()}","size":{entry.size}}}\n'
        for entry in sorted(entries, key=lambda entry: entry.path.encode())
    ).encode()


def read_listing(data: bytes) -> list[FileEntry]:
    """Read a listing, checking every rule, since it may come from anywhere.

    Raises:
        InvalidManifest: a line is not canonical, or lines are not in order.
        InvalidPath: a path must not be in a release.
    """
    if data and not data.endswith(b"\n"):
        raise InvalidManifest("a listing ends in the middle of a line")
    entries = list(_read_lines(data))
    check_together(entry.path for entry in entries)
    return entries


def differing_lines(old: bytes, new: bytes) -> tuple[bytes, bytes]:
    """Return the lines that only one of two listings has, each side in its order.

    Both are listings then, of the files that differ, so that comparing costs what changed and not what exists.
    """
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    both = set(before).intersection(after)
    return b"".join(line for line in before if line not in both), b"".join(line for line in after if line not in both)


def _read_lines(data: bytes) -> Iterator[FileEntry]:
    before = b""
    for number, line in enumerate(data.splitlines(keepends=True), start=1):
        entry = _read_plain(line) or _read_any(line, number)
        path = entry.path.encode()
        if path <= before:
            raise InvalidManifest(f"line {number} of a listing is out of order")
        before = path
        yield entry


# A line whose path needs no escape: its form alone shows that it is canonical, at a quarter of the cost of parsing it.
_PLAIN = re.compile(rb'\{"mode":"(file|exec)","path":"([^"\\\x00-\x1f]+)","sha256":"([0-9a-f]{64})","size":(0|[1-9][0-9]{0,14})\}\n')


def _read_plain(line: bytes) -> FileEntry | None:
    found = _PLAIN.fullmatch(line)
    if found is None:
        return None
    mode, path, digest, size = found.groups()
    try:
        text = path.decode()
    except UnicodeDecodeError:
        return None
    return FileEntry(check_path(text), _MODES[mode], FileDigest(bytes.fromhex(digest.decode())), int(size))


def _read_any(line: bytes, number: int) -> FileEntry:
    try:
        fields = json.loads(line)
        digest = bytes.fromhex(fields["sha256"])
        entry = FileEntry(check_path(fields["path"]), Mode(fields["mode"]), FileDigest(digest), int(fields["size"]))
    except (InvalidName, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InvalidManifest(f"line {number} of a listing is not right: {error}") from error
    if not 0 <= entry.size <= LARGEST_INTEGER or write_listing([entry]) != line:
        raise InvalidManifest(f"line {number} of a listing is not in canonical form")
    return entry
