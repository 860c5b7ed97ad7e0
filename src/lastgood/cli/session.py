"""What a command starts from: the folder it runs in, the registry, the workspace."""

from __future__ import annotations

import os
import shlex
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lastgood.api import WORKSPACE_FILE, OpenRegistry, open_at
from lastgood.cli.output import Output
from lastgood.errors import Invalid, InvalidWorkspace, NotFound, of_os_error
from lastgood.machine import machine_settings
from lastgood.registry.embedded import CATALOG, OWN_FOLDER, Settings, find_registry
from lastgood.workspace.finding import find_workspace

if TYPE_CHECKING:
    from lastgood.workspace.declaration import Workspace

LARGEST_SMALL = 16 << 20
Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Session:
    """One run of a command: where it runs, what was asked for, and where its words go."""

    folder: Path
    registry_option: str | None
    accept_clock: bool
    output: Output
    began: float

    def seconds(self) -> float:
        """Return how many seconds the command has taken so far, what it had to import included."""
        return time.monotonic() - self.began

    def workspace_root(self) -> Path | None:
        """Return the nearest folder with a lastgood.toml, looking upward."""
        return find_workspace(self.folder)

    def require_workspace(self) -> Workspace:
        """Read the workspace.

        Raises:
            NotFound: there is no lastgood.toml here or above.
            InvalidWorkspace: it is not right.
        """
        from lastgood.workspace.file import read_workspace  # noqa: PLC0415

        root = self.workspace_root()
        if root is None:
            raise NotFound(f"there is no {WORKSPACE_FILE} in {self.folder} or above", hint="lastgood init")
        return read_workspace(root)

    def read_small(self, file: Path, *, limit: int = LARGEST_SMALL) -> bytes:
        """Read a small file that a person named, such as a checkpoint or a proof.

        Args:
            file: where it is.
            limit: how many bytes it may have.

        Raises:
            Invalid: it is no plain file, or larger than any of these.
            NotFound, NotAllowed, Unavailable: it cannot be read.
        """
        path = self.folder / file
        try:
            # Not to wait for whoever writes into a pipe.
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as opened:
                if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                    raise Invalid(f"{file} is no plain file")
                data = opened.read(limit + 1)
        except IsADirectoryError as error:
            raise Invalid(f"{file} is a folder") from error
        except OSError as error:
            raise of_os_error(error, f"{file} cannot be read") from error
        if len(data) > limit:
            raise Invalid(f"{file} has more than {limit:,} bytes, so it is not what is asked for")
        return data

    def settings(self) -> Settings:
        """Return what a registry is opened with."""
        return replace(machine_settings(self.folder, None, None, accept_clock=self.accept_clock), warn=self.output.warn)

    def registry(self) -> OpenRegistry:
        """Open the registry: --registry, LASTGOOD_REGISTRY, or the nearest one.

        Raises:
            NotFound: there is none.
        """
        return open_at(self._registry_folder(), self.settings(), self.workspace_root())

    def look(self) -> OpenRegistry:
        """Open the registry to read what environments are on, which must be possible beside a broken lastgood.toml.

        Live folders catch up first, unless nobody knows where they are.
        """
        registry = None
        try:
            registry = self.registry()
            self.settle(registry)
        except InvalidWorkspace as error:
            if registry is not None:
                registry.close()
            self.output.warn(f"{error.message}\nso live folders were not looked at")
            return open_at(self._registry_folder(), self.settings(), None)
        return registry

    def move(self) -> OpenRegistry:
        """Open the registry to move an environment; its live folder must be known, or the service would stay behind.

        Raises:
            InvalidWorkspace: lastgood.toml is not right; the hint says how to go on all the same.
        """
        try:
            registry = self.registry()
            self.settle(registry)
        except InvalidWorkspace as error:
            around = f"lastgood -C / --registry {shlex.quote(str(self._registry_folder()))} …"
            error.hint = f"{error.hint or 'correct it'}; or, without switching live folders: {around}"
            raise
        return registry

    def settle(self, registry: OpenRegistry) -> None:
        """Let live folders catch up with their environments, and say which of them cannot."""
        for problem in registry.environments.settle_all():
            self.output.warn(problem.message)

    def _registry_folder(self) -> Path:
        named = self.registry_option or os.environ.get("LASTGOOD_REGISTRY")
        if not named:
            found = find_registry(self.folder)
            if found is None:
                raise NotFound(f"there is no registry in {self.folder} or above", hint="lastgood init")
            return found
        if "://" in named:
            raise Invalid(f"{named} is no registry this version can open: it opens folders")
        path = (self.folder / named).absolute()
        return path if (path / CATALOG).is_file() else path / OWN_FOLDER


def in_session(function: Command) -> Command:
    """Give a command its session and the option --json."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
    @click.pass_context
    def run(ctx: click.Context, /, *arguments: object, as_json: bool, **options: object) -> object:
        given = ctx.find_root().obj
        folder = Path(given["folder"]).absolute()
        if not folder.is_dir():
            raise NotFound(f"there is no folder {given['folder']}")
        session = Session(folder, given["registry"], given["accept_clock"], Output(json=as_json), given["began"])
        return function(session, *arguments, **options)

    return update_wrapper(run, function)  # type: ignore[return-value]
