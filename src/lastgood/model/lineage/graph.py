"""What was made from what: the contents of components as nodes, and an edge from what was made to what it was made from.

Rules: an edge is what a manifest records, and nothing is guessed. An input whose content a manifest names leads to that
content, whatever the input is today; one whose content nobody recorded leads to a node that says so, and so does a content
that no release here has. `derived_from` and `on` name a component without a content: the one that stood beside it is meant.
A graph may have cycles (a model that was trained on from itself), and is cut after `MOST_NODES`.

    graph = lineage(timeline)
    for edge in graph.sources_of(graph.node_of(name, digest)): print(edge.relation, graph.nodes[edge.source].name)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from lastgood.canonical import JsonObject
from lastgood.clock import format_instant
from lastgood.errors import InvalidName
from lastgood.ids import ComponentName, ContentDigest
from lastgood.model.component import Kind, MadeBy, Provenance
from lastgood.model.lineage.timeline import Changes, Held, Key, Span, Timeline

MOST_NODES = 5_000
"""A graph that is asked for has at most so many nodes."""


NO_CHANGES = Changes()


class Relation(StrEnum):
    """How one node comes from another."""

    MADE_FROM = "made from"
    DERIVED_FROM = "derived from"
    RUNS_ON = "runs on"


class Known(StrEnum):
    """What is known of a node."""

    KEPT = "kept"
    ELSEWHERE = "elsewhere"
    UNRECORDED = "unrecorded"
    EXTERNAL = "external"


@dataclass(frozen=True, slots=True)
class Judged:
    """An evaluation that was recorded: by which suite, of which release."""

    suite: str
    number: int

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"suite": self.suite, "number": self.number}


@dataclass(frozen=True, slots=True)
class Node:
    """A content, or something that others were made from.

    Attributes:
        id: names it in this graph.
        name: the component, or the URI.
        known: whether a release here has it, whether nobody recorded its content, or whether it is nothing of ours.
        kind: the component's kind, where it is one.
        digest: its content, where that is known.
        spans: the releases that have exactly this content.
        since: when the first of them was recorded.
        provenance: how it came to be.
        live_in: the environments that run it now; a canary is said to be one.
        judged: the evaluations of it, or on it.
    """

    id: str
    name: str
    known: Known
    kind: Kind | None = None
    digest: str | None = None
    spans: tuple[Span, ...] = ()
    since: datetime | None = None
    provenance: Provenance = field(default_factory=Provenance)
    live_in: tuple[str, ...] = ()
    judged: tuple[Judged, ...] = ()

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "id": self.id,
            "name": self.name,
            "known": self.known.value,
            "kind": self.kind.value if self.kind else None,
            "digest": self.digest,
            "releases": [span.to_json() for span in self.spans],
            "since": None if self.since is None else format_instant(self.since),
            "provenance": self.provenance.to_json(),
            "live_in": list(self.live_in),
            "evaluations": [one.to_json() for one in self.judged],
        }


@dataclass(frozen=True, slots=True)
class Edge:
    """One node was made from another.

    Attributes:
        made: what was made.
        source: what it was made from.
        relation: how.
        asserted: whether a person only says so.
        as_of: the release in which what was made first stood.
        changes: the releases since then in which the source changed; none where it is what it was.
    """

    made: str
    source: str
    relation: Relation
    asserted: bool
    as_of: int
    changes: Changes = NO_CHANGES

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "made": self.made,
            "source": self.source,
            "relation": self.relation.value,
            "asserted": self.asserted,
            "as_of": self.as_of,
            "changes": self.changes.to_json(),
        }


class Graph:
    """Nodes and edges, and the ways between them."""

    def __init__(self, nodes: Mapping[str, Node], edges: Iterable[Edge], *, latest: int | None, is_cut: bool = False) -> None:
        self.nodes = dict(nodes)
        self.edges = tuple(edges)
        self.latest = latest
        self.is_cut = is_cut
        self._sources: dict[str, list[Edge]] = {}
        self._made: dict[str, list[Edge]] = {}
        for edge in self.edges:
            self._sources.setdefault(edge.made, []).append(edge)
            self._made.setdefault(edge.source, []).append(edge)

    def sources_of(self, node: str) -> list[Edge]:
        """Return the edges to what a node was made from."""
        return self._sources.get(node, [])

    def made_from(self, node: str) -> list[Edge]:
        """Return the edges from what was made from a node."""
        return self._made.get(node, [])

    def upstream(self, roots: Iterable[str]) -> Graph:
        """Return the part from which some nodes were made, those nodes included."""
        return self._reached(roots, {node: [edge.source for edge in edges] for node, edges in self._sources.items()})

    def downstream(self, roots: Iterable[str]) -> Graph:
        """Return the part that was made from some nodes, those nodes included."""
        return self._reached(roots, {node: [edge.made for edge in edges] for node, edges in self._made.items()})

    def _reached(self, roots: Iterable[str], following: Mapping[str, list[str]]) -> Graph:
        waiting = deque(node for node in roots if node in self.nodes)
        reached: dict[str, None] = {}
        is_cut = self.is_cut
        while waiting:
            node = waiting.popleft()
            if node in reached:
                continue
            if len(reached) == MOST_NODES:
                is_cut = True
                break
            reached[node] = None
            waiting.extend(following.get(node, ()))
        edges = [edge for edge in self.edges if edge.made in reached and edge.source in reached]
        return Graph({node: self.nodes[node] for node in reached}, edges, latest=self.latest, is_cut=is_cut)

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "nodes": [node.to_json() for node in self.nodes.values()],
            "edges": [edge.to_json() for edge in self.edges],
            "cut": self.is_cut,
        }


def node_id(name: str, digest: str) -> str:
    """Name the node of a content."""
    return f"{name}@{digest}"


def lineage(timeline: Timeline, live: Mapping[int, tuple[str, ...]], judged: Mapping[ContentDigest, tuple[Judged, ...]]) -> Graph:
    """Return everything that was made, and what it was made from.

    Args:
        timeline: the releases.
        live: the environments that a release runs in now, by its number.
        judged: the recorded evaluations of a content, or on it.
    """
    return _Lineage(timeline, live, judged).graph()


class _Lineage:
    """Gathers the nodes and edges of a timeline."""

    def __init__(self, timeline: Timeline, live: Mapping[int, tuple[str, ...]], judged: Mapping[ContentDigest, tuple[Judged, ...]]) -> None:
        self._timeline = timeline
        self._live = sorted(live.items())
        self._judged = judged
        self._nodes: dict[str, Node] = {}
        self._edges: list[Edge] = []

    def graph(self) -> Graph:
        for (name, digest), held in self._timeline.held.items():
            self._add(_node_of(name, digest, held))
        for key, held in self._timeline.held.items():
            self._follow(key, held)
        for (suite, dataset), spans in self._timeline.judged_on.items():
            changed = self._timeline.changes_after(dataset[0], spans[-1].last, dataset[1])
            self._edges.append(
                Edge(_id_of(suite), _id_of(dataset), Relation.RUNS_ON, asserted=False, as_of=spans[0].first, changes=changed)
            )
        return Graph(self._nodes, self._edges, latest=self._timeline.latest)

    def _add(self, node: Node) -> str:
        if node.id not in self._nodes:
            running = tuple(name for number, names in self._live if _holds(node.spans, number) for name in names)
            judged = () if node.digest is None else self._judged.get(_parsed(node.digest) or _NOBODY, ())
            self._nodes[node.id] = replace(node, live_in=running, judged=judged)
        return node.id

    def _follow(self, key: Key, held: Held) -> None:
        """Add the edges from a content to what it was made from."""
        provenance, made = held.component.provenance, _id_of(key)
        if provenance.made_by is not None:
            for name, digest in provenance.made_by.inputs.items():
                self._made_from(made, held, provenance.made_by, (name, digest))
        for source in provenance.derived_from:
            node, changed = self._named(source, held.first)
            self._edges.append(Edge(made, node, Relation.DERIVED_FROM, asserted=True, as_of=held.first, changes=changed))

    def _made_from(self, made: str, held: Held, making: MadeBy, source: tuple[str, str | None]) -> None:
        name, written = source
        digest = None if written is None else _parsed(written)
        key = None if digest is None else self._timeline.key_of(name, digest)
        changed = NO_CHANGES
        if key is not None:
            node = _id_of(key)
            changed = self._timeline.changes_after(key[0], held.first, key[1])
        elif written is not None:
            node = self._add(Node(node_id(name, written), name, Known.ELSEWHERE, digest=written))
        else:
            node = self._add(_unrecorded(name))
        self._edges.append(Edge(made, node, Relation.MADE_FROM, asserted=making.asserted, as_of=held.first, changes=changed))

    def _named(self, name: str, number: int) -> tuple[str, Changes]:
        """Return the node that a name means beside a release, and where that has changed since."""
        component = _component_named(name)
        digest = None if component is None else self._timeline.content_at(component, number)
        if component is None or digest is None:
            return self._add(_unrecorded(name)), NO_CHANGES
        return node_id(component, str(digest)), self._timeline.changes_after(component, number, digest)


_NOBODY = ContentDigest.of(b"")


def _node_of(name: ComponentName, digest: ContentDigest, held: Held) -> Node:
    return Node(
        id=node_id(name, str(digest)),
        name=name,
        known=Known.KEPT,
        kind=held.component.kind,
        digest=str(digest),
        spans=tuple(held.spans),
        since=held.since,
        provenance=held.component.provenance,
    )


def _unrecorded(name: str) -> Node:
    # Neither looks like the id of a content: the name of a component has no colon, and a digest no question mark.
    return Node(name, name, Known.EXTERNAL) if ":" in name else Node(node_id(name, "?"), name, Known.UNRECORDED)


def _id_of(key: Key) -> str:
    return node_id(key[0], str(key[1]))


def _holds(spans: Iterable[Span], number: int) -> bool:
    return any(span.first <= number <= span.last for span in spans)


def _parsed(digest: str) -> ContentDigest | None:
    try:
        return ContentDigest.parse(digest)
    except InvalidName:
        return None


def _component_named(name: str) -> ComponentName | None:
    try:
        return ComponentName.parse(name)
    except InvalidName:
        return None
