"""The comparer of configs: by dotted key; what cannot be read as a config is compared as text and says so.

Rules: sampling parameters and model names come first, of whichever file; then tools whose change breaks calls, routing,
other tools, and the other keys in the order of the files. Where comments or the order of keys changed beside values, a
note says so; a file whose values are all the same is named as such, by what did change.
"""

from __future__ import annotations

from collections.abc import Iterator

from lastgood.canonical import Json
from lastgood.compare.alignment import Effort
from lastgood.compare.change import Detail, Edit, FileChange, KeyChange, Note
from lastgood.compare.comparer import ChangedFiles, ComponentSide, Findings, Pair, Unread
from lastgood.compare.files import common_folder, compare_files, say_path
from lastgood.compare.key_phrases import by_weight, say_key
from lastgood.compare.prompts import SortedOut, compare_as_text
from lastgood.compare.routing import RoutingChange, explain_routing, say_routing
from lastgood.compare.secrets import hide_assigned
from lastgood.compare.structured import compare_trees, say_same_values, shared_order_changed
from lastgood.compare.text import NotText, compare_texts, decode_text
from lastgood.compare.tool_changes import ToolChange, explain_tools, say_tool
from lastgood.compare.wording import printable
from lastgood.errors import Invalid
from lastgood.formats.comments import comments_of
from lastgood.formats.configs import config_format, read_config
from lastgood.model.placement import FileAccess

_MOST_LOOKED_AT = 1024 * 1024

_Told = KeyChange | ToolChange | RoutingChange


class ConfigComparer:
    """Compares configs by their keys."""

    def compare(self, old: ComponentSide, new: ComponentSide, files: FileAccess) -> Findings:
        """Say which keys changed."""
        found = _Found(files)
        for change in compare_files(old.entries, new.entries):
            found.take(change)
        return found.findings(common_folder(old.entries, new.entries))


class _Found:
    def __init__(self, files: FileAccess) -> None:
        self._reading = ChangedFiles(files)
        self._effort = Effort()
        self._told: list[_Told] = []
        self._beside: list[Note] = []
        self._cosmetic: list[Note] = []
        self._malformed: list[Note] = []
        self._others = SortedOut()
        self._looked_at = 0

    def take(self, change: FileChange) -> None:
        if change.change is not Edit.CHANGED:
            self._others.keep(change)
            return
        pair = self._reading.read(change)
        if isinstance(pair, Unread):
            self._others.take(change, pair)
        elif config_format(change.path) is None:
            self._others.take(change, compare_as_text(change.path, pair, self._effort))
        else:
            self._take_config(change, pair)

    def _take_config(self, change: FileChange, pair: Pair) -> None:
        """Compare a file by its keys, or as text where a side cannot be read as a config."""
        trees: list[Json] = []
        for side, data in (("old", pair.old), ("new", pair.new)):
            try:
                trees.append(read_config(change.path, data))
            except Invalid as error:
                self._take_malformed(change, pair, f"the {side} file {error.message.removeprefix(f'{change.path} ')}")
                return
        self._take_trees(change.path, pair, (trees[0], trees[1]))
        self._others.keep_mode(change)

    def _take_malformed(self, change: FileChange, pair: Pair, why: str) -> None:
        try:
            old, new = (hide_assigned(decode_text(data)) for data in (pair.old, pair.new))
        except NotText as error:
            self._others.take(change, Unread(str(error)))
            return
        if old == new:
            self._others.take(change, Unread(f"{why}, and what differs is shown to nobody"))
            return
        self._others.take(change, compare_texts(change.path, old, new, self._effort))
        self._malformed.append(Note(change.path, f"{why}, compared as text"))

    def _take_trees(self, path: str, pair: Pair, trees: tuple[Json, Json]) -> None:
        keys = compare_trees(path, *trees, self._effort)
        if not keys:
            self._cosmetic.append(Note(path, say_same_values(*trees)))
            return
        tools, left = explain_tools(path, trees, keys, self._effort)
        routings, others = explain_routing(path, trees, left)
        self._told += [*tools, *routings, *others]
        beside = ["comments"] if self._comments_differ(path, pair) else []
        beside += ["the order of keys"] if shared_order_changed(*trees) else []
        if beside:
            self._beside.append(Note(path, f"{' and '.join(beside)} changed as well"))

    def _comments_differ(self, path: str, pair: Pair) -> bool:
        """Say whether comments differ, as long as looking for them costs little beside the rest."""
        self._looked_at += len(pair.old) + len(pair.new)
        return self._looked_at <= _MOST_LOOKED_AT and comments_of(path, pair.old) != comments_of(path, pair.new)

    def findings(self, folder: str) -> Findings:
        sampling = by_weight(one for one in self._told if isinstance(one, KeyChange) and one.sampling)
        others = sorted((one for one in self._told if not (isinstance(one, KeyChange) and one.sampling)), key=_place)
        told = [*sampling, *others]
        phrases = [
            *_phrases(told, folder),
            *(f"{say_path(note.path, folder)}: {printable(note.text)}" for note in self._malformed),
            *self._others.text_phrases(folder),
            *self._others.file_phrases(folder),
            *(f"{say_path(note.path, folder)}: {note.text}" for note in self._cosmetic),
        ]
        details: tuple[Detail, ...] = (*told, *self._malformed, *self._others.details(), *self._beside, *self._cosmetic)
        # Of a file that was compared as text nobody knows whether its whitespace means something.
        return Findings(phrases, details, cosmetic=not told and self._others.trivial)


def _place(told: _Told) -> int:
    if isinstance(told, ToolChange):
        return 0 if told.breaking else 2
    return 1 if isinstance(told, RoutingChange) else 3


def _phrases(told: list[_Told], folder: str) -> Iterator[str]:
    """Yield one phrase a change, with its file where that is another than before."""
    file = None
    for one in told:
        for phrase in _say(one):
            yield phrase if one.file == file else f"{say_path(one.file, folder)}: {phrase}"
            file = one.file


def _say(told: _Told) -> Iterator[str]:
    if isinstance(told, RoutingChange):
        yield from say_routing(told)
    else:
        yield say_tool(told) if isinstance(told, ToolChange) else say_key(told)
