"""The charts of pages, as inline SVG: no scripts, nothing fetched, and the numbers stand beside the bars.

Rules: what a browser takes from the page's style (classes) and what a printer takes from the drawing itself (attributes) look the same;
texts are escaped; the same values give the same bytes.

>>> axis = Axis(Decimal(0), Decimal(12), 0, 300)
>>> axis.at(Decimal(6)), axis.at(Decimal(99))
(150.0, 300.0)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from lastgood.pages.page import escape

INK, QUIET, SHADE = "#1c2430", "#5c6675", "#e9edf3"
CHART_STYLE = """
svg text { fill: var(--ink); } svg .aside { fill: var(--quiet); } svg .shade { fill: var(--shade); }
svg .bar { fill: var(--bar); } svg .mark { stroke: var(--ink); }
svg .grid { stroke: var(--line); } svg .line { stroke: var(--bar); }
:root { --bar: #5b8bc5; } @media (prefers-color-scheme: dark) { :root { --bar: #3f6fa8; } } @media print { :root { --bar: #5b8bc5; } }
"""
_FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
_BAR = "#5b8bc5"
_LINE_HEIGHT = 15.0


@dataclass(frozen=True, slots=True)
class Axis:
    """Where values lie across a drawing; what is beyond an end lies on it."""

    low: Decimal
    high: Decimal
    left: float
    right: float

    def at(self, value: Decimal) -> float:
        """Return the place of a value."""
        share = float((min(max(value, self.low), self.high) - self.low) / (self.high - self.low))
        return round(self.left + share * (self.right - self.left), 1)


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar between two values, with what is said on its left and at its ends."""

    label: str
    low: Decimal
    high: Decimal
    low_text: str
    high_text: str


def bar_chart(bars: Sequence[Bar], middle: Decimal, middle_text: str, *, width: int = 420, label_width: int = 158) -> str:
    """Draw a bar a row around a line in the middle: what one thing moves, then the next."""
    row, top = 17, 16
    values = [middle, *(one.low for one in bars), *(one.high for one in bars)]
    axis = Axis(min(values), max(*values, min(values) + 1), label_width + 48, width - 48)
    height = top + row * len(bars) + 4
    drawn = [_text(axis.at(middle), 10, middle_text, anchor="middle", look="aside")]
    for number, one in enumerate(bars):
        y = top + number * row
        left, right = axis.at(min(one.low, one.high)), axis.at(max(one.low, one.high))
        begins, ends = (one.low_text, one.high_text) if one.low <= one.high else (one.high_text, one.low_text)
        drawn += [
            _text(0, y + 11, one.label),
            f'<rect class="bar" fill="{_BAR}" x="{left}" y="{y + 2}" width="{max(1.0, round(right - left, 1))}" height="{row - 6}"/>',
            _text(left - 4, y + 11, begins, anchor="end", look="aside"),
            _text(right + 4, y + 11, ends, look="aside"),
        ]
    drawn.append(_rule(axis.at(middle), top - 2, height - 2))
    return _svg(width, height, drawn)


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of an axis that has a name."""

    until: Decimal
    name: str


def band_chart(bands: Sequence[Band], span: tuple[Decimal, Decimal], marks: Sequence[tuple[Decimal, str]], *, width: int = 420) -> str:
    """Draw a span over named stretches of an axis that begins at nothing, with marks on it; what is beyond the last one lies at its end."""
    axis = Axis(Decimal(0), bands[-1].until, 4, width - 4)
    drawn, begins = [], axis.left
    for number, band in enumerate(bands):
        ends = axis.at(band.until)
        if number % 2 == 0:
            drawn.append(f'<rect class="shade" fill="{SHADE}" x="{begins}" y="0" width="{round(ends - begins, 1)}" height="48"/>')
        drawn.append(_text((begins + ends) / 2, 12, band.name, anchor="middle", look="aside"))
        if number + 1 < len(bands):
            drawn.append(_text(ends, 59, f"{band.until}", anchor="middle", look="aside"))
        begins = ends
    left, right = axis.at(span[0]), axis.at(span[1])
    drawn.append(f'<rect class="bar" fill="{_BAR}" x="{left}" y="17" width="{max(2.0, round(right - left, 1))}" height="14"/>')
    drawn += _marks(axis, marks)
    return _svg(width, 62, drawn)


def _marks(axis: Axis, marks: Sequence[tuple[Decimal, str]]) -> Iterator[str]:
    groups: list[tuple[float, str]] = []
    for value, text in sorted(marks, key=lambda one: one[0]):
        x = axis.at(value)
        yield _rule(x, 14, 34)
        # Texts that would lie on one another become one.
        if groups and x - _half(text) < groups[-1][0] + _half(groups[-1][1]) + 4:
            groups[-1] = (x, f"{groups[-1][1]} {text}")
        else:
            groups.append((x, text))
    for x, text in groups:
        yield _text(min(max(x, axis.left + _half(text)), axis.right - _half(text)), 44, text, anchor="middle")


def _half(text: str) -> float:
    """Return about half of the room that a text takes."""
    return len(text) * 3.0


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a chart: its name, and a value for each place across."""

    name: str
    values: Sequence[Decimal]
    is_dashed: bool = False


def line_chart(
    lines: Sequence[Line], places: Sequence[str], write: Callable[[Decimal], str], *, width: int = 640, height: int = 210
) -> str:
    """Draw lines from nothing upward, each with its name and its last value at its end.

    Args:
        lines: the lines, two at the most, so that their ends can be told apart.
        places: what stands under each value; an empty text for nothing.
        write: writes a value.
        width: of the drawing.
        height: of the drawing.
    """
    most = max((value for line in lines for value in line.values), default=Decimal(0))
    across = Axis(Decimal(0), Decimal(max(1, len(places) - 1)), 58, width - 150)
    up = Axis(Decimal(0), most or Decimal(1), height - 24, 12)
    drawn = []
    for share in (Decimal(0), Decimal("0.5"), Decimal(1)):
        y = up.at(most * share)
        drawn.append(f'<line class="grid" stroke="{SHADE}" x1="{across.left}" y1="{y}" x2="{across.right}" y2="{y}"/>')
        drawn.append(_text(across.left - 6, y + 4, write(most * share), anchor="end", look="aside"))
    drawn += [
        _text(across.at(Decimal(number)), height - 6, text, anchor="middle", look="aside") for number, text in enumerate(places) if text
    ]
    ends: list[float] = []
    for line in lines:
        points = " ".join(f"{across.at(Decimal(number))},{up.at(value)}" for number, value in enumerate(line.values))
        dashes = ' stroke-dasharray="5 4"' if line.is_dashed else ""
        drawn.append(f'<polyline class="line" fill="none" stroke="{_BAR}" stroke-width="2"{dashes} points="{points}"/>')
        y = up.at(line.values[-1]) + 4
        if ends and abs(y - ends[-1]) < _LINE_HEIGHT:
            y = ends[-1] + _LINE_HEIGHT
        ends.append(y)
        drawn.append(_text(across.right + 6, y, f"{line.name}: {write(line.values[-1])}"))
    return _svg(width, height, drawn)


def column_chart(columns: Sequence[tuple[str, Decimal]], write: Callable[[Decimal], str], *, width: int = 640, height: int = 150) -> str:
    """Draw a column for each value, with the value above it and its name below."""
    most = max((value for _, value in columns), default=Decimal(0))
    up = Axis(Decimal(0), most or Decimal(1), height - 22, 18)
    room = width / max(1, len(columns))
    drawn = []
    for number, (name, value) in enumerate(columns):
        left, top = round(number * room + room * 0.15, 1), up.at(value)
        shape = f'x="{left}" y="{top}" width="{round(min(room * 0.7, 60), 1)}" height="{round(max(0.5, height - 22 - top), 1)}"'
        drawn.append(f'<rect class="bar" fill="{_BAR}" {shape}/>')
        drawn.append(_text(left, top - 4, write(value), look="aside"))
        drawn.append(_text(left, height - 6, name, look="aside"))
    return _svg(width, height, drawn)


def _rule(x: float, top: float, bottom: float) -> str:
    return f'<line class="mark" stroke="{INK}" stroke-width="1.2" x1="{x}" y1="{top}" x2="{x}" y2="{bottom}"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", look: str = "") -> str:
    quiet = f' class="{look}" fill="{QUIET}"' if look else f' fill="{INK}"'
    return f'<text x="{round(x, 1)}" y="{y}" text-anchor="{anchor}"{quiet}>{escape(text)}</text>'


def _svg(width: int, height: int, drawn: Sequence[str]) -> str:
    inside = "\n".join(drawn)
    return f'<svg viewBox="0 0 {width} {height}" font-family="{_FONT}" font-size="11" role="img">\n{inside}\n</svg>'
