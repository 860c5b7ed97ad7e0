"""What is said of leakage: how many rows, word for word or nearly, and some of them with both texts.

leakage            of                            says
LeakedRows         a pair of tables              how many rows leaked, how many had before, and samples
TrainedOnItself    a dataset with two uses       that what judges was made from what it is judged on
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from lastgood.canonical import JsonObject
from lastgood.compare.alignment import Effort
from lastgood.compare.leakage.overlap import Leak, Overlap
from lastgood.compare.showing import Block, Line, Span, aside, place, plain, strong
from lastgood.compare.text_change import MOST_SHOWN
from lastgood.compare.wording import count, printable
from lastgood.compare.words import compare_words

MOST_SAMPLES = 100
"""How many rows are told of; all are counted."""

_LONGEST_SHOWN = 400
_ONE_IN_A_HUNDRED = 0.01


@dataclass(frozen=True, slots=True)
class LeakedRows:
    """The rows of evaluation data that stand in training data.

    Attributes:
        evaluated: the evaluation component.
        trained: the training component.
        rows: how many evaluation rows there are.
        leaked: how many of them leaked.
        same: how many of those are the same word for word.
        before: how many of those that leaked did so before the change.
        samples: some of them, what is new first, then word for word, then by how alike they are.
        new: how many of the samples are new.
    """

    evaluated: str
    trained: str
    rows: int
    leaked: int
    same: int
    before: int
    samples: tuple[Leak, ...]
    new: int

    @property
    def share(self) -> float:
        """The share of the evaluation rows that leaked, from 0 to 1."""
        return self.leaked / self.rows

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "type": "leakage",
            "evaluated": self.evaluated,
            "trained": self.trained,
            "rows": self.rows,
            "leaked": self.leaked,
            "same": self.same,
            "before": self.before,
            "share": self.share,
            "samples": [
                {
                    "evaluated": str(leak.evaluated.name),
                    "trained": str(leak.trained.name),
                    "evaluated_text": leak.evaluated.text[:_LONGEST_SHOWN],
                    "trained_text": leak.trained.text[:_LONGEST_SHOWN],
                    "same": leak.is_same,
                    "likeness": round(leak.likeness, 4),
                    "new": position < self.new,
                }
                for position, leak in enumerate(self.samples)
            ],
        }

    def shown(self, *, everything: bool = False) -> Iterator[Block]:
        """Yield which pair it is, then rows with both texts: what differs between them is marked."""
        yield Line((strong(f"{self.evaluated} in {self.trained}"), plain(f": {self.leaked:,} of {count(self.rows, 'row')}")))
        shown = self.samples if everything else self.samples[:MOST_SHOWN]
        for leak in shown:
            how = "word for word" if leak.is_same else f"{leak.likeness:.0%} alike"
            yield Line((place(f"{leak.evaluated.name} = {leak.trained.name}"), plain(f", {how}")), indent=1)
            yield Line(tuple(_texts(leak)), indent=2)
        if len(shown) < self.leaked:
            more = "; --all shows more" if len(shown) < len(self.samples) else ""
            yield Line((aside(f"… and {self.leaked - len(shown):,} more rows{more}"),), indent=1)


def _texts(leak: Leak) -> Iterator[Span]:
    """Yield both texts as one: what only the training row has stands as removed, what only the other has as added."""
    mine, theirs = (" ".join(row.text[:_LONGEST_SHOWN].split()) for row in (leak.evaluated, leak.trained))
    if leak.is_same:
        yield plain(mine)
        return
    for segment in compare_words(theirs, mine, Effort()):
        yield segment.span()


@dataclass(frozen=True, slots=True)
class TrainedOnItself:
    """That something was made from the very data that a suite judges it on."""

    made: str
    dataset: str
    suites: tuple[str, ...]

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"type": "trained-on-evaluation", "made": self.made, "dataset": self.dataset, "suites": list(self.suites)}

    def shown(self, *, everything: bool = False) -> Iterator[Block]:  # noqa: ARG002 - one line is everything
        """Yield one line."""
        judging = ", ".join(self.suites)
        yield Line((strong(self.dataset), plain(f" is an input of {self.made}, and what {judging} runs on")))


def say_trained_on_itself(one: TrainedOnItself) -> str:
    """Say it: `router was made from holdout, on which quality judges`."""
    return printable(f"{one.made} was made from {one.dataset}, on which {', '.join(one.suites)} judges")


def leaked_rows(names: tuple[str, str], now: Overlap, before: Collection[str]) -> LeakedRows:
    """Put together what is told of a pair of tables.

    Args:
        names: the evaluation component and the training component.
        now: what they share.
        before: the identities of the evaluation texts that leaked before the change.
    """
    new = [leak for leak in now.leaks if leak.identity not in before]
    old = [leak for leak in now.leaks if leak.identity in before]
    samples = (*new, *old)[:MOST_SAMPLES]
    return LeakedRows(*names, now.evaluated, len(now.leaks), now.same, len(old), samples, min(len(new), MOST_SAMPLES))


def say_leaked(rows: LeakedRows) -> str:
    """Say how many rows leaked: `12 of 400 rows of holdout (3%) stand in train, 3 word for word; none did before`."""
    share = f"{rows.share:.0%}" if rows.share >= _ONE_IN_A_HUNDRED else f"{rows.share:.1%}"
    said = f"{rows.leaked:,} of {count(rows.rows, 'row')} of {rows.evaluated} ({share}) {'stands' if rows.leaked == 1 else 'stand'}"
    return printable(f"{said} in {rows.trained}, {_how(rows)}; {_since(rows)}")


def _how(rows: LeakedRows) -> str:
    if rows.same == rows.leaked:
        return "word for word"
    return f"{rows.same:,} word for word" if rows.same else "nearly word for word"


def _since(rows: LeakedRows) -> str:
    if rows.before == rows.leaked:
        return "as before" if rows.leaked == 1 else "all of them did before"
    return f"{rows.before:,} of them did before" if rows.before else "none did before" if rows.leaked > 1 else "it did not before"
