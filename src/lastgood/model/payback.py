"""The payback: what version control costs a year, what it avoids, after how many months it has paid, and the verdict.

The rules, all of them:

    annual cost          = tooling + (setup hours + 12 × hours of care a month) × rate + seconds per deploy ÷ 3600 × deploys × rate
    avoided loss         = incidents × cost of one × share preventable + hours of reproducing saved × rate
    recurring cost       = annual cost without the setup hours
    net monthly benefit  = (avoided loss − recurring cost) ÷ 12
    payback months       = annual cost ÷ net monthly benefit: the running cost counts on both sides, which is conservative
    simple payback       = setup hours × rate ÷ net monthly benefit: the formula of finance departments

Without a net benefit neither payback exists. It is reckoned in decimal numbers of 60 digits and rounded where it is shown,
so that it is right to the cent. Verdicts: *strong* in under 3 months, *sound* in 3 to 6, *weak* in more or never; *not yet*
before all of them where there is no production pipeline, or where nothing went wrong so far that anybody measured or declared.

    >>> from lastgood.model.estimates import INPUTS
    >>> values = {name: one.default.likely for name, one in INPUTS.items()} | {"incidents_per_year": Decimal(2)}
    >>> result = pay_back(values)
    >>> to_cents(result.annual_cost), to_cents(result.avoided_loss), to_cents(result.payback_months)
    (Decimal('2906.67'), Decimal('16600.00'), Decimal('2.33'))
    >>> judge(result, production=True, history=True)
    <Verdict.STRONG: 'strong'>
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from enum import Enum
from types import MappingProxyType

DIGITS = 60
"""More than a product of three inputs can have, so that all products are exact."""

STRONG_BEFORE = Decimal(3)
SOUND_UNTIL = Decimal(6)
LOOK_AGAIN_DAYS = 91

_CENT, _TENTH = Decimal("0.01"), Decimal("0.1")
_MONTHS = Decimal(12)
_SECONDS_PER_HOUR = Decimal(3600)

Values = Mapping[str, Decimal]
"""One value of each input, by its name."""


@dataclass(frozen=True, slots=True)
class Payback:
    """What comes of one value of each input, in money and months, not rounded.

    Attributes:
        payback_months: None where there is no net benefit.
        simple_payback_months: likewise.
    """

    setup_cost: Decimal
    care_cost: Decimal
    deploy_tax: Decimal
    annual_cost: Decimal
    recurring_cost: Decimal
    incidents_avoided: Decimal
    hours_saved: Decimal
    avoided_loss: Decimal
    net_monthly_benefit: Decimal
    payback_months: Decimal | None
    simple_payback_months: Decimal | None

    @property
    def first_year_net(self) -> Decimal:
        """What is avoided in the first year beyond all that is spent in it, the setup included."""
        return self.avoided_loss - self.annual_cost


class Verdict(Enum):
    """What the numbers say to whoever decides."""

    STRONG = "strong"
    SOUND = "sound"
    WEAK = "weak"
    NOT_YET = "not yet"


RULES: Mapping[Verdict, str] = MappingProxyType(
    {
        Verdict.STRONG: "it pays back in under a quarter (less than 3 months)",
        Verdict.SOUND: "it pays back in one to two quarters (3 to 6 months)",
        Verdict.WEAK: "it pays back in more than two quarters (6 months), or never",
        Verdict.NOT_YET: "there is no production pipeline, or no incident, near-miss or reproduction failure that anybody measured"
        " or declared: wait",
    }
)


def pay_back(values: Values) -> Payback:
    """Return what comes of one value of each input."""
    with localcontext(Context(prec=DIGITS)):
        rate = values["loaded_rate"]
        setup = values["setup_hours"] * rate
        care = _MONTHS * values["maintenance_hours_per_month"] * rate
        tax = values["seconds_per_deploy"] * values["deploys_per_year"] * rate / _SECONDS_PER_HOUR
        recurring = values["tooling_per_year"] + care + tax
        incidents = values["incidents_per_year"] * values["cost_per_incident"] * values["share_preventable"]
        hours = values["reproduction_hours_saved_per_year"] * rate
        annual, avoided = recurring + setup, incidents + hours
        gain = avoided - recurring
        return Payback(
            setup_cost=setup,
            care_cost=care,
            deploy_tax=tax,
            annual_cost=annual,
            recurring_cost=recurring,
            incidents_avoided=incidents,
            hours_saved=hours,
            avoided_loss=avoided,
            net_monthly_benefit=gain / _MONTHS,
            payback_months=annual * _MONTHS / gain if gain > 0 else None,
            simple_payback_months=setup * _MONTHS / gain if gain > 0 else None,
        )


def judge(result: Payback, *, production: bool, history: bool) -> Verdict:
    """Return the verdict.

    Args:
        result: the payback.
        production: whether a pipeline runs in production.
        history: whether an incident, a near-miss or a reproduction failure is measured or declared.
    """
    months = result.payback_months
    if not (production and history):
        return Verdict.NOT_YET
    if months is None or months > SOUND_UNTIL:
        return Verdict.WEAK
    return Verdict.STRONG if months < STRONG_BEFORE else Verdict.SOUND


@dataclass(frozen=True, slots=True)
class BreakEven:
    """How far the inputs that people doubt may be off; None where nothing of that input would do.

    Attributes:
        incidents: so many a year pay the running cost, and no more.
        incidents_strong: from so many a year on it pays back in under a quarter.
        share: so large a preventable share pays the running cost.
        seconds: so much time a deploy may take until nothing is gained.
        chance: with so great a chance the assumptions must hold for a yes to lose nothing in its first year, on average.
    """

    incidents: Decimal | None
    incidents_strong: Decimal | None
    share: Decimal | None
    seconds: Decimal | None
    chance: Decimal | None


def break_even(values: Values) -> BreakEven:
    """Return how far the inputs that people doubt may be off, each by itself."""
    result = pay_back(values)
    with localcontext(Context(prec=DIGITS)):
        per_incident = values["cost_per_incident"] * values["share_preventable"]
        lost = values["incidents_per_year"] * values["cost_per_incident"]
        per_second = values["deploys_per_year"] * values["loaded_rate"] / _SECONDS_PER_HOUR
        missing = result.recurring_cost - result.hours_saved
        for_strong = missing + _MONTHS / STRONG_BEFORE * result.annual_cost
        share = _quotient(missing, lost)
        seconds = _quotient(result.avoided_loss - result.recurring_cost + result.deploy_tax, per_second)
        chance = _quotient(result.annual_cost, result.avoided_loss)
        return BreakEven(
            incidents=_quotient(missing, per_incident),
            incidents_strong=_quotient(for_strong, per_incident),
            share=None if share is None or share > 1 else share,
            seconds=seconds if result.net_monthly_benefit > 0 else None,
            chance=None if chance is None or chance > 1 else chance,
        )


def _quotient(wanted: Decimal, of_one: Decimal) -> Decimal | None:
    return None if of_one == 0 else max(Decimal(0), wanted) / of_one


def months_text(months: Decimal) -> str:
    """Write a number of months with one decimal, on the same side of 3 and of 6 as the number itself."""
    with localcontext(Context(prec=DIGITS)):
        rounded = months.quantize(_TENTH, ROUND_HALF_UP)
        if months < STRONG_BEFORE <= rounded:
            rounded -= _TENTH
        if months > SOUND_UNTIL >= rounded:
            rounded += _TENTH
        return f"{rounded:,} months"


def to_cents(value: Decimal) -> Decimal:
    """Return a number with two decimals, a half rounded away from nothing, as money is."""
    with localcontext(Context(prec=DIGITS)):
        # Adding nothing takes the sign from a zero.
        return value.quantize(_CENT, ROUND_HALF_UP) + 0
