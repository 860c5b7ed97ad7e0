r"""Draws how releases follow one another, in columns beside their list.

Rules: one line a release, `*` in its column, newest first; a column is a line of releases on its way to the next one that is
expected in it. Between two of them, lines say where columns meet or part: `|/` where two wait for one release, `|\` where a
release follows two.

    >>> rows = draw_graph([("d", ["c"]), ("x", ["b"]), ("c", ["b"]), ("b", [])])
    >>> [line for row in rows for line in (*row.before, row.mark, *row.after)]
    ['*', '| *', '* |', '|/', '*']
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """How one release is drawn: the lines before its own, its own, and those after."""

    before: tuple[str, ...]
    mark: str
    after: tuple[str, ...]


def draw_graph(items: Sequence[tuple[Hashable, Sequence[Hashable]]]) -> list[Row]:
    """Draw items, newest first.

    Args:
        items: what each one is, and those of the list that it follows.
    """
    columns: list[Hashable] = []
    rows: list[Row] = []
    for item, follows in items:
        before = _join(columns, item)
        if item not in columns:
            columns.append(item)
        place = columns.index(item)
        mark = " ".join("*" if one == place else "|" for one in range(len(columns)))
        rows.append(Row(before, mark, _part(columns, place, list(dict.fromkeys(follows)))))
    return rows


def _join(columns: list[Hashable], item: Hashable) -> tuple[str, ...]:
    """Bring the columns that wait for one item together, one after the other."""
    lines: list[str] = []
    while columns.count(item) > 1:
        place = columns.index(item)
        joined = columns.index(item, place + 1)
        signs = _upright(joined)
        for gap in range(place, joined - 1):
            signs[2 * gap + 1] = "_"
        signs[2 * joined - 1] = "/"
        signs += _shifted(len(columns) - joined - 1)
        del columns[joined]
        lines.append("".join(signs).rstrip())
    return tuple(lines)


def _part(columns: list[Hashable], place: int, follows: list[Hashable]) -> tuple[str, ...]:
    """Let a column go on to what its item follows: to nothing, to one, or to several."""
    if not follows:
        del columns[place]
        shifted = len(columns) - place
        return ("".join([*_upright(place), *([" "] if shifted else []), "/", *_shifted(shifted - 1)]).rstrip(),) if shifted else ()
    columns[place] = follows[0]
    lines: list[str] = []
    for one in follows[1:]:
        signs = [*_upright(place + 1)]
        signs[-1] = "\\"
        signs += [sign for _ in range(len(columns) - place - 1) for sign in (" ", "\\")]
        columns.insert(place + 1, one)
        lines.append("".join(signs))
    return tuple(lines)


def _upright(number: int) -> list[str]:
    """Return the signs of columns that go straight on, two each."""
    return [sign for _ in range(number) for sign in ("|", " ")]


def _shifted(number: int) -> list[str]:
    """Return the signs of columns that move one place to the left."""
    return [sign for _ in range(number) for sign in (" ", "/")]
