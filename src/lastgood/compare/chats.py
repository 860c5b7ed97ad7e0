"""How two chats differ: which messages came, went, moved, changed their role, and which words changed in the others.

Rules: a message has a role and a content, as in the request formats of the common providers: a text, or a list of parts, of
which those that are no text are told as JSON. Messages that stayed are found first; between them one becomes another where
both have one role, the likest first, or nearly the same words. Messages are counted from 0, as programs do.

    >>> old, new = Message("user", "Hello"), Message("system", "Be brief.")
    >>> [change.change.value for change in compare_chats("a.yaml", "messages", [old], [new, old], Means())]
    ['added']
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lastgood.canonical import Json, JsonObject
from lastgood.compare.alignment import Effort, Span, differing_spans
from lastgood.compare.change import Edit
from lastgood.compare.showing import Block, Line, new_value, old_value, place, plain
from lastgood.compare.text import TextPlace, compare_texts
from lastgood.compare.text_change import TextChange
from lastgood.compare.text_phrases import say_text
from lastgood.compare.tokens import TokenCounter
from lastgood.compare.wording import count, quote, shorten, show_value
from lastgood.compare.words import WORD

CONTENTS = ("content", "parts", "text", "template")
"""The keys under which a message has its content."""

_MOST_COMPARED = 60
_NEARLY_THE_SAME = 0.6


@dataclass(frozen=True, slots=True)
class Means:
    """What a comparison of prompts may spend, and who counts tokens for it, if somebody does."""

    effort: Effort = field(default_factory=Effort)
    tokens: TokenCounter | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its role, its text, whatever else it has, and the line of the file on which it begins, if that is known."""

    role: str
    text: str
    others: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class MessageChange:
    """What became of a message of a chat.

    Attributes:
        path: the file.
        change: added, removed, changed, or reordered where it only stands elsewhere.
        old_place: where it was: `messages[2]`; empty where it was not.
        new_place: where it is; empty where it is no more.
        old_role: its role before, empty where it was not.
        new_role: its role now, empty where it is no more.
        text: its words, which are all of them where it came or went; None where they are the same.
        others: what else of it changed, its old and its new form, as JSON.
    """

    path: str
    change: Edit
    old_place: str
    new_place: str
    old_role: str
    new_role: str
    text: TextChange | None
    others: tuple[str, str] | None = None

    @property
    def weight(self) -> int:
        """How much changed, in words; a message that changed its role weighs more than a word."""
        return (self.text.weight if self.text else 0) + (0 if self.cosmetic else 1)

    @property
    def cosmetic(self) -> bool:
        """Whether only whitespace of it changed."""
        same = self.change is Edit.CHANGED and self.old_role == self.new_role and self.others is None
        return same and self.text is not None and self.text.cosmetic

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "type": "message",
            "path": self.path,
            "change": self.change.value,
            "old_place": self.old_place or None,
            "new_place": self.new_place or None,
            "old_role": self.old_role or None,
            "new_role": self.new_role or None,
            "text": self.text.to_json() if self.text else None,
            "others": list(self.others) if self.others else None,
        }

    def shown(self, *, everything: bool = False) -> Iterator[Block]:
        """Yield what became of it, then its words."""
        where = place(f"{self.path} {self.new_place or self.old_place}")
        if self.change is Edit.REORDERED:
            yield Line((where, plain(f" ({self.new_role}) moved from {self.old_place}")))
        elif self.change is not Edit.CHANGED:
            yield Line((where, plain(f" ({self.new_role or self.old_role}) {self.change.value}")))
            yield from (line.shown() for line in (self.text.lines if self.text is not None else ()))
            return
        elif self.old_role != self.new_role:
            yield Line((where, plain(": role "), old_value(self.old_role), plain(" → "), new_value(self.new_role)))
        if self.others is not None:
            sides = tuple(text or "nothing" for text in self.others)
            yield Line((where, plain(": beside its content "), old_value(sides[0]), plain(" → "), new_value(sides[1])))
        if self.text is not None:
            yield from self.text.shown(everything=everything)


def read_chat(value: Json) -> list[Message] | None:
    """Return a list of messages as such, None for whatever else."""
    if not isinstance(value, list):
        return None
    messages = [_read_message(item) for item in value]
    return [message for message in messages if message is not None] if None not in messages else None


def _read_message(item: Json) -> Message | None:
    if not isinstance(item, dict):
        return None
    role, key = item.get("role"), next((key for key in CONTENTS if key in item), None)
    if not isinstance(role, str) or key is None:
        return None
    others: Mapping[str, Json] = {name: value for name, value in sorted(item.items()) if name not in {"role", key}}
    return Message(str(role), _content(item[key]), show_value(dict(others), 2_000) if others else "")


def _content(content: Json) -> str:
    if isinstance(content, str):
        return str(content)
    if isinstance(content, list):
        return "\n".join(_content(part) for part in content)
    if isinstance(content, dict) and isinstance(content.get("text"), str) and set(content) <= {"type", "text"}:
        return str(content["text"])
    return show_value(content, 20_000)


def compare_chats(path: str, name: str, old: Sequence[Message], new: Sequence[Message], means: Means) -> list[MessageChange]:
    """Compare two chats.

    Args:
        path: the file they are of.
        name: what the list of messages is called: `messages`.
        old: the messages before.
        new: the messages now.
        means: what it may cost.
    """
    return list(_Comparison(path, name, old, new, means).changes())


class _Comparison:
    def __init__(self, path: str, name: str, old: Sequence[Message], new: Sequence[Message], means: Means) -> None:
        self._path = path
        self._name = name
        self._old = old
        self._new = new
        self._means = means
        self._words: dict[tuple[bool, int], set[str]] = {}
        self._moved_from: dict[int, int] = {}

    def changes(self) -> Iterator[MessageChange]:
        pairs: dict[int, int] = {}
        keys = [[f"{one.role}\0{one.others}\0{one.text}" for one in side] for side in (self._old, self._new)]
        spans = differing_spans(keys[0], keys[1], self._means.effort)
        went = {at for span in spans for at in range(span.old_start, span.old_end)}
        came = [at for span in spans for at in range(span.new_start, span.new_end)]
        moved = self._moved(keys, went, came)
        self._moved_from = {new: old for old, new in moved.items()}
        for span in spans:
            pairs |= self._pairs(span, moved)
        replaced = {new: old for old, new in pairs.items()}
        gone = deque(sorted(went - pairs.keys() - moved.keys()))
        for at in came:
            while gone and at in replaced and gone[0] < replaced[at]:
                yield self._removed(gone.popleft())
            yield self._changed(replaced[at], at) if at in replaced else self._came(at)
        yield from map(self._removed, gone)

    def _moved(self, keys: list[list[str]], went: set[int], came: list[int]) -> dict[int, int]:
        """Return the messages that stand elsewhere as they were: old places by new ones, and the reverse."""
        moved: dict[int, int] = {}
        free = {keys[1][at]: at for at in reversed(came)}
        for at in sorted(went):
            if self._old[at].text.strip() and keys[0][at] in free:
                moved[at] = free.pop(keys[0][at])
        return moved

    def _pairs(self, span: Span, moved: Mapping[int, int]) -> dict[int, int]:
        """Return which message became which within a stretch that differs, in order, the likest together."""
        old = [at for at in range(span.old_start, span.old_end) if at not in moved]
        new = [at for at in range(span.new_start, span.new_end) if at not in self._moved_from]
        if len(old) > _MOST_COMPARED or len(new) > _MOST_COMPARED:
            return {a: b for a, b in zip(old, new, strict=False) if self._old[a].role == self._new[b].role}
        best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
        scores = [[self._likeness(a, b) for b in new] for a in old]
        for i in range(len(old) - 1, -1, -1):
            for j in range(len(new) - 1, -1, -1):
                best[i][j] = max(best[i + 1][j], best[i][j + 1], best[i + 1][j + 1] + scores[i][j])
        return _followed(best, scores, old, new)

    def _likeness(self, old: int, new: int) -> float:
        """Say how likely one message became another: more than 0 where that may be."""
        one, other = self._old[old], self._new[new]
        words, others = self._words_of(old, is_old=True), self._words_of(new, is_old=False)
        shared = len(words & others) / max(len(words | others), 1) if one.text != other.text else 1.0
        if one.role == other.role:
            return shared + 0.05
        return shared if shared >= _NEARLY_THE_SAME else 0.0

    def _words_of(self, at: int, *, is_old: bool) -> set[str]:
        side = self._old if is_old else self._new
        if (is_old, at) not in self._words:
            self._words[is_old, at] = set(WORD.findall(side[at].text[:20_000]))
        return self._words[is_old, at]

    def _place(self, at: int) -> str:
        return f"{self._name}[{at}]"

    def _text(self, old: Message | None, new: Message | None, name: str) -> TextChange:
        known = new or old
        role = shorten(known.role, 40) if known else ""
        lines = [one.line if one else None for one in (old, new)]
        in_file = any(line is not None for line in lines)
        at = TextPlace(f"{name} ({role})", lines[0] or lines[1] or 1, lines[1] or lines[0] or 1, in_file=in_file)
        texts = (old.text if old else "", new.text if new else "")
        return compare_texts(self._path, *texts, self._means.effort, at=at, tokens=self._means.tokens)

    def _came(self, at: int) -> MessageChange:
        message = self._new[at]
        before = self._moved_from.get(at)
        if before is not None:
            return MessageChange(self._path, Edit.REORDERED, self._place(before), self._place(at), message.role, message.role, None)
        text = self._text(None, message, self._place(at))
        others = ("", message.others) if message.others else None
        return MessageChange(self._path, Edit.ADDED, "", self._place(at), "", message.role, text, others)

    def _removed(self, at: int) -> MessageChange:
        message = self._old[at]
        text = self._text(message, None, self._place(at))
        others = (message.others, "") if message.others else None
        return MessageChange(self._path, Edit.REMOVED, self._place(at), "", message.role, "", text, others)

    def _changed(self, old: int, new: int) -> MessageChange:
        before, after = self._old[old], self._new[new]
        text = self._text(before, after, self._place(new)) if before.text != after.text else None
        others = (before.others, after.others) if before.others != after.others else None
        return MessageChange(self._path, Edit.CHANGED, self._place(old), self._place(new), before.role, after.role, text, others)


def _followed(best: list[list[float]], scores: list[list[float]], old: Sequence[int], new: Sequence[int]) -> dict[int, int]:
    pairs: dict[int, int] = {}
    i = j = 0
    while i < len(old) and j < len(new):
        if scores[i][j] > 0 and best[i][j] == best[i + 1][j + 1] + scores[i][j]:
            pairs[old[i]] = new[j]
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def say_messages(changes: Sequence[MessageChange]) -> Iterator[str]:
    """Yield how many messages came, went, moved or changed otherwise than by their words: `1 message added`."""
    numbers = {
        "added": sum(one.change is Edit.ADDED for one in changes),
        "removed": sum(one.change is Edit.REMOVED for one in changes),
        "moved": sum(one.change is Edit.REORDERED for one in changes),
        "of another role": sum(one.change is Edit.CHANGED and one.old_role != one.new_role for one in changes),
        "changed beside the content": sum(one.change is Edit.CHANGED and one.others is not None for one in changes),
    }
    yield from (f"{count(number, 'message')} {verb}" for verb, number in numbers.items() if number)


def say_message(change: MessageChange) -> str:
    """Say what became of a message: `messages[1] (user): "Be brief." → "Be kind."`."""
    role = shorten(change.new_role or change.old_role, 40)
    if change.change is Edit.REORDERED:
        return f"{change.old_place} ({role}) moved to {change.new_place}"
    if change.change is Edit.CHANGED:
        said = [f"role {shorten(change.old_role, 40)} → {role}"] if change.old_role != change.new_role else []
        said += ["more than its content changed"] if change.others is not None else []
        said += [say_text(change.text)] if change.text is not None else []
        return f"{change.new_place} ({role}): {', '.join(said)}"
    words = change.text.lines[0].segments[0].text if change.text is not None and change.text.lines else ""
    return f"{change.new_place or change.old_place} ({role}) {change.change.value}: {quote(words.strip())}"
