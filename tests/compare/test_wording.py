"""Words: short, on one line, harmless to a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.canonical import Json
from lastgood.compare.comparer import join_phrases
from lastgood.compare.wording import count, crop, printable, shorten, show_value, size
from lastgood.formats.tree import Unquoted


@given(st.text())
def test_nothing_that_cannot_be_seen_is_left(text: str) -> None:
    assert printable(text).isprintable()
    if text.isprintable():
        assert printable(text) == text


@given(st.text(max_size=300), st.integers(0, 300), st.integers(10, 80))
def test_what_is_cut_is_about_as_wide_as_asked(text: str, at: int, width: int) -> None:
    plain = "".join(char for char in text if char.isprintable())
    assert len(shorten(plain, width)) <= width
    assert len(crop(plain, min(at, len(plain)), width)) <= width + 4


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.00 kB"),
        (12_340, "12.3 kB"),
        (99_960, "100 kB"),
        (999_600, "1.00 MB"),
        (90_300_000, "90.3 MB"),
        (10**12, "1.00 TB"),
        (5 * 10**18, "5000 PB"),
    ],
)
def test_sizes(number: int, text: str) -> None:
    assert size(number) == text


def test_counts() -> None:
    assert [count(number, "file") for number in (0, 1, 2, 1234)] == ["0 files", "1 file", "2 files", "1,234 files"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (3, "3"),
        (3.0, "3.0"),
        (math.nan, "NaN"),
        ("a\nb", '"a\\nb"'),
        (Unquoted("yes"), "yes"),
        ([], "[]"),
        ({"a": [1, "b"], "c": {}}, '{"a": [1, "b"], "c": {}}'),
        (list(range(100)), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, …"),
    ],
)
def test_values(value: Json, text: str) -> None:
    assert show_value(value) == text


def test_a_huge_value_is_shown_without_being_written_out() -> None:
    class Endless(list[Json]):
        """Fails where somebody looks further than fits."""

        def __iter__(self) -> Iterator[Json]:
            yield from range(50)
            raise AssertionError

    assert len(show_value(Endless())) == 60


def test_as_many_phrases_as_fit_and_at_least_one() -> None:
    assert join_phrases([]) == ""
    assert join_phrases(["a" * 500]) == "a" * 500
    assert join_phrases(["a", "b", "c"], width=4) == "a; b; and 1 more"
    assert join_phrases(["a", "b"]) == "a; b"
