"""The history of code, as far as a version control system on this host knows it: commits between two, and files of one.

>>> commits = Commits((Commit("5d6e7f8" + "0" * 33, "Ada", "2026-11-02T14:05:00+00:00", "Warmer tone"),), 1, 0)
>>> commits.newer[0].short, commits.newer_count
('5d6e7f8', 1)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lastgood.canonical import JsonObject
from lastgood.ids import FileDigest

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT = 7


def is_commit(text: object) -> bool:
    """Whether something is the whole id of a git commit, which alone is given to git."""
    return isinstance(text, str) and _COMMIT.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit: its id, who wrote it, when (ISO 8601), and the first line of its message."""

    id: str
    author: str
    at: str
    subject: str

    @property
    def short(self) -> str:
        """The id as people write it."""
        return self.id[:_SHORT]

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"commit": self.id, "author": self.author, "at": self.at, "subject": self.subject}


@dataclass(frozen=True, slots=True)
class Commits:
    """What lies between two commits.

    Attributes:
        newer: those that the new one has and the old one has not, newest first, a bounded number of them.
        newer_count: how many there are.
        dropped_count: how many the old one has and the new one has not.
    """

    newer: tuple[Commit, ...]
    newer_count: int
    dropped_count: int


class CodeHistory(Protocol):
    """Knows commits, where they are at hand."""

    def between(self, old: str, new: str) -> Commits | None:
        """Return what lies between two commits, or None where one of them is not known here."""
        ...

    def files_of(self, commit: str, sizes: Mapping[str, int]) -> Mapping[str, FileDigest | None] | None:
        """Return the digests of files of a commit, or None where it is not known here.

        Args:
            commit: the whole id.
            sizes: the files that are asked for, each with the size in bytes that it is expected to have; one of
                another size need not be read, and neither it nor one that the commit lacks has a digest.
        """
        ...


class NoCodeHistory:
    """Knows nothing: for where no version control is at hand."""

    def between(self, old: str, new: str) -> Commits | None:  # noqa: ARG002
        """Know nothing."""
        return None

    def files_of(self, commit: str, sizes: Mapping[str, int]) -> Mapping[str, FileDigest | None] | None:  # noqa: ARG002
        """Know nothing."""
        return None


def observed_commit(observed: Mapping[str, object]) -> tuple[str | None, bool | None]:
    """Return the commit that a component's provenance names, and whether there were changes beside it, if that is known."""
    git = observed.get("git")
    if not isinstance(git, Mapping):
        return None, None
    commit, dirty = git.get("commit"), git.get("dirty")
    return (commit if is_commit(commit) else None), (dirty if isinstance(dirty, bool) else None)


def differing_from(history: CodeHistory, commit: str, files: Sequence[tuple[str, FileDigest, int]]) -> tuple[str, ...] | None:
    """Return the paths of those files that are not what a commit has, or None where that is not known here."""
    known = history.files_of(commit, {path: size for path, _, size in files})
    if known is None:
        return None
    return tuple(path for path, digest, _ in files if known.get(path) != digest)
