"""`lastgood case`: what version control costs a year, what it avoids, after how many months it has paid, and the verdict."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from textwrap import wrap
from typing import Any

import click

from lastgood.cli.output import Output, safe, say
from lastgood.cli.page_files import page_files
from lastgood.cli.session import Session, in_session
from lastgood.compare.wording import shorten
from lastgood.errors import InvalidCase, LastgoodError, NotFound
from lastgood.model import case_words as words
from lastgood.model.case import CURRENCY, Case, Declared, Estimate, Given, Measured, Origin, make_case
from lastgood.model.chance import SEED, Percentiles
from lastgood.model.estimates import INPUTS, Range, range_of_text
from lastgood.model.payback import Payback, Verdict, to_cents

_COLOURS = {Verdict.STRONG: "green", Verdict.SOUND: "green", Verdict.WEAK: "yellow", Verdict.NOT_YET: "yellow"}
_LONGEST_NAME = 40
_WIDTH = 110


def _value_flags(function: Callable[..., Any]) -> Callable[..., Any]:
    for what in reversed(list(INPUTS.values())):
        function = click.option(what.flag, what.name, metavar="N", help=f"{what.label[:1].upper()}{what.label[1:]}.")(function)
    return function


@click.command("case", context_settings={"token_normalize_func": lambda token: token.replace("_", "-")})
@click.option("--input", "file", metavar="FILE", type=click.Path(path_type=Path), help="TOML with any of the inputs.")
@_value_flags
@click.option("--currency", metavar="EUR", help=f"What amounts are in. [default: {CURRENCY}]")
@click.option("--seed", metavar="N", type=click.IntRange(0, 10**9), default=SEED, help=f"Of the draws from ranges. [default: {SEED}]")
@click.option("--html", "page", metavar="FILE", type=click.Path(path_type=Path), help="Write it as one page.")
@click.option("--pdf", metavar="FILE", type=click.Path(path_type=Path), help="Write it as one page of PDF; needs lastgood[pdf].")
@in_session
def command(
    session: Session,
    file: Path | None,
    currency: str | None,
    seed: int,
    page: Path | None,
    pdf: Path | None,
    **values: str | None,
) -> None:
    """Say whether this pays, what it costs and avoids a year, and how sure that is.

    Each input is a number or a range LOW..LIKELY..HIGH. What a flag says counts first, then FILE, then what the registry
    has measured, then a default that is shown with where it comes from. Without --input and without any of these flags, a
    terminal is asked. No registry is needed.
    """
    declared = _declared(session, file, values)
    if currency is not None:
        declared = replace(declared, currency=currency)
    measured = _measured(session, declared.currency, is_needed=file is None)
    if file is None and not declared.given and not session.output.json and sys.stdin.isatty():
        declared = _ask(declared, measured)
    case = make_case(declared, measured, today=session.settings().clock.now().date(), seed=seed)
    _print(session.output, case)
    page_files(session, lambda: _page(case), html=page, pdf=pdf)
    session.output.answer("case", _json(case))


def _measured(session: Session, currency: str, *, is_needed: bool) -> Measured:
    """Ask the registry, if there is one; whoever gives a file needs none, and is only told that it cannot be read."""
    try:
        with session.registry() as registry:
            return registry.figures.measured(currency)
    except LastgoodError as error:
        if session.registry_option is None and isinstance(error, NotFound):
            return Measured()
        if is_needed or session.registry_option is not None:
            raise
        session.output.warn(f"{error.message}\nso nothing was measured")
        return Measured()


def _declared(session: Session, file: Path | None, values: Mapping[str, str | None]) -> Declared:
    declared = Declared()
    if file is not None:
        from lastgood.formats.case_file import read_case_file  # noqa: PLC0415 - not everybody has one

        declared = read_case_file(session.read_small(file), shorten(file.name, _LONGEST_NAME))
    given = dict(declared.given)
    for name, text in values.items():
        if text is not None:
            what = INPUTS[name]
            given[name] = Given(range_of_text(text, what), Origin.FLAG, what.flag)
    return replace(declared, given=given)


def _ask(declared: Declared, measured: Measured) -> Declared:
    """Ask for what nobody measured; whoever takes what is offered has assumed it, and it stays marked so."""
    click.echo("A number, or LOW..LIKELY..HIGH; Enter takes what is offered, --input FILE answers all at once.", err=True)
    given: dict[str, Given] = {}
    for name, what in INPUTS.items():
        if name in measured.given:
            counted = measured.given[name]
            click.echo(f"{what.label}: {counted.range.likely:,f}, measured ({counted.note})", err=True)
            continue
        offered = _typed(what.default)
        while name not in given:
            text = click.prompt(what.label, default=offered, err=True)
            if text == offered:
                break
            try:
                given[name] = Given(range_of_text(text, what), Origin.ASKED)
            except InvalidCase as error:
                click.echo(error.message, err=True)
    return replace(declared, given=given)


def _typed(found: Range) -> str:
    return f"{found.likely:f}" if found.is_point else "..".join(f"{one:f}" for one in (found.low, found.likely, found.high))


def _print(output: Output, case: Case) -> None:
    if output.json:
        return
    result, currency = case.result, case.currency
    verdict = click.style(f"{case.verdict.value:>16}", fg=_COLOURS[case.verdict], bold=True)
    for label, value, parts in (
        ("annual cost", f"{words.money(result.annual_cost, currency):>16}", words.cost_parts(case)),
        ("avoided loss", f"{words.money(result.avoided_loss, currency):>16}", words.loss_parts(case)),
        ("payback", f"{words.payback_text(result.payback_months):>16}", words.payback_parts(result)),
        ("verdict", verdict, words.verdict_sentence(case)),
        ("", " " * 16, f"({words.verdict_rule()})"),
    ):
        _say_beside(f"{label:<13}{value}  ", 31, parts)
    say("")
    _say_beside(f"{'how sure':<17}", 17, words.chances_sentence(case))
    _say_beside(f"{'anchor incident':<17}", 17, words.anchor_sentence(case))
    for number, line in enumerate(words.asymmetry(case)):
        _say_beside(f"{'' if number else 'if it is wrong':<17}", 17, line)
    for number, (objection, answer) in enumerate(words.objections(case)):
        _say_beside(f"{'' if number else 'objections':<17}", 17, f"“{objection}” {answer}")
    say("")
    rows = [[one.what.label, words.range_text(one.range, one), one.origin_text] for one in case.inputs.values()]
    output.table(["input", "value", "origin"], rows)
    for line in words.measured_sentences(case):
        output.note(line)
    output.note(f"amounts in {currency}; formulas, and where each assumption comes from: --html FILE or --pdf FILE")


def _say_beside(label: str, width: int, text: str) -> None:
    """Say a paragraph beside its label, which has that width on the screen."""
    lines = wrap(safe(text), _WIDTH - width, break_long_words=False, break_on_hyphens=False) or [""]
    for number, line in enumerate(lines):
        say((" " * width if number else label) + line)


def _json(case: Case) -> dict[str, object]:
    drawn = case.chances
    return {
        "currency": case.currency,
        **_result_json(case.result),
        "verdict": case.verdict.value,
        "why": words.verdict_sentence(case),
        "rule": words.rule_of(case.verdict),
        "look_again": None if case.look_again is None else str(case.look_again),
        "production": {"is_so": case.production.is_so, "said": case.production.said},
        "history": {"is_so": case.history.is_so, "said": case.history.said},
        **{f"p{one}": _percentile_json(case, f"p{one}") for one in (10, 50, 90)},
        "draws": {"seed": drawn.seed, "number": drawn.draws}
        | {"strong": float(drawn.strong), "sound": float(drawn.sound), "never": float(drawn.never)},
        "tornado": [
            {"input": swing.name, "swing": _cents(swing.size), "at_low": _result_json(swing.at_low), "at_high": _result_json(swing.at_high)}
            for swing in case.swings
        ],
        "anchor": None
        if case.anchor is None
        else {
            "title": case.anchor.title,
            "kind": case.anchor.kind.value,
            "cost": _cents(case.anchor.cost),
            "on": None if case.anchor.on is None else str(case.anchor.on),
            "origin": case.anchor.where,
        },
        "inputs": {name: _input_json(one) for name, one in case.inputs.items()},
    }


def _result_json(result: Payback) -> dict[str, object]:
    return {
        "annual_cost": _cents(result.annual_cost),
        "avoided_loss": _cents(result.avoided_loss),
        "payback_months": _cents(result.payback_months),
        "simple_payback_months": _cents(result.simple_payback_months),
        "net_monthly_benefit": _cents(result.net_monthly_benefit),
        "setup_cost": _cents(result.setup_cost),
        "recurring_cost": _cents(result.recurring_cost),
        "first_year_net": _cents(result.first_year_net),
    }


def _percentile_json(case: Case, name: str) -> dict[str, object]:
    drawn = case.chances
    columns: dict[str, Percentiles[Any]] = {
        "annual_cost": drawn.annual_cost,
        "avoided_loss": drawn.avoided_loss,
        "net_monthly_benefit": drawn.net_monthly_benefit,
        "payback_months": drawn.payback_months,
    }
    return {column: _cents(getattr(found, name)) for column, found in columns.items()}


def _input_json(one: Estimate) -> dict[str, object]:
    counted = one.measured
    return {
        "value": float(one.range.likely),
        "low": float(one.range.low),
        "likely": float(one.range.likely),
        "high": float(one.range.high),
        "origin": one.origin_text,
        "source": one.source,
        "when_it_grows": one.what.moves,
        "measured": None if counted is None else {"value": float(counted.range.likely), "note": counted.note},
    }


def _cents(value: Decimal | None) -> float | None:
    return None if value is None else float(to_cents(value))


def _page(case: Case) -> str:
    from lastgood.pages.case import case_page  # noqa: PLC0415 - seldom asked for

    return case_page(case)
