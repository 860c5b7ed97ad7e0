"""Which changes are shown first: those most likely to move behavior.

The rank of a change is a number; the lowest comes first, names decide between equals. It is the sum of what the tables
below say, and nothing else:

    kind        rank  why
    prompt      10    every answer is made from it, it is edited most often and by hand, and nothing else tests it
    config      20    sampling, tools and routing act on every answer; edited by hand as well
    hosted      30    another model answers; rarer, and usually on purpose
    artifact    40    other weights answer; made by a training run and usually evaluated
    code        50    what is around the model; usually reviewed and tested
    runtime     60    packages and platform; seldom changes answers, but sometimes numerics
    dataset     70    does not act in production; it explains why an artifact changed
    eval        80    does not act in production; it changes how a release is judged

    leakage     65    rows of evaluation data that newly stand in training data: before datasets, since it puts every later
                      judgement in doubt; 75, after them, where all of it stood there before the change

    cosmetic   +100   only whitespace, comments, layout, key order, or modes of files that nobody runs: after the others
    unchanged +1000   last

    what was measured stands among the changes of components:
    a sure drop  0   the whole interval of a metric lies below nothing: the most important line there is
    other        5   a sure rise, or scores that cannot be compared, which a reader would compare otherwise
    nothing     85   what chance explains, and releases that were never judged

Who knows better says so in `lastgood.toml`, for a kind or for a component by its name: `[diff.rank]`, with numbers below 100,
so that what is cosmetic or unchanged still comes last.

Within a component the comparers put first what matters: sampling parameters and model names before other keys, the texts
with the most changed words before others, what is cosmetic last.

    >>> name = ComponentName.parse("train")
    >>> DEFAULT_RANKS.of(name, Kind.DATASET, Change.CHANGED), Ranks.overridden({"train": 15}).of(name, Kind.DATASET, Change.CHANGED)
    (70, 15)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from lastgood.compare.change import Change, ComponentChange
from lastgood.ids import ComponentName
from lastgood.model.component import Kind

KIND_RANKS: Mapping[Kind, int] = MappingProxyType(
    {
        Kind.PROMPT: 10,
        Kind.CONFIG: 20,
        Kind.HOSTED: 30,
        Kind.ARTIFACT: 40,
        Kind.CODE: 50,
        Kind.RUNTIME: 60,
        Kind.DATASET: 70,
        Kind.EVAL: 80,
    }
)
NEW_LEAKAGE, KNOWN_LEAKAGE = 65, 75
COSMETIC = 100
MEASURED_DROP, MEASURED_CHANGE, MEASURED_NOTHING = 0, 5, 85
UNCHANGED = 1000


@dataclass(frozen=True, slots=True)
class Ranks:
    """How likely changes move behavior, by kind, and by component where somebody said so.

    Attributes:
        kinds: a rank for each kind.
        components: ranks that hold whatever the kind.
    """

    kinds: Mapping[Kind, int] = field(default_factory=lambda: KIND_RANKS)
    components: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def overridden(cls, ranks: Mapping[str, int]) -> Ranks:
        """Return the table with other ranks, by the names of components and of kinds; one that is both is a component's."""
        kinds = {kind: ranks.get(kind.value, rank) for kind, rank in KIND_RANKS.items()}
        return cls(kinds, ranks)

    def of(self, name: ComponentName, kind: Kind, change: Change, *, cosmetic: bool = False) -> int:
        """Return the rank of a change of a component.

        Args:
            name: the component.
            kind: its kind.
            change: what became of it.
            cosmetic: whether the change is of a sort that seldom moves behavior.
        """
        rank = self.components.get(name, self.kinds[kind])
        if change is Change.UNCHANGED:
            return rank + UNCHANGED
        return rank + (COSMETIC if cosmetic else 0)


DEFAULT_RANKS = Ranks()


def rank_changes(changes: Iterable[ComponentChange]) -> list[ComponentChange]:
    """Return changes, those most likely to move behavior first, in the same order whatever order they come in."""
    return sorted(changes, key=lambda change: (change.rank, change.name))
