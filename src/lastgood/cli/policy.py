"""`lastgood policy`: what environments ask of releases."""

from __future__ import annotations

from collections.abc import Mapping

import click

from lastgood.api import OpenRegistry
from lastgood.cli.output import time_text
from lastgood.cli.session import Session, in_session
from lastgood.clock import format_instant
from lastgood.errors import NotFound
from lastgood.ids import EnvironmentName
from lastgood.model.gates.policy import Policy, Written
from lastgood.registry.policies import PolicyChange
from lastgood.workspace.declaration import Workspace

_RETENTION = {True: "another policy than before", False: "the same as before"}
_ORDER = ("metric", "min", "max", "max_drop", "confidence", "soak", "hours", "bytes", "within_hours", "from", "until", "zone", "reason")


@click.group("policy")
def command() -> None:
    """Record what environments ask of releases, or show it."""


@command.command("apply")
@click.argument("names", metavar="[ENV]...", nargs=-1)
@click.option("--dry-run", is_flag=True, help="Say what would change, and record nothing.")
@in_session
def apply_command(session: Session, names: tuple[str, ...], dry_run: bool) -> None:
    """Record the policies that lastgood.toml declares, of all its environments or of those that are named.

    Where none is named, the policy of retention as well.

    From then on they decide in the registry, whatever a file of whoever deploys says. An environment that did not exist
    comes into being. What is the same already is left as it is.
    """
    workspace = session.require_workspace()
    declared = {one.name: one.policy for one in workspace.environments}
    wanted = {EnvironmentName.parse(name) for name in names} or set(declared)
    if missing := sorted(wanted - declared.keys()):
        raise NotFound(f"lastgood.toml has no [environments.{missing[0]}]; nothing was changed", hint="write it, if only with gates = []")
    documents = {name: policy for name, policy in declared.items() if name in wanted}
    with session.registry() as registry:
        do = registry.policies.plan if dry_run else registry.policies.apply
        changes = do(workspace.pipeline, documents)
        retention = None if names else _retention(registry, workspace, dry_run=dry_run)
        known = registry.pipelines()
        others = [one.environment for one in registry.policies.list(workspace.pipeline)] if workspace.pipeline in known else []
    _say_changes(session, changes, dry_run=dry_run)
    if retention is not None:
        session.output.data(f"retention: {_RETENTION[retention]}{' (nothing was recorded)' if dry_run and retention else ''}")
    for name in sorted(set(others) - declared.keys()):
        session.output.note(f"{name} has a policy that lastgood.toml does not mention; it holds on")
    session.output.answer(
        "policy-apply", {"applied": not dry_run, "policies": [_change_json(one) for one in changes], "retention": retention}
    )


@command.command("show")
@click.argument("environment", metavar="ENV")
@in_session
def show_command(session: Session, environment: str) -> None:
    """Show the policy that holds for an environment: its gates, windows of freeze, and whether they may be overridden."""
    with session.registry() as registry:
        found = registry.policies.get(environment)
    output = session.output
    if found is None:
        output.data(f"{environment} has no policy: it is open")
        output.answer("policy-show", {"environment": environment.rpartition("/")[2], "open": True, "policy": None, "digest": None})
        return
    output.data(f"{found.environment}: policy {found.policy.digest.short} by {found.actor or '(erased)'}, {time_text(found.recorded_at)}")
    for line in policy_lines(found.policy):
        output.data(line)
    fields = {
        "environment": found.environment,
        "open": found.policy.is_open,
        "policy": dict(found.policy.document),
        "digest": str(found.policy.digest),
        "recorded_at": format_instant(found.recorded_at),
        "actor": found.actor,
    }
    output.answer("policy-show", fields)


def _retention(registry: OpenRegistry, workspace: Workspace, *, dry_run: bool) -> bool | None:
    """Record the retention policy; return whether it is another one than before, None where none is declared."""
    if workspace.retention is None:
        return None
    if dry_run:
        known = workspace.pipeline in registry.pipelines()
        return (registry.retention.policy(workspace.pipeline) if known else None) != workspace.retention
    return registry.retention.record(workspace.pipeline, workspace.retention)


def policy_lines(policy: Policy) -> list[str]:
    """Return a policy in words, a line a gate."""
    if policy.is_open:
        return ["  no gates: it is open"]
    written = [one for name in ("gates", "freeze") for one in _tables(policy, name)]
    lines = [f"  {_words(one)}" for one in written]
    if policy.document.get("override") is False:
        lines.append("  nobody may override them")
    return lines


def _tables(policy: Policy, name: str) -> list[Written]:
    written = policy.document.get(name)
    return [one for one in written if isinstance(one, Mapping)] if isinstance(written, list) else []


def _words(gate: Written) -> str:
    # In the order of the documentation: what was recorded is sorted by its keys.
    known = [name for name in _ORDER if name in gate]
    return ", ".join(f"{name} {_value(gate[name])}" for name in [*known, *sorted(gate.keys() - set(known))])


def _value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _say_changes(session: Session, changes: list[PolicyChange], *, dry_run: bool) -> None:
    if not changes:
        session.output.data("lastgood.toml declares no environment")
    for one in changes:
        if not one.changed:
            session.output.data(f"{one.environment}: the same as before")
            continue
        what = "would be recorded" if dry_run else "recorded"
        session.output.data(f"{one.environment}: policy {one.after.digest.short} {what}")
        for line in policy_lines(one.after):
            session.output.data(line)


def _change_json(one: PolicyChange) -> dict[str, object]:
    return {
        "environment": one.environment,
        "changed": one.changed,
        "before": None if one.before is None else str(one.before.digest),
        "digest": str(one.after.digest),
        "open": one.after.is_open,
        "policy": dict(one.after.document),
    }
