"""An index in memory: the simplest thing that keeps the promises of `PlacementIndex`.

It learns of packs as a catalog does, in one step after they are durable, and forgets nothing.

    >>> index = MemoryIndex()
    >>> index.absorb(Staged(()))
    >>> index.find_files([FileDigest.of(b"")])
    {}
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lastgood.ids import ChunkId, FileDigest
from lastgood.model.placement import ChunkPlace, FileMap, Label, PackContents, Staged


class MemoryIndex:
    """Knows where chunks are and what files are made of, in two dictionaries."""

    def __init__(self) -> None:
        """Know nothing."""
        self.places: dict[ChunkId, ChunkPlace] = {}
        self.files: dict[FileDigest, FileMap] = {}
        self.labelled: dict[Label, list[ChunkId]] = {}

    def absorb(self, staged: Staged) -> None:
        """Learn of what a commit wrote, as a catalog's transaction would."""
        self.absorb_packs(staged.packs)

    def absorb_packs(self, packs: Iterable[PackContents]) -> None:
        """Learn of durable packs; of several copies of a chunk the shallowest is kept, and of these the first."""
        packs = list(packs)
        for pack in packs:
            for place in _places(pack):
                if place.chunk not in self.places or place.frame.depth < self.places[place.chunk].frame.depth:
                    self.places[place.chunk] = place
            for chunk, label in pack.labels.items():
                self.labelled.setdefault(label, []).insert(0, chunk)
        for pack in packs:
            for digest, file in pack.files.items():
                # A pack that outlived others may map files to chunks that are nowhere; such a file is not kept.
                if all(chunk in self.places for chunk in file.chunks):
                    self.files.setdefault(digest, file)

    def known_chunks(self, chunks: Sequence[ChunkId]) -> set[ChunkId]:
        """Return those of the chunks that new data may refer to."""
        return {chunk for chunk in chunks if chunk in self.places}

    def known_files(self, digests: Sequence[FileDigest]) -> set[FileDigest]:
        """Return those of the files whose maps are kept."""
        return {digest for digest in digests if digest in self.files}

    def generation(self) -> int:
        """Return how often something was collected, which never happens here."""
        return 0

    def find_labelled(self, labels: Sequence[Label]) -> dict[Label, Sequence[ChunkId]]:
        """Return the chunks of each label, the newest first."""
        return {label: self.labelled[label] for label in labels if label in self.labelled}

    def find_chunks(self, chunks: Sequence[ChunkId]) -> dict[ChunkId, ChunkPlace]:
        """Return where chunks are."""
        return {chunk: self.places[chunk] for chunk in chunks if chunk in self.places}

    def find_files(self, digests: Sequence[FileDigest]) -> dict[FileDigest, FileMap]:
        """Return the maps of files."""
        return {digest: self.files[digest] for digest in digests if digest in self.files}


def _places(pack: PackContents) -> list[ChunkPlace]:
    return [ChunkPlace(chunk.chunk, pack.pack, pack.frames[chunk.frame], chunk.start, chunk.length) for chunk in pack.chunks]
