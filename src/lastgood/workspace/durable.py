"""Small files that are replaced whole: bytes, fsync, rename, fsync folder.

    replace_file(folder / "live.json", b"{}")

Crash argument: until the rename the old file is there, afterwards the new one; its bytes were durable before it got
the name, and the name is durable when this returns.
"""

from __future__ import annotations

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make a folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, data: bytes, *, temporary: Path | None = None) -> None:
    """Put bytes under a name, all of them or none.

    Args:
        path: the name.
        data: the bytes.
        temporary: a name on the same file system that nobody else writes to, by default one of this process beside it; it is
            gone afterwards.
    """
    temporary = temporary or path.with_name(f"{path.name}.{os.getpid()}.new")
    # What a kill left there, or a link that somebody put there for us to write through.
    temporary.unlink(missing_ok=True)
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, durably; one that is there is left as it is.

    Raises:
        FileExistsError: there is something else of that name.
    """
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        sync_folder(one.parent)
