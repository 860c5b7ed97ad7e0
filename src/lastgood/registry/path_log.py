"""A path, watched from the newest release down: which releases changed it, and what it was called before.

watched = WatchedPath(context, ancestry, "prompts/system.md")
[outline for outline in outlines if watched.is_changed_by(outline)]
"""

from __future__ import annotations

from lastgood.errors import NotFound
from lastgood.ids import ComponentName
from lastgood.model.listing import read_listing
from lastgood.model.outline import Outline
from lastgood.registry.ancestry import Ancestry
from lastgood.registry.context import Context
from lastgood.registry.listings import Listings
from lastgood.registry.renames import FilePlace, Renames
from lastgood.store.reader import ObjectReader


class WatchedPath:
    """A file or a folder; a file is followed through renames.

    Attributes:
        asked: the path, from the workspace root.
        was_there: whether any release had it.
    """

    def __init__(self, context: Context, ancestry: Ancestry, path: str) -> None:
        reader = ObjectReader(context.backend, context.index)
        self.asked = path.removeprefix("./").rstrip("/")
        self.was_there = False
        self._path = self.asked
        self._ancestry = ancestry
        self._listings = Listings(reader)
        self._renames = Renames(self._listings, reader)

    def is_changed_by(self, outline: Outline) -> bool:
        """Say whether a release has the path otherwise than its first parent; to be asked of releases from the newest down."""
        parent = next(iter(self._ancestry.parents(outline)), None)
        old = {} if parent is None else self._lines(parent, outline)
        new = self._lines(outline, parent)
        if set(old.values()) == set(new.values()):
            return False
        self.was_there = True
        if parent is not None and new and not old:
            self._follow(new, outline, parent)
        return True

    def _lines(self, outline: Outline, other: Outline | None) -> dict[ComponentName, bytes]:
        """Return what the listings of a release say of the path, those left out that another one has as well."""
        found: dict[ComponentName, bytes] = {}
        for name, content in outline.contents.items():
            if content.listing is None or (other is not None and other.contents.get(name) == content):
                continue
            try:
                lines = self._listings.lines(content.listing, self._path)
            except NotFound:
                continue
            if lines:
                found[name] = lines
        return found

    def _follow(self, new: dict[ComponentName, bytes], outline: Outline, parent: Outline) -> None:
        name, lines = next(iter(new.items()))
        entries = read_listing(lines)
        if entries[0].path == self._path:
            before = self._renames.before(FilePlace(name, self._path, entries[0]), outline, parent)
            self._path = self._path if before is None else before.path
