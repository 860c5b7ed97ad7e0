"""What git knows of commits and of their files, for comparing code.

Rules: git is asked as `workspace.git` says; of a file's blob the SHA-256 is taken, and a pointer of Git LFS stands for the
bytes that it names; a file of another size than expected is not read, nor more than `MOST_BYTES` in all.

    GitHistory(workspace_root).between(old, new)   # Commits, or None
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from lastgood.ids import FileDigest
from lastgood.model.code import Commit, Commits, is_commit
from lastgood.workspace.git import git, git_text

MOST_COMMITS = 50
MOST_BYTES = 64 << 20
LARGEST_POINTER = 1_024
MOST_NAMED = 200
"""More files than these are picked from the whole tree, since a command line is bounded."""

_LFS_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-.*\n)*oid sha256:([0-9a-f]{64})\nsize ([0-9]{1,18})\n")
_FIELDS = 4


class GitHistory:
    """The commits of the git repository that a folder lies in.

    Args:
        root: the folder; paths of files are taken from there.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def between(self, old: str, new: str) -> Commits | None:
        """Return what lies between two commits, or None where one of them is not known here."""
        if not (is_commit(old) and is_commit(new)):
            return None
        counted = git_text(self._root, "rev-list", "--left-right", "--count", f"{old}...{new}", "--")
        listed = git_text(self._root, "rev-list", f"--max-count={MOST_COMMITS}", "--format=%H%x00%an%x00%cI%x00%s", f"{old}..{new}", "--")
        if counted is None or listed is None:
            return None
        dropped, newer = map(int, counted.split())
        return Commits(tuple(_commits(listed)), newer, dropped)

    def files_of(self, commit: str, sizes: Mapping[str, int]) -> Mapping[str, FileDigest | None] | None:
        """Return the digests of files of a commit, or None where it is not known here."""
        if not is_commit(commit):
            return None
        named = sorted(sizes) if len(sizes) <= MOST_NAMED else ()
        tree = git(self._root, "ls-tree", "-r", "-l", "-z", commit, "--", *named)
        if tree is None:
            return None
        found: dict[str, FileDigest | None] = dict.fromkeys(sizes)
        wanted = dict(_wanted(tree, sizes))
        for path, data in self._blobs(wanted):
            found[path] = _digest_of(data, sizes[path])
        return found

    def _blobs(self, wanted: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
        """Yield the bytes of blobs, which git gives as they are kept: through no filter."""
        asked = b"".join(blob + b"\n" for blob in wanted.values())
        said = (git(self._root, "cat-file", "--batch", given=asked) if wanted else None) or b""
        at = 0
        for path in wanted if said else ():
            head, _, _ = said[at : at + 200].partition(b"\n")
            words = head.split()
            if len(words) != len(("id", "blob", "size")) or words[1] != b"blob":
                at += len(head) + 1
                continue
            start = at + len(head) + 1
            at = start + int(words[2]) + 1
            yield path, said[start : at - 1]


def _commits(listed: str) -> Iterator[Commit]:
    for line in listed.split("\n"):
        fields = line.split("\0")
        if len(fields) == _FIELDS:
            yield Commit(*fields)


def _wanted(tree: bytes, sizes: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
    """Yield the paths and blobs of those files that may be what is asked for."""
    left = MOST_BYTES
    for line in tree.split(b"\0"):
        facts, _, raw = line.partition(b"\t")
        path = raw.decode(errors="replace")
        words = facts.split()
        if path not in sizes or words[1:2] != [b"blob"]:
            continue
        size = int(words[3])
        if (size == sizes[path] or size <= LARGEST_POINTER) and size <= left:
            left -= size
            yield path, words[2]


def _digest_of(data: bytes, expected: int) -> FileDigest | None:
    pointer = _LFS_POINTER.fullmatch(data)
    if pointer is not None and len(data) != expected:
        return FileDigest.parse(pointer[1].decode()) if int(pointer[2]) == expected else None
    return FileDigest.of(data)
