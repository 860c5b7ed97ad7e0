"""A case in words: the same sentences for the terminal and for the page, each with the numbers that it follows from.

Rules: money is rounded to whole units from 100 on and to cents below, months to one decimal; `--json` has the cents. A number that is
reckoned from others is shown with them, so that whoever reads can reckon it again.

    >>> money(Decimal("2906.67"), "EUR"), money(Decimal("-66.6"), "EUR"), percent(Decimal("0.175")), plain(Decimal("1200.50"))
    ('2,907 EUR', '−66.60 EUR', '17.5%', '1,200.5')
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

from lastgood.model.case import Case, Estimate, Known, PastIncident
from lastgood.model.estimates import INPUTS, Range, Unit
from lastgood.model.payback import DIGITS, RULES, SOUND_UNTIL, STRONG_BEFORE, Payback, Verdict, months_text

NEVER = "never"
MINUS = "−"
_WHOLE_FROM = Decimal(100)
_FEWEST = Decimal("0.01")
_LEAST_SHARE = Decimal("0.0005")
_LARGE = ((Decimal(10**12), "tn"), (Decimal(10**9), "bn"), (Decimal(10**6), "M"))
_LONGEST_TITLE = 90
_DECIMALS = (Decimal(1), Decimal("0.1"), Decimal("0.01"))

FORMULAS = (
    "annual cost = tooling + (setup + 12 × care) × rate + seconds ÷ 3600 × deploys × rate",
    "avoided loss = incidents × cost of one × share prevented + reproduction hours × rate",
    "net monthly benefit = (avoided loss − annual cost without setup) ÷ 12",
    "payback = annual cost ÷ net monthly benefit (running cost counts twice, to be careful)",
    "simple payback = setup × rate ÷ net monthly benefit (as finance departments reckon)",
)


def amount(value: Decimal) -> str:
    """Write an amount of money without its currency."""
    text = _rounded(value, 0 if abs(value) >= _WHOLE_FROM or value == value.to_integral_value() else 2)
    return text.replace("-", MINUS)


def money(value: Decimal, currency: str) -> str:
    """Write an amount of money."""
    return f"{amount(value)} {currency}"


def brief(value: Decimal) -> str:
    """Write an amount of money in few letters, for a drawing."""
    for limit, letters in _LARGE:
        if abs(value) >= limit:
            return f"{_rounded(value / limit, 1)} {letters}".replace("-", MINUS)
    return amount(value)


def percent(value: Decimal) -> str:
    """Write a share."""
    if 0 < value < _LEAST_SHARE:
        return "less than 0.1%"
    return f"{plain(value * 100, 1)}%"


def plain(value: Decimal, decimals: int = 2) -> str:
    """Write a number with some decimals at most, and without needless ones."""
    text = _rounded(value, decimals)
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", MINUS)


def _rounded(value: Decimal, decimals: int) -> str:
    with localcontext(Context(prec=DIGITS)):
        return f"{value.quantize(_DECIMALS[decimals], ROUND_HALF_UP) + 0:,}"


def figure(value: Decimal, estimate: Estimate) -> str:
    """Write a value of an input, as it counts and not rounded."""
    return percent_exact(value) if estimate.what.unit is Unit.SHARE else f"{value:,f}"


def percent_exact(value: Decimal) -> str:
    """Write a share as it was given."""
    text = f"{value * 100:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + "%"


def range_text(found: Range, estimate: Estimate) -> str:
    """Write what an input may be."""
    if found.is_point:
        return figure(found.likely, estimate)
    return f"{figure(found.likely, estimate)} ({figure(found.low, estimate)} to {figure(found.high, estimate)})"


def payback_text(months: Decimal | None) -> str:
    """Write how long a payback takes."""
    return NEVER if months is None else months_text(months)


def verdict_rule() -> str:
    """Say the rule of all verdicts in one line."""
    return (
        f"strong: in less than {STRONG_BEFORE} months; sound: in {STRONG_BEFORE} to {SOUND_UNTIL}; weak: in more, or never;"
        " not yet: no production pipeline, or nothing that went wrong is measured or declared"
    )


def verdict_sentence(case: Case) -> str:
    """Say the verdict with why, and when to look again."""
    said = f"{case.why[:1].upper()}{case.why[1:]}."
    if case.verdict is Verdict.NOT_YET:
        until = _until(case.production, case.history)
        return f"{said} Wait, and look again {until}, or on {case.look_again}."
    if case.look_again is not None:
        return f"{said} Look again on {case.look_again}, or when an input changes."
    return said


def _until(production: Known, history: Known) -> str:
    if not production.is_so:
        return "when a pipeline answers in production"
    return "after the first incident, near-miss or reproduction failure" if not history.is_so else ""


def rule_of(verdict: Verdict) -> str:
    """Say what a verdict means."""
    return RULES[verdict]


def cost_parts(case: Case) -> str:
    """Say what the annual cost is made of."""
    result, tooling = case.result, case.inputs["tooling_per_year"].range.likely
    return (
        f"{amount(tooling)} tooling + {amount(result.setup_cost)} setup + {amount(result.care_cost)} care"
        f" + {amount(result.deploy_tax)} waiting at deploys"
    )


def loss_parts(case: Case) -> str:
    """Say what the avoided loss is made of."""
    return f"{amount(case.result.incidents_avoided)} incidents + {amount(case.result.hours_saved)} reproduction hours saved"


def payback_parts(result: Payback) -> str:
    """Say what the paybacks are made of."""
    monthly = amount(result.net_monthly_benefit)
    net = f"net monthly benefit {monthly} = ({amount(result.avoided_loss)} − {amount(result.recurring_cost)}) ÷ 12"
    if result.payback_months is None:
        return f"{net}: nothing is gained"
    return f"{net}; simple payback {payback_text(result.simple_payback_months)} = {amount(result.setup_cost)} ÷ {monthly}"


def anchor_sentence(case: Case) -> str:
    """Say what the costliest incident was that is recorded or declared."""
    one = case.anchor
    if one is None:
        return "None is recorded or declared, so the case rests on the averages below."
    cost = "its cost is not known" if one.cost is None else money(one.cost, case.currency)
    return f"{_named(one)}: {cost}; {one.where}."


def _named(one: PastIncident) -> str:
    kind = "" if one.kind.value == "incident" else f", a {one.kind.value}"
    title = one.title.strip()
    title = title if len(title) <= _LONGEST_TITLE else title[: _LONGEST_TITLE - 1] + "…"
    return f"“{title}”{kind}" + (f" ({one.on})" if one.on is not None else "")


def asymmetry(case: Case) -> Sequence[str]:
    """Say what a wrong yes costs, and what a wrong no costs."""
    result, currency = case.result, case.currency
    wrong_yes = (
        f"A wrong yes costs {money(result.annual_cost, currency)} at most in its first year: the annual cost, if nothing is prevented."
        " It can be ended at any time, and what was kept can be checked out."
    )
    said = [wrong_yes]
    if result.first_year_net <= 0:
        said.append(
            f"A wrong no costs nothing in the first year: {amount(result.avoided_loss)} avoided ≤ {amount(result.annual_cost)} spent."
        )
        return said
    said.append(
        f"A wrong no costs {money(result.first_year_net, currency)} in the first year: {amount(result.avoided_loss)} avoided"
        f" − {amount(result.annual_cost)} spent."
    )
    if case.even.chance is not None:
        said.append(
            f"So a yes loses nothing on average if the assumptions hold with a chance of {percent(case.even.chance)}"
            f" ({amount(result.annual_cost)} ÷ {amount(result.avoided_loss)})."
        )
    return said


def objections(case: Case) -> Sequence[tuple[str, str]]:
    """Return the three objections that are heard, each with an answer in this case's own numbers."""
    return (
        ("We have git, or an experiment tracker.", _of_git(case)),
        ("It slows deploys.", _of_deploys(case)),
        ("Incidents are rare.", _of_incidents(case)),
    )


def _of_git(case: Case) -> str:
    said = "They stay: git has the code, a tracker the runs; neither says what production was, nor goes back to it."
    share, incidents = case.inputs["share_preventable"].range.likely, case.inputs["incidents_per_year"].range.likely
    if incidents == 0:
        return f"{said} No incident is counted here, so they may well be enough."
    counted = f"{said} Only {percent_exact(share)} of incidents count as prevented here"
    if case.even.share is None:
        return f"{counted}; preventing every one would not pay the running cost."
    if case.even.share == 0:
        return f"{counted}; the hours saved alone pay the running cost."
    return f"{counted}; the running cost is paid from {percent(case.even.share)} on."


def _of_deploys(case: Case) -> str:
    seconds, deploys = (case.inputs[name].range.likely for name in ("seconds_per_deploy", "deploys_per_year"))
    hours = seconds * deploys / 3600
    result = case.result
    of_all = f", {percent(result.deploy_tax / result.annual_cost)} of the annual cost" if result.annual_cost else ""
    said = (
        f"{plain(seconds)} s × {plain(deploys)} deploys ÷ 3600 = {plain(hours, 1)} hours a year, or"
        f" {money(result.deploy_tax, case.currency)}{of_all}, and counted in it."
    )
    return said if case.even.seconds is None else f"{said} Nothing would be gained only from {plain(case.even.seconds, 0)} s a deploy on."


def _of_incidents(case: Case) -> str:
    rate = case.inputs["incidents_per_year"]
    are = "is" if rate.range.likely == 1 else "are"
    said = f"{plain(rate.range.likely)} a year {are} counted" if rate.range.likely else "None is counted"
    even = case.even
    if even.incidents is None or even.incidents_strong is None:
        return f"{said}, and with what one costs and how many are prevented, no number of them would pay for anything."
    paid = f"{_few(even.incidents)} a year pay the running cost" if even.incidents else "The hours saved alone pay the running cost"
    return f"{said}. {paid}; from {plain(even.incidents_strong)} a year on it pays back in under {STRONG_BEFORE} months."


def _few(value: Decimal) -> str:
    return plain(value) if value >= _FEWEST else f"Fewer than {_FEWEST}"


def chances_sentence(case: Case) -> str:
    """Say how sure the payback is."""
    drawn, months = case.chances, case.chances.payback_months
    return (
        f"P10 {payback_text(months.p10)}, P50 {payback_text(months.p50)}, P90 {payback_text(months.p90)}: under {STRONG_BEFORE} months in"
        f" {percent(drawn.strong)} of {drawn.draws:,} draws (seed {drawn.seed}), within {SOUND_UNTIL} in {percent(drawn.sound)},"
        f" never in {percent(drawn.never)}.{_doubt(case)}"
    )


def _doubt(case: Case) -> str:
    months, middle = case.result.payback_months, case.chances.payback_months.p50
    if months is None or (middle is not None and middle <= months):
        return ""
    return " The middle draw (P50) is worse than the likeliest values, on which the verdict rests."


def measured_sentences(case: Case) -> Sequence[str]:
    """Say what the registry has measured beside the inputs, and what it could not."""
    known = case.measured
    said = list(known.notes)
    if known.rollbacks:
        took = "" if known.rollback_seconds is None else f", the middle one took {plain(known.rollback_seconds)} s"
        said.append(f"{known.rollbacks:,} rollbacks are recorded{took}")
    for name, one in case.inputs.items():
        if one.measured is not None:
            said.append(
                f"{INPUTS[name].label}: {range_text(one.measured.range, one)} measured ({one.measured.note}), but {one.origin_text}"
            )
    return said
