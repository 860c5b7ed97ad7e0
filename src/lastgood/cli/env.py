"""`lastgood env`: list environments, show one."""

from __future__ import annotations

import click

from lastgood.cli.output import time_text
from lastgood.cli.session import Session, in_session
from lastgood.clock import format_instant
from lastgood.registry.history import EnvironmentDetails


@click.group("env")
def command() -> None:
    """List environments, or show one."""


@command.command("list")
@in_session
def list_command(session: Session) -> None:
    """List the environments of the pipeline: what each is on since when, and where a rollback would go."""
    with session.look() as registry:
        found = registry.environments.list()
    rows = [
        (
            one.name,
            f"r{one.current.number}",
            one.release.release.short,
            time_text(one.current.recorded_at),
            one.current.actor or "(erased)",
            one.good.label if one.good else "none",
        )
        for one in found
    ]
    session.output.table(("environment", "on", "release", "since", "by", "rollback to"), rows)
    session.output.answer("env-list", {"environments": [environment_json(one) for one in found]})


@command.command("show")
@click.argument("environment", metavar="ENV")
@in_session
def show_command(session: Session, environment: str) -> None:
    """Show an environment: what it is on, where a rollback would go, what is held against releases there."""
    with session.look() as registry:
        found = registry.environments.get(environment)
    output = session.output
    why = f": {found.current.reason}" if found.current.reason else ""
    output.data(f"{found.pipeline}/{found.name} is on {found.release.label} {found.release.release.short}")
    output.data(
        f"revision {found.revision}, {found.current.kind.value} by {found.current.actor or '(erased)'}, "
        f"{time_text(found.current.recorded_at)}{why}"
    )
    output.data(f"rollback goes to {found.good.label}" if found.good else "nothing good to roll back to")
    output.data("gates: none, this environment is open")
    if found.release.behavior in found.marks.bad:
        output.warn("what it is on is marked bad")
    output.answer("env-show", environment_json(found))


def environment_json(one: EnvironmentDetails) -> dict[str, object]:
    """Return the fields of an environment for programs."""
    return {
        "environment": one.name,
        "pipeline": one.pipeline,
        "revision": one.revision,
        "release": str(one.release.release),
        "number": one.release.number,
        "kind": one.current.kind.value,
        "since": format_instant(one.current.recorded_at),
        "actor": one.current.actor,
        "reason": one.current.reason,
        "good": str(one.good.release) if one.good else None,
        "good_number": one.good.number if one.good else None,
        "open": True,
    }
