"""Retention as verbs: what a policy would let go, and letting exactly that go.

The rule, in words: `apply` takes the digest of a plan that somebody looked at, makes the plan anew inside the transaction
that records it, and refuses if it is another one by now. It only records: the bytes go when the collector comes, a grace
later, and until then `undo` keeps them again.

Crash argument: one transaction appends one event; before its COMMIT nothing is let go, and after it everything that was
planned is. A commit or a deploy beside it is before or after it: before, it made another plan; after, it cannot reach what
was let go, but for content that it brings anew.

    plan = plan_retention(context, pipeline)
    apply_retention(context, pipeline, plan.digest)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lastgood.canonical import canonical_json
from lastgood.catalog import releases
from lastgood.catalog.collection import encoded_bytes
from lastgood.catalog.database import Session
from lastgood.catalog.records import event_of_operation
from lastgood.catalog.retention import recorded_retention
from lastgood.errors import Conflict, Invalid, NotFound
from lastgood.ids import FileDigest, OperationId, PipelineName, PlanDigest, PolicyDigest, ReleaseId
from lastgood.model.changes.retention import Removal, RetentionApplied
from lastgood.model.event import Event
from lastgood.model.parts import RemovedPart, part_of
from lastgood.model.retention import Decision, Policy, decide
from lastgood.model.retention_policy import policy_digest, policy_to_json
from lastgood.registry.context import Context
from lastgood.registry.points import entries_of
from lastgood.registry.reachability import Surveyor
from lastgood.registry.retention_history import Parts, history_of
from lastgood.store.reader import ObjectReader

_SCHEMA = "lastgood.retention-plan/1"
_DIGITS = re.compile(r"[0-9a-f]{6,64}")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a policy would let go now.

    Attributes:
        decisions: about every part whose bytes are kept, the oldest release first.
        digest: of what would be let go; `apply` takes it.
        bytes_logical: the bytes of the files that nothing would keep any more.
        bytes_freed: about how many bytes of the packs would become free once they are collected.
    """

    pipeline: PipelineName
    policy: Policy
    policy_digest: PolicyDigest
    decisions: tuple[Decision, ...]
    digest: PlanDigest
    bytes_logical: int = 0
    bytes_freed: int = 0

    @property
    def going(self) -> list[Decision]:
        """What would be let go."""
        return [one for one in self.decisions if not one.keeps]


@dataclass(frozen=True, slots=True)
class Applied:
    """What was let go, and the operation that an `undo` takes."""

    pipeline: PipelineName
    digest: PlanDigest
    removed: tuple[Removal, ...]
    operation: OperationId


def plan_retention(context: Context, pipeline: PipelineName) -> Plan:
    """Return what the policy of a pipeline would let go now, with the bytes that would become free.

    Raises:
        NotFound: the pipeline has no policy.
        Integrity: a listing cannot be read, so nobody can tell what a release needs.
    """
    with context.database.reading() as session:
        plan = _decide(context, session, pipeline, context.clock.now())
    if not plan.going:
        return plan
    logical, freed = _bytes_of(context, plan.going)
    return Plan(plan.pipeline, plan.policy, plan.policy_digest, plan.decisions, plan.digest, logical, freed)


def apply_retention(context: Context, pipeline: PipelineName, digest: str, operation: OperationId | None = None) -> Applied:
    """Let go what a plan names.

    Args:
        context: the registry.
        pipeline: whose plan it is.
        digest: of the plan, or its first digits, six at least.
        operation: an id that makes a retry safe: done once, it answers as it did.

    Raises:
        Invalid: the digest has another form.
        NotFound: the pipeline has no policy.
        Conflict: what would be let go now is something else than the plan says; nothing was changed.
    """
    if not _DIGITS.fullmatch(digest):
        raise Invalid(f"{digest[:80]!r} is no digest of a plan; nothing was changed", hint="lastgood retention plan")
    asked = context.operation(operation)
    with context.changing(asked) as (session, ledger):
        earlier = event_of_operation(session, asked.id)
        if earlier is not None:
            return _first_answer(earlier, digest)
        plan = _decide(context, session, pipeline, context.clock.now())
        if not str(plan.digest).startswith(digest):
            raise Conflict(
                f"this is not the plan any more: {len(plan.going)} parts would go now, as {plan.digest.short}; nothing was changed",
                hint="lastgood retention plan",
            )
        removed = tuple(Removal(one.release, one.item.component, one.item.part) for one in plan.going)
        if removed:
            ledger.append(RetentionApplied(pipeline, policy_to_json(plan.policy), plan.digest, removed))
    return Applied(pipeline, plan.digest, removed, asked.id)


def _first_answer(earlier: Event, digest: str) -> Applied:
    body = earlier.body
    if not isinstance(body, RetentionApplied) or not str(body.plan).startswith(digest):
        raise Conflict("this operation id was used for another operation; nothing was changed")
    return Applied(body.pipeline, body.plan, body.removed, earlier.operation)


def _decide(context: Context, session: Session, pipeline: PipelineName, now: datetime) -> Plan:
    policy = recorded_retention(session, pipeline)
    if policy is None:
        raise NotFound(
            f"{pipeline} has no retention policy, so nothing ever goes",
            hint="write [retention] in lastgood.toml, then lastgood policy apply",
        )
    history = history_of(session, pipeline, Parts(ObjectReader(context.backend, context.index)).of)
    decisions = tuple(decide(policy, history, now.astimezone(UTC)))
    return Plan(pipeline, policy, policy_digest(policy), decisions, _digest(pipeline, policy, decisions))


def _digest(pipeline: PipelineName, policy: Policy, decisions: Sequence[Decision]) -> PlanDigest:
    going = [[str(one.release), str(one.item.component), one.item.part.value] for one in decisions if not one.keeps]
    return PlanDigest.of(
        canonical_json({"schema": _SCHEMA, "pipeline": str(pipeline), "policy": str(policy_digest(policy)), "removed": going})
    )


def _bytes_of(context: Context, going: Sequence[Decision]) -> tuple[int, int]:
    """Return the bytes of the files that would go, and those that their chunks take in packs."""
    removing: dict[ReleaseId, frozenset[RemovedPart]] = {}
    for one in going:
        removing[one.release] = removing.get(one.release, frozenset()) | {(one.item.component, one.item.part)}
    never = datetime.min.replace(tzinfo=UTC)
    now = context.clock.now()
    without = Surveyor(context, frozenset()).survey(now, never)
    planned = Surveyor(context, frozenset(), removing).survey(now, never)
    files = planned.files.condemned - without.files.condemned
    with context.database.reading() as session:
        freed = encoded_bytes(session, planned.chunks.condemned - without.chunks.condemned)
    return sum(size for digest, size in _sizes(context, going).items() if digest in files), freed


def _sizes(context: Context, going: Sequence[Decision]) -> dict[FileDigest, int]:
    reader = ObjectReader(context.backend, context.index)
    sizes: dict[FileDigest, int] = {}
    for release in {one.release for one in going}:
        with context.database.reading() as session:
            manifest = releases.release_manifest(session, release)
        for one in going:
            if one.release == release:
                entries = entries_of(manifest.components[one.item.component], reader)
                sizes.update({entry.digest: entry.size for entry in entries if part_of(entry.path) is one.item.part})
    return sizes
