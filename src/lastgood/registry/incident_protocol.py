"""What a registry can do about incidents; a server's client answers the same.

registry.incidents.open(Telling(title="cites nothing", environment="prod", release="r2"))
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lastgood.ids import IncidentName, PipelineName, SourceDigest
from lastgood.model.changes.environments import MoveKind
from lastgood.model.changes.incidents import IncidentKind
from lastgood.model.history import Backfill
from lastgood.model.incident import Cost, Incident, Measured

When = str | datetime
"""An instant, or how people write one: `now`, `3h` (ago), `2026-11-02`, `2026-11-02T14:05Z`; without a zone the local one."""

CLEARABLE = ("environment", "started", "mitigated", "closed", "release", "minutes", "cost", "preventable", "impact")
"""What can be unsaid."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What somebody says of an incident; what is None is not said.

    Attributes:
        title: what it is, in a line.
        kind: an incident, a near-miss or a repro-failure.
        environment: where it was: `prod`, or `support-bot/prod`.
        pipeline: whose it is, where no environment says so.
        started: when it began.
        detected: when somebody noticed.
        mitigated: when it was over for those whom it hurt.
        closed: when work on it ended.
        release: a revision: the release that is suspected.
        minutes: how many minutes people spent on it.
        cost: what it cost.
        preventable: whether it could have been prevented.
        impact: what customers had of it.
    """

    title: str | None = None
    kind: IncidentKind | None = None
    environment: str | None = None
    pipeline: str | None = None
    started: When | None = None
    detected: When | None = None
    mitigated: When | None = None
    closed: When | None = None
    release: str | None = None
    minutes: int | None = None
    cost: Cost | None = None
    preventable: bool | None = None
    impact: str | None = None


@dataclass(frozen=True, slots=True)
class BroughtIncident:
    """An incident of another system: what is said of it, the line it comes from, and the lines that tell of it."""

    telling: Telling
    source: SourceDigest
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BroughtMove:
    """A deploy or a rollback of the past, as another system tells of it.

    Attributes:
        kind: `deploy` or `rollback`.
        environment: where it was, if that is known.
        occurred_at: when it was.
        note: the line that tells of it.
        source: names that line.
        answers: the source of the incident that it answered to.
    """

    kind: MoveKind
    environment: str | None
    occurred_at: datetime
    note: str
    source: SourceDigest
    answers: SourceDigest | None = None


@dataclass(frozen=True, slots=True)
class BroughtIn:
    """What became of an import.

    Attributes:
        opened: the incidents that were opened.
        known: those that had been imported before.
        moves: how many moves of the past were recorded.
        moves_known: how many had been before.
        moves_superseded: how many are of a time of which the registry has a record of its own.
        refused: of a plan, which of the incidents cannot be recorded, by their place, and why.
    """

    opened: tuple[IncidentName, ...]
    known: tuple[IncidentName, ...]
    moves: int
    moves_known: int
    moves_superseded: int
    refused: tuple[tuple[int, str], ...] = ()


class Incidents(Protocol):
    """The incidents of a registry."""

    def open(self, telling: Telling) -> Incident:
        """Open an incident; it was noticed now, unless something else is said.

        Raises:
            Invalid: it has no title, or its times are out of order or in the future.
            NotFound: there is no such environment or release.
        """
        ...

    def update(self, name: str, telling: Telling, clear: Iterable[str] = ()) -> Incident:
        """Say more of an incident, or something else; what is in `clear` is unsaid. To clear `closed` opens it again.

        Raises:
            NotFound: there is no such incident.
            Invalid: as `open`.
        """
        ...

    def close(self, name: str, telling: Telling) -> Incident:
        """End the work on an incident, now unless something else is said; what else is said is recorded with it.

        Raises:
            Conflict: it is closed already.
            NotFound, Invalid: as `update`.
        """
        ...

    def link(self, name: str, *, revision: str | None = None, move: tuple[str, int] | None = None, note: str | None = None) -> Incident:
        """Say that something belongs to an incident.

        Args:
            name: the incident.
            revision: a release.
            move: an environment and the revision that a move gave it; a rollback also says when it was mitigated, if nobody did.
            note: an address, or any text.

        Raises:
            NotFound: there is no such incident, release or move.
            Invalid: nothing is given.
        """
        ...

    def get(self, name: str) -> Incident:
        """Return an incident by its name: `I17`, or `17`.

        Raises:
            NotFound: there is none.
        """
        ...

    def list(
        self, pipeline: str | None = None, *, environment: str | None = None, since: When | None = None, only_open: bool = False
    ) -> builtins.list[Incident]:
        """Return the incidents of a pipeline, newest first."""
        ...

    def measured(self, pipeline: PipelineName | None = None, since: datetime | None = None, until: datetime | None = None) -> Measured:
        """Return what the incidents that were noticed in a span of time come to."""
        ...

    def bring_in(self, brought: Sequence[BroughtIncident], moves: Sequence[BroughtMove] = (), pipeline: str | None = None) -> BroughtIn:
        """Record what another system tells, all of it or nothing; what was recorded from the same line before is left.

        Args:
            brought: incidents.
            moves: deploys and rollbacks.
            pipeline: whose they are, where the registry has several.

        Raises:
            as `open`.
        """
        ...

    def plan_in(self, brought: Sequence[BroughtIncident], moves: Sequence[BroughtMove] = (), pipeline: str | None = None) -> BroughtIn:
        """Return what `bring_in` would do, and which incidents it would refuse."""
        ...

    def backfills(self, pipeline: str | None = None) -> builtins.list[Backfill]:
        """Return the moves of the past that were told of, oldest first."""
        ...
