"""`lastgood approve`: say that a release may go to an environment."""

from __future__ import annotations

import click

from lastgood.cli.session import Session, in_session
from lastgood.clock import format_instant
from lastgood.compare.wording import count
from lastgood.model.history import Approval


@click.command("approve")
@click.argument("revision", metavar="REV")
@click.option("--env", "environment", metavar="E", required=True, help="The environment for which it is approved.")
@click.option("--reason", metavar="TEXT", help="Why, for whoever asks later.")
@in_session
def command(session: Session, revision: str, environment: str, reason: str | None) -> None:
    """Approve a release for an environment, as somebody else than its author.

    The gate { approvals = N } counts the people who did. Whoever made a release cannot approve it (exit 6): that is what
    four eyes means, and no permission lifts it. To approve twice changes nothing.
    """
    with session.registry() as registry:
        done = registry.policies.approve(revision, environment, reason)
    said = "approved" if done.created else "approved already"
    session.output.data(
        f"{done.release.label} {done.release.release.short} is {said} for {done.environment}: {count(len(done.approvals), 'approval')}"
    )
    session.output.answer(
        "approve",
        {
            "release": str(done.release.release),
            "number": done.release.number,
            "environment": done.environment,
            "created": done.created,
            "approvals": [approval_json(one) for one in done.approvals],
        },
    )


def approval_json(one: Approval) -> dict[str, object]:
    """Return the fields of an approval for programs."""
    return {
        "environment": one.environment,
        "actor": one.actor,
        "recorded_at": format_instant(one.recorded_at),
        "reason": one.reason,
    }
