"""A running folder as one side of a comparison: what a release's files are there now.

Rules: every file that the release names is hashed; what is not there is missing, and what lies in a folder that a component
declares and is not in the release is added; everything else is nobody's business, unless it is asked for. A component
that does not act in production (data, suites) and of which nothing is there at all was not brought along: it is named in
`absent`, and on neither side. What a folder cannot show (a provider's model, data kept by reference) is as it is declared.

    there = side_of_folder(manifest, Path("run/prod/current"), registry.files)
    compare_sides(there.expected, there.side, there.files)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from lastgood.compare.change import Note
from lastgood.errors import Invalid, InvalidPath, NotFound
from lastgood.ids import ComponentName, FileDigest
from lastgood.model.component import Component, HostedContent, Provenance, ReferenceContent
from lastgood.model.listing import FileEntry, write_listing
from lastgood.model.paths import check_path, check_together
from lastgood.model.placement import FileAccess
from lastgood.model.release import Manifest
from lastgood.registry.compare import Part, Side
from lastgood.registry.on_disk import DiskAndRegistry
from lastgood.registry.points import entries_of, listing_of
from lastgood.registry.protocols import Files
from lastgood.workspace.declaration import WORKSPACE_FILE
from lastgood.workspace.document import LARGEST, parse_document
from lastgood.workspace.running import RunningFolder


class Running(Protocol):
    """What says which files are there: a folder, or a document that somebody wrote of one."""

    @property
    def odd(self) -> Mapping[str, str]:
        """What was found and is no plain file, by its path, with what it is."""
        ...

    def entry(self, path: str) -> FileEntry | None:
        """Return a file as it is there, or None where there is none."""
        ...

    def below(self, path: str) -> Iterable[str]:
        """Return the paths of the files below a folder, or of the file itself; "" is everything."""
        ...


@dataclass(frozen=True, slots=True)
class RunningSide:
    """What is there, against one release.

    Attributes:
        expected: the release, without what is absent.
        side: what is there.
        changed: the paths of files that are there and not in the release as they are there, by their digests.
        absent: components that do not act in production and were not brought along.
        notes: what was found and could not be compared.
    """

    expected: Side
    side: Side
    changed: Mapping[FileDigest, str]
    absent: tuple[ComponentName, ...]
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class FolderSide:
    """A folder against one release; `files` has the bytes of both."""

    running: RunningSide
    files: FileAccess

    @property
    def expected(self) -> Side:
        """The release, without what was not brought along."""
        return self.running.expected

    @property
    def side(self) -> Side:
        """The folder."""
        return self.running.side


def side_of_folder(
    manifest: Manifest, root: Path | RunningFolder, files: Files, progress: Callable[[int, int], None] | None = None
) -> FolderSide:
    """Read a folder with the files of a release at their workspace paths.

    Args:
        manifest: the release.
        root: the folder, or one that was opened already and remembers what it read.
        files: has the bytes of the release.
        progress: is told how many files and bytes more were read.

    Raises:
        NotFound: there is no such folder.
        InvalidPath: a link in the place of a file leads out of the folder, or it is no plain file.
        ChangedWhileReading: a file was written while it was read.
        NotAllowed: a file may not be read.
    """
    folder = root if isinstance(root, RunningFolder) else RunningFolder(root, progress)
    running = side_of_running(manifest, folder, files)
    places = {digest: folder.place_of(path) or path for digest, path in running.changed.items()}
    return FolderSide(running, DiskAndRegistry(folder.root, places, files))


def side_of_running(manifest: Manifest, running: Running, files: Files) -> RunningSide:
    """Put together what is there for each component of a release; raises as `running` does."""
    building = _Building(running, files, _declared_paths(manifest, files))
    parts = {name: building.part(one) for name, one in manifest.components.items()}
    side: dict[ComponentName, Part] = {name: part for name, part in parts.items() if part is not None}
    absent = tuple(name for name, part in parts.items() if part is None and not manifest.components[name].kind.acts)
    expected = {name: Part(one, partial(listing_of, one, files)) for name, one in manifest.components.items() if name not in absent}
    notes = [Note(path, f"{what}: not compared") for path, what in sorted({**running.odd, **building.odd}.items())]
    return RunningSide(expected, side, building.changed, absent, tuple(notes))


class _Building:
    def __init__(self, running: Running, files: Files, declared: Mapping[str, tuple[str, ...]]) -> None:
        self.changed: dict[FileDigest, str] = {}
        self.odd: dict[str, str] = {}
        self._running = running
        self._files = files
        self._declared = declared

    def part(self, component: Component) -> Part | None:
        """Return a component as it is there, None where nothing of it is."""
        content = component.content
        if isinstance(content, HostedContent | ReferenceContent):
            return Part(component, bytes)
        wanted = entries_of(component, self._files)
        # Of equal entries one is kept: a folder may have a million of them.
        there = [entry if found == entry else found for entry in wanted if (found := self._running.entry(entry.path)) is not None]
        there += self._added(component.name, wanted)
        if wanted and not there:
            return None
        listing = write_listing(there)
        digest = FileDigest.of(listing)
        if digest == content.listing:
            return Part(component, partial(listing_of, component, self._files))
        known = {entry.digest for entry in wanted}
        self.changed |= {entry.digest: entry.path for entry in there if entry.digest not in known}
        document = {**component.document, "listing": str(digest)}
        # How the folder came to be is not known, and certainly not that of the release.
        return Part(Component(component.name, replace(content, listing=digest), Provenance(), document), lambda: listing)

    def _added(self, name: ComponentName, wanted: list[FileEntry]) -> list[FileEntry]:
        known = {entry.path for entry in wanted}
        added = []
        for path in self._strange_paths(name, known):
            found = self._running.entry(path)
            if found is not None:
                added.append(found)
        if not added:
            return []
        try:
            check_together([*known, *(entry.path for entry in added)])
        except InvalidPath as error:
            # Names that one file system tells apart and another does not: they are named, and stand in no listing.
            self.odd |= {entry.path: error.message for entry in added}
            return []
        return added

    def _strange_paths(self, name: ComponentName, known: set[str]) -> Iterator[str]:
        for declared in self._declared.get(name, ()):
            for path in self._running.below(declared):
                if path in known:
                    continue
                try:
                    yield check_path(path)
                except InvalidPath as error:
                    self.odd[path] = error.message


def _declared_paths(manifest: Manifest, files: Files) -> Mapping[str, tuple[str, ...]]:
    """Return the paths that the release's own lastgood.toml declares of each component; none where it cannot be read.

    Only paths are looked for: the file was checked when it was committed, and kinds that it leaves open would be guessed
    from files that are not there.
    """
    try:
        document = parse_document(files.read_file(manifest.workspace_file, limit=LARGEST))
    except (NotFound, Invalid):
        return {}
    tables = document.data.get("components")
    if not isinstance(tables, dict):
        return {}
    return {name: tuple(_paths_in(table)) for name, table in tables.items() if isinstance(table, dict)}


def _paths_in(table: Mapping[str, object]) -> Iterator[str]:
    for key in ("path", "lock"):
        value = table.get(key)
        for path in [value] if isinstance(value, str) else value if isinstance(value, list) else []:
            if isinstance(path, str):
                try:
                    yield check_path(path.rstrip("/"))
                except InvalidPath:
                    continue


def others_in(manifest: Manifest, running: Running, files: Files) -> list[str]:
    """Return the files that are there and belong to no component of a release, its workspace file aside."""
    known = {entry.path for one in manifest.components.values() for entry in entries_of(one, files)} | {WORKSPACE_FILE}
    folders = [path for paths in _declared_paths(manifest, files).values() for path in paths]
    return [path for path in running.below("") if path not in known and not any(f"{path}/".startswith(f"{folder}/") for folder in folders)]
