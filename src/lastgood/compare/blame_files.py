"""Which version brought each file: where a file has parts of its own, that is how they are told; where not, it is a part itself.

>>> [type(one).__name__ for one in tracers_of(Kind.CONFIG, "config/routing.yaml", files=None)]
['KeyTracer', 'LineTracer']
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lastgood.canonical import JsonObject
from lastgood.compare.blame import LineTracer, Tracer, Untraceable
from lastgood.errors import Invalid, NotFound
from lastgood.formats.configs import config_format
from lastgood.ids import FileDigest
from lastgood.model.component import Kind
from lastgood.model.listing import FileEntry, read_listing
from lastgood.model.placement import FileAccess


@dataclass(frozen=True, slots=True)
class WholeFile:
    """A file as one part."""

    path: str
    digest: FileDigest
    size: int

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"file": self.path, "sha256": str(self.digest), "size": self.size}


@dataclass(frozen=True, slots=True)
class TracedFile:
    """The version that a file's bytes come from."""

    origin: int


class WholeTracer:
    """Follows the bytes of one file, without reading them."""

    def __init__(self, entry: FileEntry) -> None:
        self.notes: list[str] = []
        self._part = WholeFile(entry.path, entry.digest, entry.size)

    def trace(self, before: Sequence[TracedFile], digest: FileDigest, version: int) -> TracedFile:  # noqa: ARG002  # it is another one
        """Return that these bytes are new."""
        return TracedFile(version)

    def parts(self, trace: TracedFile) -> Iterator[tuple[WholeFile, int]]:
        """Yield the file."""
        yield self._part, trace.origin


@dataclass(frozen=True, slots=True)
class TracedListing:
    """The files of a listing by path, each with the version that its bytes come from."""

    files: dict[str, tuple[FileEntry, int]]


class ListingTracer:
    """Follows all files of a component together; one that has the bytes of one that went was renamed."""

    def __init__(self, files: FileAccess, largest: int) -> None:
        self.notes: list[str] = []
        self._files = files
        self._largest = largest

    def trace(self, before: Sequence[TracedListing], digest: FileDigest, version: int) -> TracedListing:
        """Return where the files of a listing come from."""
        try:
            entries = read_listing(self._files.read_file(digest, limit=self._largest))
        except NotFound as error:
            raise Untraceable("its listing is not kept here") from error
        except Invalid as error:
            raise Untraceable(f"its listing cannot be read ({error})") from error
        paths = {one.path for one in entries}
        origins: dict[str, int] = {}
        for older in before:
            went = {one.digest: origin for path, (one, origin) in older.files.items() if path not in paths and one.size}
            for one in entries:
                entry, origin = older.files.get(one.path, (None, version))
                known = origin if entry is not None and entry.digest == one.digest else went.get(one.digest) if entry is None else None
                if known is not None:
                    origins.setdefault(one.path, known)
        return TracedListing({one.path: (one, origins.get(one.path, version)) for one in entries})

    def parts(self, trace: TracedListing) -> Iterator[tuple[WholeFile, int]]:
        """Yield the files."""
        return ((WholeFile(one.path, one.digest, one.size), origin) for one, origin in trace.files.values())


def tracers_of(kind: Kind, path: str, files: FileAccess, *, lines: bool = False, moves: bool = False) -> list[Tracer[Any]]:
    """Return what may follow the parts of a file, the best first; what reads a kind is imported where it is needed.

    Args:
        kind: of its component.
        path: its name.
        files: has its bytes.
        lines: whether it is to be told by lines, whatever it is.
        moves: whether lines that moved within the file keep their origins.
    """
    by_lines = LineTracer(files, moves=moves)
    if lines:
        return [by_lines]
    if kind in {Kind.CONFIG, Kind.ARTIFACT} and config_format(path) is not None:
        from lastgood.compare.blame_keys import KeyTracer  # noqa: PLC0415

        return [KeyTracer(path, files), by_lines]
    if kind is Kind.ARTIFACT:
        from lastgood.compare.blame_tensors import TensorTracer  # noqa: PLC0415

        return [TensorTracer(files), by_lines]
    return [by_lines]
