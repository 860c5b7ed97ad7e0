"""The comparer of prompts: line by line, then word by word; what is no text falls back to its digest and says so.

Rules: one phrase a text, a message or a key; files in which the model or another sampling parameter changed come first, then
those with the most changed words, those with cosmetic changes last. Each file says its weightiest before one says a second.
`SortedOut` gathers what was found, for prompts and for configs that cannot be read as such.
"""

from __future__ import annotations

from collections.abc import Iterator

from lastgood.compare.alignment import Effort
from lastgood.compare.change import Detail, Edit, FileChange, Note
from lastgood.compare.chats import Means, say_messages
from lastgood.compare.comparer import ChangedFiles, ComponentSide, Findings, Pair, Unread
from lastgood.compare.files import common_folder, compare_files, say_file, say_files, say_path
from lastgood.compare.prompt_files import FileFindings, compare_prompt_file
from lastgood.compare.text import NotText, compare_texts, decode_text
from lastgood.compare.text_change import TextChange
from lastgood.compare.tokens import TokenCounter
from lastgood.compare.wording import count, printable
from lastgood.model.placement import FileAccess


class PromptComparer:
    """Compares prompts by their words.

    Args:
        tokens: counts tokens, where somebody asks for them.
    """

    def __init__(self, tokens: TokenCounter | None = None) -> None:
        self._tokens = tokens

    def compare(self, old: ComponentSide, new: ComponentSide, files: FileAccess) -> Findings:
        """Say which words changed."""
        reading, means, sorted_out = ChangedFiles(files), Means(tokens=self._tokens), SortedOut()
        for change in compare_files(old.entries, new.entries):
            if change.change is not Edit.CHANGED:
                sorted_out.keep(change)
                continue
            pair = reading.read(change)
            sorted_out.take(change, pair if isinstance(pair, Unread) else compare_prompt_file(change.path, pair, means))
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
        self._read: list[FileFindings] = []
        self._files: list[FileChange] = []
        self._notes: dict[str, Note] = {}

    def take(self, change: FileChange, found: FileFindings | TextChange | Unread) -> None:
        """Take a file that is on both sides, with what reading it gave."""
        if isinstance(found, Unread):
            self._files.append(change)
            self._notes[change.path] = Note(change.path, f"{found.reason}: compared by its digest only")
            return
        self._read.append(FileFindings(found.path, texts=(found,)) if isinstance(found, TextChange) else found)
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
        return self._modes_only and all(one.cosmetic for one in self._read)

    @property
    def trivial(self) -> bool:
        """Whether only the modes of files changed."""
        return self._modes_only and not self._read

    @property
    def _modes_only(self) -> bool:
        return all(change.change is Edit.MODE_CHANGED for change in self._files)

    def details(self) -> tuple[Detail, ...]:
        """Return everything that was taken, what weighs most first."""
        read = (detail for one in self._ordered() for detail in one.details())
        return (*read, *self._files, *self._notes.values())

    def headline(self) -> str:
        """Count the words, where there is nothing but texts, whose own lines then say which; otherwise say nothing."""
        others = self._files or self._notes or any(one.keys or one.tools or one.notes or one.asides for one in self._read)
        if not self._read or others or self.cosmetic:
            return ""
        texts = [text for one in self._read for text in one.all_texts]
        added, removed = sum(text.words_added for text in texts), sum(text.words_removed for text in texts)
        renamed = {name: pair for text in texts for pair in text.variables_renamed for name in pair}
        variables = [f"[-{old}-]{{+{new}+}}" for old, new in dict.fromkeys(renamed.values())]
        variables += [f"{{+{name}+}}" for text in texts for name in text.variables_added if name not in renamed]
        variables += [f"[-{name}-]" for text in texts for name in text.variables_removed if name not in renamed]
        messages = list(say_messages([message for one in self._read for message in one.messages]))
        words = [f"{count(added, 'word')} added, {removed:,} removed in {count(len(self._read), 'file')}"]
        said = [*(words if added or removed or not messages else []), *messages]
        moved = sum(len(text.moves) for text in texts)
        said += [f"{count(moved, 'block')} moved"] if moved else []
        said += [f"variables {' '.join(map(printable, dict.fromkeys(variables)))}"] if variables else []
        return "; ".join(said)

    def text_phrases(self, folder: str) -> Iterator[str]:
        """Yield what to say of the files that were read, each with its path where that is another than before."""
        said = [(one, list(one.phrases())) for one in self._ordered()]
        first = [(one, phrases[0]) for one, phrases in said if phrases and not one.cosmetic]
        rest = [(one, phrase) for one, phrases in said for phrase in (phrases if one.cosmetic else phrases[1:])]
        before = None
        for one, phrase in [*first, *rest]:
            yield phrase if one is before else f"{say_path(one.path, folder)}: {phrase}"
            before = one

    def file_phrases(self, folder: str) -> Iterator[str]:
        """Yield what is to be said of whole files: the first that could not be read with its reason, the rest together."""
        unread = next((change for change in self._files if change.path in self._notes), None)
        if unread is not None:
            yield f"{say_file(unread, folder)}, {self._notes[unread.path].text}"
        rest = [change for change in self._files if change is not unread]
        if rest:
            yield say_files(rest, folder)

    def _ordered(self) -> list[FileFindings]:
        return sorted(self._read, key=lambda one: (one.cosmetic, not one.has_sampling, -one.weight, one.path))
