"""How the distribution of a column shifted, as data and in words; and which shifts are worth a phrase.

Worth saying is what is unlikely by chance and large enough to matter: p under 0.01, divided by the number of columns that
were measured (Bonferroni), and

    categories   a category came or went, or 2 of 100 rows are in another one (total variation of 0.02)
    numbers      a population stability index of 0.1, or a Kolmogorov-Smirnov distance of 0.1
    lengths      likewise

Everything that was measured stands in the details.

    >>> shift = CategoryShift("label", 1000, 1000, (Moved("other", 880, 849), Moved("refund", 120, 151)), 4.1, 1, 0.0429, 0.045)
    >>> shift.phrase()
    'label: refund 12.0% → 15.1%, other 88.0% → 84.9%'
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lastgood.canonical import Json, JsonObject
from lastgood.compare.showing import Block, Line, Table, aside, plain
from lastgood.compare.text_change import MOST_SHOWN
from lastgood.compare.wording import as_json, shorten, show_value

LIKELY = 0.01
LEAST_VARIATION = 0.02
STABLE, LARGE = 0.1, 0.25
"""Below the one a population stability index is of no account, from the other on it is large."""

LEAST_DISTANCE = 0.1
_NAME_WIDTH = 40
_VALUE_WIDTH = 24
_SAID = 2
_LEAST_SAID = 0.005


@dataclass(frozen=True, slots=True)
class Moved:
    """A category, null where a row has none, and how many rows of each side are in it."""

    value: Json
    old: int
    new: int

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"value": as_json(self.value), "old": self.old, "new": self.new}


@dataclass(frozen=True, slots=True)
class CategoryShift:
    """How the rows are spread over the values of a column.

    Attributes:
        column: the column.
        old_rows: how many rows were counted on the old side.
        new_rows: likewise on the new side.
        categories: all of them, the most frequent first.
        chi_squared: the statistic of the test.
        freedom: its degrees of freedom.
        p: its p-value.
        cramers_v: its effect size.
    """

    column: str
    old_rows: int
    new_rows: int
    categories: tuple[Moved, ...]
    chi_squared: float
    freedom: int
    p: float
    cramers_v: float

    @property
    def variation(self) -> float:
        """The total variation: which share of the rows is in another category than before."""
        return sum(abs(self._difference(one)) for one in self.categories) / 2

    @property
    def weight(self) -> float:
        """How much it weighs beside other shifts: with numbers by their effect, small steps of labels above."""
        return 1 + self.variation

    def is_notable(self, columns: int) -> bool:
        """Whether it is worth a phrase, where so many columns were measured."""
        is_likely = self.p < LIKELY / max(1, columns)
        return is_likely and (self.variation >= LEAST_VARIATION or bool(self._come_or_gone()))

    def phrase(self) -> str:
        """Return what to say of it."""
        ordered = sorted(self.categories, key=lambda one: (-round(abs(self._difference(one)), 9), one.old))
        said = [self._say(one) for one in ordered[:_SAID]]
        said += [self._say(one) for one in self._come_or_gone() if one not in ordered[:_SAID]][:_SAID]
        return f"{shorten(self.column, _NAME_WIDTH)}: {', '.join(said)}"

    def row(self) -> tuple[str, ...]:
        """Return the cells of a table."""
        return (self.column, "categories", self.phrase().partition(": ")[2], _say_p(self.p), f"V {self.cramers_v:.3f}")

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "column": self.column,
            "measure": "categories",
            "old_rows": self.old_rows,
            "new_rows": self.new_rows,
            "categories": [one.to_json() for one in self.categories],
            "test": "chi-squared",
            "statistic": self.chi_squared,
            "freedom": self.freedom,
            "p": self.p,
            "cramers_v": self.cramers_v,
            "total_variation": self.variation,
        }

    def _difference(self, one: Moved) -> float:
        return one.new / self.new_rows - one.old / self.old_rows

    def _come_or_gone(self) -> list[Moved]:
        return [one for one in self.categories if not (one.old and one.new) and abs(self._difference(one)) >= _LEAST_SAID]

    def _say(self, one: Moved) -> str:
        name = "(none)" if one.value is None else _bare(one.value)
        if not one.old:
            return f"{name} is new ({one.new / self.new_rows:.1%})"
        if not one.new:
            return f"{name} is gone (was {one.old / self.old_rows:.1%})"
        return f"{name} {one.old / self.old_rows:.1%} → {one.new / self.new_rows:.1%}"


@dataclass(frozen=True, slots=True)
class Spread:
    """How numbers are spread: how many there are, their mean, and the values that a tenth, half and nine tenths lie under."""

    count: int
    mean: float
    low: float
    median: float
    high: float

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"count": self.count, "mean": self.mean, "p10": self.low, "median": self.median, "p90": self.high}


@dataclass(frozen=True, slots=True)
class NumberShift:
    """How the numbers of a column, or the lengths of its texts, are spread.

    Attributes:
        column: the column.
        is_length: whether its texts' lengths in characters were measured.
        old: the old side.
        new: the new side.
        distance: the Kolmogorov-Smirnov statistic.
        p: its p-value.
        stability: the population stability index.
    """

    column: str
    is_length: bool
    old: Spread
    new: Spread
    distance: float
    p: float
    stability: float

    @property
    def weight(self) -> float:
        """How much it weighs beside other shifts."""
        return self.distance + (0 if self.is_length else 1)

    def is_notable(self, columns: int) -> bool:
        """Whether it is worth a phrase, where so many columns were measured."""
        return self.p < LIKELY / max(1, columns) and (self.stability >= STABLE or self.distance >= LEAST_DISTANCE)

    def phrase(self) -> str:
        """Return what to say of it."""
        index = f"PSI {self.stability:.2f}{', large' if self.stability >= LARGE else ''}, KS {self.distance:.2f}"
        what = "length: " if self.is_length else ""
        return f"{shorten(self.column, _NAME_WIDTH)}: {what}{self._say()} ({index})"

    def row(self) -> tuple[str, ...]:
        """Return the cells of a table."""
        measure = "length" if self.is_length else "numbers"
        return (self.column, measure, self._say(), _say_p(self.p), f"KS {self.distance:.3f}, PSI {self.stability:.3f}")

    def _say(self) -> str:
        """Say which of its middles moved; the mean, where the median stayed."""
        if _number(self.old.median) != _number(self.new.median):
            return f"median {_number(self.old.median)} → {_number(self.new.median)}"
        return f"mean {_number(self.old.mean)} → {_number(self.new.mean)}"

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "column": self.column,
            "measure": "length" if self.is_length else "numbers",
            "old": self.old.to_json(),
            "new": self.new.to_json(),
            "test": "kolmogorov-smirnov",
            "statistic": self.distance,
            "p": self.p,
            "psi": self.stability,
        }


@dataclass(frozen=True, slots=True)
class ShiftChange:
    """How the columns of a dataset shifted; those worth a phrase come first.

    Attributes:
        shifts: of each column in which anything differs.
        notable: how many of them are worth a phrase.
    """

    shifts: tuple[CategoryShift | NumberShift, ...]
    notable: int

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        columns: list[Json] = [shift.to_json() | {"notable": at < self.notable} for at, shift in enumerate(self.shifts)]
        return {"type": "shift", "columns": columns}

    def shown(self, *, everything: bool = False) -> Iterator[Block]:
        """Yield a table of those worth a phrase, or of all."""
        shown = self.shifts if everything else self.shifts[: min(self.notable, MOST_SHOWN)]
        if shown:
            headers = ("column", "of its", "old → new", "by chance", "effect")
            yield Table(headers, tuple(shift.row() for shift in shown), numeric=False)
        for shift in self.shifts if everything else ():
            if isinstance(shift, CategoryShift):
                yield Line((plain(f"{shift.column}:"),))
                rows = tuple(_category_row(shift, one) for one in shift.categories)
                yield Table(("category", "old", "new"), rows)
        left = len(self.shifts) - len(shown)
        if left:
            yield Line((aside(f"{left:,} more {'column' if left == 1 else 'columns'} shifted less; --all shows them"),))


def _category_row(shift: CategoryShift, one: Moved) -> tuple[str, ...]:
    name = "(none)" if one.value is None else _bare(one.value)
    return (name, f"{one.old:,} ({one.old / shift.old_rows:.1%})", f"{one.new:,} ({one.new / shift.new_rows:.1%})")


def _bare(value: Json) -> str:
    return shorten(value, _VALUE_WIDTH) if isinstance(value, str) else show_value(value, _VALUE_WIDTH)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"  # noqa: PLR2004 - as many digits as matter


def _say_p(p: float) -> str:
    return f"p {p:.3f}" if p >= 0.001 else "p < 0.001"  # noqa: PLR2004 - three digits
