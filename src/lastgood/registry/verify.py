"""Verifying: is everything that history says still true, and is every byte still what it was?

Looks at, in this order: the catalog's file (is it built as it must be), the ledger (sequence, leaf hashes, texts), the facts
(do they follow from the ledger), the manifests (each is what its release id says), what they point at and what that stands
on (`verify_store`): every listing and file is indexed with all its chunks, and every pack is there, byte for byte, and is
what the index says of it. `full` decodes every file, too. A problem is named with the releases it hurts; a note is worth
knowing but hurts nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields

from lastgood.catalog import evaluations, placement, records, releases, replay
from lastgood.errors import LastgoodError, NewerSchema
from lastgood.ids import FileDigest, ReleaseId, TextDigest
from lastgood.model.event import Event, leaf_hash, read_event, text_digest
from lastgood.model.history import ReleaseRecord
from lastgood.registry.context import Context
from lastgood.registry.points import Pointer, points_at
from lastgood.registry.verify_store import Progress, StoreChecker
from lastgood.store.pack import FOLDER, QUARANTINE, pack_name
from lastgood.store.reader import ObjectReader


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not what it should be, with the releases it hurts."""

    what: str
    releases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verified:
    """The result of verifying; it is right where there is no problem."""

    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    events: int
    releases: int
    files: int
    bytes: int

    @property
    def ok(self) -> bool:
        """Whether everything is what it should be."""
        return not self.problems


def verify(context: Context, only: ReleaseRecord | None = None, progress: Progress | None = None, *, full: bool = False) -> Verified:
    """Verify the whole registry, or what one release needs.

    Args:
        context: the registry.
        only: the one release.
        progress: told about bytes that were read.
        full: decode every file as well, instead of trusting that whoever wrote a pack knew that it reads back.

    Raises:
        NewerSchema: a newer version of lastgood wrote a part of it, which nobody here can judge.
    """
    return _Verifier(context, progress).run(only, full=full)


class _Verifier:
    """Collects problems while it goes from history down to bytes."""

    def __init__(self, context: Context, progress: Progress | None) -> None:
        self._context = context
        self._reader = ObjectReader(context.backend, context.index)
        self._progress = progress
        self._problems: list[Problem] = []
        self._notes: list[str] = []
        self._labels: dict[ReleaseId, str] = {}
        self._texts_named: set[TextDigest] = set()
        self._sizes: dict[FileDigest, int] = {}
        self._results: Mapping[ReleaseId, Sequence[FileDigest]] = {}
        self._events = 0
        self._unread: list[tuple[LastgoodError, ReleaseId]] = []

    def run(self, only: ReleaseRecord | None, *, full: bool) -> Verified:
        if only is None:
            self._check_database()
            self._check_ledger()
            self._check_texts()
            self._check_facts()
        with self._context.database.reading() as session:
            wanted = releases.every_release(session) if only is None else [only.release]
            self._results = evaluations.result_files(session)
        needed = self._check_manifests(wanted)
        self._check_store(needed, only, full=full)
        return Verified(
            problems=tuple(self._problems),
            notes=tuple(self._notes),
            events=self._events,
            releases=len(wanted),
            files=len(needed),
            bytes=self._checker.bytes,
        )

    def _problem(self, what: str, hurt: Sequence[ReleaseId] = ()) -> None:
        self._problems.append(Problem(what, tuple(self._labels.get(one, one.short) for one in hurt)))

    def _check_database(self) -> None:
        for damage in self._context.database.damages():
            self._problem(f"the catalog is damaged: {damage}")

    def _check_facts(self) -> None:
        for difference in replay.differing_facts(self._context.database):
            self._problem(difference)

    def _check_ledger(self) -> None:
        for expected, (sequence, leaf, document) in enumerate(records.stored_events(self._context.database)):
            self._events += 1
            if sequence != expected:
                self._problem(f"the ledger jumps from event {expected - 1} to event {sequence}")
                return
            if leaf != leaf_hash(document):
                self._problem(f"event {sequence} is not what its leaf hash says")
                continue
            try:
                event = read_event(document)
            except NewerSchema:
                raise
            except LastgoodError as error:
                self._problem(f"event {sequence} cannot be read: {error}")
                continue
            if event.sequence != sequence:
                self._problem(f"event {sequence} says it is event {event.sequence}")
            self._texts_named.update(_texts_of(event))

    def _check_texts(self) -> None:
        with self._context.database.reading() as session:
            kept = list(records.stored_texts(session))
        for digest, salt, text in kept:
            if text_digest(salt, text) != digest:
                self._problem(f"the text {digest.hex()[:12]} is not what its digest says")
        missing = self._texts_named - {digest for digest, _, _ in kept}
        for digest in sorted(missing):
            self._problem(f"the text {digest.hex()[:12]} is missing, and no event says that it was erased")

    def _check_manifests(self, wanted: Sequence[ReleaseId]) -> dict[FileDigest, list[ReleaseId]]:
        needed: dict[FileDigest, list[ReleaseId]] = defaultdict(list)
        for release in wanted:
            with self._context.database.reading() as session:
                record = releases.release_by_id(session, release)
                self._labels[release] = release.short if record is None else record.label
                try:
                    manifest = releases.release_manifest(session, release)
                except NewerSchema:
                    raise
                except LastgoodError as error:
                    self._problem(str(error), [release])
                    continue
            try:
                for pointer in points_at(manifest, self._reader, self._results.get(release, ())):
                    self._note_size(pointer, release)
                    if not needed[pointer.digest] or needed[pointer.digest][-1] != release:
                        needed[pointer.digest].append(release)
            except LastgoodError as error:
                self._unread.append((error, release))
        return needed

    def _note_size(self, pointer: Pointer, release: ReleaseId) -> None:
        entry = pointer.entry
        if entry is not None and self._sizes.setdefault(entry.digest, entry.size) != entry.size:
            self._problem(f"{entry.path} has another size than the same file elsewhere", [release])

    def _check_store(self, needed: dict[FileDigest, list[ReleaseId]], only: ReleaseRecord | None, *, full: bool) -> None:
        checker = self._checker = StoreChecker(self._context, needed, self._sizes, self._progress)
        checker.check_maps()
        with self._context.database.reading() as session:
            recorded = placement.recorded_packs(session)
        # The packs of one release alone are those that its files stand on.
        checker.check_packs({pack: size for pack, size in recorded if only is None or pack in checker.packs})
        if full:
            checker.check_contents()
        for error, release in self._unread:
            checker.note_unread(error, [release])
        for finding in checker.findings():
            if only is not None and not finding.releases:
                self._notes.append(f"{finding.what}; nothing that {only.label} needs is hurt")
            else:
                hurt = finding.releases or finding.suspected
                self._problem(finding.what, [release for release in self._labels if release in hurt])
        if only is None:
            self._note_what_is_left({pack_name(pack) for pack, _ in recorded})

    def _note_what_is_left(self, known: AbstractSet[str]) -> None:
        orphans = [name for name in self._context.backend.names(FOLDER) if name not in known]
        if orphans:
            self._notes.append(f"{len(orphans)} pack{'s' if len(orphans) > 1 else ''} of an interrupted commit: no release needs them")
        aside = len(list(self._context.backend.names(QUARANTINE)))
        if aside:
            self._notes.append(f"{aside} damaged pack{'s are' if aside > 1 else ' is'} kept in quarantine")


def _texts_of(event: Event) -> Iterator[TextDigest]:
    yield event.actor
    yield from (value for field in fields(event.body) if isinstance(value := getattr(event.body, field.name), TextDigest))
