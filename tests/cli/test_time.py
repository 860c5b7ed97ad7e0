"""Time, as whole processes live it: clocks that differ, times of day in local zones, and clocks that go back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import lastgood
from lastgood.clock import FixedClock
from lastgood.errors import NotFound
from tests.cli.commands import Desk, Ran, error_of, fill

NOVEMBER_2 = "2026-11-02 14:05:00"


class Then:
    """A workspace at times of our choosing (UTC)."""

    def __init__(self, desk: Desk, faketime: Path) -> None:
        self.desk = desk
        self._faketime = faketime

    def run(self, at: str, *arguments: str, zone: str = "UTC") -> Ran:
        # faketime reads the time in the zone of its own process; the zone under test belongs to ours alone.
        before = [self._faketime, at, "env", f"TZ={zone}"]
        return self.desk.process(*arguments, before=before)

    def ask(self, at: str, *arguments: str, zone: str = "UTC") -> Any:  # noqa: ANN401 - any JSON
        ran = self.run(at, *arguments, "--json", zone=zone)
        assert ran.code == 0, ran
        return ran.answer


@pytest.fixture(scope="module")
def then(faketime: Path, tmp_path_factory: pytest.TempPathFactory) -> Then:
    """r1 to prod on 12 October at 08:00, r2 on 2 November at 14:05, r3 on 3 November at 23:30; all UTC."""
    then = Then(fill(tmp_path_factory.mktemp("then")), faketime)
    then.ask("2026-10-12 07:00:00", "init")
    for at, words in (("2026-10-12 08:00:00", "one"), (NOVEMBER_2, "two"), ("2026-11-03 23:30:00", "three")):
        then.desk.write("prompts/system.md", words)
        then.ask(at, "commit", "-m", words)
        then.ask(at, "deploy", "prod")
    return then


# What was asked, when and where, and the release that was meant.
QUESTIONS = [
    ("prod@1d", "2026-11-03 14:05:30", "UTC", 2),
    ("prod@24h", "2026-11-03 14:04:30", "UTC", 1),
    ("prod@3w", "2026-11-04 12:00:00", "UTC", 1),
    ("prod@2026-11-02T14:05Z", "2026-11-04 12:00:00", "UTC", 1),
    ("prod@2026-11-02T14:06Z", "2026-11-04 12:00:00", "UTC", 2),
    ("prod@2026-11-02T15:06+01:00", "2026-11-04 12:00:00", "UTC", 2),
    ("prod@2026-11-02T15:04", "2026-11-04 12:00:00", "Europe/Berlin", 1),
    ("prod@2026-11-02T15:06", "2026-11-04 12:00:00", "Europe/Berlin", 2),
    # 4 November in Berlin begins at 23:00 UTC, half an hour before the last deployment; in Auckland long before that.
    ("prod@2026-11-04", "2026-11-05 12:00:00", "Europe/Berlin", 2),
    ("prod@2026-11-04", "2026-11-05 12:00:00", "UTC", 3),
    ("prod@2026-11-04T00:31", "2026-11-05 12:00:00", "Europe/Berlin", 3),
    ("prod~1", "2026-11-05 12:00:00", "UTC", 2),
    ("prod@good", "2026-11-05 12:00:00", "UTC", 2),
]


@pytest.mark.parametrize(("revision", "at", "zone", "number"), QUESTIONS)
def test_a_time_means_what_was_live_then(then: Then, revision: str, at: str, zone: str, number: int) -> None:
    assert then.ask(at, "show", revision, zone=zone)["number"] == number


def test_the_zone_that_was_meant_is_shown(then: Then) -> None:
    said = then.run("2026-11-05 12:00:00", "diff", "prod@2026-11-04", "prod", zone="Europe/Berlin").err

    assert "prod@2026-11-04 (2026-11-04 00:00 CET) = r2" in said


def test_summer_time_is_summer_time(then: Then) -> None:
    # 12 October is summer time in Berlin: 10:01 there was 08:01 UTC.
    assert then.ask("2026-11-05 12:00:00", "show", "prod@2026-10-12T10:01", zone="Europe/Berlin")["number"] == 1
    early = then.run("2026-11-05 12:00:00", "show", "prod@2026-10-12T09:59", "--json", zone="Europe/Berlin")
    assert error_of(early)["kind"] == "not-found"


def test_history_says_how_long_each_stayed(then: Then) -> None:
    said = then.run("2026-11-05 12:00:00", "log", "--env", "prod").out

    assert "1d 12h so far" in said
    assert "1d 9h" in said
    assert "21d 6h" in said


@pytest.fixture
def fresh(faketime: Path, tmp_path: Path) -> Then:
    """One release, deployed at 14:05."""
    then = Then(fill(tmp_path / "bot"), faketime)
    then.ask(NOVEMBER_2, "init")
    then.ask(NOVEMBER_2, "commit")
    then.ask(NOVEMBER_2, "deploy", "prod")
    return then


def test_a_clock_two_minutes_behind_is_clamped(fresh: Then) -> None:
    fresh.desk.write("prompts/system.md", "Cite nothing.")

    fresh.ask("2026-11-02 14:03:00", "commit")
    fresh.ask("2026-11-02 14:03:00", "deploy", "prod")

    times = [one["recorded_at"] for one in fresh.desk.ask("log", "--env", "prod")["items"]]
    # Recorded times never run backwards: the first move is at 14:05, and so is what came "before" it.
    assert times == sorted(times, reverse=True)
    assert all(one.startswith("2026-11-02T14:05") for one in times)


def test_a_clock_ten_minutes_behind_stops_every_change(fresh: Then) -> None:
    fresh.desk.write("prompts/system.md", "Cite nothing.")
    early = "2026-11-02 13:55:00"

    for line in (["commit"], ["deploy", "staging"], ["tag", "r1", "v1"], ["mark", "bad", "r1", "--why", "x"]):
        error = error_of(fresh.run(early, *line, "--json"))
        assert error["kind"] == "clock-went-back"
        assert "--accept-clock" in error["hint"]
    # Reading is no change.
    assert fresh.ask(early, "log")["items"][0]["number"] == 1
    assert fresh.ask(early, "status")["latest_number"] == 1


def test_a_clock_that_is_accepted_is_taken_at_its_word(fresh: Then) -> None:
    fresh.desk.write("prompts/system.md", "Cite nothing.")
    early = "2026-11-02 13:55:00"

    made = fresh.ask(early, "--accept-clock", "commit")
    fresh.ask(early, "--accept-clock", "deploy", "prod")

    assert made["number"] == 2
    newest, oldest = fresh.desk.ask("log", "--env", "prod")["items"]
    assert (newest["to_number"], oldest["to_number"]) == (2, 1)
    assert newest["recorded_at"].startswith("2026-11-02T13:55")
    # And from there time goes on.
    assert fresh.ask("2026-11-02 13:56:00", "rollback", "prod")["to_number"] == 1
    assert fresh.ask("2026-11-02 15:00:00", "verify")["ok"] is True


@pytest.fixture(scope="module")
def autumn(faketime: Path, tmp_path_factory: pytest.TempPathFactory) -> Then:
    """Berlin's clocks go back at 01:00 UTC on 25 October: r1 before, r2 in the hour that comes twice, r3 when it comes again."""
    then = Then(fill(tmp_path_factory.mktemp("autumn")), faketime)
    then.ask("2026-10-24 22:00:00", "init")
    for at, words in (("2026-10-24 23:00:00", "one"), ("2026-10-25 00:20:00", "two"), ("2026-10-25 01:20:00", "three")):
        then.desk.write("prompts/system.md", words)
        then.ask(at, "commit", "-m", words)
        then.ask(at, "deploy", "prod")
    return then


@pytest.mark.parametrize(
    ("revision", "number"),
    [
        ("prod@2026-10-25T01:30", 1),
        # 02:30 comes twice: without an offset the first one is meant, and an offset says which.
        ("prod@2026-10-25T02:30", 2),
        ("prod@2026-10-25T02:30+02:00", 2),
        ("prod@2026-10-25T02:30+01:00", 3),
        ("prod@2026-10-25T02:10+01:00", 2),
        ("prod@2026-10-25T03:00", 3),
        ("prod@2026-10-25T00:30Z", 2),
        # The day has 25 hours: its start is not 24 hours before the next one.
        ("prod@2026-10-26", 3),
    ],
)
def test_when_clocks_go_back_an_hour_comes_twice(autumn: Then, revision: str, number: int) -> None:
    assert autumn.ask("2026-10-26 12:00:00", "show", revision, zone="Europe/Berlin")["number"] == number


def test_ago_counts_hours_that_passed_and_no_times_of_day(autumn: Then) -> None:
    # At 12:00 UTC on the 25th, 11 hours ago was 01:00 UTC, whatever clocks on walls said.
    assert autumn.ask("2026-10-25 12:00:30", "show", "prod@11h", zone="Europe/Berlin")["number"] == 2
    assert autumn.ask("2026-10-25 12:21:00", "show", "prod@11h", zone="Europe/Berlin")["number"] == 3
    # A day ago is 24 hours ago, one hour later on the wall than the same time of yesterday.
    assert autumn.ask("2026-10-26 01:10:00", "show", "prod@1d", zone="Europe/Berlin")["number"] == 2


def test_when_clocks_go_forward_a_time_that_never_was_is_an_hour_earlier(faketime: Path, tmp_path: Path) -> None:
    then = Then(fill(tmp_path / "bot"), faketime)
    then.ask("2026-03-29 00:00:00", "init")
    for at, words in (("2026-03-29 00:10:00", "one"), ("2026-03-29 01:20:00", "two")):
        then.desk.write("prompts/system.md", words)
        then.ask(at, "commit", "-m", words)
        then.ask(at, "deploy", "prod")
    # 02:30 is skipped in Berlin: it is read as 00:30 UTC, which is 01:30 there, and shown as that.
    for revision, number in (("02:30", 1), ("02:15", 1), ("03:15", 1), ("03:25", 2), ("01:59", 1)):
        assert then.ask("2026-03-29 12:00:00", "show", f"prod@2026-03-29T{revision}", zone="Europe/Berlin")["number"] == number
    said = then.run("2026-03-29 12:00:00", "diff", "prod@2026-03-29T02:30", "prod", zone="Europe/Berlin").err
    assert "(2026-03-29 01:30 CET)" in said


def test_a_clock_that_is_set_back_an_hour_and_accepted(fresh: Then) -> None:
    """The newest in sequence that was recorded at or before a time is what was live then, as far as the record can tell."""
    for at, words in (("2026-11-02 15:00:00", "two"), ("2026-11-02 14:10:00", "three")):
        fresh.desk.write("prompts/system.md", words)
        fresh.ask(at, "--accept-clock", "commit")
        fresh.ask(at, "--accept-clock", "deploy", "prod")
    later = "2026-11-02 16:00:00"
    for time, number in (("14:08", 1), ("14:09", 1), ("14:11", 3), ("14:59", 3), ("15:01", 3)):
        assert fresh.ask(later, "show", f"prod@2026-11-02T{time}Z")["number"] == number
    assert [one["to_number"] for one in fresh.ask(later, "log", "--env", "prod")["items"]] == [3, 2, 1]
    assert [one["seconds_stayed"] is None for one in fresh.ask(later, "log", "--env", "prod")["items"]] == [True, True, False]
    assert "not known" in fresh.run(later, "log", "--env", "prod").out
    assert fresh.ask(later, "verify")["ok"] is True


def test_of_equal_times_the_last_counts(tmp_path: Path) -> None:
    clock = FixedClock(datetime(2026, 11, 2, 14, 5, tzinfo=UTC))
    root = fill(tmp_path / "bot").root
    with lastgood.init(root, actor="ada", clock=clock) as registry:
        for words in ("one", "two", "three"):
            (root / "prompts/system.md").write_text(words)
            registry.commit(root)
            registry.environments.deploy("prod")
        registry.environments.canaries.start("prod", "r1", 10)
        assert registry.releases.find("prod@2026-11-02T14:05:00Z").release.number == 3
        with pytest.raises(NotFound):
            registry.releases.find("prod@2026-11-02T14:04:59.999999Z")
        assert registry.releases.find("prod@0s").release.number == 3
        assert [stay.deployment.number for stay in registry.environments.history("prod")] == [3, 3, 2, 1]
