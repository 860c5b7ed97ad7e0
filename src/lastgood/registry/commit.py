"""Committing a workspace: from files on disk to a release.

The order: read lastgood.toml, find the base, read what changed in one pass while its bytes go into packs, then publish
(see `publish`). A workspace remembers the release it is based on; what is pending there is the base once the registry
knows it, so a kill between the two harms nothing.

    done = commit(registry, read_workspace(folder), CommitOptions(message="warmer tone"))
    done.release.label, done.created
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from lastgood.canonical import JsonObject
from lastgood.errors import CollectedMeanwhile, InvalidWorkspace, LastgoodError
from lastgood.ids import ComponentName, FileDigest, ReleaseId, TagName
from lastgood.model.component import Component
from lastgood.model.history import ReleaseRecord
from lastgood.model.release import Manifest, state_digest
from lastgood.registry.draft import component_of
from lastgood.registry.protocols import Registry
from lastgood.registry.publish import Draft, Published, is_unchanged
from lastgood.workspace.declaration import OWN_FOLDER, WORKSPACE_FILE, Workspace
from lastgood.workspace.local import read_state, settle, write_pending
from lastgood.workspace.observe import observe
from lastgood.workspace.prepare import Prepared, prepare
from lastgood.workspace.statcache import StatCache

Progress = Callable[[int, int], None]
"""Told, now and then, how many files and bytes more were read."""


TRIES = 3
"""How often a commit is tried whose bytes the collector took from under it; the next time they are kept anew."""


@dataclass(frozen=True, slots=True)
class CommitOptions:
    """What a commit is asked for beside the workspace; it signs where the workspace file says so as well."""

    message: str | None = None
    tag: str | None = None
    onto_latest: bool = False
    allow_secrets: bool = False
    sign: bool = False


@dataclass(frozen=True, slots=True)
class Committed:
    """What became of a commit.

    Attributes:
        release: the release, which is the parent's where nothing differed.
        created: whether it is new.
        files: how many files it has.
        bytes_logical: their bytes.
        bytes_stored_new: the bytes that were written for it.
        changed: the components that differ from the parent.
        reverted: the components in which it takes back what others changed since the base.
    """

    release: ReleaseRecord
    created: bool
    files: int
    bytes_logical: int
    bytes_stored_new: int
    changed: tuple[ComponentName, ...]
    reverted: tuple[ComponentName, ...]


def commit(registry: Registry, workspace: Workspace, options: CommitOptions, progress: Progress | None = None) -> Committed:
    """Make a release of a workspace, or answer with its parent where nothing differs.

    Raises:
        InvalidWorkspace, InvalidPath: lastgood.toml or a file is not right.
        ChangedWhileReading: a file was written meanwhile.
        CredentialFound: a file looks like it holds a secret.
        StaleBase: others committed since the workspace's base.
        AlreadyExists: the tag is taken.
    """
    for _ in range(TRIES - 1):
        with suppress(CollectedMeanwhile):
            return _commit_once(registry, workspace, options, progress)
    return _commit_once(registry, workspace, options, progress)


def _commit_once(registry: Registry, workspace: Workspace, options: CommitOptions, progress: Progress | None) -> Committed:
    _require_components(workspace)
    tag = TagName.parse(options.tag) if options.tag is not None else None
    base = find_base(registry, workspace)
    latest = registry.releases.latest(workspace.pipeline)
    if latest is not None and base is not None and base != latest.release and not options.onto_latest:
        # Said before anything is read; the transaction checks again, since others may commit while this one reads.
        registry.releases.require_latest(workspace.pipeline, base)
    parent = None if latest is None else registry.releases.manifest(latest.release)
    with registry.files.intake(parent) as intake:
        cache = StatCache.load(workspace.root / OWN_FOLDER)
        # Asked again, now that the intake watches: the parent may have been dropped since it was looked up.
        known = intake.kept_whole(frozenset(intake.has_files(list(known_digests(parent)))))
        mends = known != known_digests(parent)
        allow = options.allow_secrets
        prepared = prepare(workspace, intake, cache, known=known, allow_secrets=allow, progress=progress)
        draft = Draft(
            pipeline=workspace.pipeline,
            components=_components_of(workspace, prepared, parent),
            workspace_file=prepared.workspace_file,
            message=options.message,
            tag=tag,
            base=base,
            onto_latest=options.onto_latest,
        )
        if latest is not None and parent is not None and tag is None and not mends and is_unchanged(draft, parent):
            # Answered without the write lock: when the latest release was read, nothing differed from it.
            published = Published(latest, created=False, bytes_stored_new=0)
        else:
            published = registry.releases.publish(draft, intake.finish(), announce=partial(write_pending, workspace))
    _settle(workspace, published)
    return _committed(prepared, published)


def _require_components(workspace: Workspace) -> None:
    if not workspace.components:
        raise InvalidWorkspace(
            f"{WORKSPACE_FILE} declares no component, so there is nothing to make a release of",
            hint=f'name what belongs to the pipeline in {WORKSPACE_FILE}, for example [components.prompts] path = "prompts/"',
        )


def _settle(workspace: Workspace, published: Published) -> None:
    try:
        settle(workspace, published.release.release)
    except LastgoodError:
        # A new release stands, and was written down as pending: it is the base whether this could be written or not.
        if not published.created:
            raise


def find_base(registry: Registry, workspace: Workspace) -> ReleaseId | None:
    """Return the release a workspace is based on; a pending one that the registry knows is it."""
    state = read_state(workspace)
    if state.pending is not None and registry.releases.get(state.pending) is not None:
        return state.pending
    return state.base


def known_digests(parent: Manifest | None) -> frozenset[FileDigest]:
    """Return the listings and the workspace file of a release, which are kept for sure, with all they name."""
    if parent is None:
        return frozenset()
    listings = (one.content.listing for one in parent.components.values())
    return frozenset({parent.workspace_file, *(listing for listing in listings if listing is not None)})


def _components_of(workspace: Workspace, prepared: Prepared, parent: Manifest | None) -> tuple[Component, ...]:
    bare = tuple(component_of(one.declared, one.listing, {}) for one in prepared.components)
    if parent is not None and state_digest(bare) == parent.state:
        # Nothing will be made of it but what declared provenance asks for, so git is not asked.
        return bare
    observed: JsonObject = observe(workspace.root, [path for one in workspace.components for path in one.paths])
    return tuple(component_of(one.declared, one.listing, observed) for one in prepared.components)


def _committed(prepared: Prepared, published: Published) -> Committed:
    # From what is at hand: where nothing is read any more, nothing can fail after the release was made.
    return Committed(
        release=published.release,
        created=published.created,
        files=prepared.files,
        bytes_logical=prepared.bytes_logical,
        bytes_stored_new=published.bytes_stored_new,
        changed=published.changed,
        reverted=published.reverted,
    )
