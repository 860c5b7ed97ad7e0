"""Where bytes are: what the store writes into packs and the catalog keeps as its disposable index.

Words: a *frame* is a run of bytes in a pack that was encoded together; a *chunk* is a run of a frame's decoded bytes
and the unit of identity; a *file map* is the chunks of a file in order. Everything here can be rebuilt from packs.

    >>> FileMap(5, (ChunkId(bytes(32)),)).size
    5
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import IntEnum
from typing import BinaryIO, Protocol

from lastgood.ids import ChunkId, FileDigest, PackId


class Encoding(IntEnum):
    """How a frame's bytes are written in a pack; numbers are part of the pack format."""

    RAW = 0
    ZSTD = 1
    PLANES = 2
    DELTA = 3
    PATCH = 4

    @property
    def has_base(self) -> bool:
        """Whether a frame so written can be read only with the chunk that it was made against."""
        return self in {Encoding.DELTA, Encoding.PATCH}


MOST_DEPTH = 200
"""More frames than this never stand on one another, whoever wrote them: what a reader believes at the most."""


Label = int
"""63 bits that name a part of a tensor by its name, type, shape and position, whatever file it is in: what bears one
label in two checkpoints is likely to be similar."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A run of encoded bytes in a pack.

    Attributes:
        offset: where it starts in the pack, in bytes.
        length: its encoded length in bytes.
        raw_length: its decoded length in bytes.
        encoding: how to decode it.
        base: the chunk that it was made against, where its encoding has one; the frame then holds a single chunk.
        context: a second chunk that its delta is ordered by; None where that is the base.
        depth: how many frames stand below it: 0 without a base, else at least one more than those of base and context.
    """

    offset: int
    length: int
    raw_length: int
    encoding: Encoding
    base: ChunkId | None = None
    context: ChunkId | None = None
    depth: int = 0

    @property
    def needs(self) -> tuple[ChunkId, ...]:
        """The chunks without which it cannot be read."""
        return tuple(one for one in (self.base, self.context) if one is not None)


@dataclass(frozen=True, slots=True)
class ChunkInPack:
    """A chunk as a pack's footer describes it: `length` bytes from `start` of the pack's frame number `frame`."""

    chunk: ChunkId
    frame: int
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class ChunkPlace:
    """Everything needed to read one chunk back."""

    chunk: ChunkId
    pack: PackId
    frame: Frame
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class FileMap:
    """The chunks of one file in order, and its size in bytes."""

    size: int
    chunks: tuple[ChunkId, ...]


@dataclass(frozen=True, slots=True)
class PackContents:
    """What one durable pack holds, as its footer says.

    Attributes:
        labels: of chunks that are parts of tensors, what they are alike by (`Label`).
    """

    pack: PackId
    size: int
    frames: tuple[Frame, ...]
    chunks: tuple[ChunkInPack, ...]
    files: Mapping[FileDigest, FileMap]
    labels: Mapping[ChunkId, Label] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Staged:
    """What a commit wrote: packs that are durable but that no catalog knows yet.

    Attributes:
        generation: the collector's, from before the index was first asked; None where it never was. What was known then
            may be gone by now if the generation is another one.
    """

    packs: tuple[PackContents, ...]
    generation: int | None = None

    @property
    def bytes_stored(self) -> int:
        """The bytes of the new packs, footers included."""
        return sum(pack.size for pack in self.packs)


class PlacementIndex(Protocol):
    """What the store asks of whoever keeps the index; the catalog answers it, and so does a dictionary in tests."""

    def known_chunks(self, chunks: Sequence[ChunkId]) -> AbstractSet[ChunkId]:
        """Return those of the chunks that new data may refer to."""
        ...

    def known_files(self, digests: Sequence[FileDigest]) -> AbstractSet[FileDigest]:
        """Return those of the files whose maps are kept."""
        ...

    def generation(self) -> int:
        """Return how often the collector has condemned or swept something; what is known holds while it stays the same."""
        ...

    def find_labelled(self, labels: Sequence[Label]) -> Mapping[Label, Sequence[ChunkId]]:
        """Return, of each label, the chunks that new data may refer to: a few, the newest first."""
        ...

    def find_chunks(self, chunks: Sequence[ChunkId]) -> Mapping[ChunkId, ChunkPlace]:
        """Return where chunks are; one that is nowhere is left out."""
        ...

    def find_files(self, digests: Sequence[FileDigest]) -> Mapping[FileDigest, FileMap]:
        """Return the maps of files; one that is not kept is left out."""
        ...


class FileReader(Protocol):
    """Gives the bytes of files that are kept; comparers and verbs read through it, so they need no store."""

    def read_file(self, digest: FileDigest, *, limit: int | None = None) -> bytes:
        """Return a whole file.

        Raises:
            NotFound: it is not kept here.
            Invalid: it is larger than the limit, in bytes.
            Integrity: what is kept is not what it should be.
        """
        ...


@dataclass(frozen=True, slots=True)
class FilePart:
    """A run of a file's bytes; parts with one identity hold the same bytes, in whatever files they are.

    Attributes:
        identity: the chunk's, or where a file is in no store, that of the whole file.
        length: in bytes.
    """

    identity: bytes
    length: int


class FileAccess(FileReader, Protocol):
    """Gives parts of files as well: whoever compares large ones reads only what the two do not share."""

    def open_file(self, digest: FileDigest) -> BinaryIO:
        """Open a file to be read from any place.

        Raises:
            NotFound: it is not kept here; raised at once.
            Integrity: what is kept is not what it should be; raised when that is read.
        """
        ...

    def parts_of(self, digest: FileDigest) -> Sequence[FilePart]:
        """Return what a file is made of, in order, without reading it; their lengths add up to its size.

        Raises:
            NotFound: it is not kept here.
        """
        ...
