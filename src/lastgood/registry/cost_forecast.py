"""What a forecast needs of a registry: how fast each pipeline grows, and what its policy will let go.

looking = Looking(session, lines, now)
needs = survey(session, index, lines, looking.going)
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
from lastgood.registry.cost_lines import Lines
from lastgood.registry.cost_needs import Cell, Needs
from lastgood.registry.retention_history import history_of


class Looking:
    """Looks ahead.

    Args:
        session: reads the catalog.
        lines: reads listings.
        now: the time.
        only: the pipelines whose policies count; by default all.

    Raises:
        Integrity: a listing cannot be read.
    """

    def __init__(self, session: Session, lines: Lines, now: datetime, only: Collection[PipelineName] | None = None) -> None:
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
                history = history_of(session, pipeline, lines.parts_of)
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
        growths = {pipeline: self._growth(needs, pipeline, pace) for pipeline, pace in self._paces.items()}
        coming = [(growths[pipeline], left) for pipeline, left in self._leaving.items()]
        return project(self._now, needs.total.stored, growths.values(), needs.freed, coming)

    def _growth(self, needs: Needs, pipeline: PipelineName, pace: Pace | None) -> Growth:
        numbers = [number for number, one in enumerate(needs.recorded) if one.pipeline == pipeline]
        lately = {number for number in numbers if pace is not None and needs.recorded[number].recorded_at >= pace.since}
        if not lately:
            return Growth(None)
        brought = sum(needs.of_releases[number].brought for number in lately)
        left = self._leaving.get(pipeline, Leaving({}, []))
        of_parts: dict[Place, list[Cell]] = {}
        for one in needs.cells:
            if one.place is not None and needs.recorded[one.release].pipeline == pipeline:
                of_parts.setdefault(one.place, []).append(one)
        freed = {}
        for place, cells in of_parts.items():
            going = [one for one in cells if (needs.recorded[one.release].release, place) in left.existing]
            # Nothing stands on the newest one yet, so what only it needs says little; unless there is no other.
            others = [one for one in cells if one.release != numbers[-1]] or cells
            share = _share([(one.freed, one.brought) for one in going]) if going else _share([(one.unique, one.brought) for one in others])
            freed[place] = share * sum(one.brought for one in cells if one.release in lately) / len(lately)
        return Growth(pace, brought / len(lately), freed)


def _share(parts: Collection[tuple[int, int]]) -> float:
    part, whole = sum(one for one, _ in parts), sum(one for _, one in parts)
    return part / whole if whole else 0.0
