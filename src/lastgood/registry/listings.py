"""Listings of many releases, searched as the bytes they are: of a million lines only those that are asked for are parsed.

listings = Listings(reader)
listings.find(content.listing, "prompts/system.md")        # a FileEntry, or None
"""

from __future__ import annotations

from collections.abc import Iterator

from lastgood.canonical import json_string
from lastgood.errors import Integrity, Invalid
from lastgood.ids import FileDigest
from lastgood.model.listing import FileEntry, differing_lines, read_listing
from lastgood.model.placement import FileReader
from lastgood.registry.points import LARGEST_LISTING

_KEPT = 64 << 20


class Listings:
    """Reads listings, and keeps the last ones.

    All that it answers raises `NotFound` where a listing is not kept, and `Integrity` where it is none.
    """

    def __init__(self, reader: FileReader) -> None:
        self._reader = reader
        self._read: dict[FileDigest, bytes] = {}
        self._size = 0

    def of(self, listing: FileDigest | None) -> bytes:
        """Return a listing as it is kept; that of a component without files is empty."""
        if listing is None:
            return b""
        if listing not in self._read:
            data = self._reader.read_file(listing, limit=LARGEST_LISTING)
            self._read[listing] = data
            self._size += len(data)
            while self._size > _KEPT and len(self._read) > 2:  # noqa: PLR2004 - those that are being compared
                self._size -= len(self._read.pop(next(iter(self._read))))
        return self._read[listing]

    def lines(self, listing: FileDigest | None, path: str) -> bytes:
        """Return the lines of a file, or of all that lie in a folder; nothing where the listing has none of that name."""
        data, name = self.of(listing), b'"path":' + json_string(path).encode()
        start, end = data.find(name + b","), -1
        if start >= 0:
            end = start
        else:
            below = name[:-1] + b"/"
            start, end = data.find(below), data.rfind(below)
        return b"" if start < 0 else data[data.rfind(b"\n", 0, start) + 1 : data.find(b"\n", end) + 1]

    def find(self, listing: FileDigest | None, path: str) -> FileEntry | None:
        """Return the file of a path."""
        return next((one for one in _entries(self.lines(listing, path)) if one.path == path), None)

    def with_bytes(self, listing: FileDigest | None, digest: FileDigest) -> list[FileEntry]:
        """Return the files that have some bytes, whatever they are called."""
        data, wanted = self.of(listing), f'"sha256":"{digest.hex()}"'.encode()
        found: list[FileEntry] = []
        place = data.find(wanted)
        while place >= 0:
            found += _entries(data[data.rfind(b"\n", 0, place) + 1 : data.find(b"\n", place) + 1])
            place = data.find(wanted, place + 1)
        return found

    def gone(self, old: FileDigest | None, new: FileDigest | None) -> list[FileEntry]:
        """Return the files of an old listing whose paths a new one has no more."""
        before, after = differing_lines(self.of(old), self.of(new))
        there = {one.path for one in _entries(after)}
        return [one for one in _entries(before) if one.path not in there]

    def entries(self, listing: FileDigest | None) -> list[FileEntry]:
        """Return all files."""
        return list(_entries(self.of(listing)))


def _entries(lines: bytes) -> Iterator[FileEntry]:
    try:
        yield from read_listing(lines)
    except Invalid as error:
        raise Integrity(f"a listing is not right: {error}") from error
