"""The numbers, as they are kept: plain values, written to `results.json` and read back.

    >>> one = Outcome("fp32", "lastgood", logical=1000, stored=250, allocated=4096, commits=(1.0, 2.0))
    >>> one.ratio, one.commit_seconds
    (0.25, 3.0)

Seconds are of whole processes, `sync` included; bytes are lengths of files added up.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

SCHEMA = "lastgood.bench/1"
OURS = "lastgood"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One series, kept by one peer."""

    series: str
    peer: str
    # All versions added up; the repository after them all; the blocks that the file system gave it.
    logical: int
    stored: int
    allocated: int
    # One a version.
    commits: tuple[float, ...]
    # With nothing changed: the median of several.
    unchanged: float | None = None
    # The last version, its repository not in memory; and again at once.
    restore: float | None = None
    restore_again: float | None = None
    peak_bytes: int = 0
    measured: str = ""

    @property
    def ratio(self) -> float:
        """Stored over logical."""
        return self.stored / self.logical

    @property
    def commit_seconds(self) -> float:
        """Every version's commit."""
        return sum(self.commits)


@dataclass(frozen=True, slots=True)
class Figure:
    """One other thing that was measured, with the most it may be where it has a budget."""

    name: str
    value: float
    unit: str = "s"
    budget: float | None = None
    measured: str = ""


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that was measured on one machine."""

    machine: dict[str, str]
    programs: dict[str, str]
    absent: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    figures: tuple[Figure, ...] = ()
    # What each series was made of: `full`, or `quick`, which says little.
    form: str = "full"

    def with_outcomes(self, outcomes: Iterable[Outcome]) -> Results:
        """Add outcomes in the place of those of the same series."""
        new = tuple(outcomes)
        series = {one.series for one in new}
        return replace(self, outcomes=tuple(one for one in self.outcomes if one.series not in series) + new)

    def with_figures(self, figures: Iterable[Figure]) -> Results:
        """Add figures in the place of those of the same name."""
        new = tuple(figures)
        names = {one.name for one in new}
        return replace(self, figures=tuple(one for one in self.figures if one.name not in names) + new)

    def of(self, series: str) -> dict[str, Outcome]:
        """Return the outcomes of a series by peer."""
        return {one.peer: one for one in self.outcomes if one.series == series}

    def series(self) -> list[str]:
        """Name the series that were measured."""
        return list(dict.fromkeys(one.series for one in self.outcomes))


def write(path: Path, results: Results) -> None:
    """Write `results.json`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"schema": SCHEMA} | asdict(results), indent=1) + "\n")


def read(path: Path) -> Results:
    """Read `results.json`.

    Raises:
        ValueError: it is of another schema.
    """
    # Any: what comes out of JSON is checked by the constructors' names alone; the file is our own.
    found: dict[str, Any] = json.loads(path.read_text())
    if found.pop("schema") != SCHEMA:
        raise ValueError(f"{path} is not of {SCHEMA}")
    outcomes = tuple(Outcome(**one | {"commits": tuple(one["commits"])}) for one in found.pop("outcomes"))
    figures = tuple(Figure(**one) for one in found.pop("figures"))
    return Results(outcomes=outcomes, figures=figures, absent=tuple(found.pop("absent")), **found)


def begin(path: Path, fresh: Results) -> Results:
    """Go on from earlier results of the same machine and form; else begin anew."""
    if not path.is_file():
        return fresh
    earlier = read(path)
    same = (earlier.machine, earlier.form) == (fresh.machine, fresh.form)
    return replace(fresh, outcomes=earlier.outcomes, figures=earlier.figures) if same else fresh
