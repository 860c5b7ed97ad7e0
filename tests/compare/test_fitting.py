"""What others rely on and a change takes away: variables, tools, keys, files, components."""

from __future__ import annotations

import json

from lastgood.compare.change import Change, ComponentChange, Edit, FileChange
from lastgood.compare.fitting import misfits
from lastgood.compare.text_change import TextChange
from lastgood.ids import ComponentName, FileDigest
from lastgood.model.component import Kind
from lastgood.model.listing import FileEntry, Mode
from tests.compare.sides import compare_files_of


def words(kind: Kind, old: dict[str, str], new: dict[str, str]) -> list[tuple[str, str, bool]]:
    return [(one.what, one.name, one.is_gone) for one in misfits([compare_files_of(kind, old, new)])]


def test_a_variable_that_goes_and_one_that_comes() -> None:
    found = misfits([compare_files_of(Kind.PROMPT, {"p.md": "Be {tone}.\n"}, {"p.md": "Be as {persona} is.\n"})])
    assert [(one.what, one.name, one.is_gone) for one in found] == [("variable", "{tone}", True), ("variable", "{persona}", False)]
    assert found[0].words == "variable {tone} is gone from p.md; whoever passes it passes it in vain"
    assert found[1].to_json()["gone"] is False


def test_a_variable_that_moves_within_the_component_stays() -> None:
    assert words(Kind.PROMPT, {"a.md": "{tone} a\n", "b.md": "b\n"}, {"a.md": "a\n", "b.md": "{tone} b\n"}) == []


def test_a_tool_that_goes() -> None:
    old = "tools:\n- name: search\n  max: 3\n- name: refund\n  max: 1\n"
    assert words(Kind.CONFIG, {"t.yaml": old}, {"t.yaml": "tools:\n- name: search\n  max: 3\n"}) == [("tool", "refund", True)]
    mapped = '{"tools": {"search": {}, "refund": {}}}'
    assert words(Kind.CONFIG, {"t.json": mapped}, {"t.json": '{"tools": {"search": {}}}'}) == [("tool", "refund", True)]


def test_a_variable_that_was_renamed_is_one_that_goes_and_one_that_comes() -> None:
    found = misfits([compare_files_of(Kind.PROMPT, {"p.md": "Be {tone}.\n"}, {"p.md": "Be {manner}.\n"})])
    assert [(one.what, one.name, one.is_gone) for one in found] == [("variable", "{tone}", True), ("variable", "{manner}", False)]
    assert found[0].words == "variable {tone} is called {manner} in p.md now; whoever passes it passes it in vain"


def test_variables_of_messages_and_of_values_count() -> None:
    chat = "messages:\n- role: user\n  content: 'Hello {name}'\nother:\n  text: 'In {tone}'\n"
    gone = [("variable", "{name}", True), ("variable", "{tone}", True), ("key", "other", True)]
    assert words(Kind.PROMPT, {"p.yaml": chat}, {"p.yaml": "messages:\n- role: user\n  content: Hello you\n"}) == gone


def tool(name: str, parameter: str, *required: str) -> dict[str, object]:
    properties = {"q": {"type": "string"}, parameter: {"type": "integer"}}
    return {"name": name, "input_schema": {"properties": properties, "required": list(required)}}


def test_tools_and_parameters_that_go_or_have_to_be_given() -> None:
    old = json.dumps({"tools": [tool("search", "max"), tool("refund", "sum")]})
    new = json.dumps({"tools": [tool("search", "most", "q")]})
    found = misfits([compare_files_of(Kind.CONFIG, {"t.json": old}, {"t.json": new})])
    assert [(one.what, one.name, one.is_gone) for one in found] == [
        ("parameter", "search.max", True),
        ("parameter", "search.q", False),
        ("tool", "refund", True),
    ]
    assert found[0].words == "parameter max of tool search is gone from t.json; whoever answers its calls gets none"
    assert found[1].words == "parameter q of tool search is required in t.json; a call without it is refused"


def test_a_route_that_goes() -> None:
    routes = {"r.yaml": "routes:\n- {name: eu, weight: 1}\n- {name: us, weight: 1}\n"}
    assert words(Kind.CONFIG, routes, {"r.yaml": "routes:\n- {name: us, weight: 1}\n"}) == [("key", "routes[eu]", True)]


def test_a_key_that_goes_and_one_that_only_changes() -> None:
    old = "sampling:\n  temperature: 0.2\n  top_p: 0.9\n"
    assert words(Kind.CONFIG, {"r.yaml": old}, {"r.yaml": "sampling:\n  temperature: 0.7\n"}) == [("key", "sampling.top_p", True)]


def test_a_file_and_a_component_that_go() -> None:
    assert words(Kind.PROMPT, {"a.md": "a\n", "b.md": "b\n"}, {"a.md": "a\n"}) == [("file", "b.md", True)]
    gone = ComponentChange(ComponentName("llm"), Kind.HOSTED, Change.REMOVED, "removed", (), 0)
    assert [one.words for one in misfits([gone])] == ["the component llm is gone"]


def test_what_is_no_matter_of_callers_is_passed_over() -> None:
    assert words(Kind.CODE, {"a.py": "a\n", "b.py": "b\n"}, {"a.py": "a\n"}) == []
    entry = FileEntry("a.md", Mode.FILE, FileDigest.of(b""), 0)
    added = ComponentChange(ComponentName("p"), Kind.PROMPT, Change.ADDED, "added", (FileChange(Edit.ADDED, None, entry),), 0)
    assert misfits([added]) == []


def test_what_is_said_is_safe_to_print() -> None:
    text = TextChange("a\x1b[31m.md", (), 0, 1, (), ("{x}",), (), cosmetic=False)
    change = ComponentChange(ComponentName("p"), Kind.PROMPT, Change.CHANGED, "", (text,), 0)
    assert "\x1b" not in misfits([change])[0].words
