"""A backup: one file with a consistent copy of a registry, made while others write.

The order, in words: a snapshot of the catalog first (`Database.copy`), then the packs that this snapshot knows, each
proven on its way by its name. Packs never change and are durable before a catalog knows them, so what the snapshot names
is there, unless the collector took it since: then the backup begins again with a new snapshot. That ends, since the
collector takes only what has been of no use for as long as its grace, and the new snapshot does not name it any more.

The file gets its name only when it is whole and durable, and never replaces another. What a killed backup leaves is a
hidden folder beside it. The format is that of `registry.archive`. In it are the catalog and its packs: all of the
registry. What belongs to a host or to a workspace stays behind: live folders, what a workspace is based on, caches, and
the quarantine.

    backup(context, Path("monday.tar"))
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from lastgood.catalog import placement, records, releases
from lastgood.catalog.sqlite import SQLiteDatabase
from lastgood.errors import AlreadyExists, Busy, Integrity, NotFound, of_os_error
from lastgood.ids import PackId, RegistryId
from lastgood.registry.archive import Member, write_beginning, write_end, write_member
from lastgood.registry.backup_form import CATALOG_MEMBER, BackupContents, member_of_pack
from lastgood.registry.context import Context
from lastgood.registry.verify_store import Progress
from lastgood.store.pack import pack_name, read_whole
from lastgood.workspace.durable import sync_folder

CATALOG = "catalog.db"
TRIES = 5

_READ_AT_ONCE = 4 << 20


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What a backup holds: whose, how many bytes the file has, how many packs and events are in it."""

    file: Path
    registry: RegistryId
    bytes: int
    packs: int
    events: int


class _Collected(Exception):
    """A pack that the snapshot knows was collected since."""


def backup(context: Context, target: Path, progress: Progress | None = None) -> BackedUp:
    """Write a backup into a new file.

    Args:
        context: the registry.
        target: the file.
        progress: told how many bytes more were written.

    Raises:
        AlreadyExists: there is something of that name.
        Integrity: a pack is damaged or missing; `lastgood repair` comes first.
        Busy: the collector was quicker every time.
        StorageFull, NotAllowed, NotFound, Unavailable: the file cannot be written.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100  # resolve() would follow the target's own link
    if os.path.lexists(target):
        raise AlreadyExists(f"{target} is there already; it was left as it is", hint="name a new file")
    folder = target.with_name(f".{target.name[:200]}.lastgood-{context.entropy(6).hex()}")
    try:
        folder.mkdir(mode=0o700)
        for _ in range(TRIES):
            try:
                return _Backup(context, folder, progress).publish(target)
            except _Collected:
                continue
    except FileExistsError as error:
        raise AlreadyExists(f"{target} was made by somebody else meanwhile; it was left as it is", hint="name a new file") from error
    except OSError as error:
        raise of_os_error(error, f"{target} cannot be written") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    raise Busy("packs were collected each time before they could be copied; no backup was made")


class _Backup:
    """One try: a snapshot, and the file that is made of it, in a folder that nobody else knows."""

    def __init__(self, context: Context, folder: Path, progress: Progress | None) -> None:
        self._context = context
        self._catalog = folder / CATALOG
        self._file = folder / "backup.tar"
        self._progress = progress

    def publish(self, target: Path) -> BackedUp:
        """Write the file and give it its name."""
        self._catalog.unlink(missing_ok=True)
        self._context.database.copy(self._catalog)
        contents, packs = self._contents()
        with self._file.open("wb") as file:
            write_beginning(file, contents)
            write_member(file, CATALOG_MEMBER, contents.members[0].size, self._pieces())
            for (pack, size), member in zip(packs, contents.members[1:], strict=True):
                write_member(file, member.name, size, self._proven(pack, size))
            write_end(file, contents)
            file.flush()
            os.fsync(file.fileno())
            length = file.tell()
        give_name(self._file, target)
        sync_folder(target.parent)
        return BackedUp(target, contents.registry, length, len(packs), contents.events)

    def _contents(self) -> tuple[BackupContents, list[tuple[PackId, int]]]:
        snapshot = SQLiteDatabase(self._catalog)
        try:
            with snapshot.reading() as session:
                registry = releases.registry_id(session)
                events = records.count_events(session)
                packs = placement.recorded_packs(session)
        finally:
            snapshot.close()
        with self._catalog.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        catalog = Member(CATALOG_MEMBER, self._catalog.stat().st_size, "sha256", digest)
        return BackupContents(registry, events, [catalog, *(member_of_pack(pack, size) for pack, size in packs)]), packs

    def _pieces(self) -> Iterator[bytes]:
        with self._catalog.open("rb") as file:
            while piece := file.read(_READ_AT_ONCE):
                yield piece
                self._advance(piece)

    def _proven(self, pack: PackId, size: int) -> Iterator[bytes]:
        hasher = blake3()
        try:
            for piece in read_whole(self._context.backend, pack, size):
                hasher.update(piece)
                yield piece
                self._advance(piece)
            if self._context.backend.size(pack_name(pack)) == size and hasher.digest() == pack:
                return
            what = "is damaged"
        except NotFound:
            what = "is missing"
        except Integrity as error:
            what = f"cannot be read: {error.message}"
        with self._context.database.reading() as session:
            if not placement.is_recorded(session, pack):
                raise _Collected
        raise Integrity(f"pack {pack.short} {what}; no backup was made", hint="lastgood repair", details={"pack": str(pack)})

    def _advance(self, piece: bytes) -> None:
        if self._progress is not None:
            self._progress(len(piece))


def give_name(file: Path, target: Path) -> None:
    """Give a file its name, unless there is something of that name already.

    Raises:
        FileExistsError: there is.
    """
    try:
        # Unlike a rename, a link never replaces what somebody else put there meanwhile.
        os.link(file, target)
    except (PermissionError, NotImplementedError, OSError) as error:
        if isinstance(error, FileExistsError) or os.path.lexists(target):
            raise
        # A file system without links.
        file.rename(target)
