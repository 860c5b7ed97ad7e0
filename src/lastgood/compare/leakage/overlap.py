"""Every evaluation row that stands in training data, word for word or nearly.

Rules: the package says them; rows keep the names they came with; the answer is the same in whatever batches rows come.

    overlap = find_overlap(evaluated, lambda: iter(trained))
    [(leak.evaluated, leak.trained, leak.is_same) for leak in overlap.leaks]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from lastgood.compare.leakage.likeness import is_near, likeness
from lastgood.compare.leakage.shingles import MOST_WORDS, Like, ShingleIndex
from lastgood.compare.leakage.texts import normalised, words_of

BATCH, BATCH_TEXT = 2_000, 8 << 20
"""How many rows, and characters of them, are looked at together."""

MOST_HELD = 64 << 20
"""How many characters of training rows that resemble evaluation rows are held; where there are more, they are read again."""

_BUILT_ALIKE = 0.25
"""The share of a text's runs of words that a row built like it has, at least."""


class TextRow(NamedTuple):
    """A row, and the text of it that is compared; `name` says which it is, for people, once it is made a text."""

    name: object
    text: str


@dataclass(frozen=True, slots=True)
class Leak:
    """An evaluation row that stands in training data.

    Attributes:
        evaluated: the evaluation row.
        trained: the training row; of several the one that is most like it, and of those the first.
        is_same: whether they are the same word for word.
        likeness: how much of their words and pairs of words they share, from 0 to 1.
    """

    evaluated: TextRow
    trained: TextRow
    is_same: bool
    likeness: float

    @property
    def identity(self) -> str:
        """The evaluation text as it is compared."""
        return normalised(self.evaluated.text)


@dataclass(frozen=True, slots=True)
class Overlap:
    """What evaluation data and training data share.

    Attributes:
        evaluated: how many evaluation rows have a text.
        trained: how many training rows have one.
        leaks: those that leaked, word for word first, then by how alike they are.
        is_whole: whether all texts were looked for nearly; false where there are too many.
    """

    evaluated: int
    trained: int
    leaks: tuple[Leak, ...]
    is_whole: bool = True

    @property
    def same(self) -> int:
        """How many rows leaked word for word."""
        return sum(leak.is_same for leak in self.leaks)


def find_overlap(evaluated: Iterable[TextRow], trained: Callable[[], Iterator[TextRow]], *, nearly: bool = True) -> Overlap:
    """Find every evaluation row that stands in training data.

    Args:
        evaluated: the evaluation rows; they are held in memory.
        trained: gives the training rows, the same ones in the same order each time; they are read once or twice.
        nearly: whether near duplicates are looked for as well.
    """
    rows: dict[str, list[TextRow]] = {}
    for row in evaluated:
        if row.text and not row.text.isspace():
            rows.setdefault(normalised(row.text), []).append(row)
    search = _Search(rows, nearly=nearly)
    search.read(trained())
    near = search.near(trained)
    leaks = [_leak(row, found, None) for text, found in search.same.items() for row in rows[text]]
    leaks += [_leak(row, found, how) for text, (found, how) in near.items() for row in rows[text]]
    leaks.sort(key=lambda leak: (not leak.is_same, -leak.likeness))
    return Overlap(sum(map(len, rows.values())), search.with_text, tuple(leaks), search.index.is_whole)


def _leak(evaluated: TextRow, trained: TextRow, how: float | None) -> Leak:
    mine, theirs = TextRow(str(evaluated.name), evaluated.text), TextRow(str(trained.name), trained.text)
    return Leak(mine, theirs, is_same=how is None, likeness=1.0 if how is None else how)


class _Search:
    """Looks for distinct evaluation texts in training rows; each text is also a row that others may be built like."""

    def __init__(self, rows: Mapping[str, list[TextRow]], *, nearly: bool) -> None:
        self.same: dict[str, TextRow] = {}
        self.with_text = 0
        self._rows = rows
        self._count = 0
        self._held: dict[int, TextRow] | None = {}
        self._room = MOST_HELD
        self._texts = list(rows) if nearly else []
        self.index = ShingleIndex(self._texts)

    def read(self, trained: Iterator[TextRow]) -> None:
        """Read the training rows: find what is the same, and note what is alike."""
        for batch in _batches(trained):
            fed: list[tuple[int, list[str]]] = []
            for number, row in enumerate(batch, self._count):
                if row.text and not row.text.isspace():
                    self.with_text += 1
                    fed.append((number, self._match(row)))
            self._hold(batch, self.index.feed(fed))
            self._count += len(batch)
        for number, text in enumerate(self._texts, self._count):
            self.index.feed([(number, text.split(" "))])

    def _hold(self, batch: list[TextRow], numbers: set[int]) -> None:
        for number in numbers if self._held is not None else ():
            row = batch[number - self._count]
            self._room -= len(row.text)
            if self._held is None or self._room < 0:
                self._held = None
                return
            self._held[number] = TextRow(str(row.name), row.text)

    def _match(self, row: TextRow) -> list[str]:
        words = words_of(row.text)
        text = " ".join(words) if words else normalised(row.text)
        if text in self._rows:
            self.same.setdefault(text, row)
        return words

    def near(self, trained: Callable[[], Iterator[TextRow]]) -> dict[str, tuple[TextRow, float]]:
        """Return of each text that leaked nearly the training row that is most like it, and how alike they are."""
        likes: dict[int, list[Like]] = {}
        for place, text in enumerate(self._texts):
            found = [] if text in self.same else self.index.rows_like(place, but=self._count + place)
            if any(like.row < self._count for like in found):
                likes[place] = found
        fetched = self._fetch({like.row for found in likes.values() for like in found if like.row < self._count}, trained)
        near: dict[str, tuple[TextRow, float]] = {}
        for place, found in likes.items():
            best = self._nearest(self._texts[place], found, fetched)
            if best is not None:
                near[self._texts[place]] = fetched[best[0]], best[1]
        return near

    def _fetch(self, wanted: set[int], trained: Callable[[], Iterator[TextRow]]) -> dict[int, TextRow]:
        if self._held is not None:
            return self._held
        return {number: row for number, row in enumerate(islice(trained(), max(wanted, default=-1) + 1)) if number in wanted}

    def _nearest(self, text: str, found: list[Like], fetched: Mapping[int, TextRow]) -> tuple[int, float] | None:
        """Return the training row that is the nearest duplicate of a text, with how alike they are, or None."""
        words = {like.row: self._words(like.row, fetched) for like in found}
        alike = {like.row: set(words[like.row]) for like in found if like.share >= _BUILT_ALIKE}
        mine = _cut(text)
        duplicates = [
            (likeness(mine, theirs), -row)
            for row, theirs in words.items()
            if row < self._count and is_near(mine, theirs, [one for other, one in alike.items() if other != row])
        ]
        if not duplicates:
            return None
        best, number = max(duplicates)
        return -number, best

    def _words(self, row: int, fetched: Mapping[int, TextRow]) -> list[str]:
        if row < self._count:
            return words_of(fetched[row].text)[:MOST_WORDS]
        return _cut(self._texts[row - self._count])


def _cut(text: str) -> list[str]:
    return text.split(" ", MOST_WORDS)[:MOST_WORDS]


def _batches(rows: Iterator[TextRow]) -> Iterator[list[TextRow]]:
    batch: list[TextRow] = []
    length = 0
    for row in rows:
        batch.append(row)
        length += len(row.text)
        if len(batch) == BATCH or length >= BATCH_TEXT:
            yield batch
            batch, length = [], 0
    if batch:
        yield batch
