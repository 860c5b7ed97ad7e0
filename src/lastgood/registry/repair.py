"""Repairing: the index is made anew from the packs alone, damaged packs are put aside, and what is hurt is named.

The rules, in words:
    1. Every byte of every pack is read and held against its name, before anything is locked: packs never change.
    2. Under the write lock the index's tables are thrown away and filled again from the footers, all in the one transaction:
       whoever reads meanwhile sees the old index, whoever writes waits. Shallow copies come first, so that what others
       stand on is there before them (`catalog.rebuilding`).
    3. Of a damaged pack, what has no copy elsewhere and still proves is written into a new pack, which is durable before
       the transaction ends; where not even its footer can be read, the old index says where to look, if it can.
    4. After the transaction damaged packs go to the quarantine, under the lock again, and only if they still are damaged:
       who commits may have put the very pack again, which mends it.
Crash argument: until COMMIT the old index stands, and a new pack is one that no catalog knows; after it nothing reads
from a damaged pack any more, and whatever was not put aside yet is found again by the next repair.

    repaired = repair(context)
    repaired.hurt          # releases, and the paths of what they lost
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from lastgood.catalog import rebuilding, records
from lastgood.catalog.database import Session, TablesDamaged
from lastgood.errors import Integrity, LastgoodError, NewerSchema, NotFound
from lastgood.ids import PackId
from lastgood.registry.context import Context
from lastgood.registry.loss import Hurt, hurt_releases
from lastgood.registry.rebuild_index import IndexBuilder, OldIndex
from lastgood.registry.verify_store import Progress
from lastgood.store.index import parse_pack_name
from lastgood.store.pack import FOLDER, digest_of, pack_name, verify_pack
from lastgood.store.quarantine import rename, set_aside

FROM_BACKUP = "lastgood import backup FILE, in a new folder"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A damaged pack.

    Attributes:
        saved: how many of its chunks were only there, and still prove.
        kept_as: its name in the store from now on; None where it was only looked at, or mended meanwhile.
    """

    pack: PackId
    why: str
    saved: int
    kept_as: str | None = None


@dataclass(frozen=True, slots=True)
class Repaired:
    """What came of a repair: what the index knows now, what was put aside, and what is lost."""

    packs: int
    chunks: int
    files: int
    quarantined: tuple[Quarantined, ...]
    hurt: tuple[Hurt, ...]
    notes: tuple[str, ...]


_Clearing = Callable[[Session, str], None]


class _Undone(Exception):  # ends a transaction that was only to show what it would do
    pass


def repair(context: Context, *, dry_run: bool = False, progress: Progress | None = None) -> Repaired:
    """Make the index anew, and put damaged packs aside.

    Args:
        context: the registry.
        dry_run: change nothing, but say what would be done.
        progress: told about bytes that were read.

    Raises:
        Integrity: the records, which nothing can be made from, are damaged; the hint names the way out.
        NewerSchema: a pack is of a newer version, and would be lost to the index.
        Busy, StorageFull, ReadOnly, NotAllowed, Unavailable: nothing was changed.
    """
    _require_records(context)
    packs = _Packs(context, progress)
    packs.look()
    old = OldIndex(context)
    try:
        repaired = _rebuild(context, packs, old, context.database.clear, dry_run=dry_run)
    except TablesDamaged:
        repaired = _rebuild(context, packs, old, context.database.unlink, dry_run=dry_run)
        if not dry_run:
            context.database.compact()
    if dry_run:
        return repaired
    return replace(repaired, quarantined=tuple(_put_aside(context, repaired.quarantined)))


def _require_records(context: Context) -> None:
    try:
        for _ in records.stored_events(context.database):
            pass
    except Integrity as error:
        raise Integrity(f"{error.message}; what it records can be made from nothing else, and was left alone", hint=FROM_BACKUP) from error


class _Packs:
    """Looks at packs, each of them once while it stays right.

    Attributes:
        good: packs that are byte for byte what they were.
        bad: those that are not, and why.
        notes: what else lies there.
    """

    def __init__(self, context: Context, progress: Progress | None) -> None:
        self._backend = context.backend
        self._progress = progress
        self.good: set[PackId] = set()
        self.bad: dict[PackId, str] = {}
        self.notes: list[str] = []

    def look(self) -> None:
        """Look at all that is there now."""
        named: set[PackId] = set()
        self.bad, self.notes = {}, []
        for name in self._backend.names(FOLDER):
            try:
                pack = parse_pack_name(name)
            except Integrity as error:
                self.notes.append(error.message)
            else:
                named.add(pack)
                self._look_at(pack)
        self.good &= named

    def _look_at(self, pack: PackId) -> None:
        if pack in self.good:
            return
        try:
            verify_pack(self._backend, pack, self._progress)
        except NewerSchema as error:
            raise NewerSchema(f"{error.message}; nothing was changed", details=error.details) from error
        except Integrity as error:
            with suppress(NotFound):  # collected since it was listed
                self._is_there(pack)
                self.bad[pack] = error.message
        else:
            self.good.add(pack)

    def _is_there(self, pack: PackId) -> None:
        with suppress(Integrity):
            self._backend.size(pack_name(pack))


def _rebuild(context: Context, packs: _Packs, old: OldIndex, clear: _Clearing, *, dry_run: bool) -> Repaired:
    result: Repaired | None = None
    with suppress(_Undone), context.database.writing() as session:
        packs.look()
        said = old.ask(session, packs.bad)
        clear(session, rebuilding.TABLES)
        builder = IndexBuilder(context, session, old, packs.bad)
        builder.add_packs(packs.good)
        if not dry_run:
            builder.save_chunks()
        hurt = tuple(hurt_releases(context))
        rebuilding.note_rebuilding(session, said, context.clock.now(), step="loss" if hurt else "repair")
        result = Repaired(
            *rebuilding.count_index(session),
            quarantined=tuple(Quarantined(pack, why, builder.saved_from(pack)) for pack, why in packs.bad.items()),
            hurt=hurt,
            notes=tuple(packs.notes),
        )
        if dry_run:
            raise _Undone
    assert result is not None  # noqa: S101  # whatever else ends the transaction is raised
    return result


def _put_aside(context: Context, damaged: Iterable[Quarantined]) -> Iterator[Quarantined]:
    for one in damaged:
        # Under the lock, where no commit can begin to count on a pack that is taken away: see `registry.publish`.
        with context.database.writing():
            yield replace(one, kept_as=None if _is_right(context, one.pack) else _move_away(context, one.pack))


def _move_away(context: Context, pack: PackId) -> str | None:
    name = pack_name(pack)
    kept_as = set_aside(context.backend, name)
    # Who commits puts packs without the lock; one that was put again after the last look is right, and goes back.
    if digest_of(context.backend, kept_as) != pack:
        return kept_as
    rename(context.backend, kept_as, name)
    return None


def _is_right(context: Context, pack: PackId) -> bool:
    try:
        verify_pack(context.backend, pack)
    except LastgoodError:
        return False
    return True
