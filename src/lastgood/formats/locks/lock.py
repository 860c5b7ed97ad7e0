"""What a lock file says: packages, each with its version, where it comes from, and the digests of its files.

>>> normal_name("Jinja2__Extras.x")
'jinja2-extras-x'
>>> without_secret("https://me:token@packages.example/all")
'https://…@packages.example/all'
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

MOST_PACKAGES = 100_000
"""How many packages one lock file may name."""

LONGEST_NAME = 500

_SEPARATORS = re.compile(r"[-_.]+")
_USER_INFO = re.compile(r"(?<=//)[^/@\s]+@")
_HASH = re.compile(r"(sha256|sha384|sha512|sha1|md5)[:=-]?(.+)")


class Ecosystem(StrEnum):
    """Where packages of a lock file come from."""

    PYTHON = "Python"
    CONDA = "conda"
    NODE = "Node"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Package:
    """A package that a lock file names.

    Attributes:
        name: in normal form.
        version: as it is written, or what is asked of it (`>=2`) where it is not pinned; None where nothing is said.
        source: where it comes from, where that is not the usual index: a URL, a repository and commit, a path, a channel.
        hashes: of its files, `sha256:…`.
        files: the same by the names of the files, where the lock file has them.
        marker: when it is wanted, as it is written.
        extras: which of its extras are wanted.
    """

    name: str
    version: str | None
    source: str | None = None
    hashes: frozenset[str] = frozenset()
    files: frozenset[tuple[str, str]] = frozenset()
    marker: str | None = None
    extras: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock file: its packages in the order of the file, and what it says beside them.

    Attributes:
        ecosystem: of its packages.
        packages: a name may be there several times, for other platforms or at other places.
        facts: what else decides what is installed, by name: an index, the Python that is asked for.
        notes: what was not followed.
    """

    ecosystem: Ecosystem
    packages: tuple[Package, ...]
    facts: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


def normal_name(name: str) -> str:
    """Return the normal form of a package's name (PEP 503)."""
    return _SEPARATORS.sub("-", name.strip()).lower()


def without_secret(url: str) -> str:
    """Return a URL without what stands before its `@`: a password of an index must not get into a diff."""
    return _USER_INFO.sub("…@", url)


def hash_of(text: object) -> str | None:
    """Return a hash as `algorithm:digest`, or None where a text is none."""
    found = _HASH.fullmatch(text) if isinstance(text, str) else None
    return f"{found[1]}:{found[2]}" if found else None
