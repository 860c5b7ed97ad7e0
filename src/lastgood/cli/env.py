"""`lastgood env`: list environments, show one."""

from __future__ import annotations

from collections.abc import Mapping

import click

from lastgood.cli.output import time_text
from lastgood.cli.policy import policy_lines
from lastgood.cli.session import Session, in_session
from lastgood.cli.verdicts import names_of, say_policy_differs
from lastgood.clock import format_instant
from lastgood.errors import NotFound
from lastgood.model.history import RecordedPolicy
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
        known = {one.environment: one for one in registry.policies.list()}
    rows = [
        (
            one.name,
            f"r{one.current.number}{_beside(one)}",
            one.release.release.short,
            time_text(one.current.recorded_at),
            one.current.actor or "(erased)",
            one.good.label if one.good else "none",
            _gates_text(known.get(one.name)),
        )
        for one in found
    ]
    waiting = [policy for name, policy in known.items() if name not in {one.name for one in found}]
    rows += [(one.environment, "nothing yet", "", "", "", "", _gates_text(one)) for one in waiting]
    session.output.table(("environment", "on", "release", "since", "by", "rollback to", "gates"), rows)
    session.output.answer(
        "env-list",
        {
            "environments": [environment_json(one, known.get(one.name)) for one in found],
            "without_deployment": [one.environment for one in waiting],
        },
    )


@command.command("show")
@click.argument("environment", metavar="ENV")
@in_session
def show_command(session: Session, environment: str) -> None:
    """Show an environment: what it is on, where a rollback would go, what is held against releases there."""
    with session.look() as registry:
        policy = registry.policies.get(environment)
        try:
            found = registry.environments.get(environment)
        except NotFound:
            if policy is None:
                raise
            _show_without_deployment(session, policy)
            return
        held = _held_against(found, registry.environments.history(environment))
        judged = registry.policies.judgements(environment).get(found.revision)
        say_policy_differs(session, registry, environment)
    _print_environment(session, found, policy, held)
    if judged is not None and judged.overridden:
        session.output.warn(f"what it is on was deployed in spite of gates that refused it: {names_of(judged.refusing)}")
    session.output.answer(
        "env-show",
        {
            **environment_json(found, policy),
            "held_against": {f"r{number}": verdict for number, verdict in held.items()},
            "policy": None if policy is None else dict(policy.policy.document),
            "judgement": None if judged is None else judged.to_json(),
            "overridden": judged is not None and judged.overridden,
        },
    )


def _print_environment(session: Session, found: EnvironmentDetails, policy: RecordedPolicy | None, held: Mapping[int, str]) -> None:
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
    _print_policy(session, policy)
    if held:
        output.data(f"held against releases there: {', '.join(f'r{number} ({verdict})' for number, verdict in held.items())}")
    if found.release.behavior in found.marks.bad:
        output.warn("what it is on is marked bad")


def _show_without_deployment(session: Session, policy: RecordedPolicy) -> None:
    session.output.data(f"{policy.environment} is on nothing yet: it has a policy, and no deployment")
    _print_policy(session, policy)
    fields = {"environment": policy.environment, "revision": 0, "release": None, "number": None, "open": policy.policy.is_open}
    session.output.answer("env-show", {**fields, "policy": dict(policy.policy.document), "overridden": False})


def _print_policy(session: Session, policy: RecordedPolicy | None) -> None:
    if policy is None or policy.policy.is_open:
        session.output.data("gates: none, this environment is open")
        return
    session.output.data(f"gates, of the policy {policy.policy.digest.short}:")
    for line in policy_lines(policy.policy):
        session.output.data(line)


def _gates_text(policy: RecordedPolicy | None) -> str:
    return "open" if policy is None or policy.policy.is_open else str(len(policy.policy.gates))


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


def environment_json(one: EnvironmentDetails, policy: RecordedPolicy | None) -> dict[str, object]:
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
        "open": policy is None or policy.policy.is_open,
    }
