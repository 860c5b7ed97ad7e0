"""`lastgood deploy`: move an environment to a release."""

from __future__ import annotations

import click

from lastgood.cli.session import Session, in_session
from lastgood.ids import PipelineName
from lastgood.registry.move import Moved


@click.command("deploy")
@click.argument("environment", metavar="ENV")
@click.argument("revision", metavar="[REV]", default="latest")
@click.option("--reason", metavar="TEXT", help="Why, for whoever asks later.")
@click.option("--expect", metavar="REVISION", type=click.IntRange(min=0), help="Refuse if the environment was moved since.")
@click.option("--dry-run", is_flag=True, help="Say what would happen, and do nothing.")
@in_session
def command(session: Session, environment: str, revision: str, reason: str | None, expect: int | None, dry_run: bool) -> None:
    """Move an environment to a release, by default the latest.

    Deploying what is live changes nothing. An environment comes into being with its first deployment. When somebody
    else moves it at the same time, one of the two wins and the other gets a conflict (exit 5) that names who.
    """
    with session.move() as registry:
        environments = registry.environments
        # Asked before anything moves: what cannot be read now must not fail a move that was made.
        gates = declared_gates(session, environment)
        planned = environments.plan_deploy(environment, revision, expect)
        registry.preflight(str(planned.before.release) if planned.before else None, str(planned.after.release))
        done = planned if dry_run else environments.deploy(environment, str(planned.after.release), reason=reason, expect=planned.revision)
    say_moved(session, done, dry_run=dry_run)
    if done.before is None:
        # Said aloud, since a slip of the keys makes an environment, too, and the one that was meant stays as it is.
        session.output.note(f"{done.environment} {'would be' if dry_run else 'is'} a new environment; lastgood env list has all")
    if done.was_suspect:
        session.output.warn(f"a rollback had left {done.after.label} suspect in {done.environment}; this lifts it")
    session.output.answer("deploy", moved_json(done, gates))


def say_moved(session: Session, done: Moved, *, dry_run: bool) -> None:
    """Say in one line what became of a move."""
    if not done.changed:
        session.output.data(f"{done.environment} is on {done.after.label} {done.after.release.short} already")
        return
    before = f"{done.before.label} → " if done.before else ""
    would = "would go " if dry_run else ""
    session.output.data(f"{done.environment}: {would}{before}{done.after.label} {done.after.release.short}")


def declared_gates(session: Session, environment: str) -> list[dict[str, object]]:
    """Return the gates that lastgood.toml declares for an environment, and say that they are not enforced."""
    if session.workspace_root() is None:
        return []
    workspace = session.require_workspace()
    before, slash, name = environment.rpartition("/")
    if slash and PipelineName.parse(before) != workspace.pipeline:
        return []
    found = [gate for one in workspace.environments if one.name == name for gate in one.gates]
    if found:
        count = f"{len(found)} gate{'s' if len(found) > 1 else ''}"
        session.output.warn(f"lastgood.toml declares {count} for {name}; this version does not enforce gates yet")
    return [{**gate, "enforced": False} for gate in found]


def moved_json(done: Moved, gates: list[dict[str, object]]) -> dict[str, object]:
    """Return the fields of a move for programs."""
    return {
        "environment": done.environment,
        "revision": done.revision,
        "changed": done.changed,
        "from": str(done.before.release) if done.before else None,
        "to": str(done.after.release),
        "from_number": done.before.number if done.before else None,
        "to_number": done.after.number,
        "gates": gates,
    }
