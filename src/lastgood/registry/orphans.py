"""Deleting packs that no catalog knows: those of killed commits, and those that the collector dropped.

The rule, in words: an orphan is noted when it is first seen, and deleted after its grace if it is an orphan still. A pack
is deleted only inside a writing transaction that has just found it not to be in the index.

Crash and race argument. A commit publishes its packs in a writing transaction too, and looks there whether they still
exist (`publish.require_packs`). There is one writer at a time. So either the commit is first: then the deleting
transaction finds the pack in the index and spares it; or the deletion is first: then the commit finds the pack missing,
publishes nothing and keeps the bytes anew. A collector that is stopped in the middle of a deletion holds the lock until
it goes on, and nothing that it decided can have become untrue meanwhile; one that is killed has deleted packs which no
durable index knows. What it had not written down is seen again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from lastgood.catalog.collection import forget_orphans, note_orphans, orphans, recorded_among_packs
from lastgood.catalog.placement import recorded_packs
from lastgood.errors import Integrity, NotFound
from lastgood.ids import PackId
from lastgood.registry.context import Context
from lastgood.store.index import parse_pack_name
from lastgood.store.pack import FOLDER, pack_name

_BATCH = 32
"""How many packs are deleted while others wait for the lock."""


@runtime_checkable
class Incoming(Protocol):
    """A backend that may hold what killed writers left."""

    def clear_incoming(self) -> None:
        """Remove it."""
        ...


@dataclass(frozen=True, slots=True)
class Listed:
    """What lies in the packs' folder.

    Attributes:
        packs: the packs.
        strangers: names that no pack has; they are left alone.
    """

    packs: frozenset[PackId]
    strangers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deleted:
    """What was deleted, and what waits: how many packs, and their bytes."""

    packs: int
    bytes: int
    waiting: int
    waiting_bytes: int


def list_packs(context: Context) -> Listed:
    """List the packs, and refuse a listing that lacks one which the index knows.

    Raises:
        Integrity: a pack is missing, or the listing is not complete.
        NotAllowed, Unavailable: the backend does not answer.
    """
    # The index first: what is recorded was durable before, so a complete listing has it.
    known = _recorded(context)
    found: set[PackId] = set()
    strangers: list[str] = []
    for name in context.backend.names(FOLDER):
        try:
            found.add(parse_pack_name(name))
        except Integrity:
            strangers.append(name)
    missing = known - found
    # Another collector may have dropped and deleted it since.
    missing &= _recorded(context) if missing else missing
    if missing:
        raise Integrity(
            f"pack {min(missing).short} is not among the packs that were listed ({len(missing):,} missing); nothing was collected",
            hint="lastgood verify",
        )
    return Listed(frozenset(found), tuple(strangers))


def waiting_orphans(context: Context, listed: Listed, now: datetime) -> dict[PackId, datetime]:
    """Return the packs that no catalog knows, with when they were first seen, which may be now."""
    with context.database.reading() as session:
        noted = orphans(session)
        known = recorded_among_packs(session, listed.packs)
    return {pack: noted.get(pack, now) for pack in listed.packs - known}


def note_and_delete(context: Context, listed: Listed, now: datetime, deadline: datetime) -> Deleted:
    """Note orphans that were not seen before, and delete those whose grace is over."""
    found = waiting_orphans(context, listed, now)
    _note(context, found, now)
    due = sorted(pack for pack, since in found.items() if since <= deadline)
    packs, freed = 0, 0
    for start in range(0, len(due), _BATCH):
        sizes = _delete(context, due[start : start + _BATCH])
        packs, freed = packs + len(sizes), freed + sum(sizes)
    waiting = found.keys() - set(due)
    if isinstance(context.backend, Incoming):
        context.backend.clear_incoming()
    return Deleted(packs, freed, len(waiting), sum(sizes_of(context, waiting)))


def sizes_of(context: Context, packs: Collection[PackId]) -> list[int]:
    """Return the bytes of those of the packs that are there."""
    sizes = []
    for pack in packs:
        try:
            sizes.append(context.backend.size(pack_name(pack)))
        except NotFound:
            continue
    return sizes


def _note(context: Context, found: Mapping[PackId, datetime], now: datetime) -> None:
    with context.database.reading() as session:
        noted = orphans(session)
    new, gone = found.keys() - noted.keys(), noted.keys() - found.keys()
    if new or gone:
        with context.database.writing() as session:
            note_orphans(session, new - recorded_among_packs(session, new), now)
            # Published since, or gone; one that another collector dropped a moment ago is noted anew when it is seen.
            forget_orphans(session, gone)


def _delete(context: Context, packs: Collection[PackId]) -> list[int]:
    with context.database.writing() as session:
        free = set(packs) - recorded_among_packs(session, packs)
        sizes = sizes_of(context, free)
        for pack in sorted(free):
            context.backend.delete(pack_name(pack))
        forget_orphans(session, packs)
    return sizes


def _recorded(context: Context) -> set[PackId]:
    with context.database.reading() as session:
        return {pack for pack, _ in recorded_packs(session)}
