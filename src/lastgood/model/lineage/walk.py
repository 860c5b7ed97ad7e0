"""A graph as a tree: from a root along its edges, each part once.

Rules: what stands elsewhere in the tree already is named again without its branches, so a graph with cycles ends, and one
in which everything was made from everything is as long as its edges; nothing goes deeper than `DEEPEST`.

    for branch in walk(graph, root, Direction.UPSTREAM): print(branch.margin + graph.nodes[branch.node].name)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from lastgood.model.lineage.graph import Edge, Graph

DEEPEST = 60


class Direction(Enum):
    """Which way a tree grows."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"


@dataclass(frozen=True, slots=True)
class Branch:
    """A node in its place.

    Attributes:
        node: the node's id.
        edge: how it was come to; None for the root.
        margin: what to write before its line.
        below: what to write before further lines of it.
        repeated: whether its branches stand elsewhere.
        deeper: whether it has branches that are too deep to be shown.
    """

    node: str
    edge: Edge | None
    margin: str
    below: str
    repeated: bool = False
    deeper: bool = False


def walk(graph: Graph, root: str, direction: Direction) -> Iterator[Branch]:
    """Yield the tree of a node, each node before its branches."""
    expanded: set[str] = set()
    # Of each branch that waits: the node, its edge, the margin of its parent, whether it is the last, and how deep it is.
    waiting: list[tuple[str, Edge | None, str, bool, int]] = [(root, None, "", True, 0)]
    while waiting:
        node, edge, outside, is_last, depth = waiting.pop()
        edges = graph.sources_of(node) if direction is Direction.UPSTREAM else graph.made_from(node)
        repeated = bool(edges) and node in expanded
        deeper = bool(edges) and not repeated and depth == DEEPEST
        inside = "" if edge is None else outside + ("   " if is_last else "│  ")
        opens = bool(edges) and not repeated and not deeper
        margin = "" if edge is None else outside + ("└─ " if is_last else "├─ ")
        yield Branch(node, edge, margin, inside + ("│  " if opens else "   "), repeated, deeper)
        if opens:
            expanded.add(node)
            following = [(one.source if direction is Direction.UPSTREAM else one.made, one) for one in edges]
            waiting += [(target, one, inside, place == 0, depth + 1) for place, (target, one) in enumerate(reversed(following))]
