"""What became of the tools of a config: added, removed, renamed, and what changed in the others, breaking or not.

Rules: see `schemas` for what is breaking. A tool is found again by its name where it stood, else by its name anywhere, else
it was renamed if all else of it is the same. The changes of keys that a tool's change explains stand within it, so that
people read it once and programs still find every one of them.

    changes, others = explain_tools("tools.json", (old, new), keys, Effort())
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field

from lastgood.canonical import Json, JsonObject
from lastgood.compare.alignment import Effort
from lastgood.compare.change import Edit, KeyChange
from lastgood.compare.following import Following
from lastgood.compare.schemas import ToolPoint, compare_schemas, describe
from lastgood.compare.showing import Block, Line, aside, plain, strong
from lastgood.compare.text_phrases import say_replacement
from lastgood.compare.tools import SCHEMAS, WRAPPERS, Tool, Tools, find_tools
from lastgood.compare.wording import printable, shorten

_EXPLAINED = frozenset({*SCHEMAS, "name", "description"})
_MOST_SAID = 3


@dataclass(frozen=True, slots=True)
class ToolChange:
    """What became of a tool.

    Attributes:
        file: the config file.
        tool: its name, the old one where it was renamed.
        points: what changed, what is breaking first.
        keys: the changes of keys that this explains.
    """

    file: str
    tool: str
    points: tuple[ToolPoint, ...]
    keys: tuple[KeyChange, ...]

    @property
    def breaking(self) -> bool:
        """Whether a call that was right before is wrong now."""
        return any(point.breaking for point in self.points)

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "type": "tool",
            "path": self.file,
            "tool": self.tool,
            "breaking": self.breaking,
            "points": [point.to_json() for point in self.points],
            "keys": [key.to_json() for key in self.keys],
        }

    def shown(self, *, everything: bool = False) -> Iterator[Block]:  # noqa: ARG002 - the points of one tool are few
        """Yield a line a point."""
        for point in self.points:
            mark = (strong(" (breaking)"),) if point.breaking else ()
            words = (plain(": "), *(segment.span() for segment in point.segments)) if point.segments else ()
            if point.what == "added" and not point.parameter and isinstance(point.new, str):
                words = (plain(": "), aside(point.new))
            yield Line((plain(f"{self.file}: tool {self.tool}{_joint(point)}{point.words}"), *mark, *words))


def _joint(point: ToolPoint) -> str:
    return " " if not point.parameter and point.what in {"added", "removed", "renamed"} else ": "


def say_tool(change: ToolChange) -> str:
    """Say what became of a tool: `tool search: parameter limit is now required (breaking)`."""
    said = [_say_point(point) for point in change.points[:_MOST_SAID]]
    more = len(change.points) - len(said)
    return f"tool {shorten(change.tool)}{_joint(change.points[0])}{', '.join(said)}{f' and {more} more' if more else ''}"


def _say_point(point: ToolPoint) -> str:
    if point.segments:
        return f"{point.words}: {say_replacement(point.segments)}"
    return f"{point.words}{' (breaking)' if point.breaking else ''}"


@dataclass(slots=True)
class _Pair:
    """A tool on both sides, or on one, and the changes of keys that are within it."""

    old: Tool | None
    new: Tool | None
    keys: list[KeyChange] = field(default_factory=list)

    @property
    def is_rewritten(self) -> bool:
        """Whether it is written in another form, so that every key of it is another."""
        return self.old is not None and self.new is not None and self.old.form != self.new.form


def explain_tools(
    file: str, trees: tuple[Json, Json], keys: Sequence[KeyChange], effort: Effort
) -> tuple[list[ToolChange], list[KeyChange]]:
    """Say what became of the tools of a config.

    Args:
        file: the config file.
        trees: its old tree and its new one.
        keys: how they differ.
        effort: what comparing descriptions may cost.

    Returns:
        The changes of tools, and the changes of keys that none of them explains.
    """
    sides = find_tools(trees[0]), find_tools(trees[1])
    if not keys or not (sides[0].every or sides[1].every):
        return [], list(keys)
    pairs = _paired(sides[0].every, sides[1].every)
    others = _spread(trees, sides, keys, pairs)
    changes: list[ToolChange] = []
    for pair in pairs:
        points = sorted(_points(pair, effort), key=lambda point: not point.breaking)
        known = pair.old or pair.new
        if points and known is not None:
            changes.append(ToolChange(file, known.name, tuple(points), tuple(pair.keys)))
        else:
            others += pair.keys
    left = {id(key) for key in others}
    return sorted(changes, key=lambda change: not change.breaking), [key for key in keys if id(key) in left]


def _paired(old: Sequence[Tool], new: Sequence[Tool]) -> list[_Pair]:
    pairs = [_Pair(tool, None) for tool in old]
    free = list(new)
    for way in (_place_of, _name_of, _all_but_name_of):
        known: dict[Hashable, list[Tool]] = {}
        for tool in free:
            known.setdefault(way(tool), []).append(tool)
        for pair in pairs:
            found = known.get(way(pair.old)) if pair.old is not None and pair.new is None else None
            if found is not None and len(found) == 1:
                pair.new = found.pop()
        taken = {id(pair.new) for pair in pairs}
        free = [tool for tool in free if id(tool) not in taken]
    return [*pairs, *(_Pair(None, tool) for tool in free)]


def _place_of(tool: Tool) -> Hashable:
    return tool.holder, tool.name


def _name_of(tool: Tool) -> Hashable:
    return tool.name


def _all_but_name_of(tool: Tool) -> Hashable:
    """Return what a tool is beside its name; one that is nothing beside it is like no other."""
    if not tool.schema and not tool.description:
        return id(tool)
    return tool.description, json.dumps(tool.schema, sort_keys=True)


def _points(pair: _Pair, effort: Effort) -> Iterator[ToolPoint]:
    old, new = pair.old, pair.new
    if old is None or new is None:
        tool, verb = (new, "added") if new is not None else (old, "removed")
        text = tool.description if tool is not None else None
        yield ToolPoint("", verb, None if new else text, text if new else None, breaking=new is None, words=verb)
        return
    if old.name != new.name:
        yield ToolPoint("", "renamed", old.name, new.name, breaking=True, words=f"renamed to {shorten(new.name)}")
    yield from compare_schemas(old.schema, new.schema, effort)
    yield from describe("", old.description, new.description, effort)
    if old.form != new.form:
        yield ToolPoint("", "form", old.form, new.form, breaking=False, words=printable(f"written for {old.form} → {new.form}"))


def _spread(trees: tuple[Json, Json], sides: tuple[Tools, Tools], keys: Sequence[KeyChange], pairs: Sequence[_Pair]) -> list[KeyChange]:
    """Give each change of a key to the first tool that explains it; return those that none does."""
    of_tool = {id(tool): pair for pair in pairs for tool in (pair.old, pair.new) if tool is not None}
    following = [Following(tree) for tree in trees]
    others: list[KeyChange] = []
    for key in keys:
        owners = [_owner(follow, side, key) for follow, side in zip(following, sides, strict=True)]
        tool, inside = next((owner for owner in owners if owner[0] is not None), (None, ()))
        pair = of_tool[id(tool)] if tool is not None else None
        if pair is not None and (_is_told(inside) or pair.is_rewritten):
            pair.keys.append(key)
        else:
            others.append(key)
    return others


def _owner(following: Following, tools: Tools, key: KeyChange) -> tuple[Tool | None, Sequence[str]]:
    """Return the tool of one side that a change of a key is in, or that came or went with it; and the keys within the tool."""
    for depth, node in enumerate(following.nodes(key.steps)):
        tool = tools.by_node.get(id(node))
        if tool is not None:
            return tool, [step for step in key.steps[depth:] if isinstance(step, str)]
        if depth == len(key.steps) and key.change is not Edit.REORDERED and id(node) in tools.around:
            return _first_within(node, tools), ()
    return None, ()


def _is_told(inside: Sequence[str]) -> bool:
    """Say whether a key within a tool is one that its points tell of."""
    bare = inside[1:] if inside and inside[0] in WRAPPERS else inside
    return not bare or bare[0] in _EXPLAINED


def _first_within(node: Json, tools: Tools) -> Tool | None:
    values = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for value in values:
        tool = tools.by_node.get(id(value)) or (_first_within(value, tools) if id(value) in tools.around else None)
        if tool is not None:
            return tool
    return None
