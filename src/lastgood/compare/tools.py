"""Tool definitions, found at any place in a config and read into one form, whichever provider they are written for.

    form                what it looks like
    OpenAI              {"type": "function", "function": {"name", "description", "parameters"}}
    OpenAI Responses    {"type": "function", "name", "description", "parameters"}
    Anthropic           {"name", "description", "input_schema"}
    Gemini              {"functionDeclarations": [{"name", "description", "parameters"}]}
    MCP                 {"name", "description", "inputSchema"}
    Bedrock             {"toolSpec": {"name", "description", "inputSchema": {"json": …}}}
    by name             {"tools": {"search": {"description", "parameters"}}}

Rules: what has neither a JSON Schema nor the mark of a form is no tool, so that a list of anything that is called `tools`
stays a list. Nothing is checked against the schemas.

    >>> tools = find_tools({"tools": [{"name": "search", "input_schema": {"type": "object"}}]})
    >>> [(tool.name, tool.form) for tool in tools.every]
    [('search', 'Anthropic')]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lastgood.canonical import Json

WRAPPERS = frozenset({"function", "toolSpec", "tool_spec"})
"""The keys that some forms put around a tool."""

SCHEMAS = ("parameters", "parametersJsonSchema", "parameters_json_schema", "input_schema", "inputSchema")
"""The keys under which a tool has the schema of its arguments."""

_HOLDERS = frozenset({"tools", "functions"})
_DECLARATIONS = frozenset({"functionDeclarations", "function_declarations"})

Schema = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: its name, what the model is told of it, the schema of its arguments, its form, and what holds it."""

    name: str
    description: str | None
    schema: Schema
    form: str
    holder: str = ""


@dataclass(frozen=True, slots=True)
class Tools:
    """The tools of a tree, in order; by the identity of the objects that they are, and what these lie in."""

    every: list[Tool] = field(default_factory=list)
    by_node: dict[int, Tool] = field(default_factory=dict)
    around: set[int] = field(default_factory=set)


def find_tools(tree: Json) -> Tools:
    """Find the tools of a tree, which must be kept alive as long as the answer is used."""
    found = Tools()
    for node, tool, ancestors in _walk(tree, (), ()):
        if id(node) not in found.by_node:
            found.every.append(tool)
        found.by_node[id(node)] = tool
        found.around.update(ancestors)
    return found


def _walk(node: Json, keys: tuple[str, ...], ancestors: tuple[int, ...]) -> Iterator[tuple[Json, Tool, tuple[int, ...]]]:
    if isinstance(node, dict):
        tool = _read_tool(node, keys)
        if tool is not None:
            yield node, tool, ancestors
            return
        for key, value in node.items():
            if isinstance(value, dict | list):
                yield from _walk(value, (*keys, key), (*ancestors, id(node)))
    elif isinstance(node, list):
        for item in node:
            if isinstance(item, dict | list):
                yield from _walk(item, (*keys, ""), (*ancestors, id(node)))


def _read_tool(node: Mapping[str, Json], keys: tuple[str, ...]) -> Tool | None:
    holder = ".".join(key for key in keys if key)
    spec = next((value for key in ("toolSpec", "tool_spec") if isinstance(value := node.get(key), dict)), None)
    if spec is not None:
        return _named(spec, "Bedrock", holder)
    function = node.get("function")
    if isinstance(function, dict) and (node.get("type") == "function" or _schema_of(function) is not None):
        return _named(function, "OpenAI", holder)
    if node.get("type") == "function":
        return _named(node, "OpenAI Responses", holder)
    schema = _schema_of(node)
    if schema is None:
        return None
    if isinstance(node.get("name"), str):
        return _named(node, _form_of(node, keys), holder)
    if len(keys) > 1 and keys[-2] in _HOLDERS and keys[-1]:
        return Tool(keys[-1], _text(node.get("description")), schema, "by name", ".".join(key for key in keys[:-1] if key))
    return None


def _named(node: Mapping[str, Json], form: str, holder: str) -> Tool | None:
    name = node.get("name")
    if not isinstance(name, str):
        return None
    return Tool(str(name), _text(node.get("description")), _schema_of(node) or {}, form, holder)


def _form_of(node: Mapping[str, Json], keys: tuple[str, ...]) -> str:
    if "input_schema" in node:
        return "Anthropic"
    if "inputSchema" in node:
        return "MCP"
    return "Gemini" if _DECLARATIONS.intersection(keys[-2:]) else "OpenAI functions"


def _schema_of(node: Mapping[str, Json]) -> Schema | None:
    schema = next((value for key in SCHEMAS if isinstance(value := node.get(key), dict)), None)
    if schema is None:
        return None
    inner = schema.get("json")
    if isinstance(inner, dict) and "type" not in schema:
        schema = inner
    kind = schema.get("type")
    is_object = isinstance(kind, str) and kind.lower() == "object"
    marked = is_object or isinstance(schema.get("properties"), dict) or isinstance(schema.get("required"), list)
    # Some forms have a key of their own for it, so an empty schema is one as well.
    return schema if marked or (not schema and ("input_schema" in node or "inputSchema" in node)) else None


def _text(value: Json) -> str | None:
    return str(value) if isinstance(value, str) else None
