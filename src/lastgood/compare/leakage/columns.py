"""Which columns of an evaluation table and of a training table are the text that is compared.

Rules, in this order, over the first rows of each:

1. A column of texts is one whose cells are mostly several words, and which is not the same in nearly every row. What a row is
   known by is none, nor is a label.
2. Where both tables have columns of texts of the same name, those are compared, and of these rather what goes into a model
   than what is to come out of it (`answer`, `label`, `expected` …).
3. Otherwise each table gives its own: what goes into a model by its name (`input`, `question`, `messages` …), or else all.
4. Where a table has none, rows are compared as a whole, by the columns that both have: word for word only, and only where
   rows are told apart by that.

    >>> train = [{"id": n, "text": f"where is parcel {n}", "label": "a"} for n in range(9)]
    >>> cases = [{"case": f"c{n}", "input": f"what of parcel {n}", "expected": "a"} for n in range(9)]
    >>> choose_columns(train, cases, {"id"})
    Columns(evaluated=('input',), trained=('text',), nearly=True)
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from lastgood.canonical import Json
from lastgood.compare.leakage.texts import text_of, words_of

SAMPLE = 1_000
"""How many rows of each table are looked at to choose."""

Cells = Mapping[str, Json]

_NAMES = frozenset({"id", "case", "key", "uuid", "index", "idx", "split", "source"})
_OUT = frozenset(
    {"answer", "answers", "output", "outputs", "response", "completion", "label", "labels", "target", "expected", "reference", "chosen"}
    | {"rejected", "category", "intent", "reply", "gold", "ideal", "solution", "rationale"}
)
_IN = frozenset(
    {"text", "input", "inputs", "question", "prompt", "query", "instruction", "message", "messages", "content", "body", "title", "subject"}
    | {"utterance", "ticket", "sentence", "document", "context", "premise", "user", "request", "problem", "conversation", "email"}
)
_SEVERAL_WORDS = re.compile(r"\S\s+\S|[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2}")
_MOSTLY = 0.5
_LEAST_WORDS = 2.0
_LEAST_DISTINCT = 0.05
_FEW_ROWS = 20
_TOLD_APART = 0.95
_LEAST_WHOLE = 3


@dataclass(frozen=True, slots=True)
class Columns:
    """What is compared: columns of either table, and whether near duplicates are looked for."""

    evaluated: tuple[str, ...]
    trained: tuple[str, ...]
    nearly: bool

    def evaluated_text(self, cells: Cells) -> str:
        """Return the text of an evaluation row."""
        return self._text(cells, self.evaluated)

    def trained_text(self, cells: Cells) -> str:
        """Return the text of a training row."""
        return self._text(cells, self.trained)

    def _text(self, cells: Cells, columns: tuple[str, ...]) -> str:
        if self.nearly:
            return "\n".join(text for name in columns if (text := text_of(cells.get(name))))
        # With a mark between, so that no cell runs into the next.
        return " \x1f ".join(f"{name} {_whole(cells.get(name))}" for name in columns)


def choose_columns(trained: Sequence[Cells], evaluated: Sequence[Cells], keys: Collection[str]) -> Columns | None:
    """Choose what is compared, from the first rows of both tables; None where nothing tells their rows apart.

    Args:
        trained: rows of the training table.
        evaluated: rows of the evaluation table.
        keys: the columns that rows are known by.
    """
    unlike = {*keys, *_NAMES}
    ours, others = _texts_of(evaluated, unlike), _texts_of(trained, unlike)
    both = [name for name in ours if name in others]
    if both:
        chosen = _rather_in(both)
        return Columns(chosen, chosen, nearly=True)
    if ours and others:
        return Columns(_by_name(ours), _by_name(others), nearly=True)
    return _whole_rows(trained, evaluated, unlike)


def _texts_of(rows: Sequence[Cells], unlike: Collection[str]) -> list[str]:
    names = dict.fromkeys(name for row in rows for name in row if name.lower() not in unlike and name not in unlike)
    return [name for name in names if _is_text([text for row in rows if (text := text_of(row.get(name)))], len(rows))]


def _is_text(texts: Sequence[str], rows: int) -> bool:
    if len(texts) * 2 < rows or not texts:
        return False
    several = sum(_SEVERAL_WORDS.search(text) is not None for text in texts)
    words = sum(len(words_of(text[:1_000])) for text in texts)
    distinct = len(set(texts))
    differs = distinct >= _LEAST_DISTINCT * len(texts) and (distinct > 1 or len(texts) == 1)
    return several >= _MOSTLY * len(texts) and words >= _LEAST_WORDS * len(texts) and (differs or len(texts) < _FEW_ROWS)


def _rather_in(names: Sequence[str]) -> tuple[str, ...]:
    going_in = tuple(name for name in names if name.lower() not in _OUT)
    return going_in or tuple(names)


def _by_name(names: Sequence[str]) -> tuple[str, ...]:
    known = tuple(name for name in names if name.lower() in _IN)
    return known or _rather_in(names)


def _whole_rows(trained: Sequence[Cells], evaluated: Sequence[Cells], unlike: Collection[str]) -> Columns | None:
    either = [{name for row in rows for name in row if name.lower() not in unlike and name not in unlike} for rows in (trained, evaluated)]
    both = tuple(sorted(either[0] & either[1]))
    columns = Columns(both, both, nearly=False)
    for rows in (trained, evaluated):
        texts = {columns.evaluated_text(row) for row in rows}
        if len(both) < _LEAST_WHOLE or len(texts) < _TOLD_APART * len(rows):
            return None
    return columns


def _whole(value: Json) -> str:
    if isinstance(value, int | float) and value < 0:
        # A sign is no part of a word.
        return f"minus {-value}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
