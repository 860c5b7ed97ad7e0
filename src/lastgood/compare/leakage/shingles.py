"""Which training rows share runs of three words with evaluation texts, found while the training rows stream by.

Rules: only the runs of the evaluation texts are kept, each with the first `MOST_POSTINGS` training rows that have it, so memory
follows the evaluation data; a training row counts if at least a third of its runs are among them; a text that training
rows repeat counts once, as far as can be remembered. There is no chance in it: the same rows give the same answer.
NumPy does the heavy part; import this module late.

    index = ShingleIndex([normalised(text) for text in evaluated])
    index.feed([(number, words_of(text)) for number, text in batch])
    index.rows_like(0)
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lastgood.compare.leakage.likeness import LEAST_WORDS

MOST_POSTINGS = 30
"""Of so many training rows each run of words knows, the first ones that have it."""

MOST_WORDS = 4_000
"""How many words of a text are cut into runs."""

MOST_SHINGLES = 8_000_000
"""How many runs of words the evaluation data may have; texts beyond are compared word for word only."""

MOST_NOTED = 20_000_000
"""How often it is noted that a row has a run; what comes after is compared word for word only."""

LEAST_SHARED = 2
_MOST_LIKE = 24
_MOST_REMEMBERED = 500_000
_BITS = 21
_ROW_BITS = 40
_MOST_KNOWN = (1 << _BITS) - 1

Longs = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Like:
    """A training row that shares runs with an evaluation text: its number, and the share of the text's runs that it has."""

    row: int
    share: float


class ShingleIndex:
    """The runs of three words of evaluation texts, and the training rows that have them."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Take distinct evaluation texts, with one space between words; short ones have no runs."""
        self._known: dict[str, int] = {}
        self.is_whole = True
        self._of_text: list[Longs] = self._codes_of_texts(texts)
        every = np.concatenate(self._of_text) if self._of_text else np.zeros(0, np.int64)
        self._codes: Longs = np.unique(every)
        self._seen = np.zeros(len(self._codes), np.int64)
        self._found: list[tuple[Longs, Longs]] = []
        self._left = MOST_NOTED
        self._remembered: set[bytes] = set()
        self._postings: tuple[Longs, Longs] | None = None

    def _codes_of_texts(self, texts: Sequence[str]) -> list[Longs]:
        codes: list[Longs] = []
        left = MOST_SHINGLES
        for text in texts:
            words = text.split(" ", MOST_WORDS)[:MOST_WORDS]
            if len(words) < LEAST_WORDS or left < len(words):
                self.is_whole = self.is_whole and len(words) < LEAST_WORDS
                codes.append(np.zeros(0, np.int64))
                continue
            for word in words:
                self._known.setdefault(word, min(len(self._known), _MOST_KNOWN))
            one = np.unique(self._cut([words])[0])
            left -= len(one)
            codes.append(one)
        return codes

    def _cut(self, texts: Sequence[Sequence[str]]) -> tuple[Longs, Longs]:
        """Return the runs of texts as numbers, below zero where a word is not known, and which text each is of."""
        known = self._known
        ids = np.array([known.get(word, -1) for words in texts for word in words], np.int64)
        lengths = np.array([len(words) for words in texts], np.int64)
        owner = np.repeat(np.arange(len(texts)), lengths)
        within = np.flatnonzero(owner[2:] == owner[:-2]) if len(owner) > 2 else np.zeros(0, np.int64)  # noqa: PLR2004
        first, second, third = ids[within], ids[within + 1], ids[within + 2]
        return (first << 2 * _BITS) | (second << _BITS) | third, owner[within]

    def feed(self, rows: Sequence[tuple[int, Sequence[str]]]) -> set[int]:
        """Look at training rows, each with its number, and return those that were noted; numbers only grow."""
        rows = [row for row in rows if len(row[1]) >= LEAST_WORDS]
        if not len(self._codes) or not rows:
            return set()
        codes, owner = self._cut([words[:MOST_WORDS] for _, words in rows])
        place = np.minimum(np.searchsorted(self._codes, codes), len(self._codes) - 1)
        hit = self._codes[place] == codes
        hits = np.bincount(owner[hit], minlength=len(rows))
        counted = (hits >= LEAST_SHARED) & (hits * 3 >= np.bincount(owner, minlength=len(rows)))
        for one in np.flatnonzero(counted):
            counted[one] = self._is_new(rows[one][1])
        hit &= counted[owner]
        if not hit.any():
            return set()
        numbers = np.array([number for number, _ in rows], np.int64)
        return self._note(place[hit], numbers[owner[hit]])

    def _is_new(self, words: Sequence[str]) -> bool:
        mark = hashlib.blake2b(" ".join(words).encode("utf-8", "surrogatepass"), digest_size=8).digest()
        if mark in self._remembered:
            return False
        if len(self._remembered) < _MOST_REMEMBERED:
            self._remembered.add(mark)
        return True

    def _note(self, shingles: Longs, rows: Longs) -> set[int]:
        """Keep the first rows of each run, and return those that were kept."""
        pairs = np.unique((shingles << _ROW_BITS) | rows)
        shingles, rows = pairs >> _ROW_BITS, pairs & ((1 << _ROW_BITS) - 1)
        starts = np.flatnonzero(np.diff(shingles, prepend=-1))
        within = np.arange(len(shingles)) - np.repeat(starts, np.diff(starts, append=len(shingles)))
        kept = self._seen[shingles] + within < MOST_POSTINGS
        np.add.at(self._seen, shingles, 1)
        self._left -= int(kept.sum())
        if self._left < 0:
            self.is_whole = False
            return set()
        self._found.append((shingles[kept], rows[kept]))
        return set(rows[kept].tolist())

    def rows_like(self, text: int, but: int) -> list[Like]:
        """Return the rows that are most like an evaluation text, but for one; call it when all were fed.

        Those are the rows that share the most runs with it, and those whose shared runs are the rarest: only the first rows
        that have a run know it, and it is what few have that tells rows apart.
        """
        codes = self._of_text[text]
        shingles, rows = self._sorted()
        if not len(codes) or not len(rows):
            return []
        places = np.searchsorted(self._codes, codes)
        lows, highs = np.searchsorted(shingles, places), np.searchsorted(shingles, places, "right")
        every = np.concatenate([rows[low:high] for low, high in zip(lows, highs, strict=True)])
        found, which, counts = np.unique(every, return_inverse=True, return_counts=True)
        rarity = np.bincount(which, np.repeat(1 / np.maximum(self._seen[places], 1), highs - lows), len(found))
        able = np.flatnonzero((counts >= LEAST_SHARED) & (found != but))
        most = able[np.lexsort((found[able], -counts[able]))[:_MOST_LIKE]]
        rarest = able[np.lexsort((found[able], -rarity[able]))[:_MOST_LIKE]]
        return [Like(int(found[one]), float(counts[one] / len(codes))) for one in dict.fromkeys([*most, *rarest])]

    def _sorted(self) -> tuple[Longs, Longs]:
        if self._postings is None:
            shingles = np.concatenate([one for one, _ in self._found] or [np.zeros(0, np.int64)])
            rows = np.concatenate([one for _, one in self._found] or [np.zeros(0, np.int64)])
            order = np.argsort(shingles, kind="stable")
            self._postings, self._found = (shingles[order], rows[order]), []
        return self._postings
