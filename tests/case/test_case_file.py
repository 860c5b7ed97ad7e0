"""The file of a case: what it may hold, and that hostile ones are refused with their names and in no time."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.errors import InvalidCase
from lastgood.formats.case_file import MOST_INCIDENTS, read_case_file
from lastgood.model.case import Origin
from lastgood.model.changes.incidents import IncidentKind
from lastgood.model.estimates import Range
from tests.model.values import effort

WHOLE = """\
currency = "USD"
production = true
incidents_per_year = 2
cost_per_incident = { low = 5_000, likely = 12_500.25, high = 4e4 }
share_preventable = 0.1

[[incidents]]
title = "it cited a policy that was withdrawn"
cost = 18_000
on = 2026-05-11

[[incidents]]
title = "the old weights could not be found"
kind = "repro-failure"
"""


def test_a_whole_file_is_read_as_it_is_written() -> None:
    found = read_case_file(WHOLE.encode(), "case.toml")
    assert (found.currency, found.production, found.where) == ("USD", True, "case.toml")
    assert list(found.given) == ["incidents_per_year", "cost_per_incident", "share_preventable"]
    assert found.given["cost_per_incident"].range == Range(Decimal(5000), Decimal("12500.25"), Decimal(40000))
    assert found.given["share_preventable"].range.likely == Decimal("0.1")
    assert {(one.origin, one.where) for one in found.given.values()} == {(Origin.FILE, "case.toml")}
    first, second = found.incidents
    assert (first.kind, first.cost, first.on) == (IncidentKind.INCIDENT, Decimal(18000), date(2026, 5, 11))
    assert (second.kind, second.cost, second.on) == (IncidentKind.REPRO_FAILURE, None, None)


def test_an_empty_file_declares_nothing() -> None:
    found = read_case_file(b"\xef\xbb\xbf\r\n", "case.toml")
    assert not found.given
    assert found.production is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("setup_hour = 1", "setup_hour: unknown key; did you mean setup_hours?"),
        ("payback = 1", "payback: unknown key; known are tooling_per_year"),
        ('setup_hours = "16"', "setup_hours: must be a number"),
        ("setup_hours = -0.5", "setup_hours: cannot be negative"),
        ("setup_hours = nan", "setup_hours: is not a number"),
        ("setup_hours = inf", "setup_hours: is not a number"),
        ("setup_hours = 1e999999999999999999999", ""),
        ("setup_hours = 2026-05-11", "setup_hours: must be a number"),
        ("share_preventable = 50", "share_preventable: is more than 1"),
        ("loaded_rate = {low = 1, likely = 3, high = 2}", "loaded_rate: a range goes up"),
        ("loaded_rate = {low = 1, likely = 3}", "loaded_rate: high is missing"),
        ("currency = 1", "currency: must be a text"),
        ('production = "yes"', "production: must be true or false"),
        ("incidents = 3", "incidents: must be tables"),
        ("incidents = [3]", "incidents: must be tables"),
        ("[[incidents]]\ncost = 1", "incidents.1.title: must be a text"),
        ('[[incidents]]\ntitle = "  "', "incidents.1.title: must be a text"),
        (f'[[incidents]]\ntitle = "{"x" * 201}"', "incidents.1.title: must be a text"),
        ('[[incidents]]\ntitle = "a"\nkind = "outage"', "incidents.1.kind: must be one of incident, near-miss, repro-failure"),
        ('[[incidents]]\ntitle = "a"\nkind = [1]', "incidents.1.kind: must be one of"),
        ('[[incidents]]\ntitle = "a"\non = 2026-05-11T10:00:00', "incidents.1.on: must be a date"),
        ('[[incidents]]\ntitle = "a"\non = "2026-05-11"', "incidents.1.on: must be a date"),
        ('[[incidents]]\ntitle = "a"\ncost = -1', "incidents.1.cost: cannot be negative"),
        ('[[incidents]]\ntitle = "a"\ncost = {low = 1, likely = 2, high = 3}', "incidents.1.cost: must be one number"),
        ('[[incidents]]\ntitle = "a"\nprice = 1', "incidents.1.price: unknown key"),
        ("setup_hours = 1\nsetup_hours = 2", "not TOML"),
        ("setup_hours = ", "not TOML"),
        ("setup_hours = " + "9" * 5000, ""),
        ("a = " + "[" * 50_000, ""),
        ("a" + ".a" * 40_000 + " = 1", "more than 16 parts"),
        ("x = " + '"' + "y" * 100_001 + '"', "larger than 100,000 bytes"),
        ('[[incidents]]\ntitle = "a"\n' * (MOST_INCIDENTS + 1), "incidents: more than 1,000"),
    ],
)
def test_what_is_not_right_is_named(text: str, told: str) -> None:
    with pytest.raises(InvalidCase) as refused:
        read_case_file(text.encode(), "case.toml")
    assert told in refused.value.message
    assert refused.value.message.startswith("case.toml")
    assert len(refused.value.message) < 5_000


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(InvalidCase) as refused:
        read_case_file(b"setup_hours = -1\nloaded_rate = true\nnothing = 1", "case.toml")
    assert len(refused.value.message.splitlines()) == 3
    problems = refused.value.details["problems"]
    assert isinstance(problems, list)
    assert len(problems) == 3


@pytest.mark.parametrize("data", [b"\xff\xfe", b"a = \x00", bytes(range(256))])
def test_what_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidCase):
        read_case_file(data, "case.toml")


@effort(80)
@given(
    st.binary(max_size=60)
    | st.text(max_size=60).map(str.encode)
    | st.text(alphabet='[]{}=."\n0123456789eabhours_', max_size=80).map(str.encode)
)
def test_whatever_is_in_it_is_read_or_refused(data: bytes) -> None:
    try:
        read_case_file(data, "case.toml")
    except InvalidCase as error:
        assert error.message  # noqa: PT017 - either is right, and a refusal says something
