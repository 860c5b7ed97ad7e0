"""Disks that end, and disks that cannot be written: real ones, mounted for a test and unmounted whatever happens.

with mounted(tmp_path / "disk", size="2m") as disk:
    fill_up(disk)
    with read_only(disk): ...
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from tests.parts import need

FILLER = "filler"


@cache
def _can_mount() -> bool:
    """Whether this process may mount; tried in a namespace of its own, which goes away with the try."""
    tried = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False)
    return os.geteuid() == 0 and tried.returncode == 0


@contextmanager
def mounted(place: Path, size: str) -> Iterator[Path]:
    """Mount a disk of its own, of so many bytes, for a `with` statement."""
    need(_can_mount(), "the right to mount a tmpfs (root, or a container that may)")
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},nr_inodes=2k,mode=0755", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        # Lazily: whatever a failed test left open must not keep the disk.
        subprocess.run(["umount", "--lazy", place], check=True)


@contextmanager
def read_only(disk: Path) -> Iterator[None]:
    """Let nothing be written to a mounted disk, for a `with` statement."""
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)


def fill_up(disk: Path, *, spare: int = 0) -> None:
    """Leave room for so many bytes, and no more."""
    with suppress(OSError), (disk / FILLER).open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4_096))
    with (disk / FILLER).open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.truncate(max(0, size - spare))


def make_room(disk: Path) -> None:
    """Take away what `fill_up` wrote."""
    (disk / FILLER).unlink()
