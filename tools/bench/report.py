"""The results as a page: `results.md`, one table a series, the targets, the machine. Pure: results in, text out."""

from __future__ import annotations

from collections.abc import Iterator

from tools.bench.results import OURS, Figure, Outcome, Results
from tools.bench.targets import verdicts

TITLES = {
    "fp32": "fp32: 7 fine-tuned checkpoints, then 4 in which two layers train",
    "bf16": "bf16: the same checkpoints, exported",
    "adam": "adam: 6 training checkpoints, weights and Adam's moments",
    "two_layer": "two_layer: 5 checkpoints, only two layers change",
    "harsh": "harsh: 4 checkpoints, learning rate 1e-4, a hundred steps apart (no target)",
    "large": "large: 2 versions of a file of 1 GB",
    "jsonl": "jsonl: 200 MB of rows in 3 versions",
    "parquet": "parquet: the same rows",
    "sources": "sources: 20,000 small files in 3 versions, 200 changed each time",
}
_MEGABYTE = 1_000_000
_COLUMNS = (
    "kept by",
    "stored / logical",
    "stored, MB",
    "first commit, s",
    "later commits, s",
    "all commits, MB/s",
    "unchanged, s",
    "restore, s",
    "restore again, s",
    "peak, MB",
)


def page(results: Results) -> str:
    """Write the page."""
    return "\n".join(_lines(results)) + "\n"


def _lines(results: Results) -> Iterator[str]:
    yield "# Measured"
    yield ""
    yield "Written by `make bench`; [README.md](README.md) says how each number is measured. Smaller is better but for MB/s."
    if results.form != "full":
        yield ""
        yield f"**This is the {results.form} form: it shows that the bench works, and little else.**"
    yield from ("", "![stored over logical bytes, and seconds of all commits](plot.svg)", "")
    for name in results.series():
        yield from _series(name, results.of(name))
    yield from _figures(results.figures)
    yield from _targets(results)
    yield from ("## Machine and versions", "", "| | |", "|---|---|")
    yield from (f"| {name} | {value} |" for name, value in (results.machine | results.programs).items())
    if results.absent:
        yield f"| absent, not measured | {', '.join(results.absent)} |"


def _series(name: str, found: dict[str, Outcome]) -> Iterator[str]:
    any_one = next(iter(found.values()))
    yield f"## {TITLES.get(name, name)}"
    yield ""
    yield f"{any_one.logical / _MEGABYTE:,.1f} MB logical, measured {any_one.measured}."
    yield from ("", f"| {' | '.join(_COLUMNS)} |", "|---" + "|---:" * (len(_COLUMNS) - 1) + "|")
    for one in sorted(found.values(), key=lambda one: one.stored):
        mark = "**" if one.peer == OURS else ""
        cells = [f"{mark}{one.peer}{mark}", f"{mark}{one.ratio:.3f}{mark}", f"{one.stored / _MEGABYTE:,.1f}", *_seconds(one)]
        yield f"| {' | '.join(cells)} |"
    yield ""


def _seconds(one: Outcome) -> list[str]:
    later = sum(one.commits[1:]) / len(one.commits[1:]) if one.commits[1:] else None
    speed = one.logical / _MEGABYTE / one.commit_seconds
    cells = [f"{one.commits[0]:.2f}", _number(later), f"{speed:,.0f}"]
    return [*cells, *map(_number, (one.unchanged, one.restore, one.restore_again)), f"{one.peak_bytes / _MEGABYTE:,.0f}"]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _figures(figures: tuple[Figure, ...]) -> Iterator[str]:
    if not figures:
        return
    yield from ("## lastgood alone", "", "| what | measured | budget |", "|---|---:|---:|")
    for one in figures:
        scale, unit = (_MEGABYTE, "MB") if one.unit == "B" else (1, one.unit)
        budget = "" if one.budget is None else f"{one.budget / scale:g} {unit}".strip()
        yield f"| {one.name} | {f'{one.value / scale:,.3f} {unit}'.strip()} | {budget} |"
    yield ""


def _targets(results: Results) -> Iterator[str]:
    judged = verdicts(results)
    if not judged:
        return
    kept = sum(one.is_kept for one in judged)
    yield from ("## Targets", "", f"{kept} of {len(judged)} are kept.", "", "| target | measured | at most | |", "|---|---:|---:|---|")
    for one in judged:
        yield f"| {one.what} | {one.measured:,.3f} | {one.most:,.3f} | {'ok' if one.is_kept else '**OVER**'} |"
    yield ""
