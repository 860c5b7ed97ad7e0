"""A report of costs as tables: the same for the terminal and for the page, each with what its numbers mean.

for sheet in sheets(report, Scope()):
    print(sheet.title, sheet.note, sheet.headers, sheet.rows)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from types import MappingProxyType

from lastgood.compare.wording import count, size
from lastgood.errors import NotFound
from lastgood.ids import ComponentName, PipelineName
from lastgood.model.forecast import MONTHS, Point
from lastgood.model.prices import Prices, Restore, cents
from lastgood.model.usage import Bytes
from lastgood.registry.cost import Report

SORTS: Mapping[str, str] = MappingProxyType(
    {
        "needed": "what releases need",
        "waiting": "what nothing needs, and gc has not taken yet",
        "dead": "what gc took, in packs that are still mostly needed",
        "footers": "what makes packs describe themselves",
        "orphans": "packs that no catalog knows",
        "quarantine": "damaged packs that a repair put aside",
        "damage": "by how much packs are not as long as the index says",
        "catalog": "the catalog: history and the index",
        "cache": "the checkout cache",
        "others": "keys, locks and what is being written",
    }
)
_USUALLY_THERE = frozenset({"needed", "footers", "catalog"})
_NEWEST = 20
_CENT = Decimal("0.01")
_OWN = "(records)"


@dataclass(frozen=True, slots=True)
class Scope:
    """What is asked for: everything, a pipeline, or a component."""

    pipeline: PipelineName | None = None
    component: ComponentName | None = None

    def has(self, pipeline: PipelineName, component: ComponentName | None = None) -> bool:
        """Whether something is in it."""
        return self.pipeline in {None, pipeline} and self.component in {None, component}


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with its title and what it means."""

    name: str
    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def money(amount: Decimal, prices: Prices) -> str:
    """Write an amount, to the cent."""
    if 0 < amount < _CENT / 2:
        return f"< 0.01 {prices.currency}"
    return f"{cents(amount):,} {prices.currency}"


def factor(more: int, less: int) -> str:
    """Write how many times as much one is as the other."""
    return "" if not less else f"÷ {more / less:.2f}"


def require_scope(report: Report, scope: Scope) -> None:
    """Refuse a component or a pipeline that no release has.

    Raises:
        NotFound: there is none.
    """
    known = report.needs.of_components
    if scope.component is not None and not any(scope.has(*one) for one in known):
        raise NotFound(f"no release has a component {scope.component}", hint="lastgood log")
    if scope.pipeline is not None and scope.pipeline not in report.needs.of_pipelines:
        raise NotFound(f"no release is of a pipeline {scope.pipeline}", hint="lastgood log")


def sheets(report: Report, scope: Scope, *, newest: int = _NEWEST) -> Iterator[Sheet]:
    """Yield the tables of a report."""
    if report.chosen is not None and report.restore is not None:
        yield _chosen(report)
        yield restore_sheet(report.restore, report.prices)
        return
    if scope == Scope():
        yield _folder(report)
        yield _savings(report)
        if len(report.needs.of_pipelines) > 1:
            yield _pipelines(report)
    yield _components(report, scope)
    yield _releases(report, scope, newest)
    if scope == Scope():
        yield _months(report)
        if report.forecast:
            yield forecast_sheet(report.forecast, report.prices)


def said_of_prices(prices: Prices, *, is_assumed: bool) -> str:
    """Say what prices are reckoned with, and where they are from."""
    assumed = "; assumed, since lastgood.toml has no [prices]" if is_assumed else ""
    return f"{prices.title}: {prices.per_gb_month} {prices.currency} a GB (10⁹ bytes) and month, from {prices.said}{assumed}"


def headline(report: Report, scope: Scope) -> str:
    """Say the whole in a sentence."""
    if scope != Scope():
        parts = [one for key, one in report.needs.of_components.items() if scope.has(*key)]
        logical, stored, unique = (sum(one) for one in zip(*((each.logical, each.stored, each.unique) for each in parts), strict=True))
        name = ", ".join(str(one) for one in (scope.pipeline, scope.component) if one is not None)
        return f"{name}: {size(logical)} of files in all releases, {size(stored)} stored, {size(unique)} of them needed by no other"
    if report.chosen is not None:
        number = next(number for number, one in enumerate(report.needs.recorded) if one == report.chosen)
        found = report.needs.of_releases[number]
        return (
            f"r{report.chosen.number} of {report.chosen.pipeline}: {size(found.logical)} of files, {size(found.stored)} stored,"
            f" {size(found.unique)} of them needed by no other release"
        )
    total = report.folder.total
    return f"{size(total)} in all, {money(report.prices.month(total), report.prices)} a month"


def _folder(report: Report) -> Sheet:
    total = report.folder.total
    rows = [
        [
            name,
            f"{number:,}",
            f"{100 * number / total:.1f}%" if total else "",
            money(report.prices.month(number), report.prices),
            SORTS[name],
        ]
        for name, number in report.folder.sorts().items()
        if number or name in _USUALLY_THERE
    ]
    rows.append(["all", f"{total:,}", "100.0%", money(report.prices.month(total), report.prices), "every file of the registry's folder"])
    return Sheet("folder", "Where every byte is", ["", "bytes", "share", "a month", "what it is"], rows)


def _savings(report: Report) -> Sheet:
    total = report.needs.total
    rows = [
        ["files, each time a release has them", size(total.logical), "", money(report.prices.month(total.logical), report.prices)],
        ["chunks, each once", size(total.deduplicated), factor(total.logical, total.deduplicated), _month(total.deduplicated, report)],
        ["stored", size(total.stored), factor(total.deduplicated, total.stored), _month(total.stored, report)],
    ]
    rows += [
        [f"  of which {one.encoding}: {size(one.raw)} decoded", size(one.stored), factor(one.raw, one.stored), _month(one.stored, report)]
        for one in report.encodings
    ]
    return Sheet(
        "savings", "What dedup and deltas save", ["", "bytes", "factor", "a month"], rows, "delta and patch: against another chunk"
    )


def _month(number: int, report: Report) -> str:
    return money(report.prices.month(number), report.prices)


_TAKEN = ["files", "deduplicated", "stored", "unique", "shared", "brought", "a month"]


def _taken(found: Bytes, report: Report) -> list[str]:
    numbers = (found.logical, found.deduplicated, found.stored, found.unique, found.shared, found.brought)
    return [*map(size, numbers), _month(found.brought, report)]


def _pipelines(report: Report) -> Sheet:
    rows = [[name, *_taken(found, report)] for name, found in report.needs.of_pipelines.items()]
    return Sheet("pipelines", "Pipelines", ["pipeline", *_TAKEN], rows, _MEANING)


def _components(report: Report, scope: Scope) -> Sheet:
    rows = [
        [pipeline, component or _OWN, *_taken(found, report)]
        for (pipeline, component), found in sorted(report.needs.of_components.items(), key=lambda one: (one[0][0], -one[1].brought))
        if scope.has(pipeline, component)
    ]
    return Sheet("components", "Components", ["pipeline", "component", *_TAKEN], rows, _MEANING)


_MEANING = "unique: needed by no other; brought: needed by none before, so that it adds up; a month: the price of what was brought"


def _releases(report: Report, scope: Scope, newest: int) -> Sheet:
    recorded = report.needs.recorded
    shown = [number for number, one in enumerate(recorded) if scope.has(one.pipeline, scope.component)]
    note = f"the newest {newest} of {len(shown):,}; --json has all" if len(shown) > newest else ""
    if scope.component is None:
        rows = [[*_named(report, number), *_taken(report.needs.of_releases[number], report)] for number in shown[-newest:][::-1]]
        return Sheet("releases", "Releases", ["release", "on", *_TAKEN], rows, note or _MEANING)
    parts = of_component(report, scope.component)
    rows = [
        [*_named(report, number), size(unique), size(brought), _month(brought, report)]
        for number in shown[-newest:][::-1]
        for unique, brought in [parts.get(number, (0, 0))]
    ]
    return Sheet("releases", f"{scope.component} in releases", ["release", "on", "unique", "brought", "a month"], rows, note)


def of_component(report: Report, component: ComponentName) -> dict[int, tuple[int, int]]:
    """Return, by the place of a release in history, what only it needs of a component, and what it brought of it."""
    found: dict[int, tuple[int, int]] = {}
    for one in report.needs.cells:
        if one.place is not None and one.place[0] == component:
            unique, brought = found.get(one.release, (0, 0))
            found[one.release] = (unique + one.unique, brought + one.brought)
    return found


def _named(report: Report, number: int) -> list[str]:
    one = report.needs.recorded[number]
    name = f"r{one.number}" if len(report.needs.of_pipelines) == 1 else f"{one.pipeline} r{one.number}"
    return [name, one.recorded_at.astimezone(UTC).strftime("%Y-%m-%d")]


def _months(report: Report) -> Sheet:
    rows = [[one.name, f"{one.releases:,}", size(one.brought), size(one.kept), _month(one.kept, report)] for one in report.months[-MONTHS:]]
    note = "of what is needed now, by the month of the release that brought it (UTC)"
    return Sheet("months", "What each month brought", ["month", "releases", "brought", "kept until then", "a month"], rows, note)


def forecast_sheet(points: Sequence[Point], prices: Prices, *, every: int = 3) -> Sheet:
    """Return the table of a forecast; the last row is the price of all twelve months."""
    rows = [
        [
            f"in {count(one.month, 'month')}" if one.month else "now",
            f"{one.at.astimezone(UTC):%Y-%m-%d}",
            size(one.without),
            money(prices.month(one.without), prices),
            size(one.with_policy),
            money(prices.month(one.with_policy), prices),
        ]
        for one in points
        if one.month % every == 0
    ]
    without, with_policy = (sum((prices.month(one) for one in several), Decimal(0)) for several in _yearly(points))
    rows.append([f"all {MONTHS} months", "", "", money(without, prices), "", money(with_policy, prices)])
    headers = ["", "on", "no policy", "a month", "policy", "a month"]
    note = "releases go on as in the last half year; what else is in the folder is not in it"
    return Sheet("forecast", "The next 12 months", headers, rows, note)


def _yearly(points: Sequence[Point]) -> tuple[list[int], list[int]]:
    return [one.without for one in points if one.month], [one.with_policy for one in points if one.month]


def saved_in_a_year(points: Sequence[Point], prices: Prices) -> Decimal:
    """Return what a policy saves over the twelve months."""
    without, with_policy = _yearly(points)
    return sum((prices.month(one) for one in without), Decimal(0)) - sum((prices.month(one) for one in with_policy), Decimal(0))


def _chosen(report: Report) -> Sheet:
    rows = [[component or _OWN, *_taken(found, report)] for component, found in report.needs.of_chosen.items()]
    note = "unique: needed by no other release; brought: needed by none before"
    return Sheet("components", "Components of the release", ["component", *_TAKEN], rows, note)


def restore_sheet(restore: Restore, prices: Prices) -> Sheet:
    """Return the table of what a restore costs."""

    def priced(amount: Decimal | None) -> str:
        return "not known; say it in [prices]" if amount is None else money(amount, prices)

    rows = [
        ["requests", f"{restore.requests:,}", priced(restore.for_requests)],
        ["retrieval", size(restore.fetched), priced(restore.for_retrieval)],
        ["egress", size(restore.fetched), priced(restore.for_egress)],
        ["all", "", money(restore.total, prices) + (f" without {' and '.join(restore.unpriced)}" if restore.unpriced else "")],
    ]
    note = f"once, to the internet, at the prices of {prices.title}; a frame is fetched whole, frames side by side at once"
    return Sheet("restore", "What a restore costs", ["", "how much", "price"], rows, note)
