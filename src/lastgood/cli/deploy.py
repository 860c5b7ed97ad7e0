"""`lastgood deploy`: move an environment to a release."""

from __future__ import annotations

import click

from lastgood.cli.session import Session, in_session
from lastgood.cli.verdicts import gates_json, say_gates, say_policy_differs
from lastgood.errors import Invalid
from lastgood.registry.move import Moved


@click.command("deploy")
@click.argument("environment", metavar="ENV")
@click.argument("revision", metavar="[REV]", default="latest")
@click.option("--reason", metavar="TEXT", help="Why, for whoever asks later.")
@click.option("--expect", metavar="REVISION", type=click.IntRange(min=0), help="Refuse if the environment was moved since.")
@click.option("--override", is_flag=True, help="Go on in spite of gates that refuse; needs --reason, and is kept for ever.")
@click.option("--dry-run", is_flag=True, help="Say what would happen, and do nothing.")
@in_session
def command(
    session: Session,
    environment: str,
    revision: str,
    reason: str | None,
    expect: int | None,
    override: bool,
    dry_run: bool,
) -> None:
    """Move an environment to a release, by default the latest.

    The gates of its policy decide (lastgood policy show ENV): what they refuse is not deployed (exit 6). Deploying what is
    live changes nothing. An environment comes into being with its first deployment. When somebody
    else moves it at the same time, one of the two wins and the other gets a conflict (exit 5) that names who.
    """
    if override and not (reason or "").strip():
        raise Invalid("--override needs --reason: whoever overrides gates says why; nothing was changed")
    with session.move() as registry:
        environments = registry.environments
        say_policy_differs(session, registry, environment)
        planned = environments.plan_deploy(environment, revision, expect, override=override)
        registry.preflight(str(planned.before.release) if planned.before else None, str(planned.after.release))
        to, seen = str(planned.after.release), planned.revision
        done = planned if dry_run else environments.deploy(environment, to, reason=reason, expect=seen, override=override)
    if done.changed:
        say_gates(session, done.environment, done.gates)
    say_moved(session, done, dry_run=dry_run)
    if done.before is None and done.gates.policy is None:
        # Said aloud, since a slip of the keys makes an environment, too, and the one that was meant stays as it is.
        session.output.note(f"{done.environment} {'would be' if dry_run else 'is'} a new environment; lastgood env list has all")
    if done.was_suspect:
        session.output.warn(f"a rollback had left {done.after.label} suspect in {done.environment}; this lifts it")
    session.output.answer("deploy", moved_json(done))


def say_moved(session: Session, done: Moved, *, dry_run: bool) -> None:
    """Say in one line what became of a move."""
    if not done.changed:
        session.output.data(f"{done.environment} is on {done.after.label} {done.after.release.short} already")
        return
    before = f"{done.before.label} → " if done.before else ""
    would = "would go " if dry_run else ""
    session.output.data(f"{done.environment}: {would}{before}{done.after.label} {done.after.release.short}")


def moved_json(done: Moved) -> dict[str, object]:
    """Return the fields of a move for programs."""
    return {
        "environment": done.environment,
        "revision": done.revision,
        "changed": done.changed,
        "from": str(done.before.release) if done.before else None,
        "to": str(done.after.release),
        "from_number": done.before.number if done.before else None,
        "to_number": done.after.number,
        **gates_json(done.gates),
    }
