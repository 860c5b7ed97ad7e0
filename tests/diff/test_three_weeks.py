"""Three weeks later somebody asks what changed: six things among twelve releases, all on one screen, in each kind's words."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

import lastgood
from lastgood.cli.rendering import SCREEN
from lastgood.clock import FixedClock
from tests.cli.commands import Desk
from tests.parts import need
from tools.bench.data.three_weeks import START, play

THE_SIX = {
    "the line of the prompt": r"\[-Cite-\]\{\+Mention\+\} the policy",
    "the temperature": r"temperature.*0\.2 → 0\.7",
    "the parameter of the tool": r"search_orders.*limit.*20 → 50",
    "the layers": r"only layers 4 and 5 changed",
    "the package": r"transformers 4\.57\.1 → 4\.58\.0",
    "the labels": r"40 rows changed \(1\.0%\).*label",
}


@pytest.fixture(scope="module")
def bot(minilm: Path, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The workspace after the three weeks."""
    folder = tmp_path_factory.mktemp("three-weeks") / "bot"
    folder.mkdir()
    play(folder, minilm, FixedClock(START)).close()
    return Desk(folder)


@pytest.fixture(scope="module")
def told(bot: Desk, faketime: Path) -> list[str]:
    """What `diff prod@3w prod` says, three weeks and a minute after the first release, as a whole process."""
    now = START + timedelta(days=21, minutes=1)
    ran = bot.process("diff", "prod@3w", "prod", "--html", "page.html", before=[faketime, f"{now:%Y-%m-%d %H:%M:%S}", "env", "TZ=UTC"])
    assert ran.code == 0, ran
    assert "from prod@3w (2026-11-02 09:01 UTC) = r1," in ran.err
    assert "to   prod = r12," in ran.err
    return ran.out.splitlines()


@pytest.mark.parametrize("what", THE_SIX)
def test_each_of_the_six_is_named(told: list[str], what: str) -> None:
    assert [line for line in told if re.search(THE_SIX[what], line)], "\n".join(told)


def test_they_stand_on_one_screen_and_nothing_else_does(told: list[str]) -> None:
    assert len(told) <= SCREEN
    heads = [line.partition(" (")[0] for line in told if not line.startswith(" ")]
    assert heads == ["prompts", "settings", "router", "runtime", "train"]
    assert not re.search("Kindly|Greet|900", "\n".join(told))


def test_the_same_is_told_with_a_clock_of_ones_own(bot: Desk, told: list[str]) -> None:
    clock = FixedClock(START + timedelta(days=21, minutes=1))
    with lastgood.open(bot.root, clock=clock) as registry:
        found = registry.diff("prod@3w", "prod")
    assert len(told) > len(found.changed) == 5
    assert found.new.release is not None
    assert found.new.release.number == 12
    assert found.behavior_changed


def test_the_page_holds_the_same_when_it_is_printed(bot: Desk, told: list[str], tmp_path: Path) -> None:
    assert told
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    need(browser, "a browser: apt-get install chromium")
    need(shutil.which("pdftotext"), "pdftotext: apt-get install poppler-utils")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    flags += ["--disable-background-networking", "--disable-component-update", f"--user-data-dir={tmp_path / 'profile'}"]
    pdf = tmp_path / "page.pdf"
    page = (bot.root / "page.html").as_uri()
    subprocess.run([browser or "", *flags, f"--print-to-pdf={pdf}", page], check=True, capture_output=True, timeout=120)
    words = " ".join(subprocess.run(["pdftotext", "-layout", pdf, "-"], check=True, capture_output=True, text=True).stdout.split())
    for expected in (
        "Mention",
        "0.2 → 0.7",
        "search_orders",
        "only layers 4 and 5 changed",
        "transformers 4.57.1 → 4.58.0",
        "40 rows changed",
    ):
        assert expected in words, words
