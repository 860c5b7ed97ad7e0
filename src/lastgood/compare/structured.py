"""How two config trees differ: by dotted key, old value and new, with the type where that changed.

Rules: keys of objects are compared by name, whatever their order. Items of a list are matched by an identity of their
own (`name`, `id`, or `function.name` as in tool definitions) where all items on both sides are objects that have one and
no two share it; of several such keys the one under which most items meet. Where there is none, a condition (`when`) or a
target (`model`) serves, unless some came and others went. A short list of plain values is one value.
Any other list is compared place by place between what both sides begin and end with. Types count: `3`, `3.0`, `"3"` and
an unquoted `yes` are all different. Changes come in the order of the file and say whether they are of a sampling
parameter or a model's name. They are complete: applied to the old tree, in whatever order, they give the new one. In a
list that means changes within items, then removals, then the new order, then additions from the front.

    >>> old, new = {"sampling": {"temperature": 0.2}}, {"sampling": {"temperature": 0.9}, "max": 3}
    >>> [f"{change.key} {change.change}" for change in compare_trees("a.yaml", old, new, Effort())]
    ['sampling.temperature changed', 'max added']
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from lastgood.canonical import Json
from lastgood.compare.alignment import Effort
from lastgood.compare.change import Edit, Item, KeyChange, Step
from lastgood.compare.wording import printable
from lastgood.compare.words import compare_words

IDENTITIES: tuple[tuple[str, ...], ...] = (("name",), ("id",), ("function", "name"), ("toolSpec", "name"))
"""The ways from an item of a list to what identifies it, those that people prefer first."""

WEAK_IDENTITIES: tuple[tuple[str, ...], ...] = (("when",), ("if",), ("match",), ("condition",), ("model",), ("target",))
"""Ways to what tells items apart, but changes as well: they count only where items came, or went, or moved, and no more."""

SAMPLING = frozenset(
    {
        "best_of",
        "budget_tokens",
        "do_sample",
        "frequency_penalty",
        "length_penalty",
        "logit_bias",
        "max_completion_tokens",
        "max_new_tokens",
        "max_output_tokens",
        "max_tokens",
        "min_p",
        "model",
        "no_repeat_ngram_size",
        "num_beams",
        "presence_penalty",
        "reasoning_effort",
        "repetition_penalty",
        "response_format",
        "seed",
        "stop",
        "stop_sequences",
        "temperature",
        "thinking",
        "top_a",
        "top_k",
        "top_p",
        "typical_p",
    }
)
"""The parameters of sampling, and the model's name, as they are called in configs; see `is_sampling`."""

ONLY_LAYOUT = "only comments or layout changed"
ONLY_ORDER = "only key order, comments or layout changed"

_LARGEST_IDENTITY = 2**53
_LONGEST_PLAIN_LIST = 12
_LONGEST_PLAIN_TEXT = 40
_LONG_TEXT = 40
_BARE_KEY = re.compile(r"[^\s.\[\]\"']+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def compare_trees(file: str, old: Json, new: Json, effort: Effort) -> tuple[KeyChange, ...]:
    """Compare two trees.

    Args:
        file: the config file they are of.
        old: the old tree.
        new: the new tree.
        effort: what the comparison of long texts may cost.
    """
    return tuple(_Comparison(file, effort).between((), old, new))


def same_key_order(old: Json, new: Json) -> bool:
    """Say whether two equal trees have their keys in one order."""
    if isinstance(old, dict) and isinstance(new, dict):
        return list(old) == list(new) and all(same_key_order(value, new[key]) for key, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return all(map(same_key_order, old, new))
    return True


def shared_order_changed(old: Json, new: Json) -> bool:
    """Say whether keys that both trees have stand in another order."""
    if isinstance(old, dict) and isinstance(new, dict):
        shared = [key for key in old if key in new]
        return shared != [key for key in new if key in old] or any(shared_order_changed(old[key], new[key]) for key in shared)
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return any(map(shared_order_changed, old, new))
    return False


def say_same_values(old: Json, new: Json) -> str:
    """Say of two files whose values are all the same what did change."""
    return ONLY_LAYOUT if same_key_order(old, new) else ONLY_ORDER


def is_sampling(steps: Sequence[Step]) -> bool:
    """Say whether a key is, or lies within, a sampling parameter: `topP`, `TOP_P`, `top-p` and `LLM_TOP_P` as well."""
    return any(isinstance(step, str) and _names_sampling(step) for step in steps)


def names_model(steps: Sequence[Step]) -> bool:
    """Say whether a key is the model's name, however that is spelt."""
    last = next((step for step in reversed(steps) if isinstance(step, str)), "")
    return _words_of(last)[-1] == "model"


def _names_sampling(key: str) -> bool:
    words = _words_of(key)
    return any("_".join(words[start:]) in SAMPLING for start in range(len(words)))


def _words_of(key: str) -> list[str]:
    return _HUMP.sub("_", key[:80]).lower().replace("-", "_").split("_")


def dotted(steps: Sequence[Step]) -> str:
    """Write the way to a value for people: `routes[eu].weight`, `stop[0]`, `"a.b".c`; of the whole file: an empty text."""
    parts: list[str] = []
    for step in steps:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif isinstance(step, Item):
            parts.append(f"[{_item_text(step)}]")
        else:
            parts.append(("." if parts else "") + _key_text(step))
    return "".join(parts)


def _key_text(key: str) -> str:
    return printable(key) if _BARE_KEY.fullmatch(key) else printable(json.dumps(key, ensure_ascii=False))


def _item_text(item: Item) -> str:
    """Write an item's identity, with its key where it would look like a place in the list."""
    text = _key_text(item.value) if isinstance(item.value, str) else str(item.value)
    return f"{item.key[-1]}={text}" if text.isdigit() or isinstance(item.value, int) else text


class _Sameness:
    """Strict equality of trees that are kept alive meanwhile; no two containers are walked together twice."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], bool] = {}

    def same(self, old: Json, new: Json) -> bool:
        if old is new:
            return True
        if type(old) is not type(new):
            return False
        if isinstance(old, dict | list):
            pair = id(old), id(new)
            if pair not in self._known:
                self._known[pair] = self._same_contents(old, new)
            return self._known[pair]
        if isinstance(old, float) and isinstance(new, float) and math.isnan(old):
            return math.isnan(new)
        return old == new

    def _same_contents(self, old: Json, new: Json) -> bool:
        if isinstance(old, dict) and isinstance(new, dict):
            return len(old) == len(new) and all(key in new and self.same(value, new[key]) for key, value in old.items())
        if isinstance(old, list) and isinstance(new, list):
            return len(old) == len(new) and all(map(self.same, old, new))
        return False


class _Comparison:
    def __init__(self, file: str, effort: Effort) -> None:
        self._file = file
        self._effort = effort
        self._sameness = _Sameness()

    def between(self, steps: tuple[Step, ...], old: Json, new: Json) -> Iterator[KeyChange]:
        """Yield what differs between two values that stand at one place."""
        if isinstance(old, dict) and isinstance(new, dict):
            yield from self._objects(steps, old, new)
        elif isinstance(old, list) and isinstance(new, list):
            yield from self._lists(steps, old, new)
        elif not self._sameness.same(old, new):
            yield self._change(steps, Edit.CHANGED, old, new)

    def _change(self, steps: tuple[Step, ...], edit: Edit, old: Json, new: Json) -> KeyChange:
        change = KeyChange(self._file, dotted(steps), edit, old, new, steps, sampling=is_sampling(steps))
        if type(old) is str and type(new) is str and max(len(old), len(new)) > _LONG_TEXT:
            return replace(change, segments=compare_words(old, new, self._effort))
        return change

    def _objects(self, steps: tuple[Step, ...], old: Mapping[str, Json], new: Mapping[str, Json]) -> Iterator[KeyChange]:
        for key, value in old.items():
            if key in new:
                yield from self.between((*steps, key), value, new[key])
            else:
                yield self._change((*steps, key), Edit.REMOVED, value, None)
        for key, value in new.items():
            if key not in old:
                yield self._change((*steps, key), Edit.ADDED, None, value)

    def _lists(self, steps: tuple[Step, ...], old: list[Json], new: list[Json]) -> Iterator[KeyChange]:
        if _is_plain(old) and _is_plain(new):
            if not self._sameness.same(old, new):
                yield self._change(steps, Edit.CHANGED, old, new)
            return
        key = shared_identity(old, new)
        if key is None:
            yield from self._places(steps, old, new)
        else:
            yield from self._items(steps, key, old, new)

    def _items(self, steps: tuple[Step, ...], key: tuple[str, ...], old: list[Json], new: list[Json]) -> Iterator[KeyChange]:
        old_items = {_identity(item, key): item for item in old}
        new_items = {_identity(item, key): item for item in new}
        for value, item in old_items.items():
            if value in new_items:
                yield from self.between((*steps, Item(key, value)), item, new_items[value])
            else:
                yield self._change((*steps, Item(key, value)), Edit.REMOVED, item, None)
        stayed = [value for value in old_items if value in new_items]
        stay = [value for value in new_items if value in old_items]
        if stayed != stay:
            yield replace(self._change(steps, Edit.REORDERED, stayed, stay), identity=key)
        for position, (value, item) in enumerate(new_items.items()):
            if value not in old_items:
                yield replace(self._change((*steps, Item(key, value)), Edit.ADDED, None, item), position=position)

    def _places(self, steps: tuple[Step, ...], old: list[Json], new: list[Json]) -> Iterator[KeyChange]:
        shorter = min(len(old), len(new))
        head = tail = 0
        if len(old) != len(new):
            while head < shorter and self._sameness.same(old[head], new[head]):
                head += 1
            while tail < shorter - head and self._sameness.same(old[-1 - tail], new[-1 - tail]):
                tail += 1
        paired = shorter - tail
        for place in range(head, paired):
            yield from self.between((*steps, place), old[place], new[place])
        for place in range(paired, len(old) - tail):
            yield self._change((*steps, place), Edit.REMOVED, old[place], None)
        for place in range(paired, len(new) - tail):
            yield replace(self._change((*steps, place), Edit.ADDED, None, new[place]), position=place)


def _is_plain(items: list[Json]) -> bool:
    return len(items) <= _LONGEST_PLAIN_LIST and all(
        len(item) <= _LONGEST_PLAIN_TEXT if isinstance(item, str) else not isinstance(item, dict | list) for item in items
    )


def _identity(item: Json, key: tuple[str, ...]) -> str | int:
    """Return what identifies an item that is known to have this identity."""
    value = find_identity(item, key)
    if value is None:
        raise ValueError("an item has no identity")
    return value


def find_identity(item: Json, key: tuple[str, ...]) -> str | int | None:
    """Return what identifies an item of a list, if it has that."""
    value = item
    for name in key:
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, str):
        return str(value)
    # A number that JSON cannot hold would identify nothing for who reads what `--json` says.
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST_IDENTITY else None


def shared_identity(old: list[Json], new: list[Json]) -> tuple[str, ...] | None:
    """Choose the identity under which the items of two lists are matched, if there is one."""
    best: tuple[str, ...] | None = None
    most = -1
    for key in (*IDENTITIES, *WEAK_IDENTITIES):
        sides = [{find_identity(item, key) for item in side} for side in (old, new)]
        if None in sides[0] | sides[1] or len(sides[0]) != len(old) or len(sides[1]) != len(new):
            continue
        if key in WEAK_IDENTITIES and (best is not None or not (sides[0] <= sides[1] or sides[1] <= sides[0]) or not all(sides)):
            continue
        if len(sides[0] & sides[1]) > most:
            best, most = key, len(sides[0] & sides[1])
    return best


def matched_items(old: list[Json], new: list[Json]) -> list[tuple[Step, int | None]] | None:
    """Say of each item of a new list by which step it is reached, and at which place the old one has it.

    Returns:
        None where both lists count as one value, as short lists of plain values do; the rest as `compare_trees` matches it.
    """
    if _is_plain(old) and _is_plain(new):
        return None
    key = shared_identity(old, new)
    if key is not None:
        places = {_identity(item, key): place for place, item in enumerate(old)}
        return [(Item(key, value), places.get(value)) for value in (_identity(item, key) for item in new)]
    shift = len(new) - len(old)
    tail = _common_end(old, new) if shift else 0
    steps: list[tuple[Step, int | None]] = []
    for place in range(len(new)):
        before = place - shift if place >= len(new) - tail else place
        steps.append((place, before if before < len(old) - (0 if place >= len(new) - tail else tail) else None))
    return steps


def _common_end(old: list[Json], new: list[Json]) -> int:
    """Count the items that both lists end with, behind those that they begin with."""
    sameness, shorter = _Sameness(), min(len(old), len(new))
    head = next((place for place in range(shorter) if not sameness.same(old[place], new[place])), shorter)
    return next((place for place in range(shorter - head) if not sameness.same(old[-1 - place], new[-1 - place])), shorter - head)
