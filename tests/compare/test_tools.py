"""Tools: what a person reads when a definition changed, whichever provider it is written for, and whether calls break."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest

from lastgood.canonical import canonical_json
from lastgood.compare.change import KeyChange
from lastgood.compare.tool_changes import ToolChange
from lastgood.compare.tools import find_tools
from lastgood.model.component import Kind
from tests.compare.sides import compare_one, marked

Schema = dict[str, Any]

SCHEMA: Schema = {
    "type": "object",
    "properties": {
        "q": {"type": "string", "description": "What to look for."},
        "limit": {"type": "integer", "maximum": 10},
        "unit": {"enum": ["day", "week"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "filter": {"type": "object", "properties": {"since": {"type": "string"}}, "required": ["since"]},
    },
    "required": ["q"],
}
FORMS: dict[str, Callable[[str, Schema], Any]] = {
    "OpenAI": lambda text, schema: {
        "tools": [{"type": "function", "function": {"name": "search", "description": text, "parameters": schema}}]
    },
    "OpenAI Responses": lambda text, schema: {"tools": [{"type": "function", "name": "search", "description": text, "parameters": schema}]},
    "OpenAI functions": lambda text, schema: {"functions": [{"name": "search", "description": text, "parameters": schema}]},
    "Anthropic": lambda text, schema: {"tools": [{"name": "search", "description": text, "input_schema": schema}]},
    "Gemini": lambda text, schema: {"tools": [{"functionDeclarations": [{"name": "search", "description": text, "parameters": schema}]}]},
    "MCP": lambda text, schema: [{"name": "search", "description": text, "inputSchema": schema}],
    "Bedrock": lambda text, schema: {
        "toolConfig": {"tools": [{"toolSpec": {"name": "search", "description": text, "inputSchema": {"json": schema}}}]}
    },
    "by name": lambda text, schema: {"agents": {"desk": {"tools": {"search": {"description": text, "parameters": schema}}}}},
}


def edited(edit: Callable[[Schema], object]) -> Schema:
    schema = deepcopy(SCHEMA)
    edit(schema)
    return schema


def said(old: object, new: object) -> str:
    return compare_one(Kind.CONFIG, "config/tools.json", json.dumps(old), json.dumps(new)).summary.removeprefix("tools.json: ")


@pytest.mark.parametrize("form", FORMS)
def test_tools_of_every_form_are_known_and_compared_alike(form: str) -> None:
    def limit(schema: Schema) -> None:
        schema["required"].append("limit")

    old, new = FORMS[form]("Find.", SCHEMA), FORMS[form]("Find it.", edited(limit))
    assert [(tool.name, tool.description, tool.form) for tool in find_tools(old).every] == [("search", "Find.", form)]
    assert said(old, new) == 'tool search: parameter limit is now required (breaking), description changed: "Find." → "Find it."'


@dataclass(frozen=True)
class Case:
    name: str
    edit: Callable[[Schema], object]
    words: str


CASES = (
    Case("parameter removed", lambda one: one["properties"].pop("limit"), "parameter limit removed (breaking)"),
    Case(
        "parameter renamed",
        lambda one: one["properties"].update(most=one["properties"].pop("limit")),
        "parameter limit renamed to most (breaking)",
    ),
    Case("optional parameter added", lambda one: one["properties"].update(page={"type": "integer"}), "parameter page added, optional"),
    Case(
        "required parameter added",
        lambda one: (one["properties"].update(page={"type": "integer"}), one["required"].append("page")),
        "parameter page added, required (breaking)",
    ),
    Case("became required", lambda one: one["required"].append("unit"), "parameter unit is now required (breaking)"),
    Case("no longer required", lambda one: one.pop("required"), "parameter q is no longer required"),
    Case("another type", lambda one: one["properties"]["limit"].update(type="string"), "parameter limit: type integer → string (breaking)"),
    Case("a wider type", lambda one: one["properties"]["limit"].update(type="number"), "parameter limit: type integer → number"),
    Case("null allowed", lambda one: one["properties"]["q"].update(type=["string", "null"]), "parameter q: type string → string or null"),
    Case(
        "null allowed, in Gemini's way",
        lambda one: one["properties"]["q"].update(nullable=True),
        "parameter q: type string → string or null",
    ),
    Case(
        "enum values",
        lambda one: one["properties"]["unit"].update(enum=["day", "year"]),
        'parameter unit: value "week" removed (breaking), parameter unit: value "year" added',
    ),
    Case("enum value added", lambda one: one["properties"]["unit"]["enum"].append("year"), 'parameter unit: value "year" added'),
    Case("enum added", lambda one: one["properties"]["q"].update(enum=["a"]), 'parameter q: limited to ["a"] (breaking)'),
    Case("enum removed", lambda one: one["properties"]["unit"].pop("enum"), 'parameter unit: no longer limited to ["day", "week"]'),
    Case(
        "parameter's description",
        lambda one: one["properties"]["q"].update(description="What to look for, in English."),
        'parameter q: description changed: "What to look for." → "What to look for, in English."',
    ),
    Case("parameter's description removed", lambda one: one["properties"]["q"].pop("description"), "parameter q: description removed"),
    Case(
        "items of a list",
        lambda one: one["properties"]["tags"]["items"].update(type="integer"),
        "parameter tags[]: type string → integer (breaking)",
    ),
    Case(
        "parameter within a parameter",
        lambda one: one["properties"]["filter"].update(required=[]),
        "parameter filter.since is no longer required",
    ),
    Case("a lower maximum", lambda one: one["properties"]["limit"].update(maximum=5), "parameter limit: maximum 10 → 5 (breaking)"),
    Case("a higher maximum", lambda one: one["properties"]["limit"].update(maximum=50), "parameter limit: maximum 10 → 50"),
    Case("a default", lambda one: one["properties"]["limit"].update(default=3), "parameter limit: default 3 added"),
    Case("a pattern", lambda one: one["properties"]["q"].update(pattern="^a"), 'parameter q: pattern "^a" added (breaking)'),
    Case("nothing else allowed", lambda one: one.update(additionalProperties=False), "additionalProperties false added (breaking)"),
    Case(
        "what cannot be told",
        lambda one: one["properties"].update(q={"anyOf": [{"type": "string"}]}),
        'parameter q: anyOf [{"type": "string"}] added (breaking), parameter q: type string → any, parameter q: description removed',
    ),
    Case(
        "what breaks comes first, and much is counted",
        lambda one: one.update(properties={"z": {}}, required=["z"]),
        "parameter q removed (breaking), parameter limit removed (breaking), parameter unit removed (breaking) and 3 more",
    ),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden(case: Case) -> None:
    old, new = FORMS["Anthropic"]("Find.", SCHEMA), FORMS["Anthropic"]("Find.", edited(case.edit))
    change = compare_one(Kind.CONFIG, "tools.json", json.dumps(old), json.dumps(new))
    (detail,) = change.details
    assert isinstance(detail, ToolChange)
    assert change.summary.startswith(f"tools.json: tool search: {case.words}")
    assert detail.breaking == ("(breaking)" in change.summary)
    assert detail.keys
    canonical_json(detail.to_json())
    assert list(detail.shown())


SEARCH, REFUND = (
    {"name": name, "description": text, "input_schema": SCHEMA} for name, text in (("search", "Find."), ("refund", "Pay back."))
)
NO_SCHEMA: dict[str, Any] = {"name": "search", "max": 1}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ([SEARCH], [SEARCH, REFUND], "tool refund added"),
        ([SEARCH, REFUND], [SEARCH], "tool refund removed (breaking)"),
        ([SEARCH], [{**SEARCH, "name": "lookup"}], "tool search renamed to lookup (breaking)"),
        ([SEARCH, REFUND], None, "tool search removed (breaking); tool refund removed (breaking)"),
        ([SEARCH, REFUND], [REFUND, SEARCH], 'tools reordered: ["search", "refund"] → ["refund", "search"]'),
        ([SEARCH], FORMS["OpenAI"]("Find.", SCHEMA)["tools"], "tool search: written for Anthropic → OpenAI"),
        ([SEARCH], [{**SEARCH, "cache_control": "on"}], 'tools[search].cache_control added: "on"'),
        ([NO_SCHEMA], [{**NO_SCHEMA, "max": 2}], "tools[search].max: 1 → 2"),
        ([{"type": "function", "name": 7}], [{"type": "function", "name": 8}], "tools[name=7] removed"),
        ([{"name": "a\x1b[2J", "input_schema": {}}], [], "tool a\\x1b[2J removed (breaking)"),
        ([{**SEARCH, "input_schema": {"properties": 3, "required": "q"}}], [SEARCH], "tool search added"),
    ],
)  # fmt: skip
def test_tools_that_came_went_or_were_renamed(old: object, new: object, words: str) -> None:
    tail = {} if new is None else {"tools": new}
    assert said({"tools": old}, tail).startswith(words)


def test_a_tool_is_found_again_in_another_file_place() -> None:
    old, new = {"a": {"tools": [SEARCH]}}, {"b": {"tools": [{**SEARCH, "description": "Find it."}]}}
    assert said(old, new) == 'tool search: description changed: "Find." → "Find it."'


def test_sampling_comes_before_tools_and_tools_that_break_before_others() -> None:
    old = {"x": 1, "temperature": 0.1, "tools": [SEARCH, {**REFUND}]}
    new = {"x": 2, "temperature": 0.3, "tools": [{**SEARCH, "description": "Find it."}]}
    assert said(old, new) == (
        "temperature: 0.1 → 0.3 (sampling); tool refund removed (breaking); "
        'tool search: description changed: "Find." → "Find it."; x: 1 → 2'
    )


def test_a_description_is_shown_word_by_word() -> None:
    old, new = FORMS["MCP"]("Find in the docs.", SCHEMA), FORMS["MCP"]("Find in the public docs.", SCHEMA)
    (detail,) = compare_one(Kind.CONFIG, "tools.json", json.dumps(old), json.dumps(new)).details
    assert isinstance(detail, ToolChange)
    assert marked(detail.points[0].segments) == "Find in the {+public +}docs."


def test_what_a_tool_does_not_explain_stays_a_key() -> None:
    old, new = {"tools": [SEARCH]}, {"tools": [{**SEARCH, "description": "Find it.", "strict": True}]}
    details = compare_one(Kind.CONFIG, "tools.json", json.dumps(old), json.dumps(new)).details
    assert [type(detail) for detail in details] == [ToolChange, KeyChange]
