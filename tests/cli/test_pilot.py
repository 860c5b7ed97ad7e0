"""The pilot on the command line and as a page: what happened before and since, what can be chance, and how much is known."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.cli.commands import Desk
from tests.importers.talk import channels, message, users, write_files
from tests.parts import need

FAR = "300d..200d"


@pytest.fixture
def piloted(three: Desk) -> Desk:
    """Seven incidents and a near-miss in a baseline of 100 days, three and a reproduction failure in 50 days of a pilot."""
    before = [(290, 3), (280, 6), (262, 1), (251, None), (240, 8), (222, 24), (205, 2)]
    for days, hours in before:
        more = [] if hours is None else ["--mitigated", f"{days * 24 - hours}h", "--hours", str(hours), "--cost", f"{hours}00 EUR"]
        three.tell("incident", "open", f"old {days}", "--env", "prod", "--detected", f"{days}d", "--closed", f"{days - 4}d", *more)
    three.tell("incident", "open", "caught", "--kind", "near-miss", "--detected", "230d", "--closed", "230d")
    for days in (45, 30, 12):
        three.tell("incident", "open", f"<b>new {days}</b>", "--detected", f"{days}d", "--mitigated", f"{days * 24 - 1}h", "--closed", "1d")
    three.tell("incident", "open", "not again", "--kind", "repro-failure", "--detected", "20d")
    three.tell("pilot", "start", "--baseline", FAR, "--for", "90d", "--begins", "50d", "--deploy-minutes", "25")
    return three


class TestStart:
    def test_it_says_both_spans(self, desk: Desk) -> None:
        done = desk.ask(
            "pilot", "start", "--baseline", "2026-01-01T00:00Z..2026-04-01T00:00Z", "--for", "12w", "--begins", "2026-04-02T00:00Z"
        )
        assert (done["begins"], done["ends"]) == ("2026-04-02T00:00:00.000000Z", "2026-06-25T00:00:00.000000Z")
        assert (done["baseline_from"], done["baseline_until"]) == ("2026-01-01T00:00:00.000000Z", "2026-04-01T00:00:00.000000Z")

    @pytest.mark.parametrize(
        ("baseline", "more", "said"),
        [
            ("100d", [], "is no span of time"),
            ("10d..100d", [], "shorter than a week"),
            ("105d..100d", [], "shorter than a week"),
            ("100d..10d", ["--begins", "20d"], "the baseline ends after the pilot begins"),
            (FAR, ["--for", "3d"], "from 7 to 730 days, not 3"),
            (FAR, ["--for", "forever"], "is no length of a pilot"),
            (FAR, ["--for", "9999w"], "not 69993"),
        ],
        ids=str,
    )
    def test_spans_that_make_no_sense_are_refused(self, desk: Desk, baseline: str, more: list[str], said: str) -> None:
        error = desk.fails("pilot", "start", "--baseline", baseline, "--for", "90d", *more)
        assert (error["kind"], said in error["message"]) == ("invalid", True), error

    def test_one_goes_on_at_a_time_and_can_be_undone(self, piloted: Desk) -> None:
        assert piloted.fails("pilot", "start", "--baseline", FAR, "--for", "90d")["kind"] == "conflict"
        operation = piloted.ask("log", "--operations", "-n", "1")["items"][0]
        assert operation["changes"] == ["support-bot: a pilot of 90 days started"]
        piloted.tell("undo", operation["operation"])
        assert piloted.fails("pilot", "report")["kind"] == "not-found"
        piloted.tell("undo", piloted.ask("log", "--operations", "-n", "1")["items"][0]["operation"])
        assert piloted.ask("pilot", "report")["days"] == pytest.approx(50, abs=0.01)
        assert piloted.tell("verify", "--replay").code == 0

    def test_the_next_one_begins_when_the_last_has_ended(self, desk: Desk) -> None:
        desk.tell("pilot", "start", "--baseline", FAR, "--for", "90d", "--begins", "100d")
        assert desk.ask("pilot", "report")["over"] is True
        desk.tell("pilot", "start", "--baseline", FAR, "--for", "30d", "--begins", "5d")
        report = desk.ask("pilot", "report")
        assert (report["over"], report["baseline_days"], round(report["days"])) == (False, 100, 5)


class TestReport:
    def test_counts_are_compared_by_their_rates(self, piloted: Desk) -> None:
        report = piloted.ask("pilot", "report")
        counted = {one["what"]: (one["pilot"], one["baseline"]) for one in report["counts"]}
        assert counted == {"incidents": (3, 7), "near-misses": (0, 1), "reproduction failures": (1, 0), "rollbacks": (0, 0)}
        first = report["counts"][0]
        assert (first["words"], first["chance"]) == ("3 against 7: could be chance", True)
        assert first["ratio"] == pytest.approx(3 / 50 / (7 / 100), abs=0.01)
        words, _, rest = report["verdict"].partition(". ")
        assert words == "Incidents, 3 against 7: could be chance"
        assert rest == "The true rate may be anything from 0.14 to 3.8 times that of the baseline."

    def test_times_are_those_of_each_side(self, piloted: Desk) -> None:
        times = piloted.ask("pilot", "report")["times"]["time_to_rollback"]
        assert times["pilot"] == {"count": 3, "mean_seconds": pytest.approx(3600, abs=5), "median_seconds": pytest.approx(3600, abs=5)}
        assert (times["baseline"]["count"], times["baseline"]["median_seconds"]) == (6, pytest.approx(4.5 * 3600, abs=5))

    def test_deploys_are_measured_and_held_against_what_was_told(self, piloted: Desk) -> None:
        tax = piloted.ask("pilot", "report")["deploy_tax"]
        assert (tax["pilot"]["deploys"], tax["pilot"]["measured"], tax["pilot"]["seconds"] >= 0) == (3, 3, True)
        assert tax["baseline"] == {"seconds": 1500, "deploys": 0, "hours": None}

    def test_how_complete_the_baseline_is(self, piloted: Desk) -> None:
        known = piloted.ask("pilot", "report")["baseline_known"]
        assert known == {
            "incidents": 8,
            "when_it_began": 0,
            "when_it_was_over": 6,
            "hours_of_work": 6,
            "cost": 6,
            "preventable_or_not": 0,
            "months": 3,
            "months_with_any": 3,
            "moves": 0,
        }

    def test_a_rollback_counts_and_what_was_told_of_the_past_too(self, piloted: Desk) -> None:
        piloted.tell("rollback", "prod")
        piloted.tell("deploy", "staging", "r1")
        at = datetime.now(UTC) - timedelta(days=250)
        lines = [message(0, at, "deployed r40 to prod"), message(1, at + timedelta(hours=1), "rolled back prod to r39")]
        write_files(piloted.root / "talk.zip", {"channels.json": channels(), "users.json": users(), "general/2026-01-05.json": lines})
        piloted.tell("incident", "import", "talk.zip", "--apply", "--accept", "1,2")
        report = piloted.ask("pilot", "report")
        assert (report["counts"][3]["pilot"], report["counts"][3]["baseline"], report["baseline_known"]["moves"]) == (1, 1, 2)
        assert report["deploy_tax"]["baseline"] == {"seconds": 1500, "deploys": 1, "hours": pytest.approx(1500 / 3600)}

    def test_a_young_pilot_is_too_early_to_judge(self, desk: Desk) -> None:
        desk.tell("pilot", "start", "--baseline", FAR, "--for", "90d", "--begins", "6d")
        assert (
            desk.ask("pilot", "report")["verdict"] == "Too early to say: 6 of 90 days. Incidents so far, 0 against 0: nothing to compare."
        )

    def test_where_nothing_happened_there_is_nothing_to_compare(self, desk: Desk) -> None:
        desk.tell("pilot", "start", "--baseline", FAR, "--for", "90d", "--begins", "100d")
        report = desk.ask("pilot", "report")
        assert report["verdict"] == "There was no incident on either side: nothing to compare."
        assert report["counts"][0]["high"] is None

    def test_there_has_to_be_one_that_has_begun(self, desk: Desk) -> None:
        assert desk.fails("pilot", "report")["kind"] == "not-found"
        desk.tell("pilot", "start", "--baseline", FAR, "--for", "90d", "--begins", "2999-01-01")
        assert "begins at 2999" in desk.fails("pilot", "report")["message"]

    def test_on_a_terminal(self, piloted: Desk) -> None:
        ran = piloted.tell("pilot", "report")
        assert "Incidents, 3 against 7: could be chance." in ran.out
        assert re.search(r"near-misses +0 +1 +0\.00 \(0\.00 to \d", ran.out)
        assert "time to rollback: 1h (median of 3) in the pilot, 4h 30m (median of 6) in the baseline" in ran.out
        assert "of the baseline is known: when it began 0 of 8, when it was over 6 of 8" in ran.err


class Reader(HTMLParser):
    """What a browser would make of a page: its tags, and its words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


class TestPage:
    def test_it_says_what_the_terminal_says(self, piloted: Desk) -> None:
        piloted.tell("pilot", "report", "--html", "pilot.html")
        words = " ".join(Reader((piloted.root / "pilot.html").read_text()).words)
        report = piloted.ask("pilot", "report")
        assert report["verdict"] in words
        for one in report["counts"]:
            assert one["words"] in words
        for said in (
            "25 min, as told",
            "60 min (median of 3)",
            "4.5 h (median of 6)",
            "4,400.00 EUR in 6 incidents",
            "44 h in 6 incidents",
            "3 of 3 months have any incident",
            "when it was over: 6",
        ):
            assert said in words, said

    def test_nothing_is_run_and_no_title_is_markup(self, piloted: Desk) -> None:
        piloted.tell("pilot", "report", "--html", "pilot.html")
        page = (piloted.root / "pilot.html").read_text()
        tags = set(Reader(page).tags)
        assert not {"script", "img", "link", "iframe", "b"} & tags
        assert {"svg", "circle", "line", "rect"} <= tags
        assert "&lt;b&gt;new 45&lt;/b&gt;" in page
        assert "http" not in page.replace("http-equiv", "")

    def test_it_draws_a_dot_for_each_and_a_bar_for_each_count(self, piloted: Desk) -> None:
        piloted.tell("pilot", "report", "--html", "pilot.html")
        page = (piloted.root / "pilot.html").read_text()
        assert page.count("<title>I") == 12
        assert page.count("<rect") == 8

    def test_its_pdf_is_one_page_and_says_the_same(self, piloted: Desk) -> None:
        need(shutil.which("pdftotext"), "pdftotext: apt-get install poppler-utils")
        piloted.tell("pilot", "report", "--pdf", "pilot.pdf")
        out = piloted.root / "pilot.pdf"
        words = subprocess.run(["pdftotext", "-layout", out, "-"], check=True, capture_output=True, text=True).stdout
        assert words.count("\f") == 1
        assert piloted.ask("pilot", "report")["verdict"] in " ".join(words.split())
        drawn = subprocess.run(["pdftoppm", "-r", "40", out], check=True, capture_output=True).stdout
        colours = {drawn[place : place + 3] for place in range(len(drawn) % 3, len(drawn), 3)}
        assert any(blue > red + 40 for red, _, blue in colours), "the bars of the pilot are not told from those before"
        assert any(red > blue + 40 for red, _, blue in colours), "incidents are not told from near-misses"

    def test_it_fits_one_page_of_paper(self, piloted: Desk, tmp_path: Path) -> None:
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        need(chromium, "chromium, which prints pages")
        piloted.tell("pilot", "report", "--html", "pilot.html")
        quiet = (
            "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update"
        )
        options = [*quiet.split(), "--disable-sync", "--no-pdf-header-footer", f"--user-data-dir={tmp_path / 'browser'}"]
        out = tmp_path / "pilot.pdf"
        command = [str(chromium), *options, f"--print-to-pdf={out}", f"file://{piloted.root / 'pilot.html'}"]
        subprocess.run(command, check=True, capture_output=True, timeout=120, env=os.environ | {"HOME": str(tmp_path)})
        assert len(re.findall(rb"/Type\s*/Page\b", out.read_bytes())) == 1
