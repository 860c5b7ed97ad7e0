"""Leakage between the training data and the evaluation data of a release, as far as a change brought it or touched it.

Which data is which, in words: *evaluation data* are the datasets that suites run `on`, and the tables among a suite's own
files; *training data* are the datasets that something was `made_by`, or, where nobody said so, every dataset that no suite runs
on. A dataset that is both is a finding of its own. A pair whose contents are those of the old side is not read again, and
where nothing leaked on the new side the old one is not looked at; `compare.leakage` says what a leak is.

    leakage_findings(side_of(old.components, files), side_of(new.components, files), files)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lastgood.compare.change import Detail, Finding, Note
from lastgood.compare.comparer import join_phrases
from lastgood.compare.leakage.columns import SAMPLE, Columns, choose_columns
from lastgood.compare.leakage.details import LeakedRows, TrainedOnItself, leaked_rows, say_leaked, say_trained_on_itself
from lastgood.compare.leakage.overlap import Overlap, TextRow, find_overlap
from lastgood.compare.leakage.tables import Tables
from lastgood.compare.leakage.texts import normalised
from lastgood.compare.ranking import KNOWN_LEAKAGE, NEW_LEAKAGE
from lastgood.compare.wording import count
from lastgood.ids import ComponentName, ContentDigest
from lastgood.model.component import DatasetContent, EvalContent
from lastgood.model.placement import FileAccess
from lastgood.registry.compare import Part, Side
from lastgood.registry.points import parse_entries

MOST_ROWS = 1_000_000
"""How many evaluation rows are looked for."""

MOST_TEXT = 64 << 20
"""How many characters of evaluation texts are held at once."""

Names = tuple[ComponentName, ComponentName]


@dataclass(frozen=True, slots=True)
class _Roles:
    """What is what on one side: evaluation data, training data, and what is both."""

    evaluated: Mapping[ComponentName, Part]
    trained: Mapping[ComponentName, Part]
    both: tuple[TrainedOnItself, ...]

    def pairs(self) -> dict[Names, tuple[ContentDigest, ContentDigest]]:
        """Return each pair of evaluation and training data, with the contents."""
        return {
            (evaluated, trained): (one.component.digest, other.component.digest)
            for evaluated, one in self.evaluated.items()
            for trained, other in self.trained.items()
        }


def leakage_findings(old: Side, new: Side, files: FileAccess) -> list[Finding]:
    """Say which evaluation rows stand in training data on the new side, where the data or its use changed.

    Args:
        old: the one side.
        new: the other.
        files: has the files of both.

    Raises:
        Integrity: bytes are damaged.
        Unavailable: they cannot be reached just now.
    """
    before, after = _roles_of(old), _roles_of(new)
    known = set(before.pairs().values())
    itself = [one for one in after.both if one not in before.both]
    leaked: list[LeakedRows] = []
    notes: dict[str, Note] = {}
    for names, contents in after.pairs().items():
        if contents in known:
            continue
        now = _Pair(after, names, files)
        found = now.overlap()
        notes |= now.notes
        if found.leaks:
            leaked.append(leaked_rows((str(names[0]), str(names[1])), found, _known_before(before, after, names, files)))
    return _findings(itself, leaked, notes)


def _findings(itself: list[TrainedOnItself], leaked: list[LeakedRows], notes: Mapping[str, Note]) -> list[Finding]:
    leaked.sort(key=lambda one: (one.before == one.leaked, -one.share))
    details: tuple[Detail, ...] = (*itself, *leaked, *notes.values())
    phrases = [*map(say_trained_on_itself, itself), *map(say_leaked, leaked)]
    if not details:
        return []
    if not phrases:
        phrases = [f"whether evaluation data stands in training data is not known: {count(len(notes), 'file')} could not be looked through"]
    is_new = bool(itself) or any(one.before < one.leaked for one in leaked)
    return [Finding("leakage", join_phrases(phrases), details, NEW_LEAKAGE if is_new else KNOWN_LEAKAGE)]


def _known_before(before: _Roles, after: _Roles, names: Names, files: FileAccess) -> set[str]:
    """Return evaluation texts that leaked between two components on the old side; none where it has no such pair."""
    if names not in before.pairs():
        return set()
    pair = _Pair(before, names, files)
    if before.trained[names[1]].component.digest == after.trained[names[1]].component.digest:
        # What leaks into it now did so then, if it was evaluated then.
        return pair.evaluated()
    return {leak.identity for leak in pair.overlap().leaks}


def _roles_of(side: Side) -> _Roles:
    datasets = {name: part for name, part in side.items() if isinstance(part.component.content, DatasetContent)}
    suites = {name: part for name, part in side.items() if isinstance(part.component.content, EvalContent)}
    judged: dict[ComponentName, list[str]] = {}
    for name, part in suites.items():
        content = part.component.content
        if isinstance(content, EvalContent) and content.on in datasets:
            judged.setdefault(content.on, []).append(str(name))
    made = [(name, source) for name, part in side.items() if part.component.kind.acts for source in _inputs_of(part) if source in datasets]
    used = {source for _, source in made}
    trained = {name: part for name, part in datasets.items() if name not in judged and (name in used or not used)}
    both = tuple(TrainedOnItself(str(name), str(source), tuple(judged[source])) for name, source in made if source in judged)
    return _Roles({**{name: datasets[name] for name in judged}, **suites}, trained, both)


def _inputs_of(part: Part) -> list[ComponentName]:
    made_by = part.component.provenance.made_by
    return [] if made_by is None else [ComponentName(name) for name in made_by.inputs]


class _Pair:
    """Evaluation data and training data of one side, to be looked through."""

    def __init__(self, roles: _Roles, names: Names, files: FileAccess) -> None:
        self._evaluated = _tables(roles.evaluated[names[0]], files)
        self._trained = _tables(roles.trained[names[1]], files)
        self._more: dict[str, Note] = {}

    @property
    def notes(self) -> dict[str, Note]:
        """What could not be looked through."""
        return {**self._evaluated.notes, **self._trained.notes, **self._more}

    def evaluated(self) -> set[str]:
        """Return the evaluation texts as they are compared."""
        columns = self._columns()
        return set() if columns is None else {normalised(row.text) for row in self._bounded(columns)}

    def _columns(self) -> Columns | None:
        if not self._evaluated.has_files or not self._trained.has_files:
            return None
        keys = self._trained.keys | self._evaluated.keys
        return choose_columns(self._trained.first(SAMPLE), self._evaluated.first(SAMPLE), keys)

    def overlap(self) -> Overlap:
        """Return what the two share."""
        columns = self._columns()
        if columns is None:
            return Overlap(0, 0, ())

        def trained() -> Iterator[TextRow]:
            return (TextRow(row, columns.trained_text(row.cells)) for row in self._trained.rows())

        found = find_overlap(self._bounded(columns), trained, nearly=columns.nearly)
        if not found.is_whole:
            self._say(f"{self._evaluated.name} has so many texts that some were looked for word for word only")
        return found

    def _bounded(self, columns: Columns) -> Iterator[TextRow]:
        """Yield the evaluation rows, as many as can be held."""
        length = 0
        for number, evaluated in enumerate(self._evaluated.rows()):
            row = TextRow(str(evaluated), columns.evaluated_text(evaluated.cells))
            length += len(row.text)
            if number == MOST_ROWS or length > MOST_TEXT:
                self._say(f"{self._evaluated.name} is so large that only its first {number:,} rows were looked for in training data")
                return
            yield row

    def _say(self, text: str) -> None:
        self._more[text] = Note("", text)


def _tables(part: Part, files: FileAccess) -> Tables:
    content = part.component.content
    key = content.key if isinstance(content, DatasetContent) else None
    return Tables(str(part.component.name), parse_entries(part.listing(), part.component), key, files)
