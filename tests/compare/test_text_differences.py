"""Texts: whatever they are, the blocks put into the old one give the new one."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.compare.alignment import Effort
from lastgood.compare.text import NotText, compare_texts, decode_text
from lastgood.compare.text_change import Piece, new_text, old_text
from lastgood.compare.variables import find_variables
from lastgood.compare.words import compare_words
from tests.compare.applying import apply_lines
from tests.compare.sides import marked

WORDS = st.sampled_from(["a", "bb", "ccc", " ", "  ", "\n", ".", "{x}", "{{y}}", "$z", "请", "é", "\r\n", "\u200b", "-"])
TEXTS = st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=40).map("".join))
EFFORTS = st.sampled_from([0, 30, 100_000])


@given(TEXTS, TEXTS, EFFORTS)
def test_blocks_applied_to_old_give_new(old: str, new: str, steps: int) -> None:
    change = compare_texts("a.md", old, new, Effort(steps))
    old, new = old.removeprefix("\ufeff"), new.removeprefix("\ufeff")
    if any(remark.startswith("line endings") for remark in change.remarks):
        old, new = old.replace("\r\n", "\n"), new.replace("\r\n", "\n")
    assert apply_lines(old, change.lines) == new
    assert (old == new) == (not change.lines)


@given(TEXTS, TEXTS, EFFORTS)
def test_segments_give_both_sides_and_alternate(old: str, new: str, steps: int) -> None:
    segments = compare_words(old, new, Effort(steps))
    assert (old_text(segments), new_text(segments)) == (old, new)
    assert all(segment.text for segment in segments)
    pieces = [segment.piece for segment in segments]
    assert all(before != after for before, after in pairwise(pieces))
    assert (Piece.ADDED, Piece.REMOVED) not in pairwise(pieces)


@given(TEXTS, TEXTS)
def test_cosmetic_means_that_the_words_are_the_same(old: str, new: str) -> None:
    change = compare_texts("a.md", old, new, Effort())
    if change.cosmetic and not any("Unicode" in remark for remark in change.remarks):
        assert old.removeprefix("\ufeff").split() == new.removeprefix("\ufeff").split()
    assert change.remarks or change.lines or old == new


@given(TEXTS, TEXTS)
def test_both_directions_tell_the_same_variables(old: str, new: str) -> None:
    there, back = compare_texts("a.md", old, new, Effort()), compare_texts("a.md", new, old, Effort())
    assert (there.variables_added, there.variables_removed) == (back.variables_removed, back.variables_added)


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("{name} {name} {{ other }} ${third} $fourth", ["{name}", "{{other}}", "${third}", "$fourth"]),
        ("{user.name} {{ user.name | upper }} {x!r:>10} ${y:-none}", ["{user.name}", "{{user.name}}", "{x}", "${y}"]),
        ('{"a": 1} {} {0} $5 { spaced out } {a b} {% if x %}', ["{{x}}"]),
        ("{{#each items}} {{/each}} {{{raw}}}", ["{{items}}", "{{raw}}"]),
        ("costs $amount.", ["$amount"]),
    ],
)
def test_variables_are_found_as_they_are_written(text: str, variables: list[str]) -> None:
    assert list(find_variables(text)) == variables


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("wait 10 seconds", "wait 30 seconds", "wait [-10-]{+30+} seconds"),
        ("snake_case_name", "snake_case_other", "[-snake_case_name-]{+snake_case_other+}"),
        ("Be brief.\nBe kind.", "Be brief.\nBe very kind.", "Be brief.\nBe {+very +}kind."),
        ("a b c d e f g h i j", "k l m n o p q r s t", "[-a b c d e f g h i j-]{+k l m n o p q r s t+}"),
        ("one, two, three, four", "five, six, seven, four", "[-one, two, three-]{+five, six, seven+}, four"),
    ],
)
def test_words_are_shown_the_way_people_read(old: str, new: str, expected: str) -> None:
    assert marked(compare_words(old, new, Effort())) == expected


@pytest.mark.parametrize("data", [b"a\x00b", b"\xff\xfea\x00", "é".encode("latin-1"), b"\xed\xa0\x80"])
def test_bytes_that_are_no_text_are_refused(data: bytes) -> None:
    with pytest.raises(NotText):
        decode_text(data)
