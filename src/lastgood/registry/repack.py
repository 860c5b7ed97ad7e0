"""Dropping packs that nothing is read from, and rewriting those that are mostly dead.

The order, in words: the new packs are durable; then one transaction moves the chunks and forgets the old packs; from
then on these are orphans, and go as orphans go (`registry.orphans`). Crash argument: before the transaction the new packs
are orphans and the old ones are read; after it, the other way round. Every file map that only an old pack held is in a
new one, so the packs alone still give the whole index back.

A pack whose chunks were all swept has waited for its grace already and is an orphan of that age. One that was rewritten
was read until now, perhaps by a checkout that is under way, so its grace begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime

from lastgood.catalog.collection import Condemnable, chunks_read_from, drop_packs, pack_uses, recorded_among
from lastgood.catalog.rewriting import move_chunks
from lastgood.errors import CollectedMeanwhile, Conflict, Integrity, NewerSchema
from lastgood.ids import FileDigest, PackId
from lastgood.model.collection import Fate, PackUse, fate_of
from lastgood.model.placement import PackContents
from lastgood.registry.context import Context
from lastgood.registry.publish import require_packs
from lastgood.store.pack import read_footer
from lastgood.store.repacking import Repacker

_BATCH_BYTES = 256 << 20
_BATCH_PACKS = 256


@dataclass(frozen=True, slots=True)
class Looked:
    """A mostly dead pack that was looked into.

    Attributes:
        use: how much of it is in use.
        contents: what its footer says; None where that cannot be read.
        files: the kept files whose maps it holds.
        fate: what is to become of it.
        why: what is wrong with it, if something is.
    """

    use: PackUse
    contents: PackContents | None
    files: frozenset[FileDigest]
    fate: Fate
    why: str | None = None


@dataclass(slots=True)
class Repacked:
    """What became of packs; filled in as it goes."""

    dropped: set[PackId] = field(default_factory=set)
    rewritten: set[PackId] = field(default_factory=set)
    bytes_written: int = 0
    notes: list[str] = field(default_factory=list)


def look_at_packs(context: Context, chunks: AbstractSet[bytes] = frozenset(), files: AbstractSet[bytes] = frozenset()) -> Iterator[Looked]:
    """Yield the packs that are mostly dead.

    Args:
        context: the registry.
        chunks: chunks that count as not recorded.
        files: files that count as not recorded.
    """
    with context.database.reading() as session:
        uses = [use for use in pack_uses(session, chunks) if use.is_mostly_dead]
    for use in uses:
        try:
            contents = read_footer(context.backend, use.pack)
        except (Integrity, NewerSchema) as error:
            yield Looked(use, None, frozenset(), Fate.KEEP, error.message)
            continue
        with context.database.reading() as session:
            kept = recorded_among(session, Condemnable.FILES, contents.files.keys()) - files
        live = frozenset(one for one in contents.files if one in kept)
        yield Looked(use, contents, live, fate_of(use, len(contents.files), len(live)))


def repack(context: Context, now: datetime, deadline: datetime) -> Repacked:
    """Drop and rewrite packs.

    Raises:
        StorageFull, ReadOnly, Unavailable: a new pack could not be put; what is read is read from where it was.
    """
    done = Repacked()
    dead: set[PackId] = set()
    batch = _Batch(context, done, now)
    for looked in look_at_packs(context):
        if looked.why is not None:
            done.notes.append(f"left alone: {looked.why}")
        elif looked.fate is Fate.DROP:
            dead.add(looked.use.pack)
        elif looked.fate is Fate.REWRITE:
            batch.take(looked)
    batch.close()
    if dead:
        with context.database.writing() as session:
            done.dropped = drop_packs(session, dead, deadline)
    return done


class _Batch:
    """Packs that are rewritten together, so that a kill loses the work of one batch."""

    def __init__(self, context: Context, done: Repacked, now: datetime) -> None:
        self._context = context
        self._done = done
        self._now = now
        self._begin()

    def take(self, looked: Looked) -> None:
        assert looked.contents is not None  # noqa: S101  # it has a fate, so it was read
        with self._context.database.reading() as session:
            chunks = chunks_read_from(session, looked.use.pack, [one.chunk for one in looked.contents.chunks])
        try:
            self._repacker.take(looked.contents, chunks, looked.files)
        except Integrity as error:
            self._done.notes.append(f"left alone: {error.message}")
            return
        self._old.add(looked.use.pack)
        self._bytes += round(looked.use.used)
        if self._bytes >= _BATCH_BYTES or len(self._old) >= _BATCH_PACKS:
            self.close()

    def close(self) -> None:
        """Let what was rewritten take effect."""
        if not self._old:
            return
        packs = self._repacker.finish()
        try:
            with self._context.database.writing() as session:
                require_packs(self._context, packs)
                move_chunks(session, packs, self._old)
                gone = drop_packs(session, self._old, self._now)
        except (CollectedMeanwhile, Conflict) as error:
            # Somebody else rewrote or collected the same at once; what stands is right, and the next collection goes on.
            self._done.notes.append(f"left for the next time: {error.message}")
        else:
            self._done.rewritten |= gone
            self._done.bytes_written += sum(pack.size for pack in packs)
        self._begin()

    def _begin(self) -> None:
        self._repacker = Repacker(self._context.backend, self._context.index)
        self._old: set[PackId] = set()
        self._bytes = 0
