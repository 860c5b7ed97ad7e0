"""What a forecast needs of a registry: how fast each pipeline grows, and what its policy will let go.

looking = Looking(context, session, now)
needs = survey(context, session, index, looking.going)
points = looking.points(needs)
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from lastgood.catalog import releases
from lastgood.catalog.database import Session
from lastgood.catalog.retention import recorded_retention
from lastgood.catalog.usage import recorded_releases
from lastgood.ids import PipelineName, ReleaseId
from lastgood.model.forecast import FEWEST_DAYS, Growth, Leaving, Pace, Place, Point, leaving, pace_of, project
from lastgood.registry.context import Context
from lastgood.registry.cost_needs import Cell, Needs
from lastgood.registry.retention_history import history_of
from lastgood.store.reader import ObjectReader


class Looking:
    """Looks ahead.

    Args:
        context: the registry.
        session: reads the catalog.
        now: the time.
        only: the pipelines whose policies count; by default all.

    Raises:
        Integrity: a listing cannot be read.
    """

    def __init__(self, context: Context, session: Session, now: datetime, only: Collection[PipelineName] | None = None) -> None:
        self._now = now.astimezone(UTC)
        self._paces: dict[PipelineName, Pace | None] = {}
        self._leaving: dict[PipelineName, Leaving] = {}
        times: dict[PipelineName, list[datetime]] = {}
        for one in recorded_releases(session):
            times.setdefault(one.pipeline, []).append(one.recorded_at)
        self.begun = min((min(one) for one in times.values()), default=None)
        for pipeline in releases.pipelines(session):
            pace = pace_of(sorted(times.get(pipeline, [])), self._now)
            self._paces[pipeline] = pace
            policy = recorded_retention(session, pipeline) if only is None or pipeline in only else None
            if policy is not None and self.is_possible:
                history = history_of(session, pipeline, ObjectReader(context.backend, context.index))
                self._leaving[pipeline] = leaving(policy, history, pace, self._now)
        self.going: dict[tuple[ReleaseId, Place], int] = {}
        for left in self._leaving.values():
            self.going.update(left.existing)

    @property
    def is_possible(self) -> bool:
        """Whether history is long enough for a forecast."""
        return self.begun is not None and (self._now - self.begun).days >= FEWEST_DAYS

    def points(self, needs: Needs) -> list[Point]:
        """Return what will be stored for releases, now and after each month; nothing where history is too short for it."""
        if not self.is_possible:
            return []
        growths = {pipeline: _growth(needs, pipeline, pace) for pipeline, pace in self._paces.items()}
        coming = [(growths[pipeline], left) for pipeline, left in self._leaving.items()]
        return project(self._now, needs.total.stored, growths.values(), needs.freed, coming)


def _growth(needs: Needs, pipeline: PipelineName, pace: Pace | None) -> Growth:
    if pace is None:
        return Growth(None)
    lately = [number for number, one in enumerate(needs.recorded) if one.pipeline == pipeline and one.recorded_at >= pace.since]
    if not lately:
        return Growth(None)
    brought = sum(needs.of_releases[number].brought for number in lately)
    # Nothing stands on the newest one yet, so what only it needs says little; unless there is no other.
    looked_at = lately[:-1] or lately
    return Growth(pace, brought / len(lately), _freed([one for one in needs.cells if one.release in set(looked_at)], len(looked_at)))


def _freed(cells: Collection[Cell], number: int) -> dict[Place, float]:
    found: dict[Place, float] = {}
    for one in cells:
        if one.place is not None:
            found[one.place] = found.get(one.place, 0.0) + one.unique / number
    return found
