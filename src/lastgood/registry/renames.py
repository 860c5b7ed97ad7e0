"""Where a file was in the release before: followed through renames of the file and of its component.

The rule, in words, the first that fits: the file of that path in the component of that name; the file of that path in another
component of the kind that has it no more; a file with the very same bytes, one that went rather than one that stayed; of the
files that went, the one that has most words in common, at least `LEAST_IN_COMMON` of the longer of the two. Nothing follows
an empty file.

    before = Renames(listings, files).before(place, child, parent)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from lastgood.compare.text import NotText, decode_text
from lastgood.errors import Invalid, NotFound
from lastgood.ids import ComponentName, FileDigest
from lastgood.model.listing import FileEntry
from lastgood.model.outline import Outline, OutlinedContent
from lastgood.model.placement import FileReader
from lastgood.registry.listings import Listings

LEAST_IN_COMMON = 0.5
_LARGEST = 1 << 20
_MOST_CANDIDATES = 50
_MOST_READ = 2_000


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A file of a release; its entry is None where nobody knows it any more."""

    component: ComponentName
    path: str
    entry: FileEntry | None


class Renames:
    """Finds what files were called before."""

    def __init__(self, listings: Listings, files: FileReader) -> None:
        self._listings = listings
        self._files = files
        self._words: dict[FileDigest, Counter[str] | None] = {}

    def before(self, place: FilePlace, child: Outline, parent: Outline) -> FilePlace | None:
        """Return where a file of a release was in the one that it follows, or None where it is new.

        Raises:
            Integrity: a listing is none, or damaged.
        """
        content = parent.contents.get(place.component)
        if content is not None and content == child.contents.get(place.component):
            return place
        try:
            entry = None if content is None else self._listings.find(content.listing, place.path)
            if entry is not None:
                return FilePlace(place.component, place.path, entry)
            return None if place.entry is None else self._moved(place.component, place.entry, child, parent)
        except NotFound:
            # The listing is gone: what the release before had there is not known, and the walk goes on to those before it.
            return FilePlace(place.component, place.path, None)

    def _moved(self, component: ComponentName, entry: FileEntry, child: Outline, parent: Outline) -> FilePlace | None:
        candidates = self._candidates(component, child, parent)
        for name, content in candidates.items():
            there = self._listings.find(content.listing, entry.path)
            now = child.contents.get(name)
            if there is not None and (now is None or self._listings.find(now.listing, entry.path) is None):
                return FilePlace(name, there.path, there)
        if not entry.size:
            return None
        return self._same_bytes(candidates, entry, child) or self._alike(candidates, entry, child)

    def _candidates(self, component: ComponentName, child: Outline, parent: Outline) -> dict[ComponentName, OutlinedContent]:
        """Return the components that a file may come from: its own, those that went, then those that stayed."""
        kind = child.contents[component].kind
        alike = {name: one for name, one in parent.contents.items() if one.kind is kind and one.listing is not None}
        return {name: alike[name] for name in sorted(alike, key=lambda name: (name != component, name in child.contents, name))}

    def _same_bytes(self, candidates: dict[ComponentName, OutlinedContent], entry: FileEntry, child: Outline) -> FilePlace | None:
        found = [
            (self._is_there(child, name, one.path), one.path.rpartition("/")[2] != entry.path.rpartition("/")[2], rank, one.path, name, one)
            for rank, (name, content) in enumerate(candidates.items())
            for one in self._listings.with_bytes(content.listing, entry.digest)
        ]
        if not found:
            return None
        *_, path, name, best = min(found, key=lambda one: one[:4])
        return FilePlace(name, path, best)

    def _is_there(self, child: Outline, name: ComponentName, path: str) -> bool:
        content = child.contents.get(name)
        return content is not None and self._listings.find(content.listing, path) is not None

    def _alike(self, candidates: dict[ComponentName, OutlinedContent], entry: FileEntry, child: Outline) -> FilePlace | None:
        words = self._words_of(entry)
        best: tuple[float, FilePlace] | None = None
        for name, one in self._gone(candidates, child) if words else ():
            shared = _in_common(words, self._words_of(one)) if words else 0.0
            if shared >= LEAST_IN_COMMON and (best is None or shared > best[0]):
                best = shared, FilePlace(name, one.path, one)
        return None if best is None else best[1]

    def _gone(self, candidates: dict[ComponentName, OutlinedContent], child: Outline) -> Iterator[tuple[ComponentName, FileEntry]]:
        left = _MOST_CANDIDATES
        for name, content in candidates.items():
            now = child.contents.get(name)
            for one in self._listings.gone(content.listing, None if now is None else now.listing)[:left]:
                left -= 1
                yield name, one

    def _words_of(self, entry: FileEntry) -> Counter[str] | None:
        """Return the words of a text with their numbers; None of what is large, no text, or not here."""
        if entry.size > _LARGEST or len(self._words) > _MOST_READ:
            return None
        if entry.digest not in self._words:
            try:
                self._words[entry.digest] = Counter(decode_text(self._files.read_file(entry.digest, limit=_LARGEST)).split())
            except (NotText, NotFound, Invalid):
                self._words[entry.digest] = None
        return self._words[entry.digest]


def _in_common(one: Counter[str] | None, other: Counter[str] | None) -> float:
    if not one or not other:
        return 0.0
    return (one & other).total() / max(one.total(), other.total())
