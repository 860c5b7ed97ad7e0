"""What a registry costs, as programs ask for it: `registry.costs` of `lastgood.open`.

Rules: bytes are counted, never estimated: what releases brought, what waits, what is dead, footers, orphans, quarantine,
catalog, cache and the rest add up to the bytes of every file in the registry's folder. Money is bytes times a price that
says where it is from. What a restore fetches is whole frames, with a request for each run of frames that lie side by side.

    with lastgood.open(folder) as registry:
        report = registry.costs.report()
        report.folder.total, report.prices.month(report.folder.total)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

import numpy as np

from lastgood.catalog.usage import Recorded
from lastgood.ids import PipelineName
from lastgood.model.forecast import FEWEST_DAYS, Point
from lastgood.model.placement import Encoding
from lastgood.model.prices import DEFAULT, Prices, Restore, class_named
from lastgood.model.usage import EncodedBytes, FolderBytes
from lastgood.registry import resolve
from lastgood.registry.context import Context
from lastgood.registry.cost_folder import look_at_folder, sort_bytes
from lastgood.registry.cost_forecast import Looking
from lastgood.registry.cost_index import Index, Rows, read_index
from lastgood.registry.cost_lines import Lines
from lastgood.registry.cost_needs import Needs, survey
from lastgood.store.frames import WINDOW_BYTES
from lastgood.store.reader import ObjectReader


@dataclass(frozen=True, slots=True)
class Month:
    """What the releases of a calendar month (UTC) brought, and what was kept of all until its end; as `2026-11`."""

    name: str
    releases: int
    brought: int
    kept: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a registry takes and costs.

    Attributes:
        made_at: when it was made.
        prices: what it is reckoned with.
        is_assumed: whether nobody said these prices.
        folder: the bytes of every file.
        needs: what releases, components and pipelines take.
        encodings: what is needed, by how it is written.
        months: what each month brought of what is needed.
        forecast: what will be stored for releases; empty where history is too short.
        chosen: the release that was looked at more closely, and what it costs to restore it.
    """

    made_at: datetime
    prices: Prices
    is_assumed: bool
    folder: FolderBytes
    needs: Needs
    encodings: Sequence[EncodedBytes]
    months: Sequence[Month]
    forecast: Sequence[Point]
    chosen: Recorded | None = None
    restore: Restore | None = None

    @property
    def notes(self) -> list[str]:
        """What should be known beside the numbers."""
        said = []
        if self.needs.lost:
            said.append(f"{self.needs.lost:,} files that releases point at are not kept; lastgood verify says which")
        if self.folder.damage:
            said.append(f"packs on disk have {self.folder.damage:+,} bytes against the index; lastgood verify says which")
        if not self.forecast:
            said.append(f"no forecast: history is younger than {FEWEST_DAYS} days")
        return said


class Costs:
    """What a registry costs.

    Args:
        context: the registry.
        prices: what its workspace says, or None.
    """

    def __init__(self, context: Context, prices: Prices | None) -> None:
        self._context = context
        self._prices = prices

    def report(self, revision: str | None = None, *, storage: str | None = None) -> Report:
        """Count every byte, and say what they cost.

        Args:
            revision: a release to look at more closely.
            storage: a class of storage that prices are shipped for; by default what the workspace says.

        Raises:
            NotFound: there is no such release, or no such class.
            Integrity: a listing, a manifest or the index is damaged.
        """
        prices = self.prices if storage is None else class_named(storage)
        chosen = None if revision is None else resolve.resolve(self._context, revision).release.release
        now = self._context.clock.now()
        with self._context.database.reading() as session:
            index = read_index(session)
            lines = self._lines(index)
            looking = Looking(session, lines, now)
            needs = survey(session, index, lines, looking.going, chosen)
        return Report(
            made_at=now,
            prices=prices,
            is_assumed=self.is_assumed and storage is None,
            folder=sort_bytes(look_at_folder(self._context.folder), index, needs.needed),
            needs=needs,
            encodings=_encodings(index, needs.needed),
            months=_months(needs),
            forecast=looking.points(needs),
            chosen=next((one for one in needs.recorded if one.release == chosen), None),
            restore=None if chosen is None else _restore(index, needs.chosen, prices),
        )

    @property
    def prices(self) -> Prices:
        """What bytes cost: as the workspace says, or list prices."""
        return self._prices or DEFAULT

    @property
    def is_assumed(self) -> bool:
        """Whether nobody said what they cost."""
        return self._prices is None

    def folder_bytes(self) -> int:
        """Return the bytes of every file of the registry's folder."""
        found = look_at_folder(self._context.folder)
        return sum(found.packs.values()) + found.quarantine + found.catalog + found.cache + found.others

    def projection(self, pipeline: PipelineName) -> Sequence[Point]:
        """Return what will be stored for releases, with the policy of one pipeline and without it.

        Raises:
            as `report`.
        """
        with self._context.database.reading() as session:
            index = read_index(session)
            lines = self._lines(index)
            looking = Looking(session, lines, self._context.clock.now(), [pipeline])
            needs = survey(session, index, lines, looking.going)
        return looking.points(needs)

    def _lines(self, index: Index) -> Lines:
        return Lines(ObjectReader(self._context.backend, self._context.index), index)


def _encodings(index: Index, needed: Rows) -> list[EncodedBytes]:
    written = index.frames.encoding[index.frame[needed]]
    found = []
    for one in np.unique(written):
        rows = needed[written == one]
        found.append(EncodedBytes(Encoding(int(one)).name.lower(), int(index.length[rows].sum()), int(index.share[rows].sum())))
    return found


def _months(needs: Needs) -> list[Month]:
    dated = sorted((one.recorded_at.astimezone(UTC).strftime("%Y-%m"), number) for number, one in enumerate(needs.recorded))
    months, kept = [], 0
    for name, group in groupby(dated, key=lambda one: one[0]):
        numbers = [number for _, number in group]
        brought = sum(needs.of_releases[number].brought for number in numbers)
        kept += brought
        months.append(Month(name, len(numbers), brought, kept))
    return months


def _restore(index: Index, needed: Rows, prices: Prices) -> Restore:
    """Say what fetching a release costs: whole frames, each once; more than a window of decoded bytes takes several requests."""
    frames = np.unique(index.frame[needed])
    if not len(frames):
        return prices.restore(requests=0, fetched=0)
    offset, length, pack = index.frames.offset[frames], index.frames.length[frames], index.frames.pack[frames]
    follows = np.zeros(len(frames), dtype=np.bool_)
    follows[1:] = (pack[1:] == pack[:-1]) & (offset[1:] == offset[:-1] + length[:-1])
    runs = np.cumsum(~follows) - 1
    decoded = np.zeros(int(runs[-1]) + 1, dtype=np.int64)
    np.add.at(decoded, runs, index.frames.raw[frames])
    return prices.restore(requests=int((-(-decoded // WINDOW_BYTES)).sum()), fetched=int(length.sum()))
