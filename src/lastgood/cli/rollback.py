"""`lastgood rollback`: go back to the last good release."""

from __future__ import annotations

from contextlib import suppress

import click

from lastgood.api import OpenRegistry
from lastgood.cli.deploy import moved_json, say_moved
from lastgood.cli.rendering import print_comparison
from lastgood.cli.session import Session, in_session
from lastgood.cli.verdicts import say_gates
from lastgood.compare.wording import count, size
from lastgood.errors import LastgoodError
from lastgood.model.history import ReleaseRecord
from lastgood.registry.move import Moved


@click.command("rollback")
@click.argument("environment", metavar="ENV")
@click.option("--to", "revision", metavar="REV", help="A release that was deployed there before. [default: ENV@good]")
@click.option("--reason", metavar="TEXT", help="Why, for whoever asks later.")
@click.option("--expect", metavar="REVISION", type=click.IntRange(min=0), help="Refuse if the environment was moved since.")
@click.option("--verify", "read", is_flag=True, help="Read and verify every byte of the target first.")
@click.option("--dry-run", is_flag=True, help="Say what would happen, and do nothing.")
@in_session
def command(
    session: Session,
    environment: str,
    revision: str | None,
    reason: str | None,
    expect: int | None,
    read: bool,
    dry_run: bool,
) -> None:
    """Go back to the last good release, at once.

    That is the nearest earlier one that is neither bad nor suspect and behaves differently from what is live. What is
    left behind becomes suspect, so a second rollback goes further back, never forward. What it changes is printed. It
    passes by the gates of the environment, and says which would have refused.
    """
    with session.move() as registry:
        environments = registry.environments
        planned = environments.plan_rollback(environment, revision, expect)
        if planned.before is not None and planned.changed:
            _prepare(session, registry, planned.before, planned.after, read=read)
        done = (
            planned if dry_run else environments.rollback(environment, str(planned.after.release), reason=reason, expect=planned.revision)
        )
    seconds = session.seconds()
    if done.changed and not done.gates.is_open:
        say_gates(session, done.environment, done.gates)
    say_moved(session, done, dry_run=dry_run)
    if done.changed and not dry_run:
        session.output.note(f"done in {seconds:.2f} s; lastgood log --env {environment} has the record")
        _say_what_is_on_disk(session, done)
    fields = moved_json(done)
    session.output.answer("rollback", {**fields, "seconds": round(seconds, 3), "seconds_since_detected": None})


def _prepare(session: Session, registry: OpenRegistry, live: ReleaseRecord, target: ReleaseRecord, *, read: bool) -> None:
    checked = registry.preflight(str(live.release), str(target.release), read=read)
    how = "read and verified" if checked.were_read else "there, with its size"
    session.output.note(
        f"going from {live.label} back to {target.label} changes ({count(checked.files, 'file')}, {size(checked.bytes)}, every byte {how}):"
    )
    changes = registry.diff(str(live.release), str(target.release)).changed
    print_comparison(session.output, changes, everything=False, to_stderr=True)


def _say_what_is_on_disk(session: Session, done: Moved) -> None:
    """Remind of a workspace that still holds what was just left behind: the next commit would bring it back."""
    from lastgood.workspace.local import read_state  # noqa: PLC0415

    if session.workspace_root() is None or done.before is None:
        return
    with suppress(LastgoodError):
        if read_state(session.require_workspace()).base == done.before.release:
            label = done.before.label
            session.output.note(
                f"the files on disk here are still {label}'s: lastgood diff {done.after.label} {label} says what to take back"
            )
