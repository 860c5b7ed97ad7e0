"""Folders and intakes for the tests of the workspace."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lastgood.ids import FileDigest
from lastgood.model.intake import Received
from lastgood.workspace.declaration import Workspace
from lastgood.workspace.file import parse_workspace
from lastgood.workspace.opening import open_root
from lastgood.workspace.prepare import HashingIntake
from lastgood.workspace.walk import FoundFiles, Walk

AT = "lastgood.toml:3: components.c.path"
NOBODY = 65534


def fill(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below a folder and return it."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def walk(root: Path, *paths: str, skipped: frozenset[str] = frozenset()) -> FoundFiles:
    """Walk some paths of a folder."""
    with open_root(root) as folder:
        return Walk(folder, skipped=skipped).find(paths, at=AT)


def workspace(root: Path, text: str) -> Workspace:
    """Read a workspace file, as that of a folder."""
    return parse_workspace(f'pipeline = "support-bot"\n{text}'.encode(), root)


def one_component(root: Path, path: str = "c", kind: str = "code") -> Workspace:
    """Declare a workspace of one component."""
    return workspace(root, f'[components.c]\nkind = "{kind}"\npath = "{path}"\n')


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be somebody whom the permissions of files stop, for a `with` statement."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


class KeepingIntake:
    """An intake that keeps files in a dictionary, and says what was asked of it."""

    def __init__(self) -> None:
        self.kept: dict[FileDigest, bytes] = {}
        self.received: list[bytes] = []
        self.asked: list[FileDigest] = []

    def receive(self, source: BinaryIO, size: int, name: str | None = None) -> Received:
        return self.receive_bytes(source.read())

    def receive_bytes(self, data: bytes, name: str | None = None) -> Received:
        digest = FileDigest.of(data)
        self.received.append(data)
        self.kept[digest] = data
        return Received(digest, len(data))

    def has_files(self, digests: list[FileDigest]) -> set[FileDigest]:
        self.asked += digests
        return {digest for digest in digests if digest in self.kept}

    def calls(self) -> int:
        """How often it was asked anything since the last time."""
        count = len(self.received) + len(self.asked)
        self.received, self.asked = [], []
        return count


__all__ = ["AT", "HashingIntake", "KeepingIntake", "fill", "one_component", "unprivileged", "walk", "workspace"]
