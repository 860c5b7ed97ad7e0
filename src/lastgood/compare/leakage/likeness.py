"""Whether two texts are nearly the same, or only made after one template.

Rules: see the package; a pure decision on words, the same whichever of the two texts comes first but for the neighbours,
which are those of the evaluation text.

    >>> first, second = (f"the parcel that you sent to {city} came broken".split() for city in ("berlin", "paris"))
    >>> is_near(first, second, [])
    True
    >>> others = [f"the parcel that you sent to {city} came broken".split() for city in ("rome", "oslo", "bern", "kiel")]
    >>> is_near(first, second, others), is_near(first, [*first, "again"], others)
    (False, True)
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

LEAST_WORDS = 6
"""Texts of fewer words are compared word for word only."""

LIKENESS = 0.6
"""The share of their words and pairs of words that near duplicates have in common, at least."""

AGREEMENT = 0.8
"""The share of what tells the shorter text from its neighbours that must stand in the other, at least."""

LEAST_NEIGHBOURS = 4
"""Fewer texts that are built alike are no template."""

_LEAST_OWN = 0.5


def likeness(first: Sequence[str], second: Sequence[str]) -> float:
    """Return the share of their words and pairs of words that two texts have in common (Jaccard), from 0 to 1."""
    mine, theirs = _parts(first), _parts(second)
    either = len(mine | theirs)
    return len(mine & theirs) / either if either else 0.0


def is_near(evaluated: Sequence[str], trained: Sequence[str], neighbours: Sequence[Sequence[str]]) -> bool:
    """Whether an evaluation text and a training text are near duplicates.

    Args:
        evaluated: the words of the one.
        trained: the words of the other.
        neighbours: the words of other training texts that are built like the first, each text once.
    """
    if min(len(evaluated), len(trained)) < LEAST_WORDS or likeness(evaluated, trained) < LIKENESS:
        return False
    mine, theirs = set(evaluated), set(trained)
    return _numbers_agree(mine, theirs) and _own_words_agree(mine, theirs, neighbours)


def _parts(words: Sequence[str]) -> set[str | tuple[str, str]]:
    return {*words, *itertools.pairwise(words)}


def _numbers_agree(mine: set[str], theirs: set[str]) -> bool:
    ours, others = ({word for word in words if any(map(str.isdigit, word))} for words in (mine, theirs))
    return not ours or not others or len(ours & others) >= AGREEMENT * min(len(ours), len(others))


def _own_words_agree(mine: set[str], theirs: set[str], neighbours: Sequence[Sequence[str]]) -> bool:
    weights = _weights(mine | theirs, neighbours)
    if sum(weights[word] for word in mine) < _LEAST_OWN:
        # It has no words of its own: the neighbours are copies of it, and so may this one be.
        weights = dict.fromkeys(weights, 1.0)
    shared = sum(weights[word] for word in mine & theirs)
    smaller = min(sum(weights[word] for word in words) for words in (mine, theirs))
    return shared >= AGREEMENT * smaller


def _weights(words: set[str], neighbours: Sequence[Sequence[str]]) -> Mapping[str, float]:
    if len(neighbours) < LEAST_NEIGHBOURS:
        return dict.fromkeys(words, 1.0)
    sets = [set(one) for one in neighbours]
    return {word: 1.0 - sum(word in one for one in sets) / len(sets) for word in words}
