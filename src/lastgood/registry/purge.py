"""Purging files: erasure that the law asks for, of bytes that releases need.

The rules, in words. What is purged is a version of a file, whole. Its digest stays in listings and history stays as it is;
its bytes go at once, without the collector's grace, and are not taken in again before somebody lifts that. What other
kept files hold as bytes of their own stays, as theirs. What was encoded against the purged bytes is encoded anew first.

The steps:
    1. *Record.* One transaction appends `file.purged`, forgets the files and begins a new generation: from now on nobody reads
       them, no release counts as needing them, and a commit that is under way looks again.
    2. *Rewrite.* Every pack that holds something dead, or something that stands on the purged bytes, is written anew without
       them; then one transaction moves what is kept, forgets the purged chunks, and drops the old packs.
    3. *Delete.* Packs that no catalog knows are deleted, damaged ones in quarantine too, and the checkout cache's copies.

Crash argument. A kill before the COMMIT of step 1 leaves nothing purged. After it the files are purged for whoever asks,
and what is left over is found anew from the index and the packs alone: each step does nothing where it was done already,
so purging again, or `finish`, ends what was cut short; until then `verify` notes that it has to. Step 2 is one transaction after
durable packs, as in `registry.repack`; step 3 deletes what no durable index knows. A commit beside it whose packs are
deleted, or which counted on the purged bytes, notices inside its own transaction and keeps what it brings anew.

    done = purge(context, plan_purge(context, [digest]), reason="a customer asked for it")
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from lastgood.catalog.collection import (
    PURGE,
    PURGED,
    Condemnable,
    chunks_of_files,
    chunks_read_from,
    drop_packs,
    index_state,
    is_purge_unfinished,
    record_step,
    recorded_among,
    recorded_keys,
    sweep,
)
from lastgood.catalog.database import Session
from lastgood.catalog.placement import recorded_packs
from lastgood.catalog.purges import purged_among, purged_files
from lastgood.catalog.records import event_of_operation
from lastgood.catalog.rewriting import move_chunks
from lastgood.errors import Conflict, NotFound, Refused
from lastgood.ids import FileDigest, OperationId, PackId
from lastgood.model.changes.purges import FilesPurged, PurgeLifted
from lastgood.model.placement import PackContents
from lastgood.registry.checkout_cache.room import NEW
from lastgood.registry.context import Context
from lastgood.registry.orphans import list_packs, note_and_delete
from lastgood.registry.publish import require_packs
from lastgood.registry.purge_plan import PurgePlan, live_releases
from lastgood.store.pack import QUARANTINE, read_footer
from lastgood.store.repacking import Repacker

_CACHE = "cache"
_TRIES = 3
_FOR_EVER = datetime.max.replace(tzinfo=UTC)
"""A deadline before which everything lies: nothing waits for a grace."""


@dataclass(frozen=True, slots=True)
class PurgeDone:
    """What a purge did.

    Attributes:
        files: what is purged now.
        packs_rewritten: packs that were written anew without what went.
        packs_deleted: packs that were deleted, with their bytes.
        bytes_freed: by how many bytes the packs became smaller.
        quarantined: damaged packs that were deleted unread, since nobody can tell what is in them.
        cached: copies that the checkout cache had.
        operation: under which it stands in the ledger; None where everything was purged before.
    """

    files: tuple[FileDigest, ...]
    packs_rewritten: int = 0
    packs_deleted: int = 0
    bytes_freed: int = 0
    quarantined: int = 0
    cached: int = 0
    operation: OperationId | None = None


def purge(
    context: Context, plan: PurgePlan, reason: str | None = None, *, even_live: bool = False, operation: OperationId | None = None
) -> PurgeDone:
    """Purge files.

    Args:
        context: the registry.
        plan: the files, and what somebody saw of them.
        reason: why, in free text.
        even_live: also where an environment runs a release that has one of them.
        operation: an id that makes a retry safe.

    Raises:
        Refused: a release that has one is live, and that was not allowed.
        Integrity: a pack cannot be read or is missing; the files are purged, but some of their bytes are still there.
        StorageFull, ReadOnly, Unavailable: likewise.
    """
    asked = context.operation(operation)
    with context.changing(asked) as (session, ledger):
        event = event_of_operation(session, asked.id)
        if event is not None and not isinstance(event.body, FilesPurged):
            raise Conflict("this operation id was used for another operation; nothing was changed")
        chunks: AbstractSet[bytes] | None = None
        known = purged_files(session)
        new = tuple(one for one in plan.files if one not in known)
        if event is None and new:
            _refuse_live(session, plan, even_live=even_live)
            kept = recorded_among(session, Condemnable.FILES, new)
            if len(kept) == len(plan.files) and not is_purge_unfinished(session):
                chunks = chunks_of_files(session, kept)
            ledger.append(FilesPurged(new, ledger.text(reason)))
            sweep(session, frozenset(), kept)
            record_step(session, PURGE, ledger.now)
    done = finish(context, chunks)
    return replace(done, files=plan.files, operation=asked.id if new else None)


def finish(context: Context, chunks: AbstractSet[bytes] | None = None) -> PurgeDone:
    """Erase what is still there of purged files.

    Args:
        context: the registry.
        chunks: the chunks that may have to go. None where nobody knows them any more, since a purge was cut short or the
            collector had been there before: then all that no kept file has as its own, but that is still there.
    """
    with context.database.reading() as session:
        files = purged_files(session)
    if not files:
        return PurgeDone(())
    now = context.clock.now()
    freed = _Erasure(context, files, chunks, now).run()
    deleted = note_and_delete(context, list_packs(context), now, _FOR_EVER)
    quarantined, cached = _clear_quarantine(context), _clear_cache(context, files)
    with context.database.writing() as session:
        if is_purge_unfinished(session):
            record_step(session, PURGED, now)
    bytes_freed = max(0, deleted.bytes - freed.written)
    return PurgeDone(tuple(sorted(files)), freed.rewritten, deleted.packs, bytes_freed, quarantined, cached)


def lift(context: Context, files: Collection[FileDigest], reason: str | None = None, operation: OperationId | None = None) -> None:
    """Let purged files be taken in again; what was erased does not come back by itself.

    Raises:
        NotFound: one of them was not purged.
    """
    asked = context.operation(operation)
    with context.changing(asked) as (session, ledger):
        earlier = event_of_operation(session, asked.id)
        if earlier is not None:
            if not isinstance(earlier.body, PurgeLifted):
                raise Conflict("this operation id was used for another operation; nothing was changed")
            return
        known = {one.file for one in purged_among(session, list(files))}
        for digest in files:
            if digest not in known:
                raise NotFound(f"the file {digest.short} was not purged; nothing was changed", hint="lastgood lineage --file SHA256")
        if is_purge_unfinished(session):
            raise Conflict("some of the bytes may still be there, since a purge was cut short", hint="lastgood purge --apply, then lift it")
        ledger.append(PurgeLifted(tuple(sorted(files)), ledger.text(reason)))


def _refuse_live(session: Session, plan: PurgePlan, *, even_live: bool) -> None:
    live = live_releases(session)
    running = [one for one in plan.holders if one.release in live and one.file not in plan.purged]
    if running and not even_live:
        first = running[0]
        raise Refused(
            f"{first.path} is in {first.label}, which {live[first.release][0]} runs; nothing was purged",
            hint="deploy a release without it first, or purge with --even-live",
            details={"live": sorted({one.label for one in running})},
        )


@dataclass(slots=True)
class _Freed:
    """How many packs were written anew, and as how many bytes."""

    rewritten: int = 0
    written: int = 0


class _Erasure:
    """One rewriting without the purged bytes."""

    def __init__(self, context: Context, files: frozenset[FileDigest], chunks: AbstractSet[bytes] | None, now: datetime) -> None:
        self._context = context
        self._files = files
        self._chunks = chunks
        self._now = now
        self._freed = _Freed()

    def run(self) -> _Freed:
        """Write what is kept anew and forget what is not, in one transaction that found everything as it was looked at."""
        for _ in range(_TRIES):
            with self._context.database.reading() as session:
                state = index_state(session)
            dead = self._dead_chunks()
            old, packs = self._rewritten(dead)
            with self._context.database.writing() as session:
                if index_state(session) == state:
                    self._act(session, dead, old, packs)
                    return self._freed
        with self._context.database.writing() as session:
            # Its short sessions are this transaction now, so nothing can come between.
            dead = self._dead_chunks()
            old, packs = self._rewritten(dead)
            self._act(session, dead, old, packs)
        return self._freed

    def _dead_chunks(self) -> AbstractSet[bytes]:
        """Return the chunks that have to go: those that no kept file has as its own."""
        kept = [key for key in recorded_keys(self._context.database, Condemnable.FILES) if key not in self._files]
        with self._context.database.reading() as session:
            owned = chunks_of_files(session, kept)
        known = self._chunks if self._chunks is not None else set(recorded_keys(self._context.database, Condemnable.CHUNKS))
        return known - owned

    def _rewritten(self, dead: AbstractSet[bytes]) -> tuple[set[PackId], tuple[PackContents, ...]]:
        """Write every pack anew that holds something which must go; return these packs, and the new ones."""
        with self._context.database.reading() as session:
            recorded = [pack for pack, _ in recorded_packs(session)]
        repacker = Repacker(self._context.backend, self._context.index, avoiding=dead)
        old: set[PackId] = set()
        for pack in recorded:
            contents = read_footer(self._context.backend, pack)
            with self._context.database.reading() as session:
                chunks = chunks_read_from(session, pack, [one.chunk for one in contents.chunks])
                files = recorded_among(session, Condemnable.FILES, contents.files.keys()) - self._files
            wanted = {one for one in chunks if bytes(one) not in dead}
            if self._is_clean(contents, wanted, dead):
                continue
            repacker.take(contents, wanted, [one for one in contents.files if one in files])
            old.add(pack)
        return old, repacker.finish()

    def _is_clean(self, contents: PackContents, wanted: AbstractSet[bytes], dead: AbstractSet[bytes]) -> bool:
        if len(wanted) < len(contents.chunks) or not self._files.isdisjoint(contents.files):
            return False
        return all(dead.isdisjoint(frame.needs) for frame in contents.frames)

    def _act(self, session: Session, dead: AbstractSet[bytes], old: set[PackId], packs: tuple[PackContents, ...]) -> None:
        files = recorded_among(session, Condemnable.FILES, self._files)
        if not old and not dead and not files:
            return
        require_packs(self._context, packs)
        move_chunks(session, packs, old)
        sweep(session, dead, files)
        drop_packs(session, old, self._now)
        record_step(session, "sweep", self._now)
        self._freed = _Freed(len(old), sum(pack.size for pack in packs))


def _clear_quarantine(context: Context) -> int:
    names = list(context.backend.names(QUARANTINE))
    for name in names:
        context.backend.delete(name)
    return len(names)


def _clear_cache(context: Context, files: AbstractSet[FileDigest]) -> int:
    """Remove the whole files that this host keeps for checkouts, of which the purged ones bear their digests as names."""
    folder, found = context.folder / _CACHE, 0
    hidden = {str(one) for one in files}
    with suppress(FileNotFoundError, NotADirectoryError):
        for path in folder.iterdir():
            # What is being written is lost to its writer, who then keeps nothing of it; it has no name yet.
            if path.name.partition(".")[0] in hidden or path.name.startswith(NEW):
                path.unlink(missing_ok=True)
                found += 1
    return found
