"""The way back from a backup: the registry that it holds, made in a folder that has none.

Rules: everything is written into a fresh folder beside the place, every byte is proven on its way (`registry.archive`),
then the whole registry is verified there, history and all, and only then does it get its name. So either there is a whole
registry, or nothing. Crash argument: without a catalog a folder is no registry, and the catalog comes into its place last,
in the rename of the whole folder, or, where a workspace has a `.lastgood` folder already, by a link after the packs; what
a killed import leaves is a hidden folder.

    import_backup(Path("monday.tar"), Path("project/.lastgood"), settings)
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from lastgood.catalog import placement, records, tree
from lastgood.catalog.creation import require_own_schema
from lastgood.errors import AlreadyExists, Integrity, of_os_error
from lastgood.ids import PackId, RegistryId
from lastgood.ledger.notes import VerifierKey
from lastgood.registry.archive import ArchiveReader
from lastgood.registry.backup_form import BACKUP, CATALOG_MEMBER, BackupContents
from lastgood.registry.embedded import CATALOG, Settings, open_registry
from lastgood.registry.host import KEYS, key_file
from lastgood.registry.ledger_keys import set_key
from lastgood.registry.memory import Memory
from lastgood.registry.sealing import signing_keys
from lastgood.registry.verify import Problem, verify
from lastgood.workspace.durable import sync_folder

Progress = Callable[[int], None]
"""Told, now and then, how many bytes more were read."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What was made of a backup.

    Attributes:
        losses: what its releases had lost already when it was backed up.
        new_key: the key that signs from here on, where the old one is not on this host; backups hold none.
    """

    folder: Path
    registry: RegistryId
    bytes: int
    packs: int
    events: int
    losses: tuple[Problem, ...]
    new_key: VerifierKey | None = None


def import_backup(file: Path, folder: Path, settings: Settings, progress: Progress | None = None) -> Imported:
    """Make the registry that a backup holds.

    Args:
        file: the backup.
        folder: the `.lastgood` folder to be; a workspace's, without a registry, may be there.
        settings: what to open it with.
        progress: told how many bytes more were read.

    Raises:
        AlreadyExists: there is a registry, or what is left of one.
        Integrity: the file is no backup, or damaged; nothing was made.
        NewerSchema: a newer version wrote it.
        NotFound, NotAllowed, StorageFull, ReadOnly, Unavailable: it cannot be read, or the registry not be written.
    """
    _require_none(folder)
    fresh = folder.with_name(f"{folder.name}.import-{settings.entropy(6).hex()}")
    try:
        with file.open("rb") as opened:
            fresh.mkdir()
            contents, size = _unpack(opened, fresh, progress)
        # What this machine remembers is about the place where the registry will be, and not about this one.
        aside = replace(settings, memory=None)
        losses = _check(fresh, contents, aside)
        new_key = _let_sign(fresh, folder, aside)
        # Before it has its name: a kill in between leaves a memory of what is not there, which is no harm, and never a
        # registry whose key nobody here trusts.
        _remember(fresh, folder, settings, new_key)
        _publish(fresh, folder)
    except OSError as error:
        about = file if error.filename == str(file) else folder
        raise of_os_error(error, f"{about} cannot be {'read' if about is file else 'written'}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return Imported(folder, contents.registry, size, len(contents.members) - 1, contents.events, losses, new_key)


def _require_none(folder: Path) -> None:
    for name in (CATALOG, "store"):
        if os.path.lexists(folder / name):
            raise AlreadyExists(
                f"there is a registry at {folder} already, or what is left of one; it was left as it is",
                hint="lastgood -C DIR import backup FILE, in another folder",
            )


def _unpack(file: BinaryIO, fresh: Path, progress: Progress | None) -> tuple[BackupContents, int]:
    reader = ArchiveReader(file, BACKUP)
    folders = {fresh, fresh / "store", fresh / "store/packs"}
    for member, pieces in reader.members():
        # One of the names that every backup has, never one that a stranger chose: see `registry.archive`.
        path = fresh / member.name
        path.parent.mkdir(parents=True, exist_ok=True)
        folders.add(path.parent)
        _write(path, pieces, 0o644 if member.name == CATALOG_MEMBER else 0o444, progress)
    for folder in sorted(folders, reverse=True):
        folder.mkdir(parents=True, exist_ok=True)
        sync_folder(folder)
    return reader.contents, file.seek(0, os.SEEK_END)


def _write(path: Path, pieces: Iterator[bytes], mode: int, progress: Progress | None) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode), "wb") as file:
        for piece in pieces:
            file.write(piece)
            if progress is not None:
                progress(len(piece))
        file.flush()
        os.fsync(file.fileno())


def _check(fresh: Path, contents: BackupContents, settings: Settings) -> tuple[Problem, ...]:
    """Verify the registry before it has its name, and return what its releases had lost before."""
    registry = open_registry(fresh, settings)
    try:
        require_own_schema(registry.context.database)
        with registry.context.database.reading() as session:
            packs = [PackId.parse(member.digest) for member in contents.members[1:]]
            is_told = [pack for pack, _ in placement.recorded_packs(session)] == packs and records.count_events(session) == contents.events
        if not is_told or registry.id != contents.registry:
            raise Integrity("the catalog in this backup is not the one that its manifest describes; nothing was made of it")
        verified = verify(registry.context)
    finally:
        registry.close()
    # A release that had lost something has lost it here as well. Whatever else is wrong was never a registry's.
    wrong = [problem for problem in verified.problems if not problem.releases and problem.what not in verified.unconfirmed]
    if wrong:
        raise Integrity(f"the registry in this backup is damaged: {wrong[0].what}; nothing was made of it")
    return verified.problems


def _let_sign(fresh: Path, folder: Path, settings: Settings) -> VerifierKey | None:
    """Give the registry a key of its own, unless this host has the one that signed it; return the new one."""
    registry = open_registry(fresh, settings)
    try:
        with registry.context.database.reading() as session:
            keys = signing_keys(session)
        if not keys or key_file(folder, keys[-1][1]).exists():
            return None
        return set_key(registry.context, "restored from a backup, which holds no key", is_lost=True)
    finally:
        registry.close()


def _remember(fresh: Path, folder: Path, settings: Settings, new_key: VerifierKey | None) -> None:
    """Take the history as the right one for this place: a person puts it there."""
    memory = Memory(settings.memory, folder)
    memory.forget_history()
    if new_key is not None:
        memory.trust([str(new_key)])
    registry = open_registry(fresh, settings)
    try:
        with registry.context.database.reading() as session:
            note = tree.latest_checkpoint(session)
    finally:
        registry.close()
    if note is not None:
        memory.remember(note)


def _publish(fresh: Path, folder: Path) -> None:
    if not folder.exists():
        try:
            fresh.rename(folder)
        except OSError as error:
            if folder.exists():
                raise AlreadyExists(f"{folder} was made by somebody else meanwhile; it was left as it is") from error
            raise
    else:
        _require_none(folder)
        (fresh / "store").rename(folder / "store")
        if (fresh / KEYS).exists():
            _bring_keys(fresh / KEYS, folder / KEYS)
        sync_folder(folder)
        try:
            os.link(fresh / CATALOG, folder / CATALOG)
        except FileExistsError as error:
            raise AlreadyExists(f"a registry was made at {folder} by somebody else meanwhile") from error
        sync_folder(folder)
    sync_folder(folder.parent)


def _bring_keys(new: Path, keys: Path) -> None:
    keys.mkdir(mode=0o700, exist_ok=True)
    for path in new.iterdir():
        path.rename(keys / path.name)
    sync_folder(keys)
