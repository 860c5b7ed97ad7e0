"""What lies beside the tensors of an artifact: adapter configs, tokenizers, configs, texts, and files that are none of these.

Rules: configs are compared by `ConfigComparer`, so that they read as they do everywhere; a tokenizer or an adapter config
that is not what its name says is compared as a config or text would be, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from lastgood.canonical import Json
from lastgood.compare.alignment import Effort
from lastgood.compare.artifacts.adapters import compare_adapters, say_adapter
from lastgood.compare.artifacts.changes import VocabularyChange
from lastgood.compare.artifacts.roles import Role, role_of
from lastgood.compare.artifacts.vocabularies import (
    LARGEST,
    Vocabulary,
    compare_vocabularies,
    read_vocabulary,
    say_tokenizer_key,
    say_vocabulary,
)
from lastgood.compare.change import Detail, Edit, FileChange, KeyChange, Note
from lastgood.compare.comparer import ChangedFiles, ComponentSide, Findings, Unread
from lastgood.compare.configs import ConfigComparer
from lastgood.compare.files import say_path
from lastgood.compare.prompts import SortedOut, compare_as_text
from lastgood.compare.wording import printable, size
from lastgood.errors import Gone, Invalid, NotFound
from lastgood.formats.configs import read_config
from lastgood.ids import ContentDigest
from lastgood.model.component import Kind
from lastgood.model.listing import FileEntry
from lastgood.model.placement import FileAccess

ONLY_LAYOUT = "only the layout of the file changed"


class Beside:
    """Takes the files beside tensors, and says what became of them.

    Args:
        files: has them.
        effort: what the comparison of texts may cost.
    """

    def __init__(self, files: FileAccess, effort: Effort) -> None:
        self._files = files
        self._reading = ChangedFiles(files)
        self._effort = effort
        self._adapters: list[KeyChange] = []
        self._vocabularies: list[VocabularyChange] = []
        self._tokenizer_keys: list[KeyChange] = []
        self._configs: list[FileChange] = []
        self._notes: list[Note] = []
        self._texts = SortedOut()
        self._documents = SortedOut()
        self._config_findings: Findings | None = None

    def keep(self, change: FileChange) -> None:
        """Take a file that is told as a whole."""
        (self._documents if _is_trivial(change) else self._texts).keep(change)

    def keep_told(self, change: FileChange) -> None:
        """Take a file whose contents are told elsewhere: that it came or went, or its mode, if that changed."""
        if change.change is Edit.CHANGED:
            self._documents.keep_mode(change)
        else:
            self._documents.keep(change)

    def take_unread(self, change: FileChange, why: Unread) -> None:
        """Take a file that has no tensors to compare, with the reason; where there is none it may be a text."""
        if why.reason:
            self._texts.take(change, why)
        elif change.change is Edit.CHANGED:
            self._take_text(change, self._texts)
        else:
            self.keep(change)

    def take(self, change: FileChange) -> None:
        """Take a file that differs and is known by its name."""
        role = role_of(change.path)
        if change.change is not Edit.CHANGED or role is Role.INDEX:
            self.keep(change)
        elif role is Role.ADAPTER:
            self._take_adapter(change)
        elif role is Role.TOKENIZER:
            self._take_tokenizer(change)
        elif role is Role.CONFIG:
            self._configs.append(change)
        else:
            self._take_text(change, self._documents if role is Role.DOCUMENT else self._texts)

    def _take_text(self, change: FileChange, into: SortedOut) -> None:
        pair = self._reading.read(change)
        into.take(change, pair if isinstance(pair, Unread) else compare_as_text(change.path, pair, self._effort))

    def _take_adapter(self, change: FileChange) -> None:
        pair = self._reading.read(change)
        if isinstance(pair, Unread):
            self._texts.take(change, pair)
            return
        trees: list[Json] = []
        for data in (pair.old, pair.new):
            try:
                trees.append(read_config(change.path, data))
            except Invalid:
                # As a config it is compared as text, with the reason.
                self._configs.append(change)
                return
        found = compare_adapters(change.path, trees[0], trees[1], self._effort)
        self._adapters += found
        if not found:
            self._notes.append(Note(change.path, ONLY_LAYOUT))
        self.keep_told(change)

    def _take_tokenizer(self, change: FileChange) -> None:
        sides: list[Vocabulary] = []
        for entry, side in ((change.old, "old"), (change.new, "new")):
            found = self._read_vocabulary(entry, side)
            if isinstance(found, Unread):
                self._texts.take(change, found)
                return
            sides.append(found)
        vocabulary, keys = compare_vocabularies(change.path, sides[0], sides[1], self._effort)
        if say_vocabulary(vocabulary):
            self._vocabularies.append(vocabulary)
        self._tokenizer_keys += keys
        if not keys and not say_vocabulary(vocabulary):
            self._notes.append(Note(change.path, ONLY_LAYOUT))
        self.keep_told(change)

    def _read_vocabulary(self, entry: FileEntry | None, side: str) -> Vocabulary | Unread:
        if entry is None:
            return Unread("it is on one side only")
        if entry.size > LARGEST:
            return Unread(f"it has {size(entry.size)}, more than is compared by its contents")
        try:
            return read_vocabulary(entry.path.rpartition("/")[2].lower(), self._files.read_file(entry.digest, limit=LARGEST))
        except Gone:
            return Unread(f"its {side} bytes were removed by policy")
        except NotFound:
            return Unread(f"its {side} bytes are not kept here")
        except Invalid as error:
            return Unread(f"the {side} file {error.message}")

    @property
    def _config(self) -> Findings:
        """What the comparer of configs says of the configs."""
        if self._config_findings is None:
            side = partial(ComponentSide, Kind.CONFIG)
            old = side(ContentDigest.of(b"old"), [change.old for change in self._configs if change.old is not None])
            new = side(ContentDigest.of(b"new"), [change.new for change in self._configs if change.new is not None])
            self._config_findings = ConfigComparer().compare(old, new, self._files) if self._configs else Findings([], (), cosmetic=True)
        return self._config_findings

    @property
    def cosmetic(self) -> bool:
        """Whether nothing of it acts on answers."""
        acts = self._adapters or self._vocabularies or self._tokenizer_keys
        return not acts and self._texts.trivial and self._config.cosmetic

    def phrases(self, folder: str) -> Iterator[str]:
        """Yield what is to be said of what acts on answers, the weightiest first."""
        yield from say_adapter(self._adapters)
        for vocabulary in self._vocabularies:
            yield f"{say_path(vocabulary.path, folder)}: {say_vocabulary(vocabulary)}"
        yield from (f"{say_path(key.file, folder)}: {say_tokenizer_key(key)}" for key in self._tokenizer_keys)
        yield from self._config.phrases
        yield from self._texts.text_phrases(folder)
        yield from self._texts.file_phrases(folder)

    def trivial_phrases(self, folder: str) -> Iterator[str]:
        """Yield what is to be said of the rest."""
        yield from (f"{say_path(note.path, folder)}: {printable(note.text)}" for note in self._notes)
        yield from self._documents.text_phrases(folder)
        yield from self._documents.file_phrases(folder)

    def details(self) -> list[Detail]:
        """Return the details of what acts on answers."""
        return [*self._adapters, *self._vocabularies, *self._tokenizer_keys, *self._config.details, *self._texts.details()]

    def trivial_details(self) -> list[Detail]:
        """Return the details of the rest."""
        return [*self._notes, *self._documents.details()]


def _is_trivial(change: FileChange) -> bool:
    return change.change is Edit.MODE_CHANGED or role_of(change.path) in {Role.DOCUMENT, Role.INDEX}
