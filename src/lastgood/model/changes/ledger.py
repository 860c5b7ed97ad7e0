"""Changes of who vouches for the history."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Self

from lastgood.errors import InvalidName
from lastgood.ids import TextDigest
from lastgood.model.changes.body import Body, optional_text_digest
from lastgood.model.fields import Fields


class VerifierKeyText(str):
    """A verifier key (https://c2sp.org/signed-note) as text; whether its id is that of its key is checked where it is used."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one.

        Raises:
            InvalidName: it has not the form `NAME+HEXID+BASE64`.
        """
        if not re.fullmatch(r"[^\s+]{1,120}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{1,60}={0,2}", text):
            raise InvalidName(f"{text[:80]!r} is not a verifier key")
        return cls(text)


class SignedNoteText(str):
    """A signed note as text."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one.

        Raises:
            InvalidName: no signatures follow an empty line.
        """
        if "\n\n\u2014 " not in text:
            raise InvalidName(f"{text[:80]!r} is not a signed note")
        return cls(text)


@dataclass(frozen=True, slots=True)
class KeySet(Body):
    """The key that signs the history from here on.

    Attributes:
        key: its verifier key (https://c2sp.org/signed-note).
        consent: a note that names this key, signed by the key before; None for the first key, and where that one is lost.
        reason: why it was changed.
    """

    key: VerifierKeyText
    consent: SignedNoteText | None
    reason: TextDigest | None
    type: ClassVar[str] = "ledger.key_set"

    @classmethod
    def read(cls, known: Fields) -> Self:
        """Make it of its fields."""
        consent = known.optional_text("consent")
        return cls(
            VerifierKeyText.parse(known.text("key")),
            None if consent is None else SignedNoteText.parse(consent),
            optional_text_digest(known, "reason"),
        )
