r"""A graph in the language of Graphviz, to be drawn with `dot -Tsvg`.

Rules: edges go from what something was made from to what was made; every text is a quoted string in which nothing ends the
string, and control characters are spaces; there are no other attributes than those written here.

    >>> quoted('say "hi"\n')
    '"say \\"hi\\" "'

Source: the DOT language (https://graphviz.org/doc/info/lang.html), double-quoted strings.
"""

from __future__ import annotations

from collections.abc import Iterator

from lastgood.model.lineage.graph import Edge, Graph, Known, Node, Relation
from lastgood.model.lineage.timeline import spans_text

_LONGEST = 200
_STYLES = {Relation.MADE_FROM: "solid", Relation.DERIVED_FROM: "dashed", Relation.RUNS_ON: "dotted"}


def dot(graph: Graph) -> Iterator[str]:
    """Yield the lines of a graph."""
    yield "digraph lineage {"
    yield "  rankdir=LR;"
    yield '  node [shape=box, fontname="sans-serif", fontsize=11];'
    yield '  edge [fontname="sans-serif", fontsize=9];'
    names = {node: f"n{place}" for place, node in enumerate(graph.nodes)}
    for node, one in graph.nodes.items():
        yield f"  {names[node]} [label={_label(one, graph.latest)}{_look(one)}];"
    for edge in graph.edges:
        yield f"  {names[edge.source]} -> {names[edge.made]} [label={quoted(_said(edge))}, style={_STYLES[edge.relation]}];"
    yield "}"


def quoted(*lines: str) -> str:
    """Write lines of text as one quoted string."""
    return '"' + "\\n".join(_escape(line) for line in lines) + '"'


def _escape(text: str) -> str:
    shown = "".join(char if char.isprintable() else " " for char in text[:_LONGEST])
    return shown.replace("\\", "\\\\").replace('"', '\\"') + ("…" if len(text) > _LONGEST else "")


def _label(node: Node, latest: int | None) -> str:
    lines = [node.name if node.kind is None else f"{node.name} ({node.kind.value})"]
    if node.digest is not None:
        lines.append(f"{node.digest[:12]}  {spans_text(node.spans, latest)}" if node.spans else f"{node.digest[:12]}, in no release here")
    if node.known is Known.UNRECORDED:
        lines.append("content not recorded")
    if node.provenance.made_by is not None and node.provenance.made_by.run:
        lines.append(node.provenance.made_by.run)
    if node.live_in:
        lines.append(f"{'runs in' if node.kind is None or node.kind.acts else 'is part of'} {', '.join(node.live_in)}")
    return quoted(*lines)


def _look(node: Node) -> str:
    if node.live_in:
        return ", penwidth=2"
    return "" if node.known is Known.KEPT else ", style=dashed"


def _said(edge: Edge) -> str:
    return f"{edge.relation.value}, asserted" if edge.asserted and edge.relation is Relation.MADE_FROM else edge.relation.value
