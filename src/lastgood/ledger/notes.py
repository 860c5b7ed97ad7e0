"""Signed notes (https://c2sp.org/signed-note), with Ed25519: a text that ends in a newline, an empty line, signatures.

    If you think cryptography is the answer to your problem,
    then you don't know what your problem is.

    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=

A key is known by its name and by an id of 4 bytes, which stands before the 64 bytes of the signature; both are in its
public text, the verifier key `NAME+HEXID+BASE64(0x01 ‖ public key)`. Signatures by keys nobody asked about are passed over,
as the specification wants it; one by a known key that does not fit makes the whole note wrong.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, Self

from lastgood.errors import Integrity, Invalid

ED25519 = b"\x01"
ID_BYTES, PUBLIC_BYTES, SIGNATURE_BYTES = 4, 32, 64
LONGEST_NOTE = 1 << 20
MOST_SIGNATURES = 100

_SEPARATOR = b"\n\n"
_DASH = "\u2014 "
_NAME = re.compile(r"[^\s+\x00-\x20\x7f]+")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with the name it signs under."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes that stand before its signatures."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:ID_BYTES]

    def __str__(self) -> str:
        """Write the verifier key."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a verifier key.

        Raises:
            Invalid: it is none, or of another kind than Ed25519.
        """
        name, _, rest = text.partition("+")
        known, _, encoded = rest.partition("+")
        raw = _decoded(encoded)
        if raw is None or len(raw) != 1 + PUBLIC_BYTES or raw[:1] != ED25519 or not _NAME.fullmatch(name):
            raise Invalid(f"{text[:80]!r} is not a verifier key of Ed25519")
        key = cls(name, raw[1:])
        if known != key.id.hex():
            raise Invalid(f"{text[:80]!r} is not a verifier key: its id is not that of its key")
        return key


class Signer(Protocol):
    """Holds a private key, or knows who does."""

    @property
    def key(self) -> VerifierKey:
        """The key that its signatures are checked with."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of an Ed25519 signature.

        Raises:
            NotAllowed, NotFound, Unavailable: the key cannot be used.
        """
        ...


@dataclass(frozen=True, slots=True)
class Note:
    """A note that was opened: its text, and which of the known keys signed it."""

    text: str
    signed_by: tuple[VerifierKey, ...]


def sign_note(text: str, signer: Signer) -> bytes:
    """Write a note that is signed by one key.

    Raises:
        Integrity: what the signer gave is not its signature of this text.
    """
    message = _checked(text)
    signature = signer.sign(message)
    if not is_signed_by(signer.key, message, signature):
        raise Integrity(f"the signer of {signer.key.name} gave a signature that its key does not confirm", hint="lastgood ledger show")
    line = f"{_DASH}{signer.key.name} {base64.b64encode(signer.key.id + signature).decode()}\n"
    return message + b"\n" + line.encode()


def open_note(note: bytes, known: Iterable[VerifierKey]) -> Note:
    """Read a note and check what known keys say of it; it may be signed by none of them.

    Raises:
        Invalid: it is no signed note.
        Integrity: a signature by a known key is not right.
    """
    text, lines = _parts(note)
    keys = {(key.name, key.id): key for key in known}
    signed_by: dict[VerifierKey, None] = {}
    for line in lines:
        name, _, encoded = line.removeprefix(_DASH).partition(" ")
        raw = _decoded(encoded)
        if not line.startswith(_DASH) or not _NAME.fullmatch(name) or raw is None or len(raw) <= ID_BYTES:
            raise Invalid(f"{line[:80]!r} is not a line of a signed note")
        key = keys.get((name, raw[:ID_BYTES]))
        if key is None:
            continue
        if not is_signed_by(key, text.encode(), raw[ID_BYTES:]):
            raise Integrity(f"the signature of {name} under the note is not right")
        signed_by[key] = None
    return Note(text, tuple(signed_by))


def is_signed_by(key: VerifierKey, message: bytes, signature: bytes) -> bool:
    """Say whether an Ed25519 signature (RFC 8032) is right."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - tens of milliseconds, and few commands need it
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _parts(note: bytes) -> tuple[str, list[str]]:
    if len(note) > LONGEST_NOTE:
        raise Invalid(f"a signed note has at most {LONGEST_NOTE:,} bytes")
    text, separator, signatures = note.rpartition(_SEPARATOR)
    if not separator or not signatures.endswith(b"\n"):
        raise Invalid("this is no signed note: no signatures follow an empty line")
    try:
        lines = signatures.decode().split("\n")[:-1]
        message = _checked((text + b"\n").decode()).decode()
    except UnicodeDecodeError as error:
        raise Invalid("this is no signed note: it is not UTF-8") from error
    if len(lines) > MOST_SIGNATURES:
        raise Invalid(f"a signed note has at most {MOST_SIGNATURES} signatures")
    return message, lines


def _checked(text: str) -> bytes:
    if not text.endswith("\n") or any(letter < " " and letter != "\n" for letter in text):
        raise Invalid("the text of a note ends in a newline and has no other control characters")
    return text.encode()


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
