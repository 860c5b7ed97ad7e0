"""Which tensor of the new side is which of the old one: by name, wherever it lies; then by its bytes.

Rules: a name is looked for in the same file first, then in the same folder, then anywhere, as long as it is there once:
shards of a model are cut anew, and a component may hold several models. Where most of the names that are left have one
prefix more, or less, than on the other side (`bert.encoder…`, `encoder…`), they are paired without it. What no name finds
is *renamed* where a tensor of the same kind and bytes has no partner either. What files are made of says whether bytes are
the same; where that is not enough, the first bytes are read, and the rest only where these agree.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

from lastgood.compare.artifacts.reading import Sources
from lastgood.compare.artifacts.sides import Placed

_HEAD = 64 << 10
_LONGEST_PREFIX = 80
_MOST_PREFIX_PARTS = 6
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Matched:
    """The tensors of both sides, paired.

    Attributes:
        pairs: those of one name, or of names that differ by a prefix that most have, in the order of the new side.
        renamed: those of the same bytes under another name.
        removed: those of the old side without a partner.
        added: those of the new side without one.
    """

    pairs: Sequence[tuple[Placed, Placed]]
    renamed: Sequence[tuple[Placed, Placed]]
    removed: Sequence[Placed]
    added: Sequence[Placed]


def match(old: Sequence[Placed], new: Sequence[Placed], sources: Sources) -> Matched:
    """Pair the tensors of two sides.

    Args:
        old: the one side's.
        new: the other's.
        sources: reads what names do not find.
    """
    rest = _Rest(list(old), list(new))
    pairs = rest.pair(lambda one: (one.entry.path, one.name))
    pairs += rest.pair(lambda one: (one.entry.path.rpartition("/")[0], one.name))
    pairs += rest.pair(lambda one: one.name)
    prefixes = _prefixes([one.name for one in rest.old], [one.name for one in rest.new])
    pairs += rest.pair(lambda one: prefixes[0] + one.name, lambda one: prefixes[1] + one.name) if any(prefixes) else []
    renamed = rest.pair_first(lambda one: (_form(one), _made_of(one, sources)))
    renamed += _by_bytes(rest, sources)
    by_place = sorted(pairs, key=lambda pair: pair[1].place)
    return Matched(by_place, sorted(renamed, key=lambda pair: pair[1].place), rest.old, rest.new)


Key = Callable[[Placed], Hashable]


class _Rest:
    """What has no partner yet."""

    def __init__(self, old: list[Placed], new: list[Placed]) -> None:
        self.old = old
        self.new = new

    def pair(self, key: Key, new_key: Key | None = None) -> list[tuple[Placed, Placed]]:
        """Pair what a key names on both sides, once on each; the new side may have a key of its own."""
        keys = key, new_key or key
        counts = [Counter(map(keys[side], (self.old, self.new)[side])) for side in (0, 1)]
        known = {keys[0](one): one for one in self.old if counts[0][keys[0](one)] == 1}
        pairs = [(known[name], one) for one in self.new if (name := keys[1](one)) in known and counts[1][name] == 1]
        self.drop(pairs)
        return pairs

    def pair_first(self, key: Key) -> list[tuple[Placed, Placed]]:
        """Pair what one key names on both sides, in order where there are several."""
        if not self.old or not self.new:
            return []
        known: dict[Hashable, list[Placed]] = defaultdict(list)
        for one in reversed(self.old):
            known[key(one)].append(one)
        pairs = []
        for one in self.new:
            candidates = known.get(key(one))
            if candidates:
                pairs.append((candidates.pop(), one))
        self.drop(pairs)
        return pairs

    def drop(self, pairs: Sequence[tuple[Placed, Placed]]) -> None:
        """Take away what has a partner now."""
        gone = [{(pair[side].entry.path, pair[side].tensor.name) for pair in pairs} for side in (0, 1)]
        self.old = [one for one in self.old if (one.entry.path, one.tensor.name) not in gone[0]]
        self.new = [one for one in self.new if (one.entry.path, one.tensor.name) not in gone[1]]


def _prefixes(old: Sequence[str], new: Sequence[str]) -> tuple[str, str]:
    """Return what to put before the old names, or before the new ones, so that at least half of the fewer ones meet."""
    numbers: Counter[tuple[str, str]] = Counter()
    for place, (longer, shorter) in enumerate(((new, set(old)), (old, set(new)))):
        for name in longer:
            numbers.update((prefix, "") if place == 0 else ("", prefix) for prefix in _starts(name) if name[len(prefix) :] in shorter)
    best = max(numbers.items(), key=lambda one: (one[1], one[0]), default=(("", ""), 0))
    return best[0] if best[1] > 1 and 2 * best[1] >= min(len(old), len(new)) else ("", "")


def _starts(name: str) -> Iterator[str]:
    at = 0
    for _ in range(_MOST_PREFIX_PARTS):
        at = name.find(".", at, _LONGEST_PREFIX) + 1
        if not at:
            return
        yield name[:at]


def _form(one: Placed) -> Hashable:
    return one.tensor.dtype, one.tensor.length


def _made_of(one: Placed, sources: Sources) -> Hashable:
    """Return what says which bytes a tensor has; of one in a file of which nothing is known, what no other has."""
    pieces = tuple(sources.parts(one.entry).pieces(one.tensor.offset, one.tensor.length))
    return pieces or (one.entry.digest, one.tensor.offset)


def _by_bytes(rest: _Rest, sources: Sources) -> list[tuple[Placed, Placed]]:
    """Pair what has the same bytes, reading only what could."""
    shared = set(map(_form, rest.old)) & set(map(_form, rest.new))
    candidates = _Rest(*([one for one in side if _form(one) in shared] for side in (rest.old, rest.new)))
    heads = {_key(one): _digest(one, sources, _HEAD) for side in (candidates.old, candidates.new) for one in side}
    likely = {(_form(one), heads[_key(one)]) for one in candidates.old} & {(_form(one), heads[_key(one)]) for one in candidates.new}
    for_whole = _Rest(*([one for one in side if (_form(one), heads[_key(one)]) in likely] for side in (candidates.old, candidates.new)))
    pairs = for_whole.pair_first(lambda one: (_form(one), _digest(one, sources, one.tensor.length)))
    rest.drop(pairs)
    return pairs


def _key(one: Placed) -> tuple[str, str, str]:
    return one.entry.path, str(one.entry.digest), one.tensor.name


def _digest(one: Placed, sources: Sources, length: int) -> bytes:
    hasher = hashlib.sha256()
    start, end = one.tensor.offset, one.tensor.offset + min(length, one.tensor.length)
    for at in range(start, end, _BLOCK):
        hasher.update(sources.read(one.entry, at, min(_BLOCK, end - at)))
    return hasher.digest()
