"""The comparer of datasets.

Rules: rows are of the whole component, in whatever file they stand; only files that differ are looked into, so shares and
shifts are told of their rows. Files that are no tables by their name are told as files. A table that is malformed on one side
is compared as text, or by its digest, and says so with the line; the others are compared all the same.

    DatasetComparer().compare(old, new, files).phrases     # ['20 rows changed (1.0%), all in label: refund → other 20']
"""

from __future__ import annotations

from lastgood.compare.change import Edit, FileChange
from lastgood.compare.comparer import ComponentSide, Findings
from lastgood.compare.files import common_folder, compare_files
from lastgood.compare.tables.gathering import Unreadable
from lastgood.compare.tables.plainly import Plainly
from lastgood.compare.tables.telling import Told, compare_tables
from lastgood.compare.wording import size
from lastgood.formats.tables import table_format
from lastgood.formats.tree import Malformed
from lastgood.model.placement import FileAccess

MOST_TABLES = 1_000
LARGEST_TABLES = 64 << 30
"""Beyond so many files or bytes that differ, tables are told as files."""

_MOST_MALFORMED = 5


class DatasetComparer:
    """Compares datasets by their columns, their rows and how their columns are spread."""

    def compare(self, old: ComponentSide, new: ComponentSide, files: FileAccess) -> Findings:
        """Say which rows changed and what that did to the columns."""
        changes = compare_files(old.entries, new.entries)
        plainly = Plainly(files)
        for change in changes:
            if not _is_table(change):
                plainly.keep(change)
        tables = _bounded([change for change in changes if _is_table(change)], plainly)
        key = new.fields.get("key")
        told = Told()
        while tables:
            try:
                told = compare_tables(tables, key if isinstance(key, str) else None, files)
                break
            except Unreadable as error:
                tables = _without(tables, error, plainly)
            except Malformed as error:
                tables = _give_up(tables, f"the tables are told as files: {error.reason}", plainly)
        plainly.keep_beside(tables)
        phrases = [*told.phrases, *plainly.phrases(common_folder(old.entries, new.entries))]
        return Findings(phrases, (*told.details, *plainly.details()), cosmetic=told.is_layout and plainly.is_trivial)


def _is_table(change: FileChange) -> bool:
    return change.change in {Edit.ADDED, Edit.REMOVED, Edit.CHANGED} and table_format(change.path) is not None


def _bounded(tables: list[FileChange], plainly: Plainly) -> list[FileChange]:
    """Return the tables, or none where they are more than is compared."""
    total = sum(entry.size for change in tables for entry in (change.old, change.new) if entry is not None)
    if len(tables) <= MOST_TABLES and total <= LARGEST_TABLES:
        return tables
    return _give_up(tables, f"{len(tables):,} tables with {size(total)} differ, more than is compared row by row", plainly)


def _without(tables: list[FileChange], error: Unreadable, plainly: Plainly) -> list[FileChange]:
    """Tell a file plainly and return the other tables; none, where too many cannot be read."""
    for change in tables:
        if change.path == error.path:
            plainly.take(change, error)
    rest = [change for change in tables if change.path != error.path]
    if plainly.unreadable < _MOST_MALFORMED or not rest:
        return rest
    return _give_up(rest, f"{plainly.unreadable} tables cannot be read, so the other {len(rest):,} are told as files, too", plainly)


def _give_up(tables: list[FileChange], why: str, plainly: Plainly) -> list[FileChange]:
    """Tell all tables as files."""
    plainly.note("", why)
    for change in tables:
        plainly.keep(change)
    return []
