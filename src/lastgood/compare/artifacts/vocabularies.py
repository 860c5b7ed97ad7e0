r"""The comparer of tokenizers: which tokens and merges came and went; the rest of `tokenizer.json` by its keys.

Rules: files are known by their names, as libraries look for them: `tokenizer.json`, `vocab.json`, `vocab.txt`,
`merges.txt`, `added_tokens.json`, and SentencePiece's `tokenizer.model`, `spiece.model`, `sentencepiece.bpe.model`. Added
tokens of a `tokenizer.json` are matched by what they stand for, so that special tokens are named. A tokenizer may have
`LARGEST` bytes and `MOST_MARKS` values, somewhat more than the largest of today. One side at a time is read; of its merges
only a hash of 64 bits each is kept, which is what they are counted by.

    >>> old, new = (read_vocabulary("vocab.txt", data) for data in (b"[PAD]\nthe\n", b"[PAD]\nthe\na\n"))
    >>> compare_vocabularies("vocab.txt", old, new, Effort())[0].added
    ('a',)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import numpy.typing as npt

from lastgood.canonical import Json, parse_json
from lastgood.compare.alignment import Effort
from lastgood.compare.artifacts.changes import VocabularyChange
from lastgood.compare.change import Edit, KeyChange
from lastgood.compare.key_phrases import say_key
from lastgood.compare.structured import compare_trees
from lastgood.compare.wording import quote
from lastgood.errors import Invalid
from lastgood.formats.sentencepiece import read_pieces
from lastgood.formats.tree import Malformed

LARGEST = 36 << 20
"""How many bytes a tokenizer may have; reading one takes some ten times as many."""

MOST_MARKS = 4_000_000
"""How many commas and brackets it may have, of which each value needs one."""

MOST_KEPT = 1_000
"""How many tokens that came or went are told by name."""

_PIECES = frozenset({"tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "sentencepiece.model"})
NAMES = frozenset({"tokenizer.json", "vocab.json", "vocab.txt", "merges.txt", "added_tokens.json", *_PIECES})

_MOST_NAMED = 3
_TOKENS = frozenset({"added_tokens", "special"})
_ORDINARY = frozenset({"normal", "byte"})


Hashes = npt.NDArray[np.int64]


@dataclass(slots=True)
class Vocabulary:
    """A tokenizer: the number or score of each token, the hashes of its merges in order, and everything else as a tree."""

    tokens: dict[str, Json] = field(default_factory=dict)
    merges: Hashes = field(default_factory=lambda: _hashes([]))
    rest: Json = None


def read_vocabulary(name: str, data: bytes) -> Vocabulary:
    """Read a file of a tokenizer.

    Args:
        name: its name, which says what it holds.
        data: its bytes.

    Raises:
        Invalid: it is not what its name says; the message says why, as a clause.
    """
    if name.endswith(".txt"):
        return _read_lines(name, data)
    if name in _PIECES:
        return _read_pieces(data)
    if sum(data.count(mark) for mark in (b",", b"[", b"{")) > MOST_MARKS:
        raise Invalid(f"has more than {MOST_MARKS:,} values")
    try:
        tree = parse_json(data)
    except Invalid as error:
        raise Invalid(f"is not valid JSON ({error.message.removeprefix('this is not valid JSON: ')})") from error
    if not isinstance(tree, dict):
        raise Invalid("is no object")
    if name != "tokenizer.json":
        return Vocabulary(tree)
    return _read_tokenizer(tree)


def _read_lines(name: str, data: bytes) -> Vocabulary:
    try:
        lines = data.decode().splitlines()
    except UnicodeDecodeError as error:
        raise Invalid("is not UTF-8") from error
    if name == "merges.txt":
        return Vocabulary(merges=_hashes([line for line in lines if not line.startswith("#version")]))
    return Vocabulary({line: number for number, line in enumerate(lines)})


def _read_pieces(data: bytes) -> Vocabulary:
    try:
        pieces = read_pieces(data)
    except Malformed as error:
        raise Invalid(f"is no SentencePiece model ({error.reason})") from error
    special: dict[str, Json] = {piece.text: piece.kind for piece in pieces if piece.kind not in _ORDINARY}
    return Vocabulary({piece.text: [number, repr(piece.score)] for number, piece in enumerate(pieces)}, rest={"special": special})


def _hashes(merges: Sequence[Json]) -> Hashes:
    # A merge is written as a list of two, or as one text with a space between them.
    texts = (" ".join(map(str, one)) if isinstance(one, list) else str(one) for one in merges)
    return np.fromiter(map(hash, texts), np.int64, count=len(merges))


def _read_tokenizer(tree: dict[str, Json]) -> Vocabulary:
    model = tree.get("model")
    if not isinstance(model, dict):
        raise Invalid("has no model")
    vocabulary = Vocabulary(rest=tree)
    tokens, merges = model.pop("vocab", None), model.pop("merges", None)
    if isinstance(tokens, dict):
        vocabulary.tokens = tokens
    elif isinstance(tokens, list):
        vocabulary.tokens = {str(one[0]): one[1] for one in tokens if isinstance(one, list) and len(one) > 1}
    if isinstance(merges, list):
        vocabulary.merges = _hashes(merges)
    added = tree.get("added_tokens")
    if isinstance(added, list):
        contents = [one.get("content") for one in added if isinstance(one, dict)]
        if len(set(map(str, contents))) == len(added) and all(isinstance(one, str) for one in contents):
            tree["added_tokens"] = {str(one["content"]): one for one in added if isinstance(one, dict)}
    return vocabulary


def compare_vocabularies(path: str, old: Vocabulary, new: Vocabulary, effort: Effort) -> tuple[VocabularyChange, tuple[KeyChange, ...]]:
    """Compare two tokenizers: their tokens and merges, and the keys of everything else."""
    change = VocabularyChange(
        path,
        len(old.tokens),
        len(new.tokens),
        tuple(islice(_missing(new.tokens, old.tokens), MOST_KEPT)),
        tuple(islice(_missing(old.tokens, new.tokens), MOST_KEPT)),
        sum(1 for _ in _missing(new.tokens, old.tokens)),
        sum(1 for _ in _missing(old.tokens, new.tokens)),
        sum(token in new.tokens and new.tokens[token] != value for token, value in old.tokens.items()),
        len(np.setdiff1d(new.merges, old.merges)),
        len(np.setdiff1d(old.merges, new.merges)),
        merges_reordered=not np.array_equal(old.merges, new.merges) and np.array_equal(np.sort(old.merges), np.sort(new.merges)),
    )
    return change, compare_trees(path, old.rest, new.rest, effort)


def _missing(here: dict[str, Json], there: dict[str, Json]) -> Iterator[str]:
    return (token for token in here if token not in there)


def say_vocabulary(change: VocabularyChange) -> str:
    """Say how a vocabulary differs: `vocabulary 30,522 → 30,523 tokens: "a" added`; nothing where it does not."""
    said = []
    for verb, tokens, number in (("added", change.added, change.added_count), ("removed", change.removed, change.removed_count)):
        if number:
            names = ", ".join(quote(token, 40) for token in tokens[:_MOST_NAMED])
            said.append(f"{names}{f' and {number - _MOST_NAMED:,} more' if number > _MOST_NAMED else ''} {verb}")
    if change.renumbered:
        said.append(f"{change.renumbered:,} with another number or score")
    merges = [f"{sign}{number:,}" for sign, number in (("+", change.merges_added), ("−", change.merges_removed)) if number]
    if merges:
        said.append(f"merges {' '.join(merges)}")
    if change.merges_reordered:
        said.append("merges in another order")
    if not said:
        return ""
    size = f"{change.old_size:,} → {change.new_size:,} tokens" if change.old_size != change.new_size else ""
    return f"vocabulary{f' {size}' if size else ''}: {', '.join(said)}"


def say_tokenizer_key(change: KeyChange) -> str:
    """Say how the rest of a tokenizer differs: a special token by what it stands for, everything else by its key."""
    if len(change.steps) != len(("added_tokens", "<pad>")) or change.steps[0] not in _TOKENS or change.change is Edit.CHANGED:
        return say_key(change)
    said = change.old if change.change is Edit.REMOVED else change.new
    is_special = not isinstance(said, dict) or said.get("special") is not False
    return f"{'special' if is_special else 'added'} token {quote(str(change.steps[1]), 40)} {change.change.value}"
