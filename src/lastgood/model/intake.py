"""How a commit's bytes come in: the workspace reads files, whoever keeps them receives them in one pass.

with path.open("rb") as source:
    received = intake.receive(source, size)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Protocol

from lastgood.ids import ComponentName, FileDigest


@dataclass(frozen=True, slots=True)
class Received:
    """What was read of one file: its digest and how many bytes came."""

    digest: FileDigest
    size: int


def listing_name(component: ComponentName) -> str:
    """Return what a component's listing is known by from release to release; no path begins like it."""
    return f"/{component}"


class Intake(Protocol):
    """Receives the bytes of files."""

    def receive(self, source: BinaryIO, size: int, name: str | None = None) -> Received:
        """Read a source to its end in one pass; `size` in bytes is what is expected and steers how it is cut.

        What had the same name before, a path or `listing_name`, is likely to be similar; that only steers how it is kept.
        It does not judge whether `size` was right: the caller, who knows the file, compares `Received.size`.
        """
        ...

    def receive_bytes(self, data: bytes, name: str | None = None) -> Received:
        """Take bytes that are at hand, such as a small file's or a listing's."""
        ...

    def has_files(self, digests: list[FileDigest]) -> set[FileDigest]:
        """Return those of the files whose bytes are kept already, so they need not be read again."""
        ...
