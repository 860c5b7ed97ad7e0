"""The details of artifacts: what became of each tensor, the totals of each layer, and what a vocabulary won and lost.

detail             says
LayerTotals        each layer that changed: how many of its tensors, and how far they moved together
TensorChanges      each tensor that is not as it was, the furthest first
VocabularyChange   which tokens came and went, and which changed their numbers

>>> shape = Form("f32", (2, 3))
>>> str(shape)
'f32 2×3'
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lastgood.canonical import JsonObject
from lastgood.compare.artifacts.sums import Sums
from lastgood.compare.showing import Block, Line, Table, aside, new_value, old_value, plain
from lastgood.compare.text_change import MOST_SHOWN
from lastgood.compare.wording import quote

_MOST_TENSORS = 5
_NEAR_ONE = 0.9999
_AS_GOOD_AS_ONE = 1 - 1e-12
_SMALLEST_SHARE = 0.001


class TensorEdit(StrEnum):
    """What became of a tensor."""

    CHANGED = "changed"
    RETYPED = "dtype changed"
    RESHAPED = "reshaped"
    ADDED = "added"
    REMOVED = "removed"
    RENAMED = "renamed"


@dataclass(frozen=True, slots=True)
class Form:
    """What a tensor is: its kind, and its shape with the slowest dimension first."""

    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.dtype} {self.size}"

    @property
    def size(self) -> str:
        """The shape, as people write it."""
        return "×".join(map(str, self.shape)) or "scalar"


@dataclass(frozen=True, slots=True)
class TensorChange:
    """What became of one tensor.

    Attributes:
        change: the sort of change.
        name: its name, the new one where it was renamed.
        path: the file that it lies in, or lay in.
        old: what it was, None where it was added.
        new: what it is, None where it was removed.
        old_name: its name before, where that is another.
        sums: how far it moved, where that can be said.
        layer: what it belongs to.
    """

    change: TensorEdit
    name: str
    path: str
    old: Form | None
    new: Form | None
    old_name: str = ""
    sums: Sums | None = None
    layer: str = ""

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "name": self.name,
            "path": self.path,
            "change": self.change.value,
            "layer": self.layer,
            "old_name": self.old_name or None,
            "old": _form_json(self.old),
            "new": _form_json(self.new),
            "measured": self.sums.to_json() if self.sums is not None else None,
        }

    def line(self) -> Line:
        """Return what to draw of a change that is no number."""
        if self.change is TensorEdit.RENAMED:
            return Line((plain(f"renamed {self.old_name} → {self.name}"),))
        if self.old is None:
            return Line((new_value("added"), plain(f" {self.name} ({self.new})")))
        if self.new is None:
            return Line((old_value("removed"), plain(f" {self.name} ({self.old})")))
        values = (self.old.dtype, self.new.dtype) if self.old.shape == self.new.shape else (str(self.old), str(self.new))
        moved = f" ({said_of(self.sums)})" if self.sums is not None else ""
        return Line((plain(f"{self.name}: "), old_value(values[0]), plain(" → "), new_value(values[1]), plain(moved)))


def _form_json(form: Form | None) -> JsonObject | None:
    return None if form is None else {"dtype": form.dtype, "shape": list(form.shape)}


def said_of(sums: Sums) -> str:
    """Say how far a tensor moved: `relative L2 0.012`."""
    if not sums.changed:
        return "the same values"
    if not sums.numeric:
        return f"{show_share(sums)} of its blocks"
    relative = sums.relative_l2
    if relative is None:
        return _without_number(sums)
    if not relative and (sums.old_nan or sums.new_nan or sums.old_infinite or sums.new_infinite):
        return "only in values that are NaN or infinite"
    return f"relative L2 {relative:.2g}"


def _without_number(sums: Sums) -> str:
    return "past what a float holds" if sums.old_square else "from zeros"


def show_share(sums: Sums) -> str:
    """Show which share changed: `3.2%`."""
    if sums.changed == sums.items:
        return "100%"
    return "< 0.1%" if sums.share < _SMALLEST_SHARE else f"{min(sums.share, 0.999):.1%}"


@dataclass(frozen=True, slots=True)
class TensorChanges:
    """Every tensor that is not as it was.

    Attributes:
        tensors: the furthest moved first, then those that changed in another way.
        same: how many others were compared, or known to be the same, in the files that differ.
        moved: how many of these lie in another file now.
    """

    tensors: tuple[TensorChange, ...]
    same: int
    moved: int

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"type": "tensors", "same": self.same, "moved": self.moved, "tensors": [tensor.to_json() for tensor in self.tensors]}

    def shown(self, *, everything: bool = False) -> Iterator[Block]:
        """Yield a table of those that moved, then a line each of the others."""
        most = len(self.tensors) if everything else _MOST_TENSORS
        moved = [tensor for tensor in self.tensors if tensor.change is TensorEdit.CHANGED]
        others = [tensor for tensor in self.tensors if tensor.change is not TensorEdit.CHANGED]
        if moved:
            rows = tuple((tensor.name, *_cells(tensor.sums)) for tensor in moved[:most])
            yield Table(("tensor", *_HEADERS), rows)
            yield from _more(len(moved) - most, "tensors")
        yield from (tensor.line() for tensor in others[:most])
        yield from _more(len(others) - most, "tensors")


_HEADERS = ("relative L2", "cosine", "max |Δ|", "changed")


def _cells(sums: Sums | None) -> tuple[str, ...]:
    if sums is None:
        return ("", "", "", "")
    if not sums.numeric:
        return ("", "", "", f"{show_share(sums)} of blocks")
    relative = sums.relative_l2
    return (
        _without_number(sums) if relative is None else f"{relative:.2g}",
        show_cosine(sums.cosine),
        f"{sums.largest:.2g}",
        show_share(sums),
    )


def show_cosine(cosine: float | None) -> str:
    """Show a cosine, one that is near 1 by what it lacks."""
    if cosine is None:
        return "none"
    return f"1 − {1 - cosine:.1g}" if _NEAR_ONE < cosine < _AS_GOOD_AS_ONE else f"{cosine:.4f}"


def _more(left: int, what: str) -> Iterator[Block]:
    if left > 0:
        yield Line((aside(f"… and {left:,} more {what}; --all shows them"),))


@dataclass(frozen=True, slots=True)
class LayerTotal:
    """How far the changed tensors of one layer, or of one other part, moved together.

    Attributes:
        name: what it is.
        tensors: how many of its tensors changed.
        of: how many it has.
        sums: of those that changed.
    """

    name: str
    tensors: int
    of: int
    sums: Sums


@dataclass(frozen=True, slots=True)
class LayerTotals:
    """What changed of each layer, the furthest first."""

    layers: tuple[LayerTotal, ...]

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        layers: list[JsonObject] = [
            {"name": layer.name, "tensors_changed": layer.tensors, "tensors": layer.of, **layer.sums.to_json()} for layer in self.layers
        ]
        return {"type": "layers", "layers": list(layers)}

    def shown(self, *, everything: bool = False) -> Iterator[Block]:
        """Yield one table."""
        most = len(self.layers) if everything else MOST_SHOWN
        rows = tuple((layer.name, f"{layer.tensors:,} of {layer.of:,}", *_cells(layer.sums)) for layer in self.layers[:most])
        yield Table(("layer", "tensors", *_HEADERS), rows)
        yield from _more(len(self.layers) - most, "layers")


@dataclass(frozen=True, slots=True)
class VocabularyChange:
    """How the vocabulary of a tokenizer differs; of very many tokens the first ones stand here.

    Attributes:
        path: the file.
        old_size: how many tokens it had.
        new_size: how many it has.
        added: tokens that came.
        removed: tokens that went.
        added_count: how many came.
        removed_count: how many went.
        renumbered: how many have another number, or another score.
        merges_added: how many merges came.
        merges_removed: how many went.
        merges_reordered: whether they are the same ones in another order, which decides what is merged first.
    """

    path: str
    old_size: int
    new_size: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    added_count: int
    removed_count: int
    renumbered: int
    merges_added: int = 0
    merges_removed: int = 0
    merges_reordered: bool = False

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "type": "vocabulary",
            "path": self.path,
            "old_size": self.old_size,
            "new_size": self.new_size,
            "added": list(self.added),
            "removed": list(self.removed),
            "added_count": self.added_count,
            "removed_count": self.removed_count,
            "renumbered": self.renumbered,
            "merges_added": self.merges_added,
            "merges_removed": self.merges_removed,
            "merges_reordered": self.merges_reordered,
        }

    def shown(self, *, everything: bool = False) -> Iterator[Block]:
        """Yield the tokens that came and went."""
        most = None if everything else MOST_SHOWN
        yield Line((plain(f"{self.path}: {self.old_size:,} → {self.new_size:,} tokens"),))
        for verb, tokens, count, mark in (
            ("added", self.added, self.added_count, new_value),
            ("removed", self.removed, self.removed_count, old_value),
        ):
            if count:
                shown = tokens[:most]
                more = f" and {count - len(shown):,} more" if count > len(shown) else ""
                yield Line((mark(verb), plain(f" {_quoted(shown)}{more}")), indent=1)


def _quoted(tokens: Sequence[str]) -> str:
    return ", ".join(quote(token, 40) for token in tokens)
