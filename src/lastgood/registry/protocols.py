"""What a registry can do, one small protocol a group; a server's client answers the same ones.

registry.releases       find, list and publish releases
registry.environments   move environments and read their history; .canaries beside them
registry.operations     what was done, and undoing it
registry.holds          releases that no policy may drop
registry.files          the bytes of kept files
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

from lastgood.ids import FileDigest, OperationId, PipelineName, RegistryId, ReleaseId
from lastgood.model.changes.environments import HookRan
from lastgood.model.changes.releases import Verdict
from lastgood.model.history import Hold, LoggedOperation, ReleaseRecord
from lastgood.model.intake import Intake
from lastgood.model.placement import FilePart, Staged
from lastgood.model.release import Manifest
from lastgood.registry.canary_protocol import Canaries
from lastgood.registry.history import EnvironmentDetails, ReleaseDetails, Stay
from lastgood.registry.move import Moved
from lastgood.registry.publish import Draft, Published
from lastgood.registry.release_log import LoggedRelease, Only
from lastgood.registry.resolve import Resolved
from lastgood.registry.undo import Undone


class StagingIntake(Intake, Protocol):
    """An intake whose bytes can be made durable."""

    def kept_whole(self, known: frozenset[FileDigest]) -> frozenset[FileDigest]:
        """Return those of the parent's listings that are kept with all that they name, and its workspace file if it is kept."""
        ...

    def finish(self) -> Staged:
        """Make everything received durable and say where it is; nothing refers to it yet."""
        ...


class Releases(Protocol):
    """The releases of a registry."""

    def find(self, revision: str, pipeline: PipelineName | None = None) -> Resolved:
        """Return the release that a revision expression means.

        Raises:
            InvalidRevision: it has none of the forms, or names several releases.
            NotFound: there is no such release.
        """
        ...

    def latest(self, pipeline: PipelineName) -> ReleaseRecord | None:
        """Return the newest release of a pipeline, or None."""
        ...

    def get(self, release: ReleaseId) -> ReleaseRecord | None:
        """Return a release by its digest, or None."""
        ...

    def manifest(self, release: ReleaseId) -> Manifest:
        """Return the manifest of a release."""
        ...

    def details(self, revision: str) -> ReleaseDetails:
        """Return everything known of a release."""
        ...

    def log(
        self,
        *,
        pipeline: str | None = None,
        revision: str | None = None,
        component: str | None = None,
        most: int | None = None,
        only: Only | None = None,
    ) -> list[LoggedRelease]:
        """Return releases, newest first.

        Args:
            pipeline: whose; by default the one that is meant where none is named.
            revision: up to this one.
            component: only those that changed it; short for `only`.
            most: so many at the most.
            only: which ones.

        Raises:
            NotFound: there is no such component or path.
            InvalidRevision: a time is none.
        """
        ...

    def require_latest(self, pipeline: PipelineName, base: ReleaseId) -> None:
        """Refuse a base that is not the latest release of its pipeline.

        Raises:
            StaleBase: others committed since; the error says who and what.
        """
        ...

    def publish(self, draft: Draft, staged: Staged, *, announce: Callable[[ReleaseId], None]) -> Published:
        """Make a release of a draft whose bytes are durable; see `registry.publish`."""
        ...

    def tag(self, revision: str, tag: str, *, move_it: bool = False) -> ReleaseRecord:
        """Give a release a tag.

        Args:
            revision: the release.
            tag: the tag.
            move_it: take it from the release that has it, which history keeps.

        Raises:
            AlreadyExists: the tag belongs to another release and may not move, or an environment has that name.
        """
        ...

    def mark(self, revision: str, verdict: Verdict, reason: str) -> ReleaseRecord:
        """Say of a release's behavior that it is bad, everywhere, or good again."""
        ...


class Environments(Protocol):
    """The environments of a registry's pipelines."""

    @property
    def canaries(self) -> Canaries:
        """What runs beside them."""
        ...

    def list(self, pipeline: str | None = None) -> list[EnvironmentDetails]:
        """Return the environments of a pipeline, by name."""
        ...

    def get(self, environment: str) -> EnvironmentDetails:
        """Return an environment, `prod` or `support-bot/prod`.

        Raises:
            NotFound: there is no such environment.
        """
        ...

    def history(self, environment: str, most: int | None = None) -> builtins.list[Stay]:
        """Return the deployments of an environment, newest first."""
        ...

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
        """Move an environment to a release; deploying what is live changes nothing.

        Args:
            environment: `prod`, or `support-bot/prod`.
            revision: the release.
            reason: why, in free text.
            expect: the revision of the environment the caller saw; by default the one at the time of the call.
            operation: an id that makes a retry safe.
            override: go on in spite of gates that refuse, where the policy lets somebody; needs a reason.

        Raises:
            StaleEnvironment: somebody moved it first.
            BadRelease: the release behaves like one that was marked bad.
            GateRefused: a gate of the environment's policy refuses the release.
            Invalid: gates are overridden without a reason.
        """
        ...

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
        """Move an environment back to the last good release, or to one that was deployed there before; ends a canary.

        Args:
            environment: `prod`, or `support-bot/prod`.
            to: the release; by default the last good one.
            reason: why, in free text.
            expect: the revision of the environment the caller saw.
            operation: an id that makes a retry safe.
            incident: what it answers to; recorded as it is named, and not looked up.
            waited: how many seconds the caller has spent on it already, for the record of how long it took.

        Raises:
            NothingGood: no earlier release is neither bad nor suspect.
            as `deploy`.
        """
        ...

    def plan_deploy(self, environment: str, revision: str = "latest", expect: int | None = None, *, override: bool = False) -> Moved:
        """Return what `deploy` would do, without doing it; its `revision` is the one to expect.

        Raises:
            as `deploy`.
        """
        ...

    def plan_rollback(self, environment: str, to: str | None = None, expect: int | None = None) -> Moved:
        """Return what `rollback` would do, without doing it; its `revision` is the one to expect.

        Raises:
            as `rollback`.
        """
        ...


class Holds(Protocol):
    """Releases whose bytes stay, whatever a retention policy says."""

    def hold(self, revision: str, reason: str | None = None, *, operation: OperationId | None = None) -> ReleaseRecord:
        """Hold a release; one that is held already stays as it is held."""
        ...

    def lift(self, revision: str, reason: str | None = None, *, operation: OperationId | None = None) -> ReleaseRecord:
        """Hold a release no longer.

        Raises:
            NotFound: it is not held.
        """
        ...

    def list(self) -> builtins.list[tuple[ReleaseRecord, Hold]]:
        """Return the releases that are held, with why."""
        ...


class Operations(Protocol):
    """What was done to a registry, one operation after the other."""

    def log(self, most: int | None = None) -> list[LoggedOperation]:
        """Return operations, newest first."""
        ...

    def find(self, text: str) -> OperationId:
        """Return the operation that an id, or the beginning of one, means.

        Raises:
            NotFound: there is none.
            InvalidRevision: there are several.
        """
        ...

    def say(self, operation: LoggedOperation) -> list[str]:
        """Say in one line each what an operation changed."""
        ...

    def undo(self, undone: OperationId, *, reason: str | None = None, operation: OperationId | None = None) -> Undone:
        """Take back what an operation changed; see `registry.undo`.

        Raises:
            NotFound: there was no such operation.
            Conflict: what it changed was changed since.
            Refused: it did something that has no inverse, or would bring back a bad release.
        """
        ...

    def plan_undo(self, undone: OperationId) -> Undone:
        """Return what `undo` would do, without doing it."""
        ...

    def note_hook(self, told: HookRan) -> None:
        """Record that somebody was told of a move, or could not be."""
        ...


class Files(Protocol):
    """The bytes of kept files."""

    def intake(self, parent: Manifest | None = None) -> AbstractContextManager[StagingIntake]:
        """Return an intake for the bytes of a commit; what is not published is never referred to.

        Args:
            parent: the release that the commit follows; its files are what new ones are likely to resemble.
        """
        ...

    def read_file(self, digest: FileDigest, *, limit: int | None = None) -> bytes:
        """Return a whole file."""
        ...

    def open_file(self, digest: FileDigest) -> BinaryIO:
        """Open a kept file to be read from any place.

        Raises:
            NotFound: it is not kept here.
        """
        ...

    def parts_of(self, digest: FileDigest) -> Sequence[FilePart]:
        """Return what a file is made of, in order, without reading it; parts with one identity hold the same bytes.

        Raises:
            NotFound: it is not kept here.
        """
        ...

    def stream_file(self, digest: FileDigest) -> Iterator[bytes | memoryview]:
        """Yield the bytes of a file; wrong bytes end in an error, never in a whole file."""
        ...

    def stream_files(self, digests: Iterable[FileDigest]) -> Iterator[tuple[FileDigest, Iterator[bytes | memoryview]]]:
        """Yield files, each once and in the order that suits the store, with their bytes as `stream_file` gives them."""
        ...


class Registry(Protocol):
    """A registry, embedded or behind a server."""

    @property
    def id(self) -> RegistryId:
        """The random id it was created with."""
        ...

    @property
    def releases(self) -> Releases:
        """Its releases."""
        ...

    @property
    def environments(self) -> Environments:
        """Its environments."""
        ...

    @property
    def files(self) -> Files:
        """Its bytes."""
        ...

    @property
    def operations(self) -> Operations:
        """What was done to it."""
        ...
