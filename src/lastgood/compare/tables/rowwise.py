"""Which rows came, went and changed.

Rules: rows are first set against one another by content, as many as stand on both sides; of what is left, two rows are one
that changed where they share a key that no other row left on either side has; all others came or went. Without a key, rows
only come and go. Contents are compared by their MD5 with a salt that the engine makes up each time, so nobody can make two
rows that count as one.

    found = compare_rows(gathered, ("id",), columns)
    found.changed, found.columns[0].flips
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lastgood.compare.tables.gathering import Gathered, Set
from lastgood.compare.tables.row_changes import CellChange, ColumnCount, Flip, Repeats, RowChange, RowsChange, cells_around, read_cell

MOST_SAMPLES = 20
_MOST_FLIPS = 10
_MOST_FLIPPING = 3
_LONGEST_FLIPPED = 60
_LONGEST_CELL = 20_000
_AT_ONCE = 32
_SIGNS = {Set.OLD: 1, Set.NEW: -1, Set.SHARED: 0}


@dataclass(frozen=True, slots=True)
class Rows:
    """What rows are compared by.

    Attributes:
        gathered: where they are.
        key: the columns of the key, or None where there is none.
        columns: the columns whose cells count.
        whole: whether all rows that both sides share were read as well.
    """

    gathered: Gathered
    key: tuple[str, ...] | None
    columns: Sequence[str]
    whole: bool

    def cell(self, column: str) -> str:
        """Return the name of a column in the engine."""
        return f"c{self.gathered.columns[column]}"


def compare_rows(rows: Rows) -> RowsChange:
    """Return which rows came, went and changed."""
    engine = rows.gathered.engine
    _identify(rows)
    engine.rows("CREATE TEMP TABLE balance AS SELECT h, sum(s) AS d FROM ids WHERE s <> 0 GROUP BY h HAVING sum(s) <> 0")
    engine.rows(
        "CREATE TEMP TABLE rest AS SELECT s, r, k FROM ("
        "SELECT ids.s, ids.r, ids.k, d, row_number() OVER (PARTITION BY ids.h, ids.s ORDER BY ids.r) AS nth "
        "FROM ids JOIN balance ON ids.h = balance.h AND ids.s = sign(balance.d)) WHERE nth <= abs(d)"
    )
    engine.rows(
        "CREATE TEMP TABLE pairs AS SELECT k, max(r) FILTER (s = 1) AS o, max(r) FILTER (s = -1) AS n FROM rest "
        "WHERE k IS NOT NULL GROUP BY k HAVING count(*) FILTER (s = 1) = 1 AND count(*) FILTER (s = -1) = 1"
    )
    [(removed, added)] = engine.rows("SELECT count(*) FILTER (s = 1), count(*) FILTER (s = -1) FROM rest")
    [(changed,)] = engine.rows("SELECT count(*) FROM pairs")
    counts = tuple(_changed_columns(rows)) if changed else ()
    totals = {one: rows.gathered.rows[one] + rows.gathered.rows[Set.SHARED] for one in (Set.OLD, Set.NEW)} if rows.whole else {}
    return RowsChange(
        key=rows.key,
        old_rows=totals.get(Set.OLD),
        new_rows=totals.get(Set.NEW),
        added=added - changed,
        removed=removed - changed,
        changed=changed,
        columns=counts,
        samples=(*_changed_samples(rows), *_whole_samples(rows, Set.NEW, "added"), *_whole_samples(rows, Set.OLD, "removed")),
    )


def _identify(rows: Rows) -> None:
    """Make the table of what each row is known by: its side, its place, its key and its content."""
    engine = rows.gathered.engine
    [(salt,)] = engine.rows("SELECT CAST(uuid() AS VARCHAR)")
    parts = [f"'{at}:' || strlen({rows.cell(name)}) || ':' || {rows.cell(name)}" for at, name in enumerate(rows.columns)]
    joined = ", ".join([f"'{salt}'", *parts])
    content = f"md5_number(concat({joined}))"
    key = " || ', ' || ".join(_key_text(rows, name) for name in rows.key) if rows.key else "CAST(NULL AS VARCHAR)"
    engine.rows("CREATE TABLE ids (s TINYINT, r BIGINT, k VARCHAR, h UHUGEINT)")
    for one, sign in _SIGNS.items():
        engine.rows(f"INSERT INTO ids SELECT {sign}, rowid, {key}, {content} FROM rows_{one}")


def _key_text(rows: Rows, name: str) -> str:
    cell = rows.cell(name)
    return cell if rows.gathered.plain else f"CASE WHEN starts_with({cell}, '\"') THEN json_extract_string({cell}, '$') ELSE {cell} END"


def repeats(rows: Rows) -> Repeats:
    """Return how many rows of each side share their key, or their content where there is no key, with another."""
    by = "k" if rows.key else "h"
    found = [
        rows.gathered.engine.rows(
            f"SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM ids WHERE s <> {sign} AND {by} IS NOT NULL "
            f"GROUP BY {by} HAVING count(*) > 1)"
        )[0][0]
        for sign in (-1, 1)
    ]
    return Repeats(rows.key, int(found[0]), int(found[1]))


_JOINED = "FROM pairs JOIN rows_old AS o ON o.rowid = pairs.o JOIN rows_new AS n ON n.rowid = pairs.n"


def _changed_columns(rows: Rows) -> Iterator[ColumnCount]:
    """Yield in how many of the rows that changed each column did, those with most first."""
    counts: dict[str, int] = {}
    names = list(rows.columns)
    for start in range(0, len(names), _AT_ONCE):
        some = names[start : start + _AT_ONCE]
        sums = ", ".join(f"count(*) FILTER (o.{rows.cell(name)} IS DISTINCT FROM n.{rows.cell(name)})" for name in some)
        [answer] = rows.gathered.engine.rows(f"SELECT {sums} {_JOINED}")
        counts |= dict(zip(some, answer, strict=True))
    ordered = sorted((name for name in names if counts[name]), key=lambda name: -counts[name])
    for at, name in enumerate(ordered):
        yield ColumnCount(name, counts[name], tuple(_flips(rows, name)) if at < _MOST_FLIPPING else ())


def _flips(rows: Rows, name: str) -> Iterator[Flip]:
    """Yield which values of a column became which, where they are few and short."""
    cell = rows.cell(name)
    found = rows.gathered.engine.rows(
        f"SELECT o.{cell}, n.{cell}, count(*) AS times {_JOINED} WHERE o.{cell} IS DISTINCT FROM n.{cell} "
        f"AND coalesce(length(o.{cell}), 0) <= {_LONGEST_FLIPPED} AND coalesce(length(n.{cell}), 0) <= {_LONGEST_FLIPPED} "
        f"GROUP BY ALL ORDER BY times DESC, 1, 2 LIMIT {_MOST_FLIPS}"
    )
    for old, new, times in found:
        yield Flip(read_cell(old, plain=rows.gathered.plain), read_cell(new, plain=rows.gathered.plain), times)


def _changed_samples(rows: Rows) -> Iterator[RowChange]:
    names = list(rows.columns)
    if not names:
        return
    cells = ", ".join(
        f"CASE WHEN o.{cell} IS DISTINCT FROM n.{cell} THEN [left(o.{cell}, {_LONGEST_CELL}), left(n.{cell}, {_LONGEST_CELL})] END"
        for cell in map(rows.cell, names)
    )
    chosen = f"(SELECT * FROM pairs ORDER BY o LIMIT {MOST_SAMPLES})"
    for key, *found in rows.gathered.engine.rows(f"SELECT k, {cells} {_JOINED.replace('pairs', chosen + ' AS pairs', 1)} ORDER BY pairs.o"):
        changes = [
            CellChange(name, *cells_around(cell[0], cell[1], plain=rows.gathered.plain))
            for name, cell in zip(names, found, strict=True)
            if cell is not None
        ]
        yield RowChange("changed", key, tuple(changes))


def _whole_samples(rows: Rows, one: Set, change: str) -> Iterator[RowChange]:
    """Yield some of the rows that came or went."""
    names = list(rows.columns)
    if not names:
        return
    cells = ", ".join(f"left({rows.cell(name)}, {_LONGEST_CELL})" for name in names)
    side = "n" if one is Set.NEW else "o"
    found = rows.gathered.engine.rows(
        f"SELECT k, {cells} FROM (SELECT k, r FROM rest WHERE s = {_SIGNS[one]} AND r NOT IN (SELECT {side} FROM pairs) "
        f"ORDER BY r LIMIT {MOST_SAMPLES}) AS chosen JOIN rows_{one} AS side ON side.rowid = chosen.r ORDER BY chosen.r"
    )
    for key, *row in found:
        values = [(name, cells_around(cell, None, plain=rows.gathered.plain)[0]) for name, cell in zip(names, row, strict=True)]
        made = (CellChange(name, None, value) if one is Set.NEW else CellChange(name, value, None) for name, value in values)
        yield RowChange(change, key, tuple(cell for cell in made if cell.old is not None or cell.new is not None))
