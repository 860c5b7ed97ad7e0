"""Following the steps of a change through a tree.

>>> list(Following({"a": [{"name": "x", "v": 1}]}).nodes(("a", Item(("name",), "x"), "v")))[1:]
[[{'name': 'x', 'v': 1}], {'name': 'x', 'v': 1}, 1]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lastgood.canonical import Json
from lastgood.compare.change import Item, Step
from lastgood.compare.structured import find_identity


class Following:
    """Follows steps through one tree; a list's items are looked up by their identity once for all steps."""

    def __init__(self, tree: Json) -> None:
        self._tree = tree
        self._items: dict[tuple[int, tuple[str, ...]], dict[str | int | None, Json]] = {}

    def nodes(self, steps: Sequence[Step]) -> Iterator[Json]:
        """Yield the tree, and what each step leads to, as far as there is something."""
        node = self._tree
        yield node
        for step in steps:
            try:
                node = self._step(node, step)
            except LookupError:
                return
            yield node

    def _step(self, node: Json, step: Step) -> Json:
        found: Json
        if isinstance(step, str) and isinstance(node, dict):
            found = node[step]
            return found
        if isinstance(step, int) and isinstance(node, list):
            found = node[step]
            return found
        if isinstance(step, Item) and isinstance(node, list):
            return self._by_identity(node, step.key)[step.value]
        raise LookupError

    def _by_identity(self, node: list[Json], key: tuple[str, ...]) -> dict[str | int | None, Json]:
        known = self._items.get((id(node), key))
        if known is None:
            known = self._items[id(node), key] = {find_identity(item, key): item for item in node}
        return known
