"""Of two kept listings only what they do not share is read, and no line that differs is overlooked."""

from __future__ import annotations

import hashlib
import io
from typing import BinaryIO

from hypothesis import given
from hypothesis import strategies as st

from lastgood.ids import FileDigest
from lastgood.model.listing import FileEntry, Mode, differing_lines, write_listing
from lastgood.model.placement import FilePart
from lastgood.registry.listing_lines import differing_lines_of


class CutFiles:
    """Files in memory, cut where their own bytes say, so that what two share is cut alike; counts the bytes that are read."""

    def __init__(self, *files: bytes, every: int) -> None:
        self.bytes = {FileDigest.of(data): data for data in files}
        self.every = every
        self.read = 0

    def read_file(self, digest: FileDigest, *, limit: int | None = None) -> bytes:
        raise AssertionError("a listing was read whole")

    def open_file(self, digest: FileDigest) -> BinaryIO:
        counted = self

        class Counted(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                data = super().read(size)
                counted.read += len(data)
                return data

        return Counted(self.bytes[digest])

    def parts_of(self, digest: FileDigest) -> list[FilePart]:
        data, parts, start = self.bytes[digest], [], 0
        for end in range(1, len(data) + 1):
            if end == len(data) or hashlib.blake2b(data[max(0, end - 8) : end], digest_size=4).digest()[0] % self.every == 0:
                parts.append(FilePart(hashlib.sha256(data[start:end]).digest(), end - start))
                start = end
        return parts


def listing_of(files: dict[str, int]) -> bytes:
    return write_listing(FileEntry(path, Mode.FILE, FileDigest.of(b"%d" % content), content) for path, content in files.items())


LISTINGS = st.dictionaries(st.text("abc/", min_size=1, max_size=12), st.integers(0, 3), max_size=30)


@given(LISTINGS, LISTINGS, st.sampled_from([2, 5, 17, 60, 250]))
def test_the_lines_are_those_of_reading_both_whole(old: dict[str, int], new: dict[str, int], every: int) -> None:
    before, after = listing_of(old), listing_of({**old, **new} if every % 2 else new)
    files = CutFiles(before, after, every=every)
    assert differing_lines_of(files, FileDigest.of(before), FileDigest.of(after)) == differing_lines(before, after)


def test_of_two_long_listings_little_is_read() -> None:
    files = {f"data/{number:05}.json": number for number in range(5_000)}
    before, after = listing_of(files), listing_of({**files, "data/02500.json": 7})
    kept = CutFiles(before, after, every=250)
    old, new = differing_lines_of(kept, FileDigest.of(before), FileDigest.of(after))
    assert (old.count(b"\n"), new.count(b"\n")) == (1, 1)
    assert kept.read < len(before) // 10
