"""`lastgood log`: releases, or the deployments of an environment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import click

from lastgood.cli.output import duration_text, first_line, time_text
from lastgood.cli.session import Session, in_session
from lastgood.cli.verdicts import names_of
from lastgood.clock import format_instant
from lastgood.errors import Invalid
from lastgood.model.changes.environments import MoveKind
from lastgood.model.gates.judgement import Judgement
from lastgood.model.history import Deployment, LoggedOperation
from lastgood.registry.history import Stay
from lastgood.registry.release_log import LoggedRelease, Only

USUAL_OPERATIONS = 50


@click.command("log")
@click.argument("revision", metavar="[REV]", required=False)
@click.option("--env", "environment", metavar="E", help="The deployments of an environment instead.")
@click.option("--component", metavar="C", help="Only releases that changed this component.")
@click.option("--path", metavar="P", help="Only releases that changed this file, through renames, or something in this folder.")
@click.option("--since", metavar="T", help="Only releases of then or later: 3w (ago), 2026-11-02, 2026-11-02T14:05Z.")
@click.option("--until", metavar="T", help="Only releases of then or earlier.")
@click.option("--author", metavar="A", help="Only releases of whoever has this in their name.")
@click.option("--graph", "with_graph", is_flag=True, help="Draw which release follows which.")
@click.option("--operations", "operations", is_flag=True, help="What was done, one operation after the other, instead.")
@click.option("-n", "most", metavar="N", type=click.IntRange(min=1, max=10**9), help="At most N lines.")
@in_session
def command(
    session: Session,
    revision: str | None,
    environment: str | None,
    operations: bool,
    most: int | None,
    with_graph: bool,
    **only: str | None,
) -> None:
    """List releases, newest first: up to REV, or all.

    With --env the deployments of an environment: when, what, by whom, why, and how long it stayed. With --operations
    everything that was done, each with the id that `lastgood undo` takes; the last 50 of them unless -n says how many.
    """
    other = "--operations lists what was done" if operations else "--env lists deployments" if environment is not None else ""
    named = [f"--{name}" for name, value in only.items() if value is not None] + ["--graph"] * with_graph
    named = ["REV"] * (revision is not None) + ["--env"] * (operations and environment is not None) + named
    if other and named:
        raise Invalid(f"{other}; it goes with none of REV, {'--env, ' if operations else ''}--graph and what picks releases: {named[0]}")
    if operations:
        with session.registry() as registry:
            logged_operations = registry.operations.log(USUAL_OPERATIONS if most is None else most)
            said = [(one, registry.operations.say(one)) for one in logged_operations]
        _print_operations(session, said)
        return
    if environment is not None:
        with session.look() as registry:
            stays = registry.environments.history(environment, most)
            judged = registry.policies.judgements(environment)
        _print_stays(session, stays, judged)
        return
    with session.registry() as registry:
        logged = registry.releases.log(revision=revision, only=Only(**only), most=most)
    _print_releases(session, logged, with_graph=with_graph)


def _print_releases(session: Session, logged: list[LoggedRelease], *, with_graph: bool) -> None:
    headers: tuple[str, ...] = ("", "release", "when", "who", "where", "changed", "message")
    rows: list[tuple[str, ...]] = [
        (
            one.release.label,
            one.release.release.short,
            time_text(one.release.recorded_at),
            one.release.author or "(erased)",
            ", ".join([*one.live_in, *one.release.tags]),
            ", ".join(one.changed),
            first_line(one.release.message),
        )
        for one in logged
    ]
    if with_graph:
        from lastgood.cli.graph import draw_graph  # noqa: PLC0415 - few ask for it

        drawn = draw_graph([(one.release.release, one.follows) for one in logged])
        empty = ("",) * len(headers)
        rows = [
            (line, *(row if line == graph.mark else empty))
            for row, graph in zip(rows, drawn, strict=True)
            for line in (*graph.before, graph.mark, *graph.after)
        ]
        headers = ("", *headers)
    session.output.table(headers, rows)
    session.output.answer("log", {"items": [_release_json(one) for one in logged]})


def _release_json(one: LoggedRelease) -> dict[str, object]:
    return {
        "number": one.release.number,
        "release": str(one.release.release),
        "state": str(one.release.state),
        "behavior": str(one.release.behavior),
        "recorded_at": format_instant(one.release.recorded_at),
        "author": one.release.author,
        "message": one.release.message,
        "tags": list(one.release.tags),
        "parents": [str(parent) for parent in one.parents],
        "changed": list(one.changed),
        "live_in": list(one.live_in),
    }


def _print_stays(session: Session, stays: list[Stay], judged: Mapping[int, Judgement]) -> None:
    now = datetime.now(UTC)
    rows = [
        (
            str(stay.deployment.revision),
            time_text(stay.deployment.recorded_at),
            _kind(stay, judged.get(stay.deployment.revision)),
            f"r{stay.deployment.number}",
            _whence(stay.deployment),
            _stayed(stay, now),
            stay.deployment.actor or "(erased)",
            _why(stay.deployment),
        )
        for stay in stays
    ]
    session.output.table(("", "when", "kind", "to", "", "stayed", "who", "why"), rows)
    for stay in stays:
        if (one := judged.get(stay.deployment.revision)) is not None and one.overridden:
            session.output.warn(f"revision {stay.deployment.revision} was deployed in spite of {names_of(one.refusing)}")
    session.output.answer("log", {"items": [_stay_json(stay, judged.get(stay.deployment.revision)) for stay in stays]})


def _stayed(stay: Stay, now: datetime) -> str:
    seconds = ((stay.until or now) - stay.deployment.recorded_at).total_seconds()
    # Where the clock was set back and that was accepted, nobody knows how long it was.
    known = "not known" if seconds < 0 else duration_text(seconds)
    return f"{known} so far" if stay.until is None else known


def _whence(one: Deployment) -> str:
    if one.kind is MoveKind.UNDO and one.canary_number is None:
        return f"from r{one.replaced_number}"
    if one.canary_number is not None:
        return f"r{one.canary_number} for {one.percent}%"
    if one.ended_number is not None and one.ended_number != one.number:
        return f"without r{one.ended_number}"
    return f"from r{one.replaced_number}" if one.replaced_number is not None else ""


def _why(one: Deployment) -> str:
    took = "" if one.milliseconds is None else f"took {one.milliseconds / 1_000:.2f} s"
    incident = "" if one.incident is None else f"incident {one.incident}"
    return "; ".join(part for part in (first_line(one.reason), incident, took) if part)


def _print_operations(session: Session, said: list[tuple[LoggedOperation, list[str]]]) -> None:
    rows = [(one.id[:8], time_text(one.recorded_at), one.actor or "(erased)", "; ".join(lines)) for one, lines in said]
    session.output.table(("id", "when", "who", "what"), rows)
    items = [
        {
            "operation": one.id,
            "sequence": one.sequence,
            "recorded_at": format_instant(one.recorded_at),
            "actor": one.actor,
            "types": [body.type for body in one.changes],
            "changes": lines,
        }
        for one, lines in said
    ]
    session.output.answer("log", {"items": items})


def _kind(stay: Stay, judged: Judgement | None) -> str:
    return f"{stay.deployment.kind.value}{' OVERRIDDEN' if judged is not None and judged.overridden else ''}"


def _stay_json(stay: Stay, judged: Judgement | None) -> dict[str, object]:
    one = stay.deployment
    return {
        "environment": one.environment,
        "revision": one.revision,
        "kind": one.kind.value,
        "from": str(one.replaced) if one.replaced is not None else None,
        "from_number": one.replaced_number,
        "to": str(one.release),
        "to_number": one.number,
        "canary": str(one.canary) if one.canary is not None else None,
        "canary_number": one.canary_number,
        "percent": one.percent,
        "ended_number": one.ended_number,
        "recorded_at": format_instant(one.recorded_at),
        "until": format_instant(stay.until) if stay.until is not None else None,
        "seconds_stayed": None if stay.until is None or stay.until < one.recorded_at else (stay.until - one.recorded_at).total_seconds(),
        "seconds": one.milliseconds / 1_000 if one.milliseconds is not None else None,
        "incident": one.incident,
        "actor": one.actor,
        "reason": one.reason,
        "overridden": judged is not None and judged.overridden,
        "judgement": None if judged is None else judged.to_json(),
    }
