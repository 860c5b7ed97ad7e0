"""Facts of releases: their numbers, tags and verdicts."""

from __future__ import annotations

from lastgood.catalog.database import Session
from lastgood.catalog.projections.projection import Projections
from lastgood.clock import format_instant
from lastgood.ids import BehaviorDigest, StateDigest
from lastgood.model.changes.releases import BehaviorMarked, Making, ReleaseCommitted, ReleaseImported, ReleaseSigned, TagSet, Verdict
from lastgood.model.event import Event, author_of
from lastgood.model.fields import Fields

TABLES = ("fact_releases", "fact_tags", "fact_bad", "fact_signatures")


def _committed(session: Session, event: Event, body: Making) -> None:
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
        author=author_of(event),
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


def _signed(session: Session, event: Event, body: ReleaseSigned) -> None:
    session.execute(
        "INSERT INTO fact_signatures (release, verifier_key, signature, sequence) VALUES (:release, :key, :signature, :sequence)"
        " ON CONFLICT (release, verifier_key) DO UPDATE SET signature = excluded.signature, sequence = excluded.sequence",
        release=body.release,
        key=body.key,
        signature=body.signature,
        sequence=event.sequence,
    )


PROJECTIONS: Projections = {
    ReleaseCommitted: _committed,
    ReleaseImported: _committed,
    ReleaseSigned: _signed,
    TagSet: _tagged,
    BehaviorMarked: _marked,
}
