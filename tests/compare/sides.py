"""What the tests of comparing share: sides made of texts, and the bytes behind them.

old, new, kept = Kept.of(Kind.PROMPT, {"prompts/system.md": "Be brief."}, {"prompts/system.md": "Be kind."})
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import BinaryIO

from lastgood.canonical import Json
from lastgood.compare.change import ComponentChange
from lastgood.compare.comparer import ComponentSide
from lastgood.compare.components import compare_component
from lastgood.compare.text_change import LineChange, Piece, Segment
from lastgood.errors import Invalid, NotFound
from lastgood.ids import ComponentName, ContentDigest, FileDigest
from lastgood.model.component import Kind
from lastgood.model.listing import FileEntry, Mode, write_listing
from lastgood.model.placement import FilePart

Files = Mapping[str, str | bytes]
NAME = ComponentName.parse("part")


class Kept:
    """Files in memory, read as `FileAccess` promises; `reads` says which were."""

    def __init__(self) -> None:
        self.bytes: dict[FileDigest, bytes] = {}
        self.reads: list[FileDigest] = []

    def read_file(self, digest: FileDigest, *, limit: int | None = None) -> bytes:
        self.reads.append(digest)
        if digest not in self.bytes:
            raise NotFound(f"the file {digest.short} is not kept here")
        data = self.bytes[digest]
        if limit is not None and len(data) > limit:
            raise Invalid(f"the file {digest.short} is larger than {limit} bytes")
        return data

    def open_file(self, digest: FileDigest) -> BinaryIO:
        return io.BytesIO(self.read_file(digest))

    def parts_of(self, digest: FileDigest) -> list[FilePart]:
        if digest not in self.bytes:
            raise NotFound(f"the file {digest.short} is not kept here")
        return [FilePart(digest, len(self.bytes[digest]))]

    def keep(self, content: str | bytes) -> FileDigest:
        """Keep one file."""
        data = content.encode() if isinstance(content, str) else content
        digest = FileDigest.of(data)
        self.bytes[digest] = data
        return digest

    def side(self, kind: Kind, files: Files, executable: frozenset[str] = frozenset(), **fields: Json) -> ComponentSide:
        """Keep files and return a component made of them."""
        entries = []
        for path, content in sorted(files.items()):
            digest = self.keep(content)
            entries.append(FileEntry(path, Mode.EXEC if path in executable else Mode.FILE, digest, len(self.bytes[digest])))
        identity = f"{kind}{sorted(fields.items())}".encode() + write_listing(entries)
        return ComponentSide(kind, ContentDigest.of(identity), tuple(entries), fields)


def compare_files_of(kind: Kind, old: Files, new: Files) -> ComponentChange:
    """Compare two components of one kind that are nothing but files."""
    kept = Kept()
    return compare_component(NAME, kept.side(kind, old), kept.side(kind, new), kept)


def compare_one(kind: Kind, path: str, old: str | bytes, new: str | bytes) -> ComponentChange:
    """Compare two components of one kind that are one file each."""
    return compare_files_of(kind, {path: old}, {path: new})


def marked(segments: tuple[Segment, ...]) -> str:
    """Write segments the way word differences are usually written."""
    marks = {Piece.EQUAL: "{}", Piece.REMOVED: "[-{}-]", Piece.ADDED: "{{+{}+}}"}
    return "".join(marks[segment.piece].format(segment.text) for segment in segments)


def marked_lines(lines: tuple[LineChange, ...]) -> list[str]:
    """Write blocks of lines with their places: `3,1→3,1 …`."""
    return [f"{line.old_start},{line.old_count}→{line.new_start},{line.new_count} {marked(line.segments)}" for line in lines]
