"""What the store's tests share: keeping some files, and reading all of them back."""

from __future__ import annotations

import io
import random
from collections.abc import Iterable, Mapping, Sequence

from blake3 import blake3

from lastgood.ids import ChunkId, FileDigest, PackId
from lastgood.model.placement import ChunkPlace, FileMap, FileReader, Staged
from lastgood.store.backend import Piece
from lastgood.store.backend.memory import MemoryBackend
from lastgood.store.objects import StoreWriter
from lastgood.store.pack import pack_name
from lastgood.store.packing import PACK_BYTES
from lastgood.store.writer import Shelf
from lastgood.testing.index import MemoryIndex

_RNG = random.Random(3)
LINES = b"".join(b"line %d says that %x answers sell better\n" % (number, _RNG.getrandbits(128)) for number in range(40_000))
"""About 2.6 MB of text in which no two places are alike, and which still shrinks to half."""


NOISE = _RNG.randbytes(3 << 20)
"""3 MiB that no encoding makes shorter."""


def keep(backend: Shelf, index: MemoryIndex, files: Iterable[bytes], *, pack_bytes: int = PACK_BYTES) -> Staged:
    """Commit files, as a registry would: everything durable, then the index."""
    with StoreWriter(backend, index, pack_bytes=pack_bytes) as writer:
        for data in files:
            writer.receive(io.BytesIO(data), len(data))
        staged = writer.finish()
    index.absorb(staged)
    return staged


def put(backend: MemoryBackend, data: bytes) -> PackId:
    """Keep bytes as the pack that they would be."""
    pack = PackId(blake3(data).digest())
    backend.put(pack_name(pack), [data])
    return pack


def digests_of(files: Iterable[bytes]) -> Mapping[FileDigest, bytes]:
    """Name each of the files by its digest."""
    return {FileDigest.of(data): data for data in files}


def assert_all_there(reader: FileReader, files: Iterable[bytes]) -> None:
    """Read every file back and compare it."""
    for digest, data in digests_of(files).items():
        assert reader.read_file(digest) == data


class CountingIndex(MemoryIndex):
    """An index that notes how often it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.questions = 0

    def known_chunks(self, chunks: Sequence[ChunkId]) -> set[ChunkId]:
        self.questions += 1
        return super().known_chunks(chunks)

    def known_files(self, digests: Sequence[FileDigest]) -> set[FileDigest]:
        self.questions += 1
        return super().known_files(digests)

    def find_chunks(self, chunks: Sequence[ChunkId]) -> dict[ChunkId, ChunkPlace]:
        self.questions += 1
        return super().find_chunks(chunks)

    def find_files(self, digests: Sequence[FileDigest]) -> dict[FileDigest, FileMap]:
        self.questions += 1
        return super().find_files(digests)


class CountingBackend(MemoryBackend):
    """A backend that notes what is asked of it, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.read_bytes = 0
        self.reads = 0
        self.put_names: list[str] = []

    def read(self, name: str, offset: int, length: int) -> bytes:
        self.reads += 1
        self.read_bytes += length
        return super().read(name, offset, length)

    def put(self, name: str, pieces: Sequence[Piece]) -> None:
        super().put(name, pieces)
        self.put_names.append(name)
