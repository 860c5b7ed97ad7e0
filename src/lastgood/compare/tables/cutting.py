"""Which lines two sides share, from the parts of their files, so that only the others need to be compared.

Rules: parts are aligned by their identities; a run of parts that both sides have holds the same lines, but for the pieces of
lines at its two ends, which belong to what is around it. Since each line of a run stands on both sides, leaving it out on
both changes nothing about which rows were added, removed or changed, wherever else such a row stands. A quoted line end of
CSV may hide that a line is none, so CSV is cut only where no quote is in any of its files and their headers are the same.

    cut = cut_files(TableFormat.JSONL, old_entries, new_entries, files)
    cut.old[0]        # what of the first old file has to be compared
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import BinaryIO, NamedTuple

from lastgood.compare.alignment import Effort, Span, differing_spans
from lastgood.formats.tables import TableFormat
from lastgood.model.listing import FileEntry
from lastgood.model.placement import FileAccess

SHORTEST_RUN = 32 << 10
"""Runs of fewer bytes are compared: to find their first and last line costs as much."""

LEAST_SHARED = 0.5
"""Files that share less of what the old side has are not cut: looking for the ends of many short runs costs more."""

_BLOCK = 8 << 10
_READ = 1 << 20
_LONGEST_HEADER = 1 << 20
_LINE_END = b"\n"


class Range(NamedTuple):
    """Bytes of a file, from `start` to before `end`."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """How many they are."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Cut:
    """What has to be compared of each file, and what both sides share, as it lies in the old files.

    Attributes:
        old: of each old file, the ranges that are not shared, in order.
        new: likewise of each new file.
        shared: of each old file, the ranges that are shared.
    """

    old: tuple[tuple[Range, ...], ...]
    new: tuple[tuple[Range, ...], ...]
    shared: tuple[tuple[Range, ...], ...]

    @property
    def shared_bytes(self) -> int:
        """How many bytes both sides share."""
        return _total(self.shared)

    @property
    def differing_bytes(self) -> int:
        """How many bytes have to be compared, of both sides together."""
        return _total(self.old) + _total(self.new)


def _total(ranges: Sequence[Sequence[Range]]) -> int:
    return sum(one.length for of_file in ranges for one in of_file)


class _Run(NamedTuple):
    """The same bytes in two files."""

    old_file: int
    old_start: int
    new_file: int
    new_start: int
    length: int

    @property
    def old_end(self) -> int:
        """Where it ends in the old file."""
        return self.old_start + self.length


def cut_files(form: TableFormat, old: Sequence[FileEntry], new: Sequence[FileEntry], files: FileAccess) -> Cut:
    """Cut the files of one format.

    Raises:
        NotFound: a file is not kept here.
        Integrity: a file is damaged.
    """
    if form is TableFormat.PARQUET:
        return _whole(old, new)
    runs = [run for run in _runs(old, new, files) if run.length >= SHORTEST_RUN]
    if sum(run.length for run in runs) < LEAST_SHARED * sum(entry.size for entry in old):
        return _whole(old, new)
    inner = list(_lines_of_all(runs, old, new, files))
    if not inner:
        return _whole(old, new)
    cut = Cut(
        tuple(_rest(at, entry, [(run.old_file, run.old_start, run.length) for run in inner]) for at, entry in enumerate(old)),
        tuple(_rest(at, entry, [(run.new_file, run.new_start, run.length) for run in inner]) for at, entry in enumerate(new)),
        tuple(_shared(at, inner) for at in range(len(old))),
    )
    if form is not TableFormat.JSONL and not _is_bare(cut, old, new, files):
        return _whole(old, new)
    return cut


def _whole(old: Sequence[FileEntry], new: Sequence[FileEntry]) -> Cut:
    return Cut(
        tuple((Range(0, entry.size),) for entry in old),
        tuple((Range(0, entry.size),) for entry in new),
        tuple(() for _ in old),
    )


def _shared(at: int, runs: Sequence[_Run]) -> tuple[Range, ...]:
    return tuple(sorted(Range(run.old_start, run.old_start + run.length) for run in runs if run.old_file == at))


def _rest(at: int, entry: FileEntry, runs: Sequence[tuple[int, int, int]]) -> tuple[Range, ...]:
    """Return what of a file is in none of the runs."""
    rest, last = [], 0
    for start, length in sorted((start, length) for file, start, length in runs if file == at):
        rest.append(Range(last, start))
        last = start + length
    return tuple(one for one in [*rest, Range(last, entry.size)] if one.length)


class _Sequence:
    """The parts of files one after the other, with something of its own between two files."""

    def __init__(self, side: str, entries: Sequence[FileEntry], files: FileAccess) -> None:
        self.names: list[str] = []
        self.places: list[tuple[int, int]] = []
        self.lengths: list[int] = []
        for at, entry in enumerate(entries):
            offset = 0
            for part in files.parts_of(entry.digest):
                self._add(part.identity.hex(), (at, offset), part.length)
                offset += part.length
            self._add(f"{side} {at}", (at, offset), 0)

    def _add(self, name: str, place: tuple[int, int], length: int) -> None:
        self.names.append(name)
        self.places.append(place)
        self.lengths.append(length)


def _runs(old: Sequence[FileEntry], new: Sequence[FileEntry], files: FileAccess) -> Iterator[_Run]:
    """Yield the longest runs of parts that both sides have in the same order."""
    before, after = _Sequence("old", old, files), _Sequence("new", new, files)
    old_at = new_at = 0
    end = Span(len(before.names), len(before.names), len(after.names), len(after.names))
    for span in [*differing_spans(before.names, after.names, Effort()), end]:
        if span.old_start > old_at:
            yield _Run(*before.places[old_at], *after.places[new_at], sum(before.lengths[old_at : span.old_start]))
        old_at, new_at = span.old_end, span.new_end


def _lines_of_all(runs: Sequence[_Run], old: Sequence[FileEntry], new: Sequence[FileEntry], files: FileAccess) -> Iterator[_Run]:
    """Yield the whole lines of runs, which are sorted by their old file; each file is opened once."""
    for at, of_file in groupby(runs, key=lambda run: run.old_file):
        with files.open_file(old[at].digest) as file:
            for run in of_file:
                ends_both = run.old_end == old[at].size and run.new_start + run.length == new[run.new_file].size
                lines = _lines_of(file, run, ends_both=ends_both)
                if lines.length > 0:
                    yield lines


def _lines_of(file: BinaryIO, run: _Run, *, ends_both: bool) -> _Run:
    """Return the whole lines of a run; one that both files begin or end with needs no line end there."""
    starts_both = run.old_start == run.new_start == 0
    first = 0 if starts_both else _after_first_line(file, run.old_start, run.old_end) - run.old_start
    last = run.length if ends_both else _after_last_line(file, run.old_start, run.old_end) - run.old_start
    return _Run(run.old_file, run.old_start + first, run.new_file, run.new_start + first, last - first)


def _after_first_line(file: BinaryIO, start: int, end: int) -> int:
    """Return where the second line begins, or `end` where there is none."""
    file.seek(start)
    while start < end:
        block = file.read(min(_BLOCK, end - start))
        at = block.find(_LINE_END)
        if at >= 0 or not block:
            return start + at + 1 if block else end
        start += len(block)
    return end


def _after_last_line(file: BinaryIO, start: int, end: int) -> int:
    """Return where the last line that ends in a range ends, or `start` where none does."""
    while end > start:
        begin = max(start, end - _BLOCK)
        file.seek(begin)
        at = file.read(end - begin).rfind(_LINE_END)
        if at >= 0:
            return begin + at + 1
        end = begin
    return start


def _is_bare(cut: Cut, old: Sequence[FileEntry], new: Sequence[FileEntry], files: FileAccess) -> bool:
    """Whether no quote stands in any file, and all begin with one line; looked at only where most is shared."""
    if cut.shared_bytes < cut.differing_bytes:
        return False
    headers = set()
    for entries, ranges in ((old, cut.old), (new, cut.new), (old, cut.shared)):
        for entry, of_file in zip(entries, ranges, strict=True):
            with files.open_file(entry.digest) as file:
                headers.add(header := file.readline(_LONGEST_HEADER))
                if len(headers) > 1 or not header.endswith(_LINE_END) or any(_has_quote(file, one) for one in of_file):
                    return False
    return True


def _has_quote(file: BinaryIO, of: Range) -> bool:
    file.seek(of.start)
    left = of.length
    while left and (block := file.read(min(_READ, left))):
        if b'"' in block:
            return True
        left -= len(block)
    return False
