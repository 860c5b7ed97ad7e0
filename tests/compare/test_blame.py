"""Lines keep the version that brought them: checked against a model that never compares, but tags each line when it is made."""

from __future__ import annotations

from itertools import count
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastgood.compare.alignment import Effort
from lastgood.compare.blame import LineTracer, TracedLines, Untraceable, trace_lines
from lastgood.ids import FileDigest
from tests.compare.sides import Kept

Tagged = list[tuple[str, int]]
"""The model: each line with the version in which it was written."""


def blamed(texts: list[str], *, moves: bool = False) -> list[str]:
    """Trace versions 1, 2, 3 … and write the newest as `version line`."""
    trace: list[TracedLines] = []
    for version, text in enumerate(texts, start=1):
        trace = [trace_lines(trace, text, version, Effort(), moves=moves)]
    return [f"{origin} {line}" for line, origin in zip(trace[0].lines, trace[0].origins, strict=True)]


CASES = {
    "a text that never changed": (["a\nb\n", "a\nb\n"], ["1 a", "1 b"]),
    "a line that changed": (["a\nb\nc\n", "a\nB\nc\n"], ["1 a", "2 B", "1 c"]),
    "a line that came at the front": (["a\n", "new\na\n"], ["2 new", "1 a"]),
    "a line that went": (["a\nb\nc\n", "a\nc\n"], ["1 a", "1 c"]),
    "a line that changed twice": (["a\nb\n", "a\nB\n", "a\nBB\n"], ["1 a", "3 BB"]),
    "a line that went and came back": (["a\nb\n", "a\n", "a\nb\n"], ["1 a", "3 b"]),
    "a text that became empty and was written again": (["a\n", "", "a\n"], ["3 a"]),
    "an empty text": (["a\n", ""], []),
    "a last line that got its line end is the same line": (["a\nb", "a\nb\nc"], ["1 a", "1 b", "2 c"]),
    "nothing but a line end": (["", "\n"], ["2 "]),
    "whitespace counts": (["a b\n", "a  b\n"], ["2 a  b"]),
    "so do line ends": (["a\nb\n", "a\r\nb\n"], ["2 a\r", "1 b"]),
    "lines that stand twice": (["x\nx\n", "x\ny\nx\n"], ["1 x", "2 y", "1 x"]),
    "a block that moved is new where moves are not asked for": (
        ["Never promise any refund.\nBe brief.\nCite the policy.\n", "Be brief.\nCite the policy.\nNever promise any refund.\n"],
        ["1 Be brief.", "1 Cite the policy.", "2 Never promise any refund."],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_golden_cases(case: str) -> None:
    texts, expected = CASES[case]
    assert blamed(texts) == expected


MOVES = {
    "a block that moved": (
        ["Never promise any refund.\nBe brief.\nCite the policy.\n", "Be brief.\nCite the policy.\nNever promise any refund.\n"],
        ["1 Be brief.", "1 Cite the policy.", "1 Never promise any refund."],
    ),
    "what is too short to be told from another": (["}\na\nb\n", "a\nb\n}\n"], ["1 a", "1 b", "2 }"]),
    "a copy is new, the line itself stayed": (
        ["Never promise any refund.\n", "Never promise any refund.\nor\nNever promise any refund.\n"],
        ["1 Never promise any refund.", "2 or", "2 Never promise any refund."],
    ),
    "what went once comes from there once": (
        ["Never promise any refund.\nx\ny\nz\n", "x\nNever promise any refund.\ny\nNever promise any refund.\nz\n"],
        ["1 x", "1 Never promise any refund.", "1 y", "2 Never promise any refund.", "1 z"],
    ),
    "short lines of one block": (
        ["one two\nthree four\nfive six\nx\ny\nz\nw\n", "x\ny\nz\nw\none two\nthree four\nfive six\n"],
        ["1 x", "1 y", "1 z", "1 w", "1 one two", "1 three four", "1 five six"],
    ),
}


@pytest.mark.parametrize("case", MOVES)
def test_blocks_that_moved_keep_their_origin_where_that_is_asked_for(case: str) -> None:
    texts, expected = MOVES[case]
    assert blamed(texts, moves=True) == expected


def edited(lines: Tagged, version: int, chance: Random, words: count[int], *, moves: bool) -> Tagged:
    """Edit a text: lines that are written are unlike any other one, and tagged."""
    lines = list(lines)
    for _ in range(chance.randint(0, 4)):
        what = chance.choice(["insert", "replace", "delete", "move"] if moves else ["insert", "replace", "delete"])
        place = chance.randint(0, len(lines))
        if what == "insert" or not lines:
            lines[place:place] = [(f"a long line that is like no other one {next(words)}", version) for _ in range(chance.randint(1, 3))]
        elif what == "replace":
            lines[min(place, len(lines) - 1)] = f"a long line that was written anew {next(words)}", version
        elif what == "delete":
            del lines[place : place + chance.randint(1, 3)]
        else:
            end = place + chance.randint(1, 3)
            block, rest = lines[place:end], lines[:place] + lines[end:]
            target = chance.randint(0, len(rest))
            lines = rest[:target] + block + rest[target:]
    return lines


@pytest.mark.parametrize("moves", [False, True])
@given(chance=st.randoms(use_true_random=False), versions=st.integers(1, 12))
@settings(max_examples=150)
def test_every_line_is_of_the_version_that_wrote_it(moves: bool, chance: Random, versions: int) -> None:
    words, lines, texts = count(), Tagged(), list[str]()
    for version in range(1, versions + 1):
        lines = edited(lines, version, chance, words, moves=moves)
        texts.append("".join(f"{line}\n" for line, _ in lines))

    assert blamed(texts, moves=moves) == [f"{origin} {line}" for line, origin in lines]


@given(st.permutations(range(12)))
def test_of_lines_in_another_order_as_many_as_can_keep_their_origin(order: list[int]) -> None:
    texts = ["".join(f"{number}\n" for number in numbers) for numbers in (range(12), order)]
    kept = [int(line.split()[1]) for line in blamed(texts) if line.startswith("1 ")]

    assert kept == sorted(kept)
    assert len(kept) == longest_rising(order)


def longest_rising(numbers: list[int]) -> int:
    ends: list[int] = []
    for place, number in enumerate(numbers):
        ends.append(1 + max((ends[before] for before in range(place) if numbers[before] < number), default=0))
    return max(ends)


@given(st.lists(st.lists(st.sampled_from("abc "), max_size=8), min_size=1, max_size=6), st.booleans())
def test_a_line_stands_in_every_version_from_its_origin_on(versions: list[list[str]], moves: bool) -> None:
    """Lines that are alike cannot be told apart, but this holds of any answer, and something is new in each changed text."""
    texts = ["".join(f"{line}\n" for line in lines) for lines in versions]
    for said in blamed(texts, moves=moves):
        origin, line = said.split(" ", 1)
        assert all(line in lines for lines in versions[int(origin) - 1 :])
    steps = blamed(texts[-2:], moves=moves)
    assert any(one.startswith("2 ") for one in steps) == (len(texts) > 1 and bool(set(versions[-1])) and not is_part_of(*versions[-2:]))


def is_part_of(old: list[str], new: list[str]) -> bool:
    """Say whether a text has nothing that is not in the old one in this order."""
    rest = iter(old)
    return all(line in rest for line in new)


def test_of_two_versions_that_one_follows_the_first_that_has_a_line_gives_its_origin() -> None:
    base = trace_lines([], "a\nb\n", 1, Effort())
    left, right = trace_lines([base], "a\nb\nleft\n", 2, Effort()), trace_lines([base], "right\na\nb\n", 3, Effort())
    both = trace_lines([left, right], "right\na\nb\nleft\nboth\n", 4, Effort())

    assert both.origins == [3, 1, 1, 2, 4]
    twice = trace_lines([base], "a\nb\nleft\n", 5, Effort())
    assert trace_lines([left, twice], "a\nb\nleft\n", 6, Effort()).origins == [1, 1, 2]
    assert trace_lines([twice, left], "a\nb\nleft\n", 6, Effort()).origins == [1, 1, 5]


def test_where_the_effort_runs_out_the_answer_is_coarser_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lastgood.compare.blame._MOST_STEPS", 3)
    kept = Kept()
    texts = ["a\nb\nc\nd\ne\nf\n", "x\nb\ny\nd\nz\nf\nw\n"]
    digests = [kept.keep(text) for text in texts]
    tracer = LineTracer(kept)
    trace = tracer.trace([tracer.trace([], digests[0], 1)], digests[1], 2)
    parts = list(tracer.parts(trace))

    assert {origin for _, origin in parts} == {2}
    assert len(tracer.notes) == 1


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"a\x00b", "it is binary"), (b"\xff\xfe", "it is not UTF-8"), (b"\n" * 500_001, "it has more than 500,000 lines")],
)
def test_what_is_no_text_says_why(data: bytes, why: str) -> None:
    kept = Kept()
    with pytest.raises(Untraceable, match=why):
        LineTracer(kept).trace([], kept.keep(data), 1)


def test_bytes_that_are_not_here_say_so() -> None:
    with pytest.raises(Untraceable, match="its bytes are not kept here"):
        LineTracer(Kept()).trace([], FileDigest.of(b"gone"), 1)
