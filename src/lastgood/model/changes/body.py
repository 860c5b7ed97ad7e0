"""What all changes have in common, and what their readers share.

>>> from lastgood.model.fields import Fields
>>> required_int(Fields({"number": 3}, "an example"), "number")
3
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Self

from lastgood.canonical import JsonObject
from lastgood.errors import InvalidManifest
from lastgood.ids import TextDigest
from lastgood.model.fields import AnyDigest, Fields


@dataclass(frozen=True, slots=True)
class Body(ABC):
    """The body of an event: its fields are ids, numbers, instants, texts' digests, tuples of them, or objects.

    Attributes:
        type: the name under which it stands in the ledger.
        later: the fields that the type did not have from the beginning; one that says nothing (None, or no item) is not
            written, so that an event of before keeps its bytes.
    """

    type: ClassVar[str]
    later: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    @abstractmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields.

        Raises:
            InvalidManifest, InvalidName, ValueError: a field is missing or not what it should be.
        """


def required_int(known: Fields, name: str) -> int:
    """Return an integer that must be there."""
    value = known.optional_int(name)
    if value is None:
        raise InvalidManifest(f"an event lacks the number {name!r}")
    return value


def required_object(known: Fields, name: str) -> JsonObject:
    """Return an object that must be there."""
    known.value(name)
    return known.mapping(name)


def optional_digest(known: Fields, name: str, kind: type[AnyDigest]) -> AnyDigest | None:
    """Return a digest of one kind, or None where it is null or absent."""
    return None if known.optional(name) is None else known.digest(name, kind)


def optional_instant(known: Fields, name: str) -> datetime | None:
    """Return an instant, or None where it is null or absent."""
    return None if known.optional(name) is None else known.instant(name)


def optional_flag(known: Fields, name: str) -> bool | None:
    """Return true or false, or None where it is null or absent."""
    return None if known.optional(name) is None else known.flag(name)


def optional_text_digest(known: Fields, name: str) -> TextDigest | None:
    """Return the digest of an erasable text, or None where it is null or absent."""
    return optional_digest(known, name, TextDigest)
