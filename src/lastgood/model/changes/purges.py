"""Changes of erasure: files that must not be kept any more, whoever needs them, and a ban that was lifted.

The digest of a file stays, as it stands in listings; its bytes do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from lastgood.ids import FileDigest, TextDigest
from lastgood.model.changes.body import Body, optional_text_digest
from lastgood.model.fields import Fields


def _read_files(known: Fields) -> tuple[FileDigest, ...]:
    known.value("files")
    return tuple(FileDigest.parse(one) for one in known.texts("files"))


@dataclass(frozen=True, slots=True)
class FilesPurged(Body):
    """Files were purged: their bytes go at once, wherever they are, and are not taken in again."""

    files: tuple[FileDigest, ...]
    reason: TextDigest | None
    type: ClassVar[str] = "file.purged"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        return cls(_read_files(known), optional_text_digest(known, "reason"))


@dataclass(frozen=True, slots=True)
class PurgeLifted(Body):
    """Files that were purged may be taken in again; what was erased does not come back by itself."""

    files: tuple[FileDigest, ...]
    reason: TextDigest | None
    type: ClassVar[str] = "file.purge_lifted"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        return cls(_read_files(known), optional_text_digest(known, "reason"))
