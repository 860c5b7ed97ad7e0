"""What an adapter's `adapter_config.json` says of it: rank, alpha, targets, dropout, and the model that it adapts.

Rules: a set of targets has no order, so another order of it is no change. What else is in the file is told by its keys.

    >>> old, new = {"r": 8, "target_modules": ["q_proj"]}, {"r": 16, "target_modules": ["q_proj", "k_proj"]}
    >>> say_adapter(compare_adapters("adapter_config.json", old, new, Effort()))
    ['LoRA rank 8 → 16, targets + k_proj']
"""

from __future__ import annotations

from collections.abc import Sequence

from lastgood.canonical import Json
from lastgood.compare.alignment import Effort
from lastgood.compare.change import Edit, KeyChange
from lastgood.compare.comparer import say_field_value
from lastgood.compare.key_phrases import say_key
from lastgood.compare.structured import compare_trees
from lastgood.compare.wording import shorten

NAME = "adapter_config.json"

_WORDS = {"r": "rank", "lora_alpha": "alpha", "lora_dropout": "dropout", "base_model_name_or_path": "base model"}
_SETS = {"target_modules": "targets", "modules_to_save": "whole modules", "layers_to_transform": "layers", "exclude_modules": "excluded"}
_MOST_NAMED = 6


def compare_adapters(path: str, old: Json, new: Json, effort: Effort) -> list[KeyChange]:
    """Return the keys of an adapter's config that differ: sets of names as wholes, then all others."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return list(compare_trees(path, old, new, effort))
    sets = [key for key in _SETS if isinstance(old.get(key), list) and isinstance(new.get(key), list)]
    before, after = ({key: value for key, value in side.items() if key not in sets} for side in (old, new))
    changes = [KeyChange(path, key, Edit.CHANGED, old[key], new[key], (key,)) for key in sets if _names(old[key]) != _names(new[key])]
    return [*changes, *compare_trees(path, before, after, effort)]


def _names(value: Json) -> list[str]:
    return sorted(map(str, value)) if isinstance(value, list) else []


def say_adapter(changes: Sequence[KeyChange]) -> list[str]:
    """Say how adapters differ: first what they are made of, on one line, then the other keys."""
    made_of = [say_value(change) for change in sorted(changes, key=_place) if _root(change) in _WORDS or _root(change) in _SETS]
    others = [f"{NAME}: {say_key(change)}" for change in changes if _root(change) not in _WORDS and _root(change) not in _SETS]
    return [*([f"LoRA {', '.join(dict.fromkeys(made_of))}"] if made_of else []), *others]


def _root(change: KeyChange) -> str:
    return str(change.steps[0]) if change.steps else ""


def _place(change: KeyChange) -> int:
    words = [*_WORDS, *_SETS]
    return words.index(_root(change)) if _root(change) in words else len(words)


def say_value(change: KeyChange) -> str:
    """Say how one key differs: `rank 8 → 16`, `targets + k_proj`."""
    root = _root(change)
    if root in _WORDS:
        return f"{_WORDS[root]} {say_field_value(change.old)} → {say_field_value(change.new)}"
    if len(change.steps) > 1:
        return f"{_SETS[root]} changed"
    old, new = (value if isinstance(value, list) else [] if value is None else [value] for value in (change.old, change.new))
    added, removed = ([shorten(str(one)) for one in here if one not in there] for here, there in ((new, old), (old, new)))
    said = [f"+ {_cut(added)}" if added else "", f"− {_cut(removed)}" if removed else ""]
    return f"{_SETS[root]} {', '.join(filter(None, said))}"


def _cut(names: Sequence[str]) -> str:
    return ", ".join([*names[:_MOST_NAMED], *([f"{len(names) - _MOST_NAMED} more"] if len(names) > _MOST_NAMED else [])])
