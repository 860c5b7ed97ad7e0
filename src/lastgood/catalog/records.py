"""Records: the events and texts that everything else follows from.

The rule of a change, in words: in one transaction, add the texts, append the events under the next sequence numbers
with their leaf hashes, and let each event set the facts that follow from it. Nothing but `append` writes events, and
nothing but `facts.project` writes facts.

    with database.writing() as session:
        ledger = Appender(session, operation, clock, entropy)
        ledger.append(TagSet(pipeline, tag, release))
"""

from __future__ import annotations

from collections.abc import Iterator

from lastgood.catalog.database import Database, Row, Session
from lastgood.catalog.facts import project
from lastgood.clock import Clock, follow
from lastgood.errors import Integrity, Invalid, NewerSchema
from lastgood.ids import LeafHash, OperationId, TextDigest
from lastgood.model.changes.body import Body
from lastgood.model.event import SALT_BYTES, Event, leaf_hash, read_event, text_digest
from lastgood.model.operation import Entropy, Operation

PAGE = 500


class Appender:
    """Appends the events of one operation to the ledger, inside a writing transaction.

    Raises:
        ClockWentBack: the clock is more than five minutes behind the last event and the operation does not accept it.
    """

    def __init__(self, session: Session, operation: Operation, clock: Clock, entropy: Entropy) -> None:
        self._session = session
        self._operation = operation
        self._entropy = entropy
        last = session.row("SELECT sequence, document, leaf FROM events ORDER BY sequence DESC LIMIT 1")
        self._next = 0 if last is None else last[0] + 1
        self._before = None if last is None else LeafHash(bytes(last[2]))
        last_at = None if last is None else recorded_event(bytes(last[1])).recorded_at
        self.now = follow(clock.now(), last_at, accept=operation.accept_clock)
        self._actor: TextDigest | None = None

    def text(self, text: str | None) -> TextDigest | None:
        """Keep a text apart from the events, erasable, and return the digest that stands for it."""
        if text is None:
            return None
        salt = self._entropy(SALT_BYTES)
        digest = text_digest(salt, text)
        self._session.execute("INSERT INTO texts (digest, salt, text) VALUES (:digest, :salt, :text)", digest=digest, salt=salt, text=text)
        return digest

    def append(self, body: Body) -> Event:
        """Append one event and set the facts that follow from it."""
        if self._actor is None:
            self._actor = self.text(self._operation.actor)
        assert self._actor is not None  # noqa: S101  # an actor is never None, so neither is its text's digest
        event = Event(self._next, self.now, self._actor, self._operation.id, body)
        document = event.document()
        leaf = leaf_hash(document)
        self._session.execute(
            "INSERT INTO events (sequence, leaf, document) VALUES (:sequence, :leaf, :document)",
            sequence=event.sequence,
            leaf=leaf,
            document=document,
        )
        project(self._session, event, leaf, self._before)
        self._next, self._before = self._next + 1, leaf
        return event


def recorded_event(document: bytes) -> Event:
    """Read an event that the ledger holds, so that it must be right.

    Raises:
        Integrity: it is not.
        NewerSchema: a newer version of lastgood wrote it.
    """
    try:
        return read_event(document)
    except NewerSchema:
        raise
    except Invalid as error:
        raise Integrity(f"an event of the ledger cannot be read: {error}") from error


def event_of_operation(session: Session, operation: OperationId) -> Event | None:
    """Return the first event of an operation that was carried out before, or None."""
    row = session.row(
        "SELECT e.document FROM fact_operations o JOIN events e ON e.sequence = o.sequence WHERE o.operation = :operation",
        operation=operation,
    )
    return None if row is None else recorded_event(bytes(row[0]))


def events_of_operation(session: Session, operation: OperationId) -> list[Event]:
    """Return all events of an operation in their order; none where there was no such operation."""
    first = event_of_operation(session, operation)
    if first is None:
        return []
    after: list[Event] = []
    # One transaction appended them, so they stand together.
    while (event := event_at(session, first.sequence + len(after) + 1)) is not None and event.operation == operation:
        after.append(event)
    return [first, *after]


def event_at(session: Session, sequence: int) -> Event | None:
    """Return one event, or None where there is none."""
    row = session.row("SELECT document FROM events WHERE sequence = :sequence", sequence=sequence)
    return None if row is None else recorded_event(bytes(row[0]))


def operations_like(session: Session, prefix: str, most: int = 2) -> list[OperationId]:
    """Return the operations whose ids begin so, a few at the most."""
    rows = session.rows(
        "SELECT operation FROM fact_operations WHERE operation >= :low AND operation < :high ORDER BY operation LIMIT :most",
        low=prefix,
        high=f"{prefix}g",  # no id has a letter beyond f
        most=most,
    )
    return [OperationId(row[0]) for row in rows]


def newest_operations(session: Session, most: int) -> list[OperationId]:
    """Return the last operations, newest first."""
    rows = session.rows("SELECT operation FROM fact_operations ORDER BY sequence DESC LIMIT :most", most=most)
    return [OperationId(row[0]) for row in rows]


def events_before(session: Session, sequence: int, about: bytes, *, after: int = -1) -> Iterator[Event]:
    """Yield the events before one and after another, newest first, whose bytes hold some bytes."""
    while sequence > after + 1:
        rows = session.rows(
            "SELECT sequence, document FROM events WHERE sequence < :sequence AND sequence > :after ORDER BY sequence DESC LIMIT :page",
            sequence=sequence,
            after=after,
            page=PAGE,
        )
        yield from (recorded_event(bytes(row[1])) for row in rows if about in bytes(row[1]))
        sequence = int(rows[-1][0]) if rows else 0


def read_text(session: Session, digest: bytes | None) -> str | None:
    """Return an erasable text, or None where there is none or it was erased."""
    if digest is None:
        return None
    row = session.row("SELECT text FROM texts WHERE digest = :digest", digest=digest)
    return None if row is None else str(row[0])


def salted_text(session: Session, digest: bytes | None) -> tuple[bytes, str] | tuple[None, None]:
    """Return an erasable text with its salt; nothing where there is none or it was erased."""
    row = None if digest is None else session.row("SELECT salt, text FROM texts WHERE digest = :digest", digest=digest)
    return (None, None) if row is None else (bytes(row[0]), str(row[1]))


def count_events(session: Session) -> int:
    """Return how many events the ledger has."""
    return int(session.rows("SELECT count(*) FROM events")[0][0])


def stored_events(database: Database) -> Iterator[tuple[int, LeafHash, bytes]]:
    """Yield sequence, leaf hash and bytes of every event in order, a page at a time so that writers are not held up."""
    after = -1
    while True:
        with database.reading() as session:
            rows = session.rows(
                "SELECT sequence, leaf, document FROM events WHERE sequence > :after ORDER BY sequence LIMIT :page",
                after=after,
                page=PAGE,
            )
            page = [_stored(row) for row in rows]
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1][0]


def _stored(row: Row) -> tuple[int, LeafHash, bytes]:
    return int(row[0]), LeafHash(bytes(row[1])), bytes(row[2])


def stored_texts(session: Session) -> Iterator[tuple[bytes, bytes, str]]:
    """Yield digest, salt and text of every text that was not erased."""
    for digest, salt, text in session.rows("SELECT digest, salt, text FROM texts ORDER BY digest"):
        yield bytes(digest), bytes(salt), str(text)
