"""Canonical JSON: one value has one text, and one text has one value, whoever reads it."""

from __future__ import annotations

import json
import math

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from lastgood.canonical import DEEPEST, LARGEST_INTEGER, Json, canonical_json, json_string, parse_json, parse_json_object
from lastgood.errors import Invalid
from lastgood.ids import PipelineName
from lastgood.model.component import Kind
from tests.model.values import effort, json_values, texts


@effort(100)
@given(texts | st.text(st.characters(max_codepoint=0xA0)))
def test_strings_are_written_as_rfc_8785_asks(text: str) -> None:
    assert json_string(text).encode() == rfc8785.dumps(text)
    assert parse_json(json_string(text)) == text


def test_every_character_below_space_and_the_few_special_ones() -> None:
    everything = "".join(map(chr, range(0x100))) + "\u2028\u2029\ufeff\uffff\U0001f600"
    assert json_string(everything).encode() == rfc8785.dumps(everything)


@effort(100)
@given(json_values)
def test_a_value_is_read_as_it_was_written_and_written_as_it_was_read(value: Json) -> None:
    document = canonical_json(value)
    assert parse_json(document) == value
    assert canonical_json(parse_json(document)) == document
    assert json.loads(document) == value


@pytest.mark.parametrize(
    ("value", "document"),
    [
        ({"b": 1, "a": {"d": [], "c": {}}}, '{"a":{"c":{},"d":[]},"b":1}'),
        # By UTF-16 code units, not by code points: the surrogates of U+1F600 come before U+FB33.
        ({"\ufb33": 1, "\U0001f600": 2, "\u20ac": 3, "1": 4, "\r": 5}, '{"\\r":5,"1":4,"€":3,"😀":2,"\ufb33":1}'),
        ([True, False, None], "[true,false,null]"),
        ([1.0, -0.0, 1e21, 1e-7, 0.1, 1.5e16, 5e-324, 1e20], "[1,0,1e+21,1e-7,0.1,15000000000000000,5e-324,100000000000000000000]"),
        ([LARGEST_INTEGER, -LARGEST_INTEGER], "[9007199254740991,-9007199254740991]"),
        ('é/\u007f\\"\b\f\n\r\t\x0b', '"é/\u007f\\\\\\"\\b\\f\\n\\r\\t\\u000b"'),
    ],
)
def test_golden(value: Json, document: str) -> None:
    assert canonical_json(value) == document.encode()


def test_names_and_kinds_are_written_as_their_text() -> None:
    assert canonical_json({PipelineName.parse("bot"): Kind.HOSTED}) == b'{"bot":"hosted"}'


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, LARGEST_INTEGER + 1, -LARGEST_INTEGER - 1, "\ud800", "a\udcff", {"\ud800": 1}, [["\udfff"]]],
)
def test_what_has_no_canonical_form_is_refused(value: Json) -> None:
    with pytest.raises(Invalid, match="no canonical JSON form"):
        canonical_json(value)


def test_what_is_no_json_value_is_refused() -> None:
    for value in ({1: 2}, {"a": b"x"}, object(), {"a"}):
        with pytest.raises(Invalid, match="no canonical JSON form"):
            canonical_json(value)  # type: ignore[arg-type]


def test_a_value_without_end_is_refused() -> None:
    endless: list[Json] = []
    endless.append(endless)
    with pytest.raises(Invalid, match="no canonical JSON form"):
        canonical_json(endless)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1,]",
        "{'a':1}",
        "NaN",
        "[Infinity]",
        "-Infinity",
        "1e999",
        "[-1e400]",
        "01",
        "1 2",
        '"\t"',
        '{"a":1,"a":1}',
        '{"x":{"a":1,"b":2,"a":3}}',
        '{"\\u0061":1,"a":2}',
        '"\\ud800"',
        '["\\uDFFF"]',
        '{"\\udc00":1}',
        "\ufeff{}",
        "9" * 10_000,
    ],
)
def test_what_two_readers_might_read_differently_is_refused(text: str) -> None:
    for data in (text, text.encode()):
        with pytest.raises(Invalid):
            parse_json(data)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_bytes_are_utf_8_and_nothing_else(encoding: str) -> None:
    with pytest.raises(Invalid):
        parse_json('{"a":"b"}'.encode(encoding))
    with pytest.raises(Invalid):
        parse_json(b'"\xff"')


def test_an_escaped_pair_of_surrogates_is_one_character() -> None:
    assert parse_json('"\\ud83d\\ude00"') == "😀"
    assert parse_json('"\\\\ud800"') == "\\ud800"


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize("inside", ["1", "[]", "{}"])
def test_nesting_is_bounded(opening: str, closing: str, inside: str) -> None:
    deepest = DEEPEST - (inside != "1")
    assert parse_json(opening * deepest + inside + closing * deepest) is not None
    for levels in (deepest + 1, 100_000):
        with pytest.raises(Invalid):
            parse_json(opening * levels + inside + closing * levels)


@effort(100)
@given(st.binary(max_size=40) | st.text('{}[]",:\\u0d8e1-.tfn ', max_size=40))
def test_hostile_input_is_a_value_or_an_error_of_ours(data: bytes | str) -> None:
    try:
        value = parse_json(data)
    except Invalid:
        return
    assert json.loads(data) == value


def test_an_object_is_asked_for() -> None:
    assert parse_json_object('{"a":null}') == {"a": None}
    for text in ("[]", "1", "null", '"{}"'):
        with pytest.raises(Invalid, match="expected a JSON object"):
            parse_json_object(text)
