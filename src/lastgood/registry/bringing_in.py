"""Recording what another system tells of the past: incidents, and moves that it saw.

Rules: one operation, all or nothing, so that one undo takes all of it back. A line is taken once: its source is part of what
is recorded. A move of the past moves nothing, and counts only for times before the first recorded one of its environment.

    bringing = BringingIn(session, ledger, pipeline)
    bringing.incident(brought)
    bringing.done(moves).opened
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from lastgood.catalog import environments, incidents
from lastgood.catalog.database import Session
from lastgood.ids import EnvironmentName, IncidentName, PipelineName, SourceDigest, TextDigest
from lastgood.model.changes.body import Body
from lastgood.model.changes.incidents import DeploymentBackfilled, IncidentLinked
from lastgood.registry.incident_protocol import BroughtIn, BroughtIncident, BroughtMove
from lastgood.registry.incidents import Ledger, append_opened


class NoLedger:
    """Takes nothing in, for a plan."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def text(self, text: str | None) -> TextDigest | None:
        """Return a digest for a text that is not kept."""
        return None if text is None else TextDigest.of(text.encode(errors="replace"))

    def append(self, body: Body) -> None:
        """Do nothing."""


class BringingIn:
    """Brings in the incidents and moves of one pipeline; the tellings have their times and their release resolved.

    Args:
        session: the catalog.
        ledger: what takes in events.
        pipeline: whose they are.
    """

    def __init__(self, session: Session, ledger: Ledger, pipeline: PipelineName) -> None:
        self._session = session
        self._ledger = ledger
        self._pipeline = pipeline
        self._next = incidents.next_incident(session).number or 1
        self._new: dict[SourceDigest, IncidentName] = {}
        self._known: dict[SourceDigest, IncidentName] = {}
        self._moves: set[SourceDigest] = set()

    def incident(self, one: BroughtIncident) -> None:
        """Open an incident, unless it was brought in before.

        Raises:
            Invalid, NotFound: it cannot be recorded.
        """
        if one.source in self._new:
            return
        before = incidents.incident_from(self._session, self._pipeline, one.source)
        if before is not None:
            self._known[one.source] = before
            return
        name = IncidentName.numbered(self._next)
        append_opened(self._session, self._ledger, name, self._pipeline, said=one.telling, source=one.source)
        for note in one.notes:
            self._ledger.append(IncidentLinked(name, None, None, None, self._ledger.text(note)))
        self._new[one.source] = name
        self._next += 1

    def done(self, moves: Sequence[BroughtMove]) -> BroughtIn:
        """Tell of moves of the past, and say what became of everything."""
        counted = Counter(self._move(one) for one in moves)
        opened, known = tuple(self._new.values()), tuple(self._known.values())
        return BroughtIn(opened, known, counted["recorded"], counted["known"], counted["superseded"])

    def _move(self, move: BroughtMove) -> str:
        session = self._session
        if move.source in self._moves or incidents.backfilled_from(session, self._pipeline, move.source):
            return "known"
        environment = None if move.environment is None else EnvironmentName.parse(move.environment)
        names = environments.environment_names(session, self._pipeline) if environment is None else [environment]
        firsts = [environments.deployment_of_revision(session, self._pipeline, name, 1) for name in names]
        if any(first is not None and first.recorded_at <= move.occurred_at for first in firsts):
            return "superseded"
        note = self._ledger.text(move.note)
        assert note is not None  # noqa: S101  # a text has a digest
        answers = None if move.answers is None else (self._new | self._known).get(move.answers)
        self._ledger.append(DeploymentBackfilled(self._pipeline, environment, move.kind, move.occurred_at, answers, note, move.source))
        self._moves.add(move.source)
        return "recorded"
