"""How lineage is written on a terminal: as trees, each node with how it was made, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lastgood.cli.output import Output
from lastgood.clock import format_instant
from lastgood.compare.wording import as_json, count, shorten, show_value, size
from lastgood.model.component import Kind
from lastgood.model.lineage.graph import Edge, Graph, Known, Node, Relation
from lastgood.model.lineage.timeline import spans_text
from lastgood.model.lineage.walk import Branch, Direction, walk
from lastgood.registry.lineage import ComponentLineage, FileLineage
from lastgood.registry.lineage_rows import RowLineage, RowReading

MOST_NUMBERS = 8
MOST_SHOWN = 20
_LONGEST_RUN = 100
_SHORT = 12
_UPWARD = {Relation.MADE_FROM: "from", Relation.DERIVED_FROM: "derived from", Relation.RUNS_ON: "runs on"}
_DOWNWARD = {Relation.MADE_FROM: "made:", Relation.DERIVED_FROM: "derived:", Relation.RUNS_ON: "judged with:"}


def print_trees(output: Output, found: ComponentLineage, direction: Direction) -> None:
    """Print what components were made from, or what was made from them."""
    release = found.release
    if release is not None:
        way = "what it was made from" if direction is Direction.UPSTREAM else "what was made from it, in any release"
        output.note(f"{release.pipeline} {release.label}: {way}")
    for root in found.roots:
        for line in tree(found.graph, root, direction):
            output.data(line)
    _say_cut(output, found.graph)
    fields = {
        "kind": "source" if release is None else "release",
        "direction": direction.value,
        "release": None if release is None else str(release.release),
        "number": None if release is None else release.number,
        "roots": list(found.roots),
    }
    output.answer("lineage", {**fields, **found.graph.to_json()})


def tree(graph: Graph, root: str, direction: Direction) -> Iterator[str]:
    """Yield the lines of a tree."""
    for branch in walk(graph, root, direction):
        node = graph.nodes[branch.node]
        yield branch.margin + _headline(node, branch, graph.latest, direction)
        if branch.repeated:
            continue
        for line in _remarks(node, branch.edge, graph, direction):
            yield branch.below + line
        if branch.deeper:
            yield branch.below + "… and deeper; --json has it all"


def _headline(node: Node, branch: Branch, latest: int | None, direction: Direction) -> str:
    words = _UPWARD if direction is Direction.UPSTREAM else _DOWNWARD
    how = f"{words[branch.edge.relation]} " if branch.edge is not None else ""
    name = shorten(node.name, 100)
    if node.known is Known.EXTERNAL:
        return f"{how}{name}"
    if node.known is Known.UNRECORDED:
        return f"{how}{name}, content not recorded"
    digest = (node.digest or "")[:_SHORT]
    if node.known is Known.ELSEWHERE:
        return f"{how}{name} {shorten(digest)}, a content that no release here has"
    where = f"{spans_text(node.spans, latest)}, since {node.since.astimezone():%Y-%m-%d}" if node.since else spans_text(node.spans, latest)
    running = _running(node.kind, node.live_in)
    again = " (as above)" if branch.repeated else ""
    return f"{how}{name} ({node.kind}) {digest}  {where}{running}{again}"


def _running(kind: Kind | None, live_in: Sequence[str]) -> str:
    """Say where something runs; what does not act in production stands beside what does."""
    return "" if not live_in else f", {'runs in' if kind is None or kind.acts else 'is part of'} {', '.join(live_in)}"


def _remarks(node: Node, edge: Edge | None, graph: Graph, direction: Direction) -> Iterator[str]:
    if edge is not None and edge.changes:
        source = shorten(graph.nodes[edge.source].name, 60)
        numbers = _numbers(edge.changes.first, edge.changes.count)
        yield f"{edge.relation.value} {source} as of r{edge.as_of}; {source} has changed since: {numbers}"
    provenance = node.provenance
    if provenance.made_by is not None and (direction is Direction.UPSTREAM or edge is not None):
        making = provenance.made_by
        seed = f", seed {making.seed}" if making.seed is not None else ""
        trust = " (asserted)" if making.asserted else ""
        yield f"made by {shorten(making.run or '?', _LONGEST_RUN)}{seed}{trust}"
    if provenance.licence:
        yield f"licence {shorten(provenance.licence)}"
    suites: dict[str, list[int]] = {}
    for judged in node.judged:
        suites.setdefault(judged.suite, []).append(judged.number)
    for suite, releases in suites.items():
        said = _numbers(releases)
        yield f"{suite} ran on it in {said}" if node.kind is Kind.DATASET else f"judged by {suite} in {said}"


def _numbers(numbers: Sequence[int], total: int | None = None) -> str:
    shown = numbers[:MOST_NUMBERS]
    more = (len(numbers) if total is None else total) - len(shown)
    return ", ".join(f"r{number}" for number in shown) + (f" and {more:,} more" if more else "")


def print_files(output: Output, found: FileLineage, *, everything: bool) -> None:
    """Print where a file is, the newest releases first."""
    shown = found.places if everything else found.places[:MOST_SHOWN]
    for place in shown:
        running = _running(place.kind, place.live_in)
        where = spans_text(place.spans, found.latest)
        output.data(f"{place.digest.short}  {size(place.size):>9}  {place.component} ({place.kind}) {place.path}  {where}{running}")
    _say_more(output, len(found.places) - len(shown), "older places")
    places = [
        {
            "component": str(one.component),
            "component_kind": one.kind.value,
            "path": one.path,
            "sha256": str(one.digest),
            "size": one.size,
            "releases": [span.to_json() for span in one.spans],
            "live_in": list(one.live_in),
        }
        for one in found.places
    ]
    output.answer("lineage", {"kind": "file", "places": places})


def print_row(output: Output, found: RowLineage, *, everything: bool) -> None:
    """Print in which releases' data a row stands, how it reads there, and what was made from it."""
    name = f"{found.dataset}:{shorten(found.key)}"
    output.data(f"{name} stands in {_releases(found)}")
    readings = found.readings if everything else found.readings[-MOST_SHOWN:]
    if len(readings) < len(found.readings):
        output.data(f"├─ … {count(len(found.readings) - len(readings), 'reading')} before; --all shows them")
    for position, reading in enumerate(readings, 1):
        mark, below = ("├─", "│ ") if position < len(readings) else ("└─", "  ")
        where = spans_text(reading.spans, found.graph.latest)
        output.data(
            f"{mark} {where}, since {reading.since.astimezone():%Y-%m-%d}{_running(Kind.DATASET, reading.live_in)}: {_cells(reading)}"
        )
        output.data(f"{below}    {shorten(reading.place.path, 200)}{f', line {reading.place.line}' if reading.place.line else ''}")
    for note in found.notes:
        output.warn(note)
    made = [root for root in reversed(found.roots) if found.graph.made_from(root)]
    shown = made if everything else made[:MOST_SHOWN]
    output.data(
        "\nmade from data that held it, or judged on it:" if made else "\nnothing is recorded to have been made from data that held it"
    )
    for root in shown:
        for line in tree(found.graph, root, Direction.DOWNSTREAM):
            output.data(line)
    _say_more(output, len(made) - len(shown), "older contents that something was made from")
    _say_cut(output, found.graph)
    fields = {"kind": "row", "dataset": str(found.dataset), "key": found.key, "roots": list(found.roots), "notes": list(found.notes)}
    output.answer("lineage", {**fields, "readings": [_reading_json(one) for one in found.readings], **found.graph.to_json()})


def _releases(found: RowLineage) -> str:
    return count(sum(span.last - span.first + 1 for reading in found.readings for span in reading.spans), "release")


def _cells(reading: RowReading) -> str:
    return shorten("  ".join(f"{shorten(name)}={show_value(value)}" for name, value in reading.shown.items()), 200)


def _reading_json(reading: RowReading) -> dict[str, object]:
    return {
        "releases": [span.to_json() for span in reading.spans],
        "live_in": list(reading.live_in),
        "path": reading.place.path,
        "line": reading.place.line or None,
        "row": as_json(dict(reading.place.cells)),
        "since": format_instant(reading.since),
    }


def _say_more(output: Output, more: int, what: str) -> None:
    if more:
        output.data(f"… and {more:,} {what}; --all shows them")


def _say_cut(output: Output, graph: Graph) -> None:
    if graph.is_cut:
        output.warn(f"only the nearest {len(graph.nodes):,} contents are shown; ask for one --component")
