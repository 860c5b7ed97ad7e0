"""A registry to collect in: releases made in memory, in steps, so that a test can come between any two of them.

desk = Desk(folder)
release = desk.commit({"a.bin": b"…"})
writing = desk.begin({"a.bin": b"…"})      # its packs are durable, its release is not there yet
desk.publish(writing)
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from lastgood.catalog import releases
from lastgood.catalog.database import Database
from lastgood.clock import Clock, FixedClock
from lastgood.errors import CollectedMeanwhile
from lastgood.ids import DIGEST_BYTES, ComponentName, FileDigest, PackId, PipelineName, ReleaseId
from lastgood.model.changes.registry import RegistryCreated
from lastgood.model.component import Component, FilesContent, Kind, Provenance, make_component
from lastgood.model.listing import FileEntry, Mode, write_listing
from lastgood.model.placement import Staged
from lastgood.model.release import Manifest
from lastgood.model.revision import no_zone
from lastgood.registry.collect import Collected, collect, plan_collection
from lastgood.registry.context import Context
from lastgood.registry.creation import create_registry
from lastgood.registry.embedded import Settings, open_registry
from lastgood.registry.intake import DeferredIntake
from lastgood.registry.points import points_at
from lastgood.registry.publish import Draft, publish
from lastgood.registry.verify import verify
from lastgood.store.backend import Backend, Piece
from lastgood.store.backend.memory import MemoryBackend
from lastgood.store.index import parse_pack_name, scan_packs
from lastgood.store.reader import ObjectReader
from lastgood.testing.history import ACTOR, BOT, REGISTRY, START, counted_entropy
from lastgood.testing.index import MemoryIndex

WEIGHTS = ComponentName("weights")
NOW = timedelta(0)
WORKSPACE_FILE = b"pipeline = 'bot'"

Files = Mapping[str, bytes]

in_a_file = pytest.mark.parametrize("desk", ["sqlite"], indirect=True)
"""Marks a test that looks at the file which the catalog is in; the others run on PostgreSQL as well."""


class BusyBackend(MemoryBackend):
    """A backend in memory in which somebody else acts at a chosen moment."""

    def __init__(self) -> None:
        super().__init__()
        self._left = 0
        self._action: Callable[[], object] | None = None

    def act_after(self, operations: int, action: Callable[[], object]) -> None:
        """Let something happen before the so-manieth listing, reading or putting from now on."""
        self._left, self._action = operations, action

    def calm_down(self) -> None:
        """Let nothing happen any more."""
        self._action = None

    def read(self, name: str, offset: int, length: int) -> bytes:
        self._count()
        return super().read(name, offset, length)

    def put(self, name: str, pieces: Sequence[Piece]) -> None:
        self._count()
        super().put(name, pieces)

    def names(self, folder: str) -> Iterator[str]:
        self._count()
        return super().names(folder)

    def _count(self) -> None:
        if self._action is not None:
            self._left -= 1
            if self._left < 0:
                action, self._action = self._action, None
                action()


@dataclass
class Writing:
    """A commit on its way: its bytes are in packs, and its release is yet to be published."""

    files: Files
    draft: Draft
    staged: Staged


def context_on(database: Database, folder: Path, backend: Backend, clock: Clock, seed: str = "") -> Context:
    """Return what the verbs of a registry work with whose catalog is a given database."""
    return Context(
        folder=folder,
        database=database,
        backend=backend,
        clock=clock,
        entropy=counted_entropy(seed),
        zone=no_zone,
        actor=lambda: ACTOR,
        accept_clock=False,
        pipeline=None,
    )


@dataclass
class Releases:
    """One registry with its bytes in memory, in which releases are made, dropped and collected.

    Attributes:
        database: an empty catalog; by default one is made in a SQLite file.
    """

    folder: Path
    pipeline: PipelineName = BOT
    seed: str = ""
    clock: FixedClock = field(default_factory=lambda: FixedClock(START))
    backend: BusyBackend = field(default_factory=BusyBackend)
    releases: dict[ReleaseId, Files] = field(default_factory=dict)
    dropped: set[ReleaseId] = field(default_factory=set)
    database: Database | None = None

    def __post_init__(self) -> None:
        self.context: Context = self._in_a_file() if self.database is None else self._on_a_server(self.database)

    def _in_a_file(self) -> Context:
        settings = Settings(self.clock, counted_entropy(self.seed), no_zone, lambda: ACTOR)
        if not self.folder.exists():
            create_registry(self.folder, settings, REGISTRY, None)
        return replace(open_registry(self.folder, settings).context, backend=self.backend)

    def _on_a_server(self, database: Database) -> Context:
        context = context_on(database, self.folder, self.backend, self.clock, self.seed)
        self.folder.mkdir()
        with context.changing(context.operation(None)) as (_, ledger):
            ledger.append(RegistryCreated(REGISTRY))
        return context

    def close(self) -> None:
        self.context.database.close()

    def latest(self) -> Manifest | None:
        with self.context.database.reading() as session:
            found = releases.latest_release(session, self.pipeline)
            return None if found is None else releases.release_manifest(session, found.release)

    def begin(self, files: Files, recalled: AbstractSet[str] = frozenset()) -> Writing:
        """Take files in; those recalled are read only if the registry does not have them, as with a stat cache."""
        with DeferredIntake(self.context, self.latest()) as intake:
            entries = []
            for path, data in files.items():
                digest = FileDigest.of(data)
                if path not in recalled or not intake.has_files([digest]):
                    intake.receive(io.BytesIO(data), len(data), path)
                entries.append(FileEntry(path, Mode.FILE, digest, len(data)))
            listing = intake.receive_bytes(write_listing(entries)).digest
            workspace_file = FileDigest.of(WORKSPACE_FILE)
            if not intake.has_files([workspace_file]):
                intake.receive_bytes(WORKSPACE_FILE)
            component = make_component(WEIGHTS, FilesContent(Kind.ARTIFACT, listing), Provenance())
            return Writing(files, self._draft(component, workspace_file), intake.finish())

    def publish(self, writing: Writing) -> ReleaseId:
        """Publish a commit; one from under which bytes were collected is written again, as `commit` does."""
        for _ in range(3):
            try:
                done = publish(
                    self.context, writing.draft, writing.staged, operation=self.context.operation(None), announce=lambda _release: None
                )
            except CollectedMeanwhile:
                writing = self.begin(writing.files)
                continue
            self.releases[done.release.release] = writing.files
            self.dropped.discard(done.release.release)
            return done.release.release
        raise AssertionError("a commit lost its bytes three times")

    def commit(self, files: Files, recalled: AbstractSet[str] = frozenset()) -> ReleaseId:
        return self.publish(self.begin(files, recalled))

    def collect(self, grace: timedelta = NOW) -> Collected:
        return collect(self.context, grace, frozenset(self.dropped))

    def plan(self, grace: timedelta = NOW) -> Collected:
        return plan_collection(self.context, grace, frozenset(self.dropped))

    def manifest(self, release: ReleaseId) -> Manifest:
        with self.context.database.reading() as session:
            return releases.release_manifest(session, release)

    def packs(self) -> set[PackId]:
        return {parse_pack_name(name) for name in self.backend.names("packs")}

    def keys(self, table: str, column: str) -> set[bytes]:
        with self.context.database.reading() as session:
            return {bytes(row[0]) for row in session.rows(f"SELECT {column} FROM {table}")}  # noqa: S608  # names of ours

    def _draft(self, component: Component, workspace_file: FileDigest) -> Draft:
        return Draft(self.pipeline, (component,), workspace_file, onto_latest=True)


class Desk(Releases):
    """The same, with what must hold of it."""

    def kept(self) -> dict[ReleaseId, Files]:
        return {release: files for release, files in self.releases.items() if release not in self.dropped}

    def assert_whole(self) -> None:
        """Every kept release gives its files back bit for bit, by the catalog and by the packs alone."""
        rebuilt = MemoryIndex()
        rebuilt.absorb_packs(pack for pack in scan_packs(self.backend) if not isinstance(pack, Exception))
        for index in (self.context.index, rebuilt):
            reader = ObjectReader(self.backend, index)
            for release, files in self.kept().items():
                pointers = list(points_at(self.manifest(release), reader))
                assert {one.entry.path: one.digest for one in pointers if one.entry} == {
                    path: FileDigest.of(data) for path, data in files.items()
                }
            contents = {FileDigest.of(data): data for files in self.kept().values() for data in (*files.values(), WORKSPACE_FILE)}
            for digest, pieces in reader.stream_files(contents):
                assert b"".join(pieces) == contents[digest]

    def assert_verified(self) -> None:
        """Nothing is wrong with any kept release, nor with a pack."""
        labels = {self._label(one) for one in self.kept()}
        problems = [one.what for one in verify(self.context).problems if not one.releases or labels.intersection(one.releases)]
        assert problems == []

    def assert_no_garbage(self) -> None:
        """Nothing is recorded or kept that no kept release needs; found out without the collector's code."""
        needed_files: set[bytes] = set()
        for release in self.kept():
            reader = ObjectReader(self.backend, self.context.index)
            needed_files.update(one.digest for one in points_at(self.manifest(release), reader))
        with self.context.database.reading() as session:
            maps = {bytes(digest): bytes(chunks) for digest, chunks in session.rows("SELECT digest, chunks FROM index_files")}
            bases = {
                bytes(row[0]): [bytes(one) for one in row[1:] if one]
                for row in session.rows("SELECT chunk, base, context FROM index_deltas")
            }
        waiting = [maps[file][at : at + DIGEST_BYTES] for file in needed_files for at in range(0, len(maps[file]), DIGEST_BYTES)]
        needed_chunks: set[bytes] = set()
        while waiting:
            chunk = waiting.pop()
            if chunk not in needed_chunks:
                needed_chunks.add(chunk)
                waiting += bases.get(chunk, [])
        assert set(maps) == needed_files
        assert self.keys("index_chunks", "chunk") == needed_chunks
        assert bases.keys() <= needed_chunks
        assert self.keys("index_labels", "chunk") <= needed_chunks
        assert self.keys("index_packs", "pack") == self.packs()
        for table, column in (("condemned_chunks", "chunk"), ("condemned_files", "digest"), ("orphans", "pack")):
            assert self.keys(f"index_{table}", column) == set()

    def _label(self, release: ReleaseId) -> str:
        with self.context.database.reading() as session:
            return releases.require_release(session, release).label
