"""The releases of a pipeline by their parents: outlines that are read a page at a time, when a walk comes to them.

ancestry = Ancestry(context.database, pipeline)
[one.number for one in ancestry.parents(ancestry.require(release))]
"""

from __future__ import annotations

from lastgood.catalog.database import Database
from lastgood.catalog.outlines import newest_outlines, number_of
from lastgood.errors import Integrity
from lastgood.ids import ComponentName, PipelineName, ReleaseId
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
