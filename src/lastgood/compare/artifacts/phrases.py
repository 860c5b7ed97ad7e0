"""What is said of tensors: one sentence each, the weightiest first.

Rules: values that are not finite any more come before everything, since a model that has some answers nonsense; then what
most tensors have in common. "Only" is said where other tensors are the same; "all layers" only where every file of the
model was seen. How far is told for one or two parts each, of more for the one that moved furthest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from lastgood.compare.artifacts.changes import LayerTotal, TensorChange, TensorEdit, said_of, show_share
from lastgood.compare.artifacts.layers import is_lora, listed
from lastgood.compare.artifacts.sides import format_name
from lastgood.compare.artifacts.sums import Sums
from lastgood.compare.artifacts.tensors import TensorFindings
from lastgood.compare.wording import count, printable, shorten
from lastgood.formats.tensors.ggml import KINDS
from lastgood.formats.tensors.items import BITS

_NAME_WIDTH = 80
_MOST_PARTS = 3
_MOST_NAMED = 2
_QUANTISED = frozenset(kind.name for kind in KINDS.values()) - frozenset(BITS)


def say_tensors(found: TensorFindings) -> list[str]:
    """Return what is to be said of tensors; nothing where all of them are the same."""
    ordered: list[tuple[int, str]] = []
    changed = found.of(TensorEdit.CHANGED)
    if changed:
        ordered.append((len(changed), _say_changed(found, changed)))
    ordered += _say_retyped(found.of(TensorEdit.RETYPED))
    ordered += _say_reshaped(found.of(TensorEdit.RESHAPED))
    ordered += _say_come_and_gone(found)
    ordered.sort(key=lambda one: -one[0])
    said = [*_say_not_finite(found), *(text for _, text in ordered), *_say_finite_again(found)]
    if found.formats[0] and found.formats[1] and found.formats[0] != found.formats[1]:
        said.append(f"format {listed(sorted(map(format_name, found.formats[0])))} → {listed(sorted(map(format_name, found.formats[1])))}")
    return [*said, *_say_renamed(found.of(TensorEdit.RENAMED))]


def say_layout(found: TensorFindings) -> str:
    """Say what is different where no tensor is."""
    if found.files[0] != found.files[1] or found.tensors.moved:
        return f"identical tensors in another file layout ({count(found.files[0], 'file')} → {found.files[1]:,})"
    return "identical tensors, laid out in another way in the file"


def _say_not_finite(found: TensorFindings) -> Iterator[str]:
    for what, numbers in _NOT_FINITE:
        more = [(tensor, after - before) for tensor in found.tensors.tensors for before, after in [numbers(tensor.sums)] if after > before]
        if more:
            yield f"{_values(more)} {what} now ({_names([tensor.name for tensor, _ in more])})"


def _say_finite_again(found: TensorFindings) -> Iterator[str]:
    for what, numbers in _NOT_FINITE:
        less = [(tensor, before - after) for tensor in found.tensors.tensors for before, after in [numbers(tensor.sums)] if after < before]
        if less:
            yield f"{_values(less)} no longer {what} ({_names([tensor.name for tensor, _ in less])})"


def _values(counted: Sequence[tuple[TensorChange, int]]) -> str:
    total = sum(number for _, number in counted)
    return f"{count(total, 'value')} {'is' if total == 1 else 'are'}"


def _nan(sums: Sums | None) -> tuple[int, int]:
    return (0, 0) if sums is None else (sums.old_nan, sums.new_nan)


def _infinite(sums: Sums | None) -> tuple[int, int]:
    return (0, 0) if sums is None else (sums.old_infinite, sums.new_infinite)


_NOT_FINITE = (("NaN", _nan), ("infinite", _infinite))


def _say_changed(found: TensorFindings, changed: Sequence[TensorChange]) -> str:
    """Say which parts moved, and how far."""
    is_rest_same = found.tensors.same > 0 or found.of(TensorEdit.RENAMED) or not found.complete
    others = [tensor for tensor in found.tensors.tensors if tensor.change not in {TensorEdit.CHANGED, TensorEdit.RENAMED}]
    only = "only " if is_rest_same and not others else ""
    if len(changed) == 1 and changed[0].sums is not None:
        sums = changed[0].sums
        share = f", {show_share(sums)} of its values" if sums.numeric else ""
        return f"{only}{shorten(changed[0].name, _NAME_WIDTH)} changed ({said_of(sums)}{share})"
    groups = [group for group, _ in found.totals]
    layers = [group for group in groups if found.naming.is_layer(group)]
    if not layers and len(groups) > _MOST_PARTS:
        of = f" of {len(changed) + found.tensors.same:,}" if found.complete and not others else ""
        return f"{len(changed):,}{of} tensors changed{_most(found.totals[0][1])}"
    named = found.naming.layers_of(layers)
    if found.complete and 1 < found.naming.layers == len(layers):
        named, only = [f"all {len(layers)} layers"], ""
    subject = printable(listed([*named, *found.naming.parts_of(groups, _MOST_PARTS)]))
    if all(is_lora(tensor.name) for tensor in changed):
        subject = f"{subject} of the LoRA adapter" if found.is_adapter else f"the LoRA matrices of {subject}"
    return f"{only}{subject} changed{_how_far(found)}"


def _how_far(found: TensorFindings) -> str:
    totals = found.totals
    if len(totals) > 2:  # noqa: PLR2004 - as many as a sentence holds
        return _most(totals[0][1])
    ordered = sorted(totals, key=lambda one: (not found.naming.is_layer(one[0]), one[0].number or 0, one[1].name))
    sums = [total.sums for _, total in ordered]
    values = [f"{one.relative_l2:.2g}" for one in sums if one.relative_l2 is not None and one.numeric]
    if len(values) == len(sums):
        return f" (relative L2 {listed(values)})"
    return f" ({listed([said_of(one) for one in sums])})"


def _most(total: LayerTotal) -> str:
    return f", most of all {shorten(total.name, _NAME_WIDTH)} ({said_of(total.sums)})"


def _say_retyped(tensors: Sequence[TensorChange]) -> Iterator[tuple[int, str]]:
    numbers = Counter((tensor.old.dtype, tensor.new.dtype) for tensor in tensors if tensor.old is not None and tensor.new is not None)
    for (old, new), number in numbers.most_common(_MOST_PARTS):
        names = f"for {count(number, 'tensor')}"
        if number == 1:
            names = "for " + next(_short(one) for one in tensors if one.old and one.new and (one.old.dtype, one.new.dtype) == (old, new))
        yield number, f"{_word(old, new)} {shorten(old)} → {shorten(new)} {names}{_at_most(tensors, old, new)}"
    rest = sum(numbers.values()) - sum(number for _, number in numbers.most_common(_MOST_PARTS))
    if rest:
        yield rest, f"other dtypes for {count(rest, 'tensor')}"


def _word(old: str, new: str) -> str:
    if old in _QUANTISED and new in _QUANTISED:
        return "quantisation"
    if new in _QUANTISED:
        return "quantised:"
    return "no longer quantised:" if old in _QUANTISED else "dtype"


def _at_most(tensors: Sequence[TensorChange], old: str, new: str) -> str:
    sums = [
        tensor.sums
        for tensor in tensors
        if tensor.sums is not None
        and tensor.old is not None
        and tensor.new is not None
        and (tensor.old.dtype, tensor.new.dtype) == (old, new)
    ]
    if not sums:
        return ""
    furthest = max(sums, key=lambda one: one.weight)
    if not furthest.changed:
        return ", the same values"
    return f" ({said_of(furthest)})" if len(sums) == 1 else f" ({said_of(furthest)} at most)"


def _say_reshaped(tensors: Sequence[TensorChange]) -> Iterator[tuple[int, str]]:
    for tensor in tensors[:_MOST_NAMED]:
        if tensor.old is not None and tensor.new is not None:
            yield 1, f"{_short(tensor)} reshaped {tensor.old.size} → {tensor.new.size}{_kept_rows(tensor)}"
    if len(tensors) > _MOST_NAMED:
        yield 1, f"{count(len(tensors) - _MOST_NAMED, 'more tensor')} reshaped"


def _kept_rows(tensor: TensorChange) -> str:
    if tensor.sums is None or tensor.old is None or tensor.new is None:
        return ""
    is_whole = sorted(tensor.old.shape) == sorted(tensor.new.shape) or tensor.old.shape[1:] != tensor.new.shape[1:]
    if not tensor.sums.changed:
        return ", the same values" if is_whole else ", the rows that both have are the same"
    return f" ({said_of(tensor.sums)})" if is_whole else f" ({said_of(tensor.sums)} in the rows that both have)"


def _say_come_and_gone(found: TensorFindings) -> Iterator[tuple[int, str]]:
    removed, added = found.of(TensorEdit.REMOVED), found.of(TensorEdit.ADDED)
    rest = len(found.tensors.tensors) - len(removed) - len(added) + found.tensors.same
    if removed and added and not rest and found.complete:
        yield len(removed), f"another model: {count(len(removed), 'tensor')} removed, {len(added):,} added ({_names_of(added)})"
        return
    for tensors, verb, here, there in (
        (removed, "removed", found.old_layers, found.new_layers),
        (added, "added", found.new_layers, found.old_layers),
    ):
        if tensors:
            yield len(tensors), _say_one_sided(found, tensors, verb, [group for group in here - there if found.naming.is_layer(group)])


def _say_one_sided(found: TensorFindings, tensors: Sequence[TensorChange], verb: str, layers: Sequence[object]) -> str:
    groups = [group for group in found.naming.groups if group in layers]
    names = {found.naming.name(group) for group in groups}
    number = f"{len(tensors):,} LoRA matrices" if all(is_lora(one.name) for one in tensors) else count(len(tensors), "tensor")
    if groups and all(tensor.layer in names for tensor in tensors) and found.complete:
        return f"{printable(listed(found.naming.layers_of(groups)))} {verb} ({number})"
    if len(tensors) == 1:
        one = tensors[0].new or tensors[0].old
        return f"{_short(tensors[0])} {verb} ({one})"
    return f"{number} {verb} ({_names_of(tensors)})"


def _say_renamed(tensors: Sequence[TensorChange]) -> Iterator[str]:
    if len(tensors) == 1:
        yield f"{shorten(tensors[0].old_name, _NAME_WIDTH)} renamed to {_short(tensors[0])}, the same bytes"
    elif tensors:
        first = f"{shorten(tensors[0].old_name, _NAME_WIDTH)} → {_short(tensors[0])}"
        yield f"{count(len(tensors), 'tensor')} renamed, the same bytes ({first}, …)"


def _short(tensor: TensorChange) -> str:
    return shorten(tensor.name, _NAME_WIDTH)


def _names_of(tensors: Sequence[TensorChange]) -> str:
    return _names([tensor.name for tensor in tensors])


def _names(names: Sequence[str]) -> str:
    more = [f"{len(names) - _MOST_NAMED:,} more"] if len(names) > _MOST_NAMED else []
    return ", ".join([*(shorten(name, _NAME_WIDTH) for name in names[:_MOST_NAMED]), *more])
