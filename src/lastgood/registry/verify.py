"""Verifying: is everything that history says still true, and is every byte still what it was?

Looks at, in this order: the catalog's file (is it built as it must be), the ledger (`verify_ledger`), the texts, the facts
(do they follow from the ledger), the manifests (each is what its release id says), what they point at and what that stands
on (`verify_store`): every listing and file is indexed with all its chunks, and every pack is there, byte for byte, and is
what the index says of it. `full` decodes every file, too. A problem is named with the releases it hurts; a note is worth
knowing but hurts nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from lastgood.catalog import evaluations, placement, records, releases, replay, tree
from lastgood.catalog.collection import is_purge_unfinished
from lastgood.catalog.purges import purged_files
from lastgood.catalog.removals import removals_of
from lastgood.errors import LastgoodError, NewerSchema
from lastgood.ids import FileDigest, ReleaseId, TextDigest
from lastgood.model.changes.releases import is_making
from lastgood.model.event import read_event, text_digest
from lastgood.model.history import ReleaseRecord
from lastgood.registry.context import Context
from lastgood.registry.ledger_proofs import prove_inclusion
from lastgood.registry.points import Pointer, points_at
from lastgood.registry.signing import check_signatures
from lastgood.registry.verify_ledger import LedgerCheck
from lastgood.registry.verify_store import Progress, StoreChecker
from lastgood.store.pack import FOLDER, QUARANTINE, pack_name
from lastgood.store.reader import ObjectReader

_NAMED = 3
"""How many rows of a table are named where nobody asks for all."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not what it should be, with the releases it hurts."""

    what: str
    releases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verified:
    """The result of verifying; it is right where there is no problem.

    Attributes:
        unconfirmed: those of the problems that are keys which nobody on this machine has confirmed.
    """

    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    events: int
    releases: int
    files: int
    bytes: int
    unconfirmed: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything is what it should be."""
        return not self.problems


def verify(
    context: Context,
    only: ReleaseRecord | None = None,
    progress: Progress | None = None,
    *,
    full: bool = False,
    against: bytes | None = None,
    name_all: bool = False,
) -> Verified:
    """Verify the whole registry, or what one release needs.

    Args:
        context: the registry.
        only: the one release.
        progress: told about bytes that were read.
        full: decode every file as well, instead of trusting that whoever wrote a pack knew that it reads back.
        against: a checkpoint of this registry that was kept elsewhere.
        name_all: name every row of the catalog that is not what the events say, and not the first few only.

    Raises:
        NewerSchema: a newer version of lastgood wrote a part of it, which nobody here can judge.
    """
    verifier = _Verifier(context, progress, against, most=None if name_all else _NAMED)
    verified = verifier.run(only, full=full)
    if verified.ok and verifier.newest is not None:
        context.sealing.memory.remember(verifier.newest)
    return verified


class _Verifier:
    """Collects problems while it goes from history down to bytes."""

    def __init__(self, context: Context, progress: Progress | None, against: bytes | None, most: int | None) -> None:
        self._context = context
        self._against = against
        self._most = most
        self._reader = ObjectReader(context.backend, context.index)
        self._progress = progress
        self._problems: list[Problem] = []
        self._notes: list[str] = []
        self._labels: dict[ReleaseId, str] = {}
        self._texts_named: set[TextDigest] = set()
        self._sizes: dict[FileDigest, int] = {}
        self._results: Mapping[ReleaseId, Sequence[FileDigest]] = {}
        self._events = 0
        self.newest: bytes | None = None
        self._unconfirmed: tuple[str, ...] = ()
        self._unread: list[tuple[LastgoodError, ReleaseId]] = []

    def run(self, only: ReleaseRecord | None, *, full: bool) -> Verified:
        if only is None:
            self._check_database()
            self._check_ledger()
            self._check_texts()
            self._check_facts()
        else:
            if self._against is not None:
                self._check_ledger()
            self._check_signed(only)
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
            unconfirmed=self._unconfirmed,
        )

    def _problem(self, what: str, hurt: Sequence[ReleaseId] = ()) -> None:
        self._problems.append(Problem(what, tuple(self._labels.get(one, one.short) for one in hurt)))

    def _check_database(self) -> None:
        for damage in self._context.database.damages():
            self._problem(f"the catalog is damaged: {damage}")

    def _check_facts(self) -> None:
        for difference in replay.differing_facts(self._context.database, self._most):
            self._problem(difference)

    def _check_ledger(self) -> None:
        found = LedgerCheck(self._context, self._against).run()
        for problem in found.problems:
            self._problem(problem)
        self._notes += found.notes
        self._events = found.events
        self._texts_named = found.texts
        self.newest = found.newest
        self._unconfirmed = tuple(found.unconfirmed)

    def _check_signed(self, release: ReleaseRecord) -> None:
        """Check that a release is in the signed history, as the release it is called, and that its own signatures are right."""
        self._labels[release.release] = release.label
        with self._context.database.reading() as session:
            signed, is_old = tree.signed_size(session), not tree.every_key(session)
        if is_old:
            # An older version made this registry, and nothing was changed in it since: nobody has signed anything yet.
            return
        if release.sequence >= signed:
            self._notes.append(f"{release.label} is event {release.sequence}, and {signed} are signed: the next change signs it, too")
            return
        try:
            body = read_event(prove_inclusion(self._context, release.sequence).event).body
            if not is_making(body, release.release):
                self._problem(f"event {release.sequence} of the signed history is not that of {release.label}", [release.release])
            with self._context.database.reading() as session:
                manifest = releases.release_manifest(session, release.release)
            by = ", ".join(one.key.id.hex() for one in check_signatures(self._context, manifest))
        except NewerSchema:
            raise
        except LastgoodError as error:
            self._problem(f"{release.label} is not proven: {error}", [release.release])
            return
        itself = f"signed by {by}" if by else "not signed itself"
        self._notes.append(f"{release.label} is event {release.sequence} of the signed history, and {itself}")

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
        with self._context.database.reading() as session:
            purged = purged_files(session)
            if is_purge_unfinished(session):
                self._notes.append("a purge was cut short, so some of its bytes may still be there; lastgood purge --apply ends it")
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
                removed = frozenset((one.component, one.part) for one in removals_of(session, release))
            try:
                for pointer in points_at(manifest, self._reader, self._results.get(release, ()), removed):
                    if pointer.digest in purged:
                        continue
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
            packs = f"{len(orphans)} pack{'s' if len(orphans) > 1 else ''}"
            self._notes.append(f"{packs} that no release needs: left by a command that was cut short, or replaced since")
        aside = len(list(self._context.backend.names(QUARANTINE)))
        if aside:
            self._notes.append(f"{aside} damaged pack{'s are' if aside > 1 else ' is'} kept in quarantine")
