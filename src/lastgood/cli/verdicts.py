"""How what gates say is shown, and whether lastgood.toml still says the same as the policy that counts."""

from __future__ import annotations

from collections.abc import Iterable

from lastgood.api import OpenRegistry
from lastgood.cli.session import Session
from lastgood.errors import InvalidWorkspace
from lastgood.ids import EnvironmentName, PipelineName
from lastgood.model.gates.judgement import Judgement
from lastgood.model.gates.policy import policy_digest, policy_document
from lastgood.model.gates.verdict import GateVerdict


def say_gates(session: Session, environment: str, judged: Judgement) -> None:
    """Say what the gates of a move said."""
    if judged.is_open:
        session.output.note(f"{environment} is open: it has no gates")
    for one in judged.verdicts:
        if one.passed:
            session.output.note(f"gate passed: {one.line}")
        elif judged.skipped:
            session.output.note(f"gate passed by, would have refused: {one.line}")
        else:
            session.output.warn(f"gate overridden: {one.line}")


def gates_json(judged: Judgement) -> dict[str, object]:
    """Return what gates said for programs."""
    return {
        "gates": [one.to_json() for one in judged.verdicts],
        "policy": None if judged.policy is None else str(judged.policy),
        "overridden": judged.overridden,
    }


def names_of(verdicts: Iterable[GateVerdict]) -> str:
    """Return the names of gates on one line."""
    return ", ".join(one.gate for one in verdicts)


def say_policy_differs(session: Session, registry: OpenRegistry, environment: str) -> None:
    """Say so where lastgood.toml declares another policy than the one that counts.

    Asked before anything moves: a file that cannot be read must not fail a move that was made.
    """
    if session.workspace_root() is None:
        return
    try:
        workspace = session.require_workspace()
    except InvalidWorkspace:
        # Who moves an environment is told elsewhere, and who only looks need not know.
        return
    before, slash, name = environment.rpartition("/")
    if workspace.pipeline not in registry.pipelines() or (slash and PipelineName.parse(before) != workspace.pipeline):
        return
    declared = next((one.policy for one in workspace.environments if one.name == name), policy_document())
    known = {one.environment: one.policy.digest for one in registry.policies.list(workspace.pipeline)}
    recorded = known.get(EnvironmentName(name), policy_digest(policy_document()))
    if policy_digest(declared) != recorded:
        session.output.warn(
            f"lastgood.toml declares another policy for {name} than the recorded one, which counts: lastgood policy apply {name} --dry-run"
        )
