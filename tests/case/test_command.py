"""`lastgood case`: files, flags, questions and what the registry has measured; words, JSON, pages."""

from __future__ import annotations

import io
import json
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import lastgood
from lastgood.clock import FixedClock, parse_instant
from lastgood.model.case import Measured
from lastgood.model.estimates import INPUTS
from tests.cli.commands import Desk, Ran, fill

KEYS = {"annual_cost", "avoided_loss", "payback_months", "simple_payback_months", "net_monthly_benefit", "verdict", "why"}
KEYS |= {"p10", "p50", "p90", "tornado", "inputs", "currency", "anchor", "look_again"}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A folder without a registry."""
    return Desk(tmp_path)


def test_the_plain_example_holds(desk: Desk) -> None:
    desk.write("case.toml", "incidents_per_year = 2\nshare_preventable = 1.0\nreproduction_hours_saved_per_year = 24\n")
    answer = desk.ask("case", "--input", "case.toml")

    assert set(answer) >= KEYS
    assert answer["schema"] == "lastgood.case/1"
    assert answer["verdict"] == "strong"
    assert (answer["annual_cost"], answer["avoided_loss"]) == (2906.67, 31920.0)
    assert answer["payback_months"] == 1.15
    assert answer["inputs"]["incidents_per_year"]["origin"] == "declared in case.toml"
    assert answer["inputs"]["setup_hours"]["origin"] == "assumed (default)"
    assert set(answer["inputs"]) == set(INPUTS)
    assert all(one["source"] for one in answer["inputs"].values() if one["origin"] == "assumed (default)")


def test_without_history_it_is_not_yet_and_says_when_to_look_again(desk: Desk) -> None:
    answer = desk.ask("case")
    assert answer["verdict"] == "not yet"
    assert answer["payback_months"] is None
    assert answer["simple_payback_months"] is None
    assert "Wait, and look again after the first incident, near-miss or reproduction failure" in answer["why"]
    assert answer["look_again"] in answer["why"]
    said = desk.tell("case").out
    assert "not yet" in said
    assert "never" in said


def test_flags_count_first_and_have_the_names_of_the_inputs(desk: Desk) -> None:
    desk.write("case.toml", "incidents_per_year = 2\nsetup_hours = 99\n")
    for flag in ("--setup-hours", "--setup_hours"):
        found = desk.ask("case", "--input", "case.toml", flag, "8..16.5..40")["inputs"]["setup_hours"]
        assert (found["low"], found["likely"], found["high"], found["origin"]) == (8, 16.5, 40, "flag --setup-hours")
    for name, one in INPUTS.items():
        assert desk.ask("case", one.flag, "1")["inputs"][name]["value"] == 1


def test_the_seed_decides_the_draws_and_nothing_else(desk: Desk) -> None:
    line = ("case", "--incidents-per-year", "2")
    first, again, other = (desk.ask(*line, "--seed", seed) for seed in ("7", "7", "8"))
    assert first == again
    assert first["p50"] != other["p50"]
    assert {**first, "p10": 0, "p50": 0, "p90": 0, "draws": 0} == {**other, "p10": 0, "p50": 0, "p90": 0, "draws": 0}


def test_points_agree_with_the_closed_form(desk: Desk) -> None:
    line = [word for name, one in INPUTS.items() for word in (one.flag, "1" if name == "share_preventable" else "2")]
    answer = desk.ask("case", *line, "--cost-per-incident", "9000")
    for percentile in ("p10", "p50", "p90"):
        assert answer[percentile] == {key: answer[key] for key in answer[percentile]}
    assert answer["tornado"] == []


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["--setup-hours", "-1"], "invalid-case"),
        (["--setup-hours", "much"], "invalid-case"),
        (["--share-preventable", "2"], "invalid-case"),
        (["--currency", "euro"], "invalid-case"),
        (["--currency", "JPY"], "invalid-case"),
        (["--input", "nowhere.toml"], "not-found"),
        (["--input", "."], "invalid"),
        (["--input", "bad.toml"], "invalid-case"),
        (["--seed", "-1"], "invalid"),
        (["--html", "bad.toml"], "already-exists"),
        (["--html", "."], "invalid"),
        (["--pdf", "bad.toml"], "already-exists"),
        (["--pdf", "nowhere/case.pdf"], "not-found"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(desk: Desk, arguments: list[str], kind: str) -> None:
    desk.write("bad.toml", "setup_hour = 1\n")
    assert desk.fails("case", *arguments)["kind"] == kind
    assert [path.name for path in desk.root.iterdir()] == ["bad.toml"]
    assert (desk.root / "bad.toml").read_text() == "setup_hour = 1\n"


def test_a_hostile_name_steers_no_terminal(desk: Desk) -> None:
    desk.write("a\x1b[31mb.toml", 'incidents_per_year = 1\n[[incidents]]\ntitle = "\\u001b[31mred\\u202e"\n')
    said = desk.tell("case", "--input", "a\x1b[31mb.toml")
    assert "\x1b" not in said.out + said.err
    assert "\u202e" not in said.out


class Terminal(io.StringIO):
    """What somebody types at a terminal."""

    def isatty(self) -> bool:
        return True


def typed(desk: Desk, monkeypatch: pytest.MonkeyPatch, lines: str, *arguments: str) -> Ran:
    monkeypatch.setattr(sys, "stdin", Terminal(lines))
    return desk.run("case", *arguments)


def test_a_terminal_is_asked_and_what_is_taken_as_offered_stays_assumed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = typed(desk, monkeypatch, "\n16\nx\n2\n\n\n\n2\n\n\n\n", "--html", "case.html")
    assert ran.code == 0, ran
    assert "tooling a year [300..600..2400]" in ran.err
    assert "is no number" in ran.err
    page = (desk.root / "case.html").read_text()
    assert page.count("<strong>asked</strong>") == 3
    assert page.count("<strong>assumed (default)</strong>") == 7


def test_nobody_is_asked_where_something_is_given(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write("case.toml", "incidents_per_year = 2\n")
    for arguments in (["--incidents-per-year", "2"], ["--input", "case.toml"], ["--json"]):
        ran = typed(desk, monkeypatch, "", *arguments)
        assert ran.code == 0, ran
        assert "Enter takes" not in ran.err


def test_an_end_of_input_is_a_cancel(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert typed(desk, monkeypatch, "1\n").code == 130


class TestWhatARegistryHasMeasured:
    """Deploys and rollbacks of history."""

    @pytest.fixture
    def clock(self) -> FixedClock:
        return FixedClock(parse_instant("2026-01-01T00:00:00.000000Z"))

    def measured(self, desk: Desk, clock: FixedClock, days: int, deploys: int) -> Measured:
        """Deploy so many times, once a day, and look after so many days."""
        fill(desk.root)
        start = clock.now()
        with lastgood.init(desk.root, clock=clock) as registry:
            for number in range(deploys):
                desk.write("prompts/system.md", f"Cite the policy {number}.\n")
                registry.commit(desk.root)
                registry.environments.deploy("prod")
                clock.advance(seconds=86_400)
            if deploys > 1:
                registry.environments.rollback("prod", waited=2.5)
            clock.advance(seconds=(start + timedelta(days=days) - clock.now()).total_seconds())
            return registry.figures.measured()

    def test_deploys_are_extrapolated_from_four_weeks_on(self, desk: Desk, clock: FixedClock) -> None:
        found = self.measured(desk, clock, days=28, deploys=4)
        assert found.given["deploys_per_year"].range.likely * 10 == 521
        assert found.given["deploys_per_year"].note == "extrapolated: 4 deploys of all pipelines in 28 days, × 365 ÷ 28"
        assert (found.deployments, found.rollbacks, found.rollback_seconds) == (5, 1, Decimal("2.5"))
        assert found.incidents == 0

    def test_a_shorter_history_gives_no_rate_and_says_so(self, desk: Desk, clock: FixedClock) -> None:
        found = self.measured(desk, clock, days=27, deploys=4)
        assert not found.given
        assert found.notes[0] == "4 deploys in 27 days of history: too few days for a rate, 28 are needed"

    def test_what_storage_costs_is_said_with_the_price(self, desk: Desk, clock: FixedClock) -> None:
        (said,) = self.measured(desk, clock, days=28, deploys=4).notes
        assert said.startswith("storage measured: ")
        assert "USD a month (Google Cloud Storage Standard: 0.020 USD a GB" in said
        assert "assumed, since lastgood.toml has no [prices]" in said
        desk.write("lastgood.toml", "this is = not right")
        with lastgood.open(desk.root, clock=clock) as registry:
            (said,) = registry.figures.measured().notes
        assert said == "what storage costs a month is not known: lastgood.toml is not right"

    def test_of_a_longer_history_the_last_year_counts(self, desk: Desk, clock: FixedClock) -> None:
        found = self.measured(desk, clock, days=367, deploys=4)
        assert found.given["deploys_per_year"].range.likely == 2
        assert found.given["deploys_per_year"].note == "counted: 2 deploys of all pipelines in the last 365 days"

    def test_without_a_deployment_nothing_is_measured(self, desk: Desk, clock: FixedClock) -> None:
        found = self.measured(desk, clock, days=40, deploys=0)
        assert (dict(found.given), found.deployments, found.rollbacks, found.rollback_seconds) == ({}, 0, 0, None)

    def test_the_command_marks_it_measured(self, desk: Desk, clock: FixedClock) -> None:
        self.measured(desk, clock, days=28, deploys=4)
        found = desk.ask("case")
        deploys = found["inputs"]["deploys_per_year"]
        assert deploys["origin"] == "measured"
        assert found["production"] == {"is_so": True, "said": "5 deployments: measured"}
        said = desk.ask("case", "--deploys-per-year", "12")["inputs"]["deploys_per_year"]
        assert (said["value"], said["measured"]["value"]) == (12, deploys["value"])

    def test_nothing_deployed_is_no_production(self, desk: Desk, clock: FixedClock) -> None:
        self.measured(desk, clock, days=40, deploys=0)
        found = desk.ask("case")
        assert (found["verdict"], found["production"]["is_so"]) == ("not yet", False)
        assert "look again when a pipeline answers in production" in found["why"]

    def test_a_file_needs_no_registry_and_a_damaged_one_is_only_told(self, desk: Desk) -> None:
        desk.write(".lastgood/catalog.db", b"no database at all" * 100)
        desk.write("case.toml", "incidents_per_year = 2\n")
        ran = desk.tell("case", "--input", "case.toml", "--json")
        assert json.loads(ran.out)["verdict"] == "strong"
        assert "nothing was measured" in ran.err
        assert desk.run("case").code == 7
        assert desk.run("--registry", "nowhere", "case", "--input", "case.toml").code == 3


def test_a_pdf_is_one_page_and_is_replaced_only_where_it_is_ours(desk: Desk) -> None:
    pytest.importorskip("weasyprint")
    desk.tell("case", "--pdf", "case.pdf")
    first = (desk.root / "case.pdf").read_bytes()
    desk.tell("case", "--pdf", "case.pdf")
    assert (desk.root / "case.pdf").read_bytes() == first
    desk.write("other.pdf", b"%PDF-1.4 of somebody else")
    assert desk.fails("case", "--pdf", "other.pdf")["kind"] == "already-exists"
    assert (desk.root / "other.pdf").read_bytes() == b"%PDF-1.4 of somebody else"


def test_without_its_library_a_pdf_is_unavailable_and_the_page_is_offered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    error = desk.fails("case", "--pdf", "case.pdf")
    assert error["kind"] == "unavailable"
    assert "lastgood[pdf]" in error["hint"]
    assert "--html" in error["hint"]
    assert not (desk.root / "case.pdf").exists()
