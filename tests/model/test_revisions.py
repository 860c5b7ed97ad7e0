"""Revision expressions: every form of DESIGN's list, in every zone, and nothing else ever comes of what people type."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lastgood.errors import InvalidRevision
from lastgood.ids import EnvironmentName, Name, PipelineName
from lastgood.model.revision import (
    Ago,
    AtTime,
    Before,
    ByName,
    ByNumber,
    ByPrefix,
    Canary,
    Good,
    Latest,
    LocalZone,
    Place,
    Revision,
    no_zone,
    parse_revision,
    parse_time,
)
from tests.model.values import effort, instants, names
from tests.parts import need

PROD = EnvironmentName("prod")


@pytest.fixture(scope="module", autouse=True)
def _time_zones() -> None:
    try:
        ZoneInfo("Europe/Berlin")
    except ZoneInfoNotFoundError:
        need(None, "the time zones of the world (Debian: apt-get install tzdata)")


def zone(name: str) -> LocalZone:
    return lambda naive: naive.replace(tzinfo=ZoneInfo(name))


def at(text: str) -> AtTime:
    return AtTime(PROD, datetime.fromisoformat(text))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("r42", ByNumber(42)),
        ("R42", ByNumber(42)),
        ("r007", ByNumber(7)),
        ("r999999999999999999", ByNumber(999_999_999_999_999_999)),
        ("v1.4", ByName(Name("v1.4"))),
        ("9f3ac2", ByPrefix("9f3ac2")),
        ("9F3AC2", ByPrefix("9f3ac2")),
        ("123456", ByPrefix("123456")),
        ("a" * 64, ByPrefix("a" * 64)),
        ("cafe", ByName(Name("cafe"))),
        ("12345", ByName(Name("12345"))),
        ("a" * 63 + "g", None),
        ("a" * 65, None),
        ("latest", Latest()),
        ("Latest", ByName(Name("Latest"))),
        ("prod", ByName(Name("prod"))),
        ("prod~1", Before(PROD, 1)),
        ("prod~", Before(PROD, 1)),
        ("prod~0", Before(PROD, 0)),
        ("prod~999999999", Before(PROD, 999_999_999)),
        ("prod@good", Good(PROD)),
        ("prod@canary", Canary(PROD)),
        ("prod@90s", Ago(PROD, timedelta(seconds=90))),
        ("prod@5m", Ago(PROD, timedelta(minutes=5))),
        ("prod@12h", Ago(PROD, timedelta(hours=12))),
        ("prod@10d", Ago(PROD, timedelta(days=10))),
        ("prod@3w", Ago(PROD, timedelta(weeks=3))),
        ("prod@0s", Ago(PROD, timedelta(0))),
        ("prod@2026-11-02T14:05Z", at("2026-11-02T14:05+00:00")),
        ("prod@2026-11-02T14:05:06Z", at("2026-11-02T14:05:06+00:00")),
        ("prod@2026-11-02T14:05:06.5Z", at("2026-11-02T14:05:06.500000+00:00")),
        ("prod@2026-11-02T14:05:06.123456Z", at("2026-11-02T14:05:06.123456+00:00")),
        ("prod@2026-11-02 14:05Z", at("2026-11-02T14:05+00:00")),
        ("prod@2026-11-02T14:05+02:00", at("2026-11-02T14:05+02:00")),
        ("prod@2026-11-02T14:05-0930", at("2026-11-02T14:05-09:30")),
        # What is no form of a revision:
        ("", None),
        (" ", None),
        ("r", ByName(Name("r"))),
        ("r-1", ByName(Name("r-1"))),
        ("#42", None),
        ("r42 ", None),
        (" r42", None),
        ("prod~-1", None),
        ("prod~1~1", None),
        ("prod~x", None),
        ("prod~1.5", None),
        ("prod~1000000000", None),
        ("prod~１", None),
        ("~1", None),
        ("@3w", None),
        ("@good", None),
        ("prod@", None),
        ("prod@3", None),
        ("prod@w", None),
        ("prod@3y", None),
        ("prod@3W", None),
        ("prod@-3w", None),
        ("prod@3.5h", None),
        ("prod@3w2d", None),
        ("prod@1234567890s", None),
        ("prod@999999999w", None),
        ("prod@٣w", None),
        ("prod@Good", None),
        ("prod@best", None),
        ("prod@good~1", None),
        ("prod~1@good", None),
        ("prod@2026", None),
        ("prod@2026-11", None),
        ("prod@2026-11-02T14Z", None),
        ("prod@2026-11-02Z", None),
        ("prod@2026-11-02T", None),
        ("prod@2026-11-02T14:05z", None),
        ("prod@2026-11-02T14:05 Z", None),
        ("prod@2026-11-02T14:05+2", None),
        ("prod@2026-11-02T14:05+24:00", None),
        ("prod@2026-11-02T25:00Z", None),
        ("prod@2026-11-02T14:60Z", None),
        ("prod@2026-11-02T14:05:60Z", None),
        ("prod@2026-02-30T00:00Z", None),
        ("prod@2026-13-01T00:00Z", None),
        ("prod@0000-01-01T00:00Z", None),
        ("prod@0001-01-01T00:00+02:00", None),
        ("prod@9999-12-31T23:00-02:00", None),
        ("prod@٢٠٢٦-11-02T14:05Z", None),
        ("prod@20261102T1405Z", None),
        ("r42@3w", None),
        ("latest@3w", None),
        ("latest~1", None),
        ("9f3ac2~1", None),
        ("prod/", None),
        ("/prod", None),
        ("a/b/prod", None),
        ("../prod", None),
        ("prod\n", None),
        ("prod\0", None),
        ("pröd", None),
        ("x" * 100_000, None),
        ("r" + "9" * 100_000, None),
    ],
)
def test_golden(text: str, place: Place | None) -> None:
    if place is not None:
        assert parse_revision(text, no_zone) == Revision(None, place, text)
        assert parse_revision(f"support-bot/{text}", no_zone) == Revision(PipelineName("support-bot"), place, f"support-bot/{text}")
        return
    with pytest.raises(InvalidRevision) as caught:
        parse_revision(text, no_zone)
    assert len(str(caught.value)) < 600
    assert caught.value.hint


@pytest.mark.parametrize(
    ("where", "text", "utc"),
    [
        ("UTC", "2026-11-02", "2026-11-02T00:00"),
        ("UTC", "2026-11-02T14:05", "2026-11-02T14:05"),
        ("Europe/Berlin", "2026-11-02", "2026-11-01T23:00"),
        ("Europe/Berlin", "2026-07-01", "2026-06-30T22:00"),
        ("Europe/Berlin", "2026-07-01T14:05:06.5", "2026-07-01T12:05:06.500000"),
        ("Asia/Kathmandu", "2026-11-02T00:00", "2026-11-01T18:15"),
        ("Pacific/Kiritimati", "2026-11-02", "2026-11-01T10:00"),
        ("America/Los_Angeles", "2026-11-02", "2026-11-02T08:00"),
        # The day on which clocks go forward begins before they do, and the day they go back lasts 25 hours.
        ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00"),
        ("Europe/Berlin", "2026-03-30", "2026-03-29T22:00"),
        ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00"),
        ("Europe/Berlin", "2026-10-26", "2026-10-25T23:00"),
        # A time that never was is read with the offset from before; of a time that was twice the first is meant.
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:30"),
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30"),
        ("Europe/Berlin", "2026-10-25T01:59", "2026-10-24T23:59"),
        ("Europe/Berlin", "2026-10-25T03:00", "2026-10-25T02:00"),
        # There, days begin at one o'clock when clocks go forward at midnight.
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00"),
        # A zone that is written wins over the local one.
        ("Europe/Berlin", "2026-07-01T14:05Z", "2026-07-01T14:05"),
        ("Europe/Berlin", "2026-07-01T14:05-05:00", "2026-07-01T19:05"),
    ],
)
def test_a_time_without_a_zone_is_local(where: str, text: str, utc: str) -> None:
    place = parse_revision(f"prod@{text}", zone(where)).place
    assert isinstance(place, AtTime)
    assert place.at.astimezone(UTC) == datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert place.at.isoformat().startswith(text[:10]), "it keeps the zone in which it was written, so it can be shown in it"


def test_where_no_zone_is_local_it_has_to_be_written() -> None:
    for text in ("2026-11-02", "2026-11-02T14:05"):
        with pytest.raises(InvalidRevision, match="has no zone; write it with Z"):
            parse_revision(f"prod@{text}", no_zone)


def raising(error: Exception) -> LocalZone:
    def local(_: datetime) -> datetime:
        raise error

    return local


@pytest.mark.parametrize("error", [ValueError("year 0 is out of range"), OverflowError("too big"), OSError("no such zone")])
def test_a_time_that_the_local_zone_cannot_place_is_refused(error: Exception) -> None:
    with pytest.raises(InvalidRevision, match="is no time"):
        parse_time("0001-01-01", raising(error))


@pytest.mark.parametrize("local", [lambda naive: naive.astimezone(), zone("Europe/Berlin"), zone("America/Los_Angeles")])
@pytest.mark.parametrize("text", ["0001-01-01", "0001-01-02", "9999-12-31T23:59:59.999999", "1583-01-01", "1900-01-01"])
def test_the_ends_of_the_calendar(local: Callable[[datetime], datetime], text: str) -> None:
    try:
        found = parse_time(text, local)
    except InvalidRevision:
        assert text[:4] in {"0001", "9999"}
    else:
        assert found.astimezone(UTC).tzinfo is UTC


@effort(50)
@given(instants, st.integers(-14 * 60, 14 * 60))
def test_every_instant_can_be_written_in_every_offset(moment: datetime, minutes: int) -> None:
    try:
        shown = moment.astimezone(timezone(timedelta(minutes=minutes)))
    except OverflowError:
        return
    place = parse_revision(f"prod@{shown.isoformat()}", no_zone).place
    assert place == AtTime(PROD, moment)


def test_a_revision_of_a_pipeline_whose_name_looks_like_a_revision() -> None:
    assert parse_revision("r42/prod", no_zone) == Revision(PipelineName("r42"), ByName(Name("prod")), "r42/prod")
    assert parse_revision("latest/latest", no_zone).place == Latest()


@effort(50)
@given(names(EnvironmentName), st.integers(0, 999_999_999), st.sampled_from("smhdw"))
def test_names_of_environments_never_change_what_an_expression_means(name: EnvironmentName, number: int, unit: str) -> None:
    assert parse_revision(f"{name}~{number}", no_zone).place == Before(name, number)
    assert parse_revision(f"{name}@good", no_zone).place == Good(name)
    if number < 10_000_000:
        assert isinstance(parse_revision(f"{name}@{number}{unit}", no_zone).place, Ago)


FRAGMENTS = st.sampled_from(
    ["prod", "r42", "@", "~", "/", "good", "3w", "2026-11-02", "T14:05", "Z", "+02:00", "9f3ac2", "latest", "-", ".", "0", "é"]
)


@effort(300)
@given(st.text(max_size=30) | st.lists(FRAGMENTS, max_size=6).map("".join))
@example("prod@0001-01-01")
@example("prod@9999-12-31T23:59-23:59")
def test_what_people_type_is_a_revision_or_invalid(text: str) -> None:
    try:
        revision = parse_revision(text, zone("Europe/Berlin"))
    except InvalidRevision:
        return
    assert revision.text == text
    assert re.fullmatch(r"[\x20-\x7e]+", text), "nothing but printable ASCII is ever a revision"
    if isinstance(revision.place, AtTime):
        assert revision.place.at.astimezone(UTC).tzinfo is UTC
