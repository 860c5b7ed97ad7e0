"""The comparer of configs: by dotted key; what cannot be read as a config is compared as text and says so.

Rules: sampling parameters and model names come first, of whichever file; then the other keys in the order of the files.
A file whose values are all the same is named as such, by what did change: comments, layout, or the order of keys.
"""

from __future__ import annotations

from collections.abc import Iterator

from lastgood.canonical import Json
from lastgood.compare.alignment import Effort
from lastgood.compare.change import Detail, Edit, FileChange, KeyChange, Note, TextChange
from lastgood.compare.comparer import ChangedFiles, ComponentSide, Findings, Pair, Unread
from lastgood.compare.files import common_folder, compare_files, say_path
from lastgood.compare.prompts import SortedOut, compare_as_text
from lastgood.compare.structured import compare_trees, same_key_order
from lastgood.compare.text_phrases import say_replacement
from lastgood.compare.wording import printable, shorten, show_value, type_word
from lastgood.errors import Invalid
from lastgood.formats.configs import config_format, read_config
from lastgood.model.placement import FileAccess

ONLY_LAYOUT = "only comments or layout changed"
ONLY_ORDER = "only key order, comments or layout changed"


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
        self._keys: list[KeyChange] = []
        self._cosmetic: list[Note] = []
        self._malformed: list[Note] = []
        self._others = SortedOut()

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
                text = compare_as_text(change.path, pair, self._effort)
                self._others.take(change, text)
                if isinstance(text, TextChange):
                    why = error.message.removeprefix(f"{change.path} ")
                    self._malformed.append(Note(change.path, f"the {side} file {why}, compared as text"))
                return
        old, new = trees
        keys = compare_trees(change.path, old, new, self._effort)
        self._keys += keys
        if not keys:
            self._cosmetic.append(Note(change.path, ONLY_LAYOUT if same_key_order(old, new) else ONLY_ORDER))
        self._others.keep_mode(change)

    def findings(self, folder: str) -> Findings:
        keys = sorted(self._keys, key=lambda key: not key.sampling)
        phrases = [
            *_key_phrases(keys, folder),
            *(f"{say_path(note.path, folder)}: {printable(note.text)}" for note in self._malformed),
            *self._others.text_phrases(folder),
            *self._others.file_phrases(folder),
            *(f"{say_path(note.path, folder)}: {note.text}" for note in self._cosmetic),
        ]
        details: tuple[Detail, ...] = (*keys, *self._malformed, *self._others.details(), *self._cosmetic)
        # Of a file that was compared as text nobody knows whether its whitespace means something.
        return Findings(phrases, details, cosmetic=not keys and self._others.trivial)


def _key_phrases(keys: list[KeyChange], folder: str) -> Iterator[str]:
    """Yield one phrase a key, with its file where that is another than before."""
    file = None
    for key in keys:
        yield say_key(key) if key.file == file else f"{say_path(key.file, folder)}: {say_key(key)}"
        file = key.file


def say_key(change: KeyChange) -> str:
    """Say what became of a key: `sampling.temperature: 0.2 → 0.9`."""
    key = shorten(change.key, 100) or "(the whole file)"
    if change.change is Edit.ADDED:
        return f"{key} added: {show_value(change.new)}"
    if change.change is Edit.REMOVED:
        return f"{key} removed (was {show_value(change.old)})"
    if change.change is Edit.REORDERED:
        return f"{key} reordered: {show_value(change.old)} → {show_value(change.new)}"
    if change.segments:
        return f"{key}: {say_replacement(change.segments)}"
    words = type_word(change.old), type_word(change.new)
    if words[0] == words[1] or "null" in words:
        return f"{key}: {show_value(change.old)} → {show_value(change.new)}"
    return f"{key}: {show_value(change.old)} ({words[0]}) → {show_value(change.new)} ({words[1]})"
