"""A backend in memory: for tests, for trying things out, and to compare the others with.

It keeps every promise but the one of durability: nothing outlives the process.

    >>> backend = MemoryBackend()
    >>> backend.put("packs/ab/1.pack", [b"abc"])
    >>> backend.delete("packs/ab/1.pack")
    >>> list(backend.names("packs"))
    []
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lastgood.errors import NotFound
from lastgood.store.backend import Piece, check_name, check_range


class MemoryBackend:
    """Keeps bytes in a dictionary; each operation is one step of the interpreter, so threads may share it."""

    def __init__(self) -> None:
        """Start with nothing kept."""
        self._kept: dict[str, bytes] = {}

    def put(self, name: str, pieces: Sequence[Piece]) -> None:
        """Keep the pieces under a name."""
        self._kept[check_name(name)] = b"".join(pieces)

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`."""
        data = self._find(name)
        check_range(name, len(data), offset, length)
        return data[offset : offset + length]

    def size(self, name: str) -> int:
        """Return how many bytes are kept under a name."""
        return len(self._find(name))

    def names(self, folder: str) -> Iterator[str]:
        """Yield every name in a folder, in order."""
        inside = check_name(folder) + "/"
        return iter(sorted(name for name in list(self._kept) if name.startswith(inside)))

    def delete(self, name: str) -> None:
        """Take a name away."""
        self._kept.pop(check_name(name), None)

    def _find(self, name: str) -> bytes:
        try:
            return self._kept[check_name(name)]
        except KeyError:
            raise NotFound(f"{name} is not kept here", details={"name": name}) from None
