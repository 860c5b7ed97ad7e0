"""Folders: their bytes, how a version is laid into a workspace, whether two are alike, and what the system keeps of them."""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Bytes:
    """How large a folder is: the lengths of its files added up, and the blocks that the file system gave them."""

    length: int
    allocated: int


def files_of(folder: Path, leave_out: Collection[str] = ()) -> dict[str, Path]:
    """Return the files under a folder by their path in it, without some folders of its top."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(folder)): path for path in sorted(found) if path.relative_to(folder).parts[0] not in leave_out}


def bytes_of(folder: Path, leave_out: Collection[str] = ()) -> Bytes:
    """Add up a folder; a file with several names counts once."""
    seen = {(stat.st_dev, stat.st_ino): stat for stat in (path.stat() for path in files_of(folder, leave_out).values())}
    return Bytes(sum(stat.st_size for stat in seen.values()), sum(stat.st_blocks * 512 for stat in seen.values()))


def lay(version: Path, workspace: Path) -> None:
    """Make a workspace equal to a version as a person's would be: what is the same in both is not touched."""
    wanted, there = files_of(version), files_of(workspace) if workspace.is_dir() else {}
    for name in there.keys() - wanted.keys():
        there[name].unlink()
    for name, source in wanted.items():
        if name not in there or not filecmp.cmp(source, there[name], shallow=False):
            target = workspace / name
            target.parent.mkdir(parents=True, exist_ok=True)
            # A new file in the place of the old one: the store may hold the old one by another name.
            target.unlink(missing_ok=True)
            shutil.copyfile(source, target)


def check_alike(version: Path, restored: Path, who: str) -> None:
    """Check that a folder holds the files of a version, and nothing else, byte for byte.

    Raises:
        RuntimeError: it does not.
    """
    wanted, there = files_of(version), files_of(restored)
    if wanted.keys() != there.keys():
        raise RuntimeError(f"{who} restored {len(there)} files, not the {len(wanted)} that were committed")
    for name, source in wanted.items():
        if not filecmp.cmp(source, there[name], shallow=False):
            raise RuntimeError(f"{who} did not restore {name} byte for byte")


def forget(folder: Path) -> None:
    """Ask the system to drop what it keeps of a folder's files in memory; works without being root, once they are synced."""
    os.sync()
    for path in files_of(folder).values():
        handle = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)
