"""Pilots: a span in which lastgood is tried, and what became of it against the quarter before.

pilots = Pilots(context)
pilots.start("2026-07-01..2026-10-01", days=90)
pilots.report().verdict
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from lastgood.catalog import incidents, pilots
from lastgood.catalog.database import Session
from lastgood.errors import Conflict, Invalid, NotFound
from lastgood.ids import PipelineName
from lastgood.model.changes.pilots import PilotStarted
from lastgood.model.pilot import PilotReport, Side, end_of, report_of
from lastgood.model.revision import parse_moment
from lastgood.registry.context import Context
from lastgood.registry.resolve import choose_pipeline

MOST_DAYS = 730
_SHORTEST = timedelta(days=7)


class Pilots(Protocol):
    """The pilots of a registry."""

    def start(
        self, baseline: str, days: int, pipeline: str | None = None, *, begins: str = "now", deploy_seconds: int | None = None
    ) -> PilotStarted:
        """Start a pilot.

        Args:
            baseline: the span it is held against, `FROM..TO`, two times as for incidents; TO itself is not in it.
            days: how long it lasts.
            pipeline: whose, where the registry has several.
            begins: when it begins, which may lie in the past.
            deploy_seconds: how long a deploy took somebody before.

        Raises:
            Invalid: the spans are empty, overlap, or are shorter than a week.
            Conflict: a pilot of the pipeline goes on.
        """
        ...

    def report(self, pipeline: str | None = None) -> PilotReport:
        """Return what became of the newest pilot so far.

        Raises:
            NotFound: there was none, or it has not begun.
        """
        ...


class EmbeddedPilots:
    """The pilots of an embedded registry."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def start(
        self, baseline: str, days: int, pipeline: str | None = None, *, begins: str = "now", deploy_seconds: int | None = None
    ) -> PilotStarted:
        """Start a pilot."""
        now = self._context.clock.now()
        since, until = self._span(baseline, now)
        body = PilotStarted(self._pipeline(pipeline), self._moment(begins, now), days, since, until, deploy_seconds)
        _check(body)
        with self._context.changing(self._context.operation(None)) as (session, ledger):
            earlier = pilots.newest_pilot(session, body.pipeline)
            if earlier is not None and end_of(earlier) > body.begins:
                raise Conflict(
                    f"a pilot of {body.pipeline} goes on until {end_of(earlier).isoformat(timespec='minutes')}; nothing was changed",
                    hint="lastgood pilot report; or undo the operation that started it: lastgood log --operations",
                )
            ledger.append(body)
        return body

    def report(self, pipeline: str | None = None) -> PilotReport:
        """Return what became of the newest pilot so far."""
        chosen, now = self._pipeline(pipeline), self._context.clock.now()
        with self._context.database.reading() as session:
            pilot = pilots.newest_pilot(session, chosen)
            if pilot is None:
                raise NotFound(f"{chosen} has no pilot", hint="lastgood pilot start --baseline 2026-07-01..2026-10-01 --for 90d")
            if pilot.begins >= now:
                raise NotFound(
                    f"the pilot of {chosen} begins at {pilot.begins.isoformat(timespec='minutes')}; there is nothing to report yet"
                )
            before = _side(session, chosen, pilot.baseline_from, pilot.baseline_until)
            during = _side(session, chosen, pilot.begins, min(now, end_of(pilot)))
        return report_of(pilot, now, before=before, during=during)

    def _pipeline(self, named: str | None) -> PipelineName:
        with self._context.database.reading() as session:
            return choose_pipeline(self._context, session, None if named is None else PipelineName.parse(named))

    def _span(self, text: str, now: datetime) -> tuple[datetime, datetime]:
        since, dots, until = text.partition("..")
        if not dots:
            raise Invalid(f"{text[:80]!r} is no span of time; nothing was changed", hint="write FROM..TO, such as 2026-07-01..2026-10-01")
        return self._moment(since, now), self._moment(until, now)

    def _moment(self, text: str, now: datetime) -> datetime:
        return parse_moment(text, self._context.zone, now)


def _check(body: PilotStarted) -> None:
    if not 1 <= body.days <= MOST_DAYS or timedelta(days=body.days) < _SHORTEST:
        raise Invalid(f"a pilot lasts from {_SHORTEST.days} to {MOST_DAYS} days, not {body.days}; nothing was changed")
    if body.baseline_until - body.baseline_from < _SHORTEST:
        raise Invalid("the baseline is shorter than a week; nothing was changed", hint="take the quarter before: FROM..TO")
    if body.baseline_until > body.begins:
        raise Invalid("the baseline ends after the pilot begins; nothing was changed", hint="TO is at most when the pilot begins")


def _side(session: Session, pipeline: PipelineName, since: datetime, until: datetime) -> Side:
    found = incidents.incidents_of(session, pipeline, since=since, until=until)
    return Side(since, until, found, pilots.moves_between(session, pipeline, since, until), incidents.backfills_of(session, pipeline))
