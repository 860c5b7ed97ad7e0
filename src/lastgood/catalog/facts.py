"""Facts: the tables that follow from events and nothing else.

The rule, in words: `project` is the only writer of `fact_*`; it looks at one event and at the facts of the events
before it, so replaying the events into empty tables makes the same facts again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lastgood.canonical import canonical_json
from lastgood.catalog.database import Session
from lastgood.clock import format_instant
from lastgood.ids import BehaviorDigest, StateDigest
from lastgood.model.event import (
    BehaviorMarked,
    EnvironmentMoved,
    Event,
    RegistryCreated,
    ReleaseCommitted,
    RetentionRecorded,
    TagSet,
    Verdict,
)
from lastgood.model.fields import Fields

FACT_TABLES = (
    "fact_registry",
    "fact_operations",
    "fact_retention",
    "fact_releases",
    "fact_tags",
    "fact_deployments",
    "fact_environments",
    "fact_suspects",
    "fact_bad",
)


def project(session: Session, event: Event) -> None:
    """Set the facts that follow from one event."""
    session.execute(
        "INSERT INTO fact_operations (operation, sequence) VALUES (:operation, :sequence) ON CONFLICT (operation) DO NOTHING",
        operation=event.operation,
        sequence=event.sequence,
    )
    _PROJECTIONS[type(event.body)](session, event, event.body)


def _created(session: Session, event: Event, body: RegistryCreated) -> None:
    session.execute(
        "INSERT INTO fact_registry (registry, sequence) VALUES (:registry, :sequence)",
        registry=body.registry,
        sequence=event.sequence,
    )


def _retention(session: Session, event: Event, body: RetentionRecorded) -> None:
    session.execute(
        "INSERT INTO fact_retention (pipeline, policy, sequence) VALUES (:pipeline, :policy, :sequence)"
        " ON CONFLICT (pipeline) DO UPDATE SET policy = excluded.policy, sequence = excluded.sequence",
        pipeline=body.pipeline,
        policy=canonical_json(dict(body.policy)).decode(),
        sequence=event.sequence,
    )


def _committed(session: Session, event: Event, body: ReleaseCommitted) -> None:
    manifest = Fields(dict(body.manifest), "a manifest")
    session.execute(
        "INSERT INTO fact_releases"
        " (pipeline, number, release, state, behavior, sequence, recorded_at, author, message)"
        " VALUES (:pipeline, :number, :release, :state, :behavior, :sequence, :recorded_at, :author, :message)",
        pipeline=body.pipeline,
        number=body.number,
        release=body.release,
        state=manifest.digest("state", StateDigest),
        behavior=manifest.digest("behavior", BehaviorDigest),
        sequence=event.sequence,
        recorded_at=format_instant(event.recorded_at),
        author=event.actor,
        message=body.message,
    )


def _tagged(session: Session, event: Event, body: TagSet) -> None:
    session.execute(
        "INSERT INTO fact_tags (pipeline, tag, release, sequence) VALUES (:pipeline, :tag, :release, :sequence)",
        pipeline=body.pipeline,
        tag=body.tag,
        release=body.release,
        sequence=event.sequence,
    )


def _moved(session: Session, event: Event, body: EnvironmentMoved) -> None:
    session.execute(
        "INSERT INTO fact_deployments (pipeline, environment, revision, kind, replaced, release, behavior, entry,"
        " below, sequence, recorded_at, actor, reason) VALUES (:pipeline, :environment, :revision, :kind, :replaced,"
        " :release, :behavior, :entry, :below, :sequence, :recorded_at, :actor, :reason)",
        pipeline=body.pipeline,
        environment=body.environment,
        revision=body.revision,
        kind=body.kind.value,
        replaced=body.replaced,
        release=body.release,
        behavior=body.behavior,
        entry=body.entry,
        below=body.below,
        sequence=event.sequence,
        recorded_at=format_instant(event.recorded_at),
        actor=event.actor,
        reason=body.reason,
    )
    session.execute(
        "INSERT INTO fact_environments (pipeline, environment, revision) VALUES (:pipeline, :environment, :revision)"
        " ON CONFLICT (pipeline, environment) DO UPDATE SET revision = excluded.revision",
        pipeline=body.pipeline,
        environment=body.environment,
        revision=body.revision,
    )
    _suspicions(session, event, body)


def _suspicions(session: Session, event: Event, body: EnvironmentMoved) -> None:
    for behavior in body.suspects:
        session.execute(
            "INSERT INTO fact_suspects (pipeline, environment, behavior, sequence)"
            " VALUES (:pipeline, :environment, :behavior, :sequence)"
            " ON CONFLICT (pipeline, environment, behavior) DO NOTHING",
            pipeline=body.pipeline,
            environment=body.environment,
            behavior=behavior,
            sequence=event.sequence,
        )
    if body.cleared is not None:
        session.execute(
            "DELETE FROM fact_suspects WHERE pipeline = :pipeline AND environment = :environment AND behavior = :behavior",
            pipeline=body.pipeline,
            environment=body.environment,
            behavior=body.cleared,
        )


def _marked(session: Session, event: Event, body: BehaviorMarked) -> None:
    session.execute("DELETE FROM fact_bad WHERE behavior = :behavior", behavior=body.behavior)
    if body.verdict is Verdict.GOOD:
        session.execute("DELETE FROM fact_suspects WHERE behavior = :behavior", behavior=body.behavior)
        return
    session.execute(
        "INSERT INTO fact_bad (behavior, release, sequence, recorded_at, actor, reason)"
        " VALUES (:behavior, :release, :sequence, :recorded_at, :actor, :reason)",
        behavior=body.behavior,
        release=body.release,
        sequence=event.sequence,
        recorded_at=format_instant(event.recorded_at),
        actor=event.actor,
        reason=body.reason,
    )


_Projection = Callable[[Session, Event, Any], None]

_PROJECTIONS: Mapping[type, _Projection] = {
    RegistryCreated: _created,
    RetentionRecorded: _retention,
    ReleaseCommitted: _committed,
    TagSet: _tagged,
    EnvironmentMoved: _moved,
    BehaviorMarked: _marked,
}
