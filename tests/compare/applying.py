"""The other half of comparing, for tests only: what was found, applied to the old side, must give the new one.

apply_changes(old, compare_trees("a.yaml", old, new, Effort())) == new
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lastgood.canonical import Json, JsonObject
from lastgood.compare.change import Edit, Item, KeyChange, Step
from lastgood.compare.text_change import LineChange, new_text, old_text


def changes_in_json(component: JsonObject) -> list[KeyChange]:
    """Return the changes of keys in what `--json` says of a component, those that tools and routes explain included."""
    details = [detail for detail in _list(component["details"]) if isinstance(detail, dict)]
    nested = [key for detail in details for key in (_list(detail["keys"]) if "keys" in detail else [detail])]
    return [_change(key) for key in nested if isinstance(key, dict) and key["type"] == "key"]


def _list(value: Json) -> list[Json]:
    assert isinstance(value, list)
    return value


def _change(key: Mapping[str, Json]) -> KeyChange:
    steps = tuple(_step(step) for step in _list(key["steps"]))
    position = key["position"]
    assert position is None or isinstance(position, int)
    identity = tuple(str(name) for name in _list(key["identity"]))
    change = Edit(str(key["change"]))
    return KeyChange(str(key["path"]), str(key["key"]), change, key["old"], key["new"], steps, position, identity=identity)


def _step(step: Json) -> Step:
    if isinstance(step, dict):
        value = step["is"]
        assert isinstance(value, str | int)
        return Item(tuple(str(name) for name in _list(step["by"])), value)
    assert isinstance(step, str | int)
    return step


def apply_changes(tree: Json, changes: Sequence[KeyChange]) -> Json:
    """Apply to the old tree what `compare_trees` found, in whatever order; the result equals the new tree."""
    return _apply(tree, [(change.steps, change) for change in changes])


_Waiting = list[tuple[tuple[Step, ...], KeyChange]]


def _apply(node: Json, waiting: _Waiting) -> Json:
    reordered: KeyChange | None = None
    deeper: dict[Step, _Waiting] = {}
    for steps, change in waiting:
        if steps:
            deeper.setdefault(steps[0], []).append((steps[1:], change))
        elif change.change is Edit.REORDERED:
            reordered = change
        else:
            return change.new
    if isinstance(node, dict):
        return _apply_to_object(node, deeper)
    if isinstance(node, list):
        return _apply_to_list(node, deeper, reordered)
    return node


def _apply_to_object(node: Mapping[str, Json], deeper: Mapping[Step, _Waiting]) -> Json:
    result = dict(node)
    for step, waiting in deeper.items():
        key = str(step)
        if _edit_here(waiting) is Edit.REMOVED:
            del result[key]
        else:
            result[key] = _apply(result.get(key), waiting)
    return result


def _apply_to_list(node: list[Json], deeper: Mapping[Step, _Waiting], reordered: KeyChange | None) -> Json:
    """Apply to a list: changes within items, then removals, then the new order, then additions from the front."""
    items: dict[Step, Json] = _by_step(node, deeper)
    added: list[tuple[int, Json]] = []
    for step, waiting in deeper.items():
        edit = _edit_here(waiting)
        if edit is Edit.ADDED:
            added.append((waiting[0][1].position or 0, waiting[0][1].new))
        elif edit is Edit.REMOVED:
            del items[step]
        else:
            items[step] = _apply(items[step], waiting)
    result = list(items.values())
    if reordered is not None and isinstance(reordered.new, list):
        by_identity = {_identity(item, reordered.identity): item for item in result}
        result = [by_identity[value] for value in reordered.new if isinstance(value, str | int)]
    for position, item in sorted(added, key=lambda pair: pair[0]):
        result.insert(position, item)
    return result


def _edit_here(waiting: _Waiting) -> Edit | None:
    """Say what happens to the very value that steps have led to, if it is not within it."""
    steps, change = waiting[0]
    return None if steps else change.change


def _by_step(items: list[Json], deeper: Mapping[Step, _Waiting]) -> dict[Step, Json]:
    """Return the items of a list under the steps by which changes speak of them."""
    key = next((step.key for step in deeper if isinstance(step, Item)), None)
    if key is None:
        return dict(enumerate(items))
    return {Item(key, _identity(item, key)): item for item in items}


def _identity(item: Json, key: tuple[str, ...]) -> str | int:
    value = item
    for name in key:
        assert isinstance(value, dict)
        value = value[name]
    assert isinstance(value, str | int)
    return value


def apply_lines(text: str, lines: Sequence[LineChange]) -> str:
    """Apply blocks of lines to the old text, checking that each finds its old lines where it says."""
    rows = [row + "\n" for row in text.split("\n")[:-1]] + [row for row in text.split("\n")[-1:] if row]
    result: list[str] = []
    at = 0
    for line in lines:
        start = line.old_start - 1
        result += rows[at:start]
        at = start + line.old_count
        assert "".join(rows[start:at]) == old_text(line.segments)
        assert _lines_in("".join(result)) + 1 == line.new_start
        result.append(new_text(line.segments))
    return "".join(result + rows[at:])


def _lines_in(text: str) -> int:
    return text.count("\n") + (1 if text and not text.endswith("\n") else 0)
