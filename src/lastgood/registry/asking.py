"""From what a caller says to a move that can be decided: the pipeline, the release, and the revision that was seen.

request = ask(context, "prod", MoveKind.DEPLOY, Wish(revision="latest", reason="launch"))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lastgood.catalog import environments
from lastgood.clock import Clock
from lastgood.errors import Invalid, NotFound
from lastgood.ids import EnvironmentName, IncidentName, OperationId, PipelineName
from lastgood.model.changes.environments import MoveKind
from lastgood.registry import move, resolve
from lastgood.registry.context import Context
from lastgood.registry.move import Moved, Request

_MEASURED = frozenset({MoveKind.ROLLBACK, MoveKind.DEPLOY, MoveKind.PROMOTE})
"""The kinds of moves of which it is recorded how long they took."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller says of a move.

    Attributes:
        revision: where to; None where the move itself knows.
        reason: why, in free text.
        expect: the revision of the environment the caller saw; None for the one at the time of the call.
        percent: the share of a canary.
        incident: what it answers to.
        waited: how many seconds the caller has spent on it already.
        override: whether to go on in spite of gates that refuse.
    """

    revision: str | None = None
    reason: str | None = None
    expect: int | None = None
    percent: int = 0
    incident: str | None = None
    waited: float = 0.0
    override: bool = False


def parse_environment(context: Context, environment: str) -> tuple[PipelineName, EnvironmentName]:
    """Return the pipeline and the name that `prod` or `support-bot/prod` means."""
    before, slash, name = environment.rpartition("/")
    named = PipelineName.parse(before) if slash else None
    with context.database.reading() as session:
        return resolve.choose_pipeline(context, session, named), EnvironmentName.parse(name)


def ask(context: Context, environment: str, kind: MoveKind, wish: Wish) -> Request:
    """Return the move that a caller asks for.

    Raises:
        InvalidRevision, NotFound: the revision means no release of this pipeline.
    """
    elapsed = _stopwatch(context.clock, wish.waited)
    pipeline, name = parse_environment(context, environment)
    # Looked at before the target is: a move in between then is a conflict, and never a move to a target that was
    # chosen by what the environment used to be on.
    expected = revision_of(context, pipeline, name) if wish.expect is None else wish.expect
    release = None if wish.revision is None else resolve.resolve(context, wish.revision, pipeline).release
    if release is not None and release.pipeline != pipeline:
        raise NotFound(f"{release.label} is a release of {release.pipeline}, not of {pipeline}")
    incident = None if wish.incident is None else IncidentName.typed(wish.incident)
    measured = elapsed if kind in _MEASURED else None
    return Request(pipeline, name, kind, release, expected, wish.reason, wish.percent, incident, measured, wish.override)


def carry_out(context: Context, environment: str, kind: MoveKind, wish: Wish, operation: OperationId | None) -> Moved:
    """Move an environment as a caller asks; an operation that was carried out gives its first answer, whatever it meant now."""
    if operation is not None:
        answered = move.answered(context, *parse_environment(context, environment), kind, operation)
        if answered is not None:
            return answered
    if wish.override and not (wish.reason or "").strip():
        raise Invalid("whoever overrides gates says why; nothing was changed", hint="lastgood deploy ENV REV --override --reason …")
    return move.move(context, ask(context, environment, kind, wish), operation)


def revision_of(context: Context, pipeline: PipelineName, environment: EnvironmentName) -> int:
    """Return how many moves an environment has seen; 0 where it does not exist."""
    with context.database.reading() as session:
        current = environments.current_deployment(session, pipeline, environment)
    return 0 if current is None else current.revision


def _stopwatch(clock: Clock, waited: float) -> Callable[[], float]:
    began = clock.now()
    return lambda: waited + max(0.0, (clock.now() - began).total_seconds())
