"""Lineage: what a component was made from, what was made from it, and which releases have a file or a row.

Rules: everything comes from the manifests of one pipeline's releases, read once and in order; a listing or a file that
several releases share is read once. Nothing is guessed: what nobody recorded is said to be unknown.

    registry.lineage.upstream("prod").graph
    registry.lineage.file("prompts/system.md").places
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lastgood.canonical import json_string
from lastgood.catalog import environments, evaluations, releases
from lastgood.catalog.database import Session
from lastgood.errors import NotFound
from lastgood.ids import ComponentName, ContentDigest, FileDigest, PipelineName
from lastgood.model.component import Kind
from lastgood.model.history import ReleaseRecord
from lastgood.model.lineage.graph import Graph, Judged, Relation, node_id
from lastgood.model.lineage.past import Past
from lastgood.model.lineage.timeline import Snapshot, Span, Timeline
from lastgood.model.placement import FileAccess
from lastgood.registry.context import Context
from lastgood.registry.points import listing_of, parse_entries
from lastgood.registry.resolve import choose_pipeline, resolve

if TYPE_CHECKING:
    from lastgood.registry.lineage_rows import RowLineage


@dataclass(frozen=True, slots=True)
class ComponentLineage:
    """Where the components of a release come from, or what became of them.

    Attributes:
        release: the release that was asked about; None where it was a source.
        roots: the nodes of its components, or that of the source.
        graph: everything that was reached from them.
    """

    release: ReleaseRecord | None
    roots: tuple[str, ...]
    graph: Graph


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A file in a component: in which releases it has these bytes, and where those run now."""

    component: ComponentName
    kind: Kind
    path: str
    digest: FileDigest
    size: int
    spans: tuple[Span, ...]
    live_in: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileLineage:
    """Where a file is, the newest releases first; `latest` is the number of the pipeline's latest release."""

    places: tuple[FilePlace, ...]
    latest: int | None


class Lineage:
    """The lineage of what a registry keeps."""

    def __init__(self, context: Context, files: FileAccess) -> None:
        self._context = context
        self._files = files

    @property
    def files(self) -> FileAccess:
        """The files that it looks into."""
        return self._files

    def upstream(self, revision: str, component: str | None = None) -> ComponentLineage:
        """Return what the components of a release, or one of them, were made from.

        Raises:
            InvalidRevision, NotFound: there is no such release, or it has no such component.
        """
        record = resolve(self._context, revision).release
        past = self.past(record.pipeline, until=record.number)
        graph = past.graph()
        # A suite runs on what stands beside it: what else it ran on is not what it comes from.
        edges = [edge for edge in graph.edges if edge.relation is not Relation.RUNS_ON or not edge.changes]
        graph = Graph(graph.nodes, edges, latest=graph.latest)
        roots = _roots(past.timeline, record, component)
        return ComponentLineage(record, roots, graph.upstream(roots))

    def downstream(self, revision: str, component: str | None = None) -> ComponentLineage:
        """Return what was made, in any release, from the components of a release, or from one of them.

        Raises:
            InvalidRevision, NotFound: there is no such release, or it has no such component.
        """
        record = resolve(self._context, revision).release
        past = self.past(record.pipeline)
        roots = _roots(past.timeline, record, component)
        return ComponentLineage(record, roots, past.graph().downstream(roots))

    def source(self, uri: str, pipeline: str | None = None) -> ComponentLineage:
        """Return what was made, in any release, from something outside, such as `s3://lake/tickets@v7`.

        Raises:
            NotFound: nothing was.
        """
        graph = self.past(self.pipeline(pipeline)).graph()
        if uri not in graph.nodes:
            raise NotFound(f"no release says that anything was made from {uri[:200]}", hint="lastgood lineage latest")
        return ComponentLineage(None, (uri,), graph.downstream([uri]))

    def file(self, what: str, pipeline: str | None = None) -> FileLineage:
        """Return every component that has a file, by its path in the workspace or by its SHA-256.

        Raises:
            NotFound: none has it.
            Integrity: a listing cannot be read.
        """
        past = self.past(self.pipeline(pipeline))
        found = _places(past, what.removeprefix("./"), self._files)
        places = tuple(sorted(found, key=lambda place: (-place.spans[-1].last, place.component, place.path)))
        if not places:
            raise NotFound(f"no release has a file {what[:200]}", hint="lastgood show REV --all lists the files of a release")
        return FileLineage(places, past.timeline.latest)

    def row(self, dataset: str, key: str, pipeline: str | None = None) -> RowLineage:
        """Return the releases whose data held a row, how it read in them, and what was made from it.

        Raises:
            NotFound: there is no such dataset, or no release has such a row.
            Invalid: the component has no rows that are known by a key.
            Integrity: bytes are damaged.
        """
        from lastgood.registry.lineage_rows import row_lineage  # noqa: PLC0415 - it brings the readers of tables with it

        return row_lineage(self.past(self.pipeline(pipeline)), dataset, key, self._files)

    def pipeline(self, named: str | None) -> PipelineName:
        """Return the pipeline that is meant."""
        with self._context.database.reading() as session:
            return choose_pipeline(self._context, session, None if named is None else PipelineName.parse(named))

    def past(self, pipeline: PipelineName, until: int | None = None) -> Past:
        """Read the releases of a pipeline, all or those until one of them."""
        with self._context.database.reading() as session:
            records = releases.list_releases(session, pipeline, until=until)
            models: dict[int, list[ContentDigest]] = {}
            timeline = Timeline(_snapshots(session, reversed(records), models))
            live = _live(session, pipeline)
            judged = _judged(session, pipeline, models)
        return Past(timeline, live, judged)


def _snapshots(session: Session, records: Iterator[ReleaseRecord], models: dict[int, list[ContentDigest]]) -> Iterator[Snapshot]:
    """Yield releases, and note the models of each."""
    for record in records:
        components = releases.release_manifest(session, record.release).components
        models[record.number] = [one.digest for one in components.values() if one.kind in {Kind.ARTIFACT, Kind.HOSTED}]
        yield Snapshot(record.number, record.release, record.recorded_at, components)


def _live(session: Session, pipeline: PipelineName) -> dict[int, tuple[str, ...]]:
    live: dict[int, tuple[str, ...]] = {}
    for name in environments.environment_names(session, pipeline):
        current = environments.current_deployment(session, pipeline, name)
        if current is None:
            continue
        live[current.number] = (*live.get(current.number, ()), str(name))
        if current.canary_number is not None:
            live[current.canary_number] = (*live.get(current.canary_number, ()), f"{name} (canary)")
    return live


def _judged(session: Session, pipeline: PipelineName, models: Mapping[int, list[ContentDigest]]) -> dict[ContentDigest, tuple[Judged, ...]]:
    found: dict[ContentDigest, dict[Judged, None]] = {}
    for number, suite, on in evaluations.evaluated_contents(session, pipeline):
        for digest in (*models.get(number, ()), *(() if on is None else (on,))):
            found.setdefault(digest, {})[Judged(suite, number)] = None
    return {digest: tuple(judged) for digest, judged in found.items()}


def _roots(timeline: Timeline, record: ReleaseRecord, component: str | None) -> tuple[str, ...]:
    names = timeline.names if component is None else [ComponentName.parse(component)]
    contents = {name: timeline.content_at(name, record.number) for name in names}
    found = tuple(node_id(name, str(digest)) for name, digest in contents.items() if digest is not None)
    if component is not None and not found:
        raise NotFound(f"{record.label} has no component {component}", hint=f"lastgood show {record.label}")
    return found


def _places(past: Past, what: str, files: FileAccess) -> Iterator[FilePlace]:
    """Yield where a file is; of each listing only the lines that may name it are looked into."""
    wanted = _wanted(what)
    for (name, _), held in past.timeline.held.items():
        component = held.component
        if component.content.listing is None:
            continue
        for entry in parse_entries(b"".join(_lines_with(wanted, listing_of(component, files))), component):
            if what in {entry.path, str(entry.digest)}:
                spans = tuple(held.spans)
                yield FilePlace(name, component.kind, entry.path, entry.digest, entry.size, spans, past.live_in(spans))


def _lines_with(wanted: bytes, listing: bytes) -> Iterator[bytes]:
    found = listing.find(wanted)
    while found >= 0:
        start, end = listing.rfind(b"\n", 0, found) + 1, listing.find(b"\n", found) + 1 or len(listing)
        yield listing[start:end]
        found = listing.find(wanted, end)


def _wanted(what: str) -> bytes:
    """Return what stands in each line that may name a file: a path as JSON writes it, or a digest."""
    return json_string(what)[1:-1].encode("utf-8", "replace")
