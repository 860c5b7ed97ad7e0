"""What a purge would take: which releases hold the files, where these run, what was made from them, what shares their bytes.

    plan = plan_purge(context, [digest])
    for holder in plan.holders:
        print(holder.label, holder.path, holder.live_in)

The rule: whoever asks sees everything that breaks before anything does. Listings and workspace files are history itself and
cannot be purged.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lastgood.catalog import environments, evaluations, releases
from lastgood.catalog.collection import Condemnable, chunks_of_files, recorded_keys
from lastgood.catalog.database import Session
from lastgood.catalog.holds import held_releases
from lastgood.catalog.purges import purged_files
from lastgood.errors import NotFound, Refused
from lastgood.ids import ChunkId, ComponentName, FileDigest, PipelineName, ReleaseId
from lastgood.model.component import Component, Kind
from lastgood.model.history import ReleaseRecord
from lastgood.model.release import Manifest
from lastgood.registry.context import Context
from lastgood.registry.points import entries_of
from lastgood.store.reader import ObjectReader


@dataclass(frozen=True, slots=True)
class Holder:
    """A file in a release.

    Attributes:
        label: how people call the release, with its pipeline.
        live_in: the environments that run the release now.
        is_held: whether somebody holds it.
    """

    release: ReleaseId
    label: str
    component: ComponentName
    kind: Kind
    path: str
    file: FileDigest
    live_in: tuple[str, ...]
    is_held: bool


@dataclass(frozen=True, slots=True)
class Sharing:
    """Another kept file of which some bytes are the same; these bytes stay, as its own."""

    file: FileDigest
    path: str
    bytes: int


@dataclass(frozen=True, slots=True)
class PurgePlan:
    """What a purge of files takes and breaks.

    Attributes:
        files: the files.
        purged: those of them that were purged already.
        holders: where they are, the oldest release first.
        bytes_logical: the bytes of those that are still kept.
        sharing: other files with some of the same bytes.
        made: what was made from contents that hold them, in words.
        results: the releases of whose evaluations they are results.
    """

    files: tuple[FileDigest, ...]
    purged: frozenset[FileDigest]
    holders: tuple[Holder, ...]
    bytes_logical: int
    sharing: tuple[Sharing, ...]
    made: tuple[str, ...]
    results: tuple[str, ...]

    @property
    def live(self) -> tuple[Holder, ...]:
        """The holders that run somewhere now."""
        return tuple(one for one in self.holders if one.live_in)


def plan_purge(context: Context, files: Collection[FileDigest]) -> PurgePlan:
    """Return what a purge of some files would take and break.

    Raises:
        NotFound: no release holds one of them, and none was purged.
        Refused: one is a listing or a workspace file, without which history cannot be read.
        Integrity: a listing cannot be read, so nobody can tell who holds what.
    """
    wanted = tuple(sorted(set(files)))
    with context.database.reading() as session:
        past = _Past(context, session)
        purged = purged_files(session)
        past.refuse_structure(wanted)
        holders = tuple(past.holders(set(wanted)))
        results = tuple(
            past.labels[release] for release, found in evaluations.result_files(session).items() if not set(found).isdisjoint(wanted)
        )
        made = tuple(past.made_from({(one.release, one.component) for one in holders}))
    unknown = set(wanted) - {one.file for one in holders} - purged
    if unknown and not results:
        raise NotFound(f"no release has the file {min(unknown)}; nothing was purged", hint="lastgood lineage --file PATH|SHA256")
    maps = context.index.find_files(wanted)
    sharing = tuple(_sharing(context, past, wanted))
    return PurgePlan(
        wanted, purged & set(wanted), holders, sum(one.size for one in maps.values()), sharing, tuple(dict.fromkeys(made)), results
    )


class _Past:
    """Every release of every pipeline, and where each runs."""

    def __init__(self, context: Context, session: Session) -> None:
        self._reader = ObjectReader(context.backend, context.index)
        self._entries: dict[FileDigest, Sequence[tuple[str, FileDigest]]] = {}
        pipelines = releases.pipelines(session)
        self._several = len(pipelines) > 1
        self._live = _live(session, pipelines)
        self._held = held_releases(session)
        self._releases: list[tuple[ReleaseRecord, Manifest]] = []
        for release in releases.every_release(session):
            record = releases.require_release(session, release)
            self._releases.append((record, releases.release_manifest(session, release)))
        self.labels = {record.release: self._label(record) for record, _ in self._releases}

    def refuse_structure(self, wanted: Collection[FileDigest]) -> None:
        for record, manifest in self._releases:
            listings = {one.content.listing for one in manifest.components.values()}
            for digest in wanted:
                if digest in listings or digest == manifest.workspace_file:
                    what = "the lastgood.toml" if digest == manifest.workspace_file else "a listing"
                    label = self.labels[record.release]
                    raise Refused(f"{digest.short} is {what} of {label}, without which history cannot be read; nothing was purged")

    def holders(self, wanted: set[FileDigest]) -> Iterator[Holder]:
        for record, manifest in self._releases:
            for name, component in manifest.components.items():
                for path, digest in self._entries_of(component):
                    if digest in wanted:
                        live = self._live.get(record.release, ())
                        label = self.labels[record.release]
                        yield Holder(record.release, label, name, component.kind, path, digest, tuple(live), record.release in self._held)

    def made_from(self, holding: Collection[tuple[ReleaseId, ComponentName]]) -> Iterator[str]:
        """Say what was made, in any release, from contents that hold the files."""
        contents = {
            str(manifest.components[name].digest): name
            for record, manifest in self._releases
            for release, name in holding
            if release == record.release
        }
        for record, manifest in self._releases:
            for name, component in manifest.components.items():
                made_by = component.provenance.made_by
                for digest in made_by.inputs.values() if made_by is not None else ():
                    if digest in contents:
                        yield f"{name} of {self.labels[record.release]} was made from this {contents[digest]}"

    def paths_of(self, wanted: Collection[FileDigest]) -> dict[FileDigest, str]:
        """Return where some files are, one place each."""
        found: dict[FileDigest, str] = {}
        for record, manifest in self._releases:
            for component in manifest.components.values():
                for path, digest in self._entries_of(component):
                    if digest in wanted:
                        found[digest] = f"{path} in {self.labels[record.release]}"
        return found

    def _entries_of(self, component: Component) -> Sequence[tuple[str, FileDigest]]:
        listing = component.content.listing
        if listing is None:
            return ()
        if listing not in self._entries:
            self._entries[listing] = [(entry.path, entry.digest) for entry in entries_of(component, self._reader)]
        return self._entries[listing]

    def _label(self, record: ReleaseRecord) -> str:
        return f"{record.pipeline}/{record.label}" if self._several else record.label


def _live(session: Session, pipelines: Sequence[PipelineName]) -> Mapping[ReleaseId, list[str]]:
    live: dict[ReleaseId, list[str]] = defaultdict(list)
    for pipeline in pipelines:
        for name in environments.environment_names(session, pipeline):
            current = environments.current_deployment(session, pipeline, name)
            if current is not None:
                live[current.release].append(str(name))
                if current.canary is not None:
                    live[current.canary].append(f"{name} (canary)")
    return live


def live_releases(session: Session) -> Mapping[ReleaseId, list[str]]:
    """Return the releases that run somewhere, canaries as well, with the environments."""
    return _live(session, releases.pipelines(session))


def _sharing(context: Context, past: _Past, wanted: Sequence[FileDigest]) -> Iterator[Sharing]:
    """Yield the other kept files that have some of the same bytes."""
    with context.database.reading() as session:
        mine = chunks_of_files(session, wanted)
    if not mine:
        return
    shared: dict[FileDigest, Counter[bytes]] = {}
    others = [FileDigest(key) for key in recorded_keys(context.database, Condemnable.FILES) if key not in set(wanted)]
    for start in range(0, len(others), 1_000):
        for digest, kept in context.index.find_files(others[start : start + 1_000]).items():
            same = Counter(bytes(chunk) for chunk in kept.chunks if bytes(chunk) in mine)
            if same:
                shared[digest] = same
    chunks = [ChunkId(one) for one in {chunk for same in shared.values() for chunk in same}]
    lengths = {bytes(chunk): place.length for chunk, place in context.index.find_chunks(chunks).items()}
    paths = past.paths_of(shared) if shared else {}
    for digest, same in sorted(shared.items()):
        where = paths.get(digest, f"the file {digest.short}, which no release lists")
        yield Sharing(digest, where, sum(lengths.get(chunk, 0) * times for chunk, times in same.items()))
