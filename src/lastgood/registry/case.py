"""What a registry has measured of the inputs of the payback page.

Rules: only what history holds is measured; a rate is extrapolated from at least `FEWEST_DAYS` days, and says so; from a year on it is
that of the last year. Moves that gates look at are deploys: of all pipelines and environments, since each of them costs somebody time.
How long a deploy took is not recorded, so that is not measured; what a rollback took is.

    Figures(context, lambda: costs).measured().given["deploys_per_year"].note
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from lastgood.catalog.environments import MovesOfKind, moves_by_kind, rollback_milliseconds
from lastgood.catalog.incidents import incidents_of
from lastgood.catalog.releases import pipelines
from lastgood.compare.wording import size
from lastgood.errors import InvalidWorkspace
from lastgood.model.case import Given, Measured, Origin
from lastgood.model.changes.environments import MoveKind
from lastgood.model.changes.incidents import IncidentKind
from lastgood.model.estimates import point
from lastgood.registry.case_incidents import measured_incidents
from lastgood.registry.context import Context
from lastgood.registry.cost_words import money, said_of_prices
from lastgood.registry.move import GATED

if TYPE_CHECKING:
    from lastgood.registry.cost import Costs

FEWEST_DAYS = 28
YEAR = 365

_DAY = timedelta(days=1)
_TENTH = Decimal("0.1")


class Figures:
    """The figures of an embedded registry."""

    def __init__(self, context: Context, costs: Callable[[], Costs]) -> None:
        self._context = context
        self._costs = costs

    def measured(self, currency: str = "EUR") -> Measured:
        """Return what history says of the inputs of the payback page.

        What the store's bytes cost is said beside the inputs: it is a part of `tooling_per_year`, in the currency of its prices.

        Args:
            currency: of the case; what incidents cost in another one is left out.
        """
        now = self._context.clock.now()
        with self._context.database.reading() as session:
            moves = moves_by_kind(session)
            lately = moves_by_kind(session, since=now - YEAR * _DAY)
            took = sorted(rollback_milliseconds(session))
            known = [one for pipeline in pipelines(session) for one in incidents_of(session, pipeline)]
        went_wrong = measured_incidents(known, min((one.first for one in moves), default=None), now, currency)
        deploys, note = _deploys(moves, lately, now)
        return Measured(
            given=({} if deploys is None else {"deploys_per_year": deploys}) | went_wrong.given,
            incidents=went_wrong.kinds[IncidentKind.INCIDENT],
            near_misses=went_wrong.kinds[IncidentKind.NEAR_MISS],
            repro_failures=went_wrong.kinds[IncidentKind.REPRO_FAILURE],
            costliest=went_wrong.costliest,
            deployments=sum(one.number for one in moves),
            rollbacks=sum(one.number for one in moves if one.kind is MoveKind.ROLLBACK),
            rollback_seconds=Decimal(took[(len(took) - 1) // 2]) / 1000 if took else None,
            notes=[*([note] if note else []), *went_wrong.notes, self._storage()],
        )

    def _storage(self) -> str:
        try:
            costs = self._costs()
        except InvalidWorkspace:
            return "what storage costs a month is not known: lastgood.toml is not right"
        kept = costs.folder_bytes()
        said = said_of_prices(costs.prices, is_assumed=costs.is_assumed)
        return f"storage measured: {size(kept)}, {money(costs.prices.month(kept), costs.prices)} a month ({said})"


def _deploys(moves: list[MovesOfKind], lately: list[MovesOfKind], now: datetime) -> tuple[Given | None, str]:
    deploys = [one for one in moves if one.kind in GATED]
    if not deploys:
        return None, ""
    days = (now - min(one.first for one in moves)) // _DAY
    if days < FEWEST_DAYS:
        counted = sum(one.number for one in deploys)
        return None, f"{counted:,} deploys in {days} days of history: too few days for a rate, {FEWEST_DAYS} are needed"
    if days >= YEAR:
        number = sum(one.number for one in lately if one.kind in GATED)
        return Given(
            point(Decimal(number)), Origin.MEASURED, note=f"counted: {number:,} deploys of all pipelines in the last {YEAR} days"
        ), ""
    number = sum(one.number for one in deploys)
    rate = (Decimal(number) * YEAR / days).quantize(_TENTH, ROUND_HALF_UP)
    note = f"extrapolated: {number:,} deploys of all pipelines in {days} days, × {YEAR} ÷ {days}"
    return Given(point(rate), Origin.MEASURED, note=note), ""
