"""`lastgood rollback`: go back to the last good release."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from lastgood.api import OpenRegistry
from lastgood.cli.deploy import moved_json, operation_option, plan_unless_done, say_moved
from lastgood.cli.hooks import declared_hooks, no_hooks_option, tell_hooks
from lastgood.cli.output import time_text
from lastgood.cli.rendering import How, print_comparison
from lastgood.cli.session import Session, in_session
from lastgood.cli.verdicts import say_gates
from lastgood.compare.wording import count, size
from lastgood.errors import LastgoodError
from lastgood.ids import IncidentName, OperationId
from lastgood.registry.asking import Wish
from lastgood.registry.move import Moved
from lastgood.registry.preflight import Preflight

if TYPE_CHECKING:
    from lastgood.compare.fitting import Misfit


@click.command("rollback")
@click.argument("environment", metavar="ENV")
@click.option("--to", "revision", metavar="REV", help="A release that was deployed there before. [default: ENV@good]")
@click.option("--incident", metavar="N", help="What it answers to; recorded as you name it, and not looked up.")
@click.option("--reason", metavar="TEXT", help="Why, for whoever asks later.")
@click.option("--expect", metavar="REVISION", type=click.IntRange(min=0), help="Refuse if the environment was moved since.")
@click.option("--verify", "read", is_flag=True, help="Read and verify every byte of the target first.")
@operation_option
@no_hooks_option
@click.option("--dry-run", is_flag=True, help="Say what would happen, and do nothing.")
@in_session
def command(
    session: Session,
    environment: str,
    revision: str | None,
    incident: str | None,
    reason: str | None,
    expect: int | None,
    read: bool,
    operation: str | None,
    no_hooks: bool,
    dry_run: bool,
) -> None:
    """Go back to the last good release, at once.

    That is the nearest earlier one that is neither bad nor suspect and behaves differently from what is live. What is
    left behind becomes suspect, so a second rollback goes further back, never forward. While a canary runs it is the
    canary that is left behind. What it changes is printed, and what callers know by name and would not find any more.
    It passes by the gates of the environment, and says which would have refused.
    """
    asked = None if operation is None else OperationId.parse(operation)
    named = None if incident is None else IncidentName.parse(incident)
    with session.move() as registry:
        environments = registry.environments
        # Asked before anything moves: what cannot be read now must not fail a move that was made.
        hooks = {} if no_hooks or dry_run else declared_hooks(session)
        planned = plan_unless_done(lambda: environments.plan_rollback(environment, revision, expect), None if dry_run else asked)
        found = [] if planned is None or not planned.changed else _prepare(session, registry, planned, read=read)
        wish = Wish(revision, reason, expect, incident=named)
        done = planned if dry_run and planned is not None else _roll_back(session, registry, environment, wish, planned, asked)
        seconds = session.seconds()
        try:
            if done.changed and not done.gates.is_open:
                say_gates(session, done.environment, done.gates)
            say_moved(session, done, dry_run=dry_run)
            _say_what_to_know(session, environment, done, seconds, dry_run=dry_run)
        finally:
            told = tell_hooks(session, registry, hooks, done, reason)
    more = {"incident": named, "misfits": [one.to_json() for one in found], "hooks": told}
    fields = moved_json(done) | {"seconds": round(seconds, 3), "seconds_since_detected": None}
    session.output.answer("rollback", fields | more)


def _roll_back(
    session: Session, registry: OpenRegistry, environment: str, wish: Wish, planned: Moved | None, operation: OperationId | None
) -> Moved:
    to, seen = (wish.revision, wish.expect) if planned is None else (str(planned.after.release), planned.revision)
    return registry.environments.rollback(
        environment,
        to,
        reason=wish.reason,
        expect=seen,
        operation=operation,
        incident=wish.incident,
        waited=session.seconds(),
    )


def _prepare(session: Session, registry: OpenRegistry, planned: Moved, *, read: bool) -> list[Misfit]:
    """Check that every byte is there, and say what going back changes and what callers would not find any more."""
    target = planned.after
    # Where only a canary ends it is the canary that is left behind.
    live = planned.ended if planned.ended is not None and planned.before == target else planned.before
    if live is None:
        return []
    checked = registry.preflight(str(live.release), str(target.release), read=read)
    how = "read and verified" if checked.were_read else f"there, with its size{_last_verified(checked)}"
    session.output.note(
        f"going from {live.label} back to {target.label} changes ({count(checked.files, 'file')}, {size(checked.bytes)}, every byte {how}):"
    )
    from lastgood.compare.components import quick_comparer_of  # noqa: PLC0415  # where nothing moves nothing is compared
    from lastgood.compare.fitting import misfits  # noqa: PLC0415
    from lastgood.registry.diff import Looking  # noqa: PLC0415

    changes = registry.diff(str(live.release), str(target.release), Looking(quick_comparer_of))
    print_comparison(session.output, changes.comparison, How.SCREEN, to_stderr=True)
    found = misfits(changes.changed)
    for one in found:
        session.output.warn(one.words)
    return found


def _last_verified(checked: Preflight) -> str:
    return "" if checked.verified_at is None else f", last verified {time_text(checked.verified_at)}"


def _say_what_to_know(session: Session, environment: str, done: Moved, seconds: float, *, dry_run: bool) -> None:
    if not done.changed or dry_run:
        return
    session.output.note(f"done in {seconds:.2f} s; lastgood log --env {environment} has the record")
    _say_what_is_on_disk(session, done)


def _say_what_is_on_disk(session: Session, done: Moved) -> None:
    """Remind of a workspace that still holds what was just left behind: the next commit would bring it back."""
    from lastgood.workspace.local import read_state  # noqa: PLC0415

    left = done.ended if done.ended is not None and done.before == done.after else done.before
    if session.workspace_root() is None or left is None:
        return
    with suppress(LastgoodError):
        if read_state(session.require_workspace()).base == left.release:
            label = left.label
            session.output.note(
                f"the files on disk here are still {label}'s: lastgood diff {done.after.label} {label} says what to take back"
            )
