"""The comparer of code: which commits lie between, which files were touched and by how many lines, what was uncommitted.

Rules: the commits come from the provenance of both sides, and what lies between them from whoever has the repository at
hand (`CodeHistory`); without it the range alone is said. What went into a release beside its commit, the dirty patch, is
said as such: the files of the release that are not those of the commit. Files are compared as texts, the most changed
first; what is no text by its digest. No change of code is cosmetic: a space may be a block.

    CodeComparer(GitHistory(root), ("r41", "r42")).compare(old, new, files).phrases[0]
    'commits 1a2b3c4..5d6e7f8 (2: "Warmer tone", "Fix the search")'
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lastgood.canonical import JsonObject
from lastgood.compare.alignment import Effort
from lastgood.compare.change import Detail, Edit
from lastgood.compare.comparer import ChangedFiles, ComponentSide, Findings, Unread
from lastgood.compare.files import common_folder, compare_files, say_path
from lastgood.compare.prompts import SortedOut, compare_as_text
from lastgood.compare.showing import Block, Line, aside, plain, strong
from lastgood.compare.text_change import MOST_SHOWN, TextChange
from lastgood.compare.text_phrases import say_text
from lastgood.compare.wording import count, quote
from lastgood.model.code import CodeHistory, Commits, NoCodeHistory, differing_from, observed_commit
from lastgood.model.placement import FileAccess

_MOST_SUBJECTS = 3
_MOST_FILES = 4
_SUBJECT_WIDTH = 50
_SHORT = 7


@dataclass(frozen=True, slots=True)
class CommitRange:
    """The commits that two sides stand at, and what lies between them where somebody knows."""

    old: str | None
    new: str | None
    commits: Commits | None

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        known = self.commits
        return {
            "type": "commits",
            "old": self.old,
            "new": self.new,
            "count": None if known is None else known.newer_count,
            "dropped": None if known is None else known.dropped_count,
            "log": None if known is None else [one.to_json() for one in known.newer],
        }

    def shown(self, *, everything: bool = False) -> Iterator[Block]:
        """Yield the range, then the short log."""
        yield Line((plain("commits "), strong(self.said)))
        if self.commits is None:
            return
        listed = self.commits.newer if everything else self.commits.newer[:MOST_SHOWN]
        for one in listed:
            yield Line((plain(f"{one.short} {one.subject} "), aside(f"({one.author}, {one.at[:10]})")), indent=1)
        if len(listed) < self.commits.newer_count:
            yield Line((aside(f"… and {self.commits.newer_count - len(listed):,} older ones"),), indent=1)

    @property
    def said(self) -> str:
        """The range as git writes it."""
        return f"{(self.old or 'unknown')[:_SHORT]}..{(self.new or 'unknown')[:_SHORT]}"


@dataclass(frozen=True, slots=True)
class Uncommitted:
    """What went into a release beside the commit it stands at; `files` is None where nobody here has the commit."""

    release: str
    commit: str
    files: tuple[str, ...] | None

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "type": "uncommitted",
            "release": self.release,
            "commit": self.commit,
            "files": None if self.files is None else list(self.files),
        }

    def shown(self, *, everything: bool = False) -> Iterator[Block]:
        """Yield what it is, and which files."""
        yield Line((strong(f"uncommitted changes went into {self.release}"), plain(f", beside commit {self.commit[:_SHORT]}")))
        files = self.files or ()
        for path in files if everything else files[:MOST_SHOWN]:
            yield Line((plain(f"not as in {self.commit[:_SHORT]}: {path}"),), indent=1)
        if not everything and len(files) > MOST_SHOWN:
            yield Line((aside(f"… and {len(files) - MOST_SHOWN:,} more; --all shows them"),), indent=1)


class CodeComparer:
    """Compares code.

    Args:
        history: knows the commits, where they are at hand.
        labels: how the two releases are called.
    """

    def __init__(self, history: CodeHistory | None = None, labels: tuple[str, str] = ("the old release", "the new release")) -> None:
        self._history = history or NoCodeHistory()
        self._labels = labels

    def compare(self, old: ComponentSide, new: ComponentSide, files: FileAccess) -> Findings:
        """Say which commits lie between, and which files were touched."""
        touched = _touched(old, new, files)
        folder = common_folder(old.entries, new.entries)
        commits, patches = self._range(old, new), self._patches(old, new)
        phrases = [*_say_commits(commits), *(_say_patch(patch) for patch in patches), *touched.phrases(folder)]
        details: tuple[Detail, ...] = (*([commits] if commits else []), *patches, *touched.sorted_out.details())
        headline = touched.headline(phrases) if commits is None and not patches else ""
        return Findings(phrases, details, cosmetic=False, headline=headline)

    def _range(self, old: ComponentSide, new: ComponentSide) -> CommitRange | None:
        before, after = observed_commit(old.provenance.observed)[0], observed_commit(new.provenance.observed)[0]
        if before == after or before is None or after is None:
            return None
        return CommitRange(before, after, self._history.between(before, after))

    def _patches(self, old: ComponentSide, new: ComponentSide) -> list[Uncommitted]:
        found = []
        for side, label in ((new, self._labels[1]), (old, self._labels[0])):
            commit, dirty = observed_commit(side.provenance.observed)
            if commit is None:
                continue
            # Only what differs between the two sides is at hand, and only that can explain the difference.
            listed = [(entry.path, entry.digest, entry.size) for entry in side.entries]
            differing = differing_from(self._history, commit, listed)
            # That nothing differs is known only where the commit is; changes elsewhere in the workspace are not of code.
            if differing or (differing is None and dirty):
                found.append(Uncommitted(label, commit, differing))
        return found


class _Touched:
    def __init__(self) -> None:
        self.sorted_out = SortedOut()
        self.texts: list[TextChange] = []

    def phrases(self, folder: str) -> list[str]:
        """Say one small change in its words, more of them by their lines."""
        real = sorted(self.texts, key=lambda text: (text.cosmetic, -sum(lines_of(text)), text.path))
        if len(real) == 1:
            text = real[0]
            said = [f"{say_path(text.path, folder)} {say_lines(text)}: {say_text(text)}"]
        elif real:
            named = ", ".join(f"{say_path(text.path, folder)} {say_lines(text)}" for text in real[:_MOST_FILES])
            more = f", {len(real) - _MOST_FILES:,} more" if len(real) > _MOST_FILES else ""
            said = [f"{count(len(real), 'file')} changed: {named}{more}"]
        else:
            said = []
        return [*said, *self.sorted_out.file_phrases(folder)]

    def headline(self, phrases: Sequence[str]) -> str:
        """Count the lines of a single text, whose own words stand in the details."""
        return f"{self.texts[0].path} {say_lines(self.texts[0])}" if len(self.texts) == len(phrases) == 1 else ""


def _touched(old: ComponentSide, new: ComponentSide, files: FileAccess) -> _Touched:
    reading, effort, touched = ChangedFiles(files), Effort(), _Touched()
    for change in compare_files(old.entries, new.entries):
        if change.change is not Edit.CHANGED:
            touched.sorted_out.keep(change)
            continue
        pair = reading.read(change)
        found = pair if isinstance(pair, Unread) else compare_as_text(change.path, pair, effort)
        touched.sorted_out.take(change, found)
        if isinstance(found, TextChange):
            touched.texts.append(found)
    return touched


def lines_of(text: TextChange) -> tuple[int, int]:
    """Return how many lines came and how many went; one that changed did both."""
    return sum(block.new_count for block in text.lines), sum(block.old_count for block in text.lines)


def say_lines(text: TextChange) -> str:
    """Say how many lines came and went: `+12 −3`."""
    added, removed = lines_of(text)
    return f"+{added:,} −{removed:,}"


def _say_commits(commits: CommitRange | None) -> Iterator[str]:
    if commits is None:
        return
    known = commits.commits
    if known is None:
        yield f"commits {commits.said}"
    elif not known.newer_count:
        yield f"back from {commits.said.replace('..', ' to ')}, without {count(known.dropped_count, 'commit')}"
    else:
        subjects = ", ".join(quote(one.subject, _SUBJECT_WIDTH) for one in known.newer[:_MOST_SUBJECTS])
        more = ", …" if known.newer_count > _MOST_SUBJECTS else ""
        dropped = f", and without {count(known.dropped_count, 'commit')} of before" if known.dropped_count else ""
        yield f"commits {commits.said} ({known.newer_count:,}: {subjects}{more}{dropped})"


def _say_patch(patch: Uncommitted) -> str:
    where = f": {count(len(patch.files), 'file')} not as in {patch.commit[:_SHORT]}" if patch.files else ""
    return f"uncommitted changes went into {patch.release}{where}"
