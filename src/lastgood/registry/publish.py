"""Publishing a release: the step that makes a prepared commit part of history.

The publish order, in words:
    1. the bytes are durable in packs (`intake.finish()`: bytes, fsync, rename, fsync folder);
    2. the workspace writes down which release is pending, with fsync;
    3. one catalog transaction records packs, event and facts;
    4. only then is anything acknowledged.
Crash argument: before the transaction's COMMIT a crash leaves packs that nothing refers to and a pending id that the
catalog does not know, and both are ignored; after it the release is whole, and the pending id is the base.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from lastgood.canonical import parse_json_object
from lastgood.catalog import environments, placement, policies, releases
from lastgood.catalog.database import Session
from lastgood.catalog.purges import Purged, purged_among, purged_files
from lastgood.catalog.records import Appender, event_of_operation
from lastgood.compare.wording import shorten
from lastgood.errors import AlreadyExists, CollectedMeanwhile, Conflict, Integrity, NotFound, PurgedFile, StaleBase
from lastgood.ids import ChunkId, ComponentName, EnvironmentName, FileDigest, PipelineName, ReleaseId, TagName
from lastgood.model.changes.body import Body
from lastgood.model.changes.releases import ReleaseCommitted, TagSet
from lastgood.model.component import Component, MadeBy, Provenance
from lastgood.model.history import ReleaseRecord
from lastgood.model.operation import Operation
from lastgood.model.placement import PackContents, Staged
from lastgood.model.release import Manifest, make_manifest, state_digest
from lastgood.registry.context import Context
from lastgood.registry.points import points_at
from lastgood.store.pack import pack_name
from lastgood.store.reader import ObjectReader


@dataclass(frozen=True, slots=True)
class Draft:
    """A release that is prepared but not published.

    Attributes:
        base: the release the workspace is based on, or None for the latest there is.
        onto_latest: whether it may follow releases that others made since the base.
    """

    pipeline: PipelineName
    components: tuple[Component, ...]
    workspace_file: FileDigest
    message: str | None = None
    tag: TagName | None = None
    base: ReleaseId | None = None
    onto_latest: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a draft.

    Attributes:
        created: false where the draft equals its parent, which then is the release.
        bytes_stored_new: the bytes of the packs that were written for it.
        reverted: the components in which it takes back what others changed since the base.
        changed: the components that differ from its parent.
    """

    release: ReleaseRecord
    created: bool
    bytes_stored_new: int
    reverted: tuple[ComponentName, ...] = ()
    changed: tuple[ComponentName, ...] = ()


def publish(context: Context, draft: Draft, staged: Staged, *, operation: Operation, announce: Callable[[ReleaseId], None]) -> Published:
    """Make a release of a draft whose bytes are durable, unless it equals its parent.

    Args:
        context: the registry.
        draft: the release to make.
        staged: its new packs.
        operation: who asks.
        announce: told the release's id before the transaction commits; what it writes must be durable on return.

    Raises:
        StaleBase: others committed since the base and the draft does not go onto the latest.
        AlreadyExists: the tag is taken.
        CollectedMeanwhile: the collector took bytes that the draft counted on.
        PurgedFile: it holds a file that was purged.
    """
    with context.changing(operation) as (session, ledger):
        answered = event_of_operation(session, operation.id)
        if answered is not None:
            return _first_answer(session, draft, answered.body)
        latest, parent = _latest_of(session, draft.pipeline)
        reverted = _check_base(session, draft, latest, parent)
        # Also where nothing differs: what a repair could not save may have been found on disk again.
        add_packs(context, session, staged.packs)
        if latest is not None and parent is not None and is_unchanged(draft, parent):
            announce(latest.release)
            return Published(_tagged(session, ledger, draft, latest.release), created=False, bytes_stored_new=staged.bytes_stored)
        manifest = _manifest_of(draft, parent, ledger)
        if staged.generation not in {None, placement.current_generation(session)}:
            keep_alive(context, session, manifest)
        refuse_purged(context, session, manifest)
        announce(manifest.release)
        _append(ledger, draft, manifest, number=1 if latest is None else latest.number + 1)
        recorded = _tagged(session, ledger, draft, manifest.release)
    return Published(recorded, created=True, bytes_stored_new=staged.bytes_stored, reverted=reverted, changed=_changed(parent, manifest))


def _changed(old: Manifest | None, new: Manifest) -> tuple[ComponentName, ...]:
    return tuple(sorted(changed_components(old, new)))


def _latest_of(session: Session, pipeline: PipelineName) -> tuple[ReleaseRecord, Manifest] | tuple[None, None]:
    latest = releases.latest_release(session, pipeline)
    return (None, None) if latest is None else (latest, releases.release_manifest(session, latest.release))


def require_packs(context: Context, packs: Sequence[PackContents]) -> None:
    """Check, in a writing transaction, that packs which no catalog knew until now are still there.

    The collector deletes what no catalog knows only in transactions like this one, so what is there now stays.

    Raises:
        CollectedMeanwhile: one is gone.
    """
    for pack in packs:
        try:
            size = context.backend.size(pack_name(pack.pack))
        except NotFound:
            size = -1
        if size != pack.size:
            raise CollectedMeanwhile(f"pack {pack.pack.short} is not there any more; nothing was changed")


def add_packs(context: Context, session: Session, packs: Sequence[PackContents]) -> None:
    """Record durable packs, which a change needs, in its own transaction.

    Raises:
        CollectedMeanwhile: one is gone, or something that it stands on.
        PurgedFile: they bring a file that was purged.
    """
    require_packs(context, packs)
    for purged in purged_among(session, [digest for pack in packs for digest in pack.files]):
        raise purged_refusal(purged)
    placement.add_packs(session, packs)


def refuse_purged(context: Context, session: Session, manifest: Manifest) -> None:
    """Refuse a release that points at a file which was purged; the listings of what it brings are recorded already.

    Raises:
        PurgedFile: it does.
    """
    if session.row("SELECT 1 FROM fact_purged LIMIT 1") is None:
        return
    pointers = points_at(manifest, ObjectReader(context.backend, context.index))
    paths = {one.digest: None if one.entry is None else one.entry.path for one in pointers}
    for purged in purged_among(session, list(paths)):
        raise purged_refusal(purged, paths[purged.file])


def purged_refusal(purged: Purged, path: str | None = None) -> PurgedFile:
    """Return the refusal to keep a file that was purged."""
    return PurgedFile(
        f"{path or 'the file ' + purged.file.short} was {purged.said}, so it is not kept again; nothing was changed",
        hint=f"change or remove it, or lastgood purge --lift {purged.file}, which history keeps",
        details={"file": str(purged.file), "path": path},
    )


def keep_alive(context: Context, session: Session, manifest: Manifest) -> None:
    """Revive everything that a release points at, after something was collected while its commit ran.

    The commit may have counted on bytes that were condemned since, or swept: the first are revived, the second missed.
    """
    reader = ObjectReader(context.backend, context.index)
    try:
        digests = list({pointer.digest for pointer in points_at(manifest, reader)} - purged_files(session))
    except Integrity as error:
        raise CollectedMeanwhile(f"{error.message}; nothing was changed") from error
    keep_files_alive(context, session, digests)


def keep_files_alive(context: Context, session: Session, digests: Sequence[FileDigest]) -> None:
    """Revive files in the transaction that counts on them, after something was collected since it was asked whether they are kept.

    Raises:
        CollectedMeanwhile: they are not all there.
    """
    placement.revive(session, require_files(context, digests), digests)


def require_files(context: Context, digests: Sequence[FileDigest]) -> list[ChunkId]:
    """Return the chunks of files, all of which have to be there, condemned or not.

    Raises:
        CollectedMeanwhile: they are not.
    """
    maps = context.index.find_files(digests)
    chunks = list({chunk for one in maps.values() for chunk in one.chunks})
    if len(maps) < len(digests) or len(context.index.find_chunks(chunks)) < len(chunks):
        raise CollectedMeanwhile("bytes that this change did not keep again were collected; nothing was changed")
    return chunks


def require_latest(context: Context, pipeline: PipelineName, base: ReleaseId) -> None:
    """Refuse a base that is not the latest release of its pipeline.

    Raises:
        StaleBase: others committed since; the error says who and what.
        NotFound: the base is not in this registry.
    """
    with context.database.reading() as session:
        latest = releases.latest_release(session, pipeline)
        if latest is None or latest.release == base:
            return
        found, others = _others(session, pipeline, base, releases.release_manifest(session, latest.release))
        raise _stale(session, found, latest, others)


def set_tag(session: Session, ledger: Appender, release: ReleaseRecord, tag: TagName, *, move_it: bool = False) -> bool:
    """Give a release a tag, from another release if it may move; false where it has it already.

    Raises:
        AlreadyExists: the tag belongs to another release and may not move, or an environment has that name.
    """
    holder = releases.release_by_tag(session, release.pipeline, tag)
    if holder is not None and holder.release == release.release:
        return False
    if holder is not None and not move_it:
        raise AlreadyExists(
            f"the tag {tag} belongs to {holder.label} already; tags do not move by themselves",
            hint=f"lastgood tag {release.label} {tag} --move, which history keeps",
        )
    name = EnvironmentName(tag)
    known = environments.environment_names(session, release.pipeline)
    if name in known or policies.recorded_policy(session, release.pipeline, name) is not None:
        raise AlreadyExists(f"{tag} is an environment of {release.pipeline}, so it cannot be a tag")
    ledger.append(TagSet(release.pipeline, tag, release.release, None if holder is None else holder.release))
    return True


def changed_components(old: Manifest | None, new: Manifest) -> set[ComponentName]:
    """Return the names of the components whose contents differ between two releases."""
    before = {} if old is None else {name: one.digest for name, one in old.components.items()}
    after = {name: one.digest for name, one in new.components.items()}
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def _tagged(session: Session, ledger: Appender, draft: Draft, release: ReleaseId) -> ReleaseRecord:
    recorded = releases.require_release(session, release)
    if draft.tag is None or not set_tag(session, ledger, recorded, draft.tag):
        return recorded
    return releases.require_release(session, release)


def _first_answer(session: Session, draft: Draft, body: Body) -> Published:
    if not isinstance(body, ReleaseCommitted) or body.pipeline != draft.pipeline:
        raise Conflict("this operation id was used for another operation; nothing was changed")
    return Published(releases.require_release(session, body.release), created=True, bytes_stored_new=0)


def _check_base(session: Session, draft: Draft, latest: ReleaseRecord | None, parent: Manifest | None) -> tuple[ComponentName, ...]:
    if latest is None or parent is None or draft.base is None or draft.base == latest.release:
        return ()
    base, others = _others(session, draft.pipeline, draft.base, parent)
    if draft.onto_latest:
        return tuple(sorted(others & _differing(draft, parent)))
    raise _stale(session, base, latest, others)


def _others(session: Session, pipeline: PipelineName, base_id: ReleaseId, latest: Manifest) -> tuple[ReleaseRecord, set[ComponentName]]:
    """Return the base, and the components in which the latest release differs from it."""
    base = releases.release_by_id(session, base_id)
    if base is None:
        raise NotFound(
            f"this workspace is based on the release {base_id.short}, which is not in this registry",
            hint="rm .lastgood/workspace.json, if this registry is the right one",
        )
    if base.pipeline != pipeline:
        raise Conflict(f"this workspace is based on {base.pipeline} {base.label}, a release of another pipeline")
    return base, changed_components(releases.release_manifest(session, base.release), latest)


def _stale(session: Session, base: ReleaseRecord, latest: ReleaseRecord, others: set[ComponentName]) -> StaleBase:
    since = releases.list_releases(session, base.pipeline, after=base.number, most=10)
    lines = [f"  {one.label}  {one.author or '(erased)'}  {_first_line(one)}".rstrip() for one in since]
    changed = ", ".join(sorted(others)) or "nothing but provenance"
    return StaleBase(
        f"this workspace is based on {base.label}, and {latest.label} is the latest now; nothing was committed\n"
        + "\n".join(lines)
        + f"\nthey changed: {changed}",
        hint=f"lastgood diff {base.label} {latest.label}, then lastgood commit --onto latest if yours shall stand",
        details={
            "base": str(base.release),
            "latest": str(latest.release),
            "changed": sorted(others),
            "releases": [str(one.release) for one in since],
        },
    )


def _first_line(record: ReleaseRecord) -> str:
    return shorten((record.message or "").strip().partition("\n")[0])


def _differing(draft: Draft, parent: Manifest) -> set[ComponentName]:
    mine = {one.name: one.digest for one in draft.components}
    theirs = {name: one.digest for name, one in parent.components.items()}
    return {name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)}


def is_unchanged(draft: Draft, parent: Manifest) -> bool:
    """Whether a draft has the state and the declared provenance of its parent, so that no release is made of it."""
    if state_digest(draft.components) != parent.state:
        return False
    return all(one.provenance.declared == parent.components[one.name].provenance.declared for one in draft.components)


def _manifest_of(draft: Draft, parent: Manifest | None, ledger: Appender) -> Manifest:
    contents = {str(one.name): str(one.digest) for one in draft.components}
    before: Mapping[ComponentName, Component] = {} if parent is None else parent.components
    return make_manifest(
        draft.pipeline,
        (replace(one, provenance=_settle(one, before.get(one.name), contents)) for one in draft.components),
        workspace_file=draft.workspace_file,
        parents=() if parent is None else (parent.release,),
        created=ledger.now,
    )


def _settle(component: Component, before: Component | None, contents: Mapping[str, str]) -> Provenance:
    """Return the provenance to record: lineage is carried forward while the content stays the same."""
    provenance = component.provenance
    if before is not None and before.digest == component.digest:
        if before.provenance.declared == provenance.declared:
            return before.provenance
        if before.provenance.made_by and provenance.made_by:
            known = {**contents, **{name: one for name, one in before.provenance.made_by.inputs.items() if one}}
            return replace(provenance, made_by=_with_inputs(provenance.made_by, known))
    if provenance.made_by is None:
        return provenance
    return replace(provenance, made_by=_with_inputs(provenance.made_by, contents))


def _with_inputs(made_by: MadeBy, contents: Mapping[str, str]) -> MadeBy:
    return replace(made_by, inputs={name: contents.get(name) for name in made_by.inputs})


def _append(ledger: Appender, draft: Draft, manifest: Manifest, number: int) -> None:
    ledger.append(
        ReleaseCommitted(
            pipeline=draft.pipeline,
            release=manifest.release,
            number=number,
            manifest=parse_json_object(manifest.document),
            message=ledger.text(draft.message),
        )
    )
