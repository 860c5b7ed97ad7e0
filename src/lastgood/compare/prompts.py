"""The comparer of prompts: line by line, then word by word; what is no text falls back to its digest and says so.

Rules: one phrase a file; files with the most changed words come first, those with cosmetic changes last. `TextFiles` does
the reading and the falling back, for prompts and for configs that cannot be read as such.
"""

from __future__ import annotations

from collections.abc import Iterator

from lastgood.compare.alignment import Effort
from lastgood.compare.change import Detail, Edit, FileChange, Note, TextChange
from lastgood.compare.comparer import ChangedFiles, ComponentSide, Findings, Pair, Unread
from lastgood.compare.files import common_folder, compare_files, say_file, say_files, say_path
from lastgood.compare.text import NotText, compare_texts, decode_text
from lastgood.compare.text_phrases import say_text
from lastgood.compare.wording import count, printable
from lastgood.model.placement import FileAccess


class PromptComparer:
    """Compares prompts by their words."""

    def compare(self, old: ComponentSide, new: ComponentSide, files: FileAccess) -> Findings:
        """Say which words changed."""
        reading, effort, sorted_out = ChangedFiles(files), Effort(), SortedOut()
        for change in compare_files(old.entries, new.entries):
            if change.change is not Edit.CHANGED:
                sorted_out.keep(change)
                continue
            pair = reading.read(change)
            sorted_out.take(change, pair if isinstance(pair, Unread) else compare_as_text(change.path, pair, effort))
        folder = common_folder(old.entries, new.entries)
        phrases = [*sorted_out.text_phrases(folder), *sorted_out.file_phrases(folder)]
        return Findings(phrases, sorted_out.details(), cosmetic=sorted_out.cosmetic, headline=sorted_out.headline())


def compare_as_text(path: str, pair: Pair, effort: Effort) -> TextChange | Unread:
    """Compare two sides of a file as text, or say why that cannot be done."""
    try:
        return compare_texts(path, decode_text(pair.old), decode_text(pair.new), effort)
    except NotText as error:
        return Unread(str(error))


class SortedOut:
    """The changes of a component's files, sorted into texts, whole files and notes on why these were not read."""

    def __init__(self) -> None:
        self._texts: list[TextChange] = []
        self._files: list[FileChange] = []
        self._notes: dict[str, Note] = {}

    def take(self, change: FileChange, found: TextChange | Unread) -> None:
        """Take a file that is on both sides, with what reading it gave."""
        if isinstance(found, Unread):
            self._files.append(change)
            self._notes[change.path] = Note(change.path, f"{found.reason}: compared by its digest only")
            return
        self._texts.append(found)
        self.keep_mode(change)

    def keep(self, change: FileChange) -> None:
        """Take a file that was not to be read."""
        self._files.append(change)

    def keep_mode(self, change: FileChange) -> None:
        """Take the mode of a file whose contents are told elsewhere, if it changed."""
        if change.old is not None and change.new is not None and change.old.mode is not change.new.mode:
            self._files.append(FileChange(Edit.MODE_CHANGED, change.old, change.new))

    @property
    def cosmetic(self) -> bool:
        """Whether only the layout of texts and the modes of files changed."""
        return self._modes_only and all(text.cosmetic for text in self._texts)

    @property
    def trivial(self) -> bool:
        """Whether only the modes of files changed."""
        return self._modes_only and not self._texts

    @property
    def _modes_only(self) -> bool:
        return all(change.change is Edit.MODE_CHANGED for change in self._files)

    def details(self) -> tuple[Detail, ...]:
        """Return everything that was taken, what weighs most first."""
        return (*self._ordered(), *self._files, *self._notes.values())

    def headline(self) -> str:
        """Count the words, where there is nothing but texts, whose own lines then say which; otherwise say nothing."""
        texts = self._texts
        if not texts or self._files or self._notes:
            return ""
        added, removed = sum(text.words_added for text in texts), sum(text.words_removed for text in texts)
        variables = [f"{{+{name}+}}" for text in texts for name in text.variables_added]
        variables += [f"[-{name}-]" for text in texts for name in text.variables_removed]
        said = f"{count(added, 'word')} added, {removed:,} removed in {count(len(texts), 'file')}"
        return f"{said}; variables {' '.join(map(printable, variables))}" if variables else said

    def text_phrases(self, folder: str) -> Iterator[str]:
        """Yield one phrase a text."""
        for text in self._ordered():
            yield f"{say_path(text.path, folder)}: {say_text(text)}"

    def file_phrases(self, folder: str) -> Iterator[str]:
        """Yield what is to be said of whole files: the first that could not be read with its reason, the rest together."""
        unread = next((change for change in self._files if change.path in self._notes), None)
        if unread is not None:
            yield f"{say_file(unread, folder)}, {self._notes[unread.path].text}"
        rest = [change for change in self._files if change is not unread]
        if rest:
            yield say_files(rest, folder)

    def _ordered(self) -> list[TextChange]:
        return sorted(self._texts, key=lambda text: (text.cosmetic, -text.words_added - text.words_removed, text.path))
