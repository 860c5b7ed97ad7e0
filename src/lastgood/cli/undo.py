"""`lastgood undo`: take back what an operation changed."""

from __future__ import annotations

import click

from lastgood.cli.deploy import moved_json, operation_option
from lastgood.cli.hooks import declared_hooks, no_hooks_option, tell_hooks
from lastgood.cli.session import Session, in_session
from lastgood.ids import OperationId


@click.command("undo")
@click.argument("undone", metavar="OP")
@click.option("--reason", metavar="TEXT", help="Why, for whoever asks later.")
@operation_option
@no_hooks_option
@click.option("--dry-run", is_flag=True, help="Say what would happen, and do nothing.")
@in_session
def command(session: Session, undone: str, reason: str | None, operation: str | None, no_hooks: bool, dry_run: bool) -> None:
    """Take back what an operation changed, by a new operation, if nothing changed it since.

    OP is an id of `lastgood log --operations`, or its first letters. A move is undone by going back to what was there
    before, a canary and suspicions with it; a tag, a mark and a hold are taken back. A commit, a first deployment and a
    policy have no inverse (exit 6). An undo is undone like anything else.
    """
    asked = None if operation is None else OperationId.parse(operation)
    with session.move() as registry:
        target = registry.operations.find(undone)
        hooks = {} if no_hooks or dry_run else declared_hooks(session)
        operations = registry.operations
        done = operations.plan_undo(target) if dry_run else operations.undo(target, reason=reason, operation=asked)
        moved = done.moved
        try:
            for line in done.words:
                session.output.data(f"would do {line}" if dry_run else line)
        finally:
            told = [] if moved is None else tell_hooks(session, registry, hooks, moved, reason)
    session.output.answer(
        "undo",
        {
            "undone": done.undone,
            "operation": done.operation,
            "changes": list(done.words),
            "moved": None if moved is None else moved_json(moved),
            "hooks": told,
        },
    )
