"""Routing: which share of the calls goes where, and in which order rules are tried.

Rules: a routing is a list or an object whose items have a weight (`weight`, `percent`, `traffic`, `probability`, `share`, …),
or an object of numbers that is called so (`weights`, `traffic`, `split`). A share is a weight's part of the sum of all of
them, so that it changes for a route that nobody touched; where weights add up to neither 1 nor 100 and did before, or are
called percent, a note says so. Where items have conditions (`when`, `if`, `match`, …) the first that matches wins, so their
order is told; likewise that of `fallbacks`, which are tried in their order.

    changes, others = explain_routing("routing.yaml", (old, new), keys)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lastgood.canonical import Json, JsonObject
from lastgood.compare.change import Edit, Item, KeyChange, Step
from lastgood.compare.following import Following
from lastgood.compare.showing import Block, Line, Table, aside, plain
from lastgood.compare.structured import dotted, find_identity, shared_identity
from lastgood.compare.text_change import MOST_SHOWN
from lastgood.compare.wording import printable, shorten

_WEIGHTS = ("weight", "percent", "percentage", "traffic", "probability", "share", "ratio", "split")
_OF_HUNDRED = frozenset({"percent", "percentage", "traffic", "probability", "share"})
_SPLITS = frozenset({"weights", "traffic", "split", "splits", "shares", "percentages", "probabilities", "distribution"})
_CONDITIONS = frozenset({"when", "if", "match", "matches", "condition", "conditions", "expr", "rule"})
_LARGEST_WEIGHT = 2**53
_LEADS_TO = ("model", "target", "url", "host", "endpoint", "backend", "destination", "to")
_NOUNS = ("route", "model", "target", "backend", "variant", "fallback", "rule", "deployment", "provider", "endpoint", "upstream")

_Weights = Mapping[Step, float]


@dataclass(frozen=True, slots=True)
class Share:
    """A route: its name, and its weight and its share of the calls on both sides, None where it has none."""

    name: str
    old_weight: float | None
    new_weight: float | None
    old_share: float | None
    new_share: float | None

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "name": self.name,
            "old_weight": self.old_weight,
            "new_weight": self.new_weight,
            "old_share": self.old_share,
            "new_share": self.new_share,
        }

    @property
    def changed(self) -> bool:
        """Whether somebody changed its weight."""
        return self.old_weight != self.new_weight


@dataclass(frozen=True, slots=True)
class RoutingChange:
    """What became of a routing.

    Attributes:
        file: the config file.
        key: the dotted key of the list or the object of routes.
        noun: what one of them is called: `route`.
        shares: all routes with their weights, in the new order; empty where they have none.
        order: their old and their new order, where that decides and changed.
        note: what is odd about the weights; empty otherwise.
        keys: the changes of keys that this explains.
    """

    file: str
    key: str
    noun: str
    shares: tuple[Share, ...]
    order: tuple[tuple[str, ...], tuple[str, ...]] | None
    why: str
    note: str
    keys: tuple[KeyChange, ...]

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "type": "routing",
            "path": self.file,
            "key": self.key,
            "shares": [share.to_json() for share in self.shares],
            "order": None if self.order is None else [list(side) for side in self.order],
            "note": self.note,
            "keys": [key.to_json() for key in self.keys],
        }

    def shown(self, *, everything: bool = False) -> Iterator[Block]:
        """Yield the new order, and a table of the shares."""
        where = plain(f"{self.file}: {self.key}")
        if self.order is not None:
            yield Line((where, plain(f": order {_arrow(*(', '.join(side) for side in self.order))} ({self.why})")))
        if any(share.changed for share in self.shares):
            yield Line((where, *((aside(f"  {self.note}"),) if self.note else ())))
            rows = [share for share in self.shares if everything or share.changed or len(self.shares) <= MOST_SHOWN]
            cells = tuple((one.name, _weights(one), _shares(one)) for one in rows)
            yield Table((self.noun, "weight", "share of calls"), cells)
        for key in self.keys:
            if _is_item(key):
                yield from key.shown(everything=everything)


def _is_item(key: KeyChange) -> bool:
    """Say whether a change is of a whole route, which has more than its weight."""
    return key.change in {Edit.ADDED, Edit.REMOVED} and isinstance(key.new if key.new is not None else key.old, dict)


def _arrow(old: str, new: str) -> str:
    return old if old == new else f"{old} → {new}"


def _weights(share: Share) -> str:
    return _arrow(*("none" if weight is None else f"{weight:g}" for weight in (share.old_weight, share.new_weight)))


def _shares(share: Share) -> str:
    return _arrow(_percent(share.old_share), _percent(share.new_share))


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{round(share * 100, 6):.3g}%"


def say_routing(change: RoutingChange) -> Iterator[str]:
    """Yield what became of a routing: `route eu: weight 10 → 30 (share 10% → 25%)`."""
    if change.order is not None:
        old, new = (shorten(", ".join(side)) for side in change.order)
        yield f"order of {shorten(change.key)}: {old} → {new} ({change.why})"
    for share in change.shares:
        if not share.changed:
            continue
        name = f"{change.noun} {shorten(share.name)}"
        if share.old_weight is None or share.new_weight is None:
            verb = "added" if share.old_weight is None else "removed"
            known = share.new_weight if share.old_weight is None else share.old_weight
            part = share.new_share if share.old_share is None else share.old_share
            yield f"{name} {verb}: weight {known:g} (share {_percent(part)})"
        else:
            yield f"{name}: weight {_weights(share)} (share {_shares(share)})"
    if change.note:
        yield change.note


def explain_routing(file: str, trees: tuple[Json, Json], keys: Sequence[KeyChange]) -> tuple[list[RoutingChange], list[KeyChange]]:
    """Say what became of the routings of a config.

    Args:
        file: the config file.
        trees: its old tree and its new one.
        keys: how they differ, or what of that is not explained yet.

    Returns:
        The changes of routings, and the changes of keys that none of them explains.
    """
    changes: list[RoutingChange] = []
    taken: set[int] = set()
    following = [Following(tree) for tree in trees]
    below: dict[tuple[Step, ...], list[KeyChange]] = {}
    for key in keys:
        for holder in _holders(key):
            below.setdefault(holder, []).append(key)
    for steps, near in below.items():
        sides = [list(one.nodes(steps)) for one in following]
        if any(len(nodes) <= len(steps) for nodes in sides):
            continue
        change = _compare(file, steps, (sides[0][-1], sides[1][-1]), [key for key in near if id(key) not in taken])
        if change is not None:
            changes.append(change)
            taken.update(id(key) for key in change.keys)
    return changes, [key for key in keys if id(key) not in taken]


def _holders(key: KeyChange) -> list[tuple[Step, ...]]:
    """Return the ways to what may be a routing of which a change tells: its own, and those one and two steps above."""
    if key.change is Edit.REORDERED:
        return [key.steps]
    return [key.steps[:-back] for back in (1, 2) if len(key.steps) >= back]


def _compare(file: str, steps: tuple[Step, ...], sides: tuple[Json, Json], keys: Sequence[KeyChange]) -> RoutingChange | None:
    called = next((step for step in reversed(steps) if isinstance(step, str)), "")
    order = next((key for key in keys if key.steps == steps and key.change is Edit.REORDERED), None)
    why = _why_order_counts(called, sides) if order is not None else ""
    weighed = _weigh(called, *sides)
    explained = [key for key in keys if weighed is not None and _explains(key, steps, weighed)]
    ordered = (_names(order.old), _names(order.new)) if order is not None and why else None
    if not explained and ordered is None:
        return None
    shares = _share_out(sides, *weighed) if weighed is not None and explained else ()
    note = _odd_sum(called, sides, *weighed) if weighed is not None and explained else ""
    kept = (*explained, *((order,) if order is not None and ordered is not None else ()))
    return RoutingChange(file, dotted(steps) or "(the whole file)", _noun(called), shares, ordered, why, note, kept)


def _names(names: Json) -> tuple[str, ...]:
    return tuple(printable(str(name)) for name in names) if isinstance(names, list) else ()


def _why_order_counts(called: str, sides: tuple[Json, Json]) -> str:
    items = [item for side in sides if isinstance(side, list) for item in side if isinstance(item, dict)]
    if any(_CONDITIONS.intersection(item) for item in items):
        return "the first that matches wins"
    return "they are tried in this order" if "fallback" in called.lower() else ""


def _noun(called: str) -> str:
    return next((noun for noun in _NOUNS if noun in called.lower()), "route")


def _weigh(called: str, old: Json, new: Json) -> tuple[_Weights, _Weights] | None:
    """Return the weights of a routing's items by the step that leads to each, if it is one on both sides."""
    if isinstance(old, list) and isinstance(new, list):
        key = shared_identity(old, new)
        if key is None and len(old) != len(new):
            return None
        weighed = [_list_weights(side, key) for side in (old, new)]
        stayed = _steps(old, key) & _steps(new, key)
    elif isinstance(old, dict) and isinstance(new, dict):
        weighed = [_object_weights(side, called) for side in (old, new)]
        stayed = set(old) & set(new)
    else:
        return None
    if not all(weighed) or any((step in weighed[0]) != (step in weighed[1]) for step in stayed):
        return None
    return weighed[0], weighed[1]


def _steps(items: list[Json], key: tuple[str, ...] | None) -> set[Step]:
    if key is None:
        return set(range(len(items)))
    return {Item(key, value) for item in items if (value := find_identity(item, key)) is not None}


def _list_weights(items: list[Json], key: tuple[str, ...] | None) -> _Weights:
    found: dict[Step, float] = {}
    for place, item in enumerate(items):
        weight = _weight_of(item)
        identity = None if key is None else find_identity(item, key)
        if weight is not None:
            found[Item(key, identity) if key is not None and identity is not None else place] = weight
    return found


def _object_weights(node: Mapping[str, Json], called: str) -> _Weights:
    if called.lower() in _SPLITS and all(_is_weight(value) for value in node.values()):
        return {key: float(value) for key, value in node.items() if isinstance(value, int | float)}
    return {key: weight for key, value in node.items() if (weight := _weight_of(value)) is not None}


def _weight_of(item: Json) -> float | None:
    if not isinstance(item, dict):
        return None
    return next((float(value) for key in _WEIGHTS if isinstance(value := item.get(key), int | float) and _is_weight(value)), None)


def _is_weight(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LARGEST_WEIGHT


def _explains(key: KeyChange, steps: tuple[Step, ...], weighed: tuple[_Weights, _Weights]) -> bool:
    """Say whether a change is of a weight, or of a whole item that has one."""
    below = key.steps[len(steps) :]
    if not below or not (below[0] in weighed[0] or below[0] in weighed[1]):
        return False
    return len(below) == 1 or (below[1] in _WEIGHTS and key.change is Edit.CHANGED)


def _share_out(sides: tuple[Json, Json], old: _Weights, new: _Weights) -> tuple[Share, ...]:
    sums = sum(old.values()), sum(new.values())
    shares = []
    for step in dict.fromkeys([*new, *old]):
        weights = old.get(step), new.get(step)
        parts = [None if weight is None or not total else weight / total for weight, total in zip(weights, sums, strict=True)]
        shares.append(Share(_name_of(step, sides[1] if step in new else sides[0]), weights[0], weights[1], parts[0], parts[1]))
    return tuple(shares)


def _name_of(step: Step, items: Json) -> str:
    """Name a route: by its identity, else by where it leads, else by its place."""
    if isinstance(step, int) and isinstance(items, list):
        item = items[step]
        leads = (value for key in _LEADS_TO if isinstance(value := item.get(key), str)) if isinstance(item, dict) else iter(())
        return printable(next(leads, f"[{step}]")[:200])
    return printable(str(step.value if isinstance(step, Item) else step))


def _odd_sum(called: str, sides: tuple[Json, Json], old: _Weights, new: _Weights) -> str:
    before, after = sum(old.values()), sum(new.values())
    if _is_whole(after) or not (_is_whole(before) or _are_percent(called, sides[1])):
        return ""
    return f"the weights add up to {after:g}" + (f" (before: {before:g})" if not math.isclose(before, after) else "")


def _is_whole(total: float) -> bool:
    return math.isclose(total, 1, abs_tol=1e-6) or math.isclose(total, 100, abs_tol=1e-4)


def _are_percent(called: str, side: Json) -> bool:
    items = side if isinstance(side, list) else list(side.values()) if isinstance(side, dict) else []
    return called.lower() in _SPLITS - {"weights"} or any(isinstance(item, dict) and _OF_HUNDRED.intersection(item) for item in items)
