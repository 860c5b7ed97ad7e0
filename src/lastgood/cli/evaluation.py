"""`lastgood eval`: run suites on releases, bring results in, show and compare them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from lastgood.cli.output import time_text
from lastgood.cli.session import Session, in_session
from lastgood.clock import format_instant
from lastgood.compare.wording import count
from lastgood.model.evaluation import Evaluation
from lastgood.model.gates.verdict import figure

if TYPE_CHECKING:
    from lastgood.registry.evaluations import SuiteComparison

MOST_CASES = 20
_STDERR = 2


@click.group("eval")
def command() -> None:
    """Run suites on releases, bring results in, show and compare them."""


_suite = click.option("--suite", metavar="S", help="The suite's component. [default: the only one]")
_suite_from = click.option("--suite-from", metavar="REV", help="Take the suite and its data from another release.")


@command.command("import")
@click.argument("file", metavar="FILE")
@click.option("--release", "revision", metavar="REV", required=True, help="The release that was judged.")
@_suite
@_suite_from
@in_session
def import_command(session: Session, file: str, revision: str, suite: str | None, suite_from: str | None) -> None:
    """Record results that were made elsewhere: one JSON line a case.

    A line is {"case": "c17", "score": 0.8, "passed": true}, or has "scores": {"accuracy": 1.0, "tone": 0.4} in the place of
    score; output, input_digest and seconds may stand beside them. A metric is the mean over all cases, named after the
    suite: quality.score, quality.pass_rate, quality.accuracy. The file is kept whole.
    """
    with session.registry() as registry:
        chosen = registry.evaluations.suite(revision, suite, suite_from)
        recorded = registry.evaluations.import_file(session.folder / file, chosen)
    _say_recorded(session, recorded, "eval-import")


@command.command("run")
@click.argument("revision", metavar="REV")
@_suite
@_suite_from
@click.option("--timeout", metavar="SECONDS", type=click.FloatRange(min=0, min_open=True), help="End the command after so long.")
@click.option("--pass", "passed", metavar="NAME", multiple=True, help="Let the command see this variable, too.")
@click.option("--network", is_flag=True, help="Let the command use the network where it would be without.")
@in_session
def run_command(
    session: Session,
    revision: str,
    suite: str | None,
    suite_from: str | None,
    timeout: float | None,
    passed: tuple[str, ...],
    network: bool,
) -> None:
    """Run a suite on a release and record what it says.

    The release is checked out into a temporary folder, and the command of the suite's component runs there. It writes its
    results to the file that LASTGOOD_OUT names; what it prints goes to standard error. Of the environment it sees what
    cannot be a secret, and with bubblewrap (bwrap) no network. A command that fails is an error, and nothing is recorded.
    """
    from lastgood.registry.evaluate import RunOptions, safe_environment  # noqa: PLC0415 - starts programs, which little else does

    options = RunOptions(safe_environment(os.environ, passed), _STDERR, passed, timeout, network)
    with session.registry() as registry:
        chosen = registry.evaluations.suite(revision, suite, suite_from)
        session.output.note(f"running {chosen.name} of {chosen.source.label} on {chosen.release.label}: {chosen.declared.run}")
        recorded = registry.evaluations.run(chosen, options)
    _say_recorded(session, recorded, "eval-run")


@command.command("show")
@click.argument("revision", metavar="REV")
@in_session
def show_command(session: Session, revision: str) -> None:
    """Show the evaluations of what a release does, newest first; releases that behave alike share them."""
    with session.registry() as registry:
        found = registry.evaluations.list(revision)
    for one in found:
        session.output.data(evaluation_line(one))
    if not found:
        session.output.data(f"{revision} was not judged: lastgood eval run {revision}")
    newest: dict[str, float] = {}
    for one in reversed(found):
        newest |= one.named_metrics
    fields = {"metrics": newest, "cases": found[0].cases if found else 0, "evaluations": [evaluation_json(one) for one in found]}
    session.output.answer("eval-show", fields)


@command.command("compare")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@_suite
@click.option("--confidence", type=click.FloatRange(0.5, 0.999), default=0.95, show_default=True, help="Of the intervals.")
@click.option("--all", "everything", is_flag=True, help="List all cases that went another way.")
@in_session
def compare_command(session: Session, before: str, after: str, suite: str | None, confidence: float, everything: bool) -> None:
    """Compare the evaluations of two releases, case by case.

    Each metric is told with the interval in which its change lies (a paired bootstrap over the cases that both have), and
    then the cases that went another way, what got worse first.
    """
    with session.registry() as registry:
        found = registry.evaluations.compare(before, after, suite, confidence)
    for one in found:
        _print_comparison(session, one, everything=everything)
    session.output.answer(
        "eval-compare",
        {
            "metrics": [metric for one in found for metric in _metrics_json(one)],
            "cases": [case for one in found for case in _cases_json(one)],
            "suites": [_suite_json(one) for one in found],
            "confidence": confidence,
        },
    )


def evaluation_line(one: Evaluation) -> str:
    """Return an evaluation in one line."""
    metrics = "  ".join(f"{name} {figure(value)}" for name, value in one.named_metrics.items())
    return f"{one.suite} on r{one.number}, {count(one.cases, 'case')}: {metrics}  ({one.actor or '(erased)'}, {time_text(one.recorded_at)})"


def evaluation_json(one: Evaluation) -> dict[str, object]:
    """Return the fields of an evaluation for programs."""
    return {
        "suite": one.suite,
        "release": str(one.release),
        "number": one.number,
        "behavior": str(one.behavior),
        "suite_content": str(one.suite_content),
        "on": None if one.on is None else str(one.on),
        "metrics": dict(one.named_metrics),
        "cases": one.cases,
        "results": str(one.results),
        "runner": dict(one.runner),
        "recorded_at": format_instant(one.recorded_at),
        "actor": one.actor,
    }


def _say_recorded(session: Session, recorded: Evaluation, schema: str) -> None:
    session.output.data(evaluation_line(recorded))
    session.output.answer(schema, evaluation_json(recorded))


def _print_comparison(session: Session, one: SuiteComparison, *, everything: bool) -> None:
    output, compared = session.output, one.compared
    if not one.same_suite:
        output.warn(f"{one.before.suite} or its data differed between r{one.before.number} and r{one.after.number}")
    output.data(f"{one.before.suite}: r{one.before.number} → r{one.after.number}, {count(compared.cases, 'common case')}")
    for metric in compared.metrics:
        output.data(
            f"  {one.before.suite}.{metric.name}  {figure(metric.before)} → {figure(metric.after)}"
            f"  ({_signed(metric.change)}, between {_signed(metric.low)} and {_signed(metric.high)})"
        )
    shown = compared.flipped if everything else compared.flipped[:MOST_CASES]
    for case in shown:
        output.data(f"  {case.case}: {case.metric} {figure(case.before)} → {figure(case.after)}")
    if len(shown) < len(compared.flipped):
        output.data(f"  … and {len(compared.flipped) - len(shown):,} more cases; --all lists them")
    if compared.only_before or compared.only_after:
        output.note(
            f"{compared.only_before} cases of r{one.before.number} and {compared.only_after} of r{one.after.number} have no counterpart"
        )


def _signed(number: float) -> str:
    text = figure(number)
    return text if text.startswith("-") or text == "0" else f"+{text}"


def _suite_json(one: SuiteComparison) -> dict[str, object]:
    return {
        "suite": one.before.suite,
        "same_suite": one.same_suite,
        "common_cases": one.compared.cases,
        "only_before": one.compared.only_before,
        "only_after": one.compared.only_after,
    }


def _metrics_json(one: SuiteComparison) -> list[Mapping[str, object]]:
    return [
        {
            "metric": f"{one.before.suite}.{metric.name}",
            "before": metric.before,
            "after": metric.after,
            "change": metric.change,
            "low": metric.low,
            "high": metric.high,
        }
        for metric in one.compared.metrics
    ]


def _cases_json(one: SuiteComparison) -> list[Mapping[str, object]]:
    return [
        {"case": case.case, "metric": f"{one.before.suite}.{case.metric}", "before": case.before, "after": case.after}
        for case in one.compared.flipped
    ]
