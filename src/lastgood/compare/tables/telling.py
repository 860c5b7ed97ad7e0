"""Tables of two sides in, what is to be said of their columns and rows out.

What both sides share is read once, for the statistics, where it is small or where at least one byte in a hundred differs.
Otherwise it is not read at all: no column can have shifted by much then. Nothing is said then of the schema, of shares and of
rows that repeat, which take all rows to know.

    told = compare_tables(changes, "id", files)
    told.phrases
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lastgood.compare.change import Detail, FileChange, Note
from lastgood.compare.tables.column_shifts import ShiftChange
from lastgood.compare.tables.cutting import Cut, cut_files
from lastgood.compare.tables.gathering import Gathered, Set, Source, absent
from lastgood.compare.tables.profiles import Profile, profile
from lastgood.compare.tables.row_changes import Repeats, RowsChange
from lastgood.compare.tables.rowwise import Rows, compare_rows, repeats
from lastgood.compare.tables.schema import SchemaChange, Side, compare_schema
from lastgood.compare.tables.shifts import Shift, Sides, measure
from lastgood.compare.wording import count, shorten
from lastgood.errors import NotFound
from lastgood.formats.tables import TableFormat, key_columns, table_format
from lastgood.formats.tables.engine import Engine
from lastgood.model.listing import FileEntry
from lastgood.model.placement import FileAccess

ALWAYS_READ = 8 << 20
"""Up to so many bytes that both sides share are read in any case."""

READ_FROM_SHARE = 0.01
"""And more where at least this share of all bytes differs."""

_MOST_SHIFTS_SAID = 3
_MOST = 0.5
_TEXTS = frozenset({TableFormat.CSV, TableFormat.TSV})
_SIDES = ((Set.OLD, Set.SHARED), (Set.NEW, Set.SHARED))


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be said of tables.

    Attributes:
        phrases: the weightiest first.
        details: in that order.
        is_layout: whether the rows are the same.
    """

    phrases: tuple[str, ...] = ()
    details: tuple[Detail, ...] = ()
    is_layout: bool = True


def compare_tables(tables: Sequence[FileChange], key: str | None, files: FileAccess) -> Told:
    """Compare tables by their columns, their rows and how their columns are spread.

    Args:
        tables: the files that came, went or changed.
        key: the key as it is declared, if it is.
        files: reads them.

    Raises:
        Unreadable: one of them is no table, or is not here.
        Malformed: comparing them takes more memory than there is for it.
        StorageFull: or more room on the disk.
    """
    old = _sources(change.old for change in tables)
    new = _sources(change.new for change in tables)
    forms = {source.form for source in (*old, *new)}
    with Engine() as engine:
        gathered = Gathered(engine, plain=bool(forms & _TEXTS))
        whole = _gather(gathered, old, new, files)
        return _Telling(gathered, key, whole=whole, is_ordered=TableFormat.JSONL not in forms).told()


def _sources(entries: Iterable[FileEntry | None]) -> list[Source]:
    return [Source(entry, form) for entry in entries if entry is not None and (form := table_format(entry.path)) is not None]


def _gather(gathered: Gathered, old: Sequence[Source], new: Sequence[Source], files: FileAccess) -> bool:
    """Load what has to be read, and tell whether that is everything."""
    _check_kept(old, Set.OLD, files)
    _check_kept(new, Set.NEW, files)
    cuts: list[tuple[Cut, list[Source], list[Source]]] = []
    for form in TableFormat:
        before, after = [one for one in old if one.form is form], [one for one in new if one.form is form]
        cuts.append((cut_files(form, [one.entry for one in before], [one.entry for one in after], files), before, after))
    shared, differing = sum(cut.shared_bytes for cut, _, _ in cuts), sum(cut.differing_bytes for cut, _, _ in cuts)
    whole = shared <= ALWAYS_READ or differing >= READ_FROM_SHARE * (differing + 2 * shared)
    for cut, before, after in cuts:
        for into, sources, ranges in ((Set.OLD, before, cut.old), (Set.NEW, after, cut.new), (Set.SHARED, before, cut.shared)):
            for source, of_file in zip(sources, ranges, strict=True):
                if whole or into is not Set.SHARED:
                    gathered.take(into, source, of_file, files)
    return whole


def _check_kept(sources: Sequence[Source], into: Set, files: FileAccess) -> None:
    for source in sources:
        try:
            files.parts_of(source.entry.digest)
        except NotFound as error:
            raise absent(source.entry, into, error) from error


class _Telling:
    """Compares what was gathered."""

    def __init__(self, gathered: Gathered, key: str | None, *, whole: bool, is_ordered: bool) -> None:
        self._gathered = gathered
        self._key = key
        self._whole = whole
        self._is_ordered = is_ordered
        self._profiles: list[dict[str, Profile]] = [profile(gathered, sets) for sets in _SIDES] if whole else []

    def told(self) -> Told:
        schema = self._schema()
        key = self._key_columns()
        rows = Rows(self._gathered, key, self._compared(schema), self._whole)
        change = compare_rows(rows)
        again = self._repeats(rows)
        shifts = measure(self._gathered, Sides(*self._profiles), key or ()) if self._whole and not change.is_none else []
        notable = sum(shift.is_notable(len(self._gathered.columns)) for shift in shifts)
        notes = list(self._notes(key, change))
        phrases = [
            *(schema.phrases() if schema else ()),
            *change.phrases(),
            *_say_shifts(shifts[:notable]),
            *([again.phrase()] if again else []),
            *(note.text for note in notes),
        ]
        details: list[Detail | None] = [schema, None if change.is_none else change]
        details += [ShiftChange(tuple(shifts), notable) if shifts else None, again, *notes]
        is_layout = change.is_none and (schema is None or (schema.reordered and not any(schema.phrases())))
        if is_layout:
            phrases.insert(0, self._say_layout(schema))
        return Told(tuple(phrases), tuple(detail for detail in details if detail is not None), is_layout)

    def _say_layout(self, schema: SchemaChange | None) -> str:
        total = sum(self._gathered.rows[one] for one in _SIDES[0])
        same = f"the same {count(total, 'row')}" if self._whole else "the same rows"
        return f"{same}, with columns in another order" if schema else f"{same}, in another order or layout"

    def _schema(self) -> SchemaChange | None:
        """Return how the columns changed; nothing where a side has none, since then its rows came or went with them."""
        if not self._whole:
            return None
        old, new = (Side(self._types(sets), profiles, self._is_ordered) for sets, profiles in zip(_SIDES, self._profiles, strict=True))
        return compare_schema(old, new) if old.types and new.types else None

    def _types(self, sets: Sequence[Set]) -> dict[str, str]:
        types: dict[str, str] = {}
        for one in sets:
            for name, declared in self._gathered.named[one].items():
                types.setdefault(name, declared)
        return types

    def _compared(self, schema: SchemaChange | None) -> list[str]:
        """Return the columns whose cells make a row another one: not those that only one side has, in most of its rows."""
        told = set()
        if schema:
            for columns, profiles, sets in ((schema.removed, self._profiles[0], _SIDES[0]), (schema.added, self._profiles[1], _SIDES[1])):
                total = sum(self._gathered.rows[one] for one in sets)
                told |= {column.name for column in columns if profiles[column.name].cells > _MOST * total}
        return [name for name in self._gathered.columns if name not in told]

    def _key_columns(self) -> tuple[str, ...] | None:
        """Return the columns of the key, if both sides that have rows have them."""
        if not self._key:
            return None
        sides = [types for sets in _SIDES if (types := self._types(sets))]
        found = {key_columns(self._key, types) for types in sides}
        return found.pop() if len(found) == 1 else None

    def _repeats(self, rows: Rows) -> Repeats | None:
        """Return how many rows repeat, where that is news."""
        if not self._whole:
            return None
        found = repeats(rows)
        is_news = found.old != found.new if rows.key else found.new > found.old
        return found if is_news else None

    def _notes(self, key: tuple[str, ...] | None, change: RowsChange) -> Iterator[Note]:
        if self._key and key is None:
            yield Note("", f"the key {shorten(self._key)} is no column of both sides, so rows are compared by content")
        elif key is None and change.added and change.removed:
            yield Note("", "no key is declared, so a row that changed counts as one removed and one added")


def _say_shifts(shifts: Sequence[Shift]) -> Iterator[str]:
    for shift in shifts[:_MOST_SHIFTS_SAID]:
        yield shift.phrase()
    if len(shifts) > _MOST_SHIFTS_SAID:
        yield f"{count(len(shifts) - _MOST_SHIFTS_SAID, 'more column')} shifted"
