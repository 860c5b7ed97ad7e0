"""The bytes of every file in a registry's folder, sorted by what they are for.

Rule: every plain file under the folder is counted once, by its length; so the sorts add up to what a walk of the folder
finds, as long as nobody writes between.

    found = look_at_folder(context.folder)
    found.packs[pack]                      # its bytes on disk
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lastgood.errors import Integrity, of_os_error
from lastgood.ids import PackId
from lastgood.model.usage import FolderBytes
from lastgood.registry.cost_index import Index, Rows
from lastgood.registry.embedded import CACHE, CATALOG, STORE
from lastgood.store.index import parse_pack_name
from lastgood.store.pack import FOLDER, QUARANTINE


@dataclass(slots=True)
class Found:
    """What lies in the folder: packs by id, and the bytes of everything else."""

    packs: dict[PackId, int] = field(default_factory=dict)
    quarantine: int = 0
    catalog: int = 0
    cache: int = 0
    others: int = 0


def look_at_folder(folder: Path) -> Found:
    """Measure every file of a registry's folder.

    Raises:
        NotAllowed, Unavailable: a folder cannot be listed.
    """
    found = Found()
    for name, size in _files(folder):
        match name.split("/"):
            case [store, packs, *rest] if (store, packs) == (STORE, FOLDER):
                _count_pack(found, "/".join([FOLDER, *rest]), size)
            case [store, quarantine, _] if (store, quarantine) == (STORE, QUARANTINE):
                found.quarantine += size
            case [top] if top == CATALOG or top.startswith(f"{CATALOG}-"):
                found.catalog += size
            case [top, *_] if top == CACHE:
                found.cache += size
            case _:
                found.others += size
    return found


def sort_bytes(found: Found, index: Index, needed: Rows) -> FolderBytes:
    """Sort the bytes of a folder by what they are for.

    Args:
        found: what lies there.
        index: what the index says.
        needed: the rows of the chunks that releases need.
    """
    recorded = dict(index.packs.values())
    sizes, frames, dead = sum(recorded.values()), int(index.frames.length.sum()), int(index.frames.dead.sum())
    used = int(index.share[needed].sum())
    return FolderBytes(
        needed=used,
        waiting=frames - dead - used,
        dead=dead,
        footers=sizes - frames,
        orphans=sum(size for pack, size in found.packs.items() if pack not in recorded),
        quarantine=found.quarantine,
        damage=sum(found.packs.get(pack, 0) for pack in recorded) - sizes,
        catalog=found.catalog,
        cache=found.cache,
        others=found.others,
    )


def _count_pack(found: Found, name: str, size: int) -> None:
    try:
        found.packs[parse_pack_name(name)] = size
    except Integrity:
        found.others += size


def _files(folder: Path, prefix: str = "") -> Iterator[tuple[str, int]]:
    """Yield the plain files under a folder, by their paths from it; one that goes meanwhile is not there."""
    try:
        entries = sorted(os.scandir(folder), key=lambda one: one.name)
    except FileNotFoundError:
        return
    except OSError as error:
        raise of_os_error(error, f"{folder} cannot be listed") from error
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path), f"{prefix}{entry.name}/")
            continue
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        if stat.S_ISREG(status.st_mode):
            yield prefix + entry.name, status.st_size
