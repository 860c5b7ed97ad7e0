"""What history says: the deployments of environments, and everything known of one release."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lastgood.catalog import environments, holds, releases, signatures
from lastgood.catalog.database import Session
from lastgood.errors import NotFound
from lastgood.ids import ComponentName, EnvironmentName, PipelineName, ReleaseId
from lastgood.model.environment import Marks, last_good
from lastgood.model.history import BadMark, Deployment, Hold, ReleaseRecord
from lastgood.model.release import Manifest
from lastgood.registry.context import Context
from lastgood.registry.move import RunningCanary, running_canary
from lastgood.registry.publish import changed_components


@dataclass(frozen=True, slots=True)
class Stay:
    """How long an environment stayed on what a deployment brought; `until` is None while it is live."""

    deployment: Deployment
    until: datetime | None


@dataclass(frozen=True, slots=True)
class ReleaseDetails:
    """Everything known of one release: its manifest, where it ran, and what is held against its behavior."""

    release: ReleaseRecord
    manifest: Manifest
    parent: ReleaseRecord | None
    changed: tuple[ComponentName, ...]
    deployments: tuple[Deployment, ...]
    live_in: tuple[EnvironmentName, ...]
    bad: BadMark | None
    suspect_in: tuple[EnvironmentName, ...]
    canary_in: tuple[EnvironmentName, ...]
    held: Hold | None
    signed_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EnvironmentDetails:
    """An environment: what it is on, where a rollback would go, how many moves it has seen, and what runs beside it.

    Attributes:
        below: where a rollback would go once no canary runs any more; the same as `good` where none does.
    """

    name: EnvironmentName
    pipeline: PipelineName
    revision: int
    current: Deployment
    release: ReleaseRecord
    good: ReleaseRecord | None
    marks: Marks
    canary: RunningCanary | None = None
    below: ReleaseRecord | None = None


def log_environment(context: Context, pipeline: PipelineName, environment: EnvironmentName, *, most: int | None = None) -> list[Stay]:
    """Return the deployments of an environment, newest first, each with how long it stayed.

    Raises:
        NotFound: there is no such environment.
    """
    with context.database.reading() as session:
        found = environments.deployments(session, pipeline, environment, most=most)
    if not found:
        raise NotFound(f"{pipeline} has no environment {environment}", hint="lastgood env list")
    newer = [None, *(one.recorded_at for one in found)]
    return [Stay(one, until) for one, until in zip(found, newer, strict=False)]


def release_details(context: Context, record: ReleaseRecord) -> ReleaseDetails:
    """Return everything known of a release."""
    with context.database.reading() as session:
        manifest = releases.release_manifest(session, record.release)
        parent = releases.release_by_id(session, manifest.parents[0]) if manifest.parents else None
        before = releases.release_manifest(session, parent.release) if parent is not None else None
        return ReleaseDetails(
            release=record,
            manifest=manifest,
            parent=parent,
            changed=tuple(sorted(changed_components(before, manifest))),
            deployments=tuple(environments.deployments_of(session, record.pipeline, record.release)),
            live_in=live_releases(session, record.pipeline).get(record.release, ()),
            bad=environments.bad_mark(session, record.behavior),
            suspect_in=tuple(environments.suspect_in(session, record.pipeline, record.behavior)),
            signed_by=tuple(key for key, _ in signatures.signatures_of(session, record.release)),
            canary_in=_canary_in(session, record),
            held=holds.hold_of(session, record.release),
        )


def environment_details(context: Context, pipeline: PipelineName, environment: EnvironmentName) -> EnvironmentDetails:
    """Return an environment.

    Raises:
        NotFound: there is no such environment.
    """
    with context.database.reading() as session:
        return _details(session, pipeline, environment)


def list_environments(context: Context, pipeline: PipelineName) -> list[EnvironmentDetails]:
    """Return the environments of a pipeline, by name."""
    with context.database.reading() as session:
        return [_details(session, pipeline, name) for name in environments.environment_names(session, pipeline)]


def _details(session: Session, pipeline: PipelineName, environment: EnvironmentName) -> EnvironmentDetails:
    current = environments.current_deployment(session, pipeline, environment)
    if current is None:
        raise NotFound(f"{pipeline} has no environment {environment}", hint="lastgood env list")
    marks = environments.marks(session, pipeline, environment)
    canary = running_canary(session, current)
    good = last_good(environments.stack(session, pipeline, environment), marks, canary)
    below = last_good(environments.stack(session, pipeline, environment), marks) if canary else good
    return EnvironmentDetails(
        name=environment,
        pipeline=pipeline,
        revision=current.revision,
        current=current,
        release=releases.require_release(session, current.release),
        good=None if good is None else releases.require_release(session, good.release),
        marks=marks,
        canary=None if canary is None else RunningCanary(releases.require_release(session, canary.release), canary.percent),
        below=None if below is None else releases.require_release(session, below.release),
    )


def live_releases(session: Session, pipeline: PipelineName) -> dict[ReleaseId, tuple[EnvironmentName, ...]]:
    """Return the releases of a pipeline that are live, with where."""
    live: dict[ReleaseId, tuple[EnvironmentName, ...]] = {}
    for name in environments.environment_names(session, pipeline):
        current = environments.current_deployment(session, pipeline, name)
        if current is not None:
            live[current.release] = (*live.get(current.release, ()), name)
    return live


def _canary_in(session: Session, record: ReleaseRecord) -> tuple[EnvironmentName, ...]:
    names = environments.environment_names(session, record.pipeline)
    current = [environments.current_deployment(session, record.pipeline, name) for name in names]
    return tuple(one.environment for one in current if one is not None and one.canary == record.release)
