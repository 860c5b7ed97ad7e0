"""What the headers of tensor files say beside tensors, by dotted key: `llama.context_length: 4096 → 8192`.

Rules: the pairs of GGUF act on every answer (context length, chat template, vocabulary), the `__metadata__` of safetensors
on none: it is what a training script left there. A file is compared with the one of its path, or with the only other one
of its format where both have another name, as quantised files do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lastgood.compare.alignment import Effort
from lastgood.compare.artifacts.reading import Sources
from lastgood.compare.artifacts.sides import LaidOut
from lastgood.compare.change import KeyChange
from lastgood.compare.structured import compare_trees
from lastgood.compare.wording import printable
from lastgood.formats.tensors.metadata import read_metadata

_ACTING = frozenset({"gguf"})
_WITH_METADATA = frozenset({"gguf", "safetensors"})


def compare_headers(
    old: Sequence[LaidOut], new: Sequence[LaidOut], sources: Sources, effort: Effort
) -> tuple[list[KeyChange], list[KeyChange]]:
    """Return the keys that differ: those that act on answers, and those that do not."""
    acting: list[KeyChange] = []
    others: list[KeyChange] = []
    for before, after in _pairs(old, new):
        trees = [read_metadata(sources.opened(file.entry), file.entry.size) or {} for file in (before, after)]
        found = compare_trees(after.entry.path, trees[0], trees[1], effort)
        into = acting if after.form in _ACTING else others
        into += [_with_plain_key(change) for change in found]
    return acting, others


def _with_plain_key(change: KeyChange) -> KeyChange:
    """Return a change whose key is written as its format has it: dots are part of a key there."""
    first = change.steps[0] if change.steps else None
    return replace(change, key=printable(first)) if isinstance(first, str) and len(change.steps) == 1 else change


def _pairs(old: Sequence[LaidOut], new: Sequence[LaidOut]) -> list[tuple[LaidOut, LaidOut]]:
    by_path = {file.entry.path: file for file in old}
    pairs = [(by_path[file.entry.path], file) for file in new if file.entry.path in by_path]
    left = [file for file in old if all(file is not before for before, _ in pairs)]
    right = [file for file in new if file.entry.path not in by_path]
    if len(left) == len(right) == 1:
        pairs.append((left[0], right[0]))
    return [(before, after) for before, after in pairs if before.form == after.form and after.form in _WITH_METADATA]
