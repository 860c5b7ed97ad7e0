r"""The Python API: what `lastgood.open` gives, and what the command line is made of.

    >>> import lastgood, tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "system.md").write_text("Cite the policy.")
    >>> _ = (folder / "lastgood.toml").write_text('pipeline = "bot"\n[components.prompts]\npath = "system.md"\nkind = "prompt"')
    >>> registry = lastgood.init(folder, actor="ana@example.org")
    >>> registry.commit(folder, message="first").release.label
    'r1'
    >>> registry.environments.deploy("prod", reason="launch").after.label
    'r1'
    >>> _ = (folder / "system.md").write_text("Cite the policy if asked.")
    >>> _ = registry.commit(folder, message="warmer"), registry.environments.deploy("prod")
    >>> [change.name for change in registry.diff("prod~1", "prod").changed]
    [ComponentName('prompts')]
    >>> registry.environments.rollback("prod", reason="complaints").after.label
    'r1'
    >>> registry.close()

Everything is typed; every error is a `lastgood.errors.LastgoodError`. Time, randomness and the acting person are read
here, at the edge, unless they are given.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Self

from lastgood.clock import Clock
from lastgood.errors import AlreadyExists, Invalid, NotFound
from lastgood.groups import Groups, workspace_at
from lastgood.ids import ComponentName, PipelineName, RegistryId
from lastgood.machine import machine_settings
from lastgood.model.code import NoCodeHistory
from lastgood.registry.checkout import CheckedOut, Giving, checkout, files_of_release
from lastgood.registry.embedded import (
    CATALOG,
    OWN_FOLDER,
    Settings,
    find_registry,
    open_registry,
)

if TYPE_CHECKING:
    from lastgood.registry.blame import Asked, Blame
    from lastgood.registry.commit import CommitOptions, Committed
    from lastgood.registry.diff import Diff, Looking
    from lastgood.registry.preflight import Preflight
    from lastgood.registry.status import Status
    from lastgood.registry.verify import Verified
    from lastgood.workspace.declaration import Workspace

WORKSPACE_FILE = "lastgood.toml"


class OpenRegistry(Groups):
    """An open registry: its groups, and the verbs that go between it and folders on disk."""

    def commit(
        self,
        folder: str | Path | Workspace,
        options: CommitOptions | None = None,
        *,
        message: str | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Committed:
        """Make a release of a workspace, or answer with its parent where nothing differs.

        Args:
            folder: the folder with lastgood.toml, or a workspace that was read already.
            options: message, tag and the like; `message` alone is short for them.
            message: what the release is for.
            progress: told how many files and bytes more were read.

        Raises:
            InvalidWorkspace, InvalidPath: lastgood.toml or a file is not right.
            ChangedWhileReading: a file was written meanwhile.
            CredentialFound: a file looks like it holds a secret.
            StaleBase: others committed since the workspace's base.
        """
        from lastgood.registry.commit import CommitOptions, commit  # noqa: PLC0415

        workspace, asked = workspace_at(folder), options or CommitOptions(message=message)
        done = commit(self._embedded, workspace, asked, progress)
        if asked.sign or workspace.sign:
            # An operation of its own: what a crash in between leaves unsigned is signed by the next commit, which answers with it.
            self.ledger.sign(done.release)
        return done

    def status(self, folder: str | Path | Workspace, progress: Callable[[int, int], None] | None = None) -> Status:
        """Compare a workspace with the latest release, and say what each environment is on."""
        from lastgood.registry.status import status  # noqa: PLC0415

        return status(self._embedded, workspace_at(folder), progress)

    def diff(self, old: str, new: str | Path | Workspace, looking: Looking | None = None) -> Diff:
        """Compare a release with another, with a workspace, or with a folder, component by component, ranked.

        Args:
            old: a revision.
            new: a revision; a workspace that was read; or a folder in which the release's files lie at their paths.
            looking: how closely to look, and at which component.

        Args:
            old: the one.
            new: the other.
            ranks: says which changes come first; the documented table where it is not given.
            tokens: counts the tokens of prompts, such as `formats.tokenizers.read_tokenizer` gives.

        Raises:
            InvalidRevision, NotFound: a revision means no release.
        """
        from lastgood.registry.diff import Sources, diff  # noqa: PLC0415
        from lastgood.workspace.code_history import GitHistory  # noqa: PLC0415

        history = NoCodeHistory() if self._workspace_root is None else GitHistory(self._workspace_root)
        return diff(Sources(self._embedded, self.evaluations, history), old, new, looking)

    def blame(self, target: str, asked: Asked | None = None) -> Blame:
        """Say which release brought each line, key, tensor or file of a component, and when that first got where.

        Args:
            target: a component, `prompts`, or a file or folder of it, `prompts/system.md`.
            asked: of which release and how closely; by default of the latest.

        Raises:
            InvalidRevision, NotFound: there is no such release, component or file.
        """
        from lastgood.registry.blame import Asked, find_blame  # noqa: PLC0415

        return find_blame(self._embedded.context, self.files, target, asked or Asked())

    def checkout(
        self,
        revision: str,
        folder: str | Path,
        *,
        component: str | None = None,
        link: bool = False,
        verify: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> CheckedOut:
        """Write the files of a release under a new or empty folder, bit for bit.

        Large files come from the cache of this host, where it has them.

        Args:
            revision: the release.
            folder: where to.
            component: write only the files of one component.
            link: let large files be those of the cache, by hard links; no file of the checkout is writable then.
            verify: read what the cache has before it is used, although nobody wrote to it since it was last found right.
            progress: told how many files and bytes more were written.

        Raises:
            AlreadyExists: the folder is not empty.
            Integrity: a byte is not what it should be; the folder is untouched.
        """
        manifest = self.releases.manifest(self.releases.find(revision).release.release)
        name = ComponentName.parse(component) if component is not None else None
        entries = files_of_release(manifest, self.files, name)
        cache = self._embedded.cache
        return checkout(
            self.files,
            entries,
            Path(folder),
            suffix=os.urandom(6).hex(),
            sync=False,
            progress=progress,
            cache=cache.reading_all() if cache is not None and verify else cache,
            giving=Giving.LINKS if link else Giving.COPIES,
        )

    def preflight(self, old: str | None, new: str, *, read: bool = False) -> Preflight:
        """Check that every byte which moving from one release to another brings is there.

        Raises:
            Integrity: something is missing, or is not what it should be.
        """
        from lastgood.registry.preflight import preflight  # noqa: PLC0415

        before = None if old is None else self.releases.find(old).release
        return preflight(self._embedded.context, before, self.releases.find(new).release, read=read)

    def verify(
        self,
        revision: str | None = None,
        progress: Callable[[int], None] | None = None,
        *,
        full: bool = False,
        against: bytes | None = None,
        name_all: bool = False,
    ) -> Verified:
        """Check history, manifests and every byte, of the whole registry or of what one release needs.

        Args:
            revision: the one release.
            progress: told how many bytes more were read.
            full: decode every file as well.
            against: a checkpoint that was kept elsewhere: the history must go on from there.
            name_all: name every row of the catalog that is not what the events say, and not the first few only.
        """
        from lastgood.registry.last_verified import verify_and_note  # noqa: PLC0415

        only = None if revision is None else self.releases.find(revision).release
        return verify_and_note(self._embedded.context, only, progress, full=full, against=against, name_all=name_all)

    def pipelines(self) -> list[PipelineName]:
        """Return the names of its pipelines."""
        return self._embedded.pipelines()

    def close(self) -> None:
        """Let go of its files."""
        self._embedded.close()

    def __enter__(self) -> Self:
        """Return itself; leaving the block closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def open_at(folder: Path, settings: Settings, workspace_root: Path | None) -> OpenRegistry:
    """Open the registry in a `.lastgood` folder; the workspace's pipeline is meant where none is named."""
    embedded = open_registry(folder, settings)
    known = embedded.pipelines()
    if workspace_root is not None and len(known) > 1:
        # Read only where it decides something: history must stay readable beside a broken lastgood.toml.
        pipeline = workspace_at(workspace_root).pipeline
        embedded = embedded.for_pipeline(pipeline if pipeline in known else None)
    return OpenRegistry(embedded, workspace_root)


def open_folder(
    path: str | Path = ".",
    *,
    actor: str | None = None,
    clock: Clock | None = None,
    accept_clock: bool = False,
) -> OpenRegistry:
    """Open the registry of a folder, or of the nearest folder above it.

    Args:
        path: a folder, or its `.lastgood` folder.
        actor: who acts; by default as on the command line.
        clock: what time it is; by default the machine's clock.
        accept_clock: go on although the clock is behind the last event.

    Raises:
        NotFound: there is none.
        NewerSchema: a newer lastgood made it.
        Integrity: it is damaged.
    """
    start = Path(path).absolute()
    folder = start if (start / CATALOG).is_file() else find_registry(start)
    if folder is None:
        raise NotFound(f"there is no registry in {start} or above", hint="lastgood init")
    root = start if (start / WORKSPACE_FILE).is_file() else None
    return open_at(folder, machine_settings(start, actor, clock, accept_clock=accept_clock), root)


def init(path: str | Path = ".", *, pipeline: str | None = None, actor: str | None = None, clock: Clock | None = None) -> OpenRegistry:
    """Make a registry in a folder, with a starter lastgood.toml if it has none, and open it.

    Raises:
        AlreadyExists: there is a registry.
        InvalidWorkspace: the lastgood.toml that is there is not right.
    """
    root = Path(path).absolute()
    settings = machine_settings(root, actor, clock, accept_clock=False)
    make_registry(root, settings, PipelineName.parse(pipeline) if pipeline is not None else None)
    return open_at(root / OWN_FOLDER, settings, root)


def import_backup(file: str | Path, path: str | Path = ".", *, clock: Clock | None = None) -> OpenRegistry:
    """Make the registry that a backup holds, in a folder that has none, and open it.

    Raises:
        AlreadyExists: there is a registry.
        Integrity: the file is no backup, or damaged; nothing was made.
    """
    from lastgood.registry.import_backup import import_backup as make  # noqa: PLC0415

    root = Path(path).absolute()
    settings = machine_settings(root, None, clock, accept_clock=False)
    make(Path(file), root / OWN_FOLDER, settings)
    return open_folder(root, clock=clock)


def make_registry(root: Path, settings: Settings, pipeline: PipelineName | None) -> Workspace:
    """Make a registry in a folder, with a starter lastgood.toml if it has none; a file that is there is kept.

    Raises:
        AlreadyExists: there is a registry.
        Invalid: the file that is there names another pipeline.
        InvalidWorkspace: the file that is there is not right.
    """
    from lastgood.registry.creation import create_registry  # noqa: PLC0415
    from lastgood.registry.retention import retention_of  # noqa: PLC0415

    if (root / OWN_FOLDER / CATALOG).exists():
        raise AlreadyExists(f"there is a registry at {root / OWN_FOLDER} already; it was left as it is")
    is_new = not (root / WORKSPACE_FILE).exists()
    if is_new:
        from lastgood.workspace.detect import write_starter_file  # noqa: PLC0415

        write_starter_file(root, pipeline, os.getpid())
    try:
        workspace = workspace_at(root)
        _require_pipeline(workspace, pipeline)
        create_registry(root / OWN_FOLDER, settings, RegistryId(str(uuid.uuid4())), retention_of(workspace))
    except BaseException:
        # Whoever made a registry meanwhile counts on the file.
        if is_new and not (root / OWN_FOLDER / CATALOG).exists():
            (root / WORKSPACE_FILE).unlink(missing_ok=True)
        raise
    return workspace


def _require_pipeline(workspace: Workspace, pipeline: PipelineName | None) -> None:
    if pipeline is not None and pipeline != workspace.pipeline:
        raise Invalid(
            f"{WORKSPACE_FILE} is there already and names the pipeline {workspace.pipeline}, not {pipeline}",
            hint="lastgood init, or change the name in the file",
        )
