"""Trees: whatever they are, the changes applied to the old one give the new one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.canonical import Json, canonical_json
from lastgood.compare.alignment import Effort
from lastgood.compare.change import Edit, Item, KeyChange, Step
from lastgood.compare.structured import compare_trees, dotted, is_sampling, same_key_order
from lastgood.formats.tree import Unquoted
from tests.compare.applying import apply_changes

NAMES = st.sampled_from(["a", "b", "name", "id", "a.b", "", "temperature", "3"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.5, 1.0, math.nan, math.inf, -0.0]),
    st.sampled_from(["", "x", "1", "yes", "a long text of more than forty characters, word by word"]),
    st.sampled_from([Unquoted("yes"), Unquoted("012")]),
)


def _containers(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    named = st.lists(st.fixed_dictionaries({"name": st.sampled_from("pqrst"), "v": inner}), max_size=5)
    numbered = st.lists(st.fixed_dictionaries({"id": st.integers(0, 5), "name": st.sampled_from(["0", "1", "x"])}), max_size=5)
    tools = st.lists(st.fixed_dictionaries({"function": st.fixed_dictionaries({"name": st.sampled_from("pqrst")})}), max_size=4)
    return st.one_of(st.lists(inner, max_size=5), st.dictionaries(NAMES, inner, max_size=4), named, numbered, tools)


TREES: st.SearchStrategy[Json] = st.recursive(SCALARS, _containers, max_leaves=25)


def strict(value: Json) -> object:
    """Return a form in which only what is really the same is equal: types count, NaN is itself, key order does not."""
    if isinstance(value, dict):
        return {key: strict(item) for key, item in value.items()}
    if isinstance(value, list):
        return [strict(item) for item in value]
    if isinstance(value, float) and value == 0:
        return ("float", "0.0")
    return (type(value).__name__, repr(value))


def compared(old: Json, new: Json) -> tuple[KeyChange, ...]:
    return compare_trees("a.yaml", old, new, Effort())


@given(TREES, TREES, st.randoms(use_true_random=False))
def test_changes_applied_to_old_give_new_in_any_order(old: Json, new: Json, shuffled: object) -> None:
    changes = list(compared(old, new))
    shuffled.shuffle(changes)  # type: ignore[attr-defined]  # a random.Random, which nothing else here may name
    assert strict(apply_changes(old, changes)) == strict(new)


@given(TREES, TREES)
def test_no_changes_means_the_same(old: Json, new: Json) -> None:
    assert (not compared(old, new)) == (strict(old) == strict(new))
    assert compared(old, old) == ()


@given(TREES, TREES)
def test_every_change_has_a_json_form_and_a_key_for_people(old: Json, new: Json) -> None:
    for change in compared(old, new):
        canonical_json(change.to_json())
        assert change.key.isprintable()
        assert change.key == dotted(change.steps)


@given(TREES)
def test_an_equal_tree_in_another_order_is_told_from_the_same(tree: Json) -> None:
    assert same_key_order(tree, tree)
    if isinstance(tree, dict) and len(tree) > 1:
        assert not same_key_order(tree, dict(reversed(tree.items())))


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        (("sampling", "top_p"), "sampling.top_p"),
        (("stop", 0), "stop[0]"),
        ((0, "a"), "[0].a"),
        (("routes", Item(("name",), "eu"), "weight"), "routes[eu].weight"),
        (("routes", Item(("name",), "3")), "routes[name=3]"),
        (("routes", Item(("id",), 3)), "routes[id=3]"),
        (("routes", Item(("name",), "a b")), 'routes["a b"]'),
        (("a.b", "", "c]"), '"a.b".""."c]"'),
        (("\x1b[2J",), '"\\u001b[2J"'),
        ((), ""),
    ],
)
def test_dotted_keys(steps: tuple[Step, ...], text: str) -> None:
    assert dotted(steps) == text


@pytest.mark.parametrize("key", ["temperature", "topP", "TOP_P", "top-p", "OPENAI_MODEL", "maxOutputTokens", "stop"])
def test_sampling_parameters_are_known_however_they_are_spelt(key: str) -> None:
    assert is_sampling(("llm", key))
    assert is_sampling((key, 0))


@pytest.mark.parametrize("key", ["weight", "models", "seeded", "model_dir", "name", "x" * 1000])
def test_other_keys_are_no_sampling_parameters(key: str) -> None:
    assert not is_sampling((key,))


def test_items_are_matched_by_the_key_under_which_most_meet() -> None:
    old: Json = [{"name": "a", "id": 1}, {"name": "b", "id": 2}]
    new: Json = [{"name": "a", "id": 8}, {"name": "b", "id": 2}]
    (change,) = compared(old, new)
    assert change.key == "[a].id"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([{"name": "a"}, {"name": "a"}], [{"name": "a"}, {"name": "b"}]),  # not unique
        ([{"name": "a"}, {"v": 1}], [{"name": "a"}, {"v": 2}]),  # not all named
        ([{"name": True}, {"name": False}], [{"name": True}, {"name": None}]),  # no names
        ([{"name": "a"}, 1], [{"name": "a"}, 2]),  # not all objects
        ([{"id": 1}, {"id": 2**60, "v": 1}], [{"id": 1}, {"id": 2**60, "v": 2}]),  # no number that JSON can hold
    ],
)
def test_items_without_an_identity_are_compared_by_place(old: Json, new: Json) -> None:
    assert [change.steps[0] for change in compared(old, new)] == [1]


def test_a_long_list_of_values_is_compared_by_place() -> None:
    old: Json = list(range(100))
    new: Json = [*range(50), 999, *range(50, 100)]
    (change,) = compared(old, new)
    assert (change.change, change.key, change.new) == (Edit.ADDED, "[50]", 999)


def test_deep_lists_of_other_lengths_are_told_level_by_level() -> None:
    # At each of 60 levels the lists differ in length, so that their heads are compared before their items.
    old: Json = list(range(30_000))
    new: Json = [*range(29_999), -1]
    for _ in range(60):
        old, new = [old, [0]], [new, [0], [1]]
    changes = compared(old, new)
    assert [change.change for change in changes].count(Edit.ADDED) == 60
    assert len(changes) == 61
