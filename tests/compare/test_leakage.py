"""Leakage of texts: planted duplicates are found and nothing else, in natural texts and in texts made after templates."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastgood.compare.leakage import overlap
from lastgood.compare.leakage.columns import Columns, choose_columns
from lastgood.compare.leakage.likeness import AGREEMENT, LEAST_WORDS, LIKENESS, is_near, likeness
from lastgood.compare.leakage.overlap import Overlap, TextRow, find_overlap
from lastgood.compare.leakage.shingles import ShingleIndex
from lastgood.compare.leakage.texts import normalised, text_of, words_of

ORDER = "My order 4711 has not arrived although it was shipped two weeks ago"


def overlap_of(evaluated: Sequence[str], trained: Sequence[str]) -> Overlap:
    """Look for texts in texts."""
    named = [TextRow(f"e{n}", text) for n, text in enumerate(evaluated)]
    return find_overlap(named, lambda: (TextRow(f"t{n}", text) for n, text in enumerate(trained)))


GOLDEN = [
    ("the very same", ORDER, ORDER, "same"),
    ("another case and punctuation", ORDER, ORDER.upper().replace(" ", "   ") + "!!", "same"),
    ("another form of Unicode", "Crème brûlée für alle", unicodedata.normalize("NFD", "CRÈME BRÛLÉE FÜR ALLE"), "same"),
    ("full width letters", "order 42 please", "\uff2frder \uff14\uff12, please", "same"),
    ("a sharp s", "Wo ist die Straße bitte", "wo ist die STRASSE, bitte?", "same"),
    ("one word", "Refund", "refund.", "same"),
    ("no words at all", "?!", "?!", "same"),
    ("no words, others", "?!", "!?", None),
    ("Chinese", "我的订单还没有到", "我的订单还没有到。", "same"),
    ("a word put in", ORDER, "My order 4711 has still not arrived although it was shipped two weeks ago", "near"),
    ("a word left out", ORDER, "My order 4711 has not arrived although shipped two weeks ago", "near"),
    ("a word replaced", ORDER, "My order 4711 has not come although it was shipped two weeks ago", "near"),
    ("a typo", ORDER, "My order 4711 has not arived although it was shipped two weeks ago", "near"),
    ("a sentence put behind", ORDER, ORDER + ". Please help me soon", "near"),
    ("another number", ORDER, ORDER.replace("4711", "4712"), None),
    ("another subject", ORDER, "My invoice from May has not been paid although you promised it two weeks ago", None),
    ("short and one word replaced", "cancel my order today", "cancel my order now", None),
    ("the words in another order", ORDER, " ".join(sorted(ORDER.split())), None),
    ("nothing in common", ORDER, "Wie kann ich meine Adresse in Ihrem Portal selbst ändern", None),
    ("an empty text", "", "", None),
    ("half of a surrogate pair", "a lone \ud800 in a text of words", "a lone \ud800 in a text of words", "same"),
]


@pytest.mark.parametrize(("evaluated", "trained", "expected"), [row[1:] for row in GOLDEN], ids=[row[0] for row in GOLDEN])
def test_two_texts(evaluated: str, trained: str, expected: str | None) -> None:
    others = ["How do I change the address of my account in your portal", "Thanks a lot", "Der Kundendienst hat mir gut geholfen"]
    found = overlap_of([evaluated], [*others, trained])
    assert [("same" if leak.is_same else "near") for leak in found.leaks] == ([expected] if expected else [])
    assert all(leak.trained.name == "t3" for leak in found.leaks)


# Tickets as people write them: a sentence frame, and what is different in each.
FRAMES = (
    "My order {number} for the {thing} has not arrived in {city} yet, it should have been here {day}. Can you check where it is?",
    "I was charged twice for the {thing} that I bought {day}, the order number is {number}. Please refund one of the payments.",
    "The {thing} that you sent to {city} came broken {day}, I have pictures of it and would like a replacement as soon as possible.",
    "How can I change the delivery address of order {number} to {city}? I am moving {day} and nobody will be there to take the {thing}.",
    "Hello, the {thing} stopped working {day}. It worked well before, and nobody in {city} can repair it. What can I do?",
    "Is the {thing} still available in your shop in {city}? I would come by {day}.",
)
THINGS = ("lamp", "kettle", "chair", "desk", "phone case", "keyboard", "mirror", "carpet", "fan", "heater", "bike", "tent", "drill", "sofa")
CITIES = ("Berlin", "Hamburg", "Bremen", "Essen", "Leipzig", "Dresden", "Bonn", "Kiel", "Mainz", "Ulm", "Trier", "Jena", "Graz", "Wien")
DAYS = (
    "on Monday",
    "last Tuesday",
    "yesterday",
    "two days ago",
    "in the morning",
    "last week",
    "on the first of May",
    "at noon",
    "on Friday",
)
WORDS = ["".join(random.Random(n).choices("abcdefghijklmnopqrstuvwxyz", k=2 + n % 8)) for n in range(3_000)]
OFTEN = list(accumulate(1 / (n + 1) for n in range(len(WORDS))))
Rows = Callable[[random.Random, int], list[str]]


def tickets(random_: random.Random, count: int) -> list[str]:
    """Write tickets after frames."""
    return [
        random_.choice(FRAMES).format(
            number=random_.randint(10_000, 99_999),
            thing=random_.choice(THINGS),
            city=random_.choice(CITIES),
            day=random_.choice(DAYS),
        )
        for _ in range(count)
    ]


def forms(random_: random.Random, count: int) -> list[str]:
    """Fill in one long form, where all but two words is the form."""
    return [
        "Dear customer service, I hereby confirm that I have read the terms and conditions, and that I agree to the processing of my"
        f" personal data as described there. My customer name is {random_.choice(CITIES)}{random_.randint(1, 999)} and I live in"
        f" {random_.choice(CITIES)}. Kind regards"
        for _ in range(count)
    ]


def natural(random_: random.Random, count: int) -> list[str]:
    """Draw words as often as language does: few of them often, most of them seldom."""
    return [" ".join(random_.choices(WORDS, cum_weights=OFTEN, k=random_.randint(8, 40))) for _ in range(count)]


CLEAN: list[Rows] = [tickets, forms, natural]


@pytest.mark.parametrize("rows", CLEAN)
@pytest.mark.parametrize(("evaluated", "trained"), [(40, 120), (200, 1_500)])
def test_no_false_alarm_on_a_clean_set(rows: Rows, evaluated: int, trained: int) -> None:
    train = rows(random.Random(1), trained)
    held_out = [text for text in rows(random.Random(2), evaluated) if text not in train]
    assert overlap_of(held_out, train).leaks == ()


def test_the_clean_forms_are_nearly_the_same_text_over_and_over() -> None:
    # So the test above means something: whoever looks at texts two at a time takes each of these pairs for a duplicate.
    one, other = (words_of(text) for text in forms(random.Random(3), 2))
    assert likeness(one, other) > 0.8


@pytest.mark.parametrize("rows", CLEAN)
def test_all_that_was_planted_is_found_and_nothing_else(rows: Rows) -> None:
    train = rows(random.Random(1), 1_500)
    held_out = [text for text in rows(random.Random(2), 200) if text not in train]
    same = [f"  {text.upper()} !!" for text in train[10:30]]
    near = [_with_a_word(text, n) for n, text in enumerate(train[100:120])]
    found = overlap_of([*held_out, *same, *near], train)
    planted = [f"e{len(held_out) + n}" for n in range(40)]
    assert sorted(str(leak.evaluated.name) for leak in found.leaks) == sorted(planted)
    assert found.same == 20
    assert {leak.trained.text for leak in found.leaks if leak.is_same} == set(train[10:30])
    assert {leak.trained.text for leak in found.leaks if not leak.is_same} == set(train[100:120])


def _with_a_word(text: str, seed: int) -> str:
    words = text.split()
    words.insert(random.Random(seed).randint(1, len(words) - 1), "really")
    return " ".join(words)


def test_what_training_repeats_is_found_all_the_same() -> None:
    train = natural(random.Random(1), 300)
    found = overlap_of([_with_a_word(train[7], 1)], train + [train[7]] * 200)
    assert [leak.trained.name for leak in found.leaks] == ["t7"]


def test_copies_of_one_text_with_little_changes_are_no_template() -> None:
    train = natural(random.Random(1), 300)
    copies = [_with_a_word(train[7], n).replace("really", word) for n, word in enumerate(CITIES)]
    found = overlap_of([train[7] + " thanks"], [*train, *copies])
    assert [leak.trained.name for leak in found.leaks] == ["t7"]


BROKEN = "The {} that you sent came broken, I have pictures of it and would like a replacement as soon as possible"


@pytest.mark.parametrize(("others", "leaks"), [(0, 1), (3, 1), (4, 0), (12, 0)])
def test_four_others_make_a_template(others: int, leaks: int) -> None:
    train = [BROKEN.format(thing) for thing in ("lamp", *THINGS[1 : others + 1])]
    assert len(overlap_of([BROKEN.format("table")], train).leaks) == leaks


def test_a_row_that_training_repeats_does_not_become_the_template() -> None:
    train = [BROKEN.format("lamp")] * 100 + [BROKEN.format(thing) for thing in THINGS]
    assert overlap_of([BROKEN.format("table"), BROKEN.format("stool")], train).leaks == ()


def test_a_letter_that_folding_takes_apart_is_put_together() -> None:
    assert words_of("\u01f0") == words_of("J\u030c") == ["\u01f0"]


def test_where_too_much_resembles_to_be_held_it_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    train = tickets(random.Random(1), 500)
    evaluated = [*tickets(random.Random(2), 50), *(_with_a_word(text, n) for n, text in enumerate(train[:20]))]
    named = [TextRow(f"e{n}", text) for n, text in enumerate(evaluated)]
    answers = []
    for most, readings in ((1 << 20, 1), (1_000, 2)):
        monkeypatch.setattr(overlap, "MOST_HELD", most)
        given: list[int] = []

        def trained(given: list[int] = given) -> Iterator[TextRow]:
            given.append(1)
            return (TextRow(f"t{n}", text) for n, text in enumerate(train))

        answers.append(find_overlap(named, trained))
        assert len(given) == readings
    assert answers[0] == answers[1]
    assert len(answers[0].leaks) >= 20


def test_rows_are_counted_and_texts_that_stand_twice_leak_twice() -> None:
    found = overlap_of([ORDER, "", "   ", ORDER.lower(), "Thanks a lot"], ["", ORDER])
    assert (found.evaluated, found.trained, len(found.leaks), found.same) == (3, 1, 2, 2)


TEXTS = st.lists(st.lists(st.sampled_from("abcdefg"), max_size=14).map(" ".join), max_size=25)


@settings(max_examples=200, deadline=None)
@given(evaluated=TEXTS, trained=TEXTS)
def test_the_same_is_found_as_by_comparing_each_with_each(evaluated: list[str], trained: list[str]) -> None:
    found = overlap_of(evaluated, trained)
    expected = {f"e{n}" for n, text in enumerate(evaluated) if text and text in trained}
    assert {leak.evaluated.name for leak in found.leaks if leak.is_same} == expected
    for leak in found.leaks:
        assert leak.is_same or is_alike(leak.evaluated.text, leak.trained.text)


def is_alike(evaluated: str, trained: str) -> bool:
    one, other = evaluated.split(), trained.split()
    return min(len(one), len(other)) >= LEAST_WORDS and likeness(one, other) >= LIKENESS


@settings(max_examples=100, deadline=None)
@given(data=st.data(), seed=st.integers(0, 10_000))
def test_near_duplicates_are_found_as_by_comparing_each_with_each(data: st.DataObject, seed: int) -> None:
    """Of texts that have their words for themselves, no pair is missed that the rules call near and that shares two runs."""
    train = natural(random.Random(seed), 30)
    edited = data.draw(st.lists(st.tuples(st.integers(0, 29), st.integers(0, 3), st.integers(0, 99)), min_size=1, max_size=5))
    evaluated = [_edited(train[row], edits, place) for row, edits, place in edited]
    found = {leak.evaluated.name: leak.is_same for leak in overlap_of(evaluated, train).leaks}
    for n, text in enumerate(evaluated):
        near = any(is_near(words_of(text), words_of(other), []) and _shared_runs(text, other) >= 2 for other in train)
        assert (f"e{n}" in found) == (near or text in train)


def _edited(text: str, edits: int, place: int) -> str:
    words = text.split()
    for n in range(edits):
        words[(place + 5 * n) % len(words)] = f"other{n}"
    return " ".join(words)


def _shared_runs(one: str, other: str) -> int:
    mine, theirs = ({tuple(words[n : n + 3]) for n in range(len(words) - 2)} for words in (words_of(one), words_of(other)))
    return len(mine & theirs)


@given(rows=st.lists(st.lists(st.sampled_from("abc"), max_size=12), max_size=20), cut=st.integers(1, 5))
def test_batches_make_no_difference(rows: list[list[str]], cut: int) -> None:
    texts = ["a b c a b c a b c", "c c b b a a c a b"]
    answers = []
    for size in (cut, len(rows) + 1):
        index = ShingleIndex(texts)
        numbered = list(enumerate(rows))
        for start in range(0, len(rows), size):
            index.feed(numbered[start : start + size])
        answers.append([index.rows_like(text, but=-1) for text in range(2)])
    assert answers[0] == answers[1]


@given(st.text())
def test_normalising_twice_is_normalising_once(text: str) -> None:
    once = normalised(text)
    assert normalised(once) == once
    assert normalised(text.upper().lower()) == normalised(text.upper())
    assert normalised(f"  {text}\n") == once


@given(st.text(alphabet=st.characters(codec="ascii")))
def test_ascii_is_read_as_any_other_text(text: str) -> None:
    assert words_of(text) == [word for word in words_of(text + " \u00fc") if word != "\u00fc"]


@given(st.lists(st.sampled_from("abcdef"), max_size=9), st.lists(st.sampled_from("abcdef"), max_size=9))
def test_likeness_is_a_share_and_the_same_both_ways(one: list[str], other: list[str]) -> None:
    assert 0.0 <= likeness(one, other) == likeness(other, one) <= 1.0
    assert likeness(one, one) == (1.0 if one else 0.0)
    assert AGREEMENT <= 1.0


def _rows(**columns: list[object]) -> list[dict[str, object]]:
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


SOME = [f"where is parcel {n} of mine" for n in range(30)]
ONE = ["Sort this ticket into one of the queues"] * 30
LABELS: list[object] = ["refund" if n % 2 else "not refund" for n in range(30)]


@pytest.mark.parametrize(
    ("trained", "evaluated", "expected"),
    [
        ({"text": SOME, "label": LABELS}, {"text": SOME, "label": LABELS}, (("text",), ("text",))),
        ({"question": SOME, "answer": SOME}, {"question": SOME, "answer": SOME}, (("question",), ("question",))),
        ({"prompt": SOME, "completion": SOME}, {"input": SOME, "expected": SOME}, (("input",), ("prompt",))),
        ({"instruction": ONE, "text": SOME}, {"instruction": ONE, "text": SOME}, (("text",), ("text",))),
        ({"words": SOME}, {"phrase": SOME}, (("phrase",), ("words",))),
        ({"id": SOME, "text": SOME}, {"id": SOME, "text": SOME}, (("text",), ("text",))),
        ({"title": SOME, "body": SOME}, {"title": SOME, "body": SOME}, (("title", "body"), ("title", "body"))),
        ({"label": LABELS}, {"label": LABELS}, None),
        ({"a": list(range(30))}, {"a": list(range(30))}, None),
        ({"a": list(range(30)), "b": LABELS, "c": LABELS}, {"a": list(range(30)), "b": LABELS, "c": LABELS}, (("a", "b", "c"),) * 2),
        ({}, {}, None),
    ],
)
def test_which_columns_are_compared(trained: dict[str, list[object]], evaluated: dict[str, list[object]], expected: object) -> None:
    chosen = choose_columns(_rows(**trained), _rows(**evaluated), {"id"})  # type: ignore[arg-type]
    assert (chosen and (chosen.evaluated, chosen.trained)) == expected


def test_of_messages_what_a_person_said_is_compared() -> None:
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]
    assert text_of(messages) == "Hello"
    assert text_of({"a": ["x", {"b": "y", "id": "z"}], "n": 3}) == "x\ny"


def test_whole_rows_tell_a_sign_apart() -> None:
    columns = Columns(("a", "b"), ("a", "b"), nearly=False)
    texts = [normalised(columns.evaluated_text(cells)) for cells in ({"a": 1, "b": -2.5}, {"a": 1, "b": 2.5}, {"a": 12, "b": 0.5})]
    assert len(set(texts)) == 3


def test_a_text_without_end_is_cut() -> None:
    def endless() -> Iterator[TextRow]:
        return iter([TextRow("t", "word " * 1_000_000)])

    assert len(find_overlap([TextRow("e", "word " * 1_000_000)], endless).leaks) == 1
