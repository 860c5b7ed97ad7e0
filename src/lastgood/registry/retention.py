"""The retention policy as the registry records it, so that storage never grows without one."""

from __future__ import annotations

from lastgood.model.changes.registry import RetentionRecorded
from lastgood.model.retention_policy import policy_to_json
from lastgood.workspace.declaration import Workspace


def retention_of(workspace: Workspace) -> RetentionRecorded | None:
    """Return the event that records a workspace's retention policy, or None where it declares none."""
    if workspace.retention is None:
        return None
    return RetentionRecorded(workspace.pipeline, policy_to_json(workspace.retention))
