"""The comparer of datasets: schema, rows by key or by content, and how far columns shifted.

    comparer      `DatasetComparer`: which files are tables, what falls back, and the order of what is said
    cutting       which lines both sides share, from the parts of their files: those are not compared
    gathering     the rows of both sides, as three tables of the engine: only old, only new, shared
    schema        columns added, removed, of another type, in another order
    rowwise       rows added, removed and changed, with their cells, and rows that repeat
    shifts        categories, numbers and lengths of texts: how their distribution moved
    statistics    the tests and effect sizes, with their sources

Rules: cells are compared as values, not as they are laid out; a table that cannot be read is compared as text or by its
digest and says so; the engine has bounded memory and spills into a private folder; nothing that is read is executed.
"""

from lastgood.compare.tables.comparer import DatasetComparer

__all__ = ["DatasetComparer"]
