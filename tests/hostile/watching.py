"""Watching that nothing happens: what is below a folder, byte for byte, before and after.

with nothing_changes(desk):
    assert desk.fails("commit")["kind"] == "invalid-path"
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.commands import Desk

CACHES = frozenset({"stat-cache"})
"""What may be written any time, since nothing depends on it."""

NOBODY = 65534

Picture = dict[str, tuple[int, str]]


def picture(root: Path) -> Picture:
    """Return type, mode and content of everything below a folder; links are looked at, never followed."""
    found: Picture = {}
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            if name in CACHES:
                continue
            path = os.path.join(folder, name)
            mode = os.lstat(path).st_mode
            found[os.path.relpath(path, root)] = (mode, _content(path, mode))
    return found


def _content(path: str, mode: int) -> str:
    if stat.S_ISLNK(mode):
        return os.readlink(path)
    if not stat.S_ISREG(mode):
        return ""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def nothing_changes(desk: Desk) -> Iterator[None]:
    """See that nothing at or beside a workspace is changed, that its registry is whole, and that it goes on working."""
    around = desk.root.parent
    before = picture(around)
    yield
    assert picture(around) == before
    assert desk.ask("verify")["ok"] is True


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be somebody whom the permissions of files stop, for a `with` statement."""
    if os.geteuid() != 0:
        yield
        return
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def hand_over(root: Path) -> None:
    """Give a tree to the unprivileged."""
    if os.geteuid() != 0:
        return
    os.chown(root, NOBODY, NOBODY)
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            os.chown(os.path.join(folder, name), NOBODY, NOBODY, follow_symlinks=False)
