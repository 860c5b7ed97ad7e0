"""The identities of lastgood: one type per kind of id, parsed once at the edge.

Rules: a digest is held as its 32 raw bytes and printed as 64 lower-case hex digits by its own `str`; a name is
checked by its `parse` and never changed afterwards; nothing below the edge takes a bare `str` or `bytes` for an id.

    >>> digest = FileDigest.of(b"hello")
    >>> str(digest)[:12], len(digest)
    ('2cf24dba5fb0', 32)
    >>> FileDigest.parse(str(digest)) == digest
    True
    >>> EnvironmentName.parse("prod")
    EnvironmentName('prod')
"""

from __future__ import annotations

import hashlib
import re
from typing import ClassVar, Self

from lastgood.errors import InvalidName

DIGEST_BYTES = 32
SHORTEST_PREFIX = 6

_HEX = re.compile(r"[0-9a-f]{64}")
_HEX_PREFIX = re.compile(r"[0-9a-f]{6,64}", re.IGNORECASE)
_RELEASE_NUMBER = re.compile(r"r[0-9]+", re.IGNORECASE)
_INCIDENT_NUMBER = re.compile(r"[Ii]?([0-9]{1,15})")
_RESERVED = frozenset({"latest", "workspace", "con", "nul"})


class Digest(bytes):
    """A 256-bit digest; each kind of digest is a class of its own.

    Raises:
        InvalidName: the text is not 64 hex digits, or the bytes are not 32.
    """

    __slots__ = ()
    what: ClassVar[str] = "digest"

    def __new__(cls, raw: bytes) -> Self:
        """Wrap 32 raw bytes."""
        if len(raw) != DIGEST_BYTES:
            raise InvalidName(f"a {cls.what} has {DIGEST_BYTES} bytes, not {len(raw)}")
        return super().__new__(cls, raw)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read 64 lower-case hex digits."""
        if not _HEX.fullmatch(text):
            raise InvalidName(f"{text[:80]!r} is not a {cls.what}: expected 64 lower-case hex digits")
        return super().__new__(cls, bytes.fromhex(text))

    def __str__(self) -> str:
        """Print 64 lower-case hex digits."""
        return self.hex()

    def __repr__(self) -> str:
        """Name the kind of digest and its first 12 hex digits."""
        return f"{type(self).__name__}({self.hex()[:12]}…)"

    @property
    def short(self) -> str:
        """The first 12 hex digits, for people."""
        return self.hex()[:12]


class Sha256Digest(Digest):
    """A digest made with SHA-256 (FIPS 180-4)."""

    __slots__ = ()

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Hash bytes that are at hand."""
        return super().__new__(cls, hashlib.sha256(data).digest())


class FileDigest(Sha256Digest):
    """SHA-256 of a file's bytes: also its Git LFS oid, Hugging Face ETag and OCI digest."""

    __slots__ = ()
    what = "file digest"


class ContentDigest(Sha256Digest):
    """SHA-256 of a component's canonical content."""

    __slots__ = ()
    what = "content digest"


class StateDigest(Sha256Digest):
    """SHA-256 of the contents of all components of a release."""

    __slots__ = ()
    what = "state digest"


class BehaviorDigest(Sha256Digest):
    """SHA-256 of the contents that act in production."""

    __slots__ = ()
    what = "behavior digest"


class ReleaseId(Sha256Digest):
    """SHA-256 of a release's canonical manifest."""

    __slots__ = ()
    what = "release digest"


class TextDigest(Sha256Digest):
    """SHA-256 over 32 random bytes and the UTF-8 of an erasable text."""

    __slots__ = ()
    what = "text digest"


class PolicyDigest(Sha256Digest):
    """SHA-256 of the canonical policy of an environment."""

    __slots__ = ()
    what = "policy digest"


class SourceDigest(Sha256Digest):
    """Names the line of another system that something was imported from, so that it is imported once."""

    __slots__ = ()
    what = "source digest"


class PlanDigest(Sha256Digest):
    """SHA-256 of what a plan of retention would remove, as canonical JSON."""

    __slots__ = ()
    what = "plan digest"


class LeafHash(Sha256Digest):
    """RFC 6962 leaf hash of an event: SHA-256(0x00 ‖ event bytes)."""

    __slots__ = ()
    what = "leaf hash"


class ChunkId(Digest):
    """BLAKE3-256 of a chunk's raw bytes, private to the store."""

    __slots__ = ()
    what = "chunk id"


class PackId(Digest):
    """BLAKE3-256 of a pack's bytes, private to the store."""

    __slots__ = ()
    what = "pack id"


class _Uuid(str):
    """A UUID in its lower-case text form; each kind of id that is one is a class of its own."""

    __slots__ = ()
    what: ClassVar[str] = "a UUID"
    _PATTERN: ClassVar[re.Pattern[str]] = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a UUID in its lower-case text form."""
        if not cls._PATTERN.fullmatch(text):
            raise InvalidName(f"{text[:80]!r} is not {cls.what}: expected a lower-case UUID")
        return cls(text)


class OperationId(_Uuid):
    """The id of one operation; a retried request that carries it gets its first answer."""

    __slots__ = ()
    what = "an operation id"


class RegistryId(_Uuid):
    """The random id that a registry was created with."""

    __slots__ = ()
    what = "a registry id"


class Name(str):
    """A checked name; each kind of name is a class of its own.

    A name starts with a letter or digit, goes on with letters, digits, `.`, `_` or `-`, and has at most 63 characters,
    so that it can stand in a path, a URL and a revision expression without quoting.
    """

    __slots__ = ()
    what: ClassVar[str] = "name"
    _PATTERN: ClassVar[re.Pattern[str]] = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check a name.

        Raises:
            InvalidName: the text has other characters, is too long, or can be mistaken for something else.
        """
        if not cls._PATTERN.fullmatch(text):
            raise InvalidName(
                f"{text[:80]!r} is not {_a(cls.what)}",
                hint="use letters, digits, '.', '_' and '-', at most 63, starting with a letter or digit",
            )
        cls._check(text)
        return cls(text)

    @classmethod
    def _check(cls, text: str) -> None:
        """Refuse what this kind of name must not be."""

    def __repr__(self) -> str:
        """Name the kind and the text."""
        return f"{type(self).__name__}({str.__repr__(self)})"


def _a(what: str) -> str:
    return f"{'an' if what[0] in 'aeiou' else 'a'} {what}"


class _RevisionName(Name):
    """A name that stands in revision expressions, so it must not look like a release number or a digest."""

    __slots__ = ()

    @classmethod
    def _check(cls, text: str) -> None:
        if text.lower() in _RESERVED:
            raise InvalidName(f"{text!r} is a word of its own in revisions and cannot be {_a(cls.what)}")
        if _RELEASE_NUMBER.fullmatch(text):
            raise InvalidName(f"{text!r} looks like a release number and cannot be {_a(cls.what)}")
        if _HEX_PREFIX.fullmatch(text):
            raise InvalidName(f"{text!r} looks like a digest and cannot be {_a(cls.what)}")


class PipelineName(Name):
    """The name of one production AI system under version control."""

    __slots__ = ()
    what = "pipeline name"


class ComponentName(Name):
    """The name of one component of a pipeline."""

    __slots__ = ()
    what = "component name"


class EnvironmentName(_RevisionName):
    """The name of an environment, such as `prod`."""

    __slots__ = ()
    what = "environment name"


class TagName(_RevisionName):
    """The name of a tag, such as `v1.4`."""

    __slots__ = ()
    what = "tag"


class HookName(Name):
    """The name of what is told of an environment's moves."""

    __slots__ = ()
    what = "hook name"


class IncidentName(Name):
    """How an incident is known: `I17` by its number in this registry; a move that an older version recorded may name it in any way.

    >>> IncidentName.typed("17"), IncidentName.typed("i17").number
    (IncidentName('I17'), 17)
    """

    __slots__ = ()
    what = "incident"

    @classmethod
    def numbered(cls, number: int) -> Self:
        """Return the name of the incident with a number."""
        return cls(f"I{number}")

    @classmethod
    def typed(cls, text: str) -> Self:
        """Read what a person types for an incident: `I17`, `i17` or `17`; any other name stays as it is.

        Raises:
            InvalidName: it is no name at all.
        """
        digits = _INCIDENT_NUMBER.fullmatch(text)
        return cls.numbered(int(digits[1])) if digits else cls.parse(text)

    @property
    def number(self) -> int | None:
        """The number, or None where it is no name of this registry."""
        digits = _INCIDENT_NUMBER.fullmatch(self)
        return int(digits[1]) if digits and self == self.numbered(int(digits[1])) else None
