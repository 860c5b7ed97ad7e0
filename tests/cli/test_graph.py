"""The drawn graph, read back by somebody who follows its lines, says what follows what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.cli.graph import draw_graph

Graph = list[tuple[str, list[str]]]


def drawn(graph: Graph) -> list[str]:
    return [line for row in draw_graph(graph) for line in (*row.before, row.mark, *row.after)]


CASES: dict[str, tuple[Graph, list[str]]] = {
    "one": ([("a", [])], ["*"]),
    "a line": ([("c", ["b"]), ("b", ["a"]), ("a", [])], ["*", "*", "*"]),
    "a fork": ([("d", ["b"]), ("c", ["b"]), ("b", ["a"]), ("a", [])], ["*", "| *", "|/", "*", "*"]),
    "a merge": ([("d", ["c", "b"]), ("c", ["a"]), ("b", ["a"]), ("a", [])], ["*", "|\\", "* |", "| *", "|/", "*"]),
    "two lines that have nothing in common": ([("d", ["b"]), ("c", ["a"]), ("b", []), ("a", [])], ["*", "| *", "* |", " /", "*"]),
    "a line that stays beside a fork": (
        [("f", ["a"]), ("e", ["b"]), ("d", ["a"]), ("b", []), ("a", [])],
        ["*", "| *", "| | *", "| * |", "|  /", "|/", "*"],
    ),
    "columns that meet over another one": (
        [("f", ["a"]), ("e", ["b"]), ("d", ["a"]), ("a", []), ("b", [])],
        ["*", "| *", "| | *", "|_|/", "* |", " /", "*"],
    ),
    "what it follows is not in the list": ([("c", []), ("b", ["a"]), ("a", [])], ["*", "*", "*"]),
    "nothing": ([], []),
}


@pytest.mark.parametrize("case", CASES)
def test_golden_cases(case: str) -> None:
    graph, lines = CASES[case]
    assert drawn(graph) == lines


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Draw releases, newest first, each following some of the older ones."""
    size = draw(st.integers(0, 9))
    older = [[f"n{one}" for one in range(number)] for number in range(size)]
    return [
        (f"n{number}", draw(st.lists(st.sampled_from(older[number]), max_size=3, unique=True)) if number else [])
        for number in reversed(range(size))
    ]


@given(graphs())
def test_whoever_follows_the_lines_finds_what_follows_what(graph: Graph) -> None:
    found: dict[str, set[str]] = {item: set() for item, _ in graph}
    columns: dict[int, set[str]] = {}
    for (item, follows), row in zip(graph, draw_graph(graph), strict=True):
        for line in row.before:
            columns = moved(columns, line)
        assert row.mark == " ".join("*" if place == "*" else "|" for place in row.mark[::2])
        assert set(columns) <= set(range(len(row.mark[::2]))) <= {*columns, len(columns)}
        here = row.mark.index("*") // 2
        for child in columns.pop(here, set()):
            found[child].add(item)
        if follows:
            columns[here] = {item}
        for line in row.after:
            columns = moved(columns, line)
    assert not columns
    assert found == {item: set(follows) for item, follows in graph}


def moved(columns: dict[int, set[str]], line: str) -> dict[int, set[str]]:
    """Follow the columns down one line of signs."""
    below: dict[int, set[str]] = {}
    left = set(columns)
    for place, sign in enumerate(line):
        if sign in " _":
            continue
        above = {"|": place // 2, "/": (place + 1) // 2, "\\": (place - 1) // 2}[sign]
        end = place
        while sign == "/" and line[end - 2 : end - 1] == "_":
            end -= 2
        target = {"|": place // 2, "/": (end - 1) // 2, "\\": (place + 1) // 2}[sign]
        below.setdefault(target, set()).update(columns[above])
        left.discard(above)
    assert not left, "a column ends in nothing"
    return below
