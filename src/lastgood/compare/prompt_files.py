"""One prompt file, compared as what it is: a text, a text with front matter, or a chat.

Rules: the name says what a file is, and its contents may say more:

    .yaml .yml .json .toml       a chat, where a list of messages stands in it; its tools and other keys as those of a
                                 config, their texts by words
    front matter                 YAML between two lines `---` at the start of a text: keys, and below it the text
    {{role "system"}}            in a text (dotprompt): what follows such marks are messages

What cannot be read as such is compared as a text, and a note says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from lastgood.canonical import Json
from lastgood.compare.change import Detail, Edit, KeyChange, Note
from lastgood.compare.chats import Means, Message, MessageChange, compare_chats, read_chat, say_message
from lastgood.compare.comparer import Pair, Unread
from lastgood.compare.key_phrases import by_weight, say_key
from lastgood.compare.structured import compare_trees, dotted, say_same_values
from lastgood.compare.text import NotText, TextPlace, compare_texts, decode_text, set_apart
from lastgood.compare.text_change import TextChange, VariablesChange
from lastgood.compare.text_phrases import say_text, say_variables
from lastgood.compare.tool_changes import ToolChange, explain_tools, say_tool
from lastgood.compare.variables import find_variables
from lastgood.compare.wording import printable
from lastgood.errors import Invalid
from lastgood.formats.configs import config_format, read_config

_FRONT = re.compile(r"---[ \t]*\n(.*?\n)?---[ \t]*(?:\n|\Z)", re.DOTALL)
_ROLE = re.compile(r"\{\{~?\s{0,9}role\s{1,9}[\"']([^\"'\n]{1,40})[\"']\s{0,9}~?\}\}")
_DEEPEST_CHAT = 4

_Way = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileFindings:
    """What was found in one file, in parts; `notes` say what could not be compared closely, or what changed beside the rest."""

    path: str
    keys: tuple[KeyChange, ...] = ()
    messages: tuple[MessageChange, ...] = ()
    texts: tuple[TextChange, ...] = ()
    variables: VariablesChange | None = None
    tools: tuple[ToolChange, ...] = ()
    notes: tuple[Note, ...] = ()
    asides: tuple[Note, ...] = ()

    @property
    def cosmetic(self) -> bool:
        """Whether nothing changed that a model reads."""
        return not (self.keys or self.tools or self.variables) and all(one.cosmetic for one in self._told)

    @property
    def has_sampling(self) -> bool:
        """Whether the model's name or another sampling parameter changed."""
        return any(key.sampling for key in self.keys)

    @property
    def weight(self) -> int:
        """How much changed, for putting first what changed most."""
        return sum(one.weight for one in self._told) + len(self.keys) + len(self.tools)

    @property
    def _told(self) -> list[MessageChange | TextChange]:
        return [*self.messages, *self.texts]

    @property
    def all_texts(self) -> list[TextChange]:
        """Every text, those of messages included."""
        return [*(one.text for one in self.messages if one.text is not None), *self.texts]

    def details(self) -> Iterator[Detail]:
        """Yield its parts, what weighs most first."""
        sampling = [key for key in self.keys if key.sampling]
        yield from by_weight(sampling)
        yield from self._told
        yield from self.tools
        yield from (key for key in self.keys if not key.sampling)
        yield from (self.variables,) if self.variables else ()
        yield from (*self.notes, *self.asides)

    def phrases(self) -> Iterator[str]:
        """Yield what to say of it, what weighs most first."""
        yield from (printable(note.text) for note in self.notes)
        sampling = [key for key in self.keys if key.sampling]
        yield from map(say_key, by_weight(sampling))
        told = sorted(self._told, key=lambda one: (one.cosmetic, -one.weight))
        for one in told:
            yield say_message(one) if isinstance(one, MessageChange) else _say_placed(one)
        yield from map(say_tool, self.tools)
        yield from (say_key(key) for key in self.keys if not key.sampling)
        if self.variables:
            yield from say_variables(self.variables.removed, self.variables.added)
        yield from (note.text for note in self.asides if not (self.keys or told))


def _say_placed(text: TextChange) -> str:
    return f"{printable(text.place)}: {say_text(text)}" if text.place else say_text(text)


def compare_prompt_file(path: str, pair: Pair, means: Means) -> FileFindings | Unread:
    """Compare two sides of a prompt file, or say why that cannot be done."""
    if config_format(path) is not None:
        return _compare_config(path, pair, means)
    texts = _decoded(pair)
    if isinstance(texts, Unread):
        return texts
    if any(text.removeprefix("\ufeff").startswith("---") for text in texts) or any(_ROLE.search(text) for text in texts):
        return _compare_parts(path, *texts, means)
    return FileFindings(path, texts=(compare_texts(path, *texts, means.effort, tokens=means.tokens),))


def _decoded(pair: Pair) -> tuple[str, str] | Unread:
    try:
        return decode_text(pair.old), decode_text(pair.new)
    except NotText as error:
        return Unread(str(error))


def _compare_config(path: str, pair: Pair, means: Means) -> FileFindings | Unread:
    trees: list[Json] = []
    for side, data in (("old", pair.old), ("new", pair.new)):
        try:
            trees.append(read_config(path, data))
        except Invalid as error:
            texts = _decoded(pair)
            if isinstance(texts, Unread):
                return texts
            why = error.message.removeprefix(f"{path} ")
            note = Note(path, f"the {side} file {why}, compared as text")
            return FileFindings(path, texts=(compare_texts(path, *texts, means.effort, tokens=means.tokens),), notes=(note,))
    return _compare_trees(path, trees[0], trees[1], means)


def _compare_trees(path: str, old: Json, new: Json, means: Means) -> FileFindings:
    messages: list[MessageChange] = []
    variables = _variables_of(old), _variables_of(new)
    for way in _chat_ways(old, new):
        chats = [read_chat(_at(tree, way)) or [] for tree in (old, new)]
        messages += compare_chats(path, dotted(way), chats[0], chats[1], means)
        old, new = _without(old, way), _without(new, way)
    keys: list[KeyChange] = []
    texts: list[TextChange] = []
    tools, changes = explain_tools(path, (old, new), compare_trees(path, old, new, means.effort), means.effort)
    for key in changes:
        text = None if key.sampling or key.hidden else _as_text(key, means)
        texts += [text] if text is not None else []
        keys += [key] if text is None else []
    if not (keys or messages or texts or tools):
        return FileFindings(path, asides=(Note(path, say_same_values(old, new)),))
    return _with_variables(FileFindings(path, tuple(keys), tuple(messages), tuple(texts), tools=tuple(tools)), variables)


def _as_text(key: KeyChange, means: Means) -> TextChange | None:
    """Compare a value that is a longer text by words."""
    old, new = key.old, key.new
    if key.change is not Edit.CHANGED or not isinstance(old, str) or not isinstance(new, str):
        return None
    if not (key.segments or "\n" in old + new or find_variables(old) or find_variables(new)):
        return None
    at = TextPlace(key.key or "(the whole file)", in_file=False)
    return compare_texts(key.file, old, new, means.effort, at=at, tokens=means.tokens)


def _chat_ways(old: Json, new: Json) -> list[_Way]:
    """Return the ways to the chats that stand on both sides, or on one where the other has nothing there."""
    ways = dict.fromkeys([*_ways(old, ()), *_ways(new, ())])
    return [way for way in ways if all(_at(tree, way) in (None, []) or read_chat(_at(tree, way)) for tree in (old, new))]


def _ways(tree: Json, way: _Way) -> Iterator[_Way]:
    if read_chat(tree):
        yield way
    elif isinstance(tree, dict) and len(way) < _DEEPEST_CHAT:
        for key, value in tree.items():
            yield from _ways(value, (*way, key))


def _at(tree: Json, way: _Way) -> Json:
    for key in way:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def _without(tree: Json, way: _Way) -> Json:
    """Return a tree without what stands at the end of a way."""
    if not way or not isinstance(tree, dict) or way[0] not in tree:
        return tree if way else None
    if len(way) == 1:
        return {key: value for key, value in tree.items() if key != way[0]}
    return {**tree, way[0]: _without(tree[way[0]], way[1:])}


def _compare_parts(path: str, old: str, new: str, means: Means) -> FileFindings:
    """Compare texts with front matter, with role marks, or with both."""
    whole = old, new
    remarks, old, new = set_apart(old, new)
    fronts = [_front_matter(path, text) for text in (old, new)]
    for side, front in zip(("old", "new"), fronts, strict=True):
        if isinstance(front, str):
            note = Note(path, f"the front matter of the {side} file {front}, compared as text")
            return FileFindings(path, texts=(compare_texts(path, *whole, means.effort, tokens=means.tokens),), notes=(note,))
    heads = [front for front in fronts if isinstance(front, _Front)]
    keys = compare_trees(path, heads[0].tree, heads[1].tree, means.effort)
    messages, texts = _compare_bodies(path, (old[heads[0].length :], new[heads[1].length :]), (heads[0].lines, heads[1].lines), means)
    asides = [] if keys or old[: heads[0].length] == new[: heads[1].length] else [Note(path, f"front matter: {_same(heads)}")]
    if remarks:
        lengths = len(whole[0]), len(whole[1])
        texts = [TextChange(path, (), 0, 0, (), (), tuple(remarks), cosmetic=True, characters=lengths), *texts]
    variables = find_variables(old[heads[0].length :]), find_variables(new[heads[1].length :])
    return _with_variables(FileFindings(path, keys, tuple(messages), tuple(texts), asides=tuple(asides)), variables)


def _same(heads: list[_Front]) -> str:
    return say_same_values(dict(heads[0].tree), dict(heads[1].tree))


@dataclass(frozen=True, slots=True)
class _Front:
    """Front matter: its keys, and how many characters and lines of the file it takes."""

    tree: Mapping[str, Json]
    length: int = 0
    lines: int = 0


def _front_matter(path: str, text: str) -> _Front | str:
    """Read the front matter of a text; where it has one that cannot be read, say why."""
    found = _FRONT.match(text)
    if found is None:
        return _Front({})
    name = f"{path}.yaml"
    try:
        tree = read_config(name, (found[1] or "").encode())
    except Invalid as error:
        return error.message.removeprefix(f"{name} ")
    if tree is not None and not isinstance(tree, dict):
        # A line `---` over a text is a rule, not the start of front matter.
        return _Front({})
    return _Front(tree or {}, found.end(), found[0].count("\n"))


def _compare_bodies(
    path: str, bodies: tuple[str, str], above: tuple[int, int], means: Means
) -> tuple[list[MessageChange], list[TextChange]]:
    if bodies[0] == bodies[1]:
        return [], []
    if any(_ROLE.search(body) for body in bodies):
        chats = [list(_marked_messages(body, lines + 1)) for body, lines in zip(bodies, above, strict=True)]
        messages = compare_chats(path, "messages", chats[0], chats[1], means)
        # Where the messages are the same, the marks are written in another way.
        if messages:
            return messages, []
    at = TextPlace(old_first=above[0] + 1, new_first=above[1] + 1)
    return [], [compare_texts(path, *bodies, means.effort, at=at, tokens=means.tokens)]


def _marked_messages(body: str, line: int) -> Iterator[Message]:
    """Yield the messages of a text with role marks; what stands before the first mark is the user's."""
    marks = list(_ROLE.finditer(body))
    before = body[: marks[0].start()] if marks else body
    if before.strip():
        yield Message("user", before, line=line)
    ends = [*(mark.start() for mark in marks), len(body)]
    for mark, after in zip(marks, ends[1:], strict=True):
        start = mark.end() + body.startswith("\n", mark.end())
        yield Message(mark[1], body[start:after], line=line + body.count("\n", 0, start))


def _variables_of(tree: Json) -> dict[str, None]:
    """Return the template variables of every text in a tree."""
    if isinstance(tree, str):
        return find_variables(tree)
    values = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return {name: None for value in values for name in _variables_of(value)}


def _with_variables(found: FileFindings, variables: tuple[Mapping[str, None], Mapping[str, None]]) -> FileFindings:
    """Let the texts tell only of variables that the file as a whole lost or got, and tell of those that no text has."""
    old, new = variables
    texts = tuple(_limited(text, old, new) for text in found.texts)
    messages = tuple(replace(one, text=_limited(one.text, old, new)) if one.text else one for one in found.messages)
    found = replace(found, texts=texts, messages=messages)
    told = {name for text in found.all_texts for name in (*text.variables_added, *text.variables_removed)}
    added = tuple(name for name in new if name not in old and name not in told)
    removed = tuple(name for name in old if name not in new and name not in told)
    return replace(found, variables=VariablesChange(found.path, added, removed)) if added or removed else found


def _limited(text: TextChange, old: Mapping[str, None], new: Mapping[str, None]) -> TextChange:
    added = tuple(name for name in text.variables_added if name not in old)
    removed = tuple(name for name in text.variables_removed if name not in new)
    renamed = tuple(pair for pair in text.variables_renamed if pair[0] in removed and pair[1] in added)
    return replace(text, variables_added=added, variables_removed=removed, variables_renamed=renamed)
