"""`lastgood incident`: what went wrong, when, and what it cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from lastgood.cli.incident_import import import_command
from lastgood.cli.incident_words import incident_json, incident_lines, incident_row
from lastgood.cli.session import Session, in_session
from lastgood.model.changes.incidents import IncidentKind
from lastgood.model.incident import Incident, parse_cost, parse_minutes
from lastgood.registry.incident_protocol import CLEARABLE, Telling

Command = TypeVar("Command", bound=Callable[..., Any])
_KINDS = click.Choice([kind.value for kind in IncidentKind])
_OPTIONS = (
    click.option("--kind", type=_KINDS, help="What kind of thing it is. [default: incident]"),
    click.option("--env", "environment", metavar="E", help="Where it was."),
    click.option("--started", metavar="T", help="When it began."),
    click.option("--detected", metavar="T", help="When somebody noticed. [default: now]"),
    click.option("--mitigated", metavar="T", help="When it was over for those whom it hurt."),
    click.option("--closed", metavar="T", help="When the work on it ended."),
    click.option("--release", metavar="REV", help="The release that is suspected."),
    click.option("--hours", metavar="H", help="How long people worked on it, all together: 2.5, 3h, 90m."),
    click.option("--cost", metavar="AMOUNT", help='What it cost: "1200 EUR".'),
    click.option("--preventable/--not-preventable", default=None, help="Whether it could have been prevented."),
    click.option("--impact", metavar="TEXT", help="What customers had of it."),
)


@click.group("incident")
def command() -> None:
    """Record what went wrong: incidents, near-misses, and what could not be made again.

    Each has a number, I1 and so on. T is when something was: now, 3h (ago), 2026-11-02, 2026-11-02T14:05Z; without a zone
    the local one. What you say of an incident holds until you say something else.
    """


def _said_options(function: Command) -> Command:
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def _telling(title: str | None, said: dict[str, Any]) -> Telling:
    hours, cost, kind = said.pop("hours"), said.pop("cost"), said.pop("kind")
    return Telling(
        title=title,
        kind=None if kind is None else IncidentKind(kind),
        minutes=None if hours is None else parse_minutes(hours),
        cost=None if cost is None else parse_cost(cost),
        **said,
    )


@command.command("open")
@click.argument("title", metavar="TITLE")
@_said_options
@in_session
def open_command(session: Session, title: str, **said: Any) -> None:  # noqa: ANN401 - click's options
    """Open an incident: TITLE says in a line what it is.

    An environment whose policy has the gate { no_open_incident = true } takes no release until it is closed.
    """
    with session.registry() as registry:
        done = registry.incidents.open(_telling(title, said))
    _say(session, done, f"{done.name} opened", whole=False)


@command.command("update")
@click.argument("name", metavar="N")
@click.option("--title", metavar="TEXT", help="What it is, in a line.")
@click.option("--clear", metavar="FIELD", multiple=True, type=click.Choice(CLEARABLE), help="Unsay something; closed opens it again.")
@_said_options
@in_session
def update_command(session: Session, name: str, title: str | None, clear: tuple[str, ...], **said: Any) -> None:  # noqa: ANN401 - as above
    """Say more of an incident, or something else."""
    with session.registry() as registry:
        done = registry.incidents.update(name, _telling(title, said), clear)
    _say(session, done, f"{done.name} updated")


@command.command("close")
@click.argument("name", metavar="N")
@_said_options
@in_session
def close_command(session: Session, name: str, **said: Any) -> None:  # noqa: ANN401 - as above
    """End the work on an incident: now, or at --closed T; what else is said is recorded with it."""
    with session.registry() as registry:
        done = registry.incidents.close(name, _telling(None, said))
    _say(session, done, f"{done.name} closed")


@command.command("link")
@click.argument("name", metavar="N")
@click.argument("revision", metavar="[REV]", required=False)
@click.option("--env", "environment", metavar="E", help="A move of this environment; with --revision.")
@click.option("--revision", "move", metavar="REVISION", type=click.IntRange(min=1), help="Which move: the number in `log --env`.")
@click.option("--note", metavar="TEXT", help="An address, or anything that somebody wrote.")
@in_session
def link_command(session: Session, name: str, revision: str | None, environment: str | None, move: int | None, note: str | None) -> None:
    """Say what belongs to an incident: a release, a move of an environment, or a note.

    A rollback that is linked says when the incident was mitigated, if nobody said so. `rollback --incident N` links itself.
    """
    if (environment is None) != (move is None):
        raise click.UsageError("--env and --revision go together")
    with session.registry() as registry:
        moved = None if environment is None or move is None else (environment, move)
        done = registry.incidents.link(name, revision=revision, move=moved, note=note)
    _say(session, done, f"{done.name}: linked")


@command.command("show")
@click.argument("name", metavar="N")
@in_session
def show_command(session: Session, name: str) -> None:
    """Show an incident: its times, what it cost, and what belongs to it."""
    with session.registry() as registry:
        found = registry.incidents.get(name)
    _say(session, found, str(found.name))


@command.command("list")
@click.option("--open", "only_open", is_flag=True, help="Only those that are open.")
@click.option("--env", "environment", metavar="E", help="Only those of this environment.")
@click.option("--since", metavar="T", help="Only those that were noticed since then, such as 90d.")
@click.option("--pipeline", metavar="P", help="Whose, where the registry has several.")
@in_session
def list_command(session: Session, only_open: bool, environment: str | None, since: str | None, pipeline: str | None) -> None:
    """List incidents, newest first: how long they went unnoticed, and how long it took to go back."""
    with session.registry() as registry:
        found = registry.incidents.list(pipeline, environment=environment, since=since, only_open=only_open)
    if not found:
        session.output.data("no incident is open" if only_open else "no incident is recorded")
    else:
        headers = ("", "kind", "state", "where", "detected", "unnoticed", "to rollback", "release", "what")
        session.output.table(headers, [incident_row(one) for one in found])
    session.output.answer("incidents", {"incidents": [incident_json(one) for one in found]})


command.add_command(import_command)


def _say(session: Session, one: Incident, head: str, *, whole: bool = True) -> None:
    lines = incident_lines(one)
    session.output.data(f"{head}: {lines[0]}")
    for line in lines[1:] if whole else ():
        session.output.data(f"  {line}")
    session.output.answer("incident", incident_json(one))
