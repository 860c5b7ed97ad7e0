"""Replaying the ledger: are the facts still those that follow from the events?

The events are read again, in order, into the empty tables of a scratch database, as they were read when they were
appended; what stands there and what stands in the catalog must be the same. So a fact that a disk, or somebody, changed
is found, and so is one that an older version projected otherwise.

    differing_facts(database)  ->  ["fact_releases: 1 row is not what the ledger says"]
"""

from __future__ import annotations

from collections import Counter
from itertools import takewhile

from lastgood.catalog.database import Database, Row, Session
from lastgood.catalog.facts import FACT_TABLES, project
from lastgood.catalog.records import recorded_event, stored_events
from lastgood.errors import LastgoodError, NewerSchema

_Rows = dict[str, "Counter[Row]"]


def differing_facts(database: Database) -> list[str]:
    """Say in which tables the facts are not those that follow from the events; nothing, if all are.

    Raises:
        NewerSchema: a newer version of lastgood wrote an event.
    """
    with database.reading() as session:
        row = session.row("SELECT max(sequence) FROM events")
        last = -1 if row is None or row[0] is None else int(row[0])
        kept = _facts_in(session)
    # Others may append meanwhile; what is compared is what followed from the events up to here.
    with database.scratch("fact_") as session:
        for sequence, _, document in takewhile(lambda stored: stored[0] <= last, stored_events(database)):
            try:
                project(session, recorded_event(document))
            except NewerSchema:
                raise
            except LastgoodError as error:
                return [f"event {sequence} of the ledger cannot be replayed, so the facts are not known to follow from it: {error}"]
        replayed = _facts_in(session)
    return [_difference(table, kept[table], replayed[table]) for table in FACT_TABLES if kept[table] != replayed[table]]


def _facts_in(session: Session) -> _Rows:
    return {table: Counter(session.rows(f"SELECT * FROM {table}")) for table in FACT_TABLES}  # noqa: S608 - our own names


def _difference(table: str, kept: Counter[Row], replayed: Counter[Row]) -> str:
    count = max((kept - replayed).total(), (replayed - kept).total())
    return f"{table}: {count} row{'s are' if count > 1 else ' is'} not what the ledger says"
