"""CSV files of incidents: forgiving of headers, exact about values, each bad row told with its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.errors import Invalid
from lastgood.importers.csv_incidents import COLUMNS, read_incidents
from lastgood.model.changes.incidents import IncidentKind
from lastgood.registry.incident_protocol import Telling
from tests.model.values import effort


def tellings(text: str) -> list[Telling]:
    table = read_incidents(text.encode())
    assert table.problems == ()
    return [row.brought.telling for row in table.rows]


def problems(text: str) -> list[tuple[int, str]]:
    return [(one.line, one.why) for one in read_incidents(text.encode()).problems]


@pytest.mark.parametrize(
    "header",
    [
        "title,detected,kind",
        "TITLE; Detected ;Kind",
        "Summary\tDetected At\tType",
        "\ufeffname,created_at,category",
        '"What","Noticed","KIND"',
    ],
)
def test_headers_are_taken_as_people_write_them(header: str) -> None:
    between = next(sign for sign in ("\t", ";", ",") if sign in header)
    assert tellings(f"{header}\nslow{between}2026-03-02{between}Near miss\n") == [
        Telling(title="slow", detected="2026-03-02", kind=IncidentKind.NEAR_MISS)
    ]


def test_every_column_is_read() -> None:
    text = (
        ",".join(COLUMNS) + '\nslow,2026-03-02,incident,prod,2026-03-01,2026-03-03,2026-03-04,r3,2.5,"1,200",EUR,Yes,"a ""b""\nc",OPS-1\n'
    )
    (one,) = tellings(text)
    assert (one.title, one.environment, one.release, one.minutes, str(one.cost)) == ("slow", "prod", "r3", 150, "1,200.00 EUR")
    assert (one.started, one.mitigated, one.closed) == ("2026-03-01", "2026-03-03", "2026-03-04")
    assert (one.preventable, one.impact, one.kind) == (True, 'a "b"\nc', IncidentKind.INCIDENT)


def test_what_is_empty_is_not_said() -> None:
    assert tellings("title,detected,cost,currency,preventable,hours\nslow,2026-03-02,,EUR,?,\n\n , ,,,,\n") == [
        Telling(title="slow", detected="2026-03-02")
    ]


def test_an_amount_may_bring_its_currency() -> None:
    assert [str(one.cost) for one in tellings("title,detected,cost\na,2026-01-01,5 USD\nb,2026-01-01,99.5 chf\n")] == [
        "5.00 USD",
        "99.50 CHF",
    ]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (",2026-01-01,,,", "it has no title"),
        ("a,,,,", "it has no detected"),
        ("a,2026-01-01,disaster,,", "its kind is 'disaster'"),
        ("a,2026-01-01,,long,", "'long' is no number of hours"),
        ("a,2026-01-01,,,much", "'much' is no amount"),
        ("a,2026-01-01,,,12", "'12' is no amount"),
    ],
)
def test_a_row_that_is_not_right_is_told_with_its_line(row: str, why: str) -> None:
    text = f'title,detected,kind,hours,cost\n"good\nin two lines",2026-01-01,,,\n{row}\ngood,2026-01-01,,,\n'
    ((line, told),) = problems(text)
    assert (line, why in told) == (4, True)
    assert len(read_incidents(text.encode()).rows) == 2


def test_a_quote_that_is_never_closed_ends_the_file() -> None:
    ((line, why),) = problems('title,detected\ngood,2026-01-01\n"bad,2026-01-01\nmore,2026-01-01\n')
    assert (line, "is no CSV" in why) == (4, True)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"title,when\n", "no column for detected"),
        (b"a,b\n", "no column for title and detected"),
        (b"title,detected\n\xff\xfe", "is not UTF-8"),
        (b"title,detected\na\0b,2026-01-01\n", "NUL character"),
    ],
)
def test_a_file_that_is_none_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read_incidents(data)


def test_a_row_is_known_by_its_id_else_by_its_file_and_place() -> None:
    named, again = (
        read_incidents(text.encode()) for text in ("id,title,detected\n7,a,2026-01-01\n", "title,id,detected\nb,7,2026-02-02\n")
    )
    assert named.rows[0].brought.source == again.rows[0].brought.source
    text = "title,detected\na,2026-01-01\na,2026-01-01\n"
    first, second = read_incidents(text.encode()).rows
    assert first.brought.source != second.brought.source
    assert read_incidents(text.encode()).rows[0].brought.source == first.brought.source
    assert read_incidents((text + " ").encode()).rows[0].brought.source != first.brought.source


def test_headers_that_mean_nothing_are_named() -> None:
    assert read_incidents(b"title,team,detected,mood\na,x,2026-01-01,y\n").ignored == ("team", "mood")


@effort(100)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=120))
def test_any_text_is_read_or_refused(text: str) -> None:
    table = read_incidents(f"title,detected,kind,hours,cost,preventable\n{text}".replace("\0", "").encode())
    assert len(table.rows) + len(table.problems) <= text.count("\n") + text.count("\r") + 2
