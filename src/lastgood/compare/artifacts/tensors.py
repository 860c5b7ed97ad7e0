"""All tensors of two sides together: what became of each, and how far each layer moved.

Rule: the numbers of a layer are those of its changed tensors together; its share of changed values counts all its tensors,
whose sizes are known without reading them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lastgood.compare.artifacts.changes import Form, LayerTotal, LayerTotals, TensorChange, TensorChanges, TensorEdit
from lastgood.compare.artifacts.layers import Group, Naming, group_of, is_lora
from lastgood.compare.artifacts.matching import match
from lastgood.compare.artifacts.measuring import has_one_shape, measure
from lastgood.compare.artifacts.reading import Sources
from lastgood.compare.artifacts.sides import LaidOut, Placed, placed
from lastgood.compare.artifacts.sums import Sums
from lastgood.compare.change import Detail

_SHARD = re.compile(r"-(\d{5})-of-(\d{5})\.")
_ORDER = (
    TensorEdit.CHANGED,
    TensorEdit.RETYPED,
    TensorEdit.RESHAPED,
    TensorEdit.REMOVED,
    TensorEdit.ADDED,
    TensorEdit.RENAMED,
)


@dataclass(frozen=True, slots=True)
class TensorFindings:
    """What was found between the tensors of two sides.

    Attributes:
        tensors: what became of each.
        totals: what became of each layer whose values changed, the furthest first.
        naming: how the layers are called.
        complete: whether all files of the model were seen, and not only those of its shards that differ.
        is_adapter: whether there is nothing but matrices of LoRA.
        old_layers: the groups of the old side.
        new_layers: the groups of the new side.
        formats: the formats of both sides.
        files: how many files each side has them in.
    """

    tensors: TensorChanges
    totals: Sequence[tuple[Group, LayerTotal]]
    naming: Naming
    complete: bool
    is_adapter: bool
    old_layers: frozenset[Group]
    new_layers: frozenset[Group]
    formats: tuple[frozenset[str], frozenset[str]]
    files: tuple[int, int]

    def of(self, edit: TensorEdit) -> list[TensorChange]:
        """Return the tensors that changed in one way."""
        return [tensor for tensor in self.tensors.tensors if tensor.change is edit]

    def details(self) -> list[Detail]:
        """Return the details: the totals where they say more than one tensor does, then each tensor."""
        details: list[Detail] = []
        if len(self.of(TensorEdit.CHANGED)) > 1 and len(self.tensors.tensors) > len(self.totals):
            details.append(LayerTotals(tuple(total for _, total in self.totals)))
        if self.tensors.tensors:
            details.append(self.tensors)
        return details


def compare_tensors(old: Sequence[LaidOut], new: Sequence[LaidOut], sources: Sources) -> TensorFindings:
    """Compare the tensors of two sides.

    Args:
        old: the files of the one side that have any, and that differ from the other side's.
        new: likewise.
        sources: reads them.

    Raises:
        Integrity: the bytes of a tensor are damaged.
    """
    sides = placed(old), placed(new)
    matched = match(*sides, sources)
    known = [*(new for pairs in (matched.pairs, matched.renamed) for _, new in pairs), *matched.removed]
    groups = _Groups(*sides, [*sides[1], *matched.removed])
    found = _Found(groups)
    for before, after in matched.pairs:
        found.pair(before, after, sources)
    found.others(matched.renamed, matched.removed, matched.added)
    of_sides = [frozenset(map(groups.of, side)) for side in (known, sides[1])]
    return TensorFindings(
        TensorChanges(tuple(sorted(found.changes, key=_weight)), found.same, found.moved),
        found.totals(sides[1]),
        groups.naming,
        all(map(_is_complete, (old, new))),
        all(is_lora(one.name) for side in sides for one in side),
        of_sides[0],
        of_sides[1],
        (_formats(old), _formats(new)),
        (len(old), len(new)),
    )


def _formats(files: Iterable[LaidOut]) -> frozenset[str]:
    return frozenset(file.form for file in files if file.form is not None)


def _is_complete(files: Sequence[LaidOut]) -> bool:
    """Say whether all shards of a model differ, so that all were seen; names of shards say how many there are."""
    shards = [shard for file in files if (shard := _SHARD.search(file.entry.path)) is not None]
    return all(len(shards) >= int(shard[2]) for shard in shards)


def _weight(tensor: TensorChange) -> tuple[int, float, float, str]:
    relative, share = tensor.sums.weight if tensor.sums is not None else (0.0, 0.0)
    return _ORDER.index(tensor.change), -relative, -share, tensor.name


class _Groups:
    """Which layer each tensor is of; where several models have the same names, their files tell them apart."""

    def __init__(self, old: Sequence[Placed], new: Sequence[Placed], named: Sequence[Placed]) -> None:
        self._in_several = any(map(_has_one_name_twice, (old, new)))
        self.naming = Naming({self.of(one) for one in named})

    def of(self, one: Placed) -> Group:
        group = Group(module=one.name) if one.is_numbered else group_of(one.name)
        if not self._in_several:
            return group
        folder = _folder(one)
        return Group(f"{folder}:{group.stack}", group.number, f"{folder}:{group.module}" if group.module else "")


def _has_one_name_twice(tensors: Sequence[Placed]) -> bool:
    folders: dict[str, str] = {}
    return any(folders.setdefault(one.name, _folder(one)) != _folder(one) for one in tensors)


def _folder(one: Placed) -> str:
    return one.entry.path.rpartition("/")[0]


class _Found:
    def __init__(self, groups: _Groups) -> None:
        self.changes: list[TensorChange] = []
        self.same = 0
        self.moved = 0
        self._groups = groups
        self._sums: dict[Group, list[Sums]] = defaultdict(list)

    def pair(self, old: Placed, new: Placed, sources: Sources) -> None:
        """Take in a tensor that both sides have."""
        is_one_form = old.tensor.dtype == new.tensor.dtype and has_one_shape(old, new)
        sums = measure(old, new, sources)
        if not is_one_form:
            self._add(TensorEdit.RESHAPED if old.tensor.dtype == new.tensor.dtype else TensorEdit.RETYPED, old, new, sums)
        elif sums is not None and sums.changed:
            self._sums[self._groups.of(new)].append(sums)
            self._add(TensorEdit.CHANGED, old, new, sums)
        elif old.name != new.name:
            self._add(TensorEdit.RENAMED, old, new, None)
        else:
            self.same += 1
            self.moved += old.entry.path != new.entry.path

    def others(self, renamed: Iterable[tuple[Placed, Placed]], removed: Iterable[Placed], added: Iterable[Placed]) -> None:
        """Take in what has no partner of its name."""
        for old, new in renamed:
            self._add(TensorEdit.RENAMED, old, new, None)
        for one in removed:
            self._add(TensorEdit.REMOVED, one, None, None)
        for one in added:
            self._add(TensorEdit.ADDED, None, one, None)

    def _add(self, edit: TensorEdit, old: Placed | None, new: Placed | None, sums: Sums | None) -> None:
        here = new or old
        if here is None:
            return
        forms = [None if one is None else Form(one.tensor.dtype, one.tensor.shape) for one in (old, new)]
        if old is not None and new is not None and has_one_shape(old, new):
            shape = min(old.tensor.shape, new.tensor.shape, key=lambda one: (-len(one), one))
            forms = [Form(one.tensor.dtype, shape) for one in (old, new)]
        was = old.name if old is not None and new is not None and old.name != new.name else ""
        layer = self._groups.naming.name(self._groups.of(here))
        self.changes.append(TensorChange(edit, here.name, here.entry.path, forms[0], forms[1], was, sums, layer))

    def totals(self, new: Sequence[Placed]) -> list[tuple[Group, LayerTotal]]:
        """Return what became of each layer."""
        counts: Counter[Group] = Counter()
        items: Counter[Group] = Counter()
        for one in new:
            group = self._groups.of(one)
            counts[group] += 1
            items[group] += one.tensor.length // one.tensor.item_bytes
        totals = []
        for group, changed in self._sums.items():
            together = Sums(numeric=any(sums.numeric for sums in changed))
            for sums in changed:
                together.include(sums)
            together.items = max(items[group], together.items)
            totals.append((group, LayerTotal(self._groups.naming.name(group), len(changed), counts[group], together)))
        return sorted(totals, key=lambda one: (-one[1].sums.weight[0], -one[1].sums.weight[1], one[1].name))
