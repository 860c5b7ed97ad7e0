"""How far columns shifted, measured over the rows of both sides.

Rules: a column of few values is a category, also one of numbers; other numbers are compared as numbers, other texts by their
length in characters; numbers that only tell rows apart, lists and objects are not measured. Categories are counted to the
last row; numbers and lengths are measured on at most `SAMPLE` rows a side, chosen by a hash of their place, so that the same
tables always give the same numbers. A column in which nothing differs is left out.

    for shift in measure(gathered, sides, skipped=("id",)):
        print(shift.phrase())
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lastgood.compare.tables.column_shifts import CategoryShift, Moved, NumberShift, Spread
from lastgood.compare.tables.gathering import Gathered, Set
from lastgood.compare.tables.profiles import Profile, union
from lastgood.compare.tables.row_changes import read_cell
from lastgood.compare.tables.statistics import chi_squared, cramers_v, kolmogorov_smirnov, stability

SAMPLE = 200_000
"""How many rows of a side are looked at for numbers and lengths."""

FEWEST_ROWS = 30
"""A side with fewer rows has no distribution worth telling."""

MOST_CATEGORIES = 50
_MOST_NUMBER_CATEGORIES = 20
_ROWS_A_CATEGORY = 4
_MOST_MEASURED = 200
_AT_ONCE = 8
_LONGEST_CATEGORY = 200
_SIDES = ((Set.OLD, Set.SHARED), (Set.NEW, Set.SHARED))

Numbers = NDArray[np.float64]
Shift = CategoryShift | NumberShift


@dataclass(frozen=True, slots=True)
class Sides:
    """The profiles of both sides, by column."""

    old: Mapping[str, Profile]
    new: Mapping[str, Profile]


def measure(gathered: Gathered, sides: Sides, skipped: Collection[str]) -> list[Shift]:
    """Return the shifts of columns, those worth saying first, the largest first among them.

    Args:
        gathered: the rows.
        sides: the profiles over all rows of each side.
        skipped: columns that are not measured: those of the key.
    """
    totals = [sum(gathered.rows[one] for one in sets) for sets in _SIDES]
    if min(totals) < FEWEST_ROWS:
        return []
    names = [name for name in gathered.columns if name not in skipped and sides.old[name].cells and sides.new[name].cells]
    names = names[:_MOST_MEASURED]
    categories = [name for name in names if _is_category(sides.old[name], sides.new[name])]
    rest = [name for name in names if name not in set(categories)]
    numbers = [name for name in rest if sides.old[name].kind == sides.new[name].kind == "number" and not _is_identifier(sides, name)]
    texts = [name for name in rest if sides.old[name].kind == sides.new[name].kind == "text"]
    found: list[Shift] = [one for name in categories if (one := _categories(gathered, name)) is not None]
    for start in range(0, len(numbers), _AT_ONCE):
        found += _spreads(gathered, numbers[start : start + _AT_ONCE], is_length=False)
    for start in range(0, len(texts), _AT_ONCE):
        found += _spreads(gathered, texts[start : start + _AT_ONCE], is_length=True)
    return sorted(found, key=lambda shift: (not shift.is_notable(len(names)), -shift.weight))


def _is_identifier(sides: Sides, name: str) -> bool:
    return sides.old[name].is_identifier and sides.new[name].is_identifier


def _is_category(old: Profile, new: Profile) -> bool:
    kinds = {old.kind, new.kind}
    if kinds & {"nested", "empty"}:
        return False
    most = _MOST_NUMBER_CATEGORIES if kinds == {"number"} else MOST_CATEGORIES
    return all(one.distinct <= most and one.distinct * _ROWS_A_CATEGORY <= one.cells for one in (old, new))


def _categories(gathered: Gathered, name: str) -> CategoryShift | None:
    """Count the values of a column on both sides."""
    cell = f"c{gathered.columns[name]}"
    counts: dict[str | None, list[int]] = {}
    for side, sets in enumerate(_SIDES):
        answer = gathered.engine.rows(
            f"SELECT left({cell}, {_LONGEST_CATEGORY}) AS value, count(*) FROM {union(gathered, sets, [name])} GROUP BY value "
            f"ORDER BY count(*) DESC, value LIMIT {4 * MOST_CATEGORIES}"
        )
        for value, count in answer:
            counts.setdefault(value, [0, 0])[side] = int(count)
    ordered = sorted(counts, key=lambda value: (-max(counts[value]), value or ""))
    old, new = [counts[value][0] for value in ordered], [counts[value][1] for value in ordered]
    totals = sum(old), sum(new)
    if not all(totals) or all(a * totals[1] == b * totals[0] for a, b in zip(old, new, strict=True)):
        return None
    test = chi_squared(old, new)
    moved = tuple(Moved(read_cell(value, plain=gathered.plain), *counts[value]) for value in ordered)
    return CategoryShift(name, *totals, moved, test.statistic, test.freedom, test.p, cramers_v(test, sum(totals)))


def _spreads(gathered: Gathered, names: Sequence[str], *, is_length: bool) -> Iterator[NumberShift]:
    """Compare columns as numbers: their own, or how long their texts are."""
    old, new = (_sample(gathered, names, sets, is_length=is_length) for sets in _SIDES)
    for name, before, after in zip(names, old, new, strict=True):
        if not len(before) or not len(after):
            continue
        test = kolmogorov_smirnov(before, after)
        if test.statistic:
            index = stability(before, after)
            yield NumberShift(name, is_length, _spread(before), _spread(after), test.statistic, test.p, index)


def _sample(gathered: Gathered, names: Sequence[str], sets: Sequence[Set], *, is_length: bool) -> list[Numbers]:
    """Return the numbers of some columns, of rows that are chosen by a hash of their place."""
    total = sum(gathered.rows[one] for one in sets)
    every = -(-total // SAMPLE)
    values = ", ".join(_number(gathered, name, is_length=is_length) for name in names)
    chosen = " UNION ALL ".join(f"SELECT {values} FROM rows_{one} WHERE hash(rowid) % {every} = 0" for one in sets)
    return [column[np.isfinite(column)] for column in gathered.engine.numbers(chosen)]


def _number(gathered: Gathered, name: str, *, is_length: bool) -> str:
    cell = f"c{gathered.columns[name]}"
    if not is_length:
        return f"TRY_CAST({cell} AS DOUBLE) AS {cell}"
    text = cell if gathered.plain else f"json_extract_string({cell}, '$')"
    return f"CAST(length({text}) AS DOUBLE) AS {cell}"


def _spread(sample: Numbers) -> Spread:
    low, middle, high = np.quantile(sample, [0.1, 0.5, 0.9])
    return Spread(len(sample), float(sample.mean()), float(low), float(middle), float(high))
