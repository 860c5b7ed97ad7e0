"""How a change of a config's key is said on one line, and which of them comes first.

Rules: the model's name comes first, then the other sampling parameters, which are called so, then the other keys in the
order of the file; a value that is a secret by its name is never said.

    >>> from lastgood.compare.alignment import Effort
    >>> from lastgood.compare.structured import compare_trees
    >>> changes = compare_trees("a.yaml", {"temperature": 0.2, "max": 1}, {"temperature": 0.9, "max": 2}, Effort())
    >>> [say_key(change) for change in changes]
    ['temperature: 0.2 → 0.9 (sampling)', 'max: 1 → 2']
"""

from __future__ import annotations

from collections.abc import Iterable

from lastgood.compare.change import Edit, KeyChange
from lastgood.compare.secrets import hide_within
from lastgood.compare.structured import names_model
from lastgood.compare.text_phrases import say_replacement
from lastgood.compare.wording import shorten, show_value, type_word


def by_weight(keys: Iterable[KeyChange]) -> list[KeyChange]:
    """Return changes in the order in which they are shown."""
    return sorted(keys, key=lambda key: (not key.sampling, not names_model(key.steps)))


def say_key(change: KeyChange) -> str:
    """Say what became of a key: `sampling.temperature: 0.2 → 0.9`."""
    key = shorten(change.key, 100) or "(the whole file)"
    called = change.sampling and not names_model(change.steps) and "sampling" not in key.lower()
    if change.hidden:
        return f"{key} {change.change.value} (value hidden)"
    old, new = (show_value(hide_within(value)) for value in (change.old, change.new))
    if change.change is Edit.ADDED:
        return f"{key} added: {new}{' (sampling)' if called else ''}"
    if change.change is Edit.REMOVED:
        return f"{key} removed (was {old}{'; sampling' if called else ''})"
    if change.change is Edit.REORDERED:
        return f"{key} reordered: {old} → {new}"
    if change.segments:
        return f"{key}: {say_replacement(change.segments)}"
    words = type_word(change.old), type_word(change.new)
    if words[0] != words[1] and "null" not in words:
        old, new = f"{old} ({words[0]})", f"{new} ({words[1]})"
    return f"{key}: {old} → {new}{' (sampling)' if called else ''}"
