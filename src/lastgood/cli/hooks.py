"""Telling hooks of a move that was made: what lastgood.toml declares, called after the fact, recorded one by one."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lastgood.cli.session import Session
from lastgood.clock import SystemClock
from lastgood.compare.wording import count
from lastgood.errors import Invalid, LastgoodError
from lastgood.ids import EnvironmentName, PipelineName
from lastgood.machine import acting_person
from lastgood.registry.move import Moved

if TYPE_CHECKING:
    from lastgood.api import OpenRegistry
    from lastgood.integrations.hooks import Call, Delivery
    from lastgood.workspace.declaration import DeclaredHook

_LARGEST_SECRET = 4_096
no_hooks_option = click.option("--no-hooks", is_flag=True, help="Tell no hook of it.")


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook of a workspace, which is where its command runs and its secret's file lies."""

    declared: DeclaredHook
    root: Path


Hooks = Mapping[tuple[PipelineName, EnvironmentName], "list[Hook]"]
"""The hooks of a workspace, by what they are told about."""


def declared_hooks(session: Session) -> Hooks:
    """Return the hooks that lastgood.toml declares; read before anything moves, so that nothing is unreadable after it."""
    if session.workspace_root() is None:
        return {}
    workspace = session.require_workspace()
    return {(workspace.pipeline, one.name): [Hook(hook, workspace.root) for hook in one.hooks] for one in workspace.environments}


def tell_hooks(session: Session, registry: OpenRegistry, declared: Hooks, done: Moved, reason: str | None) -> list[dict[str, object]]:
    """Tell hooks of a move, and record what became of each; nothing that goes wrong with one fails the command.

    Whoever interrupts it leaves the rest of them untold, and the move as it is.
    """
    told: list[dict[str, object]] = []
    if not done.changed or done.operation is None:
        return told
    hooks = declared.get((done.after.pipeline, done.environment), [])
    try:
        for hook in hooks:
            told.append(_tell(session, registry, hook, done, reason))  # noqa: PERF401 - an interrupt leaves those before it
    except KeyboardInterrupt:
        session.output.warn(f"{count(len(hooks) - len(told), 'hook')} of {done.environment} not told; the move stands")
    return told


def _tell(session: Session, registry: OpenRegistry, hook: Hook, done: Moved, reason: str | None) -> dict[str, object]:
    from lastgood.integrations.hooks import Delivery, deliver  # noqa: PLC0415 - most commands tell nobody
    from lastgood.model.changes.environments import HookOutcome, HookRan  # noqa: PLC0415 - likewise

    name = hook.declared.name
    try:
        delivery = deliver(_call_of(session, registry, hook, done, reason), time.sleep)
    except LastgoodError as error:
        delivery = Delivery(is_delivered=False, attempts=0, code=None, why=error.message)
    if not delivery.is_delivered:
        session.output.warn(f"hook {name} of {done.environment} failed after {count(delivery.attempts, 'attempt')}: {delivery.why}")
    outcome = HookOutcome.DELIVERED if delivery.is_delivered else HookOutcome.FAILED
    try:
        place = done.after.pipeline, done.environment, done.revision
        registry.operations.note_hook(HookRan(*place, name, outcome, delivery.attempts, delivery.code))
    except LastgoodError as error:
        session.output.warn(f"what became of hook {name} is not recorded: {error.message}")
    return _json(hook, delivery, outcome.value)


def _json(hook: Hook, delivery: Delivery, outcome: str) -> dict[str, object]:
    return {"hook": hook.declared.name, "outcome": outcome, "attempts": delivery.attempts, "code": delivery.code}


def _call_of(session: Session, registry: OpenRegistry, hook: Hook, done: Moved, reason: str | None) -> Call:
    from lastgood.integrations.hooks import CommandCall, WebhookCall, message_id, message_of  # noqa: PLC0415
    from lastgood.integrations.webhook import parse_secret  # noqa: PLC0415

    declared, clock = hook.declared, SystemClock()
    body = message_of(done, clock, acting_person(session.folder), reason)
    if declared.run is not None:
        return CommandCall(declared.run, hook.root, body)
    key = parse_secret(_secret_of(hook))
    return WebhookCall(str(declared.url), key, message_id(registry.id, done, declared.name), body, clock)


def _secret_of(hook: Hook) -> str:
    if hook.declared.secret_env is not None:
        found = os.environ.get(hook.declared.secret_env)
        if found is None:
            raise Invalid(f"the variable {hook.declared.secret_env} with its secret is not set")
        return found
    path = hook.root / str(hook.declared.secret_file)
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_SECRET).decode("ascii", "replace")
    except OSError as error:
        raise Invalid(f"the file with its secret cannot be read: {error.strerror}") from error
