"""What a release points at: the one function that knows it, used by checkout, verify and whatever counts or collects.

A release's manifest names its workspace file and, for each component that has files, a listing; a listing names files.
What was recorded of a release names the results of its evaluations. All of them are files of the store.

    for pointer in points_at(manifest, reader):
        print(pointer.component, pointer.entry.path)

`Reach` gathers the same of many releases, whose listings are mostly alike, without making an object of each line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from lastgood.errors import Integrity, Invalid, NotFound
from lastgood.ids import ComponentName, FileDigest
from lastgood.model.component import Component
from lastgood.model.listing import FileEntry, read_listing
from lastgood.model.parts import Part, RemovedPart, part_of
from lastgood.model.placement import FileReader
from lastgood.model.release import Manifest

LARGEST_LISTING = 2 << 30


@dataclass(frozen=True, slots=True)
class Pointer:
    """A file that a release points at; a workspace file or a listing belongs to no path and has no entry."""

    digest: FileDigest
    component: ComponentName | None = None
    entry: FileEntry | None = None


def points_at(
    manifest: Manifest, reader: FileReader, results: Iterable[FileDigest] = (), removed: AbstractSet[RemovedPart] = frozenset()
) -> Iterator[Pointer]:
    """Yield every file that a release points at: its workspace file, its listings and what they list, and its results.

    Args:
        manifest: the release.
        reader: has its listings.
        results: the results of its evaluations (`catalog.evaluations.result_files`).
        removed: the parts whose files a policy let go (`catalog.removals.removed_parts`); these are not yielded.

    Raises:
        Integrity: a listing cannot be read, or is not one.
    """
    yield Pointer(manifest.workspace_file)
    for digest in results:
        yield Pointer(digest)
    for component in manifest.components.values():
        yield from component_points_at(component, reader, removed)


def component_points_at(component: Component, reader: FileReader, removed: AbstractSet[RemovedPart] = frozenset()) -> Iterator[Pointer]:
    """Yield every file that a component points at: its listing and what that lists, but for parts that were let go.

    Raises:
        Integrity: the listing cannot be read, or is not one.
    """
    if component.content.listing is not None:
        yield Pointer(component.content.listing, component.name)
    if all((component.name, part) in removed for part in Part):
        return
    for entry in entries_of(component, reader):
        if not removed or (component.name, part_of(entry.path)) not in removed:
            yield Pointer(entry.digest, component.name, entry)


class Reach:
    """Everything that some releases point at."""

    def __init__(self, reader: FileReader) -> None:
        self.files: set[bytes] = set()
        self._reader = reader
        self._written: set[bytes] = set()
        self._listings: set[FileDigest] = set()

    def add_results(self, results: Iterable[FileDigest]) -> None:
        """Add the results of a release's evaluations."""
        self.files.update(results)

    def add(self, manifest: Manifest, removed: AbstractSet[RemovedPart] = frozenset()) -> None:
        """Add what a release points at, but for its results.

        Args:
            manifest: the release.
            removed: the parts of its components whose files nothing keeps any more; listings stay for ever.

        Raises:
            Integrity: a listing cannot be read, or is not one.
        """
        self.files.add(manifest.workspace_file)
        for component in manifest.components.values():
            listing = component.content.listing
            if listing is None:
                continue
            self.files.add(listing)
            kept = [part for part in Part if (component.name, part) not in removed]
            if listing in self._listings or not kept:
                continue
            if len(kept) == len(Part):
                self._add_listing(component)
                self._listings.add(listing)
            else:
                self.files.update(entry.digest for entry in entries_of(component, self._reader) if part_of(entry.path) in kept)

    def _add_listing(self, component: Component) -> None:
        data = listing_of(component, self._reader)
        written = _DIGESTS.findall(data)
        if len(written) != data.count(b"\n") or (data and not data.endswith(b"\n")):
            # No listing, or one with lines of another form: reading it as usual says which.
            self.files.update(entry.digest for entry in parse_entries(data, component))
            return
        new = set(written) - self._written
        self._written |= new
        self.files.update(bytes.fromhex(one.decode()) for one in new)


# A path cannot hold this: its quotation marks are escaped.
_DIGESTS = re.compile(rb'"sha256":"([0-9a-f]{64})","size":[0-9]+\}\n')


def entries_of(component: Component, reader: FileReader) -> list[FileEntry]:
    """Return the files of a component, none where it is hosted or kept by reference.

    Raises:
        Integrity: its listing is not kept, or is not one.
    """
    return parse_entries(listing_of(component, reader), component)


def listing_of(component: Component, reader: FileReader) -> bytes:
    """Return the listing of a component as it is kept, empty where it is hosted or kept by reference.

    Raises:
        Integrity: it is not kept.
    """
    listing = component.content.listing
    if listing is None:
        return b""
    try:
        return reader.read_file(listing, limit=LARGEST_LISTING)
    except (NotFound, Invalid) as error:
        raise Integrity(f"the listing of {component.name} cannot be read: {error}", details={"file": str(listing)}) from error


def parse_entries(listing: bytes, component: Component) -> list[FileEntry]:
    """Return the files that a listing of a component names.

    Raises:
        Integrity: it is no listing.
    """
    try:
        return read_listing(listing)
    except Invalid as error:
        raise Integrity(f"the listing of {component.name} is not right: {error}") from error
