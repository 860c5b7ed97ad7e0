"""The payback page: one sheet of A4 that survives a finance review, or says *not yet*.

write_page(Path("case.html"), case_page(case))
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from lastgood.model import case_words as words
from lastgood.model.case import Case, Estimate
from lastgood.model.estimates import INPUTS
from lastgood.model.payback import SOUND_UNTIL, STRONG_BEFORE
from lastgood.pages.charts import CHART_STYLE, Band, Bar, band_chart, bar_chart
from lastgood.pages.page import escape, make_page

TITLE = "Version control for AI in production: does it pay?"
MOST_SWINGS = 9

_LAST_MONTH = Decimal(12)
_STYLE = """
body { max-width: 62rem; font-family: "Helvetica Neue", Helvetica, Arial, "Liberation Sans", "DejaVu Sans", sans-serif; }
h1 { margin-bottom: .5rem; }
h2 { font-size: 1rem; margin: 1rem 0 .2rem; padding: 0; border: 0; }
.columns { display: grid; grid-auto-flow: column; grid-auto-columns: minmax(0, 1fr); gap: 1.4rem; }
.columns.one-two { grid-template-columns: minmax(0, 1fr) minmax(0, 2fr); }
.numbers > div { padding: .6rem .8rem; background: var(--shade); border-top: 3px solid var(--accent); }
.numbers .value { font-size: 1.9rem; line-height: 1.2; font-weight: 700; }
.numbers p { margin: 0; font-size: .85rem; }
.verdict { margin: .8rem 0; } .verdict .quiet { display: block; font-size: .88rem; }
.verdict.strong, .verdict.sound { border-left-color: var(--new); } .verdict.weak, .verdict.not-yet { border-left-color: var(--old); }
.columns p { font-size: .9rem; }
svg { display: block; width: 100%; height: auto; margin: .3rem 0; }
table { width: 100%; font-size: .82rem; line-height: 1.35; margin: .2rem 0; } td, th { padding: .12rem .8rem .12rem 0; }
td.range { white-space: nowrap; } td.name { white-space: nowrap; } td.origin { width: 62%; }
.formulas { font-size: .82rem; } .formulas p { margin: 0; }
footer { margin-top: .8rem; padding-top: .4rem; font-size: .8rem; }
@media screen and (max-width: 44rem) { .columns, .columns.one-two { display: block; } td.name, td.range { white-space: normal; }
  .numbers > div { margin-bottom: .6rem; } }
@media print { @page { size: A4; margin: 9mm 12mm; } html { font-size: 8.1pt; } body { font-size: 1rem; line-height: 1.32; }
  h1 { font-size: 1.75rem; } h2 { font-size: 1.1rem; margin: .8rem 0 .1rem; } p { margin: .15rem 0; }
  .numbers p, .columns p, .verdict .quiet { font-size: .95rem; } .verdict { font-size: 1.2rem; padding: .4rem .8rem; }
  table { font-size: .9rem; } .formulas { font-size: .86rem; } td, th { padding-top: .06rem; padding-bottom: .06rem; }
  footer { margin-top: .5rem; padding-top: .2rem; } }
"""


def case_page(case: Case) -> str:
    """Return the page of a case."""
    body = "\n".join([*_head(case), *_middle(case), *_charts(case), *_inputs(case), *_foot(case)])
    return make_page(TITLE, body, _STYLE + CHART_STYLE)


def _head(case: Case) -> Iterator[str]:
    result, currency = case.result, case.currency
    yield f"<h1>{escape(TITLE)}</h1>"
    yield '<div class="columns numbers">'
    yield _number("annual cost, first year", words.money(result.annual_cost, currency), words.cost_parts(case))
    yield _number("avoided loss a year", words.money(result.avoided_loss, currency), words.loss_parts(case))
    yield _number("payback", words.payback_text(result.payback_months), words.payback_parts(result))
    yield "</div>"
    look = case.verdict.value.replace(" ", "-")
    yield f'<p class="verdict {look}"><strong>{escape(_capital(case.verdict.value))}.</strong> {escape(words.verdict_sentence(case))}'
    yield f'<span class="quiet">Rule: {escape(words.verdict_rule())}.</span></p>'


def _number(label: str, value: str, parts: str) -> str:
    return f'<div><p class="quiet">{escape(label)}</p><p class="value">{escape(value)}</p><p class="quiet">{escape(parts)}</p></div>'


def _middle(case: Case) -> Iterator[str]:
    yield '<div class="columns one-two">'
    yield f"<div><h2>The costliest incident</h2><p>{escape(words.anchor_sentence(case))}</p></div>"
    yield "<div><h2>If the decision is wrong</h2>"
    yield from (f"<p>{escape(one)}</p>" for one in words.asymmetry(case))
    yield "</div>"
    yield '</div>\n<h2>What will be objected</h2>\n<div class="columns">'
    yield from (f"<div><p><strong>“{escape(said)}”</strong> {escape(answer)}</p></div>" for said, answer in words.objections(case))
    yield "</div>"


def _charts(case: Case) -> Iterator[str]:
    yield '<div class="columns">\n<div><h2>How sure is the payback</h2>'
    yield _range_chart(case)
    yield f'<p class="quiet">{escape(words.chances_sentence(case))} Each input is drawn from its range below, by itself.</p>'
    yield '<h2>How it is reckoned</h2>\n<div class="formulas">'
    yield from (f"<p>{escape(one)}</p>" for one in words.FORMULAS)
    yield "</div></div>"
    yield "<div><h2>What moves the net of the first year most</h2>"
    yield _tornado(case)
    yield "</div>\n</div>"


def _range_chart(case: Case) -> str:
    months = case.chances.payback_months
    bands = [Band(STRONG_BEFORE, "strong"), Band(SOUND_UNTIL, "sound"), Band(_LAST_MONTH, "weak")]
    marks = [
        (_LAST_MONTH if one is None else min(one, _LAST_MONTH), name)
        for one, name in ((months.p10, "P10"), (months.p50, "P50"), (months.p90, "P90"))
    ]
    return band_chart(bands, (marks[0][0], marks[-1][0]), marks)


def _tornado(case: Case) -> str:
    net = case.result.first_year_net
    swings = [one for one in case.swings if one.size]
    if not swings:
        return '<p class="quiet">Every input that counts was given as one number, so nothing can be varied.</p>'
    bars = [
        Bar(
            INPUTS[one.name].label,
            one.at_low.first_year_net,
            one.at_high.first_year_net,
            words.brief(one.at_low.first_year_net),
            words.brief(one.at_high.first_year_net),
        )
        for one in swings[:MOST_SWINGS]
    ]
    middle = f"{words.brief(net)} = {words.brief(case.result.avoided_loss)} − {words.brief(case.result.annual_cost)}"
    chart = bar_chart(bars, net, middle)
    return f'{chart}\n<p class="quiet">One input at its low and at its high value, all others at their likeliest; {case.currency}.</p>'


def _inputs(case: Case) -> Iterator[str]:
    yield "<h2>Every number that goes in, and where it is from</h2>\n<table>"
    yield "<tr><th>input</th><th>likeliest (low to high)</th><th>origin</th></tr>"
    yield from map(_input, case.inputs.values())
    yield "</table>"


def _input(one: Estimate) -> str:
    source = f": {escape(one.source)}" if one.source else ""
    return (
        f'<tr><td class="name">{escape(one.what.label)}</td><td class="range">{escape(words.range_text(one.range, one))}</td>'
        f'<td class="origin"><strong>{escape(one.origin_text)}</strong>{source}</td></tr>'
    )


def _foot(case: Case) -> Iterator[str]:
    known = " ".join(
        f"{_capital(one)}."
        for one in (f"production: {case.production.said}", f"history: {case.history.said}", *words.measured_sentences(case))
    )
    yield (
        f"<footer>{escape(known)} Amounts in {escape(case.currency)}, rounded; <code>lastgood case --json</code> has the cents."
        f" Made on {case.made_on}.</footer>"
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
