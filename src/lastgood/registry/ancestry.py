"""The releases of a pipeline by their parents: outlines that are read a page at a time, when a walk comes to them.

ancestry = Ancestry(context.database, pipeline)
[one.number for one in ancestry.parents(ancestry.require(release))]
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from lastgood.catalog.database import Database
from lastgood.catalog.outlines import newest_outlines, number_of
from lastgood.errors import Integrity
from lastgood.ids import ComponentName, PipelineName, ReleaseId
from lastgood.model.history import Deployment
from lastgood.model.outline import Outline, Outliner

_PAGE = 200


class Ancestry:
    """Finds releases of one pipeline, and those they follow."""

    def __init__(self, database: Database, pipeline: PipelineName) -> None:
        self._database = database
        self._pipeline = pipeline
        self._outliner = Outliner()
        self._known: dict[ReleaseId, Outline | None] = {}

    def get(self, release: ReleaseId) -> Outline | None:
        """Return a release, or None where it is not in this registry: it may have stayed where another one came from.

        Raises:
            Integrity, NewerSchema: it cannot be read.
        """
        if release not in self._known:
            with self._database.reading() as session:
                number = number_of(session, self._pipeline, release)
                found = [] if number is None else newest_outlines(session, self._outliner, self._pipeline, number, most=_PAGE)
            self._known[release] = None
            self._known |= {one.release: one for one in found}
        return self._known[release]

    def require(self, release: ReleaseId) -> Outline:
        """Return a release that the history names.

        Raises:
            Integrity: it is not there.
        """
        found = self.get(release)
        if found is None:
            raise Integrity(f"history names the release {release.short}, which is not recorded")
        return found

    def parents(self, outline: Outline) -> list[Outline]:
        """Return the releases that one follows, as far as they are here."""
        return [found for one in outline.parents if (found := self.get(one)) is not None]

    def changed(self, outline: Outline) -> tuple[ComponentName, ...]:
        """Return the components in which a release differs from its first parent, by name."""
        before = next(iter(self.parents(outline)), None)
        old = {} if before is None else before.contents
        new = outline.contents
        return tuple(sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name)))


def first_reached(ancestry: Ancestry, deployments: Iterable[Deployment], wanted: Container[ReleaseId]) -> dict[ReleaseId, Deployment]:
    """Return by which deployment of an environment each release first got there: as it was, or within one that follows it.

    Args:
        ancestry: knows the parents.
        deployments: the moves of the environment, oldest first; what a canary ran is no move.
        wanted: the releases that may stand for others; a deployment of any other one says nothing here.
    """
    reached: dict[ReleaseId, Deployment] = {}
    for one in deployments:
        waiting = [one.release] if one.release in wanted else []
        while waiting:
            release = waiting.pop()
            # What one of them follows was reached with it, so no release is looked at twice.
            if release not in reached and (outline := ancestry.get(release)) is not None:
                reached[release] = one
                waiting += outline.parents
    return reached
