"""The store's two doors: `StoreWriter` takes files in, `ObjectReader` gives them back.

Reading and writing are asked for apart: whoever reads needs neither the cutter nor a backend that takes writes.

    >>> from lastgood.store.backend.memory import MemoryBackend
    >>> from lastgood.testing.index import MemoryIndex
    >>> backend, index = MemoryBackend(), MemoryIndex()
    >>> with StoreWriter(backend, index) as writer:
    ...     digest = writer.receive_bytes(b"be brief").digest
    ...     index.absorb(writer.finish())
    >>> ObjectReader(backend, index).read_file(digest)
    b'be brief'
"""

from lastgood.store.reader import ObjectReader
from lastgood.store.writer import StoreWriter

__all__ = ["ObjectReader", "StoreWriter"]
