"""What the cells of each column are: how many there are, of which kind, and about how many different ones.

profiles = profile(gathered, [Set.OLD, Set.SHARED])
profiles["label"].kind            # "text"
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lastgood.compare.tables.gathering import Gathered, Set

_AT_ONCE = 32
_EACH = 6
_ALL = 0.9


@dataclass(frozen=True, slots=True)
class Profile:
    """What a column of one side is made of.

    Attributes:
        cells: how many cells it has; rows without one are not counted.
        texts: how many of them are texts.
        numbers: how many are numbers.
        booleans: how many are true or false.
        integers: how many are written as whole numbers.
        distinct: about how many different ones there are.
        kind: `text`, `number`, `boolean`, `nested` (lists and objects), `mixed`, or `empty` where there is no cell.
    """

    cells: int
    texts: int
    numbers: int
    booleans: int
    integers: int
    distinct: int
    kind: str

    @property
    def is_identifier(self) -> bool:
        """Whether it looks like numbers that only tell rows apart: whole, and about all different."""
        return self.integers == self.cells and self.distinct >= _ALL * self.cells


def union(gathered: Gathered, sets: Sequence[Set], names: Sequence[str]) -> str:
    """Return what to select from to have some columns of the rows of several sets."""
    columns = ", ".join(f"c{gathered.columns[name]}" for name in names)
    return "(" + " UNION ALL ".join(f"SELECT {columns} FROM rows_{one}" for one in sets) + ")"


def profile(gathered: Gathered, sets: Sequence[Set]) -> dict[str, Profile]:
    """Return the profile of each column over the rows of some sets."""
    found: dict[str, Profile] = {}
    for names in _batches(list(gathered.columns)):
        counts = ", ".join(count for name in names for count in _counts(f"c{gathered.columns[name]}", plain=gathered.plain))
        [answer] = gathered.engine.rows(f"SELECT {counts} FROM {union(gathered, sets, names)}")
        for at, name in enumerate(names):
            cells, texts, numbers, booleans, integers, distinct = answer[at * _EACH : at * _EACH + _EACH]
            if gathered.plain:
                texts = cells - numbers - booleans
            kind = _kind(cells, texts, numbers, booleans, plain=gathered.plain)
            found[name] = Profile(cells, texts, numbers, booleans, integers, distinct, kind)
    return found


def _batches(names: list[str]) -> Iterator[list[str]]:
    for at in range(0, len(names), _AT_ONCE):
        yield names[at : at + _AT_ONCE]


def _counts(cell: str, *, plain: bool) -> Iterator[str]:
    yield f"count({cell})"
    if plain:
        yield "0"
        yield f"count(*) FILTER (TRY_CAST({cell} AS DOUBLE) IS NOT NULL)"
        yield f"count(*) FILTER (lower({cell}) IN ('true', 'false'))"
    else:
        yield f"count(*) FILTER (starts_with({cell}, '\"'))"
        yield f"count(*) FILTER ({cell}[1] IN ('-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'N', 'I'))"
        yield f"count(*) FILTER ({cell} IN ('true', 'false'))"
    yield f"count(*) FILTER (regexp_full_match({cell}, '-?[0-9]+'))"
    yield f"approx_count_distinct({cell})"


def _kind(cells: int, texts: int, numbers: int, booleans: int, *, plain: bool) -> str:
    if not cells:
        return "empty"
    for count, kind in ((texts, "text"), (numbers, "number"), (booleans, "boolean")):
        if count == cells:
            return kind
    if plain:
        return "text"
    return "mixed" if texts or numbers or booleans else "nested"
