"""`lastgood env`: list environments, show one."""

from __future__ import annotations

import click

from lastgood.cli.output import time_text
from lastgood.cli.session import Session, in_session
from lastgood.clock import format_instant
from lastgood.registry.history import EnvironmentDetails, Stay


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
            f"r{one.current.number}{_beside(one)}",
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
        held = _held_against(found, registry.environments.history(environment))
    output = session.output
    why = f": {found.current.reason}" if found.current.reason else ""
    output.data(f"{found.pipeline}/{found.name} is on {found.release.label} {found.release.release.short}")
    output.data(
        f"revision {found.revision}, {found.current.kind.value} by {found.current.actor or '(erased)'}, "
        f"{time_text(found.current.recorded_at)}{why}"
    )
    if found.canary is not None:
        running = found.canary.release
        output.data(f"beside it the canary {running.label} {running.release.short} answers {found.canary.percent}% of the calls")
    output.data(f"rollback goes to {found.good.label}" if found.good else "nothing good to roll back to")
    output.data("gates: none, this environment is open")
    if held:
        output.data(f"held against releases there: {', '.join(f'r{number} ({verdict})' for number, verdict in held.items())}")
    if found.release.behavior in found.marks.bad:
        output.warn("what it is on is marked bad")
    output.answer("env-show", {**environment_json(found), "held_against": {f"r{number}": verdict for number, verdict in held.items()}})


@command.command("choose")
@click.argument("environment", metavar="ENV")
@click.argument("key", metavar="KEY")
@in_session
def choose_command(session: Session, environment: str, key: str) -> None:
    """Say which release answers the calls of a user or a conversation: what ENV is on, or the canary beside it.

    One KEY always gets one answer, until the environment moves; a canary that takes a larger share keeps the keys it has.
    """
    with session.look() as registry:
        chosen = registry.environments.canaries.choose(environment, key)
    release = chosen.release
    session.output.data(f"{release.label} {release.release.short}{', the canary' if chosen.is_canary else ''}")
    session.output.answer(
        "env-choose",
        {"environment": environment, "release": str(release.release), "number": release.number, "canary": chosen.is_canary},
    )


def _beside(one: EnvironmentDetails) -> str:
    return "" if one.canary is None else f" ({one.canary.release.label} {one.canary.percent}%)"


def _held_against(found: EnvironmentDetails, history: list[Stay]) -> dict[int, str]:
    """Return the numbers of the releases that ran there and are bad or suspect, the highest first."""
    behaviors = {stay.deployment.number: stay.deployment.behavior for stay in history}
    return {
        number: "bad" if behavior in found.marks.bad else "suspect"
        for number, behavior in sorted(behaviors.items(), reverse=True)
        if not found.marks.allows(behavior)
    }


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
        "canary": str(one.canary.release.release) if one.canary else None,
        "canary_number": one.canary.release.number if one.canary else None,
        "percent": one.canary.percent if one.canary else None,
        "open": True,
    }
