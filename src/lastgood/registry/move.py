"""Moving environments: deploy, rollback, canaries and marks, each one transaction with compare-and-swap.

Rules: what a move means is decided in `model.environment`; here it is read, checked against the revision the caller
saw, and recorded. Of two racing moves one wins, the other gets a conflict that names who moved it. A retried operation
gets its first answer. How long a move took is measured from when it was asked for until its event is written; nobody can
write into an event how long its own commit takes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lastgood.catalog import environments, releases
from lastgood.catalog.database import Session
from lastgood.catalog.records import Appender, event_of_operation
from lastgood.errors import AlreadyExists, Conflict, NothingGood, StaleEnvironment
from lastgood.ids import EnvironmentName, IncidentName, OperationId, PipelineName, ReleaseId
from lastgood.model.changes.environments import EnvironmentMoved, MoveKind
from lastgood.model.changes.releases import BehaviorMarked, Verdict
from lastgood.model.environment import (
    Canary,
    Marks,
    Move,
    Target,
    plan_abort,
    plan_canary,
    plan_deploy,
    plan_promote,
    plan_rollback,
    plan_rollback_to,
)
from lastgood.model.event import Event
from lastgood.model.gates.judgement import UNJUDGED, Judgement, judgement_from_json
from lastgood.model.history import Deployment, ReleaseRecord
from lastgood.registry.context import Context
from lastgood.registry.keeping import keep_again, require_what_acts

if TYPE_CHECKING:
    from lastgood.registry.gates import Gatekeeper

MOST_CANDIDATES = 5
GATED = frozenset({MoveKind.DEPLOY, MoveKind.CANARY, MoveKind.PROMOTE})
"""The kinds of moves that gates decide about; the others pass by them."""


@dataclass(frozen=True, slots=True)
class RunningCanary:
    """A release that runs beside what an environment is on, for a share of the calls in percent."""

    release: ReleaseRecord
    percent: int


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of a move, or what would become of it.

    Attributes:
        revision: the environment's revision afterwards; of a plan, the one at which it stands.
        changed: false where everything was as asked for already.
        before: what the environment was on.
        after: what it is on.
        was_suspect: whether a release that was asked for was suspect there, which the move has lifted.
        kind: how it was moved.
        canary: what runs beside it now.
        ended: the canary that this ended.
        operation: the id under which it stands in the ledger; None of a plan, and of what changed nothing.
        gates: what the gates of the environment's policy said.
    """

    environment: EnvironmentName
    revision: int
    changed: bool
    before: ReleaseRecord | None
    after: ReleaseRecord
    was_suspect: bool = False
    kind: MoveKind = MoveKind.DEPLOY
    canary: RunningCanary | None = None
    ended: ReleaseRecord | None = None
    operation: OperationId | None = None
    gates: Judgement = UNJUDGED


@dataclass(frozen=True, slots=True)
class Request:
    """A move that somebody asks for.

    Attributes:
        release: where to, or what to run as a canary; None for a rollback to the last good, for promote and for abort.
        expected: the revision of the environment that the caller saw, 0 where it did not exist.
        percent: the share of a canary.
        incident: what the move answers to.
        elapsed: says how many seconds have passed since the move was asked for.
        override: whether to go on in spite of gates that refuse.
    """

    pipeline: PipelineName
    environment: EnvironmentName
    kind: MoveKind
    release: ReleaseRecord | None
    expected: int
    reason: str | None
    percent: int = 0
    incident: IncidentName | None = None
    elapsed: Callable[[], float] | None = None
    override: bool = False


def move(context: Context, request: Request, operation_id: OperationId | None = None) -> Moved:
    """Move an environment.

    Raises:
        StaleEnvironment: somebody moved it since the caller looked.
        BadRelease: the release behaves like one that was marked bad.
        GateRefused: a gate refuses a deploy.
        NothingGood: a rollback finds nothing good.
        NotFound: a rollback of an environment that has no deployment, or to a release that was never there; no canary runs.
        CanaryRunning: a canary has to be promoted or aborted first.
        AlreadyExists: the environment would be new, and a tag has its name.
        NotFound, Invalid: there is no such incident, or it is one of another pipeline.
        Gone: a policy let go, or somebody purged, what the release needs to run, and it is not there any more.
    """
    operation = context.operation(operation_id)
    gatekeeper = _gatekeeper(context, request)
    with context.changing(operation) as (session, ledger):
        earlier = event_of_operation(session, operation.id)
        if earlier is not None:
            return _first_answer(session, request.pipeline, request.environment, request.kind, earlier)
        current = environments.current_deployment(session, request.pipeline, request.environment)
        _check_expected(request, current)
        if current is None:
            _check_new_name(session, request)
        decided = _decide(session, request, current)
        if decided is None:
            return _unchanged(session, request, current)
        judged = _judge(session, gatekeeper, request, current, decided=decided, now=ledger.now)
        moved = record_move(session, ledger, request, current, decided=decided, judged=judged)
        keep_again(context, session, ledger, reached_by(decided), is_moved=True)
        if request.incident is not None:
            _answer_incident(session, ledger, request.incident, request.pipeline)
        return moved


def _answer_incident(session: Session, ledger: Appender, incident: IncidentName, pipeline: PipelineName) -> None:
    from lastgood.registry.incidents import answer_with_rollback  # noqa: PLC0415 - most moves answer to none

    answer_with_rollback(session, ledger, incident, pipeline)


def plan(context: Context, request: Request) -> Moved:
    """Return what a move would do, without doing it; its `revision` is where the environment stands.

    Raises:
        as `move`.
    """
    gatekeeper = _gatekeeper(context, request)
    with context.database.reading() as session:
        current = environments.current_deployment(session, request.pipeline, request.environment)
        _check_expected(request, current)
        if current is None:
            _check_new_name(session, request)
        decided = _decide(session, request, current)
        if decided is None:
            return _unchanged(session, request, current)
        require_what_acts(context, session, reached_by(decided))
        judged = _judge(session, gatekeeper, request, current, decided=decided, now=context.clock.now())
        return planned_move(session, request, current, decided, judged)


def mark(context: Context, release: ReleaseRecord, verdict: Verdict, reason: str) -> None:
    """Say of a release's behavior that it is bad, everywhere, or good again."""
    with context.changing(context.operation(None)) as (_, ledger):
        ledger.append(BehaviorMarked(release.pipeline, release.release, release.behavior, verdict, ledger.text(reason)))


def reached_by(decided: Move) -> list[ReleaseId]:
    """Return the releases that run after a move."""
    return [decided.release, *([] if decided.canary is None else [decided.canary.release])]


def _gatekeeper(context: Context, request: Request) -> Gatekeeper:
    """Return who judges a move, with everything read that is heavy."""
    from lastgood.registry.gates import Gatekeeper  # noqa: PLC0415 - most commands move nothing, and gates look at much

    gatekeeper = Gatekeeper(context)
    release = _promoted(context, request) if request.kind is MoveKind.PROMOTE else request.release
    if request.kind in GATED and release is not None:
        gatekeeper.prepare(request.pipeline, request.environment, release)
    return gatekeeper


def _promoted(context: Context, request: Request) -> ReleaseRecord | None:
    with context.database.reading() as session:
        current = environments.current_deployment(session, request.pipeline, request.environment)
        if current is None or current.canary is None:
            return None
        return releases.require_release(session, current.canary)


def _judge(
    session: Session,
    gatekeeper: Gatekeeper,
    request: Request,
    current: Deployment | None,
    *,
    decided: Move,
    now: datetime,
) -> Judgement:
    """Ask the gates; a rollback passes by them, but says which would have refused."""
    from lastgood.registry.gates import Occasion  # noqa: PLC0415 - as above

    release = releases.require_release(session, decided.release if decided.canary is None else decided.canary.release)
    live = None if current is None else releases.require_release(session, current.release)
    occasion = Occasion(request.pipeline, request.environment, release, live)
    if request.kind is MoveKind.ABORT:
        return UNJUDGED
    if request.kind not in GATED:
        return gatekeeper.judge_rollback(session, occasion, now)
    return gatekeeper.admit(session, occasion, now, override=request.override)


def _check_expected(request: Request, current: Deployment | None) -> None:
    revision = 0 if current is None else current.revision
    if revision == request.expected:
        return
    if current is None:
        raise StaleEnvironment(f"{request.environment} has no deployment yet, so it is not at {request.expected}")
    raise StaleEnvironment(
        f"{request.environment} was moved to r{current.number} by {current.actor or '(erased)'} "
        f"(revision {current.revision}, expected {request.expected}); it stays there",
        hint=f"lastgood env show {request.environment}, then try again",
        details={"revision": current.revision, "release": str(current.release), "actor": current.actor},
    )


def _check_new_name(session: Session, request: Request) -> None:
    if releases.release_by_tag(session, request.pipeline, request.environment) is not None:
        raise AlreadyExists(f"{request.environment} is a tag of {request.pipeline}, so it cannot be an environment")


def _decide(session: Session, request: Request, current: Deployment | None) -> Move | None:
    marks = environments.marks(session, request.pipeline, request.environment)
    stack = environments.stack(session, request.pipeline, request.environment)
    name, canary = request.environment, running_canary(session, current)
    if request.kind is MoveKind.PROMOTE:
        label = "" if current is None else f"r{current.canary_number}"
        return plan_promote(name, stack, marks, canary, label)
    if request.kind is MoveKind.ABORT:
        return plan_abort(name, stack, canary)
    release = request.release
    if release is None:
        try:
            return plan_rollback(name, stack, marks, canary)
        except NothingGood as error:
            raise _with_candidates(session, request, error, marks) from error
    target = Target(release.release, release.behavior, release.label)
    if request.kind is MoveKind.DEPLOY:
        return plan_deploy(name, target, stack, marks, canary)
    if request.kind is MoveKind.CANARY:
        return plan_canary(name, target, request.percent, stack, marks, canary=canary)
    before = environments.was_deployed(session, request.pipeline, name, release.release)
    return plan_rollback_to(name, target, stack, marks, deployed_before=before, canary=canary)


def running_canary(session: Session, current: Deployment | None) -> Canary | None:
    """Return the canary that runs since a move, or None."""
    if current is None or current.canary is None:
        return None
    return Canary(current.canary, releases.require_release(session, current.canary).behavior, current.percent or 0)


def _with_candidates(session: Session, request: Request, error: NothingGood, marks: Marks) -> NothingGood:
    """Say where `rollback --to` could go: whatever else the environment was on and nobody called bad, newest first."""
    known = {one.release: one for one in reversed(environments.deployments(session, request.pipeline, request.environment))}
    newest = sorted(known.values(), key=lambda one: one.revision, reverse=True)
    candidates = [one for one in newest[1:] if one.behavior not in marks.bad][:MOST_CANDIDATES]
    if not candidates:
        return NothingGood(error.message, hint=f"lastgood log, then lastgood deploy {request.environment} REV")
    told = ", ".join(f"r{one.number}{' (suspect)' if one.behavior in marks.suspect else ''}" for one in candidates)
    return NothingGood(
        f"{error.message}\nit was on {told} before",
        hint=f"lastgood rollback {request.environment} --to r{candidates[0].number}, or to another of these",
        details={"candidates": [str(one.release) for one in candidates]},
    )


def record_move(
    session: Session,
    ledger: Appender,
    request: Request,
    current: Deployment | None,
    *,
    decided: Move,
    judged: Judgement = UNJUDGED,
) -> Moved:
    """Append the event of a move that was decided, on top of the move that an environment stands at."""
    revision = 1 if current is None else current.revision + 1
    body = EnvironmentMoved(
        pipeline=request.pipeline,
        environment=request.environment,
        revision=revision,
        kind=request.kind,
        replaced=None if current is None else current.release,
        release=decided.release,
        behavior=decided.behavior,
        entry=revision if decided.entry is None else decided.entry,
        below=decided.below,
        suspects=decided.suspects,
        cleared=decided.cleared,
        reason=ledger.text(request.reason),
        lifted=decided.lifted,
        canary=None if decided.canary is None else decided.canary.release,
        percent=None if decided.canary is None else decided.canary.percent,
        ended=None if decided.ended is None else decided.ended.release,
        milliseconds=None if request.elapsed is None else max(0, round(request.elapsed() * 1_000)),
        incident=request.incident,
        gates=judged.to_json(),
    )
    return _answer(session, body, ledger.append(body).operation)


def planned_move(session: Session, request: Request, current: Deployment | None, decided: Move, judged: Judgement = UNJUDGED) -> Moved:
    """Return what a move that was decided would do."""
    return Moved(
        request.environment,
        0 if current is None else current.revision,
        changed=True,
        before=None if current is None else releases.require_release(session, current.release),
        after=releases.require_release(session, decided.release),
        was_suspect=decided.cleared is not None,
        kind=request.kind,
        canary=None
        if decided.canary is None
        else RunningCanary(releases.require_release(session, decided.canary.release), decided.canary.percent),
        ended=None if decided.ended is None else releases.require_release(session, decided.ended.release),
        gates=judged,
    )


def _unchanged(session: Session, request: Request, current: Deployment | None) -> Moved:
    assert current is not None  # noqa: S101  # only what is live already is left unchanged
    live = releases.require_release(session, current.release)
    return Moved(
        request.environment,
        current.revision,
        changed=False,
        before=live,
        after=live,
        kind=request.kind,
        canary=None if current.canary is None else RunningCanary(releases.require_release(session, current.canary), current.percent or 0),
    )


def answered(
    context: Context, pipeline: PipelineName, environment: EnvironmentName, kind: MoveKind, operation: OperationId
) -> Moved | None:
    """Return the first answer of an operation that was carried out before, or None.

    Raises:
        Conflict: its id was used for another operation.
    """
    with context.database.reading() as session:
        event = event_of_operation(session, operation)
        return None if event is None else _first_answer(session, pipeline, environment, kind, event)


def _first_answer(session: Session, pipeline: PipelineName, environment: EnvironmentName, kind: MoveKind, event: Event) -> Moved:
    body = event.body
    if not isinstance(body, EnvironmentMoved) or (body.pipeline, body.environment, body.kind) != (pipeline, environment, kind):
        raise Conflict("this operation id was used for another operation; nothing was changed")
    return _answer(session, body, event.operation)


def answer_of(session: Session, event: Event) -> Moved | None:
    """Return what a move answered when it was made; None where an event is no move."""
    return _answer(session, event.body, event.operation) if isinstance(event.body, EnvironmentMoved) else None


def _answer(session: Session, body: EnvironmentMoved, operation: OperationId) -> Moved:
    return Moved(
        body.environment,
        body.revision,
        changed=True,
        before=None if body.replaced is None else releases.require_release(session, body.replaced),
        after=releases.require_release(session, body.release),
        was_suspect=body.cleared is not None,
        kind=body.kind,
        canary=None if body.canary is None else RunningCanary(releases.require_release(session, body.canary), body.percent or 0),
        ended=None if body.ended is None else releases.require_release(session, body.ended),
        operation=operation,
        gates=judgement_from_json(body.gates),
    )
