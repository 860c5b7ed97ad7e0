"""Who needs which chunks: releases, components and pipelines, each with what is its own and what it shares.

Words: a release *needs* the chunks of its files and all that those stand on. What only one needs is *unique*: it would be
free if that one went. What a release needs and none before it did is what it *brought*; so everything that is needed was
brought by exactly one, and adds up.

Rules: a *cell* is a part of a component of a release; its listings, its workspace file and the results of its evaluations
are a cell of the release's own, since they stay for ever. Memory: a few numbers a chunk, two bits a chunk for each
component and each pipeline, and a number for each line of listings.

    needs = survey(session, index, Lines(reader, index))
    needs.of_releases[0].stored
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from lastgood.catalog import evaluations, releases, usage
from lastgood.catalog.database import Session
from lastgood.catalog.removals import removed_parts
from lastgood.ids import ComponentName, ContentDigest, FileDigest, PipelineName, ReleaseId
from lastgood.model.component import Component
from lastgood.model.forecast import NEVER, Place
from lastgood.model.parts import Part, RemovedPart
from lastgood.model.usage import Bytes
from lastgood.registry.cost_index import Index, Numbers, Rows
from lastgood.registry.cost_lines import Lines

_NONE: frozenset[RemovedPart] = frozenset()
_NOBODY = -1
_EVERYTHING = "everything"

Going = Mapping[tuple[ReleaseId, Place], int]
"""In which month a part of a release will be let go."""

_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class Cell:
    """A part of a component of a release, or what is the release's own.

    Attributes:
        brought: the bytes that it needs and none before it.
        unique: those of them that no other release needs.
        freed: those of them that become free where parts will be let go.
    """

    release: int
    place: Place | None
    brought: int
    unique: int = 0
    freed: int = 0


@dataclass(frozen=True, slots=True)
class Needs:
    """What everybody needs.

    Attributes:
        recorded: the releases, in the order of history.
        of_releases: what each of them takes.
        of_pipelines, of_components: what these take; the component None is what is the releases' own.
        total: what all take.
        cells: every cell, in the order of history.
        needed: the rows of the chunks that anybody needs.
        freed: the bytes that become free, by month, where parts will be let go.
        chosen: the rows that the chosen release needs, and what its components take.
        lost: how many files of components are pointed at and not kept.
    """

    recorded: Sequence[usage.Recorded]
    of_releases: Sequence[Bytes]
    of_pipelines: Mapping[PipelineName, Bytes]
    of_components: Mapping[tuple[PipelineName, ComponentName | None], Bytes]
    total: Bytes
    cells: Sequence[Cell]
    needed: Rows
    freed: Mapping[int, int]
    chosen: Rows
    of_chosen: Mapping[ComponentName | None, Bytes]
    lost: int


def survey(session: Session, index: Index, lines: Lines, going: Going | None = None, chosen: ReleaseId | None = None) -> Needs:
    """Go through all releases.

    Args:
        session: reads the catalog.
        index: what it says of bytes.
        lines: reads listings.
        going: parts that will be let go, for `Needs.freed`.
        chosen: a release that is looked at more closely.

    Raises:
        Integrity: a listing or a manifest cannot be read.
    """
    return _Survey(session, index, lines, going or {}, chosen).run()


@dataclass(frozen=True, slots=True)
class _Piece:
    """What a cell points at: the bytes of its files, the chunks they are made of, and these with what they stand on."""

    logical: int
    direct: Rows
    needed: Rows
    lost: int = 0


@dataclass(slots=True)
class _Owner:
    """Somebody whose needs come piece by piece: what it takes, and a bit for each chunk that is counted already."""

    number: int
    needed: NDArray[np.uint8]
    direct: NDArray[np.uint8]
    bytes: Bytes = field(default_factory=Bytes)


class _Owners(Generic[_Key]):
    """All owners of one sort, such as all pipelines."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._owners: dict[_Key, _Owner] = {}
        self._users = _Users(len(index.ids))

    def note(self, key: _Key, piece: _Piece) -> None:
        if key not in self._owners:
            room = (len(self._index.ids) + 7) // 8
            self._owners[key] = _Owner(len(self._owners), np.zeros(room, dtype=np.uint8), np.zeros(room, dtype=np.uint8))
        owner = self._owners[key]
        new, direct = _take(owner.needed, piece.needed), _take(owner.direct, piece.direct)
        owner.bytes.logical += piece.logical
        owner.bytes.stored += int(self._index.share[new].sum())
        owner.bytes.deduplicated += int(self._index.length[direct].sum())
        self._users.note(owner.number, new)

    def finish(self, brought: Mapping[_Key, int]) -> dict[_Key, Bytes]:
        unique = self._users.unique(self._index.share, len(self._owners))
        for key, owner in self._owners.items():
            owner.bytes.unique, owner.bytes.brought = int(unique[owner.number]), brought[key]
        return {key: owner.bytes for key, owner in self._owners.items()}


class _Users:
    """How many need each chunk, and who was the last of them."""

    def __init__(self, size: int) -> None:
        self.number = np.zeros(size, dtype=np.int32)
        self.last = np.full(size, _NOBODY, dtype=np.int32)

    def note(self, owner: int, rows: Rows) -> None:
        self.number[rows] += 1
        self.last[rows] = owner

    def unique(self, share: Numbers, owners: int) -> Numbers:
        return _sums(self.last[self.number == 1], share[self.number == 1], owners)


def _sums(keys: Rows, values: Numbers, size: int) -> Numbers:
    found = np.zeros(size, dtype=np.int64)
    np.add.at(found, keys, values)
    return found


def _take(bits: NDArray[np.uint8], rows: Rows) -> Rows:
    """Return those of the rows whose bits are not set, and set them."""
    masks = np.left_shift(np.uint8(1), (rows & 7).astype(np.uint8))
    is_new = (bits[rows >> 3] & masks) == 0
    np.bitwise_or.at(bits, rows[is_new] >> 3, masks[is_new])
    new: Rows = rows[is_new]
    return new


class _Survey:
    def __init__(self, session: Session, index: Index, lines: Lines, going: Going, chosen: ReleaseId | None) -> None:
        self._session = session
        self._index = index
        self._going = going
        self._chosen = chosen
        self._lines = lines
        self._removed = removed_parts(session)
        self._results = evaluations.result_files(session)
        self._users = _Users(len(index.ids))
        self._pipelines: _Owners[PipelineName] = _Owners(index)
        self._components: _Owners[tuple[PipelineName, ComponentName | None]] = _Owners(index)
        self._all: _Owners[str] = _Owners(index)
        self._cells: list[Cell] = []
        self._cell = np.full(len(index.ids), _NOBODY, dtype=np.int32)
        self._until = np.full(len(index.ids), _NOBODY, dtype=np.int8)
        self._pieces: dict[tuple[PipelineName, ComponentName], tuple[FileDigest, dict[Part, _Piece]]] = {}
        self._lost: dict[tuple[ContentDigest, Part], int] = {}
        self._chosen_pieces: dict[ComponentName | None, list[_Piece]] = {}

    def run(self) -> Needs:
        recorded = usage.recorded_releases(self._session)
        of_releases = [self._release(number, one) for number, one in enumerate(recorded)]
        index, alone = self._index, self._users.number == 1
        unique_of_releases = self._users.unique(index.share, len(recorded))
        for number, one in enumerate(of_releases):
            one.unique = int(unique_of_releases[number])
        going = (self._until >= 0) & (self._until < NEVER)
        unique = _sums(self._cell[alone], index.share[alone], len(self._cells))
        freed = _sums(self._cell[going], index.share[going], len(self._cells))
        cells = [replace(one, unique=int(unique[number]), freed=int(freed[number])) for number, one in enumerate(self._cells)]
        brought = _Brought(recorded, cells)
        (total,) = self._all.finish({_EVERYTHING: brought.total}).values() if recorded else (Bytes(),)
        return Needs(
            recorded,
            of_releases,
            self._pipelines.finish(brought.of_pipelines),
            self._components.finish(brought.of_components),
            total,
            cells,
            np.flatnonzero(self._users.number).astype(np.int32),
            {month: int(index.share[self._until == month].sum()) for month in range(NEVER + 1)},
            *self._look_closely(recorded),
            sum(self._lost.values()),
        )

    def _release(self, number: int, one: usage.Recorded) -> Bytes:
        manifest = releases.release_manifest(self._session, one.release)
        removed = self._removed.get(one.release, _NONE)
        listings = [listing for each in manifest.components.values() if (listing := each.content.listing) is not None]
        own, size = self._lines.files([manifest.workspace_file, *listings, *self._results.get(one.release, ())])
        pieces: list[tuple[Place | None, _Piece]] = [(None, self._piece(own, size))]
        for component in manifest.components.values():
            for part, piece in self._of_component(one.pipeline, component).items():
                if (component.name, part) not in removed:
                    self._lost[(component.digest, part)] = piece.lost
                    pieces.append(((component.name, part), piece))
        found = Bytes()
        needed, direct = np.zeros(len(self._index.ids), dtype=np.bool_), np.zeros(len(self._index.ids), dtype=np.bool_)
        for place, piece in pieces:
            needed[piece.needed], direct[piece.direct] = True, True
            found.logical += piece.logical
            found.brought += self._count(number, one, place, piece)
        rows = np.flatnonzero(needed).astype(np.int32)
        self._users.note(number, rows)
        found.stored, found.deduplicated = int(self._index.share[rows].sum()), int(self._index.length[direct].sum())
        return found

    def _count(self, number: int, one: usage.Recorded, place: Place | None, piece: _Piece) -> int:
        component = None if place is None else place[0]
        self._pipelines.note(one.pipeline, piece)
        self._components.note((one.pipeline, component), piece)
        self._all.note(_EVERYTHING, piece)
        new = piece.needed[self._cell[piece.needed] == _NOBODY]
        self._cell[new] = len(self._cells)
        cell = Cell(number, place, int(self._index.share[new].sum()))
        self._cells.append(cell)
        month = NEVER if place is None else self._going.get((one.release, place), NEVER)
        self._until[piece.needed] = np.maximum(self._until[piece.needed], month)
        if one.release == self._chosen:
            self._chosen_pieces.setdefault(component, []).append(piece)
        return cell.brought

    def _of_component(self, pipeline: PipelineName, component: Component) -> dict[Part, _Piece]:
        """Return the parts of a component that have files; where the release before had the same listing, what was found then."""
        listing = component.content.listing
        if listing is None:
            return {}
        known = self._pieces.get((pipeline, component.name))
        if known is not None and known[0] == listing:
            return known[1]
        if not self._lines.has(component):
            # Nobody knows what it listed: a repair found it lost, or somebody let the whole release go.
            self._lost[(component.digest, Part.FILES)] = 1
            return {}
        rows, sizes, is_optimizer = self._lines.of(component)
        found = {}
        for part, chosen in ((Part.FILES, ~is_optimizer), (Part.OPTIMIZER, is_optimizer)):
            if chosen.any():
                files = rows[chosen]
                is_kept = files >= 0
                found[part] = self._piece(files[is_kept], int(sizes[chosen].sum()), lost=int((~is_kept).sum()))
        self._pieces[(pipeline, component.name)] = (listing, found)
        return found

    def _piece(self, files: Rows, logical: int, *, lost: int = 0) -> _Piece:
        direct = self._index.chunks_of(np.unique(files))
        return _Piece(logical, direct, self._index.with_bases(direct), lost)

    def _look_closely(self, recorded: Sequence[usage.Recorded]) -> tuple[Rows, dict[ComponentName | None, Bytes]]:
        """Return what the chosen release needs, and what each of its components takes; unique is what no other release needs."""
        number = next((number for number, one in enumerate(recorded) if one.release == self._chosen), _NOBODY)
        needed = np.zeros(len(self._index.ids), dtype=np.bool_)
        found: dict[ComponentName | None, Bytes] = {}
        for component, pieces in self._chosen_pieces.items():
            rows = np.unique(np.concatenate([one.needed for one in pieces]))
            direct = np.unique(np.concatenate([one.direct for one in pieces]))
            needed[rows] = True
            alone = rows[(self._users.number[rows] == 1) & (self._users.last[rows] == number)]
            share, length = self._index.share, self._index.length
            found[component] = Bytes(
                logical=sum(one.logical for one in pieces),
                deduplicated=int(length[direct].sum()),
                stored=int(share[rows].sum()),
                unique=int(share[alone].sum()),
                brought=sum(one.brought for one in self._cells if one.release == number and (one.place or (None,))[0] == component),
            )
        return np.flatnonzero(needed).astype(np.int32), found


class _Brought:
    """What was brought, added up by pipeline and by component."""

    def __init__(self, recorded: Sequence[usage.Recorded], cells: Sequence[Cell]) -> None:
        self.of_pipelines: dict[PipelineName, int] = {}
        self.of_components: dict[tuple[PipelineName, ComponentName | None], int] = {}
        self.total = sum(one.brought for one in cells)
        for one in cells:
            pipeline = recorded[one.release].pipeline
            component = None if one.place is None else one.place[0]
            self.of_pipelines[pipeline] = self.of_pipelines.get(pipeline, 0) + one.brought
            self.of_components[(pipeline, component)] = self.of_components.get((pipeline, component), 0) + one.brought
