"""Where packs are kept: a handful of operations on named, immutable runs of bytes.

Rules every backend keeps, and `lastgood.testing.store.StoreConformance` checks:

- `put` is atomic and durable: when it returns, the bytes survive a power cut; before that, no reader sees any of them.
- Names are made from what they hold, so the same name always comes with the same bytes; putting a name again replaces
  it atomically, which also mends a copy that went bad.
- `read` gives exactly the bytes asked for or an error, never fewer.
- A name is relative, its parts divided by `/` and made of letters, digits, `.`, `_` and `-`; the folder `incoming` is the
  backend's own. Anything else is refused before it touches the storage. No name is also a folder of another.

A backend is asked for by what the caller needs of it (`Source`, `Sink`, `Shelf`), so a reader cannot write. Retry,
limits and fault injection are wrappers around these protocols.

    >>> from lastgood.store.backend.memory import MemoryBackend
    >>> backend = MemoryBackend()
    >>> backend.put("packs/ab/1.pack", [b"hello ", b"world"])
    >>> backend.read("packs/ab/1.pack", 6, 5), backend.size("packs/ab/1.pack"), list(backend.names("packs"))
    (b'world', 11, ['packs/ab/1.pack'])
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Protocol

from lastgood.errors import Integrity, InvalidName

Piece = bytes | memoryview
"""A run of bytes that a caller hands over without joining it to the others."""

LONGEST_NAME = 512

_NAME = re.compile(r"(?!incoming(/|$))(?!\.)[A-Za-z0-9._-]{1,128}(/(?!\.)[A-Za-z0-9._-]{1,128})*")


class Source(Protocol):
    """Gives bytes back."""

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`.

        Raises:
            NotFound: nothing of that name is kept.
            Integrity: it ends before `offset + length`.
            NotAllowed: this process may not read it.
            Unavailable: the storage does not answer.
        """
        ...

    def size(self, name: str) -> int:
        """Return how many bytes are kept under a name.

        Raises:
            NotFound: nothing of that name is kept.
            NotAllowed: this process may not see it.
            Unavailable: the storage does not answer.
        """
        ...


class Sink(Protocol):
    """Takes bytes in."""

    def put(self, name: str, pieces: Sequence[Piece]) -> None:
        """Keep the pieces, one after the other, under a name: atomic, and durable when it returns.

        Raises:
            StorageFull: there is no room; nothing is kept.
            ReadOnly: the storage takes no writes; nothing is kept.
            Unavailable: the storage does not answer; what is kept is either nothing or everything.
        """
        ...


class Shelf(Protocol):
    """Says what is there, and takes it away."""

    def names(self, folder: str) -> Iterator[str]:
        """Yield, in order, every name that starts with the folder's parts; an absent folder holds none.

        Raises:
            NotAllowed: this process may not list it.
            Unavailable: the storage does not answer.
        """
        ...

    def delete(self, name: str) -> None:
        """Take a name away, durably; one that is not there is gone already.

        Raises:
            ReadOnly: the storage takes no writes.
            Unavailable: the storage does not answer.
        """
        ...


class Backend(Source, Sink, Shelf, Protocol):
    """Everything a whole registry asks of its storage."""


def check_name(name: str) -> str:
    """Return a name if a backend may keep something under it.

    Raises:
        InvalidName: it is absolute, empty, too long, the backend's own, or has a part that is empty, hidden or of other
            characters.
    """
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise InvalidName(f"{name[:80]!r} is not a name for stored bytes")
    return name


def check_range(name: str, size: int, offset: int, length: int) -> None:
    """Check that a read stays inside of what is kept, before anything is allocated for it.

    Raises:
        Integrity: it would not.
    """
    if offset < 0 or length < 0 or offset + length > size:
        raise Integrity(
            f"{name} has {size} bytes, and {length} from {offset} were asked for: it was cut short, or the index is wrong",
            details={"name": name, "size": size},
        )
