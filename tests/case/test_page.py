"""The payback page: one sheet in a browser and as PDF, no word on another, and no number whose origin is not on it."""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lastgood.model.case import Case, Given, Measured, Origin, PastIncident, make_case
from lastgood.model.changes.incidents import IncidentKind
from lastgood.model.estimates import Range, point
from lastgood.pages.case import case_page
from lastgood.pages.pdf import draw_pdf
from tests.case.examples import TODAY, case_of, declared, nothing_costs_anything

HOSTILE = "</p><script>alert(1)</script> & \x1b[31mred\u202e"
LONG = PastIncident(
    "The answer that cited a withdrawn policy to every third customer in the week before the holidays, " * 2,
    IncidentKind.NEAR_MISS,
    Decimal("999999999.99"),
    date(2026, 5, 11),
    f"declared in {'c' * 38}….toml",
)
COUNTED = Measured(
    {"deploys_per_year": Given(point(Decimal("521.4")), Origin.MEASURED, note="extrapolated: 4,000 deploys in 28 days × 365 ÷ 28")},
    deployments=5,
    rollbacks=12,
    rollback_seconds=Decimal("0.213"),
    notes=["4 deploys in 27 days of history: too few days for a rate, 28 are needed"],
)


def wide(low: str, likely: str, high: str) -> Range:
    return Range(Decimal(low), Decimal(likely), Decimal(high))


def hostile() -> Case:
    said = declared(replace(LONG, title=HOSTILE), incidents_per_year=1)
    given = {name: replace(one, where=HOSTILE) for name, one in said.given.items()}
    return make_case(replace(said, given=given, where=HOSTILE), Measured(), today=TODAY)


CASES: dict[str, Callable[[], Case]] = {
    "strong": lambda: case_of(incidents_per_year=2),
    "sound": lambda: case_of(incidents_per_year=1),
    "weak": lambda: case_of(LONG, incidents_per_year=1, cost_per_incident=100),
    "not yet": case_of,
    "nothing": nothing_costs_anything,
    "measured": lambda: case_of(measured=COUNTED, incidents_per_year=1, deploys_per_year=12),
    "large": lambda: case_of(
        LONG,
        tooling_per_year=wide("123456789.25", "223456789.50", "999999999.99"),
        setup_hours=wide("1234.5", "2345.25", "99999.75"),
        incidents_per_year=wide("0.125", "12.375", "1234.5"),
        cost_per_incident=wide("1234567.89", "123456789.01", "999999999.99"),
        measured=COUNTED,
    ),
    "hostile": hostile,
}
each_case = pytest.mark.parametrize("name", list(CASES))


class Reader(HTMLParser):
    """What a browser would make of a page: its tags, attributes and words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.attributes: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_endtag(self, tag: str) -> None:
        while self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)


@each_case
def test_nothing_is_run_and_nothing_is_fetched(name: str) -> None:
    page = case_page(CASES[name]())
    read = Reader(page)
    assert not {"script", "img", "link", "iframe", "object", "form"} & set(read.tags)
    assert not [one for one in read.attributes if one.startswith("on") or one in {"src", "href", "xlink:href"}]
    assert "http" not in page.replace("http-equiv", "")
    assert "default-src 'none'" in page
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_the_three_numbers_come_first_then_the_verdict_with_its_rule() -> None:
    words = " ".join(" ".join(Reader(case_page(CASES["strong"]())).words).split())
    order = ["2,907 EUR", "16,600 EUR", "2.3 months", "Strong.", "in less than 3 months", "The costliest incident", "What will be objected"]
    assert sorted(order, key=words.index) == order
    for source in ("Eurostat", "Uptime Institute", "54%"):
        assert source in words


def test_the_same_case_is_the_same_page() -> None:
    assert case_page(CASES["large"]()) == case_page(CASES["large"]())


# ------------------------------------------------------------------------------------------------ where numbers are from


def numbers_in(text: str) -> set[str]:
    return {one.replace(",", "") for one in re.findall(r"\d[\d,]*(?:\.\d+)?", text)}


def told(value: Decimal) -> set[str]:
    """Return the ways in which an amount, a number or a share may be written."""
    value = abs(value)
    found = set()
    for scale in (1, 100, Decimal("1e-6"), Decimal("1e-9"), Decimal("1e-12")):
        for unit in ("1", "0.1", "0.01"):
            for rounding in (ROUND_HALF_UP, ROUND_FLOOR, ROUND_CEILING) if unit == "0.1" else (ROUND_HALF_UP,):
                text = f"{(value * scale).quantize(Decimal(unit), rounding):f}"
                found |= {text, text.rstrip("0").rstrip(".") if "." in text else text}
    return found


def reckoned(case: Case) -> Iterator[Decimal]:
    """Yield every number that follows from the inputs, reckoned here a second time."""
    given = {name: one.range.likely for name, one in case.inputs.items()}
    rate = given["loaded_rate"]
    setup, care = given["setup_hours"] * rate, 12 * given["maintenance_hours_per_month"] * rate
    hours = given["seconds_per_deploy"] * given["deploys_per_year"] / 3600
    recurring = given["tooling_per_year"] + care + hours * rate
    prevented = given["incidents_per_year"] * given["cost_per_incident"] * given["share_preventable"]
    saved = given["reproduction_hours_saved_per_year"] * rate
    annual, avoided = recurring + setup, prevented + saved
    net = (avoided - recurring) / 12
    yield from (setup, care, hours, hours * rate, recurring, prevented, saved, annual, avoided, net, avoided - annual)
    if net > 0:
        yield from (annual / net, setup / net)
        if per_second := given["deploys_per_year"] * rate / 3600:
            yield (avoided - given["tooling_per_year"] - care) / per_second
    if annual:
        yield hours * rate / annual
    if avoided:
        yield annual / avoided
    if per_incident := given["cost_per_incident"] * given["share_preventable"]:
        yield from ((recurring - saved) / per_incident, (recurring - saved + 4 * annual) / per_incident)
    if lost := given["incidents_per_year"] * given["cost_per_incident"]:
        yield (recurring - saved) / lost
    drawn = case.chances
    yield from (one for one in (drawn.payback_months.p10, drawn.payback_months.p50, drawn.payback_months.p90) if one is not None)
    yield from (drawn.strong, drawn.sound, drawn.never)
    for swing in case.swings:
        yield from (swing.at_low.first_year_net, swing.at_high.first_year_net)


def known_numbers(case: Case) -> set[str]:
    found = {"12", "3600", "3", "6", "0.01", "0.1", "10", "50", "90", f"{case.chances.draws}", f"{case.chances.seed}"}
    for one in case.inputs.values():
        values = [one.range.low, one.range.likely, one.range.high]
        found |= set().union(
            *map(told, values), numbers_in(f"{one.origin_text} {one.source}"), *(numbers_in(f"{value:f}") for value in values)
        )
        if one.measured is not None:
            found |= told(one.measured.range.likely) | numbers_in(one.measured.note)
    anchor, counted = case.anchor, case.measured
    found |= numbers_in(f"{case.made_on} {case.look_again} {' '.join(counted.notes)} {counted.deployments} {counted.rollbacks}")
    found |= set() if counted.rollback_seconds is None else told(counted.rollback_seconds)
    found |= set() if anchor is None else numbers_in(f"{anchor.title} {anchor.where} {anchor.on}") | told(anchor.cost or Decimal(0))
    found |= numbers_in(case.history.said)
    return found.union(*map(told, reckoned(case)))


@each_case
def test_every_number_of_the_page_is_an_input_a_source_or_follows_from_them(name: str) -> None:
    case = CASES[name]()
    page = " ".join(Reader(case_page(case)).words).replace("\\x1b[31m", "").replace("\\u202e", "")
    assert len(numbers_in(page)) > 10
    assert numbers_in(page) - known_numbers(case) == set()


# ------------------------------------------------------------------------------------------------------- as a picture


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a PDF, and where it stands."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Word) -> bool:
        """Whether the two stand on one another by more than a hair."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return across > 1 and down > 0.4 * min(self.bottom - self.top, other.bottom - other.top)


def check_one_sheet(pdf: Path, case: Case) -> None:
    info = subprocess.run(["pdfinfo", pdf], check=True, capture_output=True, text=True).stdout
    assert re.search(r"^Pages: +1$", info, re.MULTILINE), info
    assert "A4" in info or "594.9" in info, info
    boxes = subprocess.run(["pdftotext", "-bbox", pdf, "-"], check=True, capture_output=True, text=True).stdout
    number = r'"([\d.-]+)"'
    form = re.compile(rf"<word xMin={number} yMin={number} xMax={number} yMax={number}>(.*?)</word>")
    words = [Word(one[5], *map(float, one.groups()[:4])) for one in form.finditer(boxes)]
    assert len(words) > 200
    assert not [one for one in words if one.left < 20 or one.right > 576 or one.top < 15 or one.bottom > 827]
    assert [(one.text, other.text) for one, other in itertools.combinations(words, 2) if one.overlaps(other)] == []
    assert case.made_on.isoformat() in " ".join(one.text for one in words)


@each_case
@pytest.mark.usefixtures("poppler", "pango")
def test_as_pdf_it_is_one_sheet(name: str, tmp_path: Path) -> None:
    case, pdf = CASES[name](), tmp_path / "case.pdf"
    pdf.write_bytes(draw_pdf(case_page(case)))
    check_one_sheet(pdf, case)


@pytest.mark.parametrize("name", ["strong", "weak", "not yet", "large"])
@pytest.mark.usefixtures("poppler")
def test_a_browser_prints_it_on_one_sheet(name: str, tmp_path: Path, chromium: Path) -> None:
    case, page, pdf = CASES[name](), tmp_path / "case.html", tmp_path / "case.pdf"
    page.write_text(case_page(case))
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
    options += ["--disable-quic", "--disable-component-update", f"--user-data-dir={tmp_path / 'profile'}", "--no-pdf-header-footer"]
    subprocess.run([chromium, *options, f"--print-to-pdf={pdf}", page.as_uri()], check=True, capture_output=True, timeout=120)
    check_one_sheet(pdf, case)


@pytest.mark.usefixtures("poppler", "pango")
def test_a_font_that_is_wide_makes_the_pdf_smaller_and_no_second_sheet(tmp_path: Path) -> None:
    case, pdf = CASES["large"](), tmp_path / "case.pdf"
    page = re.sub(r"font-family: [^;]*;", "font-family: monospace;", case_page(case), count=1)
    pdf.write_bytes(draw_pdf(page.replace("html { font-size: 8.1pt; }", "html { font-size: 11pt; }").replace("monospace", "serif")))
    info = subprocess.run(["pdfinfo", pdf], check=True, capture_output=True, text=True).stdout
    assert re.search(r"^Pages: +1$", info, re.MULTILINE), info


@pytest.mark.usefixtures("pango", "poppler")
def test_the_pdf_fetches_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "secret.svg"
    secret.write_text('<svg xmlns="http://www.w3.org/2000/svg"><text y="20">secret</text></svg>')
    page = case_page(CASES["not yet"]()).replace("</body>", f'<img src="{secret.as_uri()}"><img src="http://127.0.0.1:9/a.png"></body>')
    (tmp_path / "case.pdf").write_bytes(draw_pdf(page))
    words = subprocess.run(["pdftotext", tmp_path / "case.pdf", "-"], check=True, capture_output=True, text=True).stdout
    assert "annual cost" in words
    assert "secret" not in words
