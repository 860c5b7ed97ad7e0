"""`lastgood cost` and what `retention plan` says of money: on the terminal, as JSON, and as pages."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import lastgood
from lastgood.clock import FixedClock, SystemClock
from lastgood.model.forecast import MONTHS
from tests.cli.commands import Desk
from tests.cost.registry import noise, walked

TOML = """\
pipeline = "bot"

[components.prompts]
kind = "prompt"
path = "prompts/"

[components.router]
kind = "artifact"
path = "models/"

[retention]
keep_last = 3

[prices]
currency = "EUR"
per_gb_month = 2000
per_1000_gets = 10
per_gb_egress = 100
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Ten releases in the last ninety days, 100 kB of weights each."""
    desk = Desk(tmp_path / "bot")
    desk.write("lastgood.toml", TOML)
    clock = FixedClock(SystemClock().now() - timedelta(days=92))
    desk.write("models/router.bin", noise("first", 100_000))
    desk.write("prompts/system.md", "cite\n")
    with lastgood.init(desk.root, actor="ada@example.org", clock=clock) as registry:
        for number in range(1, 11):
            desk.write("models/router.bin", noise(number, 100_000))
            registry.commit(desk.root)
            clock.advance(seconds=9 * 86_400)
    return desk


def test_it_says_where_every_byte_is(desk: Desk) -> None:
    found = desk.ask("cost")
    assert found["bytes"] == sum(found["folder"].values()) == walked(desk.registry)
    assert Decimal(found["per_month"]) == round(Decimal(found["bytes"]) * 2000 / 10**9, 2)
    assert sum(one["bytes_brought"] for one in found["releases"]) == found["folder"]["needed"] == found["total"]["bytes_stored"]
    assert [one["number"] for one in found["releases"]] == list(range(1, 11))
    assert sum(one["bytes_brought"] for one in found["months"]) == found["total"]["bytes_stored"]
    assert found["prices"]["currency"] == "EUR"
    assert found["prices"]["is_assumed"] is False
    assert len(found["forecast"]) == MONTHS + 1
    said = desk.tell("cost").out
    assert f"{found['per_month']} EUR a month" in said
    assert f"{found['bytes']:,}" in said
    for title in (
        "Where every byte is",
        "What dedup and deltas save",
        "Components",
        "Releases",
        "What each month brought",
        "The next 12 months",
    ):
        assert title in said


def test_a_release_says_what_it_takes_and_what_a_restore_costs(desk: Desk) -> None:
    found = desk.ask("cost", "r4")["release"]
    router = next(one for one in found["components"] if one["component"] == "router")
    assert router["bytes_logical"] == 100_000
    assert router["bytes_unique"] == router["bytes_stored"] == 100_000
    restore = found["restore"]
    assert restore["bytes_fetched"] > 100_000
    assert Decimal(restore["for_requests"]) == round(Decimal(restore["requests"]) * 10 / 1000, 2)
    assert Decimal(restore["for_egress"]) == round(Decimal(restore["bytes_fetched"]) * 100 / 10**9, 2)
    assert restore["unpriced"] == []
    said = desk.tell("cost", "r4", "--class", "s3-standard")
    assert "egress" in said.out
    assert "not known; say it in [prices]" in said.out
    assert "without egress" in said.out


def test_a_component_or_a_pipeline_by_itself(desk: Desk) -> None:
    found = desk.ask("cost", "--component", "router")
    assert {one["component"] for one in found["components"]} == {"router"}
    assert [one["bytes_unique"] for one in found["releases"]] == [100_000] * 10
    assert "router in releases" in desk.tell("cost", "--component", "router").out
    assert "bot" in desk.tell("cost", "--pipeline", "bot").out
    assert desk.fails("cost", "--component", "nobody")["kind"] == "not-found"
    assert desk.fails("cost", "--pipeline", "nobody")["kind"] == "not-found"
    assert desk.fails("cost", "--class", "floppy")["kind"] == "not-found"
    assert desk.fails("cost", "r4", "--component", "router")["kind"] == "invalid"
    assert desk.fails("cost", "r99")["kind"] == "not-found"


def test_prices_that_nobody_said_are_assumed_and_say_so(desk: Desk) -> None:
    desk.write("lastgood.toml", TOML.partition("[prices]")[0])
    found = desk.ask("cost")
    assert found["prices"]["is_assumed"] is True
    assert found["prices"]["source"].startswith("https://cloud.google.com/storage/pricing")
    assert "assumed, since lastgood.toml has no [prices]" in desk.tell("cost").out


def test_an_empty_registry_costs_what_its_files_do(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "bot")
    desk.write("lastgood.toml", TOML)
    desk.write("models/router.bin", b"one")
    desk.write("prompts/system.md", "cite\n")
    desk.tell("init")
    found = desk.ask("cost")
    assert found["bytes"] == walked(desk.registry)
    assert (found["folder"]["needed"], found["releases"], found["forecast"]) == (0, [], [])
    assert "history is younger" in desk.tell("cost").err


def test_a_plan_says_what_it_saves(desk: Desk) -> None:
    desk.tell("policy", "apply")
    plan = desk.ask("retention", "plan")
    assert Decimal(plan["per_month_freed"]) == round(Decimal(plan["bytes_freed"]) * 2000 / 10**9, 2)
    points = plan["forecast"]
    saved = sum(Decimal(one["per_month_without_policy"]) - Decimal(one["per_month_with_policy"]) for one in points[1:])
    assert abs(Decimal(plan["saved_in_12_months"]) - saved) <= Decimal("0.12")
    assert points[0]["bytes_without_policy"] - points[0]["bytes_with_policy"] == pytest.approx(plan["bytes_freed"], abs=10)
    assert points[-1]["bytes_without_policy"] > points[0]["bytes_without_policy"] + 3_000_000
    assert points[-1]["bytes_with_policy"] < 450_000
    said = desk.tell("retention", "plan").out
    assert "a month less once they are collected" in said
    assert "The next 12 months" in said


def test_pages_say_the_same_numbers_and_where_they_are_from(desk: Desk) -> None:
    desk.tell("policy", "apply")
    desk.tell("cost", "--html", "cost.html")
    desk.tell("retention", "plan", "--html", "plan.html")
    found = desk.ask("cost")
    page, plan = (desk.root / "cost.html").read_text(), (desk.root / "plan.html").read_text()
    for one in (page, plan):
        assert "<script" not in one
        assert one.count("<svg") == one.count("</svg>") >= 1
        assert "lastgood.toml" in one
        assert not re.search(r"https?://(?!www\.w3\.org)", one)
    assert f"{found['per_month']} EUR" in page
    assert f"{found['folder']['needed']:,}" in page
    assert "What would go, and why" in plan
    before = (desk.root / "plan.html").read_text()
    desk.tell("retention", "plan", "--html", "plan.html")
    assert len((desk.root / "plan.html").read_text()) == len(before)
    desk.tell("cost", "r4", "--html", "r4.html")
    assert "What r4 of bot costs" in (desk.root / "r4.html").read_text()
