"""Which chunks and files nothing kept needs: everything that is recorded less what the releases reach.

Reached is what a release points at (`points_at`), the chunks these files are made of, and all that those stand on, bases
and contexts, down to the ground. What is on its way out but still within its grace keeps what it needs, so that it can
be read until its own turn comes. A purged file is reached by nobody.

    survey = Surveyor(context, dropped=frozenset()).survey(now, deadline)
    with database.writing() as session:
        if index_state(session) == survey.state: ...
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime

from lastgood.catalog import evaluations, releases
from lastgood.catalog.collection import (
    Condemnable,
    IndexState,
    chunks_of_files,
    condemned,
    index_state,
    recorded_keys,
    with_bases,
)
from lastgood.catalog.holds import held_releases
from lastgood.catalog.purges import purged_files
from lastgood.catalog.removals import removed_parts
from lastgood.errors import Integrity
from lastgood.ids import ReleaseId
from lastgood.model.collection import Judgement, judge
from lastgood.model.parts import Removed, RemovedPart
from lastgood.registry.context import Context
from lastgood.registry.points import Reach
from lastgood.store.reader import ObjectReader

_NONE: frozenset[RemovedPart] = frozenset()


@dataclass(frozen=True, slots=True)
class Survey:
    """What was decided of chunks and files in one state of history and index."""

    state: IndexState
    chunks: Judgement
    files: Judgement

    @property
    def changes_nothing(self) -> bool:
        """Whether there is nothing to note and nothing to forget."""
        return not any((one.condemned or one.revived or one.swept) for one in (self.chunks, self.files))


class Surveyor:
    """Surveys one registry; it remembers what it read of releases, so that surveying again costs what is new.

    Args:
        context: the registry.
        dropped: the releases whose bytes may go, unless they are held.
        removing: parts of releases that count as let go, beside those that a policy let go.
    """

    def __init__(self, context: Context, dropped: AbstractSet[ReleaseId], removing: Removed | None = None) -> None:
        self._context = context
        self._removing = removing or {}
        self._reach = Reach(ObjectReader(context.backend, context.index))
        self._dropped = dropped
        self._read: set[ReleaseId] = set()

    def survey(self, now: datetime, deadline: datetime) -> Survey:
        """Decide about everything that is recorded.

        The sessions are short, so a writer may come between two of them: the result holds in the state it names only.

        Raises:
            Integrity: something that a release needs cannot be found, so nobody can tell what else it needs.
        """
        with self._context.database.reading() as session:
            state = index_state(session)
            gone = self._dropped - held_releases(session)
            every = [release for release in releases.every_release(session) if release not in gone]
            results = evaluations.result_files(session)
            removed, purged = removed_parts(session), purged_files(session)
        self._reach_from(every, removed)
        for release in results.keys() - gone:
            self._reach.add_results(results[release])
        files = self._reach.files - purged
        with self._context.database.reading() as session:
            chunks = with_bases(session, chunks_of_files(session, files))
        unreachable_files = self._unreachable(Condemnable.FILES, files)
        unreachable_chunks = self._unreachable(Condemnable.CHUNKS, chunks)
        with self._context.database.reading() as session:
            files_judged = judge(unreachable_files, condemned(session, Condemnable.FILES), now, deadline)
            chunks_judged = judge(unreachable_chunks, condemned(session, Condemnable.CHUNKS), now, deadline)
            # What stays for now needs its chunks, and these what they stand on.
            files_staying = set(unreachable_files) - files_judged.swept
            chunks_staying = (set(unreachable_chunks) - chunks_judged.swept) | chunks_of_files(session, files_staying)
            spared = with_bases(session, chunks_staying)
        return Survey(state, replace(chunks_judged, swept=chunks_judged.swept - spared), files_judged)

    def _reach_from(self, every: Collection[ReleaseId], removed: Removed) -> None:
        for release in every:
            if release not in self._read:
                with self._context.database.reading() as session:
                    manifest = releases.release_manifest(session, release)
                try:
                    self._reach.add(manifest, removed.get(release, _NONE) | self._removing.get(release, _NONE))
                except Integrity as error:
                    raise _lost(f"what release {release.short} needs is not known: {error.message}") from error
                self._read.add(release)

    def _unreachable(self, kind: Condemnable, reached: AbstractSet[bytes]) -> list[bytes]:
        unreachable, found = [], 0
        for key in recorded_keys(self._context.database, kind):
            if key in reached:
                found += 1
            else:
                unreachable.append(key)
        if found < len(reached):
            raise _lost(f"the index lacks {len(reached) - found:,} {kind.name.lower()} that releases need")
        return unreachable


def _lost(what: str) -> Integrity:
    return Integrity(f"{what}; nothing was collected, since packs that seem not to be needed may hold it", hint="lastgood verify")
