"""Tokens of BERT's uncased vocabulary: lower case, no accents, words and signs apart, longest piece first.

Source: Devlin et al., "BERT", 2019; Schuster and Nakajima, "Japanese and Korean voice search", 2012, for the pieces.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

_WORD_OR_SIGN = re.compile(r"[^\W_]+|[^\w\s]|_")
_LONGEST_WORD = 100


@dataclass(frozen=True, slots=True)
class WordPiece:
    """A vocabulary, one piece a line; a piece that goes on with a word begins with `##`."""

    ids: dict[str, int]
    seen: dict[str, list[int]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> WordPiece:
        """Read `vocab.txt` of a model."""
        return cls({piece: number for number, piece in enumerate(path.read_text(encoding="utf-8").splitlines())})

    def encode(self, text: str, longest: int) -> list[int]:
        """Return the ids of a text, from `[CLS]` to `[SEP]`, at most `longest` of them."""
        plain = "".join(sign for sign in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(sign) != "Mn")
        pieces = [piece for word in _WORD_OR_SIGN.findall(plain) for piece in self._pieces(word)]
        return [self.ids["[CLS]"], *pieces[: longest - 2], self.ids["[SEP]"]]

    def _pieces(self, word: str) -> list[int]:
        if word not in self.seen:
            self.seen[word] = self._split(word)
        return self.seen[word]

    def _split(self, word: str) -> list[int]:
        unknown = [self.ids["[UNK]"]]
        if len(word) > _LONGEST_WORD:
            return unknown
        found, begin = [], 0
        while begin < len(word):
            mark = "##" if begin else ""
            end = next((end for end in range(len(word), begin, -1) if mark + word[begin:end] in self.ids), None)
            if end is None:
                return unknown
            found.append(self.ids[mark + word[begin:end]])
            begin = end
        return found
