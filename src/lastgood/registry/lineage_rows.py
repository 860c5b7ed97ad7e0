"""The lineage of a row: in which releases' data it stood, how it read there, and what was made from that data.

Rules: a row is the one that its key names; releases in which it reads the same are said together, whatever else changed in
their data; each content of the dataset is looked into once, and of files that share parts only what was not seen before.

    registry.lineage.row("train", "t-17").readings
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lastgood.canonical import Json
from lastgood.errors import NotFound
from lastgood.ids import ComponentName, ContentDigest
from lastgood.model.component import DatasetContent, ReferenceContent
from lastgood.model.lineage.graph import Graph, node_id
from lastgood.model.lineage.past import Past
from lastgood.model.lineage.timeline import Held, Span, spans_text
from lastgood.model.placement import FileAccess
from lastgood.registry.rows import RowFinder, RowPlace, key_named_by

MOST_SHOWN = 6


@dataclass(frozen=True, slots=True)
class RowReading:
    """A row as it reads in some releases.

    Attributes:
        place: where it stands in the first of them, and what it says.
        spans: those releases.
        since: when the first of them was recorded.
        live_in: where any of them runs now.
        shown: the cells that tell it from the other readings; the first few, where there is no other.
    """

    place: RowPlace
    spans: tuple[Span, ...]
    since: datetime
    live_in: tuple[str, ...]
    shown: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class RowLineage:
    """Where a row stood.

    Attributes:
        dataset: the component.
        key: the row's key.
        readings: how it read, in the order in which that came.
        roots: the nodes of the contents that hold it.
        graph: those contents, and everything that was made from them.
        notes: what could not be looked into.
    """

    dataset: ComponentName
    key: str
    readings: tuple[RowReading, ...]
    roots: tuple[str, ...]
    graph: Graph
    notes: tuple[str, ...]


def row_lineage(past: Past, name: str, key: str, files: FileAccess) -> RowLineage:
    """Follow a row through the releases of a pipeline.

    Args:
        past: the releases.
        name: the dataset.
        key: the row's key.
        files: has the listings and files of the releases.

    Raises:
        NotFound: there is no such dataset, or no release has such a row.
        Invalid: the component has no rows that are known by a key.
        Integrity: bytes are damaged.
    """
    dataset = ComponentName.parse(name)
    contents = past.timeline.contents_of(dataset)
    if not contents:
        raise NotFound(f"no release has a dataset {name}", hint="lastgood show latest")
    finder = RowFinder(key, files)
    latest = past.timeline.latest
    notes = [
        f"{name} is kept by reference in {spans_text(held.spans, latest)}; its rows are not here"
        for _, held in contents
        if isinstance(held.component.content, ReferenceContent)
    ]
    found = [(digest, held, place) for digest, held in _with_keys(contents) if (place := finder.find(held.component)) is not None]
    notes += finder.notes
    if not found:
        why = f" ({'; '.join(notes[:3])})" if notes else ""
        raise NotFound(f"no release's {name} has a row with the key {key[:80]!r}{why}", details={"notes": notes})
    roots = tuple(node_id(dataset, str(digest)) for digest, _, _ in found)
    readings = _readings(past, [(held, place) for _, held, place in found])
    return RowLineage(dataset, key, readings, roots, past.graph().downstream(roots), tuple(notes))


def _with_keys(contents: Sequence[tuple[ContentDigest, Held]]) -> list[tuple[ContentDigest, Held]]:
    """Return the contents that have rows by a key; where none has, asking for the key says why."""
    having = [
        (digest, held)
        for digest, held in contents
        if isinstance(content := held.component.content, DatasetContent) and content.key is not None
    ]
    if not having:
        key_named_by(contents[-1][1].component)
    return having


def _readings(past: Past, found: list[tuple[Held, RowPlace]]) -> tuple[RowReading, ...]:
    alike: list[tuple[RowPlace, datetime, list[Span]]] = []
    for held, place in sorted(found, key=lambda one: one[0].first):
        known = next((spans for other, _, spans in alike if other.cells == place.cells), None)
        if known is None:
            alike.append((place, held.since, list(held.spans)))
        else:
            known += held.spans
    columns = _telling([place.cells for place, _, _ in alike])
    return tuple(
        RowReading(
            place=place,
            spans=(merged := _merged(spans)),
            since=since,
            live_in=past.live_in(merged),
            shown={name: place.cells[name] for name in columns if name in place.cells},
        )
        for place, since, spans in alike
    )


def _merged(spans: list[Span]) -> tuple[Span, ...]:
    merged: list[Span] = []
    for span in sorted(spans, key=lambda one: one.first):
        if merged and merged[-1].last + 1 >= span.first:
            merged[-1] = Span(merged[-1].first, max(merged[-1].last, span.last))
        else:
            merged.append(span)
    return tuple(merged)


def _telling(rows: list[Mapping[str, Json]]) -> list[str]:
    """Return the columns in which rows differ; the first few, where there is one row."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if len(rows) == 1:
        return columns[:MOST_SHOWN]
    return [name for name in columns if any(row.get(name) != rows[0].get(name) or (name in row) != (name in rows[0]) for row in rows)]
