"""The embedded registry: a `.lastgood` folder with a catalog and packs, opened by one process at a time or by many.

registry = open_registry(Path("project/.lastgood"), settings)
registry.environments.rollback("prod")
"""

from __future__ import annotations

import builtins
import errno
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from lastgood.catalog import releases as release_queries
from lastgood.catalog.creation import migrate_catalog, require_current_schema
from lastgood.catalog.database import Database
from lastgood.catalog.sqlite import SQLiteDatabase
from lastgood.clock import Clock
from lastgood.errors import Gone, NotFound
from lastgood.ids import EnvironmentName, FileDigest, OperationId, PipelineName, RegistryId, ReleaseId, TagName
from lastgood.model.changes.environments import MoveKind
from lastgood.model.changes.releases import Verdict
from lastgood.model.history import ReleaseRecord
from lastgood.model.operation import Entropy
from lastgood.model.placement import FilePart, Staged
from lastgood.model.release import Manifest
from lastgood.model.revision import LocalZone
from lastgood.registry import history, move, publish, resolve
from lastgood.registry.asking import Wish, ask, carry_out, parse_environment
from lastgood.registry.canaries import EmbeddedCanaries
from lastgood.registry.checkout_cache.cache import CheckoutCache
from lastgood.registry.context import Context, no_warning
from lastgood.registry.history import EnvironmentDetails, ReleaseDetails, Stay
from lastgood.registry.intake import DeferredIntake
from lastgood.registry.judgements import EmbeddedHolds, EmbeddedOperations
from lastgood.registry.keeping import keep_again
from lastgood.registry.move import Moved
from lastgood.registry.protocols import StagingIntake
from lastgood.registry.publish import Draft, Published
from lastgood.registry.release_log import LoggedRelease, Only, log_releases
from lastgood.registry.resolve import Resolved
from lastgood.store.backend.local import LocalBackend
from lastgood.store.reader import ObjectReader

CATALOG = "catalog.db"
CACHE = "cache"
STORE = "store"
OWN_FOLDER = ".lastgood"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a registry is opened with.

    Attributes:
        clock: the registry's clock.
        entropy: where random bytes come from.
        zone: which zone a time without one is in.
        actor: says who acts; asked only when something changes.
        accept_clock: whether a clock that went back by more than five minutes is accepted.
        pipeline: the pipeline that is meant where none is named.
        cache_size: how many bytes the checkout cache may take; 0 for no cache, None for the usual share of the disk.
        memory: where this user's machine remembers the histories it saw; None for nowhere.
        warn: told what went wrong after a change stood, such as a witness that could not be told.
    """

    clock: Clock
    entropy: Entropy
    zone: LocalZone
    actor: Callable[[], str]
    accept_clock: bool = False
    pipeline: PipelineName | None = None
    cache_size: int | None = None
    memory: Path | None = None
    warn: Callable[[str], None] = no_warning


def open_registry(folder: Path, settings: Settings) -> EmbeddedRegistry:
    """Open the registry in a `.lastgood` folder.

    Raises:
        NotFound: there is none.
        NewerSchema: a newer lastgood made it.
        Integrity: it is damaged.
    """
    if not _has_catalog(folder):
        raise NotFound(f"there is no registry at {folder}", hint="lastgood init")
    context = context_of(folder, settings, SQLiteDatabase(folder / CATALOG))
    if require_current_schema(context.database) is not None:
        migrate_catalog(folder / CATALOG)
    return EmbeddedRegistry(context)


def find_registry(start: Path) -> Path | None:
    """Return the nearest `.lastgood` folder with a catalog, looking upward from a folder."""
    for folder in (start, *start.parents):
        if _has_catalog(folder / OWN_FOLDER):
            return folder / OWN_FOLDER
    return None


def _has_catalog(folder: Path) -> bool:
    # What cannot be looked into counts as a registry, so that opening it says why: who may not, or that the disk fails.
    try:
        return stat.S_ISREG((folder / CATALOG).stat().st_mode)
    except OSError as error:
        return error.errno in {errno.EACCES, errno.EPERM, errno.EIO}


def context_of(folder: Path, settings: Settings, database: Database) -> Context:
    """Return what the verbs of the registry in a folder work with."""
    return Context(
        folder=folder,
        database=database,
        backend=LocalBackend(folder / STORE),
        clock=settings.clock,
        entropy=settings.entropy,
        zone=settings.zone,
        actor=settings.actor,
        accept_clock=settings.accept_clock,
        pipeline=settings.pipeline,
        cache_size=settings.cache_size,
        memory=settings.memory,
        warn=settings.warn,
    )


class EmbeddedRegistry:
    """A registry in a folder; see `registry.protocols` for what its groups do."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.releases = EmbeddedReleases(context)
        self.environments = EmbeddedEnvironments(context)
        self.files = EmbeddedFiles(context)
        self.holds = EmbeddedHolds(context)
        self.operations = EmbeddedOperations(context)

    @property
    def id(self) -> RegistryId:
        """The random id it was created with."""
        with self.context.database.reading() as session:
            return release_queries.registry_id(session)

    @property
    def cache(self) -> CheckoutCache | None:
        """The whole files that checkouts on this host need not have decoded, if they are to be kept."""
        size = self.context.cache_size
        return None if size == 0 else CheckoutCache(self.context.folder / CACHE, self.context.entropy, size)

    def pipelines(self) -> list[PipelineName]:
        """Return the names of its pipelines."""
        with self.context.database.reading() as session:
            return release_queries.pipelines(session)

    def for_pipeline(self, pipeline: PipelineName | None) -> EmbeddedRegistry:
        """Return the same registry with another pipeline meant where none is named."""
        return EmbeddedRegistry(replace(self.context, pipeline=pipeline))

    def close(self) -> None:
        """Let go of its files."""
        self.context.database.close()


class EmbeddedReleases:
    """The releases of an embedded registry."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def find(self, revision: str, pipeline: PipelineName | None = None) -> Resolved:
        """Return the release that a revision expression means."""
        return resolve.resolve(self._context, revision, pipeline)

    def latest(self, pipeline: PipelineName) -> ReleaseRecord | None:
        """Return the newest release of a pipeline, or None."""
        with self._context.database.reading() as session:
            return release_queries.latest_release(session, pipeline)

    def get(self, release: ReleaseId) -> ReleaseRecord | None:
        """Return a release by its digest, or None."""
        with self._context.database.reading() as session:
            return release_queries.release_by_id(session, release)

    def manifest(self, release: ReleaseId) -> Manifest:
        """Return the manifest of a release."""
        with self._context.database.reading() as session:
            return release_queries.release_manifest(session, release)

    def details(self, revision: str) -> ReleaseDetails:
        """Return everything known of a release."""
        return history.release_details(self._context, self.find(revision).release)

    def log(
        self,
        *,
        pipeline: str | None = None,
        revision: str | None = None,
        component: str | None = None,
        most: int | None = None,
        only: Only | None = None,
    ) -> list[LoggedRelease]:
        """Return releases, newest first."""
        until = None if revision is None else self.find(revision).release
        named = PipelineName.parse(pipeline) if pipeline is not None else None
        with self._context.database.reading() as session:
            chosen = until.pipeline if until else resolve.choose_pipeline(self._context, session, named)
        return log_releases(self._context, chosen, only or Only(component=component), until=until, most=most)

    def require_latest(self, pipeline: PipelineName, base: ReleaseId) -> None:
        """Refuse a base that is not the latest release of its pipeline."""
        publish.require_latest(self._context, pipeline, base)

    def publish(self, draft: Draft, staged: Staged, *, announce: Callable[[ReleaseId], None]) -> Published:
        """Make a release of a draft whose bytes are durable."""
        return publish.publish(self._context, draft, staged, operation=self._context.operation(None), announce=announce)

    def tag(self, revision: str, tag: str, *, move_it: bool = False) -> ReleaseRecord:
        """Give a release a tag, and take it from another one if asked to."""
        name = TagName.parse(tag)
        release = self.find(revision).release
        with self._context.changing(self._context.operation(None)) as (session, ledger):
            if publish.set_tag(session, ledger, release, name, move_it=move_it):
                keep_again(self._context, session, ledger, [release.release])
            return release_queries.require_release(session, release.release)

    def mark(self, revision: str, verdict: Verdict, reason: str) -> ReleaseRecord:
        """Say of a release's behavior that it is bad, everywhere, or good again."""
        release = self.find(revision).release
        move.mark(self._context, release, verdict, reason)
        return release


class EmbeddedEnvironments:
    """The environments of an embedded registry."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.canaries = EmbeddedCanaries(context)

    def list(self, pipeline: str | None = None) -> list[EnvironmentDetails]:
        """Return the environments of a pipeline, by name."""
        named = PipelineName.parse(pipeline) if pipeline is not None else None
        with self._context.database.reading() as session:
            chosen = resolve.choose_pipeline(self._context, session, named)
        return history.list_environments(self._context, chosen)

    def get(self, environment: str) -> EnvironmentDetails:
        """Return an environment."""
        return history.environment_details(self._context, *self._parse(environment))

    def history(self, environment: str, most: int | None = None) -> builtins.list[Stay]:
        """Return the deployments of an environment, newest first."""
        return history.log_environment(self._context, *self._parse(environment), most=most)

    def deploy(
        self,
        environment: str,
        revision: str = "latest",
        *,
        reason: str | None = None,
        expect: int | None = None,
        operation: OperationId | None = None,
        override: bool = False,
    ) -> Moved:
        """Move an environment to a release; deploying what is live changes nothing."""
        return carry_out(self._context, environment, MoveKind.DEPLOY, Wish(revision, reason, expect, override=override), operation)

    def rollback(
        self,
        environment: str,
        to: str | None = None,
        *,
        reason: str | None = None,
        expect: int | None = None,
        operation: OperationId | None = None,
        incident: str | None = None,
        waited: float = 0.0,
    ) -> Moved:
        """Move an environment back to the last good release, or to one that was deployed there before."""
        wish = Wish(to, reason, expect, incident=incident, waited=waited)
        return carry_out(self._context, environment, MoveKind.ROLLBACK, wish, operation)

    def plan_deploy(self, environment: str, revision: str = "latest", expect: int | None = None, *, override: bool = False) -> Moved:
        """Return what `deploy` would do, without doing it."""
        return move.plan(self._context, ask(self._context, environment, MoveKind.DEPLOY, Wish(revision, expect=expect, override=override)))

    def plan_rollback(self, environment: str, to: str | None = None, expect: int | None = None) -> Moved:
        """Return what `rollback` would do, without doing it."""
        return move.plan(self._context, ask(self._context, environment, MoveKind.ROLLBACK, Wish(to, expect=expect)))

    def _parse(self, environment: str) -> tuple[PipelineName, EnvironmentName]:
        return parse_environment(self._context, environment)


class EmbeddedFiles:
    """The bytes of an embedded registry."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._reader = ObjectReader(context.backend, context.index)

    @contextmanager
    def intake(self, parent: Manifest | None = None) -> Iterator[StagingIntake]:
        """Return an intake for the bytes of a commit that follows a release; what is not published is never referred to."""
        with DeferredIntake(self._context, parent) as intake:
            yield intake

    def read_file(self, digest: FileDigest, *, limit: int | None = None) -> bytes:
        """Return a whole file."""
        with _saying_gone(self._context):
            return self._reader.read_file(digest, limit=limit)

    def open_file(self, digest: FileDigest) -> BinaryIO:
        """Open a kept file to be read from any place."""
        with _saying_gone(self._context):
            return self._reader.open_file(digest)

    def parts_of(self, digest: FileDigest) -> Sequence[FilePart]:
        """Return what a file is made of, in order, without reading it."""
        with _saying_gone(self._context):
            return self._reader.parts_of(digest)

    def stream_file(self, digest: FileDigest) -> Iterator[bytes | memoryview]:
        """Yield the bytes of a file; wrong bytes end in an error, never in a whole file."""
        with _saying_gone(self._context):
            return self._reader.stream_file(digest)

    def stream_files(self, digests: Iterable[FileDigest]) -> Iterator[tuple[FileDigest, Iterator[bytes | memoryview]]]:
        """Yield files, each once and in the order that suits the store, with their bytes as `stream_file` gives them."""
        with _saying_gone(self._context):
            yield from self._reader.stream_files(digests)


@contextmanager
def _saying_gone(context: Context) -> Iterator[None]:
    """Turn the error that a file is not kept into the one that says who let it go, or purged it, if somebody did.

    Raises:
        Gone: a policy let it go, or somebody purged it.
    """
    try:
        yield
    except Gone:
        raise
    except NotFound as error:
        from lastgood.registry.gone import gone_error  # noqa: PLC0415 - only what is missing is looked into

        digest = error.details.get("file")
        gone = gone_error(context, FileDigest.parse(digest)) if isinstance(digest, str) else None
        if gone is None:
            raise
        raise gone from error
