"""`lastgood cost`: what a registry takes and costs, to the byte, and what it will."""

from __future__ import annotations

from pathlib import Path

import click

from lastgood.cli.session import Session, in_session
from lastgood.clock import format_instant
from lastgood.errors import Invalid
from lastgood.ids import ComponentName, PipelineName
from lastgood.model.forecast import Point
from lastgood.model.prices import Prices, Restore, cents
from lastgood.model.usage import Bytes
from lastgood.registry.cost import Report
from lastgood.registry.cost_words import Scope, Sheet, headline, of_component, require_scope, said_of_prices, sheets


@click.command("cost")
@click.argument("revision", metavar="[REV]", required=False)
@click.option("--component", metavar="C", help="Only this component, with what each release brought of it.")
@click.option("--pipeline", metavar="P", help="Only this pipeline.")
@click.option("--class", "storage", metavar="NAME", help="Reckon with the prices of a class such as s3-standard.")
@click.option("--html", "page", metavar="FILE", type=click.Path(path_type=Path), help="Write it as a page, with charts.")
@in_session
def command(
    session: Session, revision: str | None, component: str | None, pipeline: str | None, storage: str | None, page: Path | None
) -> None:
    """Say what the registry takes and costs a month: where every byte is, what dedup and deltas save, and the next 12 months.

    With REV: what that release takes, what would be free without it, and what it costs to restore it. Prices are those of
    [prices] in lastgood.toml; without them, list prices of an object store, said with their source.
    """
    scope = Scope(None if pipeline is None else PipelineName.parse(pipeline), None if component is None else ComponentName.parse(component))
    if revision is not None and scope != Scope():
        raise Invalid("say a release, or a component or a pipeline; not both")
    with session.registry() as registry:
        report = registry.costs.report(revision, storage=storage)
    require_scope(report, scope)
    session.output.data(headline(report, scope))
    for sheet in sheets(report, scope):
        draw(session, sheet)
    session.output.data("")
    session.output.data(f"prices: {said_of_prices(report.prices, is_assumed=report.is_assumed)}")
    for note in report.notes:
        session.output.note(note)
    if page is not None:
        _write(session, report, scope, page)
    session.output.answer("cost", _json(report, scope))


def draw(session: Session, sheet: Sheet) -> None:
    """Draw a table with its title."""
    session.output.data("")
    session.output.data(sheet.title + (f" ({sheet.note})" if sheet.note else ""))
    session.output.table(sheet.headers, sheet.rows)


def points_json(points: list[Point], prices: Prices) -> list[dict[str, object]]:
    """Return a forecast for programs."""
    return [
        {
            "month": one.month,
            "at": format_instant(one.at),
            "bytes_without_policy": one.without,
            "bytes_with_policy": one.with_policy,
            "per_month_without_policy": str(cents(prices.month(one.without))),
            "per_month_with_policy": str(cents(prices.month(one.with_policy))),
        }
        for one in points
    ]


def prices_json(prices: Prices) -> dict[str, object]:
    """Return prices for programs; amounts are texts, so that they stay decimal."""
    amounts = {
        "per_gb_month": prices.per_gb_month,
        "per_1000_gets": prices.per_1000_gets,
        "per_gb_retrieved": prices.per_gb_retrieved,
        "per_gb_egress": prices.per_gb_egress,
    }
    written = {name: None if amount is None else f"{amount:f}" for name, amount in amounts.items()}
    return {"class": prices.name, "currency": prices.currency, **written, "source": prices.source, "read_on": prices.read_on or None}


def _write(session: Session, report: Report, scope: Scope, page: Path) -> None:
    from lastgood.pages.cost import cost_page  # noqa: PLC0415 - seldom asked for
    from lastgood.pages.page import write_page  # noqa: PLC0415

    write_page(session.folder / page, cost_page(report, scope))
    session.output.note(f"{page} has it as a page")


def _json(report: Report, scope: Scope) -> dict[str, object]:
    total = report.folder.total
    needs = report.needs
    return {
        "made_at": format_instant(report.made_at),
        "prices": {**prices_json(report.prices), "is_assumed": report.is_assumed},
        "bytes": total,
        "per_month": str(cents(report.prices.month(total))),
        "folder": report.folder.sorts(),
        "total": _bytes_json(needs.total),
        "encodings": [{"encoding": one.encoding, "bytes_raw": one.raw, "bytes_stored": one.stored} for one in report.encodings],
        "pipelines": [
            {"pipeline": name, **_bytes_json(one)} for name, one in needs.of_pipelines.items() if scope.has(name, scope.component)
        ],
        "components": [
            {"pipeline": pipeline, "component": component, **_bytes_json(one)}
            for (pipeline, component), one in needs.of_components.items()
            if scope.has(pipeline, component)
        ],
        "releases": _releases_json(report, scope),
        "months": [
            {"month": one.name, "releases": one.releases, "bytes_brought": one.brought, "bytes_kept": one.kept} for one in report.months
        ],
        "forecast": points_json(list(report.forecast), report.prices),
        "release": _chosen_json(report),
        "notes": report.notes,
    }


def _bytes_json(found: Bytes) -> dict[str, object]:
    return {
        "bytes_logical": found.logical,
        "bytes_deduplicated": found.deduplicated,
        "bytes_stored": found.stored,
        "bytes_unique": found.unique,
        "bytes_shared": found.shared,
        "bytes_brought": found.brought,
    }


def _releases_json(report: Report, scope: Scope) -> list[dict[str, object]]:
    parts = None if scope.component is None else of_component(report, scope.component)
    found: list[dict[str, object]] = []
    for number, one in enumerate(report.needs.recorded):
        if scope.has(one.pipeline, scope.component):
            named = {
                "release": str(one.release),
                "pipeline": one.pipeline,
                "number": one.number,
                "recorded_at": format_instant(one.recorded_at),
            }
            if parts is None:
                found.append({**named, **_bytes_json(report.needs.of_releases[number])})
            else:
                unique, brought = parts.get(number, (0, 0))
                found.append({**named, "bytes_unique": unique, "bytes_brought": brought})
    return found


def _chosen_json(report: Report) -> dict[str, object] | None:
    if report.chosen is None or report.restore is None:
        return None
    components = [{"component": component, **_bytes_json(one)} for component, one in report.needs.of_chosen.items()]
    return {
        "release": str(report.chosen.release),
        "number": report.chosen.number,
        "components": components,
        "restore": _restore_json(report.restore),
    }


def _restore_json(restore: Restore) -> dict[str, object]:
    amounts = {"for_requests": restore.for_requests, "for_retrieval": restore.for_retrieval, "for_egress": restore.for_egress}
    written = {name: None if amount is None else str(cents(amount)) for name, amount in amounts.items()}
    return {
        "requests": restore.requests,
        "bytes_fetched": restore.fetched,
        **written,
        "total": str(cents(restore.total)),
        "unpriced": restore.unpriced,
    }
