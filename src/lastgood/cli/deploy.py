"""`lastgood deploy`: move an environment to a release, at once or by way of a canary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import click

from lastgood.api import OpenRegistry
from lastgood.cli.hooks import declared_hooks, no_hooks_option, tell_hooks
from lastgood.cli.session import Session, in_session
from lastgood.cli.verdicts import gates_json, say_gates, say_policy_differs
from lastgood.errors import Conflict, Invalid, NotFound, Refused
from lastgood.ids import OperationId
from lastgood.model.changes.environments import MoveKind
from lastgood.registry.move import Moved

LATEST = "latest"
operation_option = click.option("--operation", metavar="UUID", help="An id that makes a retry safe: it gets the first answer.")


@dataclass(frozen=True, slots=True)
class Deploying:
    """What was asked for on the command line."""

    environment: str
    revision: str
    percent: int | None
    kind: MoveKind
    reason: str | None
    expect: int | None
    operation: OperationId | None
    override: bool

    def plan(self, registry: OpenRegistry) -> Moved:
        """Return what it would do."""
        environments = registry.environments
        match self.kind, self.percent:
            case MoveKind.CANARY, int(percent):
                return environments.canaries.plan_start(self.environment, self.revision, percent, self.expect, override=self.override)
            case MoveKind.PROMOTE, _:
                return environments.canaries.plan_promote(self.environment, self.expect, override=self.override)
            case MoveKind.ABORT, _:
                return environments.canaries.plan_abort(self.environment, self.expect)
            case _:
                return environments.plan_deploy(self.environment, self.revision, self.expect, override=self.override)

    def do(self, registry: OpenRegistry, planned: Moved | None) -> Moved:
        """Do what was planned, or conflict where it cannot be done any more."""
        environments, place = registry.environments, self.environment
        expect = self.expect if planned is None else planned.revision
        reason, operation = self.reason, self.operation
        match self.kind, self.percent:
            case MoveKind.CANARY, int(percent):
                running = None if planned is None else planned.canary
                to = self.revision if running is None else str(running.release.release)
                return environments.canaries.start(
                    place, to, percent, reason=reason, expect=expect, operation=operation, override=self.override
                )
            case MoveKind.PROMOTE, _:
                return environments.canaries.promote(place, reason=reason, expect=expect, operation=operation, override=self.override)
            case MoveKind.ABORT, _:
                return environments.canaries.abort(place, reason=reason, expect=expect, operation=operation)
            case _:
                to = self.revision if planned is None else str(planned.after.release)
                return environments.deploy(place, to, reason=reason, expect=expect, operation=operation, override=self.override)


@click.command("deploy")
@click.argument("environment", metavar="ENV")
@click.argument("revision", metavar="[REV]", required=False)
@click.option("--canary", "percent", metavar="PCT", type=click.IntRange(1, 99), help="Only for so many percent of the calls.")
@click.option("--promote", is_flag=True, help="Let the canary that runs answer every call.")
@click.option("--abort", is_flag=True, help="End the canary that runs.")
@click.option("--reason", metavar="TEXT", help="Why, for whoever asks later.")
@click.option("--expect", metavar="REVISION", type=click.IntRange(min=0), help="Refuse if the environment was moved since.")
@operation_option
@no_hooks_option
@click.option("--override", is_flag=True, help="Go on in spite of gates that refuse; needs --reason, and is kept for ever.")
@click.option("--dry-run", is_flag=True, help="Say what would happen, and do nothing.")
@in_session
def command(
    session: Session,
    environment: str,
    revision: str | None,
    percent: int | None,
    promote: bool,
    abort: bool,
    reason: str | None,
    expect: int | None,
    operation: str | None,
    no_hooks: bool,
    override: bool,
    dry_run: bool,
) -> None:
    """Move an environment to a release, by default the latest.

    The gates of its policy decide (lastgood policy show ENV): what they refuse is not deployed (exit 6). Deploying what is
    live changes nothing. An environment comes into being with its first deployment. When somebody else moves it at the same
    time, one of the two wins and the other gets a conflict (exit 5) that names who.

    With --canary the release answers a share of the calls beside what is live: always those of the same users, and more of
    them when the share grows. --promote lets it answer all of them, --abort ends it, and so does a rollback.
    """
    if override and not (reason or "").strip():
        raise Invalid("--override needs --reason: whoever overrides gates says why; nothing was changed")
    kind = _kind_of(percent=percent, promote=promote, abort=abort, revision=revision)
    asked = None if operation is None else OperationId.parse(operation)
    deploying = Deploying(environment, revision or LATEST, percent, kind, reason, expect, asked, override)
    _deploy(session, deploying, dry_run=dry_run, tells=not no_hooks and not dry_run)


def _deploy(session: Session, deploying: Deploying, *, dry_run: bool, tells: bool) -> None:
    with session.move() as registry:
        # Asked before anything moves: what cannot be read now must not fail a move that was made.
        say_policy_differs(session, registry, deploying.environment)
        hooks = declared_hooks(session) if tells else {}
        planned = plan_unless_done(lambda: deploying.plan(registry), None if dry_run else deploying.operation)
        if planned is not None:
            _preflight(registry, planned)
        done = planned if dry_run and planned is not None else deploying.do(registry, planned)
        try:
            if done.changed and deploying.kind is not MoveKind.ABORT:
                say_gates(session, done.environment, done.gates)
            say_moved(session, done, dry_run=dry_run)
            _say_what_to_know(session, done, dry_run=dry_run)
        finally:
            told = tell_hooks(session, registry, hooks, done, deploying.reason)
    session.output.answer("deploy", moved_json(done) | {"hooks": told})


def _kind_of(*, percent: int | None, promote: bool, abort: bool, revision: str | None) -> MoveKind:
    if (percent is not None) + promote + abort > 1:
        raise Invalid("--canary, --promote and --abort are three different things", hint="lastgood deploy --help")
    if (promote or abort) and revision is not None:
        raise Invalid(f"--{'promote' if promote else 'abort'} is about the canary that runs; it goes with no REV")
    if promote or abort:
        return MoveKind.PROMOTE if promote else MoveKind.ABORT
    return MoveKind.DEPLOY if percent is None else MoveKind.CANARY


def plan_unless_done(plan: Callable[[], Moved], operation: OperationId | None) -> Moved | None:
    """Return a plan; None where there can be none of an operation that may have been carried out already."""
    try:
        return plan()
    except (NotFound, Refused, Conflict):
        if operation is None:
            raise
        return None


def _preflight(registry: OpenRegistry, planned: Moved) -> None:
    target = planned.after if planned.canary is None else planned.canary.release
    live = None if planned.before is None else str(planned.before.release)
    registry.preflight(live, str(target.release))


def say_moved(session: Session, done: Moved, *, dry_run: bool) -> None:
    """Say in one line what became of a move."""
    beside = "" if done.canary is None else f", {done.canary.release.label} {done.canary.release.release.short} as a canary for "
    beside += "" if done.canary is None else f"{done.canary.percent}% of the calls"
    stays = done.before is not None and done.before.release == done.after.release
    if not done.changed:
        session.output.data(f"{done.environment} is on {done.after.label} {done.after.release.short}{beside} already")
        return
    would = "would " if dry_run else ""
    if stays:
        ended = "" if done.ended is None else f", the canary {done.ended.label} {would}end{'' if dry_run else 's'}"
        session.output.data(f"{done.environment}: {would}stay{'' if dry_run else 's'} on {done.after.label}{beside}{ended}")
        return
    before = f"{done.before.label} → " if done.before else ""
    would = "would go " if dry_run else ""
    session.output.data(f"{done.environment}: {would}{before}{done.after.label} {done.after.release.short}{beside}")


def _say_what_to_know(session: Session, done: Moved, *, dry_run: bool) -> None:
    if done.before is None and done.gates.policy is None:
        # Said aloud, since a slip of the keys makes an environment, too, and the one that was meant stays as it is.
        session.output.note(f"{done.environment} {'would be' if dry_run else 'is'} a new environment; lastgood env list has all")
    if done.was_suspect:
        label = done.after.label if done.canary is None else done.canary.release.label
        session.output.warn(f"a rollback had left {label} suspect in {done.environment}; this lifts it")


def moved_json(done: Moved) -> dict[str, object]:
    """Return the fields of a move for programs."""
    return {
        "environment": done.environment,
        "revision": done.revision,
        "changed": done.changed,
        "kind": done.kind.value,
        "from": str(done.before.release) if done.before else None,
        "to": str(done.after.release),
        "from_number": done.before.number if done.before else None,
        "to_number": done.after.number,
        "canary": str(done.canary.release.release) if done.canary else None,
        "canary_number": done.canary.release.number if done.canary else None,
        "percent": done.canary.percent if done.canary else None,
        "ended_number": done.ended.number if done.ended else None,
        "operation": done.operation,
        **gates_json(done.gates),
    }
