"""The report of a pilot as one page: the honest sentence first, then counts, times, and how much of the baseline is known.

write_page(Path("pilot.html"), pilot_page(registry.pilots.report()))
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from lastgood.compare.wording import count
from lastgood.model.changes.incidents import IncidentKind
from lastgood.model.incident import Cost, Incident, Measured, Spread
from lastgood.model.pilot import Compared, PilotReport, Side
from lastgood.model.poisson import Ratio
from lastgood.pages.page import escape, make_page

_WIDE, _BAR, _ROW, _LABEL, _NUMBER = 860, 11, 36, 165, 80
_DECADES = 2
_MARKS = {IncidentKind.INCIDENT: "var(--old)", IncidentKind.NEAR_MISS: "var(--accent)", IncidentKind.REPRO_FAILURE: "var(--quiet)"}
_NAMES = {IncidentKind.INCIDENT: "incident", IncidentKind.NEAR_MISS: "near-miss", IncidentKind.REPRO_FAILURE: "reproduction failure"}

_STYLE = (
    "h2 { margin-top: 1.4rem; } @media print { :root { font-size: 12px; } body { font-size: 8.5pt; } svg { max-height: 44mm; }"
    " td, th { padding-top: 0; padding-bottom: 0; } h2 { margin-top: .8rem; padding-top: .4rem; }"
    " footer { margin-top: .5rem; padding-top: .3rem; } @page { margin: 12mm; } }"
)
"""So that it fits one page of paper."""
_METHOD = (
    "The ratio is the rate in the pilot divided by that in the baseline, a day each, with its exact 95% interval (conditional"
    " binomial; Przyborowski and Wilenski 1940, Clopper and Pearson 1934). An interval that holds 1 means that chance alone"
    " may explain the difference."
)
_SOURCES = (
    "Incidents count by when somebody noticed them; times are medians of those that are known. Every number is of the registry's"
    " own record, or of what people told it: lastgood incident list, lastgood log."
)
_SELDOM = (
    "Near-misses and reproduction failures are seldom written down before somebody counts them, so more of them in a pilot is"
    " no worsening by itself."
)


def pilot_page(report: PilotReport) -> str:
    """Return the page of a report."""
    title = f"The pilot of {report.pilot.pipeline}"
    body = [
        f"<style>{_STYLE}</style>\n<h1>{escape(title)}</h1>",
        *_spans(report),
        f'<p class="verdict">{escape(report.verdict)}</p>',
        "<h2>What happened, and what could be chance</h2>",
        _counts(report),
        _table(report.lines),
        f'<p class="quiet">{_METHOD}</p>',
        "<h2>When it was noticed</h2>",
        _timeline(report),
        "<h2>How long it took, and what deploys cost</h2>",
        *_times(report),
        "<h2>How much of the baseline is known</h2>",
        *_known(report),
        f"<footer>As recorded on {_day(report.now)}, {report.now.astimezone(UTC):%H:%M} UTC. {_SOURCES}</footer>",
    ]
    return make_page(title, "\n".join(body))


def _day(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d}"


def _spans(report: PilotReport) -> Iterator[str]:
    during, before = report.during, report.before
    so_far = "" if report.is_over else f" of {report.pilot.days}, so far"
    yield "<dl>"
    yield f"<dt>pilot</dt><dd>{_day(during.since)} to {_day(during.until)}, {during.days:.0f} days{so_far}</dd>"
    yield f"<dt>baseline</dt><dd>{_day(before.since)} to {_day(before.until)}, {before.days:.0f} days</dd>"
    yield "</dl>"


def _counts(report: PilotReport) -> str:
    """Draw for each kind two bars, and the interval of their ratio beside them."""
    most = max((max(one.during, one.before) for one in report.lines), default=0) or 1
    room = _WIDE / 2 - _LABEL - _NUMBER
    left = _LABEL + room + _NUMBER + 60
    width = _WIDE - left - 20
    height = len(report.lines) * _ROW + 34
    parts = [f'<svg viewBox="0 0 {_WIDE} {height}" width="100%" role="img" aria-label="{escape(_in_words(report.lines))}" font-size="13">']
    parts.append(f'<text x="{left}" y="10" fill="var(--quiet)">rate ratio, pilot to baseline</text>')
    middle, end = left + width / 2, height - 16
    parts.append(f'<line x1="{middle:.1f}" y1="16" x2="{middle:.1f}" y2="{end}" stroke="var(--quiet)" stroke-dasharray="3 3"/>')
    for exponent in range(-_DECADES, _DECADES + 1):
        x = middle + exponent / _DECADES * width / 2
        parts.append(f'<text x="{x:.1f}" y="{height - 3}" text-anchor="middle" fill="var(--quiet)">{10.0**exponent:g}</text>')
    for place, one in enumerate(report.lines):
        top = 22 + place * _ROW
        parts.append(f'<text x="0" y="{top + 16}" fill="var(--ink)">{escape(one.label)}</text>')
        for offset, number, fill, name in ((0, one.during, "var(--accent)", "pilot"), (_BAR + 3, one.before, "var(--quiet)", "baseline")):
            long = number / most * room
            y = top + offset
            parts.append(f'<rect x="{_LABEL}" y="{y}" width="{long:.1f}" height="{_BAR}" fill="{fill}"/>')
            parts.append(f'<text x="{_LABEL + long + 5:.1f}" y="{y + _BAR - 1}" fill="var(--quiet)">{number} {name}</text>')
        parts += _whisker(one.ratio, middle, width / 2, top + _BAR)
    return "\n".join([*parts, "</svg>"])


def _whisker(ratio: Ratio, middle: float, half: float, y: float) -> Iterator[str]:
    """Draw an interval on a logarithmic scale; one that leaves it ends in an arrow."""

    def at(value: float) -> float:
        exponent = -_DECADES if value <= 0 else _DECADES if math.isinf(value) else math.log10(value)
        return middle + max(-_DECADES, min(_DECADES, exponent)) / _DECADES * half

    colour = "var(--quiet)" if ratio.could_be_chance else "var(--accent)"
    low, high = at(ratio.low), at(ratio.high)
    yield f'<line x1="{low:.1f}" y1="{y}" x2="{high:.1f}" y2="{y}" stroke="{colour}" stroke-width="2"/>'
    for value, x, turned in ((ratio.low, low, 1), (ratio.high, high, -1)):
        if value < 10.0**-_DECADES or value > 10.0**_DECADES:
            yield f'<path d="M{x:.1f} {y} l{7 * turned} -4 v8 z" fill="{colour}"/>'
        else:
            yield f'<line x1="{x:.1f}" y1="{y - 5}" x2="{x:.1f}" y2="{y + 5}" stroke="{colour}" stroke-width="2"/>'
    if ratio.value is not None and ratio.value > 0:
        yield f'<circle cx="{at(ratio.value):.1f}" cy="{y}" r="4" fill="{colour}"/>'


def _in_words(lines: Sequence[Compared]) -> str:
    return "; ".join(f"{one.label}: {one.words}" for one in lines)


def _table(lines: Sequence[Compared]) -> str:
    rows = [
        f"<tr><td>{escape(one.label)}</td><td>{one.during}</td><td>{one.before}</td>"
        f"<td>{_ratio(one.ratio)}</td><td>{escape(one.words)}</td></tr>"
        for one in lines
    ]
    head = "<tr><th></th><th>pilot</th><th>baseline</th><th>rate ratio (95%)</th><th>so</th></tr>"
    return "<table>\n" + "\n".join([head, *rows]) + "\n</table>"


def _ratio(ratio: Ratio) -> str:
    value = "" if ratio.value is None else f"{ratio.value:.2f}"
    high = "∞" if math.isinf(ratio.high) else f"{ratio.high:.2f}"
    return f"{value} ({ratio.low:.2f} to {high})".strip()


def _timeline(report: PilotReport) -> str:
    """Draw each span as a line, and what was noticed in it as dots, a row a kind."""
    rows = [("baseline", report.before), ("pilot", report.during)]
    longest = max(side.days for _, side in rows)
    height = len(rows) * 52 + 20
    parts = [f'<svg viewBox="0 0 {_WIDE} {height}" width="100%" role="img" aria-label="when incidents were noticed" font-size="13">']
    room = _WIDE - 80 - 20
    for place, (name, side) in enumerate(rows):
        y, long = 18 + place * 52, side.days / longest * room
        parts.append(f'<text x="0" y="{y + 4}" fill="var(--ink)">{name}</text>')
        parts.append(f'<line x1="80" y1="{y}" x2="{80 + long:.1f}" y2="{y}" stroke="var(--line)" stroke-width="2"/>')
        parts.append(f'<text x="80" y="{y + 24}" fill="var(--quiet)">{_day(side.since)}</text>')
        parts.append(f'<text x="{80 + long:.1f}" y="{y + 24}" text-anchor="end" fill="var(--quiet)">{_day(side.until)}</text>')
        parts += [_dot(one, side, long, y) for one in side.incidents]
    x = 80
    for kind, colour in _MARKS.items():
        parts.append(f'<circle cx="{x}" cy="{height - 8}" r="4.5" fill="{colour}"/>')
        parts.append(f'<text x="{x + 9}" y="{height - 4}" fill="var(--quiet)">{_NAMES[kind]}</text>')
        x += 40 + 7 * len(_NAMES[kind])
    return "\n".join([*parts, "</svg>"])


def _dot(one: Incident, side: Side, long: float, y: float) -> str:
    x = 80 + (one.said.detected - side.since).total_seconds() / (side.until - side.since).total_seconds() * long
    shift = list(IncidentKind).index(one.said.kind) * 9 - 9
    title = escape(f"{one.name} {_day(one.said.detected)}: {one.title or '(erased)'}")
    return f'<circle cx="{x:.1f}" cy="{y + shift}" r="4.5" fill="{_MARKS[one.said.kind]}"><title>{title}</title></circle>'


def _times(report: PilotReport) -> Iterator[str]:
    one, other = report.during.measured, report.before.measured
    tax = report.tax
    yield "<table>\n<tr><th></th><th>pilot</th><th>baseline</th></tr>"
    yield f"<tr><td>time to rollback</td><td>{_spread(one.time_to_rollback)}</td><td>{_spread(other.time_to_rollback)}</td></tr>"
    yield f"<tr><td>time to detect</td><td>{_spread(one.time_to_detect)}</td><td>{_spread(other.time_to_detect)}</td></tr>"
    spent = [_hours(side.minutes, side.with_minutes) for side in (one, other)]
    yield f"<tr><td>engineer-hours told</td><td>{spent[0]}</td><td>{spent[1]}</td></tr>"
    yield f"<tr><td>cost told</td><td>{_costs(one)}</td><td>{_costs(other)}</td></tr>"
    now = "not measured" if tax.seconds is None else f"{tax.seconds:.2f} s (median of {tax.measured} of {tax.deploys})"
    before = "not told" if tax.before_seconds is None else f"{tax.before_seconds / 60:g} min, as told"
    yield f"<tr><td>a deploy</td><td>{now}</td><td>{before}</td></tr>"
    hours = "not known" if tax.hours is None else f"{tax.hours:.2f} h in {count(tax.deploys, 'deploy')}"
    told = "not known" if tax.before_hours is None else f"{tax.before_hours:.1f} h in {count(tax.before_deploys, 'deploy')}"
    yield f"<tr><td>deploy tax</td><td>{hours}</td><td>{told}</td></tr>\n</table>"


def _spread(one: Spread) -> str:
    if one.median is None:
        return "not known"
    minutes = one.median / 60
    words = f"{one.median:.0f} s" if minutes < 1 else f"{minutes:.0f} min" if minutes < 180 else f"{minutes / 60:.1f} h"  # noqa: PLR2004
    return f"{words} (median of {one.count})"


def _costs(one: Measured) -> str:
    amounts = " + ".join(str(Cost(hundredths, currency)) for currency, hundredths in one.costs.items())
    return f"{amounts} in {count(one.with_cost, 'incident')}" if amounts else "not told"


def _hours(minutes: int, known: int) -> str:
    return "not told" if known == 0 else f"{minutes / 60:g} h in {count(known, 'incident')}"


def _known(report: PilotReport) -> Iterator[str]:
    known = report.completeness
    if known.incidents == 0:
        yield "<p>No incident of the baseline is recorded. That may mean that there was none, or that nobody wrote one down.</p>"
    else:
        told = ", ".join(f"{name}: {number}" for name, number in known.known)
        yield f"<p>Of the {count(known.incidents, 'incident')} of the baseline is told, {escape(told)}.</p>"
    moves = f"{count(known.moves, 'move')} of the baseline {'is' if known.moves == 1 else 'are'} recorded or told of"
    yield f"<p>{known.months_with_any} of {count(known.months, 'month')} have any incident; {moves}. {_SELDOM}</p>"
