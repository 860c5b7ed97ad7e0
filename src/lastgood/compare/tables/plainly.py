"""What is told of a dataset's files that are not compared by their rows, and why.

Rules: a table that is malformed on one side is compared as text, where it is one, or by its digest; the note that says so
names the side, the line and the reason, and is the first thing said.

    plainly = Plainly(files)
    plainly.take(change, Unreadable("train.jsonl", "new file is not valid JSONL, line 7: it is no object"))
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lastgood.compare.alignment import Effort
from lastgood.compare.change import Detail, Edit, FileChange, Note
from lastgood.compare.comparer import ChangedFiles, Unread
from lastgood.compare.files import say_path
from lastgood.compare.prompts import SortedOut, compare_as_text
from lastgood.compare.tables.gathering import Unreadable
from lastgood.compare.text_change import TextChange
from lastgood.compare.wording import printable
from lastgood.formats.tables import TableFormat, table_format
from lastgood.model.placement import FileAccess


class Plainly:
    """What is told of files that are not compared by their rows."""

    def __init__(self, files: FileAccess) -> None:
        self._reading = ChangedFiles(files)
        self._effort = Effort()
        self._notes: list[Note] = []
        self._beside: list[FileChange] = []
        self.unreadable = 0
        self._sorted_out = SortedOut()

    def keep(self, change: FileChange) -> None:
        """Take a file that is told as one."""
        self._sorted_out.keep(change)

    def note(self, path: str, text: str) -> None:
        """Take what a reader has to know."""
        self._notes.append(Note(path, text))

    def take(self, change: FileChange, error: Unreadable) -> None:
        """Take a file that cannot be read as a table: compare it as text, where it is one."""
        self.unreadable += 1
        if error.is_absent:
            self._sorted_out.take(change, Unread(f"its {error.reason}"))
            return
        if change.change is not Edit.CHANGED:
            self.keep(change)
            self.note(change.path, f"the {error.reason}, told as a file")
            return
        text = self._as_text(change)
        self._sorted_out.take(change, text)
        how = "compared as text" if isinstance(text, TextChange) else "compared by its digest only"
        self.note(change.path, f"the {error.reason}, {how}")

    def _as_text(self, change: FileChange) -> TextChange | Unread:
        if table_format(change.path) is TableFormat.PARQUET:
            return Unread("it is no text")
        pair = self._reading.read(change)
        return pair if isinstance(pair, Unread) else compare_as_text(change.path, pair, self._effort)

    def keep_beside(self, tables: Sequence[FileChange]) -> None:
        """Take the files whose rows are told elsewhere: their names for programs, their modes for all."""
        for change in tables:
            self._beside.append(change)
            self._sorted_out.keep_mode(change)

    @property
    def is_trivial(self) -> bool:
        """Whether nothing but modes of files changed."""
        return self._sorted_out.trivial and not self._notes

    def phrases(self, folder: str) -> Iterator[str]:
        """Yield what to say of it."""
        for note in self._notes:
            yield f"{say_path(note.path, folder)}: {printable(note.text)}" if note.path else printable(note.text)
        yield from self._sorted_out.text_phrases(folder)
        yield from self._sorted_out.file_phrases(folder)

    def details(self) -> tuple[Detail, ...]:
        """Return everything, notes first."""
        return (*self._notes, *self._sorted_out.details(), *self._beside)
