"""Retention as programs ask for it: `registry.retention` of `lastgood.open`.

with lastgood.open(folder) as registry:
    plan = registry.retention.plan("support-bot")
    registry.retention.apply("support-bot", plan.digest)
    registry.upkeep.collect()                                 # the bytes go a grace later
"""

from __future__ import annotations

from lastgood.catalog.database import Session
from lastgood.catalog.removals import Tombstone, removals_of
from lastgood.catalog.retention import recorded_retention
from lastgood.ids import OperationId, PipelineName
from lastgood.model.changes.registry import RetentionRecorded
from lastgood.model.retention import Policy
from lastgood.model.retention_policy import policy_to_json
from lastgood.registry import resolve
from lastgood.registry.context import Context
from lastgood.registry.retention_plan import Applied, Plan, apply_retention, plan_retention
from lastgood.workspace.declaration import Workspace


def retention_of(workspace: Workspace) -> RetentionRecorded | None:
    """Return the event that records a workspace's retention policy, or None where it declares none."""
    if workspace.retention is None:
        return None
    return RetentionRecorded(workspace.pipeline, policy_to_json(workspace.retention))


class Retention:
    """Whose bytes may go."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def policy(self, pipeline: str | None = None) -> Policy | None:
        """Return the policy of a pipeline, None where none was recorded."""
        with self._context.database.reading() as session:
            return recorded_retention(session, self._chosen(session, pipeline))

    def record(self, pipeline: str, policy: Policy) -> bool:
        """Record a policy, from which plans are made from now on; false where it is the same already."""
        named = PipelineName.parse(pipeline)
        with self._context.changing(self._context.operation(None)) as (session, ledger):
            if recorded_retention(session, named) == policy:
                return False
            ledger.append(RetentionRecorded(named, policy_to_json(policy)))
        return True

    def plan(self, pipeline: str | None = None) -> Plan:
        """Return what the policy of a pipeline would let go now.

        Raises:
            NotFound: the pipeline has no policy.
        """
        with self._context.database.reading() as session:
            chosen = self._chosen(session, pipeline)
        return plan_retention(self._context, chosen)

    def apply(self, digest: str, pipeline: str | None = None, *, operation: OperationId | None = None) -> Applied:
        """Let go what a plan names, and nothing else; the collector takes the bytes a grace later.

        Args:
            digest: of the plan, or its first digits.
            pipeline: whose; by default the one that is meant.
            operation: an id that makes a retry safe.

        Raises:
            NotFound: the pipeline has no policy.
            Conflict: what would go now is something else than the plan says.
        """
        with self._context.database.reading() as session:
            chosen = self._chosen(session, pipeline)
        return apply_retention(self._context, chosen, digest, operation)

    def tombstones(self, revision: str) -> list[Tombstone]:
        """Return what was let go of a release."""
        release = resolve.resolve(self._context, revision).release
        with self._context.database.reading() as session:
            return removals_of(session, release.release)

    def _chosen(self, session: Session, pipeline: str | None) -> PipelineName:
        return resolve.choose_pipeline(self._context, session, None if pipeline is None else PipelineName.parse(pipeline))
