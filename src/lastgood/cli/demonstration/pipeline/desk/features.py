"""What the desk sees of a text: which known words it holds, and how much each of them says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .tensors import Floats

Indices = NDArray[np.int64]

_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Reading:
    """How texts are cut into words: the section `features` of config/routing.yaml."""

    lowercase: bool
    shortest_word: int
    stop_words: frozenset[str]

    def words(self, text: str) -> list[str]:
        """Return the words of a text that may say something."""
        found = _WORD.findall(text.lower() if self.lowercase else text)
        return [word for word in found if len(word) >= self.shortest_word and word not in self.stop_words]


class Vocabulary:
    """The words the model knows, each with its weight: a word that is in every text says little."""

    def __init__(self, words: Sequence[str], weights: Floats) -> None:
        self.words = list(words)
        self.weights = weights
        self._places = {word: place for place, word in enumerate(words)}

    def __len__(self) -> int:
        return len(self.words)

    @classmethod
    def of(cls, texts: Sequence[list[str]], always: Iterable[str], size: int) -> Vocabulary:
        """Take the words that most texts have, and those that must be there."""
        counts = Counter(word for text in texts for word in set(text))
        common = [word for word, count in counts.most_common(size) if count > 1]
        words = sorted({*common, *always})
        # Inverse document frequency (Sparck Jones, 1972).
        weights = [np.log(len(texts) / (1 + counts[word])) for word in words]
        return cls(words, np.maximum(np.array(weights, np.float32), 0.1))

    def features(self, words: Iterable[str]) -> tuple[Indices, Floats]:
        """Return the places of the known words of a text, and how much each says; together of length one."""
        counts = Counter(place for word in words if (place := self._places.get(word)) is not None)
        places = np.fromiter(counts.keys(), np.int64, len(counts))
        amounts = np.log1p(np.fromiter(counts.values(), np.float32, len(counts))) * self.weights[places]
        return places, amounts / max(float(np.linalg.norm(amounts)), 1e-6)

    def matrix(self, texts: Sequence[list[str]]) -> Floats:
        """Return the features of many texts, a row each."""
        rows = np.zeros((len(texts), len(self)), np.float32)
        for row, text in zip(rows, texts, strict=True):
            places, amounts = self.features(text)
            row[places] = amounts
        return rows
