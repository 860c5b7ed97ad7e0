r"""A text as its words: what is left of it when case, punctuation, spaces and the form of Unicode do not matter.

Rules: NFKC, then case folded, then the runs of letters and digits; a character of a script that writes no spaces is a word of
its own. A text without a letter or a digit is itself, without its spaces.

    >>> words_of("\uff37here is my ORDER-42?!")
    ['where', 'is', 'my', 'order', '42']
    >>> normalised("Where's  it?") == normalised("where s it")
    True
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from lastgood.canonical import Json

LONGEST_TEXT = 1 << 20
"""How many characters of a text are looked at."""

_WORDS = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_ASCII_WORDS = re.compile(r"[a-z0-9]+")
_SPOKEN, _SAID = "role", ("content", "text", "value")
_PEOPLE = frozenset({"user", "human", "customer"})
_DEEPEST = 8
_SILENT = frozenset({"role", "type", "id", "name"})


def words_of(text: str) -> list[str]:
    """Return the words of a text in order."""
    cut = text[:LONGEST_TEXT]
    if cut.isascii():
        return _ASCII_WORDS.findall(cut.lower())
    # Folding may undo the form (and the form the folding), so it is brought about twice.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", cut).casefold())
    return _WORDS.findall(folded)


def normalised(text: str) -> str:
    """Return what two texts have in common where they are the same word for word."""
    words = words_of(text)
    return " ".join(words) if words else "".join(unicodedata.normalize("NFKC", text[:LONGEST_TEXT]).split())


def text_of(value: Json) -> str:
    """Return the text of a cell: of messages what a person said in them, of other values all texts within."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        said = [message for message in value if isinstance(message, dict) and message.get(_SPOKEN) in _PEOPLE]
        return "\n".join(_texts([_said(message) for message in said] if said else value))
    return "\n".join(_texts([value]))


def _said(message: dict[str, Json]) -> Json:
    return next((message[name] for name in _SAID if name in message), None)


def _texts(values: Iterable[Json], depth: int = 0) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif depth < _DEEPEST and isinstance(value, list):
            yield from _texts(value, depth + 1)
        elif depth < _DEEPEST and isinstance(value, dict):
            yield from _texts((item for name, item in value.items() if name not in _SILENT), depth + 1)
