"""Which files of a release begin like a file with tensors and could not be laid out: they are kept as plain bytes.

for path, problem in layout_problems(entries, files).items():
    print(path, problem)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO, Protocol

from lastgood.errors import LastgoodError
from lastgood.formats.tensors import read_tensors
from lastgood.ids import FileDigest
from lastgood.model.listing import FileEntry

SMALLEST = 16 << 10
"""A smaller file is one chunk, so that nobody lays it out."""

MOST_LOOKED_AT = 200


class FileOpener(Protocol):
    """Opens kept files to be read from any place."""

    def open_file(self, digest: FileDigest) -> BinaryIO:
        """Open a kept file.

        Raises:
            NotFound: it is not kept here.
        """
        ...


def layout_problems(entries: Iterable[FileEntry], files: FileOpener) -> dict[str, str]:
    """Return, by path, why files that begin like ones with tensors are kept as plain bytes.

    The largest `MOST_LOOKED_AT` are looked at. What cannot be read has no problem here: that is a matter of `verify`.
    """
    looked_at = sorted((entry for entry in entries if entry.size > SMALLEST), key=lambda entry: -entry.size)[:MOST_LOOKED_AT]
    return {entry.path: problem for entry in looked_at if (problem := _problem_of(entry, files)) is not None}


def _problem_of(entry: FileEntry, files: FileOpener) -> str | None:
    try:
        with files.open_file(entry.digest) as source:
            found = read_tensors(source, entry.size)
    except LastgoodError:
        return None
    return None if found is None else found.problem
