"""What retention is decided from: the releases of a pipeline, where they were, and what went into them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from lastgood.canonical import canonical_json
from lastgood.catalog import environments, releases
from lastgood.catalog.database import Session
from lastgood.catalog.holds import held_releases
from lastgood.catalog.removals import removed_parts
from lastgood.errors import InvalidName
from lastgood.ids import ContentDigest, EnvironmentName, FileDigest, PipelineName
from lastgood.model.component import Component
from lastgood.model.environment import last_good
from lastgood.model.history import Deployment
from lastgood.model.parts import Part, part_of
from lastgood.model.placement import FileReader
from lastgood.model.release import Manifest
from lastgood.model.retention import REMOVABLE, History, Item, Record, Stay
from lastgood.registry.points import entries_of

_NONE: frozenset[tuple[str, Part]] = frozenset()


PartsOf = Callable[[Component], Sequence[Part]]
"""Says which parts a component has."""


def history_of(session: Session, pipeline: PipelineName, parts_of: PartsOf) -> History:
    """Gather what retention is decided from; parts that were let go already are no items any more.

    Args:
        session: reads the catalog.
        pipeline: whose.
        parts_of: reads listings, such as `Parts(reader).of`.

    Raises:
        Integrity: a listing cannot be read.
    """
    held, removed = held_releases(session), removed_parts(session)
    records = []
    found = releases.list_releases(session, pipeline, until=None, most=None)
    for record in reversed(found):
        manifest = releases.release_manifest(session, record.release)
        gone = removed.get(record.release, _NONE)
        items = [item for item in _items(manifest, parts_of) if (item.component, item.part) not in gone]
        inputs = frozenset(digest for one in manifest.components.values() for digest in _inputs(one))
        records.append(
            Record(record.release, record.number, record.recorded_at, tuple(items), inputs, tuple(record.tags), record.release in held)
        )
    stays, good = _stays(session, pipeline)
    return History(records, stays, good, found[0].number if found else 0)


def made_from(component: Component) -> str | None:
    """Tell apart the training runs that checkpoints come from; None where it is not known what made one."""
    made_by = component.provenance.made_by
    return None if made_by is None else canonical_json(made_by.to_json()).decode()


class Parts:
    """Which parts contents have; each listing is read once."""

    def __init__(self, reader: FileReader) -> None:
        self._reader = reader
        self._known: dict[FileDigest, Sequence[Part]] = {}

    def of(self, component: Component) -> Sequence[Part]:
        """Return which parts a component has."""
        listing = component.content.listing
        if listing is None:
            return ()
        if listing not in self._known:
            found = {part_of(entry.path) for entry in entries_of(component, self._reader)}
            self._known[listing] = [part for part in Part if part in found]
        return self._known[listing]


def _items(manifest: Manifest, parts_of: PartsOf) -> Iterator[Item]:
    for component in manifest.components.values():
        if component.kind in REMOVABLE:
            run, inputs = made_from(component), frozenset(_inputs(component))
            for part in parts_of(component):
                yield Item(component.name, component.kind, part, component.digest, run, inputs)


def _inputs(component: Component) -> Iterator[ContentDigest]:
    made_by = component.provenance.made_by
    for text in made_by.inputs.values() if made_by is not None else ():
        if text is not None:
            try:
                yield ContentDigest.parse(text)
            except InvalidName:
                # Something from elsewhere, whose bytes are not ours to keep.
                continue


def _stays(session: Session, pipeline: PipelineName) -> tuple[list[Stay], Mapping[str, int]]:
    stays: list[Stay] = []
    good: dict[str, int] = {}
    for name in environments.environment_names(session, pipeline):
        moves = environments.deployments(session, pipeline, name)[::-1]
        stays += _stays_of(name, moves)
        marks, below = environments.marks(session, pipeline, name), environments.stack(session, pipeline, name)
        entry = last_good(below, marks)
        found = None if entry is None else releases.release_by_id(session, entry.release)
        if found is not None:
            good[name] = found.number
    return stays, good


def _stays_of(name: EnvironmentName, moves: Sequence[Deployment]) -> Iterator[Stay]:
    ends = [*(move.recorded_at for move in moves[1:]), None]
    for move, until in zip(moves, ends, strict=True):
        yield Stay(name, move.number, move.recorded_at, until)
        if move.canary_number is not None:
            yield Stay(name, move.canary_number, move.recorded_at, until, is_canary=True)
