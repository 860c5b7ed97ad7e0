"""What a registry costs, as a page: the same tables as on the terminal, with charts of the months behind and before it.

write_page(Path("cost.html"), cost_page(registry.costs.report(), Scope()))
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC
from decimal import Decimal

from lastgood.clock import format_instant
from lastgood.compare.wording import size
from lastgood.model.forecast import MONTHS, Point
from lastgood.model.prices import Prices
from lastgood.pages.charts import CHART_STYLE, Line, column_chart, line_chart
from lastgood.pages.page import escape, make_page
from lastgood.registry.cost import Report
from lastgood.registry.cost_words import Scope, Sheet, forecast_sheet, headline, said_of_prices, sheets

_NUMBER = re.compile(r"$|[<÷−]? ?[0-9]")
_STYLE = """
svg { display: block; width: 100%; max-width: 44rem; height: auto; margin: .6rem 0; }
table { font-size: .88rem; } td, th { padding-right: .9rem; } .number { text-align: right; }
@media print { @page { size: A4; margin: 12mm; } table { font-size: 8.4pt; } }
"""


def cost_page(report: Report, scope: Scope) -> str:
    """Return the page of a report."""
    title = _title(report, scope)
    body = [f"<h1>{escape(title)}</h1>", f'<p class="verdict">{escape(headline(report, scope))}</p>']
    body += [f'<p class="quiet">{escape(note)}</p>' for note in report.notes]
    for sheet in sheets(report, scope):
        if sheet.name == "months":
            columns = [(one.name, Decimal(one.brought)) for one in report.months[-MONTHS:]]
            body += [*_heading(sheet), column_chart(columns, _bytes), *_table(sheet)]
        elif sheet.name == "forecast":
            body += forecast_part(report.forecast, report.prices)
        else:
            body += [*_heading(sheet), *_table(sheet)]
    body.append(f"<footer>{escape(_foot(report))}</footer>")
    return make_page(title, "\n".join(body), _STYLE + CHART_STYLE)


def plan_page(title: str, said: str, why: Sheet, points: Sequence[Point], prices: Prices) -> str:
    """Return the page of a plan of retention: what would go, and the next twelve months with the policy and without it."""
    body = [f"<h1>{escape(title)}</h1>", f'<p class="verdict">{escape(said)}</p>']
    body += forecast_part(points, prices) if points else ['<p class="quiet">There is no forecast: history is too short for one.</p>']
    body += [*_heading(why), *_table(why)]
    body.append("<footer>Nothing goes before somebody applies the plan, and the collector comes. Amounts are without tax.</footer>")
    return make_page(title, "\n".join(body), _STYLE + CHART_STYLE)


def forecast_part(points: Sequence[Point], prices: Prices) -> list[str]:
    """Return a forecast as a chart and a table."""
    sheet = forecast_sheet(points, prices, every=1)
    lines = [
        Line("no policy", [Decimal(one.without) for one in points], is_dashed=True),
        Line("policy", [Decimal(one.with_policy) for one in points]),
    ]
    places = [f"{one.at.astimezone(UTC):%Y-%m}" if one.month % 3 == 0 else "" for one in points]
    return [*_heading(sheet), line_chart(lines, places, _bytes), *_table(sheet)]


def _title(report: Report, scope: Scope) -> str:
    if report.chosen is not None:
        return f"What r{report.chosen.number} of {report.chosen.pipeline} costs"
    names = [str(one) for one in (scope.pipeline, scope.component) if one is not None]
    return f"What {', '.join(names)} costs" if names else "What the registry costs"


def _bytes(value: Decimal) -> str:
    return size(int(value))


def _heading(sheet: Sheet) -> Iterator[str]:
    yield f"<h2>{escape(sheet.title)}</h2>"
    if sheet.note:
        yield f'<p class="quiet">{escape(sheet.note)}</p>'


def _table(sheet: Sheet) -> Iterator[str]:
    looks = [' class="number"' if _is_numeric(sheet, column) else "" for column in range(len(sheet.headers))]
    yield "<table>"
    yield "<tr>" + "".join(f"<th{look}>{escape(one)}</th>" for look, one in zip(looks, sheet.headers, strict=True)) + "</tr>"
    for row in sheet.rows:
        yield "<tr>" + "".join(f"<td{look}>{escape(one)}</td>" for look, one in zip(looks, row, strict=True)) + "</tr>"
    yield "</table>"


def _is_numeric(sheet: Sheet, column: int) -> bool:
    return all(_NUMBER.match(row[column]) for row in sheet.rows)


def _foot(report: Report) -> str:
    prices = said_of_prices(report.prices, is_assumed=report.is_assumed)
    return f"Prices: {prices}. Bytes are counted, not estimated; amounts are without tax. Made at {format_instant(report.made_at)}."
