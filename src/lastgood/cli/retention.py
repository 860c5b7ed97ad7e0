"""`lastgood retention`: whose bytes may go, and letting exactly those go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from lastgood.cli.cost import draw, points_json, prices_json
from lastgood.cli.session import Session, in_session
from lastgood.compare.wording import count, size
from lastgood.errors import NotFound
from lastgood.model.forecast import MONTHS, Point
from lastgood.model.prices import Prices, cents
from lastgood.model.retention import Decision
from lastgood.model.retention_policy import policy_to_json
from lastgood.registry.cost_words import Sheet, forecast_sheet, money, said_of_prices, saved_in_a_year
from lastgood.registry.retention_plan import Plan

_MOST_LISTED = 30
_MOST_ON_A_PAGE = 200


@click.group("retention")
def command() -> None:
    """Say whose bytes a policy lets go, and let them go. What is in history stays in history."""


@command.command("show")
@click.option("--pipeline", metavar="P", help="Whose policy. [default: the one that is meant]")
@in_session
def show_command(session: Session, pipeline: str | None) -> None:
    """Show the policy that was recorded; `lastgood policy apply` records what lastgood.toml says."""
    with session.registry() as registry:
        policy = registry.retention.policy(pipeline)
    if policy is None:
        raise NotFound("no retention policy was recorded, so nothing ever goes", hint="write [retention], then lastgood policy apply")
    document = policy_to_json(policy)
    for name, value in document.items():
        session.output.data(f"{name} {value}")
    session.output.answer("retention-show", {"policy": document})


@command.command("plan")
@click.option("--pipeline", metavar="P", help="Whose. [default: the one that is meant]")
@click.option("--all", "everything", is_flag=True, help="List what stays as well, with the reason, and cut no list.")
@click.option("--html", "page", metavar="FILE", type=click.Path(path_type=Path), help="Write it as a page, with a chart.")
@in_session
def plan_command(session: Session, pipeline: str | None, page: Path | None, *, everything: bool) -> None:
    """Say what would go now and why, what would stay and why, and what that saves in 12 months. Nothing is changed.

    The most protective rule wins; what is live, would be rolled back to, is held, or went into something of these never goes.
    """
    with session.registry() as registry:
        plan = registry.retention.plan(pipeline)
        points, prices = registry.costs.projection(plan.pipeline), registry.costs.prices
        said = _money_said(plan, prices, points) + f"; {said_of_prices(prices, is_assumed=registry.costs.is_assumed)}"
    going, staying = plan.going, [one for one in plan.decisions if one.keeps]
    parts = f"{len(going):,} of {count(len(plan.decisions), 'part')}"
    session.output.data(f"{plan.pipeline}: {parts} would go, {size(plan.bytes_logical)} of files, about {size(plan.bytes_freed)} of packs")
    _list(session, "why it would go", going, everything=everything)
    if everything:
        _list(session, "why it stays", staying, everything=True)
    else:
        for why, number in Counter(_kind_of(one) for one in staying).most_common(8):
            session.output.data(f"{number:,} stay: {why}")
    session.output.data(said)
    if points:
        draw(session, forecast_sheet(points, prices))
    if page is not None:
        _write(session, plan, said, forecast=(points, prices), page=page)
    if going:
        session.output.note(
            f"lastgood retention apply {plan.digest.short} lets them go; lastgood gc --apply takes the bytes, a day after it first saw it"
        )
    costs = {
        "per_month_freed": str(cents(prices.month(plan.bytes_freed))),
        "saved_in_12_months": str(cents(saved_in_a_year(points, prices))) if points else None,
        "prices": prices_json(prices),
        "forecast": points_json(list(points), prices),
    }
    session.output.answer("retention-plan", {**_plan_json(plan), **costs, "decisions": [_decision_json(one) for one in plan.decisions]})


@command.command("apply")
@click.argument("digest", metavar="PLAN")
@click.option("--pipeline", metavar="P", help="Whose. [default: the one that is meant]")
@in_session
def apply_command(session: Session, digest: str, pipeline: str | None) -> None:
    """Let go what PLAN names, the digest that `lastgood retention plan` ends with. Anything else is refused.

    The bytes are there until the collector takes them; until then `lastgood undo` keeps them again. Manifests, prompts,
    configs and history stay for ever, and a tombstone says which policy it was, when, and who applied it.
    """
    with session.registry() as registry:
        done = registry.retention.apply(digest, pipeline)
    session.output.data(f"{done.pipeline}: {count(len(done.removed), 'part')} let go, as planned in {done.digest.short}")
    if done.removed:
        session.output.note(f"lastgood gc --apply takes the bytes; lastgood undo {str(done.operation)[:8]} keeps them, until then")
    fields = {
        "pipeline": done.pipeline,
        "plan": str(done.digest),
        "operation": str(done.operation),
        "removed": [one.to_json() for one in done.removed],
    }
    session.output.answer("retention-apply", fields)


def _money_said(plan: Plan, prices: Prices, points: Sequence[Point]) -> str:
    now = f"{money(prices.month(plan.bytes_freed), prices)} a month less once they are collected"
    year = f", and {money(saved_in_a_year(points, prices), prices)} less over the next {MONTHS} months" if points else ""
    return f"{now}{year}"


def _write(session: Session, plan: Plan, said: str, *, forecast: tuple[Sequence[Point], Prices], page: Path) -> None:
    from lastgood.pages.cost import plan_page  # noqa: PLC0415 - seldom asked for
    from lastgood.pages.page import write_page  # noqa: PLC0415

    rows = [[f"r{one.number}", one.item.component, one.item.part.value, one.why] for one in reversed(plan.going)]
    why = Sheet("going", "What would go, and why", ["release", "component", "part", "why"], rows[:_MOST_ON_A_PAGE])
    parts = f"{len(plan.going):,} of {count(len(plan.decisions), 'part')} would go, about {size(plan.bytes_freed)} of packs"
    title = f"What the retention policy of {plan.pipeline} lets go"
    write_page(session.folder / page, plan_page(title, f"{parts}: {said}", why, *forecast))
    session.output.note(f"{page} has it as a page")


def _list(session: Session, header: str, decisions: list[Decision], *, everything: bool) -> None:
    shown = decisions if everything else decisions[-_MOST_LISTED:]
    if not shown:
        return
    rows = [[f"r{one.number}", one.item.component, one.item.part.value, one.why] for one in reversed(shown)]
    session.output.table(["release", "component", "part", header], rows)
    if len(shown) < len(decisions):
        session.output.data(f"… and {len(decisions) - len(shown):,} older ones; --all lists them")


def _kind_of(one: Decision) -> str:
    """Return the reason without what is of one release only."""
    return "went into something that stays" if one.why.startswith("went into") else _shared(one.why)


def _shared(why: str) -> str:
    return "another release keeps the same bytes" if "same bytes" in why else why


def _plan_json(plan: Plan) -> dict[str, object]:
    return {
        "pipeline": plan.pipeline,
        "plan": str(plan.digest),
        "policy": policy_to_json(plan.policy),
        "policy_digest": str(plan.policy_digest),
        "bytes_logical": plan.bytes_logical,
        "bytes_freed": plan.bytes_freed,
    }


def _decision_json(one: Decision) -> dict[str, object]:
    return {
        "release": str(one.release),
        "number": one.number,
        "component": one.item.component,
        "part": one.item.part.value,
        "keeps": one.keeps,
        "reasons": list(one.reasons),
    }
