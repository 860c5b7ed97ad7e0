"""Blocks that moved: found whatever else changed, and never at the cost of a line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lastgood.compare.alignment import Effort
from lastgood.compare.text import compare_texts
from tests.compare.applying import apply_lines

REFUNDS = "Rules for refunds:\n- Cite the policy.\n- Offer a voucher.\n"
REST = "".join(f"Rule number {number} says something else.\n" for number in range(10))


def test_a_block_that_moved_counts_no_words_and_is_shown_once() -> None:
    text = compare_texts("a.md", REFUNDS + "\n" + REST, REST + "\n" + REFUNDS, Effort())
    assert (text.words_added, text.words_removed) == (0, 0)
    assert [(move.old_start, move.new_start) for move in text.moves] == [(1, 12)]
    shown = "\n".join("".join(span.text for span in block.spans) for block in text.shown() if hasattr(block, "spans"))
    assert shown.count("Rules for refunds:") == 1
    assert "moved from lines 1-3" in shown


def test_lines_that_stand_everywhere_are_no_sign_of_a_move() -> None:
    old = "".join(f"## {number}\nYes, of course.\n" for number in range(20))
    new = old.replace("## 3\nYes, of course.\n", "") + "## x\nYes, of course.\n"
    assert compare_texts("a.md", old, new, Effort()).moves == ()


BLOCKS = st.lists(st.sampled_from([*REFUNDS.splitlines(), *REST.splitlines(), "", "x", "Rules for {refunds}:"]), max_size=25)


@given(BLOCKS, BLOCKS, st.sampled_from([0, 200, 100_000]))
def test_blocks_are_complete_whatever_moved(old: list[str], new: list[str], steps: int) -> None:
    before, after = "\n".join(old), "\n".join(new)
    change = compare_texts("a.md", before, after, Effort(steps))
    assert apply_lines(before, change.lines) == after


@given(BLOCKS, st.randoms(use_true_random=False))
def test_what_moved_stands_where_it_is_said_to(old: list[str], shuffled: object) -> None:
    new = list(old)
    shuffled.shuffle(new)  # type: ignore[attr-defined]  # a random.Random, which nothing else here may name
    change = compare_texts("a.md", "\n".join(old), "\n".join(new), Effort())
    for move in change.moves:
        sides = old[move.old_start - 1 :][: move.old_count], new[move.new_start - 1 :][: move.new_count]
        assert (sides[0] == sides[1]) == (not move.segments)
        assert move.first == sides[1][0]
