"""How the schema of a tool's arguments changed, and whether that breaks a call that was right before.

The rule: *breaking* is what makes a call wrong that was right before, or leaves what it passed unread. Whatever else
changed is not breaking, but the model reads it, so it may move behavior.

    breaking                                            not breaking
    a tool or a parameter removed, or renamed           a tool, or an optional parameter, added
    a required parameter added, or one became required  one is no longer required
    a type, a range or a length narrowed                widened
    a value of an enum removed, an enum added           a value added, an enum removed
    additional properties forbidden                     allowed
    what cannot be told: anyOf, $ref, pattern …         a description, a title, a default, an example

    >>> old, new = {"properties": {"q": {"type": "string"}}}, {"properties": {"q": {"type": "string"}}, "required": ["q"]}
    >>> [(point.parameter, point.what, point.breaking) for point in compare_schemas(old, new, Effort())]
    [('q', 'required', True)]
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lastgood.canonical import Json, JsonObject
from lastgood.compare.alignment import Effort
from lastgood.compare.text_change import Segment
from lastgood.compare.tools import Schema
from lastgood.compare.wording import as_json, printable, show_value
from lastgood.compare.words import compare_words

_TOLD_APART = frozenset({"properties", "required", "type", "description", "enum", "nullable", "items"})
_HARMLESS = frozenset({"default", "example", "examples", "title", "deprecated", "$comment", "propertyOrdering", "property_ordering"})
_UPPER = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})
_LOWER = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_MISSING = object()
_MOST_COMPARED = 2_500


@dataclass(frozen=True, slots=True)
class ToolPoint:
    """One thing that changed in a tool.

    Attributes:
        parameter: the way to the parameter: `filter.max`, `tags[]`; empty where it is of the tool itself.
        what: `added`, `removed`, `renamed`, `required`, `optional`, `type`, `enum`, `description`, `form`, or a keyword of the
            schema, such as `maximum`.
        old: its old value, null where there is none.
        new: its new value.
        breaking: whether a call that was right before is wrong now.
        words: the change on one line, safe to print.
        segments: the words of a description, equal, removed and added.
    """

    parameter: str
    what: str
    old: Json
    new: Json
    breaking: bool
    words: str
    segments: tuple[Segment, ...] = ()

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "parameter": self.parameter or None,
            "what": self.what,
            "old": as_json(self.old),
            "new": as_json(self.new),
            "breaking": self.breaking,
            "words": self.words,
            "segments": [segment.to_json() for segment in self.segments],
        }


def compare_schemas(old: Schema, new: Schema, effort: Effort) -> list[ToolPoint]:
    """Compare the schemas of a tool's arguments."""
    return list(_Comparison(effort).within("", old, new))


def describe(parameter: str, old: Json, new: Json, effort: Effort) -> Iterator[ToolPoint]:
    """Yield how a description changed, if it did."""
    if old == new:
        return
    segments: tuple[Segment, ...] = ()
    verb = "added" if old is None else "removed" if new is None else "changed"
    if isinstance(old, str) and isinstance(new, str):
        segments = compare_words(old, new, effort)
    yield ToolPoint(parameter, "description", old, new, breaking=False, words=f"{_said(parameter)}description {verb}", segments=segments)


def _said(parameter: str) -> str:
    return f"parameter {printable(parameter[:100])}: " if parameter else ""


class _Comparison:
    def __init__(self, effort: Effort) -> None:
        self._effort = effort

    def within(self, name: str, old: Schema, new: Schema) -> Iterator[ToolPoint]:
        """Yield what changed of one schema, and of those within it."""
        if old == new:
            return
        yield from self._parameters(name, old, new)
        yield from _types(name, old, new)
        yield from _enums(name, old.get("enum"), new.get("enum"))
        if name:
            yield from describe(name, old.get("description"), new.get("description"), self._effort)
        items = old.get("items"), new.get("items")
        if isinstance(items[0], dict) and isinstance(items[1], dict):
            yield from self.within(f"{name}[]", items[0], items[1])
        others = dict.fromkeys([*old, *new])
        for key in others:
            if (key not in _TOLD_APART or (key == "items" and not all(isinstance(item, dict) for item in items))) and (
                old.get(key, _MISSING) != new.get(key, _MISSING)
            ):
                yield _keyword(name, key, old, new)

    def _parameters(self, name: str, old: Schema, new: Schema) -> Iterator[ToolPoint]:
        before, after = _properties(old), _properties(new)
        needed_before, needed_after = _required(old), _required(new)
        gone = [key for key in before if key not in after]
        come = [key for key in after if key not in before]
        few = len(gone) * len(come) <= _MOST_COMPARED
        for key in gone:
            same = next((one for one in come if after[one] == before[key] and before[key]), None) if few else None
            if same is not None:
                come.remove(same)
                words = f"parameter {_way(name, key)} renamed to {_way(name, same)}"
                yield ToolPoint(_join(name, key), "renamed", _join(name, key), _join(name, same), breaking=True, words=words)
            else:
                yield ToolPoint(_join(name, key), "removed", before[key], None, breaking=True, words=f"parameter {_way(name, key)} removed")
        for key in come:
            required = key in needed_after
            words = f"parameter {_way(name, key)} added, {'required' if required else 'optional'}"
            yield ToolPoint(_join(name, key), "added", None, after[key], breaking=required, words=words)
        for key in dict.fromkeys([*needed_before, *needed_after]):
            if (key in needed_before) != (key in needed_after) and (key in before) == (key in after):
                required = key in needed_after
                words = f"parameter {_way(name, key)} is {'now' if required else 'no longer'} required"
                what = "required" if required else "optional"
                yield ToolPoint(_join(name, key), what, not required, required, breaking=required, words=words)
        for key, schema in before.items():
            other = after.get(key)
            if isinstance(schema, dict) and isinstance(other, dict):
                yield from self.within(_join(name, key), schema, other)
            elif key in after and schema != other:
                words = f"{_said(_join(name, key))}{show_value(schema)} → {show_value(other)}"
                yield ToolPoint(_join(name, key), "type", schema, other, breaking=True, words=words)


def _properties(schema: Schema) -> Mapping[str, Json]:
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}


def _required(schema: Schema) -> dict[str, None]:
    found = schema.get("required")
    return {key: None for key in found if isinstance(key, str)} if isinstance(found, list) else {}


def _join(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key


def _way(name: str, key: str) -> str:
    return printable(_join(name, key)[:100])


def _types(name: str, old: Schema, new: Schema) -> Iterator[ToolPoint]:
    before, after = _types_of(old), _types_of(new)
    if before == after:
        return
    wider = not after or (bool(before) and all(one in after or (one == "integer" and "number" in after) for one in before))
    said = [" or ".join(sorted(one, key=lambda kind: (kind == "null", kind))) or "any" for one in (before, after)]
    words = f"{_said(name)}type {said[0]} → {said[1]}"
    yield ToolPoint(name, "type", old.get("type"), new.get("type"), breaking=not wider, words=printable(words))


def _types_of(schema: Schema) -> frozenset[str]:
    kind = schema.get("type")
    kinds = [kind] if isinstance(kind, str) else kind if isinstance(kind, list) else []
    found = {str(one).lower() for one in kinds}
    return frozenset(found | {"null"} if found and schema.get("nullable") is True else found)


def _enums(name: str, old: Json, new: Json) -> Iterator[ToolPoint]:
    if old == new:
        return
    if not isinstance(old, list) or not isinstance(new, list):
        limited = isinstance(new, list)
        words = f"{_said(name)}{'limited to' if limited else 'no longer limited to'} {show_value(new if limited else old)}"
        yield ToolPoint(name, "enum", old, new, breaking=limited, words=words)
        return
    before, after = ({json.dumps(one, sort_keys=True): one for one in values} for values in (old, new))
    gone, come = [before[one] for one in before if one not in after], [after[one] for one in after if one not in before]
    for values, verb in ((gone, "removed"), (come, "added")):
        if values:
            said = ", ".join(show_value(one) for one in values[:5]) + (" …" if len(values) > 5 else "")  # noqa: PLR2004 - as many as read well
            words = f"{_said(name)}value{'s' if len(values) > 1 else ''} {said} {verb}"
            yield ToolPoint(name, "enum", old, new, breaking=verb == "removed", words=words)
    if not gone and not come:
        yield ToolPoint(name, "enum", old, new, breaking=False, words=f"{_said(name)}values in another order")


def _keyword(name: str, key: str, old: Schema, new: Schema) -> ToolPoint:
    before, after = old.get(key), new.get(key)
    if key not in old:
        words = f"{_said(name)}{key} {show_value(after)} added"
    elif key not in new:
        words = f"{_said(name)}{key} removed (was {show_value(before)})"
    else:
        words = f"{_said(name)}{key} {show_value(before)} → {show_value(after)}"
    return ToolPoint(name, key, before, after, breaking=_narrows(key, old, new), words=printable(words))


def _narrows(key: str, old: Schema, new: Schema) -> bool:
    """Say whether a keyword's new value may refuse what its old one let through; what cannot be told counts as that."""
    if key in _HARMLESS or key.startswith("x-"):
        return False
    before, after = old.get(key), new.get(key)
    if key == "additionalProperties":
        return after is not True and after is not None
    if key not in new:
        return False
    if isinstance(before, int | float) and isinstance(after, int | float):
        if key in _UPPER:
            return after < before
        if key in _LOWER:
            return after > before
    return True
