"""The lines that only one of two kept listings has, without reading what both are made of.

A listing of a million files has some 150 MB, and two of them mostly share their parts. So the parts of both are aligned, and
only what lies between runs of equal parts is read, widened to whole lines.

Why that finds every line: no line stands twice in a listing, since it names its path. A line that is not read lies within a
run that both sides have, so the other side has it as well. A line that is read and that both sides have is read on both:
otherwise it would lie within such a run, and the side where it was read would have it twice.

    before, after = differing_lines_of(files, old_digest, new_digest)
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import BinaryIO

from lastgood.compare.alignment import Effort, differing_spans
from lastgood.ids import FileDigest
from lastgood.model.listing import differing_lines
from lastgood.model.placement import FileAccess, FilePart

_AROUND = 4_096

_Region = tuple[int, int]


def differing_lines_of(files: FileAccess, old: FileDigest, new: FileDigest) -> tuple[bytes, bytes]:
    """Return the lines that only the old listing has, and those that only the new one has, each in its order.

    Raises:
        NotFound: one of them is not kept here.
        Integrity: a part is not what it should be.
    """
    before, after = files.parts_of(old), files.parts_of(new)
    spans = differing_spans([part.identity.hex() for part in before], [part.identity.hex() for part in after], Effort())
    old_regions = _places(before, [(span.old_start, span.old_end) for span in spans])
    new_regions = _places(after, [(span.new_start, span.new_end) for span in spans])
    return differing_lines(_read(files, old, old_regions), _read(files, new, new_regions))


def _places(parts: Sequence[FilePart], spans: Sequence[_Region]) -> list[_Region]:
    """Return where spans of parts lie, in bytes."""
    starts = [0, *accumulate(part.length for part in parts)]
    return [(starts[first], starts[end]) for first, end in spans]


def _read(files: FileAccess, digest: FileDigest, regions: Sequence[_Region]) -> bytes:
    with files.open_file(digest) as file:
        size = file.seek(0, os.SEEK_END)
        found = []
        for start, end in _joined([_whole_lines(file, region, size) for region in regions]):
            file.seek(start)
            found.append(file.read(end - start))
    return b"".join(found)


def _whole_lines(file: BinaryIO, region: _Region, size: int) -> _Region:
    """Widen a region to the start of its first line, and over the first line end that follows it."""
    start, end = region
    while start:
        at = max(0, start - _AROUND)
        file.seek(at)
        found = file.read(start - at).rfind(b"\n")
        if found >= 0:
            start = at + found + 1
            break
        start = at
    while end < size:
        file.seek(end)
        block = file.read(_AROUND)
        found = block.find(b"\n")
        if found >= 0:
            end += found + 1
            break
        end += len(block)
    return start, end


def _joined(regions: Iterable[_Region]) -> Iterable[_Region]:
    """Join regions, given in order, that overlap or touch."""
    joined: list[_Region] = []
    for start, end in regions:
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined
