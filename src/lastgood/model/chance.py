"""How sure a payback is: seeded draws from the ranges of its inputs, and which input moves it most.

Rules: each input is drawn by itself from the triangular distribution of its low, likely and high value, `DRAWS` times. The
r-th draw of an input is the r-th of the 64-bit big-endian numbers x that SHAKE-256 gives over the canonical JSON of the seed and
the input's name, taken as the quantile (x + ½) ÷ 2⁶⁴: the same on every platform, and a change of one input leaves the draws
of the others as they were. Arithmetic is decimal, with 34 digits. The percentile p of sorted draws is the ⌈p × n⌉th; a payback that
never comes counts as longer than any other. Where every range is one number, each draw is the closed form's.

    >>> from lastgood.model.estimates import INPUTS, point
    >>> from lastgood.model.payback import to_cents
    >>> ranges = {name: one.default for name, one in INPUTS.items()} | {"incidents_per_year": point(Decimal(2))}
    >>> to_cents(draw(ranges, seed=1).payback_months.p50)
    Decimal('3.14')
    >>> tornado(ranges)[0].name
    'cost_per_incident'
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from typing import Generic, TypeVar

from lastgood.canonical import canonical_json
from lastgood.model.estimates import Range
from lastgood.model.payback import SOUND_UNTIL, STRONG_BEFORE, Payback, Values, pay_back

DRAWS = 2_000
DIGITS = 34
SEED = 1
"""The seed that is used where none is asked for: the same input then gives the same page."""

_WIDTH = 8
_ALL = Decimal(2) ** (8 * _WIDTH)
_HALF = Decimal("0.5")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Percentiles(Generic[Value]):
    """What one draw in ten stays below, one in two, and nine in ten."""

    p10: Value
    p50: Value
    p90: Value


@dataclass(frozen=True, slots=True)
class Chances:
    """What comes of the draws; a payback of None is one that never comes.

    Attributes:
        strong: the share of draws that pay back in under a quarter.
        sound: that do so in two quarters or less.
        never: in which nothing is gained.
    """

    seed: int
    draws: int
    annual_cost: Percentiles[Decimal]
    avoided_loss: Percentiles[Decimal]
    net_monthly_benefit: Percentiles[Decimal]
    payback_months: Percentiles[Decimal | None]
    strong: Decimal
    sound: Decimal
    never: Decimal


@dataclass(frozen=True, slots=True)
class Swing:
    """What comes of one input at its low and at its high value, all others at their likeliest."""

    name: str
    at_low: Payback
    at_high: Payback

    @property
    def size(self) -> Decimal:
        """How far apart the two are in what the first year nets."""
        return abs(self.at_high.first_year_net - self.at_low.first_year_net)


def draw(ranges: Mapping[str, Range], seed: int) -> Chances:
    """Return what comes of drawing every input from its range."""
    with localcontext(Context(prec=DIGITS)):
        columns = [_drawn(one, _quantiles(seed, name)) for name, one in ranges.items()]
    results = [pay_back(dict(zip(ranges, row, strict=True))) for row in zip(*columns, strict=True)]
    months = sorted(one.payback_months for one in results if one.payback_months is not None)
    return Chances(
        seed=seed,
        draws=DRAWS,
        annual_cost=_percentiles(sorted(one.annual_cost for one in results)),
        avoided_loss=_percentiles(sorted(one.avoided_loss for one in results)),
        net_monthly_benefit=_percentiles(sorted(one.net_monthly_benefit for one in results)),
        payback_months=_percentiles([*months, *[None] * (DRAWS - len(months))]),
        strong=Decimal(sum(one < STRONG_BEFORE for one in months)) / DRAWS,
        sound=Decimal(sum(one <= SOUND_UNTIL for one in months)) / DRAWS,
        never=Decimal(DRAWS - len(months)) / DRAWS,
    )


def tornado(ranges: Mapping[str, Range]) -> Sequence[Swing]:
    """Return what each input that has a range moves, the one that moves most first."""
    likely = likeliest(ranges)
    swings = [
        Swing(name, pay_back({**likely, name: one.low}), pay_back({**likely, name: one.high}))
        for name, one in ranges.items()
        if not one.is_point
    ]
    return sorted(swings, key=lambda one: -one.size)


def likeliest(ranges: Mapping[str, Range]) -> Values:
    """Return the likeliest value of each input."""
    return {name: one.likely for name, one in ranges.items()}


def _quantiles(seed: int, name: str) -> list[Decimal]:
    drawn = hashlib.shake_256(canonical_json(["lastgood.case", str(seed), name])).digest(DRAWS * _WIDTH)
    return [(Decimal(x) + _HALF) / _ALL for x in struct.unpack(f">{DRAWS}Q", drawn)]


def _drawn(one: Range, quantiles: Sequence[Decimal]) -> list[Decimal]:
    """Return the values of a triangular distribution at some quantiles (its inverse, in closed form)."""
    if one.is_point:
        return [one.likely] * len(quantiles)
    width, left, right = one.high - one.low, one.likely - one.low, one.high - one.likely
    return [one.low + (u * width * left).sqrt() if u * width < left else one.high - ((1 - u) * width * right).sqrt() for u in quantiles]


def _percentiles(ordered: Sequence[Value]) -> Percentiles[Value]:
    return Percentiles(*(ordered[-(-len(ordered) * percent // 100) - 1] for percent in (10, 50, 90)))
