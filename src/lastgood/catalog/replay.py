"""Replaying the ledger: are the facts still those that follow from the events?

The events are read again, in order, into the empty tables of a scratch database, as they were read when they were
appended; what stands there and what stands in the catalog must be the same. So a fact that a disk, or somebody, changed
is found, and so is one that an older version projected otherwise.

    differing_facts(database)  ->  ["fact_tags: the row (pipeline bot, tag v1) is not what the ledger says: …"]
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice, takewhile

from lastgood.catalog.database import Database, Row, Session
from lastgood.catalog.facts import FACT_TABLES, project
from lastgood.catalog.records import recorded_event, stored_events
from lastgood.errors import LastgoodError, NewerSchema

_NAMING = 3
"""How many columns name a row at most; they are the first ones of each table."""

_Rows = dict[str, "Counter[Row]"]


def differing_facts(database: Database, most: int | None = None) -> list[str]:
    """Say which rows of facts are not those that follow from the events; nothing, if all are.

    Args:
        database: the catalog.
        most: how many rows of a table are named; None for all.

    Raises:
        NewerSchema: a newer version of lastgood wrote an event.
    """
    with database.reading() as session:
        row = session.row("SELECT max(sequence) FROM events")
        last = -1 if row is None or row[0] is None else int(row[0])
        kept = _facts_in(session)
        columns = {table: session.columns(table) for table in FACT_TABLES}
    # Others may append meanwhile; what is compared is what followed from the events up to here.
    with database.scratch("fact_") as session:
        before = None
        for sequence, leaf, document in takewhile(lambda stored: stored[0] <= last, stored_events(database)):
            try:
                project(session, recorded_event(document), leaf, before)
                before = leaf
            except NewerSchema:
                raise
            except LastgoodError as error:
                return [f"event {sequence} of the ledger cannot be replayed, so the facts are not known to follow from it: {error}"]
        replayed = _facts_in(session)
    return [
        difference
        for table in FACT_TABLES
        if kept[table] != replayed[table]
        for difference in _differences(table, columns[table], kept[table], replayed[table], most)
    ]


def _facts_in(session: Session) -> _Rows:
    return {table: Counter(session.rows(f"SELECT * FROM {table}")) for table in FACT_TABLES}  # noqa: S608 - our own names


def _differences(table: str, columns: Sequence[str], kept: Counter[Row], replayed: Counter[Row], most: int | None) -> Iterator[str]:
    strange, missing = (sorted(rows.elements(), key=repr) for rows in (kept - replayed, replayed - kept))
    named = list(islice(_wrong_rows(columns, strange, missing), most))
    yield from (f"{table}: the row {line}" for line in named)
    if rest := max(len(strange), len(missing)) - len(named):
        yield f"{table}: {rest} row{'s' if rest > 1 else ''} more {'are' if rest > 1 else 'is'} not what the ledger says"


def _wrong_rows(columns: Sequence[str], strange: Sequence[Row], missing: Sequence[Row]) -> Iterator[str]:
    """Say what is wrong with rows; one that is there and one that is missing are the same row if most of it is alike."""
    rest: dict[Row, list[Row]] = defaultdict(list)
    for row in missing:
        rest[row[:1]].append(row)
    for row in strange:
        twin = next((one for one in rest[row[:1]] if 2 * _unlike(one, row) <= len(row)), None)
        if twin is None:
            yield f"({_named(columns, row)}) does not follow from the ledger"
            continue
        rest[row[:1]].remove(twin)
        pairs = [(column, here, there) for column, here, there in zip(columns, row, twin, strict=True) if here != there]
        changed = ", ".join(f"{column} is {_shown(here)}, the ledger says {_shown(there)}" for column, here, there in pairs)
        yield f"({_named(columns, twin)}) is not what the ledger says: {changed}"
    for rows in rest.values():
        yield from (f"({_named(columns, row)}) is missing: the ledger says that it is there" for row in rows)


def _unlike(one: Row, other: Row) -> int:
    return sum(here != there for here, there in zip(one, other, strict=True))


def _named(columns: Sequence[str], row: Row) -> str:
    return ", ".join(f"{column} {_shown(value)}" for column, value in zip(columns, row[:_NAMING], strict=False))


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    return bytes(value).hex()[:12] if isinstance(value, bytes | memoryview) else str(value)[:60]
