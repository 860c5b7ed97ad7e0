"""Listings: canonical JSON lines in order, and nothing else is read as one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from lastgood.errors import InvalidManifest, InvalidPath, LastgoodError
from lastgood.ids import FileDigest
from lastgood.model.listing import FileEntry, Mode, differing_lines, read_listing, write_listing
from lastgood.model.paths import check_path, check_together
from tests.model.values import digests, effort, texts


def can_stand_together(paths: list[str]) -> bool:
    try:
        check_together(map(check_path, paths))
    except InvalidPath:
        return False
    return True


def as_paths(chosen: list[str]) -> list[str]:
    """Make paths of any texts, as close to them as the rules allow: nothing is drawn in vain, as a filter would."""
    made: list[str] = []
    for text in chosen:
        path = next(one for one in (text, f"p{text}", f"p{text.encode('utf-16', 'surrogatepass').hex()}") if can_stand_together([one[:99]]))
        made += [path[:99]] if can_stand_together([*made, path[:99]]) else []
    return made


paths = st.lists(texts, max_size=6).map(as_paths)
entries = paths.flatmap(
    lambda chosen: st.tuples(
        *(st.builds(FileEntry, st.just(path), st.sampled_from(Mode), digests(FileDigest), st.integers(0, 2**53 - 1)) for path in chosen),
    ).map(list),
)

A = FileEntry("a.txt", Mode.FILE, FileDigest.of(b"a"), 1)
B = FileEntry("b/é 😀.txt", Mode.EXEC, FileDigest.of(b"b"), 5_000_000_000)
LISTING = (
    '{"mode":"file","path":"a.txt","sha256":"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb","size":1}\n'
    '{"mode":"exec","path":"b/é 😀.txt","sha256":"3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d","size":5000000000}\n'
).encode()


def test_golden() -> None:
    assert write_listing([B, A]) == LISTING
    assert read_listing(LISTING) == [A, B]
    assert FileDigest.of(LISTING).hex() == "7d33b92e35804313fa92aec9a38b47930e7782a0a553974d035d309bce0d3cf9"


def test_a_path_may_hold_what_json_escapes() -> None:
    for path in ('say "hi".txt', "a'b", "\u2028", "\ufeffx", "a b"):
        entry = FileEntry(path, Mode.EXEC, A.digest, 2**53 - 1)
        assert read_listing(write_listing([entry])) == [entry]
        assert rfc8785.dumps(json.loads(write_listing([entry]))) + b"\n" == write_listing([entry])


@effort(40)
@given(entries, entries)
def test_only_the_lines_that_differ_are_compared(old: list[FileEntry], new: list[FileEntry]) -> None:
    changed = [replace(one, size=0) for one in old[::2]] + old[1::2]
    for other in (new, changed, old):
        before, after = differing_lines(write_listing(old), write_listing(other))
        assert set(read_listing(before)) == set(old) - set(other)
        assert set(read_listing(after)) == set(other) - set(old)


def test_paths_sort_by_their_bytes_and_not_by_utf_16() -> None:
    order = ["B", "a-b", "a.b", "a/b", "c", "é", "\uffee", "😀"]
    data = write_listing([FileEntry(path, Mode.FILE, A.digest, 0) for path in reversed(order)])
    assert [entry.path for entry in read_listing(data)] == order


def test_no_files_are_no_lines() -> None:
    assert write_listing([]) == b""
    assert read_listing(b"") == []


@effort(40)
@given(entries)
def test_a_listing_is_read_as_it_was_written(chosen: list[FileEntry]) -> None:
    data = write_listing(chosen)
    assert read_listing(data) == sorted(chosen, key=lambda one: one.path.encode())
    assert write_listing(reversed(chosen)) == data, "the order in which files are named does not matter"


@effort(40)
@given(entries)
def test_each_line_is_rfc_8785(chosen: list[FileEntry]) -> None:
    for line in write_listing(chosen).splitlines(keepends=True):
        assert rfc8785.dumps(json.loads(line)) + b"\n" == line


@effort(50)
@given(entries.filter(bool), st.data())
def test_one_wrong_byte_is_never_read_as_the_same_listing(chosen: list[FileEntry], data: st.DataObject) -> None:
    listing = bytearray(write_listing(chosen))
    place = data.draw(st.integers(0, len(listing) - 1))
    listing[place] ^= data.draw(st.integers(1, 255))
    try:
        found = read_listing(bytes(listing))
    except (InvalidManifest, InvalidPath):
        return
    assert write_listing(found) == listing
    assert found != chosen


@effort(40)
@given(st.binary(max_size=60) | st.text('{}":,\n', max_size=60).map(str.encode))
def test_hostile_bytes_are_a_listing_or_an_error_of_ours(data: bytes) -> None:
    try:
        found = read_listing(data)
    except (InvalidManifest, InvalidPath):
        return
    assert write_listing(found) == data


DIGEST = A.digest.hex()
LINE = LISTING.splitlines(keepends=True)[0].decode()
HOSTILE: dict[str, str | bytes | Callable[[], bytes]] = {
    "no line feed at the end": LINE[:-1],
    "cut in the middle": LINE[:40],
    "an empty line": LINE + "\n",
    "CR LF": LINE[:-1] + "\r\n",
    "a carriage return for a line feed": LINE[:-1] + "\r",
    "a space": LINE.replace(":", ": ", 1),
    "keys in another order": f'{{"path":"a.txt","mode":"file","sha256":"{DIGEST}","size":1}}\n',
    "a key more": LINE.replace('"size":1', '"size":1,"x":1'),
    "a key less": LINE.replace(',"size":1', ""),
    "a key twice": LINE.replace('"size":1', '"size":1,"size":1'),
    "no object": "[]\n",
    "null": "null\n",
    "not JSON": "hello\n",
    "an escape that was not needed": LINE.replace("a.txt", "\\u0061.txt"),
    "an escaped slash": LINE.replace("a.txt", "a\\/b"),
    "UTF-16": LINE.encode("utf-16"),
    "a byte order mark": LINE.encode("utf-8-sig"),
    "no UTF-8": LINE.encode().replace(b"a.txt", b"\xff"),
    "an upper-case digest": LINE.replace(DIGEST, DIGEST.upper()),
    "a short digest": LINE.replace(DIGEST, DIGEST[:-2]),
    "a digest with a space": LINE.replace(DIGEST, DIGEST[:32] + " " + DIGEST[32:]),
    "a digest that is none": LINE.replace(DIGEST, "x" * 64),
    "a digest that is a number": LINE.replace(f'"{DIGEST}"', "1"),
    "another mode": LINE.replace('"file"', '"link"'),
    "a mode that is none": LINE.replace('"file"', "null"),
    "a negative size": LINE.replace('"size":1', '"size":-1'),
    "a negative zero": LINE.replace('"size":1', '"size":-0'),
    "a size with a fraction": LINE.replace('"size":1', '"size":1.0'),
    "a size in words": LINE.replace('"size":1', '"size":"1"'),
    "a size that is true": LINE.replace('"size":1', '"size":true'),
    "a size that is null": LINE.replace('"size":1', '"size":null'),
    "a size beyond what JSON can count": LINE.replace('"size":1', f'"size":{2**53}'),
    "a size without end": LINE.replace('"size":1', '"size":1e999'),
    "a size that is NaN": LINE.replace('"size":1', '"size":NaN'),
    "a size of 10,000 digits": LINE.replace('"size":1', f'"size":{"9" * 10_000}'),
    "nested too deeply": lambda: b"[" * 200_000 + b"\n",
    "a path that is a list": LINE.replace('"a.txt"', '["a.txt"]'),
    "a path that is null": LINE.replace('"a.txt"', "null"),
    "a path twice": LINE + LINE,
    "out of order": b"".join(LISTING.splitlines(keepends=True)[::-1]),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_listings(data: str | bytes | Callable[[], bytes]) -> None:
    raw = data.encode() if isinstance(data, str) else data if isinstance(data, bytes) else data()
    assert raw != LISTING
    with pytest.raises(InvalidManifest) as caught:
        read_listing(raw)
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize("path", ["../a", "/a", "a\\\\b", "a\\u0000", "\\ud800", "cafe\u0301", ".lastgood/x", "a/../b", ""])
def test_hostile_paths(path: str) -> None:
    with pytest.raises((InvalidPath, InvalidManifest)) as caught:
        read_listing(LINE.replace("a.txt", path).encode())
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("others", [["A.txt"], ["a.txt/b"]])
def test_paths_are_checked_together(others: list[str]) -> None:
    both = write_listing([A, *(FileEntry(path, Mode.FILE, A.digest, 0) for path in others)])
    with pytest.raises(InvalidPath):
        read_listing(both)


def test_a_problem_is_named_by_its_line() -> None:
    with pytest.raises(LastgoodError, match="line 2 of a listing"):
        read_listing(LISTING.replace(b'"exec"', b'"ExeC"'))


def test_modes() -> None:
    assert Mode.FILE.permissions == 0o666
    assert Mode.EXEC.permissions == 0o777
