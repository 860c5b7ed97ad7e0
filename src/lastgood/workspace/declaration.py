"""What a workspace file says, as plain values.

Rules: everything here was checked by `file.py`; paths are relative to the workspace's folder and may stand in a
release; nothing here says whether the files are there. A name that is not declared is None, never an empty text.

    >>> prompts = DeclaredComponent(ComponentName.parse("prompts"), Kind.PROMPT, paths=("prompts",))
    >>> prompts.by_reference, prompts.has_files
    (False, True)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lastgood.canonical import Json, JsonObject
from lastgood.ids import ComponentName, EnvironmentName, HookName, PipelineName
from lastgood.model.component import Kind
from lastgood.model.gates.policy import policy_document
from lastgood.model.retention import Policy as Retention

WORKSPACE_FILE = "lastgood.toml"
OWN_FOLDER = ".lastgood"
NEVER_WALKED = frozenset({OWN_FOLDER, ".git", "__pycache__", ".DS_Store", ".lastgoodignore"})
"""Names that are skipped wherever they stand: other programs' bookkeeping, and this one's own."""

Gate = Mapping[str, Json]
"""One gate, or one window of freeze, as it is written, such as `{"approvals": 1}`; its shape was checked."""


@dataclass(frozen=True, slots=True)
class DeclaredMaking:
    """How a component is said to be made.

    Attributes:
        run: the command.
        inputs: names of components, or URIs.
        seed: the seed of its randomness.
    """

    run: str | None = None
    inputs: tuple[str, ...] = ()
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class DeclaredComponent:
    """One `[components.NAME]` table.

    Attributes:
        paths: files and folders, from the workspace's folder, without a trailing slash; of a runtime its lock files.
        line: the line of the workspace file on which its paths stand, else the line of its table.
        provider, model, fingerprint: of a hosted model.
        key: of a dataset, the field by which its rows are told apart.
        store: `"reference"` for a dataset that is kept by its uri, version and digest instead of by its bytes.
        run, on: of an eval, its command and the dataset component it runs on.
        python, platform, container: of a runtime.
        made_by, derived_from, licence: declared provenance.
    """

    name: ComponentName
    kind: Kind
    paths: tuple[str, ...] = ()
    line: int = 1
    provider: str | None = None
    model: str | None = None
    fingerprint: str | None = None
    key: str | None = None
    store: str | None = None
    uri: str | None = None
    version: str | None = None
    digest: str | None = None
    run: str | None = None
    on: ComponentName | None = None
    python: str | None = None
    platform: str | None = None
    container: str | None = None
    made_by: DeclaredMaking | None = None
    derived_from: tuple[str, ...] = ()
    licence: str | None = None

    @property
    def by_reference(self) -> bool:
        """Whether it is a dataset that is kept by reference."""
        return self.store == "reference"

    @property
    def has_files(self) -> bool:
        """Whether it is made of files in the workspace: hosted models and datasets by reference are not."""
        return bool(self.paths)


@dataclass(frozen=True, slots=True)
class DeclaredHook:
    """One `[[environments.NAME.hooks]]` table: what is told of the moves of an environment after they were made.

    Attributes:
        name: as the record knows it.
        run: a command, split as a shell would; or
        url: an address that a signed webhook is sent to.
        secret_env, secret_file: where the secret of the signature stands; never the secret itself.
    """

    name: HookName
    run: str | None = None
    url: str | None = None
    secret_env: str | None = None
    secret_file: str | None = None


@dataclass(frozen=True, slots=True)
class DeclaredEnvironment:
    """One `[environments.NAME]` table.

    Attributes:
        gates: what a release has to meet.
        live: the folder that deploy and rollback switch on this host.
        freeze: when nothing is deployed.
        override: whether gates may be overridden.
        hooks: who is told of moves.
    """

    name: EnvironmentName
    gates: tuple[Gate, ...] = ()
    live: str | None = None
    hooks: tuple[DeclaredHook, ...] = ()
    freeze: tuple[Gate, ...] = ()
    override: bool = True

    @property
    def policy(self) -> JsonObject:
        """The policy that it declares."""
        return policy_document(self.gates, self.freeze, override=self.override)


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace: its folder and what its file says.

    Attributes:
        root: the folder that holds `lastgood.toml`.
        retention: None if the file has no such table.
        file_bytes: the workspace file, byte for byte.
        sign: whether each release is signed.
        ranks: how likely changes of components and kinds move behavior, by their names, where the file says so.
    """

    root: Path
    pipeline: PipelineName
    components: tuple[DeclaredComponent, ...]
    environments: tuple[DeclaredEnvironment, ...]
    retention: Retention | None
    file_bytes: bytes
    sign: bool = False
    ranks: Mapping[str, int] = field(default_factory=dict)

    @property
    def live_folders(self) -> tuple[Path, ...]:
        """The folders that deploy and rollback switch on this host; they are never part of a component."""
        return tuple(self.root / environment.live for environment in self.environments if environment.live)
