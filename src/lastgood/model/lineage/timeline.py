"""The contents that the components of a pipeline had, release by release.

Rules: releases come in the order of their numbers, none twice and none left out; a content is the same wherever its digest is the same, and
its provenance is what the newest of its releases says; what repeats from release to release is kept once, so thousands of
releases take no more room than what changed in them.

    >>> spans_text([Span(1, 8), Span(12, 12)], 12)
    'r1-r8, r12-'
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lastgood.canonical import JsonObject
from lastgood.ids import ComponentName, ContentDigest, ReleaseId
from lastgood.model.component import Component, EvalContent

MOST_CHANGES = 20
"""Of so many changes each is named; all are counted."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A release as lineage looks at it: its number, when it was recorded, and its components."""

    number: int
    release: ReleaseId
    recorded_at: datetime
    components: Mapping[ComponentName, Component]


@dataclass(frozen=True, slots=True)
class Span:
    """Releases that follow one another, by their numbers, both ends included."""

    first: int
    last: int

    def to_json(self) -> list[int]:
        """Return both ends."""
        return [self.first, self.last]


def add_number(spans: list[Span], number: int) -> None:
    """Add a release, the newest so far, to spans."""
    if spans and spans[-1].last >= number - 1:
        spans[-1] = Span(spans[-1].first, number)
    else:
        spans.append(Span(number, number))


def spans_text(spans: Sequence[Span], latest: int | None = None) -> str:
    """Write spans for people; one that lasts until the latest release has no end: `r9-`."""
    return ", ".join(_span_text(span, latest) for span in spans) or "no release"


def _span_text(span: Span, latest: int | None) -> str:
    if span.last == latest and span.first != span.last:
        return f"r{span.first}-"
    if span.first == span.last:
        return f"r{span.first}-" if span.last == latest else f"r{span.first}"
    return f"r{span.first}-r{span.last}"


@dataclass(frozen=True, slots=True)
class Standing:
    """The content of a component from a release on; None where the component is gone from there on."""

    number: int
    digest: ContentDigest | None


def _number(standing: Standing) -> int:
    return standing.number


@dataclass(frozen=True, slots=True)
class Changes:
    """Releases in which a component changed: the first `MOST_CHANGES` of them, and how many there are."""

    first: tuple[int, ...] = ()
    count: int = 0

    def __bool__(self) -> bool:
        """Whether there is any."""
        return self.count > 0

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"count": self.count, "first": list(self.first)}


Key = tuple[ComponentName, ContentDigest]
"""A content under the name that a component had with it."""


@dataclass(slots=True)
class Held:
    """A content that a component had.

    Attributes:
        component: the component as the newest release that has it says it.
        spans: the releases that have it.
        since: when the first of them was recorded.
    """

    component: Component
    spans: list[Span]
    since: datetime

    @property
    def first(self) -> int:
        """The number of the first release that has it."""
        return self.spans[0].first


class Timeline:
    """Which content each component had, release by release."""

    def __init__(self, snapshots: Iterable[Snapshot]) -> None:
        """Read releases in the order of their numbers."""
        self.held: dict[Key, Held] = {}
        self.judged_on: dict[tuple[Key, Key], list[Span]] = {}
        self.latest: int | None = None
        self._standings: dict[ComponentName, list[Standing]] = {}
        self._names: dict[ContentDigest, list[ComponentName]] = {}
        for snapshot in snapshots:
            self._add(snapshot)

    def _add(self, snapshot: Snapshot) -> None:
        number = snapshot.number
        for name, component in snapshot.components.items():
            digest = component.digest
            self._stand(name, number, digest)
            held = self.held.get((name, digest))
            if held is None:
                held = self.held[name, digest] = Held(component, [], snapshot.recorded_at)
                self._names.setdefault(digest, []).append(name)
            held.component = component
            add_number(held.spans, number)
        for name in self._standings.keys() - snapshot.components.keys():
            self._stand(name, number, None)
        self._note_suites(snapshot)
        self.latest = number

    def _stand(self, name: ComponentName, number: int, digest: ContentDigest | None) -> None:
        standings = self._standings.setdefault(name, [])
        if not standings or standings[-1].digest != digest:
            standings.append(Standing(number, digest))

    def _note_suites(self, snapshot: Snapshot) -> None:
        for name, component in snapshot.components.items():
            content = component.content
            if not isinstance(content, EvalContent) or content.on is None:
                continue
            judged = snapshot.components.get(content.on)
            if judged is not None:
                pair = ((name, component.digest), (content.on, judged.digest))
                add_number(self.judged_on.setdefault(pair, []), snapshot.number)

    @property
    def names(self) -> Sequence[ComponentName]:
        """The components that a release has, or had."""
        return sorted(self._standings)

    def contents_of(self, name: ComponentName) -> Sequence[tuple[ContentDigest, Held]]:
        """Return the contents that a component had, in the order in which they came."""
        return [(digest, held) for (one, digest), held in self.held.items() if one == name]

    def content_at(self, name: ComponentName, number: int) -> ContentDigest | None:
        """Return the content that a component had in a release, or None where it was not there."""
        standings = self._standings.get(name, ())
        place = bisect_right(standings, number, key=_number)
        return standings[place - 1].digest if place else None

    def changes_after(self, name: ComponentName, number: int, digest: ContentDigest) -> Changes:
        """Return the releases after one that changed a component which had a given content; none where it has it again."""
        standings = self._standings.get(name, [])
        if not standings or standings[-1].digest == digest:
            return Changes()
        place = bisect_right(standings, number, key=_number)
        return Changes(tuple(one.number for one in standings[place : place + MOST_CHANGES]), len(standings) - place)

    def key_of(self, name: str, digest: ContentDigest) -> Key | None:
        """Return where a content stands: under a name if it ever did, else under the first that had it, or None."""
        names = self._names.get(digest)
        if not names:
            return None
        return (next((one for one in names if one == name), names[0]), digest)
