"""Optimizing: old chunks are encoded better, and no identity changes.

What is to be gained: checkpoints that were committed together, or by writers who did not know of each other, become
deltas; text is compressed at a higher level. It works pack by pack and holds no lock while it does. The order, in words:
    1. what is read from some old packs, and the file maps in them, are written into a new one, which is put and durable;
    2. one transaction moves the chunks there, after checking that the pack is there, and that while anything stands on a
       chunk its depth stays below (`catalog.rewriting`); what somebody else moved meanwhile is left where it is. The same
       transaction forgets those of the old packs from which nothing is read any more;
    3. these are deleted by the collector, a grace later.
Crash argument: before the transaction's COMMIT there is a pack that no catalog knows, for the collector; after it the
chunks are read from the new pack, and the old ones are still there for whoever looked their places up before.

Which packs were looked at stands in `optimized.json` beside the catalog, so that a second run goes on where the first
ended, and finds nothing where nothing is new: what resembles a chunk is looked for among older ones only. The file may
be lost at any time; then packs are looked at once more.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lastgood.canonical import canonical_json, parse_json_object
from lastgood.catalog import optimizing
from lastgood.catalog.collection import drop_packs
from lastgood.catalog.optimizing import HeldChunk, PackInUse
from lastgood.catalog.rewriting import move_chunks
from lastgood.errors import CollectedMeanwhile, Conflict, Integrity, LastgoodError, NewerSchema, of_os_error
from lastgood.ids import PackId
from lastgood.registry.context import Context
from lastgood.registry.publish import require_packs
from lastgood.store.bases import DEEPEST
from lastgood.store.pack import pack_name, read_footer
from lastgood.store.reencoding import LEVEL, Held, Progress, Reencoder, Replaced

FILE_NAME = "optimized.json"
_SCHEMA = "lastgood.optimized/1"


@dataclass(frozen=True, slots=True)
class Optimized:
    """What optimizing did, or would do.

    Attributes:
        bytes_before: of the packs from which something was read.
        bytes_after: of those from which something is read now.
        chunks: how many chunks are encoded better.
        packs: how many packs were replaced; they wait for the collector.
        left_alone: what was wrong with packs that were left as they are, in words.
    """

    bytes_before: int
    bytes_after: int
    chunks: int
    packs: int
    left_alone: tuple[str, ...] = ()

    @property
    def bytes_saved(self) -> int:
        """How many bytes will be free once the collector has been here."""
        return self.bytes_before - self.bytes_after


def optimize(context: Context, *, level: int = LEVEL, dry_run: bool = False, progress: Progress | None = None) -> Optimized:
    """Encode old chunks better.

    Args:
        context: the registry.
        level: of Zstandard, 1 to 22, for what is no numbers.
        dry_run: do the work and count, but keep nothing of it.
        progress: told how many bytes more of packs were looked at.

    Raises:
        StorageFull, ReadOnly, Unavailable: a new pack could not be put; what was done before stands.
    """
    return _Optimizer(context, level, progress or _no_progress, is_kept=not dry_run).run()


def _no_progress(length: int) -> None:
    del length


class _Optimizer:
    """Goes through the packs once."""

    def __init__(self, context: Context, level: int, progress: Progress, *, is_kept: bool) -> None:
        self._context = context
        self._level = level
        self._progress = progress
        self._is_kept = is_kept
        self._reencoder = Reencoder(context.backend, context.index, level=level)
        self._marks = _Marks(context.folder / FILE_NAME)
        self._sizes: dict[PackId, int] = {}
        self._settled: set[int] = set()
        self._saved = self._chunks = self._packs = 0
        self._left_alone: list[str] = []

    def run(self) -> Optimized:
        with self._context.database.reading() as session:
            packs = optimizing.packs_in_use(session)
        self._sizes = {pack.pack: pack.size for pack in packs}
        self._settled = {pack.number for pack in packs if self._marks.has(pack.pack, self._level)}
        self._marks.keep_only(self._sizes)
        for pack in packs:
            if not self._marks.has(pack.pack, self._level):
                self._look_at(pack)
            if self._reencoder.is_full:
                self._replace()
        self._replace()
        if self._is_kept:
            self._marks.write()
        before = sum(self._sizes.values())
        return Optimized(before, before - self._saved, self._chunks, self._packs, tuple(self._left_alone))

    def _look_at(self, pack: PackInUse) -> None:
        with self._context.database.reading() as session:
            chunks = optimizing.chunks_read_from(session, pack.number)
        if any(one.is_condemned for one in chunks):
            # The collector will soon have been here: then what is left is worth a look.
            return
        held = list(self._held(pack, chunks))
        try:
            contents = read_footer(self._context.backend, pack.pack)
            if not self._reencoder.has_room_for(contents):
                self._replace()
            if not self._reencoder.take(contents, held, self._progress):
                self._marks.add(pack.pack, self._level)
                self._settled.add(pack.number)
        except (Integrity, NewerSchema) as error:
            # Damage is not copied: the pack stays as it is, and reading it says what is wrong.
            self._left_alone.append(error.message)

    def _held(self, pack: PackInUse, chunks: Sequence[HeldChunk]) -> Iterator[Held]:
        """Yield what is read from a pack, with what it may be written against, in the order of its frames."""
        with self._context.database.reading() as session:
            above = optimizing.shallowest_above(session, [one.chunk for one in chunks])
            alike = {one.chunk: optimizing.relatives(session, pack.number, one, self._settled) for one in chunks if one.label is not None}
        places = self._context.index.find_chunks([one.chunk for one in chunks])
        for one in chunks:
            place = places.get(one.chunk)
            # Somebody may have moved it since it was listed.
            if place is not None and place.pack == pack.pack:
                deepest = min(DEEPEST, above.get(one.chunk, DEEPEST + 1) - 1)
                yield Held(place, one.label, alike.get(one.chunk, ()), deepest)

    def _replace(self) -> None:
        """Let what was taken so far take effect."""
        replaced = self._reencoder.seal()
        if replaced is None:
            return
        if self._is_kept:
            try:
                self._move(replaced)
            except (CollectedMeanwhile, Conflict) as error:
                # Others were faster; their work is as good, and the packs are looked at again by the next run.
                self._left_alone.append(error.message)
                return
            finally:
                self._reencoder.forget()
            self._marks.add(replaced.contents.pack, self._level)
            self._marks.write()
        self._saved += sum(self._sizes[pack] for pack in replaced.old) - replaced.contents.size
        self._chunks += replaced.improved
        self._packs += len(replaced.old)

    def _move(self, replaced: Replaced) -> None:
        self._context.backend.put(pack_name(replaced.contents.pack), replaced.pieces)
        # A kill here leaves a pack that no catalog knows.
        with self._context.database.writing() as session:
            require_packs(self._context, [replaced.contents])
            move_chunks(session, [replaced.contents], away_from=replaced.old)
            drop_packs(session, replaced.old, self._context.clock.now())
            number = optimizing.number_of(session, replaced.contents.pack)
        if number is not None:
            self._settled.add(number)


class _Marks:
    """Which packs were looked at, and at which level; kept in a file that may be lost at any time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._levels = _read_marks(path)

    def has(self, pack: PackId, level: int) -> bool:
        return self._levels.get(str(pack), 0) >= level

    def add(self, pack: PackId, level: int) -> None:
        self._levels[str(pack)] = level

    def keep_only(self, packs: Sequence[PackId] | dict[PackId, int]) -> None:
        known = set(map(str, packs))
        self._levels = {pack: level for pack, level in self._levels.items() if pack in known}

    def write(self) -> None:
        """Write the file; a kill or a power cut leaves the one before, or one that is not read."""
        new = self._path.with_name(f"{FILE_NAME}.{os.getpid()}.new")
        try:
            new.write_bytes(canonical_json({"schema": _SCHEMA, "packs": dict(self._levels)}))
            new.replace(self._path)
        except OSError as error:
            with suppress(OSError):
                new.unlink(missing_ok=True)
            raise of_os_error(error, f"{self._path} cannot be written") from error


def _read_marks(path: Path) -> dict[str, int]:
    try:
        document = parse_json_object(path.read_bytes())
    except (OSError, LastgoodError):
        return {}
    packs = document.get("packs") if document.get("schema") == _SCHEMA else None
    if not isinstance(packs, dict):
        return {}
    return {pack: level for pack, level in packs.items() if isinstance(level, int)}
