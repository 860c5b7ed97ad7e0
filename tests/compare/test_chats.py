"""Chats: whatever messages they hold, each is told of once, and what is told leads from the old ones to the new."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from lastgood.canonical import Json
from lastgood.compare.change import Edit
from lastgood.compare.chats import Means, Message, compare_chats, read_chat
from tests.compare.applying import apply_lines

TEXTS = st.sampled_from(["", "a", "Be brief.", "Be brief.\nBe kind to all of them.", "Be kind to all of them, and brief.", "{name}?"])
MESSAGES = st.builds(Message, st.sampled_from(["system", "user", "assistant"]), TEXTS, st.sampled_from(["", '{"name": "ada"}']))
CHATS = st.lists(MESSAGES, max_size=8)


def place(text: str) -> int:
    found = re.fullmatch(r"messages\[(\d+)\]", text)
    assert found is not None
    return int(found[1])


@given(CHATS, CHATS)
def test_every_message_is_accounted_for(old: list[Message], new: list[Message]) -> None:
    before, after = set(range(len(old))), set(range(len(new)))
    for change in compare_chats("a.yaml", "messages", old, new, Means()):
        one = old[place(change.old_place)] if change.old_place else None
        other = new[place(change.new_place)] if change.new_place else None
        before -= {place(change.old_place)} if change.old_place else set()
        after -= {place(change.new_place)} if change.new_place else set()
        assert (change.old_role, change.new_role) == (one.role if one else "", other.role if other else "")
        if change.change is Edit.REORDERED:
            assert one == other
        elif change.text is not None:
            assert apply_lines(one.text if one else "", change.text.lines) == (other.text if other else "")
        else:
            assert one is not None
            assert other is not None
            assert one.text == other.text
    assert [old[at] for at in sorted(before)] == [new[at] for at in sorted(after)]


def test_a_message_that_was_edited_is_found_beside_one_of_its_role_that_came() -> None:
    old = [Message("user", "Explain the policy on refunds in two sentences.")]
    new = [Message("user", "Hello"), Message("user", "Explain the policy on refunds in three sentences.")]
    changes = compare_chats("a.yaml", "messages", old, new, Means())
    assert [(one.change, one.new_place) for one in changes] == [(Edit.ADDED, "messages[0]"), (Edit.CHANGED, "messages[1]")]


def test_what_is_no_list_of_messages_is_none() -> None:
    none: list[Json] = [
        None,
        {},
        "a",
        [1],
        [{"role": "user"}],
        [{"role": 1, "content": "a"}],
        [{"content": "a"}, {"role": "user", "content": ""}],
    ]
    assert [read_chat(value) for value in none] == [None] * len(none)
    assert read_chat([]) == []
