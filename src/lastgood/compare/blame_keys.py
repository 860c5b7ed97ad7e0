"""Which version brought each value of a config: the last one in which the value changed or its key appeared.

Rules: a value is what stands at a dotted key and has no keys below it; a short list of plain values is one. Items of lists
are matched as in a comparison (`structured`), by an identity of their own, so that a tool keeps its origin when another one
is put before it. Types count: `3` that becomes `"3"` has changed. The order of keys, comments and layout do not.

    >>> first = trace_tree([], {"temperature": 0.2, "tools": [{"name": "search", "max": 3}]}, 1)
    >>> second = trace_tree([first], {"temperature": 0.9, "tools": [{"name": "mail"}, {"name": "search", "max": 3}]}, 2)
    >>> [(key.key, key.value, origin) for key, origin in traced_keys(second)][2:]
    [('tools[search].name', 'search', 1), ('tools[search].max', 3, 1)]
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lastgood.canonical import Json, JsonObject
from lastgood.compare.blame import Untraceable, read_version
from lastgood.compare.change import Item, Step
from lastgood.compare.structured import dotted, matched_items
from lastgood.compare.wording import as_json
from lastgood.errors import Invalid
from lastgood.formats.configs import read_config
from lastgood.ids import FileDigest
from lastgood.model.placement import FileAccess

Origins = int | Mapping[str, "Origins"] | Sequence["Origins"]
"""Of a tree the version that each value comes from; one number where it is the same for all that is below."""


@dataclass(frozen=True, slots=True)
class Key:
    """A value of a config and the way to it."""

    steps: tuple[Step, ...]
    value: Json

    @property
    def key(self) -> str:
        """The dotted key, for people."""
        return dotted(self.steps)

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        steps: list[Json] = [step.to_json() if isinstance(step, Item) else step for step in self.steps]
        return {"key": self.key, "steps": steps, "value": as_json(self.value)}


@dataclass(frozen=True, slots=True)
class TracedTree:
    """A tree, and where its values come from."""

    tree: Json
    origins: Origins


class KeyTracer:
    """Follows the keys of a config file.

    Args:
        path: its name, which says the format.
        files: has its bytes.
    """

    def __init__(self, path: str, files: FileAccess) -> None:
        self.notes: list[str] = []
        self._path = path
        self._files = files

    def trace(self, before: Sequence[TracedTree], digest: FileDigest, version: int) -> TracedTree:
        """Return where the values of a config come from."""
        try:
            tree = read_config(self._path, read_version(self._files, digest))
        except Invalid as error:
            raise Untraceable(error.message.removeprefix(f"{self._path} ")) from error
        return trace_tree(before, tree, version)

    def parts(self, trace: TracedTree) -> Iterator[tuple[Key, int]]:
        """Yield the keys."""
        return traced_keys(trace)


def trace_tree(before: Sequence[TracedTree], tree: Json, version: int) -> TracedTree:
    """Return where the values of a tree come from.

    Args:
        before: the traces of the trees that this one follows.
        tree: the tree.
        version: its number, higher than any of those.
    """
    origins: Origins = version
    for older in before:
        carried = _carried(older.tree, older.origins, tree, version)
        origins = _either(origins, carried, version)
    return TracedTree(tree, origins)


def traced_keys(trace: TracedTree) -> Iterator[tuple[Key, int]]:
    """Yield the values in the order of the file, each with the version it comes from."""
    return _leaves((), trace.tree, trace.origins)


def _carried(old: Json, origins: Origins, new: Json, version: int) -> Origins:
    if isinstance(old, dict) and isinstance(new, dict):
        if not new:
            return version if old else origins
        return {key: _carried(old[key], _below(origins, key), value, version) if key in old else version for key, value in new.items()}
    if isinstance(old, list) and isinstance(new, list):
        matched = matched_items(old, new)
        if matched is not None:
            pairs = list(zip(new, (place for _, place in matched), strict=True))
            found = [version if place is None else _carried(old[place], _below(origins, place), item, version) for item, place in pairs]
            return found or version
        return origins if len(old) == len(new) and all(map(_same_value, old, new)) else version
    return origins if _same_value(old, new) else version


def _same_value(old: Json, new: Json) -> bool:
    if type(old) is not type(new) or isinstance(old, dict | list):
        return False
    return old == new or (isinstance(old, float) and isinstance(new, float) and math.isnan(old) and math.isnan(new))


def _either(first: Origins, second: Origins, version: int) -> Origins:
    """Return the origins of one tree, where they are this version itself those that it has by another way."""
    if first == version:
        return second
    if isinstance(first, Mapping):
        return {key: _either(one, _below(second, key), version) for key, one in first.items()}
    if isinstance(first, Sequence):
        return [_either(one, _below(second, place), version) for place, one in enumerate(first)]
    return first


def _below(origins: Origins, step: str | int) -> Origins:
    return origins if isinstance(origins, int) else origins[step]  # type: ignore[index]  # a key of objects, a place of lists


def _leaves(steps: tuple[Step, ...], tree: Json, origins: Origins) -> Iterator[tuple[Key, int]]:
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from _leaves((*steps, key), value, _below(origins, key))
        return
    matched = matched_items(tree, tree) if isinstance(tree, list) else None
    if isinstance(tree, list) and matched:
        for place, (item, (step, _)) in enumerate(zip(tree, matched, strict=True)):
            yield from _leaves((*steps, step), item, _below(origins, place))
        return
    yield Key(steps, tree), _newest(origins)


def _newest(origins: Origins) -> int:
    if isinstance(origins, int):
        return origins
    below = origins.values() if isinstance(origins, Mapping) else origins
    return max(map(_newest, below))
