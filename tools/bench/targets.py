"""What the numbers have to be, and whether they are. Pure: results in, verdicts out.

A target is a most: a ratio, seconds, or a share of what a peer took in the same run. One whose peer is absent, or whose
series was not measured, has no verdict; it is not passed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from tools.bench.results import OURS, Outcome, Results

# What finds parts of files that it has already; Git (until it repacks), Git LFS and DVC find whole files only.
DEDUPLICATING = frozenset({"restic", "borg zstd", "borg lz4", "hf_xet"})
CHECKPOINTS = ("fp32", "bf16", "adam", "two_layer", "large")
# Stored over logical, and how many times smaller than the smallest peer.
SMALLEST = {"fp32": (0.27, 2.3), "bf16": (0.10, 5.5), "adam": (0.42, 1.4)}
TIMES_AS_FAST_AS_COPIES = 2.0
TIMES_THE_COPY = 1.3
SECONDS_UNCHANGED = 0.4
# What many small files may take at most, whatever the peers do; the first for 20,000 files.
SECONDS_FIRST, SECONDS_CHANGED = 6.0, 1.2


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target: what was measured, and the most it may be."""

    what: str
    measured: float
    most: float

    @property
    def is_kept(self) -> bool:
        """Say whether it is."""
        return self.measured <= self.most

    def __str__(self) -> str:
        """Write one line."""
        return f"{self.what:<88} {self.measured:9.3f} of {self.most:9.3f}  {'ok' if self.is_kept else 'OVER'}"


def verdicts(results: Results) -> list[Verdict]:
    """Judge everything that was measured."""
    judged = chain(*(_of_series(name, results.of(name)) for name in results.series()))
    figures = (Verdict(_named(one.name, one.unit), one.value, one.budget) for one in results.figures if one.budget is not None)
    return [*judged, *figures]


def _of_series(series: str, found: Mapping[str, Outcome]) -> Iterator[Verdict]:
    if OURS not in found:
        return
    ours = found[OURS]
    peers = {name: one for name, one in found.items() if name != OURS}
    yield from _size(series, ours, peers)
    yield from _speed(series, ours, peers)
    if series == "sources":
        yield from _small_files(ours, peers)
    if series != "harsh":
        yield from _restore(series, ours, peers)


def _size(series: str, ours: Outcome, peers: Mapping[str, Outcome]) -> Iterator[Verdict]:
    if series in SMALLEST:
        most, times = SMALLEST[series]
        yield Verdict(f"{series}: stored / logical", ours.ratio, most)
        if peers:
            best = min(peers.values(), key=lambda one: one.stored)
            yield Verdict(
                f"{series}: stored, of the smallest peer ({best.peer}), {times} times smaller", ours.stored / best.stored, 1 / times
            )
    if series in {"jsonl", "parquet"} and peers:
        best = min(peers.values(), key=lambda one: one.stored)
        yield Verdict(f"{series}: stored, of the smallest peer ({best.peer})", ours.stored / best.stored, 1)
    if series == "sources" and "restic" in peers:
        yield Verdict("sources: stored, of restic", ours.stored / peers["restic"].stored, 1)


def _speed(series: str, ours: Outcome, peers: Mapping[str, Outcome]) -> Iterator[Verdict]:
    if series not in CHECKPOINTS:
        return
    rivals = [one for one in peers.values() if one.peer in DEDUPLICATING]
    if rivals:
        best = min(rivals, key=lambda one: one.commit_seconds)
        what = f"{series}: seconds of all commits, of the fastest that deduplicates ({best.peer})"
        yield Verdict(what, ours.commit_seconds / best.commit_seconds, 1)
    for name in ("Git LFS", "DVC"):
        if name in peers:
            what = f"{series}: seconds of all commits, of {name}, {TIMES_AS_FAST_AS_COPIES:g} times as fast"
            yield Verdict(what, ours.commit_seconds / peers[name].commit_seconds, 1 / TIMES_AS_FAST_AS_COPIES)


def _small_files(ours: Outcome, peers: Mapping[str, Outcome]) -> Iterator[Verdict]:
    changed = _changed(ours)
    yield Verdict("sources: seconds of the first commit", ours.commits[0], SECONDS_FIRST)
    yield Verdict("sources: seconds of a commit of 200 changed files", changed, SECONDS_CHANGED)
    if ours.unchanged is not None:
        yield Verdict("sources: seconds of an unchanged commit", ours.unchanged, SECONDS_UNCHANGED)
    if "restic" in peers:
        yield Verdict("sources: seconds of the first commit, of restic", ours.commits[0] / peers["restic"].commits[0], 1)
    # Git's own index is the one that may be faster.
    rivals = [one for one in peers.values() if one.peer != "git"]
    if not rivals:
        return
    best = min(rivals, key=_changed)
    yield Verdict(f"sources: seconds of 200 changed files, of the fastest but git ({best.peer})", changed / _changed(best), 1)
    quickest = min(((one.unchanged, one.peer) for one in rivals if one.unchanged), default=None)
    if quickest is not None and ours.unchanged is not None:
        seconds, name = quickest
        yield Verdict(f"sources: seconds of an unchanged commit, of the fastest but git ({name})", ours.unchanged / seconds, 1)


def _restore(series: str, ours: Outcome, peers: Mapping[str, Outcome]) -> Iterator[Verdict]:
    cold = min(((one.restore, one.peer) for one in peers.values() if one.peer in DEDUPLICATING and one.restore), default=None)
    if cold is not None and ours.restore is not None:
        seconds, name = cold
        yield Verdict(f"{series}: seconds of a restore, of the fastest that deduplicates ({name})", ours.restore / seconds, 1)
    # The cache holds large files; many small ones are read from packs, and cold is all there is to say of them.
    copied = peers["cp"].restore_again if "cp" in peers and series != "sources" else None
    if copied is not None and ours.restore_again is not None:
        yield Verdict(f"{series}: seconds of a restore from the cache, of cp", ours.restore_again / copied, TIMES_THE_COPY)


def _changed(outcome: Outcome) -> float:
    later = outcome.commits[1:]
    return sum(later) / len(later)


def _named(name: str, unit: str) -> str:
    return f"{name} ({unit})" if unit else name
