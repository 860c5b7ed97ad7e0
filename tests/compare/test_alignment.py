"""Where two sequences differ: always right, coarse only where the effort runs out, bounded however the input is made."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.compare.alignment import STEPS, Effort, Span, differing_spans

ITEMS = st.lists(st.sampled_from("abcdef"), max_size=40)


def rebuilt(old: list[str], new: list[str], spans: list[Span]) -> list[str]:
    """Take the old sequence and put what the spans say into it."""
    result: list[str] = []
    at = 0
    for span in spans:
        result += old[at : span.old_start] + new[span.new_start : span.new_end]
        at = span.old_end
    return result + old[at:]


@given(ITEMS, ITEMS, st.sampled_from([0, 10, 200, STEPS]))
def test_spans_turn_old_into_new_whatever_the_effort(old: list[str], new: list[str], steps: int) -> None:
    spans = differing_spans(old, new, Effort(steps))
    assert rebuilt(old, new, spans) == new
    for before, after in pairwise(spans):
        assert before.old_end < after.old_start or before.new_end < after.new_start
        assert before.old_end <= after.old_start
        assert before.new_end <= after.new_start


@given(ITEMS)
def test_equal_sequences_have_no_spans(items: list[str]) -> None:
    assert differing_spans(items, list(items), Effort()) == []


@pytest.mark.parametrize(
    ("old", "new", "edits"),
    [
        ("abcabba", "cbabac", 5),  # the example of Myers' paper
        ("aabb", "abab", 2),
        ("aaaa", "aa", 2),
        ("abab", "baba", 2),
    ],
)
def test_shortest_edits_that_are_known(old: str, new: str, edits: int) -> None:
    spans = differing_spans(list(old), list(new), Effort())
    assert sum(span.old_end - span.old_start + span.new_end - span.new_start for span in spans) == edits


def test_unique_items_anchor_what_moved_around_them() -> None:
    old = ["{", "a", "}", "HERE", "{", "b", "}"]
    new = ["{", "b", "}", "{", "a", "}", "HERE", "{", "c", "}"]
    assert Span(5, 6, 8, 9) in differing_spans(old, new, Effort())


def test_hostile_sequences_spend_no_more_than_the_effort() -> None:
    few = ["abc"[(place * place) % 3] for place in range(60_000)]
    effort = Effort(200_000)
    spans = differing_spans(few, ["abc"[(place * 7 + place // 5) % 3] for place in range(60_000)], effort)
    assert spans
    assert not effort.spend(200_000)


def test_effort_is_taken_in_whole_or_not_at_all() -> None:
    effort = Effort(10)
    assert effort.spend(6)
    assert not effort.spend(5)
    assert effort.spend(4)
    assert not effort.spend(1)


def test_following_equal_items_is_paid_for() -> None:
    same = ["a", "b"] * 5_000
    old, new = ["x", "x", *same, "x", "x"], ["y", "y", *same, "y", "y"]
    assert differing_spans(old, new, Effort(25_000)) == [Span(0, 10_004, 0, 10_004)]
    assert len(differing_spans(old, new, Effort(40_000))) == 2
