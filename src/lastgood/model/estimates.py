"""The ten inputs of the payback page: what each means, how it is given, and what is assumed where nobody gives it.

Rules: an input is a number or a range of low, likely and high, kept as it was written (decimal, never binary); each has an
origin, and what is said first in this order counts: a flag, an answer at the terminal, the file, what the registry has
measured, the default. A default is an assumption, deliberately on the side that makes the case worse, and says where it comes from.

    >>> parse_range({"low": 1, "likely": 2, "high": Decimal("3.5")}, INPUTS["setup_hours"])
    Range(low=Decimal('1'), likely=Decimal('2'), high=Decimal('3.5'))
    >>> range_of_text("0.5", INPUTS["share_preventable"]).is_point
    True
    >>> INPUTS["deploys_per_year"].default.likely
    Decimal('50')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from types import MappingProxyType

from lastgood.errors import InvalidCase

MOST_DIGITS = 15
MOST_DECIMALS = 9
BETWEEN = ".."
"""What stands between low, likely and high where a range is typed: `8..16..40`."""

_MOST_MONEY = Decimal(10**12)
_MOST_NUMBER = Decimal(10**7)
_ENDS = ("low", "likely", "high")
_SHOWN = 40


class Unit(Enum):
    """What an input counts."""

    MONEY = "money"
    HOURS = "hours"
    SECONDS = "seconds"
    COUNT = "count"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class Range:
    """What an input may be: the lowest, the likeliest and the highest value; all the same where it was one number."""

    low: Decimal
    likely: Decimal
    high: Decimal

    @property
    def is_point(self) -> bool:
        """Whether it is one number."""
        return self.low == self.high


@dataclass(frozen=True, slots=True)
class Input:
    """One of the ten inputs.

    Attributes:
        name: its key in the file, and its flag.
        label: what it is, for people.
        unit: what it counts.
        default: what is assumed where nobody says anything.
        source: where the default comes from.
        moves: what becomes of the result when it grows.
    """

    name: str
    label: str
    unit: Unit
    default: Range
    source: str
    moves: str

    @property
    def most(self) -> Decimal:
        """The largest value that is taken for a value and not for a slip of the keys."""
        return Decimal(1) if self.unit is Unit.SHARE else _MOST_MONEY if self.unit is Unit.MONEY else _MOST_NUMBER

    @property
    def flag(self) -> str:
        """The option of the command line that gives it."""
        return "--" + self.name.replace("_", "-")


def point(value: Decimal) -> Range:
    """Return the range that is one number."""
    return Range(value, value, value)


def parse_range(value: object, what: Input) -> Range:
    """Read an input as a file or a program gives it: a number, or a table of low, likely and high.

    Raises:
        InvalidCase: it is neither, or not a possible value of this input.
    """
    if not isinstance(value, Mapping):
        return point(_number(value, what))
    unknown = sorted(str(key) for key in value if key not in _ENDS)
    if unknown:
        raise InvalidCase(f"{what.name}: unknown key {unknown[0][:_SHOWN]!r}; a range has low, likely and high")
    missing = [end for end in _ENDS if end not in value]
    if missing:
        raise InvalidCase(f"{what.name}: {missing[0]} is missing; a range has low, likely and high")
    found = Range(*(_number(value[end], what, f"{what.name}.{end}") for end in _ENDS))
    if not found.low <= found.likely <= found.high:
        raise InvalidCase(f"{what.name}: a range goes up from low over likely to high, not {found.low}, {found.likely}, {found.high}")
    return found


def range_of_text(text: str, what: Input) -> Range:
    """Read an input as a person types it: `16`, or `8..16..40`.

    Raises:
        InvalidCase: it has another form, or is not a possible value of this input.
    """
    parts = [_typed(part, text, what) for part in text.split(BETWEEN)]
    if len(parts) == 1:
        return parse_range(parts[0], what)
    if len(parts) != len(_ENDS):
        raise InvalidCase(f"{what.name}: {text[:_SHOWN]!r} is no range; write LOW{BETWEEN}LIKELY{BETWEEN}HIGH, or one number")
    return parse_range(dict(zip(_ENDS, parts, strict=True)), what)


def _typed(part: str, text: str, what: Input) -> Decimal:
    try:
        return Decimal(part.strip())
    except InvalidOperation:
        raise InvalidCase(f"{what.name}: {text[:_SHOWN]!r} is no number; write 16, or a range such as 8{BETWEEN}16{BETWEEN}40") from None


def _number(value: object, what: Input, name: str | None = None) -> Decimal:
    name = name or what.name
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise InvalidCase(f"{name}: must be a number, or a table of low, likely and high")
    # A float of a program is taken as it is written, and not as the binary fraction next to it.
    number = value if isinstance(value, Decimal) else Decimal(str(value)) if isinstance(value, float) else _whole(value, name)
    if not number.is_finite():
        raise InvalidCase(f"{name}: is not a number that can be reckoned with")
    if number < 0:
        raise InvalidCase(f"{name}: cannot be negative")
    if number > what.most:
        raise InvalidCase(f"{name}: is more than {what.most:,}" + ("; a share lies between 0 and 1" if what.unit is Unit.SHARE else ""))
    return _settled(number, name)


def _whole(value: int, name: str) -> Decimal:
    # Before it is written out, which takes quadratic time.
    if value.bit_length() > 4 * MOST_DIGITS:
        raise InvalidCase(f"{name}: has more than {MOST_DIGITS} digits")
    return Decimal(value)


def _settled(number: Decimal, name: str) -> Decimal:
    """Return a number without an exponent and needless zeros, if that takes few digits."""
    if number == 0:
        return Decimal(0)
    number = number.normalize()
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)  # noqa: S101 - a finite one
    if exponent < -MOST_DECIMALS or len(number.as_tuple().digits) > MOST_DIGITS:
        raise InvalidCase(f"{name}: has more than {MOST_DECIMALS} decimals or {MOST_DIGITS} digits")
    return number.quantize(Decimal(1)) if exponent > 0 else number


def _range(low: str, likely: str, high: str) -> Range:
    return Range(Decimal(low), Decimal(likely), Decimal(high))


_COST_UP = "the annual cost rises, so the payback takes longer"
_LOSS_UP = "the avoided loss rises, so the payback is quicker"

_ALL = (
    Input(
        "tooling_per_year",
        "tooling a year",
        Unit.MONEY,
        _range("300", "600", "2400"),
        "lastgood has no licence fee; 50 a month are set aside for the room its bytes take",
        _COST_UP,
    ),
    Input(
        "setup_hours",
        "setup hours, once",
        Unit.HOURS,
        _range("8", "16", "40"),
        "two working days of one person, a week at most",
        "the annual cost rises, so the payback takes longer; the net benefit of a month stays",
    ),
    Input(
        "maintenance_hours_per_month",
        "hours of care a month",
        Unit.HOURS,
        _range("0.5", "1", "3"),
        "an hour a month for updates, policies and questions",
        _COST_UP,
    ),
    Input(
        "loaded_rate",
        "an engineer's hour, all in",
        Unit.MONEY,
        _range("60", "80", "110"),
        "more than twice what an hour of work costs employers in the EU over all trades, 33.5 EUR in 2024 (Eurostat,"
        " hourly labour costs); it counts on both sides",
        "the annual cost rises, and with hours saved the avoided loss; the net benefit falls where more hours are spent than saved",
    ),
    Input(
        "deploys_per_year",
        "deploys a year",
        Unit.COUNT,
        _range("12", "50", "250"),
        "about one a week",
        _COST_UP,
    ),
    Input(
        "seconds_per_deploy",
        "seconds added to a deploy",
        Unit.SECONDS,
        _range("10", "60", "180"),
        "deliberately high: somebody waits a minute for commit, gates and deploy",
        _COST_UP,
    ),
    Input(
        "incidents_per_year",
        "incidents a year",
        Unit.COUNT,
        _range("0", "0", "0"),
        "none is measured and none is declared, so none is counted",
        _LOSS_UP,
    ),
    Input(
        "cost_per_incident",
        "what an incident costs",
        Unit.MONEY,
        _range("4000", "15000", "40000"),
        "deliberately low: 60 engineer-hours at 80, the rest for customers. For comparison: 54% of operators put their last"
        " significant outage above 100,000 USD (Uptime Institute, Annual outage analysis 2024: of data centers, and uncertain,"
        " as it says itself)",
        _LOSS_UP,
    ),
    Input(
        "share_preventable",
        "share of them prevented",
        Unit.SHARE,
        _range("0.25", "0.5", "0.75"),
        "half. Four in five of the same operators said that theirs could have been prevented with better management, processes"
        " and configuration (the same report)",
        _LOSS_UP,
    ),
    Input(
        "reproduction_hours_saved_per_year",
        "reproduction hours saved a year",
        Unit.HOURS,
        _range("0", "20", "40"),
        "less than two hours a month in which nobody has to find out what was running",
        _LOSS_UP,
    ),
)

INPUTS: Mapping[str, Input] = MappingProxyType({one.name: one for one in _ALL})
"""The inputs by their names, in the order in which they are shown."""
