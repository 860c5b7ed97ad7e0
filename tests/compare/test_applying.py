"""Configs of every format: what `--json` says of a change, applied to the old file's values, gives the new one's."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lastgood.canonical import Json
from lastgood.formats.configs import read_config
from lastgood.model.component import Kind
from tests.compare.applying import apply_changes, changes_in_json
from tests.compare.sides import compare_one

TEXTS = st.sampled_from(["", "a", "eu", "what to look for, in the documents of the desk", "yes", "1"])
SCALARS = st.one_of(st.booleans(), st.integers(-3, 100), st.sampled_from([0.1, 0.5, 0.9, 2.0]), TEXTS)
NAMES = st.sampled_from(["search", "refund", "lookup", "eu", "us"])
KEYS = st.sampled_from(["temperature", "model", "retry", "a.b", "limit", "", "max_tokens", "note"])


def _objects(required: Mapping[str, st.SearchStrategy[Json]], optional: Mapping[str, st.SearchStrategy[Json]]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(dict(required), optional=dict(optional))


PARAMETERS = _objects({}, {"type": st.sampled_from(["string", "integer"]), "description": TEXTS, "enum": st.lists(TEXTS, max_size=3)})
SCHEMAS = _objects(
    {"type": st.just("object")},
    {"properties": st.dictionaries(NAMES, PARAMETERS, max_size=3), "required": st.lists(NAMES, max_size=2, unique=True)},
)
OPENAI = _objects({"type": st.just("function"), "function": _objects({"name": NAMES}, {"description": TEXTS, "parameters": SCHEMAS})}, {})
ANTHROPIC = _objects({"name": NAMES, "input_schema": SCHEMAS}, {"description": TEXTS, "cache": st.booleans()})
BEDROCK = _objects({"toolSpec": _objects({"name": NAMES, "inputSchema": _objects({"json": SCHEMAS}, {})}, {"description": TEXTS})}, {})
GEMINI = _objects({"functionDeclarations": st.lists(_objects({"name": NAMES, "parameters": SCHEMAS}, {}), max_size=3)}, {})
TOOLS = st.one_of(*(st.lists(one, max_size=4) for one in (OPENAI, ANTHROPIC, BEDROCK, GEMINI, st.one_of(OPENAI, ANTHROPIC))))
ROUTES = st.one_of(
    st.lists(_objects({"name": NAMES, "weight": st.integers(0, 9)}, {"model": TEXTS}), max_size=4, unique_by=str),
    st.lists(_objects({"name": NAMES}, {"weight": st.integers(0, 9), "model": TEXTS}), max_size=4),
    st.lists(_objects({"when": TEXTS, "to": NAMES}, {"weight": st.integers(0, 9)}), max_size=4),
    st.dictionaries(NAMES, st.integers(0, 100), max_size=3),
)
OTHERS: st.SearchStrategy[Json] = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)), max_leaves=12
)
CONFIGS = st.fixed_dictionaries(
    {}, optional={"tools": TOOLS, "routes": ROUTES, "weights": ROUTES, "sampling": OTHERS, "model": TEXTS, "other": OTHERS}
)


def _toml(value: Json) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str):
        return json.dumps(value)
    return "[" + ", ".join(map(_toml, value)) + "]" if isinstance(value, Sequence) else json.dumps(value)


WRITERS: dict[str, Callable[[Mapping[str, Json]], str]] = {
    "a.json": json.dumps,
    "a.yaml": lambda tree: yaml.safe_dump(tree, allow_unicode=True),
    "a.toml": lambda tree: "".join(f"{json.dumps(key)} = {_toml(value)}\n" for key, value in tree.items()),
}


@pytest.mark.parametrize("path", WRITERS)
@settings(max_examples=150)
@given(old=CONFIGS, new=CONFIGS)
def test_the_structured_changes_applied_to_the_old_values_give_the_new_ones(
    path: str, old: Mapping[str, Json], new: Mapping[str, Json]
) -> None:
    files = [WRITERS[path](tree) for tree in (old, new)]
    trees = [read_config(path, file.encode()) for file in files]
    if files[0] == files[1]:
        return
    change = compare_one(Kind.CONFIG, path, files[0], files[1])
    found = changes_in_json(json.loads(json.dumps(change.to_json())))
    assert exactly(apply_changes(trees[0], found)) == exactly(trees[1])
    assert change.summary.isprintable()
    assert all(list(detail.shown()) for detail in change.details)


def exactly(value: Json) -> object:
    """Return a form in which numbers of two types differ, and the order of keys does not count."""
    if isinstance(value, Mapping):
        return {key: exactly(item) for key, item in value.items()}
    if isinstance(value, str):
        return ("text", str(value))
    return [exactly(item) for item in value] if isinstance(value, Sequence) else (type(value).__name__, value)
