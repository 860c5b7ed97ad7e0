"""Changes of who vouches for the history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from lastgood.ids import TextDigest
from lastgood.model.changes.body import Body, optional_text_digest
from lastgood.model.fields import Fields


@dataclass(frozen=True, slots=True)
class KeySet(Body):
    """The key that signs the history from here on.

    Attributes:
        key: its verifier key (https://c2sp.org/signed-note).
        consent: a note that names this key, signed by the key before; None for the first key, and where that one is lost.
        reason: why it was changed.
    """

    key: str
    consent: str | None
    reason: TextDigest | None
    type: ClassVar[str] = "ledger.key_set"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        return cls(known.text("key"), known.optional_text("consent"), optional_text_digest(known, "reason"))
