"""`lastgood incident import`: incidents of another system, from a CSV file or a Slack export."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lastgood.api import OpenRegistry
from lastgood.cli.output import Output, first_line, time_text
from lastgood.cli.session import Session, in_session
from lastgood.clock import format_instant
from lastgood.compare.wording import count
from lastgood.errors import Invalid, LastgoodError, NotFound
from lastgood.model.incident import Cost
from lastgood.registry.incident_protocol import BroughtIn, BroughtIncident, BroughtMove, Telling

if TYPE_CHECKING:
    from lastgood.importers.proposing import Proposal

_SHOWN = ("kind", "environment", "started", "detected", "mitigated", "closed", "release", "minutes", "cost", "preventable", "impact")
_LABELS = {"minutes": "hours"}
_WIDTH = 12
_TIMES = ("started", "detected", "mitigated", "closed")


@click.command("import")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--apply", "is_applied", is_flag=True, help="Record it. Without this it is only shown.")
@click.option("--accept", metavar="1,3,5", help="Of a Slack export: which of the proposals are right. [default: asked one by one]")
@click.option(
    "--confidence", metavar="C", type=click.FloatRange(0, 1), help="Of a Slack export: how sure a proposal has to be. [default: 0.64]"
)
@click.option("--skip-bad", is_flag=True, help="Of a CSV file: record the rows that are right in spite of others that are not.")
@click.option("--pipeline", metavar="P", help="Whose incidents they are, where the registry has several pipelines.")
@in_session
def import_command(
    session: Session,
    file: Path,
    is_applied: bool,
    accept: str | None,
    confidence: float | None,
    skip_bad: bool,
    pipeline: str | None,
) -> None:
    """Bring in incidents of the past: from a CSV file, or from the zip of a Slack export.

    A CSV file has a row an incident; its first row names the columns: title, detected, and any of kind, environment, started,
    mitigated, closed, release, engineer_hours, cost, currency, preventable, impact and id. From a Slack export incidents,
    deploys and rollbacks are proposed, with the lines that tell of them; you say which are right, with --accept or one by
    one. Nothing is recorded without --apply, and nothing twice.
    """
    path = session.folder / file
    if not path.is_file():
        raise NotFound(f"there is no file {file}; nothing was recorded")
    with session.registry() as registry:
        if file.suffix.lower() == ".zip":
            if skip_bad:
                raise Invalid("--skip-bad is for CSV files")
            _import_slack(session, registry, path, is_applied=is_applied, accept=accept, least=confidence, pipeline=pipeline)
        else:
            if accept is not None or confidence is not None:
                raise Invalid("--accept and --confidence are for Slack exports, which are zips")
            _import_csv(session, registry, file, is_applied=is_applied, skip_bad=skip_bad, pipeline=pipeline)


def _import_csv(session: Session, registry: OpenRegistry, file: Path, *, is_applied: bool, skip_bad: bool, pipeline: str | None) -> None:
    from lastgood.importers.csv_incidents import read_incidents  # noqa: PLC0415

    table = read_incidents(session.read_small(file), file.name)
    output = session.output
    planned = registry.incidents.plan_in([row.brought for row in table.rows], pipeline=pipeline)
    refused = dict(planned.refused)
    problems = sorted([(one.line, one.why) for one in table.problems] + [(table.rows[place].line, why) for place, why in planned.refused])
    rows = [row.brought for place, row in enumerate(table.rows) if place not in refused]
    for line, why in problems:
        output.warn(f"{file.name}:{line}: {why}")
    if table.ignored:
        output.note(f"columns that mean nothing here: {', '.join(table.ignored)}")
    if is_applied and problems and not skip_bad:
        raise Invalid(
            f"{count(len(problems), 'row')} of {file.name} cannot be recorded; nothing was",
            hint="correct them, or record the others with --skip-bad",
            details={"rows": [{"line": line, "why": why} for line, why in problems]},
        )
    done = registry.incidents.bring_in(rows, pipeline=pipeline) if is_applied else planned
    if not is_applied:
        for one in rows:
            output.data(_one_line(one.telling))
    _say(output, done, is_applied=is_applied)
    output.answer(
        "incident-import",
        {
            **_done_json(done, is_applied=is_applied),
            "proposals": [_telling_json(one.telling) for one in rows],
            "problems": [{"line": line, "why": why} for line, why in problems],
        },
    )


def _one_line(telling: Telling) -> str:
    return f"{(telling.kind or 'incident')!s:<13}  {telling.detected}  {telling.environment or '':<8} {first_line(telling.title)}"


def _import_slack(
    session: Session,
    registry: OpenRegistry,
    path: Path,
    *,
    is_applied: bool,
    accept: str | None,
    least: float | None,
    pipeline: str | None,
) -> None:
    from lastgood.importers.archive import open_archive  # noqa: PLC0415
    from lastgood.importers.proposing import CONFIDENT, propose  # noqa: PLC0415
    from lastgood.importers.slack import read_export  # noqa: PLC0415

    output = session.output
    names = [str(one.name) for one in registry.environments.list(pipeline)] if registry.pipelines() else []
    with output.progress("reading") as bar, open_archive(path) as archive:
        export = read_export(archive, lambda files, _: bar.add(files, 0))
    proposals = propose(export.threads, names, CONFIDENT if least is None else least)
    output.note(f"{count(export.messages, 'message')} in {count(export.channels, 'channel')}: {count(len(proposals), 'proposal')}")
    for number, one in enumerate(proposals, 1):
        _show(output, number, one)
    chosen = _chosen(session, proposals, accept) if is_applied else proposals
    incidents, moves = _to_bring(output, registry, chosen, names)
    bring = registry.incidents.bring_in if is_applied else registry.incidents.plan_in
    done = bring(incidents, moves, pipeline)
    for place, why in done.refused:
        output.warn(f"{first_line(incidents[place].telling.title)}: {why}")
    _say(output, done, is_applied=is_applied)
    shown = [_proposal_json(number, one) for number, one in enumerate(proposals, 1)]
    output.answer("incident-import", {**_done_json(done, is_applied=is_applied), "proposals": shown, "problems": []})


def _chosen(session: Session, proposals: Sequence[Proposal], accept: str | None) -> list[Proposal]:
    if accept is not None:
        return [proposals[number - 1] for number in _numbers(accept, len(proposals))]
    if session.output.json or not sys.stdin.isatty():
        raise Invalid(
            "a person says which proposals are right; nothing was recorded", hint="lastgood incident import FILE --apply --accept 1,3"
        )
    return [one for number, one in enumerate(proposals, 1) if click.confirm(f"record {number} ({one.what})?", default=False, err=True)]


def _numbers(accept: str, most: int) -> list[int]:
    numbers: list[int] = []
    for part in accept.split(","):
        if not part.strip().isdecimal() or not 1 <= int(part) <= most:
            raise Invalid(f"--accept names {part.strip()[:20]!r}, and there are proposals from 1 to {most}; nothing was recorded")
        numbers.append(int(part))
    return sorted(set(numbers))


def _to_bring(
    output: Output, registry: OpenRegistry, chosen: Sequence[Proposal], environments: Sequence[str]
) -> tuple[list[BroughtIncident], list[BroughtMove]]:
    from lastgood.importers.proposing import What, move_kind  # noqa: PLC0415

    incidents: list[BroughtIncident] = []
    moves: list[BroughtMove] = []
    for one in chosen:
        notes = tuple(line.quote for line in one.lines)
        known = one.telling.environment if one.telling.environment in environments else None
        if known is None and one.telling.environment is not None:
            output.note(
                f"there is no environment {one.telling.environment} here, so where it was stays open: {first_line(one.telling.title)}"
            )
        if one.what is What.INCIDENT:
            release = _known_release(registry, one.telling.release)
            incidents.append(BroughtIncident(replace(one.telling, environment=known, release=release), one.source, notes))
        else:
            at = one.telling.detected
            assert at is not None  # noqa: S101  # each proposal has a time
            assert not isinstance(at, str)  # noqa: S101  # that of a line
            moves.append(BroughtMove(move_kind(one.what), known, at, "\n".join(notes), one.source, one.answers))
    return incidents, moves


def _known_release(registry: OpenRegistry, revision: str | None) -> str | None:
    if revision is None:
        return None
    try:
        return str(registry.releases.find(revision).release.release)
    except LastgoodError:
        return None


def _show(output: Output, number: int, one: Proposal) -> None:
    lines = one.lines
    output.data(f"{number:>3}  {one.what}, confidence {one.confidence:.2f}: {first_line(one.telling.title)}")
    for name in _SHOWN:
        if name in one.cites:
            cited = "".join(f" [{lines.index(line) + 1}]" for line in one.cites[name])
            label = "when" if name == "detected" and one.what != "incident" else _LABELS.get(name, name)
            output.data(f"     {label:<{_WIDTH}}{_value(name, getattr(one.telling, name))}{cited}")
    for place, line in enumerate(lines, 1):
        output.data(f"     [{place}] {first_line(line.quote)}")


def _value(name: str, value: object) -> str:
    if name == "minutes" and isinstance(value, int):
        return f"{value / 60:g}"
    if name == "preventable":
        return "yes" if value else "no"
    return time_text(value) if name in _TIMES else str(value)  # type: ignore[arg-type]  # times of lines are instants


def _say(output: Output, done: BroughtIn, *, is_applied: bool) -> None:
    would = "" if is_applied else "would be "
    parts = [f"{count(len(done.opened), 'incident')} {would}opened"]
    parts += [f"{count(done.moves, 'move')} of the past {would}recorded"] if done.moves else []
    already = len(done.known) + done.moves_known
    parts += [f"{already} recorded before"] if already else []
    parts += (
        [f"{count(done.moves_superseded, 'move')} left out, since the registry has its own record of that time"]
        if done.moves_superseded
        else []
    )
    output.data("; ".join(parts) + ("" if is_applied else "; --apply records"))


def _done_json(done: BroughtIn, *, is_applied: bool) -> dict[str, object]:
    return {
        "applied": is_applied,
        "opened": list(done.opened),
        "known": list(done.known),
        "moves": done.moves,
        "moves_known": done.moves_known,
        "moves_superseded": done.moves_superseded,
    }


def _proposal_json(number: int, one: Proposal) -> dict[str, object]:
    lines = one.lines
    cites: Mapping[str, list[int]] = {name: [lines.index(line) for line in cited] for name, cited in one.cites.items()}
    quoted = [{"channel": line.channel, "speaker": line.speaker.name, "at": format_instant(line.at), "text": line.text} for line in lines]
    return {
        "number": number,
        "what": one.what.value,
        "confidence": one.confidence,
        **_telling_json(one.telling),
        "cites": cites,
        "lines": quoted,
    }


def _telling_json(telling: Telling) -> dict[str, object]:
    written: dict[str, object] = {"title": telling.title}
    for name in _SHOWN:
        value = getattr(telling, name)
        if name in _TIMES:
            value = None if value is None or isinstance(value, str) else format_instant(value)
        written[name] = {"amount": value.hundredths / 100, "currency": value.currency} if isinstance(value, Cost) else value
    hours = written.pop("minutes")
    return {**written, "engineer_hours": hours / 60 if isinstance(hours, int) else None}
