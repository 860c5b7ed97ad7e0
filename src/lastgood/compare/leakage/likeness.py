"""Whether two texts are nearly the same, or only made after one template.

Rules: see the package; a pure decision on words, the same whichever of the two texts comes first but for the neighbours,
which are those of the evaluation text.

    >>> first, second = (f"the parcel that you sent to {city} came broken".split() for city in ("berlin", "paris"))
    >>> is_near(first, second, [])
    True
    >>> others = [set(f"the parcel that you sent to {city} came broken".split()) for city in ("rome", "oslo", "bern", "kiel")]
    >>> is_near(first, second, others), is_near(first, [*first, "again"], others)
    (False, True)
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

LEAST_WORDS = 6
"""Texts of fewer words are compared word for word only."""

LIKENESS = 0.7
"""The share of their words and pairs of words that near duplicates have in common, at least."""

AGREEMENT = 0.8
"""The share of the shorter text's words that must stand in the other, at least, and likewise of its numbers."""

LEAST_NEIGHBOURS = 4
"""Fewer texts that are built alike are no template."""

TEMPLATE = 0.75
"""A word that so many of the neighbours have is the template's; the others are what it was filled in with."""


def likeness(first: Sequence[str], second: Sequence[str]) -> float:
    """Return the share of their words and pairs of words that two texts have in common (Jaccard), from 0 to 1."""
    mine, theirs = _parts(first), _parts(second)
    either = len(mine | theirs)
    return len(mine & theirs) / either if either else 0.0


def is_near(evaluated: Sequence[str], trained: Sequence[str], neighbours: Sequence[AbstractSet[str]]) -> bool:
    """Whether an evaluation text and a training text are near duplicates.

    Args:
        evaluated: the words of the one.
        trained: the words of the other.
        neighbours: the words of other texts that are built like the first, each text once.
    """
    if min(len(evaluated), len(trained)) < LEAST_WORDS or likeness(evaluated, trained) < LIKENESS:
        return False
    mine, theirs = set(evaluated), set(trained)
    if not _agree(mine, theirs) or not _agree(*({word for word in words if any(map(str.isdigit, word))} for words in (mine, theirs))):
        return False
    return not _are_filled_in_differently(mine, theirs, neighbours)


def _parts(words: Sequence[str]) -> set[str | tuple[str, str]]:
    return {*words, *itertools.pairwise(words)}


def _agree(mine: set[str], theirs: set[str]) -> bool:
    return len(mine & theirs) >= AGREEMENT * min(len(mine), len(theirs))


def _are_filled_in_differently(mine: set[str], theirs: set[str], neighbours: Sequence[AbstractSet[str]]) -> bool:
    """Whether each of two texts that were made after one template has a word of its own where the other has another."""
    if len(neighbours) < LEAST_NEIGHBOURS:
        return False

    def is_own(word: str) -> bool:
        return sum(word in one for one in neighbours) < TEMPLATE * len(neighbours)

    return any(map(is_own, mine - theirs)) and any(map(is_own, theirs - mine))
