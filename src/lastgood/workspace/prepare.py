"""Prepares a commit: finds the files of every component, reads those that changed, and lists them.

The order, in words: (1) all names are walked and judged before anything is read; (2) the stat cache says which files
need not be read; (3) what must be read is looked at for credentials, all of it before a byte is kept; (4) it is read
into the intake, component by component in the order of paths; (5) each component's listing is made. Only where that
listing is not kept yet is the intake asked whether it has the files that were not read, and given those that it has
not; so a component that did not change costs a walk and nothing else.

    prepared = prepare(workspace, intake, StatCache.load(workspace.root / ".lastgood"), known=parent_digests)
    prepared.components[0].files.listing
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lastgood.ids import ComponentName, FileDigest
from lastgood.model.component import Kind
from lastgood.model.intake import Intake, Received, listing_name
from lastgood.model.listing import FileEntry, Mode, write_listing
from lastgood.workspace import credentials
from lastgood.workspace.declaration import WORKSPACE_FILE, DeclaredComponent, Workspace
from lastgood.workspace.opening import open_root
from lastgood.workspace.reading import read_file, read_small
from lastgood.workspace.statcache import StatCache
from lastgood.workspace.walk import FoundFiles, Walk

Progress = Callable[[int, int], None]
"""Is told how many files and bytes more were read."""

_OWNER_MAY_EXECUTE = 0o100
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class PreparedFiles:
    """The files of a component, read or known.

    Attributes:
        listing: the digest of their listing.
        found: what they are on disk, in the order of their paths.
        digests: the 32 bytes of each one's digest, in the same order.
    """

    listing: FileDigest
    found: FoundFiles
    digests: Sequence[bytes]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.found.paths)

    @property
    def bytes_logical(self) -> int:
        """The sum of their sizes, in bytes."""
        return sum(self.found.sizes)

    def entries(self) -> list[FileEntry]:
        """Make the entries of their listing."""
        return _entries(self.found, self.digests)


@dataclass(frozen=True, slots=True)
class PreparedComponent:
    """A component as it is on disk; `files` is None where it has none, hosted or kept by reference."""

    declared: DeclaredComponent
    files: PreparedFiles | None

    @property
    def listing(self) -> FileDigest | None:
        """The digest of its listing, if it has files."""
        return self.files.listing if self.files else None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A workspace as it is on disk: its components in the order of the workspace file, and that file's digest."""

    components: tuple[PreparedComponent, ...]
    workspace_file: FileDigest

    @property
    def files(self) -> int:
        """How many files its components have."""
        return sum(component.files.count for component in self.components if component.files)

    @property
    def bytes_logical(self) -> int:
        """The bytes of those files."""
        return sum(component.files.bytes_logical for component in self.components if component.files)


class HashingIntake:
    """An intake that keeps nothing: it only says what the digests are, for `status`."""

    def receive(self, source: BinaryIO, size: int, name: str | None = None) -> Received:
        """Read a source to its end; how it would be cut, or what was there before, does not matter here."""
        del name
        hasher = hashlib.sha256()
        buffer = bytearray(min(_BLOCK, max(size, 1)))
        view = memoryview(buffer)
        count = 0
        while read := source.readinto(view):  # type: ignore[attr-defined]  # binary files have it, their protocol lacks it
            hasher.update(view[:read])
            count += read
        return Received(FileDigest(hasher.digest()), count)

    def receive_bytes(self, data: bytes, name: str | None = None) -> Received:
        """Take bytes that are at hand."""
        del name
        return Received(FileDigest.of(data), len(data))

    def has_files(self, digests: list[FileDigest]) -> set[FileDigest]:
        """Say that everything is there, so that nothing is read for its bytes' sake."""
        return set(digests)


def prepare(
    workspace: Workspace,
    intake: Intake,
    cache: StatCache,
    *,
    known: AbstractSet[FileDigest] = frozenset(),
    live_folders: Iterable[Path] = (),
    allow_secrets: bool = False,
    progress: Progress | None = None,
) -> Prepared:
    """Find, read and list the files of a workspace.

    Args:
        workspace: what its file says.
        intake: receives the bytes that it does not have.
        cache: what was read before; it is brought up to date and saved.
        known: the parent release's listings and workspace file, which are kept for sure with all that they name.
        live_folders: folders that are skipped beside those the workspace declares.
        allow_secrets: whether files that look like they hold credentials are read all the same.
        progress: is told what was read.

    Raises:
        InvalidWorkspace, InvalidPath: a component has no files, or some that must not be in a release.
        NotAllowed, ChangedWhileReading: something may not be read, or was written meanwhile.
        CredentialFound: files look like they hold credentials; nothing of them was given to the intake.
    """
    cache.begin()
    workspace_file = FileDigest.of(workspace.file_bytes)
    with open_root(workspace.root) as root:
        # Names are judged before anything is read, and everything is looked at for credentials before a byte is kept.
        walk = Walk(root, skipped=_below(workspace.root, [*workspace.live_folders, *live_folders]))
        parts = [_Part(one, walk.find(one.paths, at=_place(one)), cache) for one in workspace.components if one.has_files]
        disk = _Disk(root, intake, known, progress or _silent)
        if not allow_secrets:
            disk.refuse_credentials([(part, part.unread) for part in parts], b"" if workspace_file in known else workspace.file_bytes)
        listed = disk.take(parts, allow_secrets=allow_secrets)
    if workspace_file not in known:
        intake.receive_bytes(workspace.file_bytes)
    _remember(cache, listed)
    return Prepared(tuple(PreparedComponent(one, listed.get(one.name)) for one in workspace.components), workspace_file)


class _Part:
    """The files of one component on the way: which must be read, and the digests so far."""

    def __init__(self, declared: DeclaredComponent, found: FoundFiles, cache: StatCache) -> None:
        recalled = cache.recall(declared.name, found)
        self.declared = declared
        self.found = found
        self.recalled_listing = recalled.listing
        self.digests = [digest or b"" for digest in recalled.digests]
        self.unread = [index for index, digest in enumerate(self.digests) if not digest]


class _Disk:
    """Reads files of the workspace into the intake."""

    def __init__(self, root: int, intake: Intake, known: AbstractSet[FileDigest], progress: Progress) -> None:
        self._root = root
        self._intake = intake
        self._known = known
        self._progress = progress

    def refuse_credentials(self, wanted: Sequence[tuple[_Part, Sequence[int]]], workspace_file: bytes = b"") -> None:
        """Look for credentials in files that are about to be kept, and refuse them all at once."""
        findings = credentials.find_in_file(WORKSPACE_FILE, Kind.CONFIG, workspace_file)
        for part, indexes in wanted:
            for index in indexes:
                path = part.found.paths[index]
                found = self._look_into(path, part.declared.kind)
                findings += found if found and not self._is_kept(path) else ()
        if findings:
            raise credentials.refuse(findings)

    def _is_kept(self, path: str) -> bool:
        """Whether the registry has a file's bytes already: somebody allowed them then, and refusing them now keeps nothing out."""
        digest = read_file(self._root, path, HashingIntake(), lambda _: None).digest
        return digest in self._intake.has_files([digest])

    def _look_into(self, path: str, kind: Kind) -> Sequence[credentials.Finding]:
        named = credentials.find_by_name(path)
        if named is not None:
            return [named]
        if not credentials.must_look_inside(path, kind):
            return ()
        return credentials.find_in_file(path, kind, read_small(self._root, path, limit=credentials.LONGEST_SCAN))

    def take(self, parts: Sequence[_Part], *, allow_secrets: bool) -> dict[ComponentName, PreparedFiles]:
        """Read what must be read, then list each component."""
        for part in parts:
            self._read(part, part.unread)
        return {
            part.declared.name: PreparedFiles(self._list(part, allow_secrets=allow_secrets), part.found, part.digests) for part in parts
        }

    def _read(self, part: _Part, indexes: Iterable[int]) -> None:
        for index in indexes:
            read = read_file(self._root, part.found.paths[index], self._intake, self._advance)
            part.found.replace(index, read.found)
            part.digests[index] = read.digest
            self._progress(1, 0)

    def _list(self, part: _Part, *, allow_secrets: bool) -> FileDigest:
        """Make a component's listing; where it is not kept yet, see that all files that it names will be."""
        if part.recalled_listing is not None and part.recalled_listing in self._known:
            return part.recalled_listing
        listing = write_listing(_entries(part.found, part.digests))
        digest = FileDigest.of(listing)
        if digest in self._known:
            return digest
        lacking = self._lacking(part)
        if lacking:
            if not allow_secrets:
                self.refuse_credentials([(part, lacking)])
            self._read(part, lacking)
            listing = write_listing(_entries(part.found, part.digests))
        return self._intake.receive_bytes(listing, listing_name(part.declared.name)).digest

    def _lacking(self, part: _Part) -> Sequence[int]:
        """Return which files were recalled from the cache, although their bytes are not kept."""
        read = set(part.unread)
        recalled = {index: FileDigest(digest) for index, digest in enumerate(part.digests) if index not in read}
        kept = self._intake.has_files(list(dict.fromkeys(recalled.values()))) if recalled else set()
        return [index for index, digest in recalled.items() if digest not in kept]

    def _advance(self, count: int) -> None:
        self._progress(0, count)


def _entries(found: FoundFiles, digests: Sequence[bytes]) -> list[FileEntry]:
    columns = zip(found.paths, found.modes, found.sizes, digests, strict=True)
    return [
        FileEntry(path, Mode.EXEC if mode & _OWNER_MAY_EXECUTE else Mode.FILE, FileDigest(digest), size)
        for path, mode, size, digest in columns
    ]


def _remember(cache: StatCache, listed: Mapping[ComponentName, PreparedFiles]) -> None:
    for name, files in listed.items():
        cache.remember(name, files.found, files.digests, files.listing)
    cache.save()


def _place(declared: DeclaredComponent) -> str:
    key = "lock" if declared.kind is Kind.RUNTIME else "path"
    return f"{WORKSPACE_FILE}:{declared.line}: components.{declared.name}.{key}"


def _below(root: Path, folders: Iterable[Path]) -> AbstractSet[str]:
    """Return the folders that lie in the workspace, named from there, also where a link leads there."""
    below = set()
    for folder in folders:
        for top, inner in ((os.path.abspath(root), os.path.abspath(folder)), (os.path.realpath(root), os.path.realpath(folder))):
            if inner.startswith(top + "/"):
                below.add(inner[len(top) + 1 :])
    return below


def _silent(_files: int, _size: int) -> None:
    """Tell nobody."""
