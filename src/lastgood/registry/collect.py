"""Collecting garbage: taking back the bytes that no release needs, beside writers, without ever taking one that is.

The steps, in words:
    1. *Condemn.* What nothing kept needs is noted, in one transaction with a new generation. Dedup no longer sees it; reads
       still work. What is needed again is revived.
    2. *Sweep.* What has been condemned for as long as the grace lasts, and is unreachable still, loses its rows, in one
       transaction with a new generation.
    3. *Packs.* One that nothing is read from is dropped, one that is mostly dead is rewritten (`registry.repack`).
    4. *Orphans.* Packs that no catalog knows are deleted after their grace (`registry.orphans`).

Why no live chunk is ever swept: what is reachable is found outside the lock, and in the transaction that acts on it
history and index must be as they were; else it is found again, the last time inside the lock. A commit that is under way
is not in history yet. If it relied on something that is condemned or swept now, it began in an earlier generation: so
its own transaction revives all it points at, or finds it gone and keeps it anew (`publish`). The grace is a courtesy
to readers, and to people who change their mind; nothing that is kept rests on it, nor on anybody's clock.

Why a kill does no harm: each step is one transaction, or deletes only what no durable index knows, and what is left over
is found again. Nothing is collected where something does not add up: a pack or a listing missing, a history that is
older than what this host saw, a clock that went back.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import timedelta

from lastgood.catalog import collection
from lastgood.catalog.collection import Condemnable, IndexState, index_state
from lastgood.catalog.database import Session
from lastgood.clock import follow
from lastgood.errors import Invalid, Refused
from lastgood.ids import ReleaseId
from lastgood.model.collection import GRACE, Fate
from lastgood.registry.context import Context
from lastgood.registry.orphans import Deleted, list_packs, note_and_delete, sizes_of, waiting_orphans
from lastgood.registry.reachability import Survey, Surveyor
from lastgood.registry.repack import Repacked, look_at_packs, repack
from lastgood.registry.seen import Seen, digest_of, read_seen, require_same_history, write_seen

_TRIES = 3
"""How often what is reachable is found while others write, before they have to wait for it."""

_NOBODY: frozenset[ReleaseId] = frozenset()


@dataclass(frozen=True, slots=True)
class Collected:
    """What was collected, or would be.

    Attributes:
        applied: false where it only tells.
        chunks_condemned, files_condemned: what nothing kept needs since the last time.
        chunks_revived, files_revived: what is needed again.
        chunks_swept, files_swept: what was forgotten.
        packs_dropped, packs_rewritten: packs that the index forgot, being dead or rewritten.
        packs_deleted: packs that were deleted.
        packs_waiting: packs that will be deleted when their grace is over.
        bytes_deleted: the bytes of the deleted packs.
        bytes_written: the bytes of the packs that rewriting made.
        bytes_waiting: about how many bytes can go when their grace is over.
        notes: what was left alone, and why.
    """

    applied: bool
    chunks_condemned: int = 0
    files_condemned: int = 0
    chunks_revived: int = 0
    files_revived: int = 0
    chunks_swept: int = 0
    files_swept: int = 0
    packs_dropped: int = 0
    packs_rewritten: int = 0
    packs_deleted: int = 0
    packs_waiting: int = 0
    bytes_deleted: int = 0
    bytes_written: int = 0
    bytes_waiting: int = 0
    notes: tuple[str, ...] = ()

    @property
    def bytes_freed(self) -> int:
        """By how many bytes the packs together became smaller; none where rewriting wrote more than went."""
        return max(0, self.bytes_deleted - self.bytes_written)


def plan_collection(context: Context, grace: timedelta = GRACE, dropped: AbstractSet[ReleaseId] = _NOBODY) -> Collected:
    """Return what `collect` would do now, without doing it.

    Raises:
        as `collect`.
    """
    run = _Run(context, grace, dropped)
    survey = None if run.is_settled() else Surveyor(context, dropped).survey(run.now, run.deadline)
    return run.plan(survey)


def collect(context: Context, grace: timedelta = GRACE, dropped: AbstractSet[ReleaseId] = _NOBODY) -> Collected:
    """Collect garbage.

    Args:
        context: the registry.
        grace: how long what is condemned stays, and packs that no catalog knows.
        dropped: releases whose bytes may go; what others need of them stays.

    Raises:
        Integrity: something does not add up, such as a missing listing or a history that is older than the one seen.
        ClockWentBack: the clock is behind what was recorded, and that was not accepted.
        Refused: a dropped release is the latest of its pipeline.
        ReadOnly, StorageFull, NotAllowed, Unavailable: the registry cannot be listed or written.
    """
    return _Run(context, grace, dropped).apply()


class _Run:
    """One collection: what it starts from, and its steps."""

    def __init__(self, context: Context, grace: timedelta, dropped: AbstractSet[ReleaseId]) -> None:
        if grace < timedelta(0):
            raise Invalid("a grace cannot be negative; nothing was collected")
        self._context = context
        self._dropped = dropped
        self._seen = read_seen(context.folder)
        with context.database.reading() as session:
            require_same_history(session, self._seen, context.folder)
            _require_droppable(session, dropped)
            self._newest = collection.newest_instant(session)
            self._begun = index_state(session)
        self._clock_now = context.clock.now()
        self.now = follow(self._clock_now, self._newest, accept=context.accept_clock)
        self.deadline = self.now - grace
        self._listed = list_packs(context)

    def is_settled(self) -> bool:
        """Whether the last collection left nothing to do, and nothing has changed or come of age since."""
        if self._seen != Seen(self._begun, digest_of(self._dropped)):
            return False
        with self._context.database.reading() as session:
            return not collection.rows_condemned_before(session, self.deadline)

    def apply(self) -> Collected:
        """Go through the steps."""
        done = Collected(applied=True)
        self._remember(self._begun, settled=None)
        self._accept_clock()
        events = self._begun.events
        if not self.is_settled():
            survey = self._condemn_and_sweep()
            events = survey.state.events
            done = self._told(done, survey, repack(self._context, self.now, self.deadline))
        done = _with_orphans(done, note_and_delete(self._context, self._listed, self.now, self.deadline))
        with self._context.database.reading() as session:
            ended = index_state(session)
        # Others may have moved chunks meanwhile, which the next event brings to light; a release is never overlooked.
        self._remember(ended, settled=digest_of(self._dropped) if ended.events == events and not done.notes else None)
        return done

    def plan(self, survey: Survey | None) -> Collected:
        """Tell what the steps would do."""
        told = Collected(applied=False)
        found = waiting_orphans(self._context, self._listed, self.now)
        going = {pack for pack, since in found.items() if since <= self.deadline}
        if survey is not None:
            told = self._told(told, survey, Repacked())
            looked = list(look_at_packs(self._context, survey.chunks.swept, survey.files.swept))
            dropped = {one.use.pack for one in looked if one.fate is Fate.DROP}
            rewritten = {one.use.pack for one in looked if one.fate is Fate.REWRITE}
            told = replace(
                told,
                packs_dropped=len(dropped),
                packs_rewritten=len(rewritten),
                bytes_written=round(sum(one.use.used for one in looked if one.fate is Fate.REWRITE)),
                notes=tuple(f"would be left alone: {one.why}" for one in looked if one.why is not None),
            )
            going |= dropped
            found.update(dict.fromkeys(rewritten, self.now))
            going |= {pack for pack in rewritten if self.now <= self.deadline}
        waiting = found.keys() - going
        sizes = sizes_of(self._context, going), sizes_of(self._context, waiting)
        return _with_orphans(told, Deleted(len(sizes[0]), sum(sizes[0]), len(sizes[1]), sum(sizes[1])))

    def _condemn_and_sweep(self) -> Survey:
        surveyor = Surveyor(self._context, self._dropped)
        for _ in range(_TRIES):
            survey = surveyor.survey(self.now, self.deadline)
            if survey.changes_nothing:
                return survey
            with self._context.database.writing() as session:
                if index_state(session) == survey.state:
                    self._act(session, survey)
                    return survey
        with self._context.database.writing() as session:
            # Its short sessions are this transaction now, so nothing can come between.
            survey = surveyor.survey(self.now, self.deadline)
            self._act(session, survey)
        return survey

    def _act(self, session: Session, survey: Survey) -> None:
        for kind, judged in ((Condemnable.CHUNKS, survey.chunks), (Condemnable.FILES, survey.files)):
            collection.pardon(session, kind, judged.revived)
            collection.condemn(session, kind, judged.condemned - judged.swept, self.now)
        if survey.chunks.condemned or survey.files.condemned:
            collection.record_step(session, "condemn", self.now)
        if survey.chunks.swept or survey.files.swept:
            collection.sweep(session, survey.chunks.swept, survey.files.swept)
            collection.record_step(session, "sweep", self.now)

    def _accept_clock(self) -> None:
        if self._newest is not None and self.now < self._newest:
            with self._context.database.writing() as session:
                collection.forget_the_future(session, self.now)

    def _remember(self, state: IndexState, *, settled: str | None) -> None:
        seen = Seen(state, settled)
        # Where nothing is left to do nothing is written: the file says so already.
        if seen != self._seen and not (settled is None and self._seen is not None and self._seen.state == state):
            self._seen = seen
            write_seen(self._context.folder, seen)

    def _told(self, done: Collected, survey: Survey, repacked: Repacked) -> Collected:
        with self._context.database.reading() as session:
            staying = collection.condemned(session, Condemnable.CHUNKS).keys() | survey.chunks.condemned
            waiting = collection.encoded_bytes(session, staying - survey.chunks.swept - survey.chunks.revived)
        return replace(
            done,
            chunks_condemned=len(survey.chunks.condemned),
            files_condemned=len(survey.files.condemned),
            chunks_revived=len(survey.chunks.revived),
            files_revived=len(survey.files.revived),
            chunks_swept=len(survey.chunks.swept),
            files_swept=len(survey.files.swept),
            packs_dropped=len(repacked.dropped),
            packs_rewritten=len(repacked.rewritten),
            bytes_written=repacked.bytes_written,
            bytes_waiting=waiting,
            notes=tuple(repacked.notes),
        )


def _with_orphans(told: Collected, deleted: Deleted) -> Collected:
    return replace(
        told,
        packs_deleted=deleted.packs,
        bytes_deleted=deleted.bytes,
        packs_waiting=deleted.waiting,
        bytes_waiting=told.bytes_waiting + deleted.waiting_bytes,
    )


def _require_droppable(session: Session, dropped: AbstractSet[ReleaseId]) -> None:
    """Refuse to drop the newest release of a pipeline: whoever commits counts on its bytes without asking for each."""
    for release, pipeline in collection.newest_releases(session).items():
        if release in dropped:
            raise Refused(f"{release.short} is the latest release of {pipeline}, so its bytes stay; nothing was collected")
