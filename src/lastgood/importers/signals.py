"""What a line of talk says for certain: the words that count, and all that keeps them from counting.

A *claim* is a match of one of `rules` in a sentence that is told as having happened. It is none where the sentence is
asked, supposed, planned, denied, quoted, a joke, about something else (the coffee machine, somebody else's service), or
remembers an earlier time.
>>> [claim.name for claim in claims_of("SEV2: wrong answers in prod since 14:05, rolled back to r41")]
['declared', 'symptom', 'since', 'rolled-back']
>>> [claims_of(line) for line in ("is prod down?", "if we deployed r42 to prod", "no incident, false alarm", "not rolling back")]
[[], [], [], []]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from lastgood.importers.rules import (
    ASKED,
    DENIED,
    EARLIER,
    ELSEWHERE,
    FALSE_ALARM,
    JOKED,
    PLANNED_AFTER,
    REMEMBERED,
    RULES,
    SUPPOSED,
    SUPPOSED_WHOLE,
)

JOKES = frozenset({"joy", "rofl", "laughing", "clown_face"})
"""Reactions to what nobody means."""
ALARMS = frozenset({"rotating_light", "fire", "fire_engine", "sos", "warning"})
"""Reactions to what everybody should see."""
_MOVES = frozenset({"deployed", "rolled-back", "rolling-back"})
_CODE = re.compile(r"```.*?(?:```|$)", re.DOTALL)
_QUOTED = re.compile(r"[\"\u201c\u201e][^\"\u201c\u201d\n]{8,}[\"\u201d]")
_ADDRESS = re.compile(r"https?://\S+")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_CLAUSE = re.compile(r"[,;:()\u2014\u2013]| - | but | so | then ")
_ANY = re.compile("|".join(rule.pattern.pattern for rule in RULES.values()) + "|" + FALSE_ALARM.pattern)


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that a line says has happened: which rule shows it, how far that convinces, and the sentence around it."""

    name: str
    weight: float
    text: str
    sentence: str


def may_say_something(text: str) -> bool:
    """Say at little cost whether a text has any word that counts."""
    return _ANY.search(text.lower()) is not None


def claims_of(text: str) -> list[Claim]:
    """Return what a line says for certain, each rule once a sentence."""
    lowered = _lowered(text)
    if JOKED.search(lowered):
        return []
    # Who begins to remember goes on to: what follows in the same breath is of that time, too.
    now = takewhile(lambda sentence: not REMEMBERED.search(sentence), _SENTENCE.split(lowered))
    return [claim for sentence in now for claim in _claims_in(sentence)]


def takes_back(text: str) -> bool:
    """Say whether a line says that nothing was the matter after all."""
    for sentence in _SENTENCE.split(_lowered(text)):
        found = FALSE_ALARM.search(sentence)
        if found and not sentence.rstrip().endswith("?") and not ASKED.search(sentence) and not DENIED.search(sentence[: found.start()]):
            return True
    return False


def _lowered(text: str) -> str:
    told = "\n".join(line for line in _CODE.sub(" ", text).split("\n") if not line.lstrip().startswith(">"))
    return _ADDRESS.sub(" ", _QUOTED.sub(" ", told)).replace("`", "").replace("*", "").replace("\u2019", "'").lower()


def _claims_in(sentence: str) -> Iterator[Claim]:
    stripped = sentence.strip()
    if stripped.endswith("?") or ASKED.search(stripped) or SUPPOSED_WHOLE.search(stripped):
        return
    if ELSEWHERE.search(stripped):
        return
    for name, rule in RULES.items():
        found = next((one for one in rule.pattern.finditer(stripped) if _is_told(name, stripped, one)), None)
        if found is not None:
            yield Claim(name, rule.weight, found[0], stripped)


def _is_told(name: str, sentence: str, found: re.Match[str]) -> bool:
    """Say whether a match is told as having happened."""
    before = sentence[: found.start()]
    clause = _CLAUSE.split(before)[-1]
    after = _CLAUSE.split(sentence[found.end() :])[0]
    if name == "preventable":
        # Whether it could have been prevented is supposed by its nature, and may well be denied.
        return True
    if SUPPOSED.search(before) or PLANNED_AFTER.search(after) or DENIED.search(clause):
        return False
    return not (name in _MOVES and EARLIER.search(clause))
