"""The retention policy as the registry records it, so that storage never grows without one."""

from __future__ import annotations

from lastgood.model.changes.registry import RetentionRecorded
from lastgood.workspace.declaration import Workspace


def retention_of(workspace: Workspace) -> RetentionRecorded | None:
    """Return the event that records a workspace's retention policy, or None where it declares none."""
    declared = workspace.retention
    if declared is None:
        return None
    keep = declared.keep_deployed
    return RetentionRecorded(
        workspace.pipeline,
        {
            "keep_last": declared.keep_last,
            "keep_deployed_seconds": None if keep is None else int(keep.total_seconds()),
            "keep_tagged": declared.keep_tagged,
        },
    )
