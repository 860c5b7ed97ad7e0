"""Environments whose live folders follow them: any registry's environments, with folders of this host around them.

The order of a move, in words:
    1. what an earlier crash left is settled;
    2. the target's files are written and durable in the folder, while the environment still stands where it stood;
    3. the environment moves, if it still has the revision at which the target was chosen;
    4. the folder's `current` is switched to what the environment is on now, and its `canary` to what runs beside it, or
       taken away where nothing does;
    5. what is neither on top, nor the canary, nor where a rollback would go, nor what was switched away from is removed.

Crash argument: before 3 nothing has moved and `current` is untouched; a crash between 3 and 4 leaves a `current` that is
one move behind, which `settle` finds by comparing it with the environment, as each command does first. `current` is
always switched to what the environment is read to be on *while the folder's lock is held*, never to what a move meant
to do: of two deployers on one host the last to switch has read the last move of both.

    environments = LiveEnvironments(registry.environments, registry, {EnvironmentName("prod"): Path("run/prod")}, entropy)
    environments.rollback("prod")       # run/prod/current leads to the last good release when this returns
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from lastgood.errors import Conflict, LastgoodError, LiveFolderBehind, NotFound, Refused, of_os_error
from lastgood.ids import EnvironmentName, OperationId, PipelineName, ReleaseId
from lastgood.live.canaries import LiveCanaries
from lastgood.live.folder import LiveFolder
from lastgood.live.followed import Followed
from lastgood.live.lock import WAIT_SECONDS
from lastgood.model.operation import Entropy
from lastgood.registry.checkout import FileCache
from lastgood.registry.history import EnvironmentDetails, Stay
from lastgood.registry.move import Moved
from lastgood.registry.protocols import Environments, Registry

_INTACT = "; nothing was changed"


class LiveFolders:
    """The live folders of this host, by the environments that they follow; the arguments are those of `LiveEnvironments`."""

    def __init__(
        self,
        folders: Mapping[EnvironmentName, Path],
        registry: Registry,
        entropy: Entropy,
        *,
        pipeline: PipelineName | None,
        wait: float,
        cache: FileCache | None,
    ) -> None:
        self._folders = dict(folders)
        self._registry = registry
        self._entropy = entropy
        self._pipeline = pipeline
        self._wait = wait
        self._cache = cache

    def names(self) -> list[str]:
        """Return the names of the environments that have a folder, with their pipeline where one is meant."""
        return [name if self._pipeline is None else f"{self._pipeline}/{name}" for name in sorted(self._folders)]

    def has(self, environment: str) -> bool:
        """Say whether an environment of that name has a folder."""
        return _name(environment) in self._folders

    def of(self, environment: str, pipeline: PipelineName) -> LiveFolder | None:
        """Return the folder of an environment, None where it has none or belongs to another pipeline."""
        if self._pipeline not in {None, pipeline} or not self.has(environment):
            return None
        name = _name(environment)
        followed = Followed(self._registry.id, pipeline, name)
        return LiveFolder(self._folders[name], followed, self._entropy, wait=self._wait, cache=self._cache)


def _name(environment: str) -> EnvironmentName:
    return EnvironmentName.parse(environment.rpartition("/")[2])


class LiveEnvironments:
    """Environments as the protocol has them; those that have a folder are followed by it.

    Args:
        inner: the environments of the registry.
        registry: gives manifests and the bytes of files.
        folders: the live folders of this host.
        entropy: where random bytes come from.
        pipeline: the pipeline whose environments the folders follow; by default the one that is meant where none is named.
        wait: how many seconds to wait for another process at work on a folder.
        cache: whole files of this host, which folders are filled from.
    """

    def __init__(
        self,
        inner: Environments,
        registry: Registry,
        folders: Mapping[EnvironmentName, Path],
        entropy: Entropy,
        *,
        pipeline: PipelineName | None = None,
        wait: float = WAIT_SECONDS,
        cache: FileCache | None = None,
    ) -> None:
        self._inner = inner
        self._registry = registry
        self.folders = LiveFolders(folders, registry, entropy, pipeline=pipeline, wait=wait, cache=cache)
        self.canaries = LiveCanaries(inner.canaries, self.follow_move)

    def list(self, pipeline: str | None = None) -> list[EnvironmentDetails]:
        """Return the environments of a pipeline, by name."""
        return self._inner.list(pipeline)

    def get(self, environment: str) -> EnvironmentDetails:
        """Return an environment."""
        return self._inner.get(environment)

    def history(self, environment: str, most: int | None = None) -> builtins.list[Stay]:
        """Return the deployments of an environment, newest first."""
        return self._inner.history(environment, most)

    def plan_deploy(self, environment: str, revision: str = "latest", expect: int | None = None, *, override: bool = False) -> Moved:
        """Return what `deploy` would do, without doing it."""
        return self._inner.plan_deploy(environment, revision, expect, override=override)

    def plan_rollback(self, environment: str, to: str | None = None, expect: int | None = None) -> Moved:
        """Return what `rollback` would do, without doing it."""
        return self._inner.plan_rollback(environment, to, expect)

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
        """Move an environment to a release, and its folder with it; what is live already is put right in the folder.

        Raises:
            LiveFolderBehind: the environment was moved, and the folder could not be switched.
            StorageFull, Integrity, AlreadyExists and the like: the folder cannot take the release; nothing was moved.
            as the registry's own `deploy`.
        """

        def move(planned: Moved | None) -> Moved:
            # What `latest` or `prod~1` meant when the files were written is what is deployed, whatever it means by now.
            to, seen = _pinned(planned, revision, expect)
            return self._inner.deploy(environment, to or revision, reason=reason, expect=seen, operation=operation, override=override)

        return self.follow_move(environment, lambda: self.plan_deploy(environment, revision, expect, override=override), move, operation)

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
        """Move an environment back to the last good release, or to one that was deployed there before, folder and all.

        Raises:
            as `deploy`, and as the registry's own `rollback`.
        """

        def move(planned: Moved | None) -> Moved:
            # The target is said by its id: should somebody call it bad in between, this is refused, and does not land on
            # a release that nobody has prepared.
            target, seen = _pinned(planned, to, expect)
            return self._inner.rollback(
                environment, target, reason=reason, expect=seen, operation=operation, incident=incident, waited=waited
            )

        return self.follow_move(environment, lambda: self.plan_rollback(environment, to, expect), move, operation)

    def settle(self, environment: str) -> bool:
        """Let an environment's folder catch up with it, after a crash or a move from elsewhere; true if it was behind.

        Nothing is written, and no lock is taken, where the folder is right already.

        Raises:
            AlreadyExists, Busy, StorageFull, Integrity and the like: the folder cannot follow.
        """
        if not self.folders.has(environment):
            return False
        try:
            details = self._inner.get(environment)
        except NotFound:
            return False
        folder = self.folders.of(environment, details.pipeline)
        if folder is None or _links_of(folder) == _wanted_by(details):
            return False
        return self._follow(folder, environment)

    def settle_all(self) -> builtins.list[LastgoodError]:
        """Settle every folder; what one of them cannot do is returned, and keeps nobody from going on."""
        problems = []
        for name in self.folders.names():
            try:
                self.settle(name)
            except LastgoodError as error:
                problems.append(error)
        return problems

    def follow_move(
        self,
        environment: str,
        plan: Callable[[], Moved],
        move: Callable[[Moved | None], Moved],
        operation: OperationId | None,
    ) -> Moved:
        """Move an environment, with its folder prepared before and switched after; every kind of move comes through here.

        Args:
            environment: `prod`, or `support-bot/prod`.
            plan: returns what the move would do.
            move: carries out what was planned, or whatever it is where there is no plan.
            operation: the id under which it may have been carried out before.

        Raises:
            as `deploy`.
        """
        if not self.folders.has(environment):
            return move(None)
        try:
            planned = plan()
        except (NotFound, Refused, Conflict):
            if operation is None:
                raise
            # Of an operation that was done already the registry knows the answer, though it can't be planned again; of
            # any other it says the same as the plan.
            return self._followed(environment, move(None))
        folder = self.folders.of(environment, planned.after.pipeline)
        if folder is None:
            return move(planned)
        with folder.locked():
            # What can't be settled must not keep anybody from going back: the switch below settles it as well.
            with suppress(LastgoodError):
                self._follow(folder, environment)
            self._prepare(folder, planned.after.release)
            if planned.canary is not None:
                self._prepare(folder, planned.canary.release.release)
            # Up to here nothing has moved. A crash from here to the switch leaves `current` behind, for `settle`.
            return self._followed(environment, move(planned), folder)

    def _followed(self, environment: str, moved: Moved, folder: LiveFolder | None = None) -> Moved:
        """Switch the folder after a move, or say exactly what was done and what was not."""
        folder = folder or self.folders.of(environment, moved.after.pipeline)
        if folder is None:
            return moved
        try:
            self._follow(folder, environment)
        except LastgoodError as error:
            raise _behind(moved, folder, error) from error
        except OSError as error:
            raise _behind(moved, folder, of_os_error(error, f"the live folder {folder.root} does not answer")) from error
        return moved

    def _follow(self, folder: LiveFolder, environment: str) -> bool:
        """Switch a folder to what its environment is on; true if it was on something else."""
        with folder.locked():
            details = self._inner.get(environment)
            (top, canary), before = _wanted_by(details), _links_of(folder)
            if before == (top, canary):
                return False
            self._prepare(folder, top)
            if canary is not None:
                self._prepare(folder, canary)
            # A crash between the two leaves one of them behind, for `settle`.
            if before[0] != top:
                folder.switch(top)
            if before[1] != canary:
                folder.switch_canary(canary)
            good = [] if details.below is None else [details.below.release]
            # The service reads the right release already; what can't be removed now is removed after the next switch.
            with suppress(LastgoodError):
                folder.prune({one for one in (top, canary, *before, *good) if one is not None})
            return True

    def _prepare(self, folder: LiveFolder, release: ReleaseId) -> None:
        folder.prepare(self._registry.releases.manifest(release), self._registry.files)


def _links_of(folder: LiveFolder) -> tuple[ReleaseId | None, ReleaseId | None]:
    return folder.current(), folder.canary()


def _wanted_by(details: EnvironmentDetails) -> tuple[ReleaseId, ReleaseId | None]:
    return details.release.release, None if details.canary is None else details.canary.release.release


def _pinned(planned: Moved | None, revision: str | None, expect: int | None) -> tuple[str | None, int | None]:
    """Return the release and the environment's revision that were planned for, or what was asked where nothing was."""
    return (revision, expect) if planned is None else (str(planned.after.release), planned.revision)


def _behind(moved: Moved, folder: LiveFolder, error: LastgoodError) -> LiveFolderBehind:
    name, release = moved.environment, moved.after
    done = f"{name} was moved to {release.label}" if moved.changed else f"{name} is on {release.label}"
    return LiveFolderBehind(
        f"{done} (revision {moved.revision}), and that stands; but {folder.root / 'current'} was not switched:"
        f" {error.message.removesuffix(_INTACT)}",
        hint=f"lastgood env show {name}, once the cause is gone: every command on environments switches it first",
        details={
            "environment": str(name),
            "revision": moved.revision,
            "release": str(release.release),
            "folder": str(folder.root),
            "cause": error.kind,
        },
    )
