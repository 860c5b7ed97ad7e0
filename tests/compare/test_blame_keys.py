"""Values of configs keep the version that brought them: a list of cases, a model of plain trees, and the comparison itself."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.canonical import Json
from lastgood.compare.alignment import Effort
from lastgood.compare.blame import Untraceable
from lastgood.compare.blame_keys import KeyTracer, TracedTree, trace_tree, traced_keys
from lastgood.compare.change import Edit
from lastgood.compare.structured import compare_trees
from lastgood.formats.configs import read_config
from tests.compare.sides import Kept


def traced(*trees: Json) -> TracedTree:
    trace: list[TracedTree] = []
    for version, tree in enumerate(trees, start=1):
        trace = [trace_tree(trace, tree, version)]
    return trace[0]


def blamed(*texts: str, path: str = "a.yaml") -> list[str]:
    """Trace versions 1, 2, 3 … of a config and write the newest as `key=value version`."""
    trace = traced(*(read_config(path, text.encode()) for text in texts))
    return [f"{key.key}={key.value} {origin}" for key, origin in traced_keys(trace)]


CASES = {
    "a value that changed": (["a: 1\nb: 2", "a: 1\nb: 3"], ["a=1 1", "b=3 2"]),
    "a key that came": (["a: 1", "b: 2\na: 1"], ["b=2 2", "a=1 1"]),
    "a key that went": (["a: 1\nb: 2", "a: 1"], ["a=1 1"]),
    "a key that went and came back": (["a: 1\nb: 2", "a: 1", "a: 1\nb: 2"], ["a=1 1", "b=2 3"]),
    "a value that went and came back": (["a: 1", "a: 2", "a: 1"], ["a=1 3"]),
    "comments, order and layout": (["a: 1\nb: {c: 2}", "# said\nb:\n  c: 2\na: 1"], ["b.c=2 1", "a=1 1"]),
    "the type counts": (["a: 3", 'a: "3"'], ["a=3 2"]),
    "so does a whole number": (["a: 1", "a: 1.0"], ["a=1.0 2"]),
    "and a truth value is no number": (["a: 1", "a: true"], ["a=True 2"]),
    "what is no number is itself": (["a: .nan\nb: 1", "a: .nan\nb: 2"], ["a=nan 1", "b=2 2"]),
    "a key below another": (["a: {b: {c: 1, d: 2}}", "a: {b: {c: 1, d: 3}}"], ["a.b.c=1 1", "a.b.d=3 2"]),
    "a value that became an object": (["a: 1", "a: {b: 1}"], ["a.b=1 2"]),
    "an object that became a value": (["a: {b: 1}", "a: 1"], ["a=1 2"]),
    "an empty object": (["a: {}", "a: {}", "a: {}"], ["a={} 1"]),
    "an object that became empty": (["a: {b: 1}", "a: {}"], ["a={} 2"]),
    "a short list is one value": (["stop: [x, y]\na: 1", "stop: [x, y]\na: 2"], ["stop=['x', 'y'] 1", "a=2 2"]),
    "a short list that changed": (["stop: [x, y]", "stop: [x, y, z]"], ["stop=['x', 'y', 'z'] 2"]),
    "an item by its name": (
        ["tools: [{name: search, max: 3}]", "tools: [{name: mail, max: 1}, {name: search, max: 3}]"],
        ["tools[mail].name=mail 2", "tools[mail].max=1 2", "tools[search].name=search 1", "tools[search].max=3 1"],
    ),
    "items in another order": (
        ["t: [{name: p, v: 1}, {name: q, v: 2}]", "t: [{name: q, v: 2}, {name: p, v: 9}]"],
        ["t[q].name=q 1", "t[q].v=2 1", "t[p].name=p 1", "t[p].v=9 2"],
    ),
    "items without a name, one before them": (
        ["r: [{to: eu}, {to: us}]", "r: [{to: asia}, {to: eu}, {to: us}]"],
        ["r[0].to=asia 2", "r[1].to=eu 1", "r[2].to=us 1"],
    ),
    "items without a name, one less": (["r: [{to: eu}, {to: us}]", "r: [{to: us}]"], ["r[0].to=us 1"]),
    "a list that became plain and was not": (
        ["a: [{b: 1}, {b: 2}]", "a: [1, 2]", "a: [1, 2]", "a: [1, 2, {b: 1}]"],
        ["a[0]=1 2", "a[1]=2 2", "a[2].b=1 4"],
    ),
    "a whole file that is one value": (["1", "2"], ["=2 2"]),
}


@pytest.mark.parametrize("case", CASES)
def test_golden_cases(case: str) -> None:
    texts, expected = CASES[case]
    assert blamed(*texts) == expected


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        ("a.json", '{"a": 1, "b": 2}', '{"a": 1, "b": 3}', ["a=1 1", "b=3 2"]),
        ("a.toml", "[a]\nb = 1\nc = 2", "[a]\nb = 1\nc = 3", ["a.b=1 1", "a.c=3 2"]),
        (".env", "A=1\nB=2", "A=1\nB=3", ["A=1 1", "B=3 2"]),
        ("a.ini", "[a]\nb = 1\nc = 2", "[a]\nb = 1\nc = 3", ["a.b=1 1", "a.c=3 2"]),
    ],
)
def test_every_format_of_configs(path: str, old: str, new: str, expected: list[str]) -> None:
    assert blamed(old, new, path=path) == expected


SCALARS: st.SearchStrategy[Json] = st.one_of(st.none(), st.booleans(), st.integers(-2, 2), st.sampled_from([0.5, 1.0, math.nan, "x", "1"]))
PLAIN: st.SearchStrategy[Json] = st.recursive(
    SCALARS, lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=10
)


def leaves(tree: Json, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from leaves(value, (*path, key))
    else:
        yield path, f"{type(tree).__name__} {tree}"


@given(st.lists(PLAIN, min_size=1, max_size=6))
def test_a_value_is_of_the_last_version_in_which_it_changed_or_appeared(trees: list[Json]) -> None:
    model: dict[tuple[str, ...], tuple[str, int]] = {}
    for version, tree in enumerate(trees, start=1):
        before = model
        model = {path: before[path] if before.get(path, ("", 0))[0] == value else (value, version) for path, value in leaves(tree)}

    assert {key.steps: origin for key, origin in traced_keys(traced(*trees))} == {path: origin for path, (_, origin) in model.items()}


NAMED: st.SearchStrategy[Json] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        st.lists(
            st.fixed_dictionaries({"name": st.sampled_from("pqrst"), "v": inner}), max_size=4, unique_by=lambda item: str(item["name"])
        ),
    ),
    max_leaves=12,
)


@given(NAMED, NAMED)
def test_what_is_new_is_what_the_comparison_calls_changed_or_added(old: Json, new: Json) -> None:
    changes = [one.steps for one in compare_trees("a.yaml", old, new, Effort()) if one.change in {Edit.CHANGED, Edit.ADDED}]
    for key, origin in traced_keys(traced(old, new)):
        if isinstance(key.value, dict | list) and not key.value:
            continue  # what became empty has nothing in it that changed: its items went
        assert (origin == 2) == any(key.steps[: len(steps)] == steps for steps in changes), key


@given(st.lists(NAMED, min_size=1, max_size=5))
def test_every_value_is_told_once_and_no_version_is_made_up(trees: list[Json]) -> None:
    found = list(traced_keys(traced(*trees)))
    assert len({key.steps for key, _ in found}) == len(found)
    assert {origin for _, origin in found} <= set(range(1, len(trees) + 1))
    assert [key.value for key, _ in found if isinstance(key.value, dict) and key.value] == []


def test_of_two_versions_that_one_follows_the_first_that_has_a_value_gives_its_origin() -> None:
    base = trace_tree([], {"a": 1, "b": {"c": 1}, "l": [{"x": 1}]}, 1)
    left = trace_tree([base], {"a": 2, "b": {"c": 1}, "l": [{"x": 1}]}, 2)
    right = trace_tree([base], {"a": 1, "b": {"c": 3}, "l": [{"x": 2}]}, 3)
    both = trace_tree([left, right], {"a": 2, "b": {"c": 3}, "l": [{"x": 2}], "d": 4}, 4)

    assert [(key.key, origin) for key, origin in traced_keys(both)] == [("a", 2), ("b.c", 3), ("l[0].x", 3), ("d", 4)]


@pytest.mark.parametrize("data", [b"a: [", b"a: 1\na: 2", b"\xff", b"{" * 300])
def test_what_is_no_config_says_why(data: bytes) -> None:
    kept = Kept()
    with pytest.raises(Untraceable, match="is not valid YAML"):
        KeyTracer("config/a.yaml", kept).trace([], kept.keep(data), 1)
