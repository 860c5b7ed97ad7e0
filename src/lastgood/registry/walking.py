"""Back through the releases that one follows, with something in view: a file, wherever it was called what, or a component.

Each stop is a release and where the thing is in it. A stop that has the thing as one before it had it says nothing new; so a
prompt that changed in 30 of 500 releases is read 30 times.

    stops = walk(ancestry, start, place, renames.before)       # those that others follow come first
    trace = follow(stops, lambda place: place.entry.digest, tracer)
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Generic, TypeVar

from lastgood.compare.blame import Tracer, Untraceable
from lastgood.ids import FileDigest, ReleaseId
from lastgood.model.outline import Outline
from lastgood.registry.ancestry import Ancestry

Place = TypeVar("Place", bound=Hashable)
Trace = TypeVar("Trace")


@dataclass(frozen=True, slots=True)
class Stop(Generic[Place]):
    """A release on the way, where the thing is in it, and the numbers of the stops that it follows."""

    release: Outline
    place: Place
    follows: tuple[int, ...]


def walk(ancestry: Ancestry, start: Outline, place: Place, before: Callable[[Place, Outline, Outline], Place | None]) -> list[Stop[Place]]:
    """Return the releases that lead to one, as long as they have the thing, each after those that it follows.

    Args:
        ancestry: knows the releases.
        start: the release to begin at, the last in the result.
        place: where the thing is there.
        before: says, of a place, a release and one that it follows, where the thing is in that one; None where it is not.
    """
    first = start.release, place
    outlines = {start.release: start}
    found: dict[tuple[ReleaseId, Place], list[tuple[ReleaseId, Place]]] = {}
    waiting = [first]
    while waiting:
        here = waiting.pop()
        if here in found:
            continue
        child = outlines[here[0]]
        found[here] = []
        for parent in ancestry.parents(child):
            there = before(here[1], child, parent)
            if there is not None:
                outlines[parent.release] = parent
                found[here].append((parent.release, there))
        waiting += found[here]
    order = list(TopologicalSorter(found).static_order())
    numbers = {one: number for number, one in enumerate(order)}
    return [Stop(outlines[one[0]], one[1], tuple(numbers[before] for before in found[one])) for one in order]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A release whose file could not be looked into, and why."""

    release: Outline
    why: str


def follow(
    stops: list[Stop[Place]], digest_of: Callable[[Place], FileDigest | None], tracer: Tracer[Trace], skipped: list[Skipped]
) -> Trace | None:
    """Return the trace of the last stop's file; None where that file cannot be looked into.

    What cannot be looked into on the way is passed by, so that what it changed stands under the next release that can.

    Args:
        stops: the way.
        digest_of: says which file is at a place, None where nobody knows.
        tracer: makes the traces.
        skipped: told what was passed by.
    """
    traces: dict[int, Trace | None] = {}
    lost: set[FileDigest | None] = set()
    last_use = {one: number for number, stop in enumerate(stops) for one in stop.follows}
    for number, stop in enumerate(stops):
        digest = digest_of(stop.place)
        before = [trace for one in stop.follows if (trace := traces[one]) is not None]
        same = next((traces[one] for one in stop.follows if digest_of(stops[one].place) == digest), None)
        try:
            traces[number] = same or _traced(tracer, before, digest, number)
        except Untraceable as error:
            skipped.append(Skipped(stop.release, str(error)))
            lost.add(digest)
            traces[number] = next(iter(before), None)
        for one in stop.follows:
            if last_use[one] == number:
                # Of a long text with many versions all the traces together would take too much.
                traces[one] = None
    return None if digest_of(stops[-1].place) in lost else traces[len(stops) - 1]


def _traced(tracer: Tracer[Trace], before: list[Trace], digest: FileDigest | None, number: int) -> Trace:
    if digest is None:
        raise Untraceable("its listing is not kept here")
    return tracer.trace(before, digest, number)
