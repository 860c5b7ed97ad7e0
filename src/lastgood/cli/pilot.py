"""`lastgood pilot`: a span of time in which lastgood is tried, held against the quarter before."""

from __future__ import annotations

import math
import re
from pathlib import Path

import click

from lastgood.cli.output import duration_text, time_text
from lastgood.cli.page_files import page_files
from lastgood.cli.session import Session, in_session
from lastgood.clock import format_instant
from lastgood.compare.wording import count
from lastgood.errors import Invalid
from lastgood.model.incident import Spread
from lastgood.model.pilot import Compared, PilotReport, Side, end_of
from lastgood.model.poisson import Ratio


@click.group("pilot")
def command() -> None:
    """Try it for a quarter, and hold that against the quarter before."""


@command.command("start")
@click.option("--baseline", metavar="FROM..TO", required=True, help="The span before, such as 2026-07-01..2026-10-01; TO is not in it.")
@click.option("--for", "length", metavar="90d", required=True, help="How long the pilot lasts, in days or weeks.")
@click.option("--begins", metavar="T", default="now", help="When it begins. [default: now]")
@click.option("--deploy-minutes", metavar="M", type=click.FloatRange(min=0, max=100_000), help="How long a deploy took somebody before.")
@click.option("--pipeline", metavar="P", help="Whose, where the registry has several.")
@in_session
def start_command(session: Session, baseline: str, length: str, begins: str, deploy_minutes: float | None, pipeline: str | None) -> None:
    """Start a pilot. Incidents of the baseline are those that you record or import; its moves those that were told of."""
    found = re.fullmatch(r"(\d{1,4})([dw])", length)
    if found is None:
        raise Invalid(f"{length[:20]!r} is no length of a pilot; nothing was changed", hint="write 90d or 12w")
    days = int(found[1]) * (7 if found[2] == "w" else 1)
    seconds = None if deploy_minutes is None else round(deploy_minutes * 60)
    with session.registry() as registry:
        done = registry.pilots.start(baseline, days, pipeline, begins=begins, deploy_seconds=seconds)
    session.output.data(
        f"pilot of {done.pipeline}: {count(done.days, 'day')} from {time_text(done.begins)} to {time_text(end_of(done))},"
        f" against {time_text(done.baseline_from)} to {time_text(done.baseline_until)}"
    )
    fields = {
        "pipeline": done.pipeline,
        "begins": format_instant(done.begins),
        "ends": format_instant(end_of(done)),
        "baseline_from": format_instant(done.baseline_from),
        "baseline_until": format_instant(done.baseline_until),
        "deploy_seconds_before": done.deploy_seconds,
    }
    session.output.answer("pilot-start", fields)


@command.command("report")
@click.option("--html", "page", metavar="FILE", type=click.Path(path_type=Path), help="Write a page that can be read and printed anywhere.")
@click.option("--pdf", metavar="FILE", type=click.Path(path_type=Path), help="Write it as one page of PDF; needs lastgood[pdf].")
@click.option("--pipeline", metavar="P", help="Whose, where the registry has several.")
@in_session
def report_command(session: Session, page: Path | None, pdf: Path | None, pipeline: str | None) -> None:
    """Say what became of the pilot so far, and what can be chance: rates with exact intervals, times, and how much is known."""
    with session.registry() as registry:
        report = registry.pilots.report(pipeline)
    _print(session, report)
    page_files(session, lambda: _page(report), html=page, pdf=pdf)
    session.output.answer("pilot-report", _json(report))


def _page(report: PilotReport) -> str:
    from lastgood.pages.pilot import pilot_page  # noqa: PLC0415 - seldom asked for

    return pilot_page(report)


def _print(session: Session, report: PilotReport) -> None:
    output, during, before = session.output, report.during, report.before
    so_far = "" if report.is_over else f", {during.days:.0f} of {report.pilot.days} days so far"
    output.data(f"pilot of {report.pilot.pipeline} since {time_text(during.since)}{so_far}")
    output.data(report.verdict)
    rows = [(one.label, str(one.during), str(one.before), _interval(one.ratio), one.words.partition(": ")[2]) for one in report.lines]
    output.table(("", "pilot", "baseline", "rate ratio (95%)", "what"), rows)
    for label, one, other in _times(during, before):
        output.data(f"{label}: {_spread(one)} in the pilot, {_spread(other)} in the baseline")
    output.data(_tax(report))
    known = ", ".join(f"{name} {number} of {report.completeness.incidents}" for name, number in report.completeness.known)
    months = f"{report.completeness.months_with_any} of {count(report.completeness.months, 'month')} have any"
    output.note(f"of the baseline is known: {known}; {months}; {count(report.completeness.moves, 'move')}")


def _times(during: Side, before: Side) -> tuple[tuple[str, Spread, Spread], ...]:
    one, other = during.measured, before.measured
    return ("time to rollback", one.time_to_rollback, other.time_to_rollback), ("time to detect", one.time_to_detect, other.time_to_detect)


def _spread(one: Spread) -> str:
    return "not known" if one.median is None else f"{duration_text(max(0.0, one.median))} (median of {one.count})"


def _tax(report: PilotReport) -> str:
    tax = report.tax
    now = "not measured" if tax.seconds is None or tax.hours is None else f"{tax.seconds:.2f} s a deploy, {tax.hours:.2f} h in all"
    before = "not told" if tax.before_seconds is None else f"{tax.before_seconds / 60:g} min a deploy"
    return f"deploys: {tax.deploys} in the pilot, {now}; before: {before}"


def _interval(ratio: Ratio) -> str:
    value = "" if ratio.value is None else f"{ratio.value:.2f} "
    return f"{value}({ratio.low:.2f} to {'∞' if math.isinf(ratio.high) else f'{ratio.high:.2f}'})"


def _json(report: PilotReport) -> dict[str, object]:
    tax = report.tax
    return {
        "pipeline": report.pilot.pipeline,
        "begins": format_instant(report.pilot.begins),
        "ends": format_instant(report.ends),
        "over": report.is_over,
        "days": report.during.days,
        "baseline_days": report.before.days,
        "verdict": report.verdict,
        "counts": [_count_json(one) for one in report.lines],
        "times": {
            label.replace(" ", "_"): {"pilot": _spread_json(one), "baseline": _spread_json(other)}
            for label, one, other in _times(report.during, report.before)
        },
        "deploy_tax": {
            "pilot": {"seconds": tax.seconds, "measured": tax.measured, "deploys": tax.deploys, "hours": tax.hours},
            "baseline": {"seconds": tax.before_seconds, "deploys": tax.before_deploys, "hours": tax.before_hours},
        },
        "baseline_known": {
            "incidents": report.completeness.incidents,
            **{name.replace(" ", "_"): number for name, number in report.completeness.known},
            "months": report.completeness.months,
            "months_with_any": report.completeness.months_with_any,
            "moves": report.completeness.moves,
        },
    }


def _count_json(one: Compared) -> dict[str, object]:
    high = None if math.isinf(one.ratio.high) else one.ratio.high
    ratio = {"ratio": one.ratio.value, "low": one.ratio.low, "high": high}
    return {
        "what": one.label,
        "pilot": one.during,
        "baseline": one.before,
        **ratio,
        "words": one.words,
        "chance": one.ratio.could_be_chance,
    }


def _spread_json(one: Spread) -> dict[str, object]:
    return {"count": one.count, "mean_seconds": one.mean, "median_seconds": one.median}
