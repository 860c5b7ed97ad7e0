"""The comparer of evaluation suites: did the scorer change, and which cases came, went or changed?

Rules: what decides a score is the scorer: the command, the data that it names, the code, the prompts of a judge, and
configs. If any of it changed, that is said before everything else, since scores before and after are then not
comparable; nobody can tell from outside whether a change of a scorer changes scores. Files that list cases
(`formats.cases`) are compared case by case; what cannot be read as such is compared as text and says so.

    part      is
    cases     .jsonl .ndjson .csv .tsv, and .json and .yaml that list objects
    scorer    code, templates and texts, configs, and whatever file `run` names
    neither   README, LICENSE and the like, and files of other types: what cases refer to

    >>> part_of("evals/quality/judge.md", ""), part_of("evals/README.md", ""), part_of("evals/photo.png", "")
    (<Part.SCORER: 'scorer'>, <Part.NEITHER: 'neither'>, <Part.NEITHER: 'neither'>)
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lastgood.canonical import Json, JsonObject
from lastgood.compare.alignment import Effort
from lastgood.compare.change import Detail, Edit, FileChange, Note
from lastgood.compare.comparer import ChangedFiles, ComponentSide, Findings, Pair, Unread
from lastgood.compare.files import common_folder, compare_files, say_path
from lastgood.compare.prompts import SortedOut, compare_as_text
from lastgood.compare.showing import Block, Line, Span, Tone, aside, new_value, old_value, plain, strong
from lastgood.compare.text_change import MOST_SHOWN, TextChange
from lastgood.compare.wording import as_json, count, printable, shorten, show_value
from lastgood.errors import Invalid
from lastgood.formats.cases import Cases, read_cases
from lastgood.model.placement import FileAccess

NOT_COMPARABLE = "scores before and after are not comparable"
ONLY_ORDER = "only the order or layout of its cases changed"
_MOST_NAMED = 3
_NAME_WIDTH = 40
_CASES = frozenset({"jsonl", "ndjson", "csv", "tsv", "json", "yaml", "yml"})
_SCORER = frozenset(
    (
        "py pyi js mjs cjs ts sh bash rb go rs java kt r jl lua pl ipynb md txt prompt prompty j2 jinja jinja2 tmpl mustache"
        " toml ini cfg env"
    ).split()
)
_ASIDE = re.compile(r"(readme|license|licence|changelog|contributing|notice|authors)(\..*)?", re.IGNORECASE)


class Part(StrEnum):
    """What a file is to a suite."""

    CASES = "cases"
    SCORER = "scorer"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class ChangedCase:
    """A case that changed: which of its fields, with what they were and are; null where a side lacks one."""

    name: str
    fields: tuple[tuple[str, Json, Json], ...]

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "case": self.name,
            "fields": [{"field": field, "old": as_json(old), "new": as_json(new)} for field, old, new in self.fields],
        }


@dataclass(frozen=True, slots=True)
class CaseChanges:
    """What became of the cases of a file; `key` is what they are known by, None where that is what they are."""

    path: str
    key: str | None
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[ChangedCase, ...]
    kept: int

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {
            "type": "cases",
            "path": self.path,
            "key": self.key,
            "added": list(self.added),
            "removed": list(self.removed),
            "changed": [one.to_json() for one in self.changed],
            "kept": self.kept,
        }

    def shown(self, *, everything: bool = False) -> Iterator[Block]:
        """Yield the cases that changed with their fields, then those that came and went."""
        yield Line((plain(f"{self.path}: {self.said}, {self.kept:,} as before"),))
        most = len(self.changed) if everything else MOST_SHOWN
        for one in self.changed[:most]:
            for field, old, new in one.fields:
                values = (old_value(show_value(old)), plain(" → "), new_value(show_value(new)))
                yield Line((strong(one.name), plain(f": {field}: "), *values), indent=1)
        if len(self.changed) > most:
            yield Line((aside(f"… and {len(self.changed) - most:,} more cases; --all shows them"),), indent=1)
        for names, tone, word in ((self.removed, Tone.OLD, "removed"), (self.added, Tone.NEW, "added")):
            listed = names if everything else names[:MOST_SHOWN]
            if listed:
                more = f" and {len(names) - len(listed):,} more" if len(listed) < len(names) else ""
                yield Line((Span(tone, word), plain(f" {', '.join(map(shorten, listed))}{more}")), indent=1)

    @property
    def said(self) -> str:
        """How many came, went and changed, with the first names."""
        parts = ((self.added, "added"), (self.removed, "removed"), (tuple(one.name for one in self.changed), "changed"))
        return ", ".join(_say_names(names, word, named=self.key is not None) for names, word in parts if names)


@dataclass(frozen=True, slots=True)
class ScorerChange:
    """That what decides the scores changed: which files, and whether the command or the name of the data."""

    files: tuple[str, ...]
    fields: tuple[str, ...]

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"type": "scorer", "files": list(self.files), "fields": list(self.fields), "comparable": False}

    def shown(self, *, everything: bool = False) -> Iterator[Block]:  # noqa: ARG002 - one line is everything
        """Yield one line."""
        yield Line((strong(NOT_COMPARABLE), plain(f": {', '.join((*self.fields, *self.files))} changed")))


class SuiteComparer:
    """Compares suites by their scorer and their cases."""

    def compare(self, old: ComponentSide, new: ComponentSide, files: FileAccess) -> Findings:
        """Say whether the scorer changed, and which cases."""
        found = _Found(files, " ".join(str(side.fields.get("run") or "") for side in (old, new)))
        for change in compare_files(old.entries, new.entries):
            found.take(change)
        fields = tuple(name for name in ("run", "on") if old.fields.get(name) != new.fields.get(name))
        return found.findings(common_folder(old.entries, new.entries), fields)


def part_of(path: str, run: str) -> Part:
    """Say what a file is to a suite, as far as its name and the command tell."""
    name = path.rpartition("/")[2]
    suffix = name.rpartition(".")[2].lower()
    if path in _words(run) or suffix in _SCORER - {"md", "txt"}:
        return Part.SCORER
    if suffix in _CASES:
        return Part.CASES
    return Part.SCORER if suffix in _SCORER and not _ASIDE.fullmatch(name) else Part.NEITHER


def _words(run: str) -> set[str]:
    try:
        return {word.removeprefix("./") for word in shlex.split(run)}
    except ValueError:
        return {word.removeprefix("./") for word in run.split()}


class _Found:
    def __init__(self, files: FileAccess, run: str) -> None:
        self._reading = ChangedFiles(files)
        self._run = run
        self._effort = Effort()
        self._scorer: list[str] = []
        self._cases: list[CaseChanges] = []
        self._notes: list[Note] = []
        self._others = SortedOut()

    def take(self, change: FileChange) -> None:
        part = part_of(change.path, self._run)
        if change.change is not Edit.CHANGED:
            self._others.keep(change)
            if part is Part.SCORER and change.change in {Edit.ADDED, Edit.REMOVED}:
                self._scorer.append(change.path)
            return
        pair = self._reading.read(change)
        if isinstance(pair, Unread):
            self._others.take(change, pair)
            self._scorer += [change.path] if part is Part.SCORER else []
        elif part is Part.CASES:
            self._take_cases(change, pair)
        else:
            self._others.take(change, compare_as_text(change.path, pair, self._effort))
            self._scorer += [change.path] if part is Part.SCORER else []

    def _take_cases(self, change: FileChange, pair: Pair) -> None:
        try:
            old, new = _read_both(change.path, pair)
        except Invalid as error:
            self._take_broken(change, pair, error)
            return
        if old is None or new is None:
            # A config of another form than a list of cases decides how they are judged.
            self._others.take(change, compare_as_text(change.path, pair, self._effort))
            self._scorer.append(change.path)
            return
        changes = compare_cases(change.path, old, new)
        if changes.said:
            self._cases.append(changes)
        else:
            self._notes.append(Note(change.path, ONLY_ORDER))
        self._others.keep_mode(change)

    def _take_broken(self, change: FileChange, pair: Pair, error: Invalid) -> None:
        text = compare_as_text(change.path, pair, self._effort)
        self._others.take(change, text)
        if isinstance(text, TextChange):
            self._notes.append(Note(change.path, f"{error.message.removeprefix(f'{change.path} ')}, compared as text"))

    def findings(self, folder: str, fields: tuple[str, ...]) -> Findings:
        scorer = ScorerChange(tuple(self._scorer), fields) if self._scorer or fields else None
        notes = [note for note in self._notes if note.text != ONLY_ORDER]
        phrases = [
            *(f"{say_path(one.path, folder)}: {printable(one.said)}" for one in self._cases),
            *(f"{say_path(note.path, folder)}: {printable(note.text)}" for note in notes),
            *self._others.text_phrases(folder),
            *self._others.file_phrases(folder),
            *(f"{say_path(note.path, folder)}: {note.text}" for note in self._notes if note.text == ONLY_ORDER),
        ]
        details: tuple[Detail, ...] = (*([scorer] if scorer else []), *self._cases, *self._notes, *self._others.details())
        urgent = [_say_scorer(scorer, folder)] if scorer else []
        cosmetic = scorer is None and not self._cases and not notes and self._others.trivial
        return Findings(phrases, details, cosmetic=cosmetic, urgent=urgent)


def _read_both(path: str, pair: Pair) -> tuple[Cases | None, Cases | None]:
    """Read both sides of a file, their cases known by the same."""
    new = read_cases(path, pair.new)
    if new is None:
        return read_cases(path, pair.old), None
    old = read_cases(path, pair.old, (new.key,) if new.key else ())
    if old is not None and old.key != new.key:
        return read_cases(path, pair.old, ()), read_cases(path, pair.new, ())
    return old, new


def compare_cases(path: str, old: Cases, new: Cases) -> CaseChanges:
    """Compare the cases of two sides of a file."""
    before, after = old.by_name, new.by_name
    changed = [
        ChangedCase(name, fields) for name, case in after.items() if name in before and (fields := tuple(_fields(before[name], case)))
    ]
    return CaseChanges(
        path,
        new.key if old.key == new.key else None,
        tuple(name for name in after if name not in before),
        tuple(name for name in before if name not in after),
        tuple(changed),
        sum(name in before for name in after) - len(changed),
    )


def _fields(old: Mapping[str, Json], new: Mapping[str, Json]) -> Iterator[tuple[str, Json, Json]]:
    for name in dict.fromkeys((*old, *new)):
        if (name in old) != (name in new) or repr(old[name]) != repr(new[name]):
            yield name, old.get(name), new.get(name)


def _say_names(names: Sequence[str], word: str, *, named: bool) -> str:
    said = f"{count(len(names), 'case')} {word}"
    if not named:
        return said
    listed = ", ".join(shorten(name, _NAME_WIDTH) for name in names[:_MOST_NAMED])
    more = ", …" if len(names) > _MOST_NAMED else ""
    return f"{said} ({listed}{more})"


def _say_scorer(scorer: ScorerChange, folder: str) -> str:
    if scorer.fields == ("on",) and not scorer.files:
        return f"it runs on other data: {NOT_COMPARABLE}"
    names = [*(f"its {name}" for name in scorer.fields), *(say_path(path, folder) for path in scorer.files)]
    listed = ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
    return f"the scorer changed ({listed}): {NOT_COMPARABLE}"
